internal import EbbSystem

/// Reads the values of a CSV file's columns, once its form is known.
///
/// The bytes are walked once, and a second time when there are columns of text.
struct CSVValues {
  private let file: CSVReader
  /// The line of each row.
  private(set) var rowLines: [Int] = []
  private(set) var columns: [Column] = []
  private(set) var notes: [String] = []

  private let bytes: [UInt8]
  private let names: [String]

  init(_ file: CSVReader, as types: ColumnTypes) throws(DataError) {
    self.file = file
    (bytes, names) = (file.bytes, file.names)
    switch types {
    case .inferred:
      columns = try withoutRowNumbers(try inferredColumns())
    case .given(let types):
      columns = try givenColumns(names.map { types[$0] })
    }
  }

  // MARK: Types

  /// What is known of a column while it is read.
  private struct Progress {
    /// The first field that is no number: row and offset.
    var firstText: (row: Int, offset: Int)?
    /// The first infinite or too large number.
    var firstRefused: (offset: Int, text: String)?
    var hasDecimalComma = false
    /// The first field that is missing if the column is numeric, and a value if it is text.
    var firstNoNumber: (row: Int, offset: Int)?
    /// The words that stood for a missing value.
    var missingWords: [String] = []

    /// So many of them are kept, to be quoted.
    private static let mostWords = 4

    mutating func note(missing word: @autoclosure () -> String) {
      guard missingWords.count < Self.mostWords else { return }
      let word = word()
      if !word.isEmpty && !missingWords.contains(word) { missingWords.append(word) }
    }
  }

  private mutating func inferredColumns() throws(DataError) -> [Column] {
    var progress = [Progress](repeating: Progress(), count: names.count)
    var isText = [Bool](repeating: false, count: names.count)
    let numbers = try readNumbers(&isText, &progress)
    for column in progress where column.firstText == nil {
      if let (offset, text) = column.firstRefused { throw tooLarge(text, at: offset) }
    }
    for column in names.indices where !isText[column] {
      if let first = progress[column].firstNoNumber, numbers[column].allSatisfy(\.isNaN) {
        progress[column].firstText = first
        isText[column] = true
      }
    }
    let texts = try readTexts(isText, &progress)
    return names.indices.map { index in
      let words = progress[index].missingWords
      guard let text = texts[index], let first = progress[index].firstText else {
        return Column(name: names[index], numbers: numbers[index], missingWords: words)
      }
      addNote(on: progress[index], name: names[index], row: first.row, text: text)
      return Column(
        name: names[index], texts: text, firstTextRow: first.row, missingWords: words)
    }
  }

  /// The columns whose type is said; `nil` stands for one that is not wanted.
  private mutating func givenColumns(_ types: [ColumnType?]) throws(DataError) -> [Column] {
    var progress = [Progress](repeating: Progress(), count: names.count)
    var isNoNumber = types.map { $0 != .numbers }
    let numbers =
      types.contains(.texts) && !types.contains(.numbers)
      ? [] : try readNumbers(&isNoNumber, &progress)
    for index in names.indices where types[index] == .numbers {
      let (text, refused) = (progress[index].firstText, progress[index].firstRefused)
      if let text, text.offset < refused?.offset ?? .max {
        throw noNumber(at: text.offset, row: text.row, in: index)
      }
      if let (offset, text) = refused { throw tooLarge(text, at: offset) }
    }
    let texts = try readTexts(types.map { $0 == .texts }, &progress)
    return names.indices.compactMap { index in
      let words = progress[index].missingWords
      switch types[index] {
      case .numbers:
        return Column(name: names[index], numbers: numbers[index], missingWords: words)
      case .texts:
        return texts[index].map {
          Column(name: names[index], texts: $0, firstTextRow: nil, missingWords: words)
        }
      case nil: return nil
      }
    }
  }

  // MARK: Numbers

