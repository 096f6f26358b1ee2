#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension Files {
  /// The bytes of a regular file.
  ///
  /// The file is read, not mapped: a mapping of a file that another process cuts short ends in
  /// a signal. A file whose size or time of change differs after reading is refused.
  ///
  /// - Parameters:
  ///   - path: A regular file, or a symbolic link to one.
  ///   - limit: The largest size that is accepted, in bytes.
  package static func read(_ path: String, limit: Int = .max) throws(FileError) -> [UInt8] {
    let action = "read"
    try checkPath(path, action: action)
    // Non-blocking, so that opening a pipe returns and can be refused.
    let descriptor = SystemCall.open(path, O_RDONLY | O_NONBLOCK)
    guard descriptor >= 0 else { throw FileError(path: path, action: action, code: errno) }
    defer { close(descriptor) }
    var before = stat()
    guard fstat(descriptor, &before) == 0 else {
      throw FileError(path: path, action: action, code: errno)
    }
    switch Kind(mode: before.st_mode) {
    case .regular: break
    case .directory: throw FileError(path: path, action: action, reason: .isDirectory)
    case let kind:
      throw FileError(path: path, action: action, reason: .notRegularFile(kind: kind.word))
    }
    let size = Int(before.st_size)
    guard size <= limit else {
      throw FileError(path: path, action: action, reason: .tooLarge(limit: limit))
    }
    if size > largeSize, let available = AvailableMemory.now, size > available.bytes {
      throw FileError(
        path: path, action: action, reason: .largerThanMemory(size: size, available: available))
    }
    let bytes = try readToEnd(
      descriptor, path: path, expectedCount: size, limit: limit)
    var after = stat()
    guard fstat(descriptor, &after) == 0 else {
      throw FileError(path: path, action: action, code: errno)
    }
    // Files that the kernel makes up on reading say that they are empty.
    let isMadeUp = size == 0
    guard isMadeUp || (bytes.count == size && unchanged(before, after)) else {
      throw FileError(path: path, action: action, reason: .changedWhileRead)
    }
    return bytes
  }

  /// Smaller files are read without a look at how much memory there is.
  private static let largeSize = 8_000_000

  /// All of standard input, or what there is of it until a block that is no text.
  ///
  /// Whoever wants a text refuses a zero byte and what is not UTF-8 wherever it stands; so nothing is
  /// read after the block in which such a byte comes.
  ///
  /// - Parameter limit: The largest size that is accepted, in bytes; nil: a fourth of the memory that
  ///   there is, since the bytes are moved to a larger place as more of them come.
  package static func readStandardInput(limit: Int? = nil) throws(FileError) -> [UInt8] {
    let limit = limit ?? AvailableMemory.now.map { $0.bytes / 4 } ?? .max
    var status = stat()
    if fstat(STDIN_FILENO, &status) == 0, Kind(mode: status.st_mode) == .directory {
      throw FileError(path: "standard input", action: "read", reason: .isDirectory)
    }
    return try readToEnd(
      STDIN_FILENO, path: "standard input", expectedCount: 0, limit: limit, isText: true)
  }

  /// Reads until the end of the file, at most one block beyond `limit`.
  ///
  /// - Parameter isText: Whether to stop after a block that no text holds.
  private static func readToEnd(
    _ descriptor: Int32, path: String, expectedCount: Int, limit: Int, isText: Bool = false
  ) throws(FileError) -> [UInt8] {
    var failure: FileError?
    // One byte of room beyond the expected end lets the last read find the end of the file.
    var bytes = [UInt8](unsafeUninitializedCapacity: min(expectedCount, limit) + 1) {
      buffer, count in
      while count < buffer.count {
        let got = SystemCall.read(
          descriptor, buffer.baseAddress.map { $0 + count }, buffer.count - count)
        if got < 0 { failure = FileError(path: path, action: "read", code: errno) }
        if got <= 0 { return }
        count += got
      }
    }
    if let failure { throw failure }
    guard bytes.count > expectedCount else { return bytes }
    var chunk = [UInt8](repeating: 0, count: 1 << 18)
    var text = TextStream()
    while bytes.count <= limit {
      let got = SystemCall.read(descriptor, &chunk, chunk.count)
      if got < 0 { throw FileError(path: path, action: "read", code: errno) }
      if got == 0 { return bytes }
      bytes.append(contentsOf: chunk[..<got])
      if isText && !text.isText(with: bytes) { return bytes }
    }
    throw FileError(path: path, action: "read", reason: .tooLarge(limit: limit))
  }

  /// Looks at a text that grows, each byte once.
  private struct TextStream {
    /// Everything before is text.
    private var checked = 0

    /// Whether all bytes can be the beginning of a text.
    mutating func isText(with bytes: [UInt8]) -> Bool {
      let new = bytes.span.extracting(checked..<bytes.count)
      if ZeroByteCheck.firstZeroByte(new) != nil { return false }
      guard let offset = UTF8Check.firstInvalidByte(new) else {
        checked = bytes.count
        return true
      }
      // A character at the very end may be whole with the next block.
      checked += offset
      return bytes.count - checked < 4
    }
  }

  private static func unchanged(_ before: stat, _ after: stat) -> Bool {
    #if canImport(Darwin)
      let (old, new) = (before.st_mtimespec, after.st_mtimespec)
    #else
      let (old, new) = (before.st_mtim, after.st_mtim)
    #endif
    return before.st_size == after.st_size && old.tv_sec == new.tv_sec
      && old.tv_nsec == new.tv_nsec
  }
}
