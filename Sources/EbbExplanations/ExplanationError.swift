/// Why something cannot be explained.
public struct ExplanationError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kinds of reasons, for programs that react to them.
  public enum Kind: Hashable, Sendable {
    /// The network holds a layer that is not understood neuron by neuron.
    case unsupportedLayer
    /// No parameter or value has the name, or an index is out of range.
    case unknownElement
    /// There are more paths than were allowed to be listed.
    case tooManyPaths
    /// The search for the largest paths took more steps than were allowed.
    case searchTooLong
    /// There are no rows.
    case noRows
  }

  /// Why it cannot be explained.
  public let kind: Kind
  /// What was expected, what came, what to do.
  public let message: String
  /// The message.
  public var description: String { message }

  init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }
}
