/// What came of reading a number from text.
package enum ParsedNumber<Value: Sendable & Equatable>: Sendable, Equatable {
  case value(Value)
  case notANumber
  /// A number, but larger than the type can hold.
  case outOfRange
}

/// Strict decimal numbers from UTF-8, the same in every locale.
///
/// Accepted: an optional sign, digits with at most one point (`5`, `+5`, `.5`, `5.`), an optional
/// exponent (`1e3`). Refused: blanks, hexadecimal, words such as `nan` and `inf`, separators.
/// The result is the nearest value of the type; what is too small becomes zero.
package enum NumberParser {
  /// A `Double`.
  package static func double(_ bytes: Span<UInt8>) -> ParsedNumber<Double> {
    let parts = DecimalParts(bytes)
    guard parts.isNumber else { return .notANumber }
    if parts.isExact {
      let exponent = parts.exponent
      if parts.digits < 1 << 53 && exponent >= -22 && exponent <= 22 {
        // Both factors are exact, so the one rounding is the right one (Clinger 1990).
        let magnitude = Double(parts.digits)
        let value =
          exponent < 0
          ? magnitude / exactPowersOfTen[-exponent] : magnitude * exactPowersOfTen[exponent]
        return .value(parts.isNegative ? -value : value)
      }
      if let (significand, power) = parts.binary() {
        let value = Double(significand) * Double(sign: .plus, exponent: power, significand: 1)
        return .value(parts.isNegative ? -value : value)
      }
    }
    guard let value = Double(text(bytes)) else { return .notANumber }
    return value.isFinite ? .value(value) : .outOfRange
  }

  /// A `Float`, rounded once from the decimal digits.
  package static func float(_ bytes: Span<UInt8>) -> ParsedNumber<Float> {
    let parts = DecimalParts(bytes)
    guard parts.isNumber else { return .notANumber }
    if parts.isExact, let (significand, power) = parts.binary() {
      let value = Float(significand) * Float(sign: .plus, exponent: power, significand: 1)
      return .value(parts.isNegative ? -value : value)
    }
    guard let value = Float(text(bytes)) else { return .notANumber }
    return value.isFinite ? .value(value) : .outOfRange
  }

  /// A whole number: an optional sign and digits only.
  package static func integer(_ bytes: Span<UInt8>) -> ParsedNumber<Int64> {
    var index = 0
    var isNegative = false
    if bytes.count > 0 && (bytes[0] == UInt8(ascii: "-") || bytes[0] == UInt8(ascii: "+")) {
      isNegative = bytes[0] == UInt8(ascii: "-")
      index = 1
    }
    guard index < bytes.count else { return .notANumber }
    var value: Int64 = 0
    var overflowed = false
    while index < bytes.count {
      let digit = bytes[index] &- UInt8(ascii: "0")
      guard digit < 10 else { return .notANumber }
      let (scaled, first) = value.multipliedReportingOverflow(by: 10)
      // Negative numbers reach one further, so they are built downwards.
      let (sum, second) =
        isNegative
        ? scaled.subtractingReportingOverflow(Int64(digit))
        : scaled.addingReportingOverflow(Int64(digit))
      overflowed = overflowed || first || second
      value = sum
      index += 1
    }
    return overflowed ? .outOfRange : .value(value)
  }

  package static func double(_ text: some StringProtocol) -> ParsedNumber<Double> {
    double(Array(text.utf8).span)
  }

  package static func float(_ text: some StringProtocol) -> ParsedNumber<Float> {
    float(Array(text.utf8).span)
  }

  package static func integer(_ text: some StringProtocol) -> ParsedNumber<Int64> {
    integer(Array(text.utf8).span)
  }

  /// The text of a number whose form has been checked, for the standard library's exact parser.
  private static func text(_ bytes: Span<UInt8>) -> String {
    bytes.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
  }
}

/// Powers of ten that a `Double` holds exactly.
private let exactPowersOfTen: [Double] = [
  1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
  1e18, 1e19, 1e20, 1e21, 1e22,
]

