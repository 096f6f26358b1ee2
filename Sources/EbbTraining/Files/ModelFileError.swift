internal import EbbSystem

/// What is wrong with a model or checkpoint file, and what to do about it.
public struct ModelFileError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kinds of things that can be wrong, for programs that react to them.
  public enum Kind: Hashable, Sendable {
    /// The file cannot be read: it is missing, a directory, not permitted.
    case unreadable
    /// The file cannot be written: it exists already, the disk is full, not permitted.
    case unwritable
    /// The file is not in the safetensors format.
    case foreignFormat
    /// The file is cut short, or its parts contradict each other.
    case damaged
    /// The file's content is not what was written: its checksum differs.
    case wrongChecksum
    /// A safetensors file without Ebb's description of the network.
    case noDescription
    /// The file was written by a newer version of Ebb.
    case newerVersion
    /// A model where a checkpoint is needed.
    case noCheckpoint
    /// The description of the network, the data or the training cannot be understood.
    case badDescription
    /// Arrays are missing, have another shape or type, or belong to nothing.
    case wrongArrays
    /// What is to be written cannot be held by a file.
    case badContent
  }

  /// What kind of thing is wrong.
  public let kind: Kind
  /// The file; nil for bytes that came from elsewhere.
  public let path: String?
  /// What is wrong: what was expected, what was found.
  public let message: String
  /// What to do next; may be empty.
  public let advice: String

  package init(_ kind: Kind, path: String? = nil, _ message: String, advice: String = "") {
    self.kind = kind
    self.path = path
    self.message = message
    self.advice = advice
  }

  init(_ error: FileError, kind: Kind) {
    self.init(
      kind, path: error.path, "cannot \(error.action): \(error.reason.explanation)")
  }

  /// The same error with the file's name.
  func at(_ path: String) -> ModelFileError {
    ModelFileError(kind, path: path, message, advice: advice)
  }

  /// Everything in one line: `digits.ebb: found …, expected …; do …`.
  public var description: String {
    let head = path.map { "\($0): \(message)" } ?? message
    return advice.isEmpty ? head : "\(head); \(advice)"
  }
}
