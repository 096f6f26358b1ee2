/// A strict JSON reader (RFC 8259).
///
/// Besides what the grammar forbids, it refuses duplicate keys, a byte-order mark, invalid UTF-8,
/// lone surrogates, numbers beyond the range of a `Double` and too deep nesting.
package struct JSONReader {
  /// Reads a whole document.
  ///
  /// - Parameters:
  ///   - bytes: The text in UTF-8.
  ///   - depthLimit: How many arrays and objects may lie inside each other.
  ///   - valueLimit: How many values there may be in all: each takes far more memory than text.
  package static func read(
    _ bytes: [UInt8], depthLimit: Int = 128, valueLimit: Int = .max
  ) throws(JSONError) -> JSONValue {
    var reader = JSONReader(bytes: bytes, depthLimit: depthLimit, valueLimit: valueLimit)
    return try reader.document()
  }

  /// Reads a whole document from a text.
  package static func read(
    _ text: String, depthLimit: Int = 128, valueLimit: Int = .max
  ) throws(JSONError) -> JSONValue {
    try read(Array(text.utf8), depthLimit: depthLimit, valueLimit: valueLimit)
  }

  private let bytes: [UInt8]
  private let depthLimit: Int
  private let valueLimit: Int
  private var index = 0
  private var valueCount = 0

  private init(bytes: [UInt8], depthLimit: Int, valueLimit: Int) {
    self.bytes = bytes
    self.depthLimit = depthLimit
    self.valueLimit = valueLimit
  }

  private mutating func document() throws(JSONError) -> JSONValue {
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
      throw error(at: 0, "a byte-order mark is not allowed in JSON; save the file without it")
    }
    if let offset = UTF8Check.firstInvalidByte(bytes.span) {
      throw error(at: offset, "the text is not valid UTF-8")
    }
    skipBlanks()
    if index == bytes.count { throw error(at: index, "the text is empty; expected a JSON value") }
    let value = try value(depth: 0)
    skipBlanks()
    guard index == bytes.count else {
      throw error(at: index, "unexpected text after the end of the JSON value")
    }
    return value
  }

  private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
    guard index < bytes.count else { throw error(at: index, "the text ends too early") }
    valueCount += 1
    guard valueCount <= valueLimit else {
      throw error(at: index, "more than \(valueLimit) values")
    }
    switch bytes[index] {
    case UInt8(ascii: "{"): return .object(try object(depth: depth + 1))
    case UInt8(ascii: "["): return .array(try array(depth: depth + 1))
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    case UInt8(ascii: "/"), UInt8(ascii: "#"):
      throw error(at: index, "comments are not allowed in JSON")
    default: throw error(at: index, "expected a JSON value, found \(found(at: index))")
    }
  }

  private mutating func object(depth: Int) throws(JSONError) -> JSONObject {
    try checkDepth(depth)
    index += 1
    var object = JSONObject()
    skipBlanks()
    if take(UInt8(ascii: "}")) { return object }
    while true {
      skipBlanks()
      let start = index
      guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else {
        if index < bytes.count, bytes[index] == UInt8(ascii: "}") {
          throw error(at: index, "a comma before } is not allowed")
        }
        throw error(at: index, "expected a key in quotes, found \(found(at: index))")
      }
      let key = try string()
      if object[key] != nil {
        throw error(at: start, "the key \(JSONWriter.quotedForMessage(key)) appears twice")
      }
      skipBlanks()
      guard take(UInt8(ascii: ":")) else {
        throw error(at: index, "expected : after the key, found \(found(at: index))")
      }
      skipBlanks()
      object[key] = try value(depth: depth)
      skipBlanks()
      if take(UInt8(ascii: "}")) { return object }
      guard take(UInt8(ascii: ",")) else {
        throw error(at: index, "expected , or } in an object, found \(found(at: index))")
      }
    }
  }

  private mutating func array(depth: Int) throws(JSONError) -> [JSONValue] {
    try checkDepth(depth)
    index += 1
    var values: [JSONValue] = []
    skipBlanks()
    if take(UInt8(ascii: "]")) { return values }
    while true {
      skipBlanks()
      if index < bytes.count, bytes[index] == UInt8(ascii: "]") {
        throw error(at: index, "a comma before ] is not allowed")
      }
      values.append(try value(depth: depth))
      skipBlanks()
      if take(UInt8(ascii: "]")) { return values }
      guard take(UInt8(ascii: ",")) else {
        throw error(at: index, "expected , or ] in an array, found \(found(at: index))")
      }
    }
  }

  private mutating func number() throws(JSONError) -> JSONValue {
    let start = index
    var isWhole = true
    _ = take(UInt8(ascii: "-"))
    let firstDigit = index
    guard skipDigits() > 0 else { throw error(at: index, "a number needs a digit here") }
    if bytes[firstDigit] == UInt8(ascii: "0") && index > firstDigit + 1 {
      throw error(at: firstDigit, "a number must not begin with 0")
    }
    if take(UInt8(ascii: ".")) {
      isWhole = false
      guard skipDigits() > 0 else {
        throw error(at: index, "a number needs a digit after its point")
      }
    }
    if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
      isWhole = false
      if !take(UInt8(ascii: "-")) { _ = take(UInt8(ascii: "+")) }
      guard skipDigits() > 0 else {
        throw error(at: index, "a number needs a digit in its exponent")
      }
    }
    let digits = bytes.span.extracting(start..<index)
    if isWhole, case .value(let integer) = NumberParser.integer(digits) {
      return .integer(integer)
    }
    guard case .value(let number) = NumberParser.double(digits) else {
      throw error(at: start, "the number is too large")
    }
    return .number(number)
  }

  private mutating func string() throws(JSONError) -> String {
    let opening = index
    index += 1
    var text: [UInt8] = []
    while index < bytes.count {
      let start = index
      while index < bytes.count, bytes[index] != UInt8(ascii: "\""),
        bytes[index] != UInt8(ascii: "\\"), bytes[index] >= 0x20
      {
        index += 1
      }
      text.append(contentsOf: bytes[start..<index])
      guard index < bytes.count else { break }
      if take(UInt8(ascii: "\"")) { return String(decoding: text, as: UTF8.self) }
      if bytes[index] < 0x20 {
        throw error(at: index, "a control character in a text must be written as an escape")
      }
      try appendEscape(to: &text)
    }
    throw error(at: opening, "the text that begins here is never closed")
  }

  private mutating func appendEscape(to text: inout [UInt8]) throws(JSONError) {
    let start = index
    index += 1
    guard index < bytes.count else { throw error(at: start, "the text ends inside an escape") }
    let letter = bytes[index]
    index += 1
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(letter)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      var code = try hexadecimal(start)
      if (0xD800..<0xDC00).contains(code), take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) {
        let low = try hexadecimal(start)
        if (0xDC00..<0xE000).contains(low) {
          code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
        }
      }
      guard let scalar = Unicode.Scalar(code) else {
        throw error(at: start, "a surrogate without its partner is not a character")
      }
      text.append(contentsOf: Character(scalar).utf8)
    default:
      throw error(at: start, "unknown escape; known are \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u")
    }
  }

  private mutating func hexadecimal(_ start: Int) throws(JSONError) -> UInt32 {
    var code: UInt32 = 0
    for _ in 0..<4 {
      let scalar = index < bytes.count ? Unicode.Scalar(bytes[index]) : "?"
      guard let digit = Character(scalar).hexDigitValue else {
        throw error(at: start, "\\u needs four hexadecimal digits")
      }
      code = code << 4 | UInt32(digit)
      index += 1
    }
    return code
  }

  private mutating func word(_ text: StaticString, _ value: JSONValue) throws(JSONError)
    -> JSONValue
  {
    let expected = text.description
    guard bytes[index...].starts(with: expected.utf8) else {
      throw error(at: index, "expected a JSON value, found \(found(at: index))")
    }
    index += expected.utf8.count
    return value
  }

  private func checkDepth(_ depth: Int) throws(JSONError) {
    guard depth <= depthLimit else {
      throw error(at: index, "nested deeper than \(depthLimit) levels")
    }
  }

  private mutating func skipDigits() -> Int {
    let start = index
    while index < bytes.count, bytes[index] &- UInt8(ascii: "0") < 10 { index += 1 }
    return index - start
  }

  private mutating func skipBlanks() {
    while index < bytes.count {
      switch bytes[index] {
      case 0x20, 0x0A, 0x0D, 0x09: index += 1
      default: return
      }
    }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard index < bytes.count, bytes[index] == byte else { return false }
    index += 1
    return true
  }

  private func found(at offset: Int) -> String {
    guard offset < bytes.count else { return "the end of the text" }
    guard let character = String(decoding: bytes[offset...].prefix(32), as: UTF8.self).first else {
      return "nothing"
    }
    return JSONWriter.text(.string(String(character)))
  }

  private func error(at offset: Int, _ message: String) -> JSONError {
    let (line, column) = TextPosition.of(offset, in: bytes.span)
    return JSONError(place: .position(line: line, column: column), message: message)
  }
}
