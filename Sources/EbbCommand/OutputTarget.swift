import Ebb
import EbbRuns
import EbbSystem

/// A file that a command is asked to write.
struct OutputTarget {
  /// `-` is standard output.
  let path: String
  /// Whether another file may be replaced.
  let force: Bool
  /// The flag that names it.
  var flag = "--output"

  /// Refuses to write over what is read and over the files of any run, whether or not `--force` is
  /// given, and over other files without it.
  ///
  /// - Parameters:
  ///   - inputs: the files that are read, and what they are called.
  ///   - isReport: whether a run's page is written, which may stand in its place.
  func check(inputs: [(name: String, path: String?)], isReport: Bool = false) throws {
    guard path != "-" else { return }
    if let target = FileIdentity(ofRegularFile: path) {
      for (name, input) in inputs {
        guard let input, FileIdentity(ofRegularFile: input) == target else { continue }
        throw refused("the file of \(name) itself")
      }
      if let run = RunDirectory.owner(of: path),
        !isReport || FileIdentity(ofRegularFile: run.report) != target
      {
        throw refused("a file of the run \(MessageText.quoted(run.path)) itself")
      }
    }
    if try !force && Files.kind(of: path) == .regular {
      throw CommandFailure.failed("\(path): the file exists already; replace it with --force")
    }
  }

  private func refused(_ what: String) -> CommandFailure {
    .failed(
      "\(path): this is \(what), which --force does not replace either; choose another name for"
        + " \(flag)")
  }
}

extension RunSettings {
  /// The files that a run was made from, where they may be found.
  var dataInputs: [(name: String, path: String?)] {
    [data, validation, test].compactMap(\.self).flatMap {
      [("the data", $0.path), ("the data", $0.absolutePath)]
    }
  }
}
