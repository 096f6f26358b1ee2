internal import EbbSystem

/// Where a run may begin.
extension RunDirectory {
  /// Makes `runs/NAME-1`, or with the first number that is free, and takes its lock. A directory that
  /// another process left in the moment in which it began a run is free.
  package static func create(
    named name: String, in parent: String = "runs"
  ) throws -> (RunDirectory, RunLock) {
    try Files.createDirectory(parent)
    for number in 1...1_000_000 {
      let directory = RunDirectory(Files.join(parent, "\(name)-\(number)"))
      do throws(FileError) {
        try Files.createNewDirectory(directory.path)
      } catch {
        guard error.reason == .alreadyExists else { throw error }
        guard directory.isUnfinishedBeginning else { continue }
      }
      do {
        let lock = try directory.lock()
        // Between looking and locking, another process may have begun there.
        if directory.isEmptyOrBeginning { return (directory, lock) }
      } catch let error as RunError where error.kind == .inUse { continue }
    }
    throw RunError(.alreadyExists, path: parent, "every name from \(name)-1 to 1000000 is taken")
  }

  /// Takes a directory for a new run, and its lock.
  ///
  /// - Parameter replacing: whether a run that is there is replaced.
  static func take(_ path: String, replacing: Bool) throws -> (RunDirectory, RunLock) {
    let directory = RunDirectory(path)
    try directory.checkFree(replacing: replacing)
    try Files.createDirectory(directory.path)
    let lock = try directory.lock()
    try directory.recover()
    // Between looking and locking, another process may have begun there.
    try directory.checkFree(replacing: replacing)
    return (directory, lock)
  }

  /// Throws unless a run can be written here: nothing is there, or an empty directory, or one in which
  /// a run was begun and no more, or a run that may be replaced.
  package func checkFree(replacing: Bool) throws {
    switch try Files.kind(of: path) {
    case nil: return
    case .directory:
      if try Files.list(path).isEmpty || isUnfinishedBeginning || (replacing && holdsRun) { return }
      // Only what is known to be a run is ever emptied.
      throw RunError(
        .alreadyExists, path: path,
        replacing
          ? "the directory is not empty and holds no run, so nothing in it is replaced"
          : holdsRun ? "there is a run already" : "the directory is not empty",
        advice: replacing || !holdsRun
          ? "choose another directory with --output"
          : "go on with it by \"ebb resume \(path)\", choose another directory with --output, or"
            + " replace it with --force")
    case _?:
      throw RunError(
        .alreadyExists, path: path, "this is a file, and a run needs a directory",
        advice: "choose another directory with --output")
    }
  }

  /// Whether a process ended here while it began a run: before `config.json`, which makes the directory
  /// a run, nothing is trained. There is nothing in it but what a beginning writes.
  package var isUnfinishedBeginning: Bool {
    guard let names = try? Files.list(path), !names.isEmpty else { return false }
    let own = [lockFile, split, events, checkpoint]
    let partial = [split, checkpoint, configuration].map { Files.temporaryPath(for: $0) }
    guard Set(names).isSubset(of: (own + partial).map { Files.name(of: $0) }) else { return false }
    // Somebody's own file of such a name must not be taken for one of a run.
    guard isEmptyFile(lockFile) else { return false }
    if Files.exists(events) && !isEmptyFile(events) { return false }
    if Files.exists(split) {
      guard let bytes = try? Files.read(split), bytes.starts(with: Array(RunSplit.header.utf8))
      else {
        return false
      }
    }
    return !Files.exists(checkpoint) || (Files.exists(split) && Files.exists(events))
  }

  private var isEmptyOrBeginning: Bool {
    isUnfinishedBeginning || (try? Files.list(path).isEmpty) ?? false
  }

  private func isEmptyFile(_ path: String) -> Bool {
    (try? Files.read(path, limit: 0))?.isEmpty ?? false
  }
}
