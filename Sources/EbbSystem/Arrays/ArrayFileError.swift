/// What is wrong with a file of arrays, and where in it.
package struct ArrayFileError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The kinds of things that can be wrong.
  package enum Kind: Sendable, Equatable {
    /// The bytes are not in the format.
    case foreignFormat
    /// The file is cut short, or its parts contradict each other.
    case damaged
    /// The file is whole, but holds something that is not read: objects, encrypted members, a
    /// version to come.
    case unsupported
    /// There is more in it than was asked for.
    case tooLarge
  }

  package let kind: Kind
  /// The part of the file, such as the archive's member; nil for the whole.
  package let place: String?
  /// What was expected and what came.
  package let message: String

  package init(_ kind: Kind, in place: String? = nil, _ message: String) {
    self.kind = kind
    self.place = place
    self.message = message
  }

  /// The same error within a part of a larger file.
  func within(_ place: String) -> ArrayFileError {
    ArrayFileError(kind, in: self.place.map { "\(place): \($0)" } ?? place, message)
  }

  package var description: String { place.map { "\(MessageText.name($0)): \(message)" } ?? message }
}
