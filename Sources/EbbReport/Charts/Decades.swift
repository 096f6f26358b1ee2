#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Powers of ten.
enum Decades {
  /// The largest e with 10^e ≤ value, for a finite value above 0.
  static func exponent(of value: Double) -> Int {
    var exponent = Int(log10(value).rounded(.down))
    if power(exponent + 1) <= value { exponent += 1 }
    if power(exponent) > value { exponent -= 1 }
    return exponent
  }

  /// 10^exponent, rounded once.
  static func power(_ exponent: Int) -> Double { Double("1e\(exponent)") ?? .infinity }

  /// The logarithm to the base ten.
  static func logarithm(_ value: Double) -> Double { log10(value) }
}
