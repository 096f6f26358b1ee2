#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Numbers put aside in a file without a name, so that they take none of the process's memory. It
/// vanishes with the process, however that ends.
package final class ScratchFile {
  private let descriptor: Int32

  /// An empty file in `$TMPDIR`, or else in `/tmp`; nil if none can be made there.
  package init?() {
    let directory = Machine.environment("TMPDIR") ?? "/tmp"
    var template = Array("\(directory)/ebb-XXXXXX".utf8CString)
    descriptor = mkstemp(&template)
    guard descriptor >= 0 else { return nil }
    unlink(template)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
  }

  deinit { close(descriptor) }

  /// Goes back to the beginning, to write anew or to read.
  package func rewind() { lseek(descriptor, 0, SEEK_SET) }

  /// Writes numbers where it stands; false if they do not fit.
  package func write(_ numbers: [Float]) -> Bool {
    numbers.withUnsafeBytes { SystemCall.writeAll(descriptor, $0) == nil }
  }

  /// Replaces the elements of a list by as many numbers from where it stands; false if they are not
  /// there.
  package func read(into numbers: inout [Float]) -> Bool {
    numbers.withUnsafeMutableBytes { bytes in
      var done = 0
      while done < bytes.count {
        let got = SystemCall.read(
          descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
        if got <= 0 { return false }
        done += got
      }
      return true
    }
  }
}
