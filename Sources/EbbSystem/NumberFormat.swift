/// Numbers as people read them. The same in every locale: a point, no rounding surprises.
package enum NumberFormat {
  /// The shortest text that reads back as the same value: `0.1`, `1.0`, `1e-07`.
  package static func shortest(_ value: Double) -> String { value.description }

  /// The shortest text that reads back as the same `Float`.
  package static func shortest(_ value: Float) -> String { value.description }

  /// A fixed number of decimals, rounded from the exact binary value, ties to even: `0.50`.
  package static func fixed(_ value: Double, decimals: Int) -> String {
    guard value.isFinite else { return word(value) }
    let decimals = max(0, decimals)
    let digits = ExactDecimal(magnitude: value.magnitude).rounded(toDecimals: decimals)
    var text = digits
    if text.utf8.count <= decimals {
      text = String(repeating: "0", count: decimals + 1 - text.utf8.count) + text
    }
    if decimals > 0 {
      let point = text.utf8.index(text.utf8.endIndex, offsetBy: -decimals)
      text = text[..<point] + "." + text[point...]
    }
    // "-0.00" says nothing that "0.00" does not.
    let isZero = !digits.utf8.contains { $0 != UInt8(ascii: "0") }
    return value.sign == .minus && !isZero ? "-" + text : text
  }

  /// A number of significant digits: `0.00123`, `12.3`, `1.23e-07`, `1.23e+09`.
  ///
  /// Very small and very large values are written with an exponent.
  package static func significant(_ value: Double, digits: Int) -> String {
    guard value.isFinite else { return word(value) }
    guard value != 0 else { return "0" }
    let digits = max(1, digits)
    let (text, exponent) = ExactDecimal(magnitude: value.magnitude)
      .rounded(toSignificantDigits: digits)
    let sign = value < 0 ? "-" : ""
    if exponent < -5 || exponent >= max(digits, 7) {
      let tail = text.dropFirst()
      let mantissa = text.prefix(1) + (tail.isEmpty ? "" : "." + tail)
      let power = exponent.magnitude < 10 ? "0\(exponent.magnitude)" : "\(exponent.magnitude)"
      return "\(sign)\(mantissa)e\(exponent < 0 ? "-" : "+")\(power)"
    }
    if exponent < 0 {
      return sign + "0." + String(repeating: "0", count: -exponent - 1) + text
    }
    if exponent + 1 >= text.count {
      return sign + text + String(repeating: "0", count: exponent + 1 - text.count)
    }
    return sign + text.prefix(exponent + 1) + "." + text.dropFirst(exponent + 1)
  }

  /// Whole numbers with a comma between thousands: `1,234,567`.
  package static func grouped(_ value: Int) -> String {
    let digits = Array(String(value.magnitude))
    var text = value < 0 ? "-" : ""
    for (index, digit) in digits.enumerated() {
      if index > 0 && (digits.count - index).isMultiple(of: 3) { text.append(",") }
      text.append(digit)
    }
    return text
  }

  /// A rate or the like as a whole number, towards zero; one that no integer holds in digits.
  package static func grouped(whole value: Double) -> String {
    value.magnitude < 0x1p53 ? grouped(Int(value)) : significant(value, digits: 4)
  }

  /// A duration: `850 ns`, `12 µs`, `3.4 ms`, `2.5 s`, `1 min 05 s`, `2 h 03 min`.
  package static func duration(seconds: Double) -> String {
    guard seconds.isFinite else { return word(seconds) }
    guard seconds >= 0 else { return "-" + duration(seconds: -seconds) }
    // Each limit is where rounding would reach the next unit.
    switch seconds {
    case 0: return "0 s"
    case ..<0.999_5e-6: return "\(significant(seconds * 1e9, digits: 3)) ns"
    case ..<0.999_5e-3: return "\(significant(seconds * 1e6, digits: 3)) µs"
    case ..<0.999_5: return "\(significant(seconds * 1e3, digits: 3)) ms"
    case ..<59.95: return "\(fixed(seconds, decimals: 1)) s"
    case ..<9e15:
      let whole = Int(seconds.rounded())
      if whole < 3600 { return "\(whole / 60) min \(twoDigits(whole % 60)) s" }
      let minutes = Int((seconds / 60).rounded())
      return "\(grouped(minutes / 60)) h \(twoDigits(minutes % 60)) min"
    default: return "\(significant(seconds, digits: 3)) s"
    }
  }

  /// A number of bytes in powers of 1,000: `512 B`, `1.5 kB`, `24.0 MB`.
  package static func bytes(_ count: Int) -> String {
    guard count.magnitude >= 1000 else { return "\(count) B" }
    var value = Double(count)
    let units = ["kB", "MB", "GB", "TB", "PB", "EB"]
    for unit in units {
      value /= 1000
      if value.magnitude < 999.95 || unit == "EB" { return "\(fixed(value, decimals: 1)) \(unit)" }
    }
    return "\(count) B"
  }

  /// A count with its noun: `1 row`, `2,000 rows`.
  package static func counted(_ count: Int, _ singular: String, plural: String? = nil) -> String {
    "\(grouped(count)) \(count == 1 ? singular : plural ?? singular + "s")"
  }

  private static func twoDigits(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }

  private static func word(_ value: Double) -> String {
    value.isNaN ? "nan" : value < 0 ? "-inf" : "inf"
  }
}

extension String {
  /// The text followed by blanks up to `width` characters.
  package func paddedRight(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }

  /// Blanks up to `width` characters followed by the text.
  package func paddedLeft(to width: Int) -> String {
    String(repeating: " ", count: max(0, width - count)) + self
  }
}
