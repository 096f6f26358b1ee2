internal import EbbSystem
internal import EbbTraining

/// The files of one training run.
///
/// | file | what it holds |
/// |---|---|
/// | `config.json` | every setting, defaults included |
/// | `split.csv` | which row of the data file went to which part |
/// | `events.jsonl` | one line for each epoch |
/// | `model.ebb` | the best model so far |
/// | `checkpoint.ebb` | all that is needed to go on; there from the beginning |
/// | `metrics.json` | the result |
/// | `report.html` | all of it as a page with pictures |
/// | `crash/report.json` | where training diverged, if it did |
/// | `.replaced` | the run that this one replaces, until this one has its result |
package struct RunDirectory: Hashable, Sendable {
  /// The directory, as it was named.
  package let path: String

  /// The run in a directory that may or may not exist.
  package init(_ path: String) {
    // A trailing slash would stand twice in every path made from this one.
    var path = path
    while path.utf8.count > 1 && path.utf8.last == UInt8(ascii: "/") { path.removeLast() }
    self.path = path
  }

  package var configuration: String { Files.join(path, "config.json") }
  package var split: String { Files.join(path, "split.csv") }
  package var events: String { Files.join(path, "events.jsonl") }
  package var model: String { Files.join(path, "model.ebb") }
  package var checkpoint: String { Files.join(path, "checkpoint.ebb") }
  package var metrics: String { Files.join(path, "metrics.json") }
  package var report: String { Files.join(path, "report.html") }
  package var crashDirectory: String { Files.join(path, "crash") }
  package var crashReport: String { Files.join(crashDirectory, "report.json") }
  var lockFile: String { Files.join(path, ".lock") }

  /// Whether this is the directory of a run.
  package var isRun: Bool {
    guard let kind = try? Files.kind(of: configuration) else { return false }
    return kind == .regular
  }

  /// The model that training wrote is gone; nil: it is there, or none was written yet.
  package var lostModel: RunError? {
    guard !Files.exists(model) else { return nil }
    guard let checkpoint = try? Checkpoint(contentsOf: checkpoint) else {
      return Files.exists(metrics)
        ? RunError(
          .unreadable, path: model, "the run's model was written, and is gone",
          advice: "put it back, or train again from the beginning by \"ebb resume \(path)\"")
        : nil
    }
    let progress = try? TrainingRun.read(JSONField(checkpoint.progress)).progress
    guard let progress, progress.bestEpoch > 0 else { return nil }
    return RunError(
      .unreadable, path: model,
      "the run's model, of epoch \(progress.bestEpoch), was written, and is gone",
      advice: "put it back; or remove \(self.checkpoint) too, and train again from the beginning by"
        + " \"ebb resume \(path)\"")
  }

  /// What a run writes; what makes it a run comes first.
  private var files: [String] {
    [configuration, split, events, model, checkpoint, metrics, report, crashReport]
  }

  /// The run in whose directory a path is one of a run's own files; nil: none.
  package static func owner(of path: String) -> RunDirectory? {
    let run = RunDirectory(Files.directory(of: path))
    let name = Files.name(of: path)
    return run.isRun && run.files.contains { Files.name(of: $0) == name } ? run : nil
  }

  /// Removes the files of a run; whoever does so holds the lock.
  package func clear() throws {
    for file in files { try Files.removeIfPresent(file) }
    Files.removeEmptyDirectory(crashDirectory)
  }

  /// Removes what killed processes left of files that they were writing.
  func removePartials() {
    for file in files { Files.removePartial(of: file) }
  }

  /// Keeps other processes from changing the run; the system gives it up when this process ends.
  package func lock() throws -> RunLock {
    do throws(FileError) {
      return RunLock(try FileLock(lockFile))
    } catch {
      guard error.reason == .lockedByAnotherProcess else { throw error }
      throw RunError(
        .inUse, path: path, "another process is using this run",
        advice: "wait until it has ended, or stop it")
    }
  }

  /// Removes a directory in which nothing was begun.
  package func discard() {
    try? Files.removeIfPresent(lockFile)
    try? clear()
    removePartials()
    Files.removeEmptyDirectory(path)
  }
}

/// The right to change a run, held as long as this exists.
package final class RunLock: Sendable {
  private let lock: FileLock

  init(_ lock: FileLock) { self.lock = lock }
}
