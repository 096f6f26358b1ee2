internal import EbbSystem

/// A CSV file whose form is known: its names and where its rows are. What its fields hold, read as
/// one type or another, is told by ``CSVValues``.
///
/// The bytes are walked once here, and once or twice more for the values. The first walk finds the
/// rows and every error of form, before anything is allocated for values; so what a file can make
/// Ebb allocate is bounded by its size.
struct CSVReader {
  let bytes: [UInt8]
  let source: String
  private let options: CSVOptions
  let missingWords: MissingWords
  private var delimiter: UInt8 = 0
  private(set) var names: [String] = []
  /// The first record of data.
  private var dataStart = 0
  private var dataLine = 1
  /// Where the name of the first column should stand, if it has none.
  private(set) var unnamedFirst: Int?
  private(set) var rowCount = 0

  /// Finds the form of a file, or what is wrong with it.
  ///
  /// - Parameter wanted: columns that should be there: a delimiter that gives them is the right one,
  ///   whatever the rows look like.
  init(
    _ bytes: [UInt8], source: String, options: CSVOptions, wanted: some Collection<String> = []
  ) throws(DataError) {
    self.bytes = bytes
    self.source = source
    self.options = options
    missingWords = MissingWords(options)
    let start = try checkBytes()
    delimiter =
      options.delimiter.byte ?? delimiter(giving: wanted, from: start)
      ?? Self.likelyDelimiter(bytes, from: start)
    try readHeader(from: start)
    try findRows()
    try MemoryNeed.table(rows: rowCount, columns: names.count, bytesEach: 8, of: source)
  }

  // MARK: The whole text

