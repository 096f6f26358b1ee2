internal import EbbSystem

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
  private var lockFile: String { Files.join(path, ".lock") }

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

  /// Makes `runs/NAME-1`, or with the first number that is free.
  package static func create(named name: String, in parent: String = "runs") throws -> RunDirectory
  {
    try Files.createDirectory(parent)
    for number in 1...1_000_000 {
      let path = Files.join(parent, "\(name)-\(number)")
      do throws(FileError) {
        try Files.createNewDirectory(path)
        return RunDirectory(path)
      } catch {
        guard error.reason == .alreadyExists else { throw error }
      }
    }
    throw RunError(.alreadyExists, path: parent, "every name from \(name)-1 to 1000000 is taken")
  }

  /// Throws unless a run can be written here: nothing is there, or an empty directory, or a run
  /// that may be replaced.
  package func checkFree(replacing: Bool) throws {
    switch try Files.kind(of: path) {
    case nil: return
    case .directory:
      let entries = try Files.list(path)
      if entries.isEmpty || (replacing && isRun) { return }
      // Only what is known to be a run is ever emptied.
      throw RunError(
        .alreadyExists, path: path,
        replacing
          ? "the directory is not empty and holds no run, so nothing in it is replaced"
          : isRun ? "there is a run already" : "the directory is not empty",
        advice: replacing || !isRun
          ? "choose another directory with --output"
          : "go on with it by \"ebb resume \(path)\", choose another directory with --output, or"
            + " replace it with --force")
    case _?:
      throw RunError(
        .alreadyExists, path: path, "this is a file, and a run needs a directory",
        advice: "choose another directory with --output")
    }
  }

  /// Throws if another process has begun a run here since `checkFree`.
  func checkHoldsNoRun() throws {
    if isRun { throw RunError(.alreadyExists, path: path, "another process has begun a run here") }
  }

  /// Removes the files of an earlier run; whoever does so holds the lock.
  package func clear() throws {
    for file in [
      configuration, split, events, model, checkpoint, metrics, report, crashReport,
    ] { try Files.removeIfPresent(file) }
    Files.removeEmptyDirectory(crashDirectory)
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
    Files.removeEmptyDirectory(path)
  }
}

/// The right to change a run, held as long as this exists.
package final class RunLock: Sendable {
  private let lock: FileLock

  init(_ lock: FileLock) { self.lock = lock }
}
