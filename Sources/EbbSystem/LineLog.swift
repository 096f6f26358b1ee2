#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file that grows by whole lines, such as `events.jsonl`.
///
/// Each line goes to the system in one call. If a killed process or a full disk left half a
/// line at the end, that half is cut off when the log is opened again.
package final class LineLog {
  /// The path of the log.
  package let path: String
  private let descriptor: Int32

  /// Opens a log to append to, made when it is not there.
  package init(appendingTo path: String) throws(FileError) {
    try Files.checkPath(path, action: "append to")
    self.path = path
    descriptor = SystemCall.open(path, O_RDWR | O_CREAT | O_NONBLOCK)
    guard descriptor >= 0 else { throw FileError(path: path, action: "append to", code: errno) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure() }
    let kind = Files.Kind(mode: status.st_mode)
    guard kind == .regular else {
      throw FileError(path: path, action: "append to", reason: .notRegularFile(kind: kind.word))
    }
    try cut(to: endOfLastLine(size: Int(status.st_size)))
  }

  deinit { close(descriptor) }

  /// Adds one line; the line break is added here and must not be inside.
  package func append(_ line: String) throws(FileError) {
    precondition(!line.utf8.contains(10), "a log line must not contain a line break")
    let start = lseek(descriptor, 0, SEEK_END)
    guard start >= 0 else { throw failure() }
    let code = Array((line + "\n").utf8).withUnsafeBytes {
      SystemCall.writeAll(descriptor, $0)
    }
    if let code {
      ftruncate(descriptor, start)
      throw FileError(path: path, action: "append to", code: code)
    }
  }

  /// Keeps the first `count` lines and cuts off the rest, as resuming an older checkpoint needs.
  package func keepLines(_ count: Int) throws(FileError) {
    var position = 0
    var lines = 0
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while lines < count {
      let got = pread(descriptor, &chunk, chunk.count, off_t(position))
      if got < 0 { throw failure() }
      if got == 0 { return }
      for offset in 0..<got where chunk[offset] == 10 {
        lines += 1
        if lines == count { return try cut(to: position + offset + 1) }
      }
      position += got
    }
    try cut(to: position)
  }

  /// Brings all lines to the disk.
  package func synchronize() throws(FileError) {
    if let code = SystemCall.synchronize(descriptor) {
      throw FileError(path: path, action: "append to", code: code)
    }
  }

  /// Where the last whole line ends.
  private func endOfLastLine(size: Int) throws(FileError) -> Int {
    var end = size
    var chunk = [UInt8](repeating: 0, count: 4096)
    while end > 0 {
      let start = max(0, end - chunk.count)
      let got = pread(descriptor, &chunk, end - start, off_t(start))
      guard got == end - start else { throw failure() }
      if let last = chunk[..<got].lastIndex(of: 10) { return start + last + 1 }
      end = start
    }
    return 0
  }

  private func cut(to size: Int) throws(FileError) {
    guard ftruncate(descriptor, off_t(size)) == 0 else { throw failure() }
  }

  private func failure() -> FileError {
    FileError(path: path, action: "append to", code: errno)
  }
}
