internal import EbbSystem

/// What is wrong with a file of somebody else's numbers, and what to do about it.
public struct ForeignArraysError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kinds of things that can be wrong, for programs that react to them.
  public enum Kind: Hashable, Sendable {
    /// The file cannot be read: it is missing, a directory, not permitted.
    case unreadable
    /// The file is neither NPY nor NPZ nor safetensors.
    case foreignFormat
    /// The file is cut short, or its parts contradict each other.
    case damaged
    /// It holds something that is not read, such as Python objects.
    case unsupported
    /// It holds more numbers than there are parameters to compare them with.
    case tooLarge
    /// Its arrays cannot be brought together with the model's parameters.
    case noMatch
  }

  /// What kind of thing is wrong.
  public let kind: Kind
  /// The file; nil for numbers that came from elsewhere.
  public let path: String?
  /// What is wrong: what was expected, what was found, in which part of the file.
  public let message: String
  /// What to do next; may be empty.
  public let advice: String

  package init(_ kind: Kind, path: String? = nil, _ message: String, advice: String = "") {
    self.kind = kind
    self.path = path
    self.message = message
    self.advice = advice
  }

  init(_ error: ArrayFileError, path: String) {
    let kind: Kind =
      switch error.kind {
      case .foreignFormat: .foreignFormat
      case .damaged: .damaged
      case .unsupported: .unsupported
      case .tooLarge: .tooLarge
      }
    self.init(kind, path: path, error.description)
  }

  init(_ error: ModelFileError, path: String) {
    let kind: Kind = error.kind == .foreignFormat ? .foreignFormat : .damaged
    self.init(kind, path: path, error.message, advice: error.advice)
  }

  /// Everything in one line: `grads.npz: hidden1.weight.npy: …; do …`.
  public var description: String {
    let head = path.map { "\($0): \(message)" } ?? message
    return advice.isEmpty ? head : "\(head); \(advice)"
  }
}