/// Powers of ten that a `UInt64` holds.
private let integerPowersOfTen: [UInt64] = {
  var powers: [UInt64] = [1]
  for _ in 1...19 { powers.append(powers[powers.count - 1] * 10) }
  return powers
}()

/// A decimal number taken apart: ± digits · 10^exponent.
private struct DecimalParts {
  var isNumber = false
  var isNegative = false
  var digits: UInt64 = 0
  var exponent = 0
  /// Whether `digits` and `exponent` are the whole truth: at most 19 significant digits.
  var isExact = true

  init(_ bytes: Span<UInt8>) {
    let count = bytes.count
    var index = 0
    guard count > 0 else { return }
    if bytes[0] == UInt8(ascii: "-") || bytes[0] == UInt8(ascii: "+") {
      isNegative = bytes[0] == UInt8(ascii: "-")
      index = 1
    }
    var significant = 0
    var seenDigit = false
    var seenPoint = false
    scan: while index < count {
      let byte = bytes[index]
      let digit = byte &- UInt8(ascii: "0")
      if digit < 10 {
        seenDigit = true
        if significant > 0 || digit > 0 { significant += 1 }
        if significant <= 19 {
          digits = digits &* 10 &+ UInt64(digit)
          if seenPoint { exponent -= 1 }
        } else {
          isExact = false
        }
      } else if byte == UInt8(ascii: ".") && !seenPoint {
        seenPoint = true
      } else if (byte | 0x20) == UInt8(ascii: "e") && seenDigit {
        index += 1
        guard let power = Self.exponent(bytes, from: index) else { return }
        exponent += power
        index = count
        break scan
      } else {
        return
      }
      index += 1
    }
    isNumber = seenDigit
    if digits == 0 && isExact { exponent = 0 }
  }

  /// The number after the `e`, cut off where it no longer matters.
  private static func exponent(_ bytes: Span<UInt8>, from start: Int) -> Int? {
    var index = start
    var isNegative = false
    if index < bytes.count,
      bytes[index] == UInt8(ascii: "-") || bytes[index] == UInt8(ascii: "+")
    {
      isNegative = bytes[index] == UInt8(ascii: "-")
      index += 1
    }
    guard index < bytes.count else { return nil }
    var value = 0
    while index < bytes.count {
      let digit = bytes[index] &- UInt8(ascii: "0")
      guard digit < 10 else { return nil }
      if value < 1 << 40 { value = value * 10 + Int(digit) }
      index += 1
    }
    return isNegative ? -value : value
  }

  /// The magnitude as significand · 2^power, its last bit set when the rest is not zero.
  ///
  /// The significand has at least 63 bits or is exact, so rounding it once to 53 or 24 bits gives
  /// the nearest value: the last bit only has to tell a tie from what lies beside it.
  func binary() -> (significand: UInt64, power: Int)? {
    guard digits > 0, exponent >= -19, exponent <= 19 else { return digits == 0 ? (0, 0) : nil }
    if exponent >= 0 {
      let (high, low) = digits.multipliedFullWidth(by: integerPowersOfTen[exponent])
      guard high > 0 else { return (low, 0) }
      let shift = high.leadingZeroBitCount
      let top = shift == 0 ? high : high << UInt64(shift) | low >> UInt64(64 - shift)
      return (top | (low << UInt64(shift) == 0 ? 0 : 1), 64 - shift)
    }
    let divisor = integerPowersOfTen[-exponent]
    let (divisorShift, digitsShift) = (divisor.leadingZeroBitCount, digits.leadingZeroBitCount)
    let numerator = digits << UInt64(digitsShift)
    let (quotient, remainder) = (divisor << UInt64(divisorShift)).dividingFullWidth(
      (numerator >> 1, numerator << 63))
    return (quotient | (remainder == 0 ? 0 : 1), divisorShift - digitsShift - 63)
  }
}
