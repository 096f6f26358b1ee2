internal import EbbData
internal import EbbEngine
internal import EbbGradients
internal import EbbGraph
internal import EbbSystem
internal import EbbTraining

/// What else must hold for a network's gradients on some rows, besides that they are slopes of the
/// loss: that it does not matter how they are computed.
struct CheckLaws {
  let model: Model
  let batch: Batch
  let rules: (Op) -> DerivativeRule
  let options: GradientCheck.Options

  /// All laws, in order.
  func all() throws -> [GradientCheck.Law] {
    let whole = try CheckSubject(model, batch, rules: rules)
    let single = try SinglePrecision(whole)
    return [
      try microBatches(whole, try whole.roundings()), try threads(single), executor(single),
      try singlePrecision(whole, single),
    ]
  }

  // MARK: Micro-batches

  /// The gradients of three batches of unequal size, each with the whole's 1/B, add up to the
  /// whole's.
  private func microBatches(
    _ whole: CheckSubject, _ roundings: [GradientRounding]
  ) throws -> GradientCheck.Law {
    let pieces = Self.pieces(batch.count)
    let sizesText = pieces.map { String($0.count) }.joined(separator: " + ")
    let statement = "micro-batches of \(sizesText) rows = one batch"
    guard pieces.count > 1 else {
      return GradientCheck.Law(
        name: "micro-batches", statement: statement,
        verdict: .inconclusive("one row cannot be divided"), isExact: false)
    }
    var sums = whole.gradients.map { [Double](repeating: 0, count: $0.count) }
    // What each sum is made of: where it cancels, rounding is relative to its parts.
    var sizes = [Double](repeating: 0, count: sums.count)
    let rows = batch.rows.map { Int($0) }
    for piece in pieces {
      let part = try CheckSubject(
        model, try Batch(batch.dataset, rows: Array(rows[piece])),
        factors: Array(whole.factors[piece]), rules: rules)
      for (place, gradient) in part.gradients.enumerated() {
        for index in gradient.indices { sums[place][index] += gradient[index] }
        sizes[place] += gradient.norm
      }
    }
    var (worst, wrong): (Double, Double?) = (0, nil)
    for (place, sum) in sums.enumerated() where sizes[place] > 0 {
      guard sizes[place].isFinite, whole.gradients[place].norm.isFinite else {
        return GradientCheck.Law(
          name: "micro-batches", statement: statement,
          verdict: .inconclusive("the gradient is not finite here"), isExact: false)
      }
      let distance = sum.distance(to: whole.gradients[place])
      let share = distance / sizes[place]
      // Where rows cancel within a piece, its size does not show it, and rounding does.
      let allowed = max(
        1e-12 * sizes[place], RoundingJitter.certainty * roundings[place].norm)
      if distance <= allowed { worst = max(worst, share) } else { wrong = max(wrong ?? 0, share) }
    }
    return GradientCheck.Law(
      name: "micro-batches", statement: statement,
      verdict: wrong.map { .disagrees(by: $0) } ?? .agrees(to: worst), isExact: false)
  }

  /// About a half, a third and the rest; as many pieces as there are rows, if they are fewer than
  /// three.
  static func pieces(_ rows: Int) -> [Range<Int>] {
    guard rows >= 3 else { return (0..<rows).map { $0..<($0 + 1) } }
    let first = max(1, rows / 2)
    let second = min(first + max(1, rows / 3), rows - 1)
    return [0..<first, first..<second, second..<rows]
  }

  // MARK: The executor

  private func threads(_ single: SinglePrecision) throws -> GradientCheck.Law {
    let counts = Array(2...max(2, options.threads))
    let differing = try counts.reduce(0) { $0 + single.differing(try single.executed(threads: $1)) }
    return GradientCheck.Law(
      name: "threads",
      statement: "1 thread = \(counts.map(String.init).joined(separator: ", ")) threads",
      verdict: Self.bits(differing, of: single.bitCount * counts.count), isExact: true)
  }

  private func executor(_ single: SinglePrecision) -> GradientCheck.Law {
    let differing = single.differing(single.interpreted)
    return GradientCheck.Law(
      name: "executor", statement: "executor = interpreter, in single precision",
      verdict: Self.bits(differing, of: single.bitCount), isExact: true)
  }

  private static func bits(_ differing: Int, of count: Int) -> GradientCheck.Verdict {
    differing == 0 ? .agrees(to: 0) : .disagrees(by: Double(differing) / Double(max(count, 1)))
  }

  // MARK: Single precision

  /// The gradients that training uses beside those in double precision. How much rounding to single
  /// precision may change is measured: every value of the double computation rounded on its way.
  private func singlePrecision(
    _ whole: CheckSubject, _ single: SinglePrecision
  ) throws -> GradientCheck.Law {
    // A sum within rounding of 0 may put a ReLU on another side in single precision: both sides of
    // the comparison take single precision's.
    let double = try DoublePrecision(whole)
    let isFew = double.gradients.contains { $0.count < RoundingJitter.roundsOfOne }
    let rounds = isFew ? RoundingJitter.roundsOfOne : 2
    let rounded = try (0..<rounds).map { try double.rounded(seed: options.seed, round: $0) }
    var (worst, wrong, weak): (Double, Double?, String?) = (0, nil, nil)
    for (place, exact) in double.gradients.enumerated() {
      let name = whole.trace.parameters[place].name
      let found = single[LossTrace.Port.gradient(name)]
      guard exact.allSatisfy(\.isFinite), found.allSatisfy(\.isFinite) else {
        weak = "the gradient of \(name) is not finite in single precision"
        continue
      }
      let distance = exact.distance(to: found.map { Double($0) })
      let norm = exact.norm
      let expected = rounded.reduce(0) { max($0, exact.distance(to: $1[place])) }
      guard norm > 0 || distance > 0 else { continue }
      let relative = norm > 0 ? distance / norm : .infinity
      let isExplained = distance <= Self.roundings * max(expected, norm * 0x1p-24)
      if !isExplained {
        wrong = max(wrong ?? 0, relative)
      } else if relative > 0.01 {
        weak =
          relative < 1
          ? "single precision resolves the gradient of \(name) to"
            + " \(NumberFormat.significant(relative, digits: 2)) only"
          : "single precision does not resolve the gradient of \(name), which is next to 0"
      } else {
        worst = max(worst, relative)
      }
    }
    let verdict: GradientCheck.Verdict =
      wrong.map { .disagrees(by: $0) } ?? weak.map { .inconclusive($0) } ?? .agrees(to: worst)
    return GradientCheck.Law(
      name: "single precision", statement: "gradients in single precision = in double precision",
      verdict: verdict, isExact: false)
  }

  /// Sums round at each of their terms, the measurement once: 256 terms err by at most 16 times as
  /// much if roundings add like random steps; four times that is allowed.
  private static let roundings = 64.0
}

extension [Double] {
  /// The norm of the difference; infinite if the counts differ, unless the other is empty and this
  /// is zero.
  func distance(to other: [Double]) -> Double {
    if other.isEmpty { return norm }
    guard other.count == count else { return .infinity }
    let square = zip(self, other).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    return square.isNaN ? .infinity : square.squareRoot()
  }
}
