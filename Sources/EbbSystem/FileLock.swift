#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A lock that one process at a time can hold; the system frees it when the process ends,
/// however it ends.
package final class FileLock: Sendable {
  private let descriptor: Int32

  /// Takes the lock, or throws ``FileError/Reason/lockedByAnotherProcess`` at once.
  ///
  /// - Parameter path: The lock file, made when it is not there and never removed: removing it
  ///   would let two processes hold two different files of one name.
  package init(_ path: String) throws(FileError) {
    try Files.checkPath(path, action: "lock")
    descriptor = SystemCall.open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else { throw FileError(path: path, action: "lock", code: errno) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      throw FileError(path: path, action: "lock", code: errno)
    }
  }

  deinit { close(descriptor) }
}
