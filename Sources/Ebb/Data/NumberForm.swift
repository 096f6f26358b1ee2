import EbbSystem

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
}