  /// Reads all columns as numbers that are not text, or have not yet turned out to be.
  private mutating func readNumbers(
    _ isText: inout [Bool], _ progress: inout [Progress]
  ) throws(DataError) -> [[Double]] {
    let rowCount = file.rowCount
    rowLines.reserveCapacity(rowCount)
    var numbers = [[Double]](
      repeating: [Double](repeating: .nan, count: rowCount), count: names.count)
    // Numbers are gathered row by row and handed to the columns in blocks: columns of equal size
    // lie so that their elements of one row would push each other out of the cache.
    let blockRows = max(1, min(64, (1 << 14) / names.count, rowCount))
    var block = [Double](repeating: .nan, count: blockRows * names.count)
    var scanner = file.rowScanner
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
    return numbers
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

  /// Looks closer at a field that is no finite number; whether it is a text.
  @inline(never)
  private func readWord(
    _ scanner: CSVScanner, row: Int, into progress: inout Progress
  ) -> Bool {
    let field = bytes[scanner.fieldStart..<scanner.fieldEnd]
    if file.missingWords.contains(field) {
      progress.note(missing: scanner.fieldText())
      return false
    }
    if MissingWords.meansNoNumber(field) {
      progress.note(missing: scanner.fieldText())
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

  // MARK: Texts

  /// The texts of some columns; `nil` for the others.
  private mutating func readTexts(
    _ isText: [Bool], _ progress: inout [Progress]
  ) throws(DataError) -> [TextValues?] {
    guard isText.contains(true) else { return isText.map { _ in nil } }
    var texts = isText.map { $0 ? TextValues(capacity: file.rowCount) : nil }
    let isFirstWalk = rowLines.isEmpty
    var positions = [[ExactText: Int32]](repeating: [:], count: names.count)
    for column in names.indices where isText[column] { progress[column].missingWords = [] }
    var scanner = file.rowScanner
    for _ in 0..<file.rowCount {
      if names.count > 1 { scanner.skipBlankLines() }
      if isFirstWalk { rowLines.append(scanner.line) }
      for column in names.indices {
        guard isText[column] else {
          if scanner.nextShortWholeNumber() == nil { _ = try scanner.nextField() }
          continue
        }
        _ = try scanner.nextField()
        if file.missingWords.contains(bytes[scanner.fieldStart..<scanner.fieldEnd]) {
          progress[column].note(missing: scanner.fieldText())
          texts[column]?.append(nil, positions: &positions[column])
        } else {
          texts[column]?.append(scanner.fieldText(), positions: &positions[column])
        }
      }
    }
    return texts
  }

  // MARK: Notes and errors

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
    guard let offset = file.unnamedFirst, let first = columns.first else { return columns }
    guard case .numbers(let numbers) = first.values, let start = numbers.first,
      [0, 1].contains(start), numbers.indices.allSatisfy({ numbers[$0] == start + Double($0) })
    else {
      throw file.unnamedColumn(
        1, at: offset, advice: "write a name for it in the header line, or remove the column")
    }
    notes.append("the first column, which has no name, numbers the rows; it is left out")
    return Array(columns.dropFirst())
  }

  private func tooLarge(_ text: String, at offset: Int) -> DataError {
    file.error(
      .numberOutOfRange, at: offset, "\(text.quotedForMessage) is not a finite number",
      advice: "correct it, or leave the field empty if the value is missing")
  }

  /// The error for a text among numbers.
  private func noNumber(at offset: Int, row: Int, in column: Int) -> DataError {
    var text = ""
    do throws(DataError) {
      text = try file.texts(of: [(row, column)])[0]
    } catch {
      return error
    }
    return file.error(
      .wrongColumnType, at: offset, DataError.noNumber(text, in: names[column]),
      advice: DataError.advice(onNoNumber: text))
  }
}

extension CSVReader {
  /// The texts of some fields as they stand in the file, in one walk.
  ///
  /// - Parameter places: rows and columns, from 0; rows ascending.
  func texts(of places: [(row: Int, column: Int)]) throws(DataError) -> [String] {
    var texts = [String](repeating: "", count: places.count)
    var scanner = rowScanner
    var next = 0
    for row in 0..<rowCount where next < places.count {
      if names.count > 1 { scanner.skipBlankLines() }
      for column in names.indices {
        _ = try scanner.nextField()
        var place = next
        while place < places.count, places[place].row == row {
          if places[place].column == column { texts[place] = scanner.fieldText() }
          place += 1
        }
      }
      while next < places.count, places[next].row == row { next += 1 }
    }
    return texts
  }
}

extension DataError {
  /// What is wrong with a text where a model expects a number.
  static func noNumber(_ text: String, in column: String) -> String {
    "column \(column.quotedForMessage) holds \(text.quotedForMessage), and the model expects "
      + "numbers there"
  }

  static func advice(onNoNumber text: String) -> String {
    let field = Array(text.utf8)
    if NumberForm.hasDecimalComma(field[...]) { return "write numbers with a point" }
    if field.count > 1, NumberForm.hasLeadingZeros(field, 0, field.count) {
      return "write numbers without zeros in front"
    }
    return "correct the value, or leave the field empty if it is missing"
  }
}