  /// Refuses what is no text; the offset after the byte-order mark, if there is one.
  private func checkBytes() throws(DataError) -> Int {
    if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
      throw DataError(
        .notText, source: source, "the file is in UTF-16", advice: "save it as UTF-8")
    }
    if let offset = ZeroByteCheck.firstZeroByte(bytes.span) {
      throw error(
        .notText, at: offset, "a zero byte: this is not a text file",
        advice: "check that it is a CSV file in UTF-8")
    }
    if let offset = UTF8Check.firstInvalidByte(bytes.span) {
      throw error(
        .notText, at: offset, "a byte that is not UTF-8 text",
        advice: "save the file in the encoding UTF-8")
    }
    return bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
  }

  /// The delimiter by which the first record names all wanted columns; `nil` if there is none.
  private func delimiter(giving wanted: some Collection<String>, from start: Int) -> UInt8? {
    guard !wanted.isEmpty, options.header == .firstRecord else { return nil }
    return Self.delimiters.first { candidate in
      var scanner = CSVScanner(
        bytes: bytes, delimiter: candidate, source: "", position: start, line: 1)
      scanner.skipBlankLines()
      var found: Set<String> = []
      var end: CSVScanner.FieldEnd? = scanner.isAtEnd ? nil : .delimiter
      while case .delimiter = end {
        end = try? scanner.nextField()
        found.insert(scanner.fieldText())
      }
      return wanted.allSatisfy { found.contains($0) }
    }
  }

  private static let delimiters = [UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\t")]

  /// The delimiter that cuts the first records most evenly into the most fields.
  private static func likelyDelimiter(_ bytes: [UInt8], from start: Int) -> UInt8 {
    var best = (isEven: false, fields: 1, delimiter: UInt8(ascii: ","))
    for candidate in delimiters {
      var scanner = CSVScanner(
        bytes: bytes, delimiter: candidate, source: "", position: start, line: 1)
      var counts: [Int] = []
      scanner.skipBlankLines()
      while counts.count < 10 && !scanner.isAtEnd {
        guard let count = try? countFields(&scanner) else { break }
        counts.append(count)
        scanner.skipBlankLines()
      }
      guard let fields = counts.first, fields > 1 else { continue }
      let isEven = counts.allSatisfy { $0 == fields }
      if (isEven && !best.isEven) || (isEven == best.isEven && fields > best.fields) {
        best = (isEven, fields, candidate)
      }
    }
    return best.delimiter
  }

  /// Moves past one record.
  private static func countFields(_ scanner: inout CSVScanner) throws(DataError) -> Int {
    var count = 1
    while case .delimiter = try scanner.nextField() { count += 1 }
    return count
  }

  // MARK: Names and rows

  private mutating func readHeader(from start: Int) throws(DataError) {
    var scanner = scanner(at: start, line: 1)
    scanner.skipBlankLines()
    guard !scanner.isAtEnd else {
      throw DataError(
        .empty, source: source, "the file is empty", advice: "give a CSV file with a header line")
    }
    if options.header == .absent {
      dataStart = scanner.position
      dataLine = scanner.line
      let count = try Self.countFields(&scanner)
      names = (1...count).map { "column\($0)" }
      return
    }
    var positions: [String: Int] = [:]
    var end = CSVScanner.FieldEnd.delimiter
    while case .delimiter = end {
      end = try scanner.nextField()
      let name = scanner.fieldText()
      let number = names.count + 1
      let isLast = if case .delimiter = end { false } else { true }
      // A first column without a name may hold row numbers; its values will tell.
      if name.isEmpty && (isLast || number > 1) {
        throw unnamedColumn(
          number, at: scanner.fieldStart,
          advice: isLast && number > 1
            ? "remove the delimiter at the end of each line, or give the column a name"
            : "write a name for it in the header line, or remove the column")
      }
      if name.isEmpty { unnamedFirst = scanner.fieldStart }
      if let earlier = positions.updateValue(number, forKey: name) {
        throw scanner.error(
          .badColumnName, at: scanner.fieldStart,
          "columns \(earlier) and \(number) are both called \(name.quotedForMessage)",
          advice: "rename one; if the first line is data, add a line with the column names above it"
        )
      }
      names.append(name)
    }
    dataStart = scanner.position
    dataLine = scanner.line
  }

  /// Finds where the rows are and checks that all have as many fields as the header.
  private mutating func findRows() throws(DataError) {
    var scanner = scanner(at: dataStart, line: dataLine)
    let hasNoQuotes = !LineScan.contains(UInt8(ascii: "\""), in: bytes.span, from: 0)
    // In a file of one column a blank line is a missing value, unless only blank lines follow.
    var blankLines = 0
    while !scanner.isAtEnd {
      let start = scanner.position
      if names.count > 1 {
        scanner.skipBlankLines()
        if scanner.position != start { continue }
      }
      if hasNoQuotes && names.count > 1 {
        let earlier = scanner
        if scanner.skipRecordWithoutQuotes() == names.count {
          rowCount += 1
          continue
        }
        scanner = earlier
      }
      let count = try Self.countFields(&scanner)
      guard count == names.count else {
        throw raggedRow(scanner, start: start, found: count)
      }
      if names.count == 1 {
        if scanner.fieldStart == scanner.fieldEnd && !scanner.fieldIsQuoted {
          blankLines += 1
          continue
        }
        rowCount += blankLines
        blankLines = 0
      }
      rowCount += 1
    }
    if rowCount == 0 {
      throw DataError(
        .empty, source: source, "the file has a header but no rows",
        advice: "add rows; if the first line is data, add a line with the column names above it")
    }
  }

  private func raggedRow(_ scanner: CSVScanner, start: Int, found: Int) -> DataError {
    let endsWithDelimiter =
      found == names.count + 1 && scanner.fieldStart == scanner.fieldEnd && !scanner.fieldIsQuoted
    let advice =
      endsWithDelimiter
      ? "remove the delimiter at the end of the line"
      : "put fields that contain the delimiter in quotes, and give every row the same fields"
    return scanner.error(
      .raggedRow, at: start,
      "the row has \(NumberFormat.counted(found, "field")), expected \(names.count)",
      advice: advice)
  }

  // MARK: Small things

  /// Stands before the first row.
  var rowScanner: CSVScanner { scanner(at: dataStart, line: dataLine) }

  private func scanner(at position: Int, line: Int) -> CSVScanner {
    CSVScanner(bytes: bytes, delimiter: delimiter, source: source, position: position, line: line)
  }

  func unnamedColumn(_ number: Int, at offset: Int, advice: String) -> DataError {
    error(.badColumnName, at: offset, "column \(number) has no name", advice: advice)
  }

  func error(
    _ kind: DataError.Kind, at offset: Int, _ message: String, advice: String
  ) -> DataError {
    Self.error(kind, at: offset, in: bytes, source: source, message, advice: advice)
  }

  /// An error with the line and column of a byte; a byte-order mark is no column.
  static func error(
    _ kind: DataError.Kind, at offset: Int, in bytes: [UInt8], source: String, _ message: String,
    advice: String
  ) -> DataError {
    let start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    let text = bytes.span.extracting(droppingFirst: start)
    let (line, column) = TextPosition.of(max(0, offset - start), in: text)
    return DataError(kind, source: source, line: line, column: column, message, advice: advice)
  }
}
