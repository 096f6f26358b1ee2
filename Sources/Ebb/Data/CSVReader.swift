import EbbSystem

/// Reads a CSV file into columns.
///
/// The bytes are walked twice, and a third time when there are columns of text. The first walk
/// finds the rows and every error of form, before anything is allocated for values; so what a
/// file can make Ebb allocate is bounded by its size.
struct CSVReader {
  private let bytes: [UInt8]
  private let source: String
  private let options: CSVOptions
  private let missingWords: MissingWords
  private var delimiter: UInt8 = 0
  private var names: [String] = []
  /// The first record of data.
  private var dataStart = 0
  private var dataLine = 1
  /// Where the name of the first column should stand, if it has none.
  private var unnamedFirst: Int?
  private var rowCount = 0
  /// The line of each row, known once the values are read.
  private var rowLines: [Int] = []
  private var notes: [String] = []

  static func read(
    _ bytes: [UInt8], source: String, options: CSVOptions
  ) throws(DataError) -> Table {
    var reader = CSVReader(bytes: bytes, source: source, options: options)
    return try reader.table()
  }

  private init(bytes: [UInt8], source: String, options: CSVOptions) {
    self.bytes = bytes
    self.source = source
    self.options = options
    missingWords = MissingWords(options)
  }

  private mutating func table() throws(DataError) -> Table {
    let start = try checkBytes()
    delimiter = options.delimiter.byte ?? Self.likelyDelimiter(bytes, from: start)
    try readHeader(from: start)
    try findRows()
    try MemoryNeed.table(rows: rowCount, columns: names.count, bytesEach: 8, of: source)
    let columns = try readColumns()
    return Table(
      source: source, checkedColumns: try withoutRowNumbers(columns), rowCount: rowCount,
      rowLines: rowLines, notes: notes)
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

  /// The delimiter that cuts the first records most evenly into the most fields.
  private static func likelyDelimiter(_ bytes: [UInt8], from start: Int) -> UInt8 {
    var best = (isEven: false, fields: 1, delimiter: UInt8(ascii: ","))
    for candidate in [UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\t")] {
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

  // MARK: Values

  /// What is known of a column while it is read.
  private struct Progress {
    /// The first field that is no number: row and offset.
    var firstText: (row: Int, offset: Int)?
    /// The first infinite or too large number.
    var firstRefused: (offset: Int, text: String)?
    var hasDecimalComma = false
    /// The first field that is missing if the column is numeric, and a value if it is text.
    var firstNoNumber: (row: Int, offset: Int)?
  }

  private mutating func readColumns() throws(DataError) -> [Column] {
    rowLines.reserveCapacity(rowCount)
    var progress = [Progress](repeating: Progress(), count: names.count)
    var numbers = [[Double]](
      repeating: [Double](repeating: .nan, count: rowCount), count: names.count)
    // Numbers are gathered row by row and handed to the columns in blocks: columns of equal size
    // lie so that their elements of one row would push each other out of the cache.
    let blockRows = max(1, min(64, (1 << 14) / names.count, rowCount))
    var block = [Double](repeating: .nan, count: blockRows * names.count)
    var isText = [Bool](repeating: false, count: names.count)
    var scanner = scanner(at: dataStart, line: dataLine)
    for blockStart in stride(from: 0, to: rowCount, by: blockRows) {
      let blockEnd = min(blockStart + blockRows, rowCount)
      var place = 0
      for row in blockStart..<blockEnd {
        if names.count > 1 { scanner.skipBlankLines() }
        rowLines.append(scanner.line)
        for column in names.indices {
          if let number = scanner.nextShortWholeNumber() {
            block[place] = number
          } else {
            _ = try scanner.nextField()
            if !isText[column] {
              if let number = readNumber(scanner) {
                block[place] = number
              } else {
                block[place] = .nan
                isText[column] = readWord(scanner, row: row, into: &progress[column])
              }
            }
          }
          place += 1
        }
      }
      for column in names.indices where !isText[column] {
        for row in blockStart..<blockEnd {
          numbers[column][row] = block[(row - blockStart) * names.count + column]
        }
      }
    }
    for column in progress where column.firstText == nil {
      if let (offset, text) = column.firstRefused {
        throw error(
          .numberOutOfRange, at: offset, "\(text.quotedForMessage) is not a finite number",
          advice: "correct it, or leave the field empty if the value is missing")
      }
    }
    for column in names.indices where !isText[column] {
      if let first = progress[column].firstNoNumber, numbers[column].allSatisfy(\.isNaN) {
        progress[column].firstText = first
        isText[column] = true
      }
    }
    let texts = try readTexts(isText)
    return names.indices.map { index in
      guard let text = texts[index], let first = progress[index].firstText else {
        return Column(name: names[index], numbers: numbers[index])
      }
      addNote(on: progress[index], name: names[index], row: first.row, text: text)
      return Column(name: names[index], texts: text, firstTextRow: first.row)
    }
  }

  /// The latest field's number; `nil` when it is missing, no number or not finite.
  @inline(__always)
  private func readNumber(_ scanner: CSVScanner) -> Double? {
    let (start, end) = (scanner.fieldStart, scanner.fieldEnd)
    guard start < end else { return nil }
    guard case .value(let number) = NumberParser.double(bytes.span.extracting(start..<end)),
      !NumberForm.hasLeadingZeros(bytes, start, end)
    else { return nil }
    return number
  }

  /// Looks closer at a field that is no finite number; whether it makes its column text.
  @inline(never)
  private func readWord(
    _ scanner: CSVScanner, row: Int, into progress: inout Progress
  ) -> Bool {
    let field = bytes[scanner.fieldStart..<scanner.fieldEnd]
    if missingWords.contains(field) { return false }
    if MissingWords.meansNoNumber(field) {
      if progress.firstNoNumber == nil { progress.firstNoNumber = (row, scanner.fieldStart) }
      return false
    }
    if NumberParser.double(Array(field).span) == .outOfRange {
      if progress.firstRefused == nil {
        progress.firstRefused = (scanner.fieldStart, scanner.fieldText())
      }
      return false
    }
    progress.firstText = (row, scanner.fieldStart)
    progress.hasDecimalComma = NumberForm.hasDecimalComma(field)
    return true
  }

  /// The texts of the columns that are not numeric; `nil` for the others.
  private func readTexts(_ isText: [Bool]) throws(DataError) -> [TextValues?] {
    guard isText.contains(true) else { return isText.map { _ in nil } }
    var texts = isText.map { $0 ? TextValues(capacity: rowLines.count) : nil }
    var positions = [[String: Int32]](repeating: [:], count: names.count)
    var scanner = scanner(at: dataStart, line: dataLine)
    for _ in rowLines {
      if names.count > 1 { scanner.skipBlankLines() }
      for column in names.indices {
        _ = try scanner.nextField()
        guard isText[column] else { continue }
        if missingWords.contains(bytes[scanner.fieldStart..<scanner.fieldEnd]) {
          texts[column]?.append(nil, positions: &positions[column])
        } else {
          texts[column]?.append(scanner.fieldText(), positions: &positions[column])
        }
      }
    }
    return texts
  }

  private mutating func addNote(
    on progress: Progress, name: String, row: Int, text: TextValues
  ) {
    let value = (text[row] ?? "").quotedForMessage
    if progress.hasDecimalComma {
      notes.append(
        "column \(name.quotedForMessage) is taken as text: \(value) in line \(rowLines[row]) has a "
          + "decimal comma; write numbers with a point")
    } else if text.areMostlyNumbers {
      notes.append(
        "column \(name.quotedForMessage) is taken as text: \(value) in line \(rowLines[row]) is "
          + "the first value that is not a number")
    }
  }

  /// The columns without a nameless first one that numbers the rows, as table programs write.
  private mutating func withoutRowNumbers(_ columns: [Column]) throws(DataError) -> [Column] {
    guard let offset = unnamedFirst, let first = columns.first else { return columns }
    guard case .numbers(let numbers) = first.values, let start = numbers.first,
      [0, 1].contains(start), numbers.indices.allSatisfy({ numbers[$0] == start + Double($0) })
    else {
      throw unnamedColumn(
        1, at: offset, advice: "write a name for it in the header line, or remove the column")
    }
    notes.append("the first column, which has no name, numbers the rows; it is left out")
    return Array(columns.dropFirst())
  }

  // MARK: Small things

  private func scanner(at position: Int, line: Int) -> CSVScanner {
    CSVScanner(bytes: bytes, delimiter: delimiter, source: source, position: position, line: line)
  }

  private func unnamedColumn(_ number: Int, at offset: Int, advice: String) -> DataError {
    error(.badColumnName, at: offset, "column \(number) has no name", advice: advice)
  }

  private func error(
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
