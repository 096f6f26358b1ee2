/// How a CSV file is to be read.
public struct CSVOptions: Sendable, Equatable {
  /// What stands between two fields.
  public enum Delimiter: String, Sendable, CaseIterable {
    /// Found by itself among the others: the one that cuts the first records into equally many
    /// fields, more than one; of several the one that gives most fields.
    case automatic
    /// `,`
    case comma
    /// `;`
    case semicolon
    /// The tab character.
    case tab

    /// The byte; `nil` for `automatic`.
    var byte: UInt8? {
      switch self {
      case .automatic: nil
      case .comma: UInt8(ascii: ",")
      case .semicolon: UInt8(ascii: ";")
      case .tab: UInt8(ascii: "\t")
      }
    }
  }

  /// Where the column names come from.
  public enum Header: Sendable {
    /// The first record holds them.
    case firstRecord
    /// There are none in the file; the columns are called `column1`, `column2` and so on.
    case absent
  }

  /// What stands between two fields.
  public var delimiter: Delimiter
  /// Where the column names come from.
  public var header: Header
  /// Texts that mean "no value here", besides an empty field; capital and small ASCII letters
  /// are not told apart. In a column of numbers `None`, `-`, `inf` and `infinity` alone in a field
  /// are missing too; in a column of text they are values like others.
  public var missingValues: [String]

  /// The texts that mean "no value here" unless others are given.
  public static let defaultMissingValues = ["NA", "N/A", "#N/A", "nan", "null", "?"]

  /// Options; all have defaults.
  public init(
    delimiter: Delimiter = .automatic, header: Header = .firstRecord,
    missingValues: [String] = Self.defaultMissingValues
  ) {
    self.delimiter = delimiter
    self.header = header
    self.missingValues = missingValues
  }
}
