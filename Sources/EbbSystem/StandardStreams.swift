#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Standard input, output and error.
package enum StandardStreams {
  /// Opens those that are closed on `/dev/null`.
  ///
  /// Otherwise the next file that is opened takes the place of one, and what is meant for the stream is
  /// written into the file. Call it before anything is opened.
  package static func keepOpen() {
    for stream in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] {
      guard fcntl(stream, F_GETFD) < 0, errno == EBADF else { continue }
      // The lowest number that is free is this one. Where there is no /dev/null, the root directory
      // keeps the place: reading and writing fail there, and that is reported.
      if open("/dev/null", stream == STDIN_FILENO ? O_RDONLY : O_WRONLY) < 0 {
        _ = open("/", O_RDONLY)
      }
    }
  }
}
