internal import EbbSystem

/// Rows and named columns, as they stand in a data file.
///
/// ```swift
/// let table = try Table(csv: "iris.csv")
/// let lengths = try table.column(named: "petal_length")
/// ```
///
/// **Reading CSV.** The first record names the columns. A column is numeric when all its values
/// are decimal numbers or missing; otherwise it is text. Missing is an empty field, and the words
/// in ``CSVOptions/defaultMissingValues`` in capital or small letters. Numbers with leading zeros
/// (`00123`) and with a decimal comma (`1,5`) make a column text; a note says so where it may be
/// a mistake, as it does for any text among values most of which are numbers. `None` and `-` among
/// numbers are missing. A first column without a name that numbers the rows is left out. Infinite and too large numbers (`inf`, `1e400`) in a numeric column are refused.
/// Blanks around fields without quotes are dropped, and blank lines skipped; in a file of one
/// column a blank line before the last value is a missing value.
///
/// These types are found from the rows at hand. A ``Schema`` knows better: wherever one is applied
/// to a table, it reads the fields of its columns anew where it must, so that `1.10` among
/// categories stays what it is, and no row is read differently because of its neighbours.
public struct Table: Sendable {
  /// The file the table was read from, or a name for messages.
  public let source: String
  /// The columns in the order of the header.
  public let columns: [Column]
  /// How many rows there are.
  public let rowCount: Int
  /// The line in the file on which each row begins, from 1.
  public let rowLines: [Int]
  /// What may be a mistake in the data but is no error.
  public let notes: [String]
  /// What the columns were read from, so that they can be read as other types; `nil` for columns made
  /// in a program.
  let file: CSVReader?

  private let positions: [String: Int]

  /// Reads a CSV file (RFC 4180, UTF-8).
  ///
  /// - Throws: ``DataError`` with the line and column of what is wrong.
  public init(csv path: String, options: CSVOptions = .init()) throws(DataError) {
    try self.init(csvBytes: try Self.bytes(path), source: path, options: options)
  }

  /// Reads the columns of a CSV file that a schema needs, as the types that they had in training.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - schema: What the columns are read as.
  ///   - target: Whether the target column is needed too.
  ///   - options: How to read the file.
  /// - Throws: ``DataError`` with the line and column of what is wrong, such as a text where the
  ///   schema has numbers. A column that is not there is told when the schema is applied.
  public init(
    csv path: String, schema: Schema, target: Schema.TargetUse = .ignored,
    options: CSVOptions = .init()
  ) throws(DataError) {
    try self.init(
      csvBytes: try Self.bytes(path), source: path, schema: schema, target: target,
      options: options)
  }

  private static func bytes(_ path: String) throws(DataError) -> [UInt8] {
    do throws(FileError) {
      return try Files.read(path)
    } catch {
      throw DataError(error)
    }
  }

  /// Reads CSV from memory.
  ///
  /// - Parameters:
  ///   - bytes: The text in UTF-8.
  ///   - source: A name for messages.
  ///   - options: How to read it.
  public init(
    csvBytes bytes: [UInt8], source: String = "data", options: CSVOptions = .init()
  ) throws(DataError) {
    try self.init(try CSVReader(bytes, source: source, options: options), as: .inferred)
  }

  /// Reads the columns that a schema needs from memory; see ``init(csv:schema:target:options:)``.
  public init(
    csvBytes bytes: [UInt8], source: String = "data", schema: Schema,
    target: Schema.TargetUse = .ignored, options: CSVOptions = .init()
  ) throws(DataError) {
    let types = schema.columnTypes(target: target)
    try self.init(
      try CSVReader(bytes, source: source, options: options, wanted: types.keys),
      as: .given(types))
  }

  private init(_ file: CSVReader, as types: ColumnTypes) throws(DataError) {
    let values = try CSVValues(file, as: types)
    self.init(
      source: file.source, checkedColumns: values.columns, rowCount: file.rowCount,
      rowLines: values.rowLines, notes: values.notes, file: file)
  }

  /// Reads CSV from a text.
  public init(
    csvText text: String, source: String = "data", options: CSVOptions = .init()
  ) throws(DataError) {
    try self.init(csvBytes: Array(text.utf8), source: source, options: options)
  }

  /// A table of columns made in a program.
  ///
  /// Rows count as lines from 1 in messages.
  ///
  /// - Throws: ``DataError`` when there are no rows, when columns differ in length or share a
  ///   name, or when a number is infinite.
  public init(columns: [Column], source: String = "data") throws(DataError) {
    guard let rowCount = columns.first?.count, rowCount > 0 else {
      throw DataError(.empty, source: source, "the table has no rows")
    }
    var names: Set<String> = []
    for column in columns {
      let name = column.name.quotedForMessage
      guard !column.name.isEmpty else {
        throw DataError(.badColumnName, source: source, "a column has no name")
      }
      guard names.insert(column.name).inserted else {
        throw DataError(.badColumnName, source: source, "two columns are called \(name)")
      }
      guard column.count == rowCount else {
        throw DataError(
          .badValue, source: source,
          "column \(name) has \(column.count) values, the first column \(rowCount)")
      }
      if case .numbers(let numbers) = column.values,
        let row = numbers.firstIndex(where: { $0.isInfinite })
      {
        throw DataError(
          .numberOutOfRange, source: source, line: row + 1,
          "column \(name) holds an infinite number")
      }
    }
    self.init(
      source: source, checkedColumns: columns, rowCount: rowCount, rowLines: Array(1...rowCount),
      notes: [], file: nil)
  }

  init(
    source: String, checkedColumns columns: [Column], rowCount: Int, rowLines: [Int],
    notes: [String], file: CSVReader?
  ) {
    self.source = source
    self.columns = columns
    self.rowCount = rowCount
    self.rowLines = rowLines
    self.notes = notes
    self.file = file
    positions = Dictionary(
      columns.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// The names of the columns in the order of the header.
  public var columnNames: [String] { columns.map(\.name) }

  /// Whether there is a column of this name.
  public func hasColumn(named name: String) -> Bool { positions[name] != nil }

  /// The column of this name.
  ///
  /// - Throws: ``DataError`` of kind `unknownColumn` that lists the columns there are and the
  ///   one that was probably meant.
  public func column(named name: String) throws(DataError) -> Column {
    if let position = positions[name] { return columns[position] }
    throw unknownColumn(name, "there is no column \(name.quotedForMessage)")
  }

  /// The error for a name that no column has.
  func unknownColumn(_ name: String, _ message: String) -> DataError {
    let names = file?.names.filter { !$0.isEmpty } ?? columnNames
    var advice = "the columns are " + MessageText.list(names.lazy.map { MessageText.name($0) })
    if let likely = NameSuggestion.closest(to: name, among: names) {
      advice = "did you mean \(likely.quotedForMessage)? \(advice)"
    }
    return DataError(.unknownColumn, source: source, message, advice: advice)
  }
}
