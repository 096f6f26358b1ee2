internal import EbbSystem

/// From numbers to places on an axis, with the numbers that the axis is marked with.
package struct Scale: Sendable {
  /// How numbers are spread.
  package enum Kind: String, Sendable {
    case linear
    case logarithmic
  }

  /// A mark on the axis.
  package struct Tick: Sendable, Equatable {
    package let value: Double
    package let label: String
  }

  package let kind: Kind
  /// The numbers at the two ends.
  package let low: Double
  package let high: Double
  /// The places of the two ends.
  package let start: Double
  package let end: Double
  package let ticks: [Tick]
  /// Whether the low end of a logarithmic axis stands for 0.
  private(set) var endsInZero = false

  /// Larger numbers are drawn as gaps.
  static let limit = 1e300

  /// Whether a number can be drawn at all.
  static func isDrawable(_ value: Double) -> Bool { value.magnitude <= limit }

  /// The place of a number; nil: it has none.
  package func place(_ value: Double) -> Double? {
    guard Self.isDrawable(value) else { return nil }
    if kind == .linear { return start + (end - start) * ((value - low) / (high - low)) }
    if value <= 0 { return value == 0 && endsInZero ? start : nil }
    let (first, last) = (Decades.logarithm(low), Decades.logarithm(high))
    return start + (end - start) * ((Decades.logarithm(value) - first) / (last - first))
  }

  /// What scripts need to find numbers from places.
  var attribute: String {
    [
      kind.rawValue, NumberFormat.shortest(low), NumberFormat.shortest(high), Pixels.text(start),
      Pixels.text(end),
    ].joined(separator: " ")
  }
}

extension Scale {
  /// An axis for numbers that cannot be negative and may differ by orders of magnitude: logarithmic
  /// if the positive ones span more than two decades.
  package static func suiting(_ values: [Double], from start: Double, to end: Double) -> Scale {
    let drawable = values.filter(isDrawable)
    let positive = drawable.filter { $0 > 0 }
    guard let least = positive.min(), let most = positive.max(), most / least > 100,
      drawable.allSatisfy({ $0 >= 0 })
    else { return linear(values, from: start, to: end) }
    return logarithmic(
      least, most, showsZero: positive.count < drawable.count, from: start, to: end)
  }

  // MARK: Linear

  /// An axis for epochs, from the first to the last: whole numbers.
  package static func whole(
    _ values: [Double], from start: Double, to end: Double, count: Int = 5
  ) -> Scale {
    var (low, high) = ends(values)
    let first = low
    if low == high { (low, high) = (low - 0.5, high + 0.5) }
    let step = max(1, roundStep((high - low) / Double(count)).value)
    // The first epoch is marked, and takes the place of a mark that would touch it.
    var ticks = multiples(of: RoundStep(step), low, high).filter { tick in
      tick.value >= first + 0.5 * step
    }
    ticks.insert(Tick(value: first, label: label(first, 0)), at: 0)
    return Scale(kind: .linear, low: low, high: high, start: start, end: end, ticks: ticks)
  }

  /// An axis from the least to the largest of some numbers, marked at the round ones between.
  package static func snug(
    _ values: [Double], from start: Double, to end: Double, count: Int
  ) -> Scale {
    var (low, high) = ends(values)
    let least = max(low.magnitude, high.magnitude) * 1e-6
    if high - low <= least {
      let reach = low == 0 ? 1 : low.magnitude
      (low, high) = (low - reach, high + reach)
    }
    var ticks = multiples(of: roundStep((high - low) / Double(count)), low, high)
    // Labels that would touch are thinned, those of 0 kept.
    while ticks.count > 2, ticks.map({ 1.4 * Names.width($0.label) + 6 }).reduce(0, +) > end - start
    {
      let zero = ticks.firstIndex { $0.value == 0 } ?? 0
      ticks = ticks.indices.filter { ($0 - zero).isMultiple(of: 2) }.map { ticks[$0] }
    }
    return Scale(kind: .linear, low: low, high: high, start: start, end: end, ticks: ticks)
  }

  private static func ends(_ values: [Double]) -> (low: Double, high: Double) {
    let drawable = values.filter(isDrawable)
    return (drawable.min() ?? 0, drawable.max() ?? 1)
  }

