import Foundation
import Testing

/// What a run of the built `ebb` gave.
struct Outcome {
  let status: Int32
  let output: String
  let errors: String

  /// Standard output as one JSON object.
  func json() throws -> [String: Any] {
    try #require(
      try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any],
      "standard output is no JSON object: \(output)\nstandard error: \(errors)")
  }
}

/// The built command, beside the test bundle.
enum Command {
  static let path: String = {
    let arguments = CommandLine.arguments
    var places = [Bundle.main.bundlePath, arguments[0]]
    if let flag = arguments.firstIndex(of: "--test-bundle-path"), flag + 1 < arguments.count {
      places.append(arguments[flag + 1])
    }
    places += arguments.filter { $0.contains(".xctest") }
    for place in places {
      // The bundle may be a file beside the command, or a directory with the tests inside.
      var directory = URL(fileURLWithPath: place)
      for _ in 0..<4 {
        let candidate = directory.appendingPathComponent("ebb").path
        var isDirectory: ObjCBool = false
        if FileManager.default.fileExists(atPath: candidate, isDirectory: &isDirectory),
          !isDirectory.boolValue
        {
          return candidate
        }
        directory = directory.deletingLastPathComponent()
      }
    }
    return "ebb is not built: run swift build -c release"
  }()

  static let examples = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Examples").path

  /// The path of an example file.
  static func example(_ name: String) -> String { "\(examples)/\(name).csv" }
}

/// A directory of its own for a test, removed at its end.
final class Workplace {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "/ebb-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Runs the command here to its end.
  func ebb(
    _ arguments: String..., environment: [String: String] = [:], input: String = ""
  ) throws -> Outcome {
    try run(arguments, environment: environment, input: input)
  }

  func run(
    _ arguments: [String], environment: [String: String] = [:], input: String = ""
  ) throws -> Outcome {
    let running = try start(arguments, environment: environment, input: input)
    return try running.finish()
  }

  /// Runs the command here to its end, with a file or a device as its standard input.
  func run(_ arguments: [String], inputPath: String) throws -> Outcome {
    try Running(arguments, in: self, environment: [:], input: "", inputPath: inputPath).finish()
  }

  /// Starts the command here.
  func start(
    _ arguments: [String], environment: [String: String] = [:], input: String = ""
  ) throws -> Running {
    try Running(arguments, in: self, environment: environment, input: input)
  }

  func write(_ text: String, to name: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
  }

  func bytes(_ name: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)"))
  }

  func text(_ name: String) throws -> String { String(decoding: try bytes(name), as: UTF8.self) }

  func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: "\(path)/\(name)") }

  /// The names of all files here.
  var files: [String] {
    (FileManager.default.subpaths(atPath: path) ?? []).sorted()
  }

  /// The lines of a run's events.
  func events(_ run: String) throws -> [[String: Any]] {
    try text("\(run)/events.jsonl").split(separator: "\n").map { line in
      try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
  }
}

/// The command while it runs. Its output goes to files, which never fill up as pipes do.
final class Running {
  let process = Process()
  private let outputPath: String
  private let errorPath: String

  init(
    _ arguments: [String], in workplace: Workplace, environment: [String: String], input: String,
    inputPath given: String? = nil
  ) throws {
    // Beside the workplace, so that tests can look at all files in it.
    let base = workplace.path + "-" + UUID().uuidString
    (outputPath, errorPath) = (base + ".out", base + ".err")
    let inputPath = base + ".in"
    try Data(input.utf8).write(to: URL(fileURLWithPath: inputPath))
    for path in [outputPath, errorPath] {
      try Data().write(to: URL(fileURLWithPath: path))
    }
    process.executableURL = URL(fileURLWithPath: Command.path)
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: workplace.path)
    var variables = ProcessInfo.processInfo.environment
    variables.merge(environment) { $1 }
    process.environment = variables
    process.standardInput = FileHandle(forReadingAtPath: given ?? inputPath)
    process.standardOutput = FileHandle(forWritingAtPath: outputPath)
    process.standardError = FileHandle(forWritingAtPath: errorPath)
    try process.run()
    try FileManager.default.removeItem(atPath: inputPath)
  }

  deinit {
    for path in [outputPath, errorPath] { try? FileManager.default.removeItem(atPath: path) }
  }

  /// Waits for the end.
  func finish() throws -> Outcome {
    process.waitUntilExit()
    func text(_ path: String) throws -> String {
      String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
    }
    return Outcome(
      status: process.terminationStatus, output: try text(outputPath), errors: try text(errorPath))
  }

  /// Waits until something holds, at most a minute.
  func wait(until condition: () -> Bool) throws {
    for _ in 0..<12_000 where process.isRunning {
      if condition() { return }
      Thread.sleep(forTimeInterval: 0.005)
    }
    try #require(condition(), "the command ended, or a minute passed, before what was waited for")
  }
}
