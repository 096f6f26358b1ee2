internal import EbbSystem

/// Forms of numbers that make a column text.
enum NumberForm {
  /// Whether digits follow a leading zero, as in identifiers and postal codes.
  @inline(__always)
  static func hasLeadingZeros(_ bytes: [UInt8], _ start: Int, _ end: Int) -> Bool {
    let first =
      bytes[start] == UInt8(ascii: "-") || bytes[start] == UInt8(ascii: "+") ? start + 1 : start
    return first + 1 < end && bytes[first] == UInt8(ascii: "0")
      && bytes[first + 1] &- UInt8(ascii: "0") < 10
  }

  /// Whether a field reads as a number once its only comma is a point.
  static func hasDecimalComma(_ field: ArraySlice<UInt8>) -> Bool {
    guard let comma = field.firstIndex(of: UInt8(ascii: ",")) else { return false }
    var text = Array(field)
    text[comma - field.startIndex] = UInt8(ascii: ".")
    if case .value = NumberParser.double(text.span) { return true }
    return false
  }

  /// A number in one spelling that all its spellings share, digit for digit, however many digits
  /// there are: `1`, `1.0`, `+01` and `10e-1` give the same; `nil` for what is no number.
  static func plain(_ text: String) -> String? {
    let bytes = Array(text.utf8)
    if case .notANumber = NumberParser.double(bytes.span) { return nil }
    let mantissa = bytes.prefix { $0 | 0x20 != UInt8(ascii: "e") }
    let ending = String(decoding: bytes.dropFirst(mantissa.count + 1), as: UTF8.self)
    guard let power = ending.isEmpty ? 0 : Int(ending) else { return text }
    var digits = mantissa.filter { $0 &- UInt8(ascii: "0") < 10 }
    let decimals = mantissa.firstIndex(of: UInt8(ascii: ".")).map { mantissa.count - $0 - 1 } ?? 0
    let (exponent, overflow) = power.subtractingReportingOverflow(decimals)
    let zeros = digits.reversed().prefix { $0 == UInt8(ascii: "0") }.count
    digits.removeLast(zeros)
    digits.removeFirst(digits.prefix { $0 == UInt8(ascii: "0") }.count)
    if digits.isEmpty { return "0" }
    guard !overflow else { return text }
    let sign = bytes.first == UInt8(ascii: "-") ? "-" : ""
    return "\(sign)\(String(decoding: digits, as: UTF8.self))e\(exponent &+ zeros)"
  }

  /// The name of a class of whole numbers that a label means which is written with a sign or a
  /// fraction of zeros, as programs write whole numbers that were fractions on the way: `1` for
  /// `1.0` and `+1`; `nil` for any other text.
  static func wholeNumber(_ label: String) -> String? {
    var text = Substring(label)
    if text.first == "+" {
      text.removeFirst()
      if text.first == "-" { return nil }
    }
    let whole = text.prefix { $0 != "." }
    let digits = whole.utf8.drop { $0 == UInt8(ascii: "-") }
    guard !digits.isEmpty, whole.utf8.count - digits.count <= 1,
      digits.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }),
      text.dropFirst(whole.count + 1).utf8.allSatisfy({ $0 == UInt8(ascii: "0") }),
      whole.count < label.count
    else { return nil }
    return String(whole)
  }
}