  /// An axis whose ends are round numbers.
  ///
  /// - Parameters:
  ///   - values: what is to be drawn; what is not finite is not looked at.
  ///   - count: about how many parts there are to be.
  package static func linear(
    _ values: [Double], from start: Double, to end: Double, count: Int = 5
  ) -> Scale {
    var (low, high) = ends(values)
    // Numbers that reach far down towards 0 are seen in proportion.
    if low > 0 && low < 0.4 * high { low = 0 }
    if high < 0 && high > 0.4 * low { high = 0 }
    if low == high {
      let reach = low == 0 ? 1 : low.magnitude
      (low, high) = low > 0 ? (0, 2 * reach) : low < 0 ? (-2 * reach, 0) : (0, reach)
    }
    // A spread below what the numbers resolve is no spread.
    let least = max(low.magnitude, high.magnitude) * 1e-9
    if high - low < least { (low, high) = (low - least, high + least) }
    // Nor is one that no step divides.
    if high - low < 1e-290 { (low, high) = (0, 1) }
    let step = roundStep((high - low) / Double(count))
    // What is a multiple but for rounding is one.
    let first = (low / step.value + 1e-9).rounded(.down)
    let last = (high / step.value - 1e-9).rounded(.up)
    let ticks = multiples(of: step, first * step.value, last * step.value)
    return Scale(
      kind: .linear, low: ticks.first?.value ?? low, high: ticks.last?.value ?? high, start: start,
      end: end, ticks: ticks)
  }

  /// 1, 2 or 5 times a power of ten.
  struct RoundStep {
    let digit: Int
    let exponent: Int
    var value: Double { Double(digit) * Decades.power(exponent) }

    init(digit: Int, exponent: Int) { (self.digit, self.exponent) = (digit, exponent) }

    /// The step that a number is.
    init(_ value: Double) {
      exponent = Decades.exponent(of: value)
      digit = Int((value / Decades.power(exponent)).rounded())
    }
  }

  /// The smallest round step that is not below a length.
  static func roundStep(_ length: Double) -> RoundStep {
    guard length > 1e-300, length.isFinite else { return RoundStep(digit: 1, exponent: 0) }
    let exponent = Decades.exponent(of: length)
    let share = length / Decades.power(exponent)
    for digit in [1, 2, 5] where share <= Double(digit) * (1 + 1e-9) {
      return RoundStep(digit: digit, exponent: exponent)
    }
    return RoundStep(digit: 1, exponent: exponent + 1)
  }

  /// The multiples of a step from one number to another, ends included.
  static func multiples(of step: RoundStep, _ low: Double, _ high: Double) -> [Tick] {
    let slack = 1e-6
    let first = (low / step.value - slack).rounded(.up)
    let last = (high / step.value + slack).rounded(.down)
    guard first.magnitude < 1e15, last >= first, last - first < 1000 else { return [] }
    return (Int(first)...Int(last)).map { index in
      let whole = Double(index * step.digit)
      // Divided, not multiplied: 3/10 is the double nearest to 0.3, and 3 × 0.1 is not.
      let value =
        step.exponent < 0
        ? whole / Decades.power(-step.exponent) : whole * Decades.power(step.exponent)
      return Tick(value: value, label: label(value, step.exponent))
    }
  }

  /// A number with as many decimals as the step between ticks needs.
  private static func label(_ value: Double, _ exponent: Int) -> String {
    if value == 0 { return "0" }
    if value.magnitude >= 1e6 || exponent < -5 {
      let digits = Decades.exponent(of: value.magnitude) - exponent + 1
      return NumberFormat.significant(value, digits: max(1, min(digits, 6)))
    }
    if exponent >= 0 { return NumberFormat.grouped(Int(value)) }
    return NumberFormat.fixed(value, decimals: -exponent)
  }

  // MARK: Logarithmic

  /// An axis of whole decades.
  static func logarithmic(
    _ least: Double, _ most: Double, showsZero: Bool, from start: Double, to end: Double
  ) -> Scale {
    var first = max(-300, Decades.exponent(of: least))
    var last = Decades.exponent(of: most)
    if Decades.power(last) < most { last += 1 }
    if showsZero { first -= 1 }
    let stride = max(1, (last - first + 5) / 6)
    var ticks: [Tick] = []
    for exponent in first...last where (last - exponent).isMultiple(of: stride) {
      let value = Decades.power(exponent)
      let label = NumberFormat.significant(value, digits: 1)
      ticks.append(Tick(value: value, label: label))
    }
    if showsZero {
      ticks.removeAll { $0.value <= Decades.power(first) }
      ticks.insert(Tick(value: 0, label: "0"), at: 0)
    }
    var scale = Scale(
      kind: .logarithmic, low: Decades.power(first), high: Decades.power(last), start: start,
      end: end, ticks: ticks)
    scale.endsInZero = showsZero
    return scale
  }
}
