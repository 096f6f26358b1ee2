internal import EbbSystem

/// How a run takes the place of another: the old one stays until the new one has its result.
///
/// The old run's files are moved to `.replaced`, a run directory within the directory, which every
/// command reads as any other. They come back if the new run fails before it has a model, and go when it
/// has its result. On the way there and back they are in `.moving`, so that whatever moment the process
/// is killed at, the next command can tell:
///
/// | there is | what it means | what is done |
/// |---|---|---|
/// | `.moving` | the files were on their way | they come back |
/// | `.replaced`, no `config.json` | the new run had not begun | the old one comes back |
/// | `.replaced`, `config.json` | the new run is not finished | both stay |
/// | `.replaced`, `metrics.json` | the new run is finished | the old one goes |
///
/// Whoever changes any of it holds the lock.
extension RunDirectory {
  /// Where the run is kept that this one replaces.
  package var replaced: RunDirectory { RunDirectory(Files.join(path, ".replaced")) }
  private var moving: RunDirectory { RunDirectory(Files.join(path, ".moving")) }

  /// Whether there is a run that this one replaces.
  package var hasReplaced: Bool { Self.isDirectory(replaced.path) }

  /// Whether a run is here, at its place or aside.
  package var holdsRun: Bool { isRun || hasReplaced || Self.isDirectory(moving.path) }

  private static func isDirectory(_ path: String) -> Bool {
    (try? Files.kind(of: path)) == .directory
  }

  /// What a run consists of, in the order in which it is moved: what makes it a run comes last.
  private func parts(of run: RunDirectory) -> [String] {
    [
      run.report, run.metrics, run.model, run.checkpoint, run.events, run.split, run.crashDirectory,
      run.replaced.path, run.configuration,
    ]
  }

  /// Puts the run aside, so that a new one can begin here.
  ///
  /// - Throws: if it cannot be; then it is at its place again.
  func setAside() throws {
    // A run without a model is nothing to go back to if it replaces another itself.
    if hasReplaced && !Files.exists(model) { return try clear() }
    do {
      try Files.createNewDirectory(moving.path)
      try move(from: self, to: moving)
      try Files.move(moving.path, to: replaced.path)
      Files.synchronizeDirectory(path)
    } catch {
      try? moveBack()
      throw error
    }
  }

  /// Brings back the run that was put aside, in the place of what is here now.
  func restoreReplaced() throws {
    try clear()
    try Files.move(replaced.path, to: moving.path)
    try moveBack()
  }

  private func moveBack() throws {
    try move(from: moving, to: self)
    try Files.removeIfPresent(moving.lockFile)
    Files.removeEmptyDirectory(moving.path)
    Files.synchronizeDirectory(path)
  }

  private func move(from old: RunDirectory, to new: RunDirectory) throws {
    for (from, to) in zip(parts(of: old), parts(of: new)) where Files.exists(from) {
      try Files.move(from, to: to)
    }
  }

  /// Removes the run that was put aside; nobody needs it any more.
  func removeReplaced() throws {
    guard hasReplaced else { return }
    try replaced.removeReplaced()
    try replaced.clear()
    try Files.removeIfPresent(replaced.lockFile)
    Files.removeEmptyDirectory(replaced.path)
  }

  /// Puts in order what a killed process left.
  ///
  /// - Returns: whether a run came back that was to be replaced.
  @discardableResult
  func recover() throws -> Bool {
    removePartials()
    if Self.isDirectory(moving.path) {
      try moveBack()
      return true
    }
    if hasReplaced && !isRun {
      try restoreReplaced()
      return true
    }
    if hasReplaced && Files.exists(metrics) { try removeReplaced() }
    return false
  }

  /// As `recover`, if there is a run here that nobody uses; that it cannot be done is no error yet.
  package func tidy() {
    guard holdsRun, let lock = try? lock() else { return }
    _ = try? withExtendedLifetime(lock) { try recover() }
  }

  /// Undoes a beginning that failed.
  func abandon() {
    guard hasReplaced else { return discard() }
    // What does not come back now does so with the next command.
    try? restoreReplaced()
  }
}
