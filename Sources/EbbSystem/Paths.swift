#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension Files {
  /// The path from the root of the file system; a path that begins there already stays as it is.
  ///
  /// Symbolic links are left alone.
  package static func absolutePath(_ path: String) -> String {
    if path.utf8.first == UInt8(ascii: "/") { return path }
    guard let buffer = getcwd(nil, 0) else { return path }
    defer { free(buffer) }
    return join(String(cString: buffer), path)
  }

  /// Removes an empty directory; one that is not empty, or not there, stays as it is.
  package static func removeEmptyDirectory(_ path: String) {
    rmdir(path)
  }

  /// Gives a file or directory another path on the same file system; what is there is replaced.
  package static func move(_ path: String, to target: String) throws(FileError) {
    guard rename(path, target) == 0 else {
      throw FileError(path: path, action: "move", code: errno)
    }
  }

  /// The name of a file without its directory and its last ending: `digits` of `data/digits.csv`.
  package static func stem(of path: String) -> String {
    let name = name(of: path)
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return name }
    return String(name[..<dot])
  }
}
