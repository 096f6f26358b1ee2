#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Files and directories: reading, whole-or-absent writing, listing.
package enum Files {
  /// What a path leads to, symbolic links followed.
  package enum Kind: Sendable, Equatable {
    case regular
    case directory
    case pipe
    case device
    case socket
    case other

    init(mode: mode_t) {
      switch mode & mode_t(S_IFMT) {
      case mode_t(S_IFREG): self = .regular
      case mode_t(S_IFDIR): self = .directory
      case mode_t(S_IFIFO): self = .pipe
      case mode_t(S_IFCHR), mode_t(S_IFBLK): self = .device
      case mode_t(S_IFSOCK): self = .socket
      default: self = .other
      }
    }

    var word: String {
      switch self {
      case .regular: "regular file"
      case .directory: "directory"
      case .pipe: "pipe"
      case .device: "device"
      case .socket: "socket"
      case .other: "special file"
      }
    }
  }

  /// What `path` leads to, or `nil` when nothing is there.
  ///
  /// A dangling symbolic link leads to nothing.
  package static func kind(of path: String) throws(FileError) -> Kind? {
    try checkPath(path, action: "look at")
    var status = stat()
    if stat(path, &status) == 0 { return Kind(mode: status.st_mode) }
    let code = errno
    if code == ENOENT || code == ENOTDIR { return nil }
    throw FileError(path: path, action: "look at", code: code)
  }

  /// Whether `path` leads to anything; a path that may not be looked at counts as absent.
  package static func exists(_ path: String) -> Bool {
    (try? kind(of: path)) != nil
  }

  /// Makes a directory and every missing one above it; one that is there already is left alone.
  package static func createDirectory(_ path: String) throws(FileError) {
    try checkPath(path, action: "create the directory")
    var end = path.utf8.startIndex
    let bytes = path.utf8
    while end < bytes.endIndex {
      end = bytes[bytes.index(after: end)...].firstIndex(of: UInt8(ascii: "/")) ?? bytes.endIndex
      let prefix = String(path[..<end])
      if mkdir(prefix, 0o777) == 0 { continue }
      let code = errno
      // A read-only or forbidden parent may still hold the directory that is asked for.
      if try kind(of: prefix) == .directory { continue }
      let reason = code == EEXIST ? ENOTDIR : code
      throw FileError(path: prefix, action: "create the directory", code: reason)
    }
  }

  /// Makes one new directory; its parent must exist and itself must not.
  ///
  /// Two processes that try the same name cannot both succeed, so this is how a run directory's
  /// number is claimed.
  package static func createNewDirectory(_ path: String) throws(FileError) {
    try checkPath(path, action: "create the directory")
    guard mkdir(path, 0o777) == 0 else {
      throw FileError(path: path, action: "create the directory", code: errno)
    }
  }

  /// The names in a directory, sorted by their bytes, without `.` and `..`.
  package static func list(_ path: String) throws(FileError) -> [String] {
    try checkPath(path, action: "list")
    guard let directory = opendir(path) else {
      throw FileError(path: path, action: "list", code: errno)
    }
    defer { closedir(directory) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = readdir(directory) else { break }
      let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
        field.withMemoryRebound(to: CChar.self, capacity: 1) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    let code = errno
    guard code == 0 else { throw FileError(path: path, action: "list", code: code) }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Removes a file; one that is not there is no error.
  package static func removeIfPresent(_ path: String) throws(FileError) {
    try checkPath(path, action: "remove")
    if unlink(path) == 0 || errno == ENOENT { return }
    throw FileError(path: path, action: "remove", code: errno)
  }

  /// `name` inside `directory`.
  package static func join(_ directory: String, _ name: String) -> String {
    if directory.isEmpty { return name }
    return directory.utf8.last == UInt8(ascii: "/") ? directory + name : directory + "/" + name
  }

  /// The last part of a path: `model.ebb` of `runs/a/model.ebb`.
  package static func name(of path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return path }
    return String(path[path.utf8.index(after: slash)...])
  }

  /// The directory that holds a path: `runs/a` of `runs/a/model.ebb`, `.` of `model.ebb`.
  package static func directory(of path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    return slash == path.utf8.startIndex ? "/" : String(path[..<slash])
  }

  /// Refuses what the C interface would silently cut short.
  static func checkPath(_ path: String, action: String) throws(FileError) {
    if path.isEmpty || path.utf8.contains(0) {
      throw FileError(path: path, action: action, reason: .invalidPath)
    }
  }
}
