#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What went wrong with a file, in words, and what to do about it.
package struct FileError: Error, Sendable, Equatable, CustomStringConvertible {
  /// Why the system, or Ebb itself, refused.
  package enum Reason: Sendable, Equatable {
    case notFound
    case isDirectory
    case notDirectory
    case notRegularFile(kind: String)
    case permissionDenied
    case readOnlyFileSystem
    case alreadyExists
    case diskFull
    case brokenPipe
    case lockedByAnotherProcess
    case changedWhileRead
    case tooLarge(limit: Int)
    case largerThanMemory(size: Int, available: AvailableMemory)
    case nameTooLong
    case tooManyLinks
    case outOfMemory
    case invalidPath
    case other(code: Int32)
  }

  /// The path as the caller gave it.
  package let path: String
  /// What was being done, for example "read" or "write".
  package let action: String
  /// Why it failed.
  package let reason: Reason

  package init(path: String, action: String, reason: Reason) {
    self.path = path
    self.action = action
    self.reason = reason
  }

  /// The error that a system call's `errno` stands for.
  package init(path: String, action: String, code: Int32) {
    self.init(path: path, action: action, reason: Reason(code: code))
  }

  package var description: String {
    "\(path): cannot \(action): \(reason.explanation)"
  }
}

extension FileError.Reason {
  init(code: Int32) {
    switch code {
    case ENOENT: self = .notFound
    case EISDIR: self = .isDirectory
    case ENOTDIR: self = .notDirectory
    case EACCES, EPERM: self = .permissionDenied
    case EROFS: self = .readOnlyFileSystem
    case EEXIST: self = .alreadyExists
    case ENOSPC, EDQUOT: self = .diskFull
    case EPIPE: self = .brokenPipe
    case EWOULDBLOCK: self = .lockedByAnotherProcess
    case EFBIG: self = .tooLarge(limit: .max)
    case ENAMETOOLONG: self = .nameTooLong
    case ELOOP: self = .tooManyLinks
    case ENOMEM: self = .outOfMemory
    default: self = .other(code: code)
    }
  }

  /// The reason and the remedy in one phrase.
  package var explanation: String {
    switch self {
    case .notFound: "no such file or directory; check the spelling of the path"
    case .isDirectory: "it is a directory; give the path of a file"
    case .notDirectory: "a part of the path is a file, not a directory"
    case .notRegularFile(let kind):
      "it is a \(kind), not a regular file; save what it gives to a file first"
    case .permissionDenied: "permission denied; check who owns it and its access rights"
    case .readOnlyFileSystem: "the file system is read-only; choose another place"
    case .alreadyExists: "it exists already; choose another name or ask for it to be replaced"
    case .diskFull: "no space left on the device; free some and try again"
    case .brokenPipe: "the reader of this output has closed it"
    case .lockedByAnotherProcess: "another process is using it; wait until that one has ended"
    case .changedWhileRead: "it was changed while it was being read; try again"
    case .tooLarge(let limit):
      limit == .max
        ? "it would be larger than this process's limit (ulimit -f) or the file system allows"
        : "it is larger than the limit of \(limit) bytes"
    case .largerThanMemory(let size, let available):
      "it has \(NumberFormat.bytes(size)), and there are \(NumberFormat.bytes(available.bytes)) of "
        + "memory left \(available.bound.words)"
    case .nameTooLong: "the name is too long"
    case .tooManyLinks: "its symbolic links lead in a circle, or too far"
    case .outOfMemory: "there is not enough memory for it"
    case .invalidPath: "a path must not be empty or contain a zero byte"
    case .other(let code): "\(Self.systemMessage(code)) (system error \(code))"
    }
  }

  private static func systemMessage(_ code: Int32) -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard strerror_r(code, &buffer, buffer.count) == 0 else { return "unknown error" }
    return buffer.withUnsafeBufferPointer { text in
      text.baseAddress.map { String(cString: $0) } ?? "unknown error"
    }
  }
}
