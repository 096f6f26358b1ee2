import ArgumentParser
import Ebb
import EbbSystem

/// Options that take one value and are given twice: the parser would take the last and say nothing.
enum RepeatedOptions {
  /// Throws if there is one.
  ///
  /// - Parameter arguments: what was parsed as `command` without an error. So whatever begins with two
  ///   dashes before a lone `--` is an option or a flag, and never a value.
  static func check(_ arguments: [String], of command: any ParsableCommand.Type) throws {
    var counts: [String: Int] = [:]
    for argument in arguments.prefix(while: { $0 != "--" }) where argument.hasPrefix("--") {
      counts[String(argument.prefix { $0 != "=" }), default: 0] += 1
    }
    let repeated = counts.filter { $0.value > 1 }
    guard !repeated.isEmpty else { return }
    for name in try namesForOneValue(of: command) {
      guard let count = repeated["--\(name)"] else { continue }
      let times = count == 2 ? "twice" : "\(count) times"
      throw CommandFailure.usage(
        "--\(name) is given \(times), and takes one value; leave one of them")
    }
  }

  /// The long names of the options that take one value, in the order of the help text.
  private static func namesForOneValue(of command: any ParsableCommand.Type) throws -> [String] {
    let help = JSONField(try JSONReader.read(command._dumpHelp()))
    return try help.member("command").member("arguments").elements().flatMap { argument in
      guard try argument.member("kind").string() == "option",
        try argument.member("isRepeating").value != true
      else { return [String]() }
      return try argument.member("names").elements().map { try $0.member("name").string() }
    }
  }
}
