/// Reads the dictionary in an NPY header: texts, True, False and tuples of whole numbers, no more.
struct PythonLiteral {
  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// What a header says.
  struct HeaderFields {
    var descr = ""
    var isFortranOrder = false
    var extents: [Int] = []
  }

  /// The three fields, each exactly once, and nothing after them but blanks.
  mutating func headerFields() throws(ArrayFileError) -> HeaderFields {
    var fields = HeaderFields()
    var seen: Set<String> = []
    try expect(UInt8(ascii: "{"), "a dictionary that begins with {")
    while !skip(UInt8(ascii: "}")) {
      let key = try text()
      guard seen.insert(key).inserted else { throw fault("'\(MessageText.cut(key))' stands twice") }
      try expect(UInt8(ascii: ":"), "a colon after '\(MessageText.cut(key))'")
      switch key {
      case "descr": fields.descr = try elementType()
      case "fortran_order": fields.isFortranOrder = try truth()
      case "shape": fields.extents = try tuple()
      default: throw fault("the field '\(key.prefix(40))' is not known")
      }
      guard skip(UInt8(ascii: ",")) || peek() == UInt8(ascii: "}") else {
        throw fault("expected a comma or }")
      }
    }
    for name in ["descr", "fortran_order", "shape"] where !seen.contains(name) {
      throw ArrayFileError(.damaged, "the header does not say '\(name)'")
    }
    guard peek() == nil else { throw fault("expected nothing after the }") }
    return fields
  }

  private func fault(_ message: String) -> ArrayFileError {
    ArrayFileError(.damaged, "the header, at its byte \(position): \(message)")
  }

  /// The next byte that is no blank, or nil at the end.
  private mutating func peek() -> UInt8? {
    let blanks: [UInt8] = [0x20, 0x09, 0x0A, 0x0D]
    while position < bytes.count, blanks.contains(bytes[position]) { position += 1 }
    return position < bytes.count ? bytes[position] : nil
  }

  private mutating func skip(_ byte: UInt8) -> Bool {
    guard peek() == byte else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ byte: UInt8, _ what: String) throws(ArrayFileError) {
    guard skip(byte) else { throw fault("expected \(what)") }
  }

  /// A text in single or double quotes, without escapes.
  private mutating func text() throws(ArrayFileError) -> String {
    guard let quote = peek(), quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else {
      throw fault("expected a text in quotes")
    }
    guard let end = bytes[(position + 1)...].firstIndex(of: quote) else {
      throw fault("the quote is never closed")
    }
    let content = bytes[(position + 1)..<end]
    guard content.allSatisfy({ (0x20..<0x7F).contains($0) && $0 != UInt8(ascii: "\\") }) else {
      throw fault("the text holds something other than plain letters")
    }
    position = end + 1
    return String(decoding: content, as: UTF8.self)
  }

  private mutating func elementType() throws(ArrayFileError) -> String {
    if peek() == UInt8(ascii: "[") {
      throw ArrayFileError(
        .unsupported, "structured arrays are not read; save each field as an array of its own")
    }
    return try text()
  }

  private mutating func truth() throws(ArrayFileError) -> Bool {
    for (word, value) in [("True", true), ("False", false)] {
      _ = peek()
      if bytes[position...].starts(with: word.utf8) {
        position += word.utf8.count
        return value
      }
    }
    throw fault("expected True or False")
  }

  /// `()`, `(3,)`, `(3, 4)`; a number may end with the L of Python 2.
  private mutating func tuple() throws(ArrayFileError) -> [Int] {
    try expect(UInt8(ascii: "("), "a shape in parentheses")
    var numbers: [Int] = []
    var hasComma = false
    while !skip(UInt8(ascii: ")")) {
      guard numbers.isEmpty || hasComma else { throw fault("expected a comma or )") }
      numbers.append(try number())
      hasComma = skip(UInt8(ascii: ","))
    }
    guard numbers.count != 1 || hasComma else {
      throw fault("a shape of one axis is written with a comma, such as (3,)")
    }
    return numbers
  }

  private mutating func number() throws(ArrayFileError) -> Int {
    guard let first = peek() else { throw fault("the shape is never closed") }
    if first == UInt8(ascii: "-") { throw fault("an extent is negative") }
    var value = 0
    let start = position
    while position < bytes.count, (0x30...0x39).contains(bytes[position]) {
      let (tenfold, overflow) = value.multipliedReportingOverflow(by: 10)
      let (next, carry) = tenfold.addingReportingOverflow(Int(bytes[position] - 0x30))
      guard !overflow, !carry else { throw fault("an extent has more than 63 bits") }
      value = next
      position += 1
    }
    guard position > start else { throw fault("expected a whole number in the shape") }
    if position < bytes.count, bytes[position] == UInt8(ascii: "L") { position += 1 }
    return value
  }
}
