/// Functions made of additions, multiplications, divisions and square roots in Double, in a fixed
/// order: the same bits on every machine, whatever its mathematics library.
///
/// For what is computed once per parameter, step or epoch; not for speed.
package enum PortableMath {
  /// The natural logarithm of a positive normal number, within 2 units in the last place.
  ///
  /// x = 2^k · m with m in [√½, √2), log m = 2 artanh((m − 1)/(m + 1)) as a power series.
  package static func log(_ x: Double) -> Double {
    var exponent = Double(x.exponent)
    var m = x.significand
    if m > 1.4142135623730951 {
      m /= 2
      exponent += 1
    }
    let s = (m - 1) / (m + 1)
    let square = s * s
    // |s| < 0.172: the first term left out is below 2^-60 of the sum.
    var series = 0.0
    for power in stride(from: 23, through: 1, by: -2) {
      series = series * square + 1 / Double(power)
    }
    // log 2 in two parts, the first short enough that its product with the exponent is exact.
    return exponent * 0x1.62e42fefa38p-1 + (exponent * 0x1.ef35793c7673p-45 + 2 * s * series)
  }

  /// cos(πx) for x in 0...1, within 1e-15.
  package static func cosine(ofPiTimes x: Double) -> Double {
    if x > 0.5 { return -cosine(ofPiTimes: 1 - x) }
    if x > 0.25 { return sine(Double.pi * (0.5 - x)) }
    let angle = Double.pi * x
    let square = angle * angle
    var sum = 1.0
    for n in stride(from: 18, through: 2, by: -2) { sum = 1 - square / Double(n * (n - 1)) * sum }
    return sum
  }

  /// sin x for x in 0...π/4.
  private static func sine(_ x: Double) -> Double {
    let square = x * x
    var sum = 1.0
    for n in stride(from: 19, through: 3, by: -2) { sum = 1 - square / Double(n * (n - 1)) * sum }
    return x * sum
  }

  /// base^exponent by repeated squaring.
  package static func power(_ base: Double, _ exponent: UInt64) -> Double {
    var (result, square, rest) = (1.0, base, exponent)
    while rest > 0 {
      if rest & 1 == 1 { result *= square }
      square *= square
      rest >>= 1
    }
    return result
  }

  /// 1 − base^exponent for base in [0, 1), within 64 units in the last place for every exponent.
  ///
  /// With a(n) = 1 − base^n, a(2n) = a(n) · (2 − a(n)) and a(n + 1) = (1 − base) + base · a(n):
  /// nothing cancels, where the plain difference loses all digits for a base near 1.
  package static func oneMinusPower(_ base: Double, _ exponent: UInt64) -> Double {
    var result = 0.0
    for bit in stride(from: 63 - exponent.leadingZeroBitCount, through: 0, by: -1) {
      result = result * (2 - result)
      if exponent >> UInt64(bit) & 1 == 1 { result = (1 - base) + base * result }
    }
    return result
  }

  /// The quantile of the standard normal distribution for p in (10^-11, 1 − 10^-11), within 1e-15
  /// relative (Wichura, 1988, "Algorithm AS 241: the percentage points of the normal distribution",
  /// routine PPND16).
  package static func normalQuantile(_ p: Double) -> Double {
    let q = p - 0.5
    if q.magnitude <= 0.425 {
      let r = 0.180625 - q * q
      return q * (polynomial(centreNumerator, r) / polynomial(centreDenominator, r))
    }
    let r = (-log(q < 0 ? p : 1 - p)).squareRoot() - 1.6
    let value = polynomial(tailNumerator, r) / polynomial(tailDenominator, r)
    return q < 0 ? -value : value
  }

  /// Horner's rule, highest power first.
  private static func polynomial(_ coefficients: [Double], _ x: Double) -> Double {
    coefficients.reduce(0) { $0 * x + $1 }
  }

  private static let centreNumerator = [
    2.5090809287301226727e+3, 3.3430575583588128105e+4, 6.7265770927008700853e+4,
    4.5921953931549871457e+4, 1.3731693765509461125e+4, 1.9715909503065514427e+3,
    1.3314166789178437745e+2, 3.3871328727963666080e+0,
  ]
  private static let centreDenominator = [
    5.2264952788528545610e+3, 2.8729085735721942674e+4, 3.9307895800092710610e+4,
    2.1213794301586595867e+4, 5.3941960214247511077e+3, 6.8718700749205790830e+2,
    4.2313330701600911252e+1, 1.0,
  ]
  private static let tailNumerator = [
    7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
    1.27045825245236838258e+0, 3.64784832476320460504e+0, 5.76949722146069140550e+0,
    4.63033784615654529590e+0, 1.42343711074968357734e+0,
  ]
  private static let tailDenominator = [
    1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2,
    1.48103976427480074590e-1, 6.89767334985100004550e-1, 1.67638483018380384940e+0,
    2.05319162663775882187e+0, 1.0,
  ]
}
