internal import EbbSystem

/// Cuts the bytes of a CSV file into fields and records, from front to back.
///
/// RFC 4180 with what users meet besides: LF, CRLF and CR end a record, also mixed; blanks around
/// a field that is not quoted do not belong to it; a quote inside such a field is an ordinary
/// character.
struct CSVScanner {
  /// What came after a field.
  enum FieldEnd {
    case delimiter
    case record
    /// The end of the file; the field may be the last of a record without a line break.
    case file
  }

  /// The most bytes of a field: far more than any number, word or name has. What is longer is most
  /// likely a quote that was forgotten, or no table; it is refused before anything is made of it.
  static let longestField = 1_000_000

  let bytes: [UInt8]
  let delimiter: UInt8
  let source: String

  /// Where the next field begins.
  private(set) var position: Int
  /// The line of `position`, from 1.
  private(set) var line: Int
  /// The bytes of the latest field, without its quotes and the blanks around it.
  private(set) var fieldStart = 0
  private(set) var fieldEnd = 0
  /// Whether the latest field was in quotes.
  private(set) var fieldIsQuoted = false
  /// Whether the latest field holds doubled quotes.
  private(set) var fieldHasDoubledQuotes = false

  init(bytes: [UInt8], delimiter: UInt8, source: String, position: Int, line: Int) {
    self.bytes = bytes
    self.delimiter = delimiter
    self.source = source
    self.position = position
    self.line = line
  }

  /// Whether all bytes have been read.
  var isAtEnd: Bool { position >= bytes.count }

  /// Skips line breaks, and blanks on lines that hold nothing else.
  mutating func skipBlankLines() {
    let (position, lines) = LineScan.skipBlankLines(
      in: bytes.span, from: position, tab: delimiter != UInt8(ascii: "\t"))
    self.position = position
    line += lines
  }

  /// Moves past a record of a file that has no quotes at all.
  ///
  /// - Returns: How many fields it has.
  mutating func skipRecordWithoutQuotes() -> Int {
    let (count, end) = LineScan.count(delimiter, in: bytes.span, from: position)
    position = end
    if end < bytes.count { endLine() }
    return count + 1
  }

  /// Moves past the next field if it is a whole number of up to nine digits, without sign, blanks
  /// or leading zeros: what most fields of counts, pixels and labels are.
  ///
  /// - Returns: The number, or `nil`, without having moved, when the field is anything else.
  @inline(__always)
  mutating func nextShortWholeNumber() -> Double? {
    let start = position
    let last = min(bytes.count - 1, start + 9)
    var index = start
    var value: UInt32 = 0
    while index < last {
      let digit = bytes[index] &- UInt8(ascii: "0")
      guard digit < 10 else { break }
      value = value &* 10 &+ UInt32(digit)
      index += 1
    }
    guard index > start, index <= last,
      index == start + 1 || bytes[start] != UInt8(ascii: "0")
    else { return nil }
    let byte = bytes[index]
    guard byte == delimiter || byte == 10 || byte == 13 else { return nil }
    position = index
    if byte == delimiter { position += 1 } else { endLine() }
    return Double(value)
  }

  /// Moves past the next field and says what ended it.
  @inline(__always)
  mutating func nextField() throws(DataError) -> FieldEnd {
    let count = bytes.count
    var index = position
    while index < count, isBlank(bytes[index]) { index += 1 }
    if index < count, bytes[index] == UInt8(ascii: "\"") { return try quotedField(from: index) }
    fieldStart = index
    fieldIsQuoted = false
    fieldHasDoubledQuotes = false
    var byte: UInt8 = 0
    let limit = min(count, index + Self.longestField + 1)
    while index < limit {
      byte = bytes[index]
      if byte == delimiter || byte == 10 || byte == 13 { break }
      index += 1
    }
    guard index - fieldStart <= Self.longestField else { throw tooLong(at: fieldStart) }
    fieldEnd = index
    while fieldEnd > fieldStart, isBlank(bytes[fieldEnd - 1]) { fieldEnd -= 1 }
    position = index
    guard index < count else { return .file }
    if byte == delimiter {
      position = index + 1
      return .delimiter
    }
    endLine()
    return .record
  }

  private mutating func quotedField(from opening: Int) throws(DataError) -> FieldEnd {
    let count = bytes.count
    var index = opening + 1
    var lines = 0
    fieldStart = index
    fieldIsQuoted = true
    fieldHasDoubledQuotes = false
    while true {
      let isTooLong = index - fieldStart > Self.longestField
      if isTooLong && LineScan.contains(UInt8(ascii: "\""), in: bytes.span, from: index) {
        throw tooLong(at: opening)
      }
      guard index < count, !isTooLong else {
        throw error(
          .badQuote, at: opening, "the quote that opens here is never closed",
          advice: "close it, or write a quote inside a quoted field as two")
      }
      let byte = bytes[index]
      if byte == UInt8(ascii: "\"") {
        guard index + 1 < count, bytes[index + 1] == byte else { break }
        fieldHasDoubledQuotes = true
        index += 2
        continue
      }
      if byte == 10 || (byte == 13 && !(index + 1 < count && bytes[index + 1] == 10)) { lines += 1 }
      index += 1
    }
    fieldEnd = index
    index += 1
    while index < count, isBlank(bytes[index]) { index += 1 }
    line += lines
    position = index
    guard index < count else { return .file }
    if bytes[index] == delimiter {
      position = index + 1
      return .delimiter
    }
    guard bytes[index] == 10 || bytes[index] == 13 else {
      throw error(
        .badQuote, at: index, "text follows the closing quote of a field",
        advice: "write a quote inside a quoted field as two")
    }
    endLine()
    return .record
  }

  @inline(never)
  private func tooLong(at offset: Int) -> DataError {
    error(
      .badValue, at: offset,
      "the field that begins here has more than \(NumberFormat.grouped(Self.longestField)) bytes",
      advice: "check that this is a table with a header, that the delimiter is right, and that no "
        + "quote is missing")
  }

  /// The latest field as text.
  func fieldText() -> String {
    guard fieldHasDoubledQuotes else {
      return String(decoding: bytes[fieldStart..<fieldEnd], as: UTF8.self)
    }
    var text: [UInt8] = []
    var index = fieldStart
    while index < fieldEnd {
      text.append(bytes[index])
      index += bytes[index] == UInt8(ascii: "\"") ? 2 : 1
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// An error with the line and column of a byte.
  func error(
    _ kind: DataError.Kind, at offset: Int, _ message: String, advice: String = ""
  ) -> DataError {
    CSVReader.error(kind, at: offset, in: bytes, source: source, message, advice: advice)
  }

  @inline(__always)
  private func isBlank(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || (byte == UInt8(ascii: "\t") && delimiter != byte)
  }

  /// Moves past the line break at `position`.
  @inline(__always)
  private mutating func endLine() {
    let isPair =
      bytes[position] == 13 && position + 1 < bytes.count && bytes[position + 1] == 10
    position += isPair ? 2 : 1
    line += 1
  }
}
