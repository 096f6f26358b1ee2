#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension Files {
  /// What to do about a file that is already there.
  package enum IfExists: Sendable {
    case refuse
    case replace
  }

  /// Writes a file so that it is whole or absent, whatever happens: a crash, a full disk, a kill.
  ///
  /// The bytes go to a temporary file in the same directory, which is synchronized and renamed.
  /// An old file stays as it is until then, and keeps its access rights. A symbolic link is
  /// followed: what it points to is replaced. The temporary has a fixed name and a lock, so an
  /// interrupted write leaves at most one file behind, which the next write takes over.
  package static func writeWhole(
    _ bytes: [UInt8], to path: String, ifExists: IfExists
  ) throws(FileError) {
    try writeWhole(to: path, ifExists: ifExists) { (output) throws(FileError) in
      try output.write(bytes)
    }
  }

  /// As ``writeWhole(_:to:ifExists:)``, with the bytes written piece by piece by `body`.
  package static func writeWhole(
    to path: String, ifExists: IfExists,
    body: (OutputFile) throws(FileError) -> Void
  ) throws(FileError) {
    try checkPath(path, action: "write")
    let target = try linkTarget(of: path)
    var permissions: mode_t?
    var status = stat()
    if stat(target, &status) == 0 {
      let kind = Kind(mode: status.st_mode)
      if kind == .directory {
        throw FileError(path: path, action: "write", reason: .isDirectory)
      }
      if ifExists == .refuse {
        throw FileError(path: path, action: "write", reason: .alreadyExists)
      }
      guard kind == .regular else {
        throw FileError(path: path, action: "write", reason: .notRegularFile(kind: kind.word))
      }
      permissions = status.st_mode & 0o7777
    }
    let temporary = temporaryPath(for: target)
    let descriptor = try openTemporary(temporary, for: path)
    let output = OutputFile(descriptor: descriptor, path: path)
    do throws(FileError) {
      try body(output)
      try output.flush()
      if let permissions { fchmod(descriptor, permissions) }
      if let code = SystemCall.synchronize(descriptor) {
        throw FileError(path: path, action: "write", code: code)
      }
      try move(temporary, to: target, ifExists: ifExists, reportedAs: path)
    } catch {
      unlink(temporary)
      output.abandon()
      throw error
    }
    output.abandon()
    synchronizeDirectory(directory(of: target))
  }

  /// Writes to a regular file whole or not at all, and to a pipe or device directly.
  package static func write(
    _ bytes: [UInt8], to path: String, ifExists: IfExists
  ) throws(FileError) {
    switch try kind(of: path) {
    case nil, .regular, .directory:
      try writeWhole(bytes, to: path, ifExists: ifExists)
    case .pipe, .device, .socket, .other:
      let output = try OutputFile(existing: path)
      try output.write(bytes)
      try output.close()
    }
  }

  /// Where the bytes of `target` wait until they are whole.
  package static func temporaryPath(for target: String) -> String {
    var name = name(of: target)
    // Most file systems allow 255 bytes in a name.
    if name.utf8.count > 200 { name = String(SHA256.hexDigest(of: Array(name.utf8)).prefix(32)) }
    return join(directory(of: target), ".\(name).partial")
  }

  /// Removes what a killed process left of writing `path`; what is being written now stays.
  package static func removePartial(of path: String) {
    let temporary = temporaryPath(for: path)
    let descriptor = SystemCall.open(temporary, O_RDWR | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else { return }
    if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { unlink(temporary) }
    close(descriptor)
  }

  /// Opens and locks the temporary file, emptied of what a killed process may have left in it.
  private static func openTemporary(
    _ temporary: String, for path: String
  ) throws(FileError) -> Int32 {
    for _ in 0..<100 {
      let descriptor = SystemCall.open(temporary, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK)
      guard descriptor >= 0 else { throw FileError(path: path, action: "write", code: errno) }
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
        let code = errno
        close(descriptor)
        throw FileError(path: path, action: "write", code: code)
      }
      // Between opening and locking, another process may have renamed this file into place.
      var opened = stat()
      var named = stat()
      if fstat(descriptor, &opened) == 0, lstat(temporary, &named) == 0,
        opened.st_ino == named.st_ino, opened.st_dev == named.st_dev
      {
        if ftruncate(descriptor, 0) == 0 { return descriptor }
        let code = errno
        close(descriptor)
        throw FileError(path: path, action: "write", code: code)
      }
      close(descriptor)
    }
    throw FileError(path: path, action: "write", reason: .lockedByAnotherProcess)
  }

  private static func move(
    _ temporary: String, to target: String, ifExists: IfExists, reportedAs path: String
  ) throws(FileError) {
    if ifExists == .refuse {
      // A hard link, unlike a rename, fails when the name has been taken meanwhile.
      if link(temporary, target) == 0 {
        unlink(temporary)
        return
      }
      if errno == EEXIST { throw FileError(path: path, action: "write", reason: .alreadyExists) }
      // The file system has no hard links: the earlier look has to do.
    }
    guard rename(temporary, target) == 0 else {
      throw FileError(path: path, action: "write", code: errno)
    }
  }

  /// Makes a rename durable. The file is in place by now, so a failure here is not reported.
  package static func synchronizeDirectory(_ path: String) {
    let descriptor = SystemCall.open(path, O_RDONLY | O_DIRECTORY)
    guard descriptor >= 0 else { return }
    _ = SystemCall.synchronize(descriptor)
    close(descriptor)
  }

  /// The path itself, or what it points to in the end; a dangling link's target counts.
  private static func linkTarget(of path: String) throws(FileError) -> String {
    var current = path
    var buffer = [UInt8](repeating: 0, count: 4096)
    for _ in 0..<40 {
      let length = buffer.withUnsafeMutableBytes { bytes in
        guard let start = bytes.baseAddress else { return -1 }
        return readlink(current, start.assumingMemoryBound(to: CChar.self), bytes.count)
      }
      // Not a link, or nothing there.
      guard length > 0 else { return current }
      guard length < buffer.count else {
        throw FileError(path: path, action: "write", reason: .nameTooLong)
      }
      let next = String(decoding: buffer[..<length], as: UTF8.self)
      current = next.utf8.first == UInt8(ascii: "/") ? next : join(directory(of: current), next)
    }
    throw FileError(path: path, action: "write", reason: .tooManyLinks)
  }
}
