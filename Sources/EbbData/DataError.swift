package import EbbSystem

/// What is wrong with data, where, and what to do about it.
public struct DataError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The kinds of things that can be wrong, for programs that react to them.
  public enum Kind: Sendable, Equatable {
    /// The file cannot be read: it is missing, a directory, not permitted.
    case unreadable
    /// There is nothing in the file, or nothing but its header.
    case empty
    /// The bytes are not UTF-8 text.
    case notText
    /// A quoted field is not closed, or text follows its closing quote.
    case badQuote
    /// A row has more or fewer fields than the header.
    case raggedRow
    /// A column has no name, or the same name as another.
    case badColumnName
    /// A number is infinite or too large.
    case numberOutOfRange
    /// No column has the name that was asked for.
    case unknownColumn
    /// A column's values are of another kind than is needed.
    case wrongColumnType
    /// Values are missing where none may be.
    case missingValues
    /// The target column does not fit the task.
    case badTarget
    /// A feature column holds nothing that can be learned from.
    case unusableColumn
    /// The target holds a class that the model does not know.
    case unknownClass
    /// A split cannot be read, or the data are too few for it.
    case badSplit
    /// Arrays, counts or labels do not fit each other.
    case badValue
    /// A stored schema is damaged.
    case badSchema
  }

  /// What kind of thing is wrong.
  public let kind: Kind
  /// The file or the name of the data; `nil` when no one file is to blame.
  public let source: String?
  /// The line in the file, from 1.
  public let line: Int?
  /// The character in the line, from 1.
  public let column: Int?
  /// What is wrong: what was expected, what was found.
  public let message: String
  /// What to do next; may be empty.
  public let advice: String

  init(
    _ kind: Kind, source: String? = nil, line: Int? = nil, column: Int? = nil, _ message: String,
    advice: String = ""
  ) {
    self.kind = kind
    self.source = source
    self.line = line
    self.column = column
    self.message = message
    self.advice = advice
  }

  package init(_ error: FileError) {
    self.init(
      .unreadable, source: error.path, "cannot \(error.action): \(error.reason.explanation)")
  }

  /// Everything in one line: `iris.csv:7:3: found …, expected …; do …`.
  public var description: String {
    var place = source ?? ""
    if let line {
      place += place.isEmpty ? "line \(line)" : ":\(line)"
      if let column { place += source == nil ? ", column \(column)" : ":\(column)" }
    }
    let head = place.isEmpty ? message : "\(place): \(message)"
    return advice.isEmpty ? head : "\(head); \(advice)"
  }
}
