#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Which file a path leads to, whatever the path: its device and its number there.
package struct FileIdentity: Hashable {
  private let device: dev_t
  private let number: ino_t

  /// nil: there is no regular file.
  package init?(ofRegularFile path: String) {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    (device, number) = (status.st_dev, status.st_ino)
  }
}
