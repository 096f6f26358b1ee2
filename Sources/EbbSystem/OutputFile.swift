#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// An open file that is written to in order, through a buffer, with every failure reported.
///
/// Unlike `print`, a full disk or a closed pipe does not go unnoticed: ``write(_:)-([UInt8])``,
/// ``flush()`` and ``close()`` throw. It is not for use by several threads at once.
package final class OutputFile {
  /// The path, or a name such as "standard output".
  package let path: String

  private var descriptor: Int32
  private let closesDescriptor: Bool
  private var buffer: [UInt8] = []
  private static let bufferSize = 1 << 16

  init(descriptor: Int32, path: String, closesDescriptor: Bool = true) {
    self.descriptor = descriptor
    self.path = path
    self.closesDescriptor = closesDescriptor
  }

  /// Standard output.
  package static func standardOutput() -> OutputFile {
    OutputFile(descriptor: STDOUT_FILENO, path: "standard output", closesDescriptor: false)
  }

  /// Standard error.
  package static func standardError() -> OutputFile {
    OutputFile(descriptor: STDERR_FILENO, path: "standard error", closesDescriptor: false)
  }

  /// Opens what is there already, such as `/dev/full`, `/dev/stdout` or a named pipe.
  package convenience init(existing path: String) throws(FileError) {
    try Files.checkPath(path, action: "write")
    let descriptor = SystemCall.open(path, O_WRONLY)
    guard descriptor >= 0 else { throw FileError(path: path, action: "write", code: errno) }
    self.init(descriptor: descriptor, path: path)
  }

  deinit {
    // Whoever needs to know about failures calls close(); this only keeps descriptors from leaking.
    abandon()
  }

  /// Adds bytes; they reach the file at the latest with ``flush()``.
  package func write(_ bytes: [UInt8]) throws(FileError) {
    if buffer.count + bytes.count > Self.bufferSize { try flush() }
    if bytes.count >= Self.bufferSize {
      try put(bytes)
    } else {
      buffer.append(contentsOf: bytes)
    }
  }

  /// Adds a text in UTF-8.
  package func write(_ text: String) throws(FileError) {
    buffer.append(contentsOf: text.utf8)
    if buffer.count > Self.bufferSize { try flush() }
  }

  /// Adds raw memory, for arrays that are written as they lie.
  package func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    try flush()
    if let code = SystemCall.writeAll(descriptor, bytes) {
      throw FileError(path: path, action: "write", code: code)
    }
  }

  /// Hands everything to the system.
  package func flush() throws(FileError) {
    guard !buffer.isEmpty else { return }
    // Emptied first: after a failure the same bytes must not come again.
    var pending: [UInt8] = []
    swap(&pending, &buffer)
    try put(pending)
    pending.removeAll(keepingCapacity: true)
    buffer = pending
  }

  /// Flushes and closes; some file systems report a full disk only here.
  package func close() throws(FileError) {
    defer { abandon() }
    try flush()
    guard closesDescriptor, descriptor >= 0 else { return }
    let closing = descriptor
    descriptor = -1
    if systemClose(closing) != 0 && errno != EINTR {
      throw FileError(path: path, action: "write", code: errno)
    }
  }

  /// Closes without writing what is still in the buffer.
  func abandon() {
    buffer = []
    if closesDescriptor && descriptor >= 0 { _ = systemClose(descriptor) }
    descriptor = -1
  }

  private func put(_ bytes: [UInt8]) throws(FileError) {
    guard descriptor >= 0 else { throw FileError(path: path, action: "write", code: EBADF) }
    let code = bytes.withUnsafeBytes { SystemCall.writeAll(descriptor, $0) }
    if let code { throw FileError(path: path, action: "write", code: code) }
  }
}

private func systemClose(_ descriptor: Int32) -> Int32 { close(descriptor) }
