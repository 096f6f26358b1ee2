#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// System calls whose names are also names of ours, repeated when a signal interrupts them.
enum SystemCall {
  /// Reads up to `count` bytes; -1 and `errno` on failure.
  static func read(
    _ descriptor: Int32, _ buffer: UnsafeMutableRawPointer?, _ count: Int
  ) -> Int {
    while true {
      #if canImport(Glibc)
        let got = Glibc.read(descriptor, buffer, count)
      #elseif canImport(Musl)
        let got = Musl.read(descriptor, buffer, count)
      #else
        let got = Darwin.read(descriptor, buffer, count)
      #endif
      if got >= 0 || errno != EINTR { return got }
    }
  }

  /// Writes up to `count` bytes; -1 and `errno` on failure.
  static func write(_ descriptor: Int32, _ buffer: UnsafeRawPointer?, _ count: Int) -> Int {
    while true {
      #if canImport(Glibc)
        let put = Glibc.write(descriptor, buffer, count)
      #elseif canImport(Musl)
        let put = Musl.write(descriptor, buffer, count)
      #else
        let put = Darwin.write(descriptor, buffer, count)
      #endif
      if put >= 0 || errno != EINTR { return put }
    }
  }

  /// Opens a file, never blocking on a pipe without a partner when `flags` has `O_NONBLOCK`.
  static func open(_ path: String, _ flags: Int32, _ mode: mode_t = 0o666) -> Int32 {
    while true {
      #if canImport(Glibc)
        let descriptor = Glibc.open(path, flags | O_CLOEXEC, mode)
      #elseif canImport(Musl)
        let descriptor = Musl.open(path, flags | O_CLOEXEC, mode)
      #else
        let descriptor = Darwin.open(path, flags | O_CLOEXEC, mode)
      #endif
      if descriptor >= 0 || errno != EINTR { return descriptor }
    }
  }

  /// Writes all bytes, however many calls that takes; the error number, or `nil` when done.
  static func writeAll(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int32? {
    var written = 0
    while written < bytes.count {
      let put = write(
        descriptor, bytes.baseAddress.map { $0 + written }, bytes.count - written)
      if put < 0 {
        let code = errno
        guard code == EAGAIN else { return code }
        // A non-blocking pipe or terminal is full: wait until it takes more.
        var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        if poll(&ready, 1, -1) < 0 && errno != EINTR { return errno }
        continue
      }
      written += put
    }
    return nil
  }

  /// Brings a file's bytes to the disk; the error number, or `nil` when done.
  static func synchronize(_ descriptor: Int32) -> Int32? {
    while fsync(descriptor) != 0 {
      let code = errno
      if code == EINTR { continue }
      // Some file systems and special files cannot be synchronized: nothing can be done better.
      return code == EINVAL || code == ENOTSUP || code == EROFS ? nil : code
    }
    return nil
  }
}
