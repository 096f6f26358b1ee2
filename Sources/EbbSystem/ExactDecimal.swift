/// All decimal digits of a `Double`: every one has a finite decimal form.
///
/// Rounding from these digits is exact, where multiplying by a power of ten is not.
struct ExactDecimal {
  /// The digits without leading zeros; empty for zero.
  private var digits: [UInt8] = []
  /// How many of the digits stand before the point; may be negative.
  private var pointPosition = 0

  /// The digits of a finite value that is not negative.
  init(magnitude: Double) {
    guard magnitude > 0 else { return }
    // magnitude = significand · 2^power with a whole significand.
    let fraction = magnitude.significandBitPattern
    let isSubnormal = magnitude.exponentBitPattern == 0
    var significand = isSubnormal ? fraction : fraction | 1 << 52
    var power = (isSubnormal ? 1 : Int(magnitude.exponentBitPattern)) - 1075
    let spare = significand.trailingZeroBitCount
    significand >>= UInt64(spare)
    power += spare
    // Limbs of nine digits, the least significant first.
    var limbs = [UInt32(significand % Self.base), UInt32(significand / Self.base % Self.base)]
    // With a negative power the digits are those of significand · 5^-power, moved by the point.
    for _ in 0..<power.magnitude { Self.multiply(&limbs, by: power < 0 ? 5 : 2) }
    for limb in limbs.reversed() {
      var divisor: UInt32 = 100_000_000
      while divisor > 0 {
        digits.append(UInt8(limb / divisor % 10))
        divisor /= 10
      }
    }
    digits.removeFirst(digits.firstIndex { $0 != 0 } ?? digits.count)
    pointPosition = digits.count - (power < 0 ? -power : 0)
  }

  private static let base: UInt64 = 1_000_000_000

  private static func multiply(_ limbs: inout [UInt32], by factor: UInt64) {
    var carry: UInt64 = 0
    for index in limbs.indices {
      let product = UInt64(limbs[index]) * factor + carry
      limbs[index] = UInt32(product % base)
      carry = product / base
    }
    if carry > 0 { limbs.append(UInt32(carry)) }
  }

  /// The digits of value · 10^decimals rounded to a whole number; "0" when that is zero.
  func rounded(toDecimals decimals: Int) -> String {
    let kept = keeping(pointPosition + decimals)
    return kept.isEmpty ? "0" : Self.text(kept)
  }

  /// Exactly `count` digits and the power of ten of the first one.
  func rounded(toSignificantDigits count: Int) -> (digits: String, exponent: Int) {
    var kept = keeping(count)
    var exponent = pointPosition - 1
    if kept.count > count {
      // 999.6 became 1000.
      kept.removeLast()
      exponent += 1
    }
    return (Self.text(kept), exponent)
  }

  /// The first `count` digits, rounded to nearest, ties to even; one more after a carry.
  private func keeping(_ count: Int) -> [UInt8] {
    guard count >= 0 else { return [] }
    var kept = Array(digits.prefix(count))
    if digits.count > count {
      let next = digits[count]
      let isTie = next == 5 && digits.count == count + 1
      let lastIsOdd = (kept.last ?? 0) & 1 == 1
      if next > 5 || (next == 5 && !isTie) || (isTie && lastIsOdd) { Self.increment(&kept) }
    } else {
      kept.append(contentsOf: repeatElement(0, count: count - digits.count))
    }
    return kept
  }

  private static func increment(_ digits: inout [UInt8]) {
    for index in digits.indices.reversed() {
      if digits[index] < 9 {
        digits[index] += 1
        return
      }
      digits[index] = 0
    }
    digits.insert(1, at: 0)
  }

  private static func text(_ digits: [UInt8]) -> String {
    String(decoding: digits.map { $0 + UInt8(ascii: "0") }, as: UTF8.self)
  }
}
