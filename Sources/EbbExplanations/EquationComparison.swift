public import EbbGradients
internal import EbbGraph
internal import EbbNetworks
internal import EbbTraining

extension EquationsExplanation {
  /// An equation about one gradient, with its two sides compared.
  public struct Equation: Sendable {
    /// Which law it is.
    public enum Kind: String, Sendable {
      /// ∇_ŷ L, by the loss's own formula.
      case predictions
      /// J_O(a_D)ᵀ ∇_ŷ L.
      case outputs
      /// δ_k = ∇h_k ⊙ g'(a_k).
      case sums
      /// ∇h_{k−1} = W_kᵀ δ_k.
      case input
      /// ∂L/∂b_k = δ_k.
      case bias
      /// ∂L/∂W_k = δ_k h_{k−1}ᵀ.
      case weight
    }

    /// One entry, both sides.
    public struct Entry: Sendable {
      /// Such as `hidden1.weight[3,7]`.
      public let element: ElementName
      /// The left side: the loss's difference, in double precision.
      public let difference: Double
      /// The right side: by the formula, from the numbers shown.
      public let formula: Double
      /// What backpropagation gave.
      public let gradient: Double
    }

    /// Which law it is.
    public let kind: Kind
    /// k, from 1; D for the loss and the outputs.
    public let layer: Int
    /// What it is the gradient of, such as `hidden1.weight`.
    public let value: String
    /// Entries in all, and those whose left side was measured.
    public let count: Int
    /// The entries whose left side was measured.
    public let entries: [Entry]
    /// The furthest that a difference is from backpropagation's gradient in double precision; not a
    /// number if nothing was measured.
    public let differenceDeviation: Double
    /// The largest gradient among all entries, in double precision: what deviations are relative to.
    public let scale: Double
    /// The furthest that the formula is from the gradient shown, over all entries.
    public let formulaDeviation: Double
    /// How far rounding may take it there.
    public let formulaTolerance: Double
    /// The furthest that the gradient shown is from that of double precision.
    public let rounding: Double
    /// What came of it.
    public let verdict: Verdict

    /// The entry whose sides are furthest apart.
    public var worst: Entry? {
      entries.max {
        ($0.difference - $0.formula).magnitude < ($1.difference - $1.formula).magnitude
      }
    }
  }
}

/// Computes both sides of the equations.
struct EquationComparison {
  typealias Equation = EquationsExplanation.Equation

  private let subject: ExplanationSubject
  /// In double precision, by rules that may be wrong.
  private let sweep: DoubleSweep
  private let twin: DoubleSweep
  /// Whether the gradient is lost on the way through the predictions.
  private let isLost: Bool
  /// How many forward passes were run.
  private(set) var forwardPasses = 0

  /// The most entries of one gradient that are measured.
  private static let mostEntries = 64
  /// What a gradient of more entries is measured at.
  private static let sampledEntries = 16
  /// Operations that all differences together may take, about.
  private static let operations = 200_000_000
  /// How far differences may be from a gradient, relative to the largest entry, beside what rounding
  /// explains: 4-point differences with a step of 10⁻³ err by less.
  private static let tolerance = 1e-6
  /// How many times larger than its error a gradient must be for a comparison to say anything.
  private static let leastResolved = 1e3

  init(
    _ subject: ExplanationSubject, sweep: DoubleSweep, twin: DoubleSweep, isLost: Bool
  ) {
    (self.subject, self.sweep, self.twin) = (subject, sweep, twin)
    self.isLost = isLost
  }

  /// What one equation says, before its left side is measured.
  private struct Right {
    let kind: Equation.Kind
    let layer: Int
    let value: String
    let shape: Shape
    /// By the formula.
    let formula: [Double]
    /// Backpropagation's numbers that are shown.
    let shown: [Double]
    /// Σ |term| of the largest entry, and how many terms: what rounding is relative to.
    let terms: Double
    let count: Int
  }

  /// All equations, from the loss down.
  mutating func equations(
    _ layers: [EquationsExplanation.Layer], _ end: EquationsExplanation.End
  ) throws -> [Equation] {
    var rights = Self.atEnd(layers, end, subject)
    for (index, layer) in layers.enumerated().reversed() {
      rights += Self.ofLayer(index + 1, layer, isFirst: index == 0)
    }
    return try rights.map { try compare($0, of: rights.count) }
  }

  private static func atEnd(
    _ layers: [EquationsExplanation.Layer], _ end: EquationsExplanation.End,
    _ subject: ExplanationSubject
  ) -> [Right] {
    let count = end.outputs.count
    let formula = subject.model.loss.gradient(
      byPredictions: end.predictions, targets: end.targets)
    let largest = (0..<count).reduce(0.0) { largest, column in
      let terms = (0..<count).reduce(0.0) { sum, row in
        let slope = end.function.magnitude(of: row, by: column, at: end.predictions)
        return slope == 0 ? sum : sum + slope * end.gradientByPredictions[row].magnitude
      }
      return max(largest, terms)
    }
    return [
      Right(
        kind: .predictions, layer: layers.count, value: NetworkTrace.Port.predictions,
        shape: [count], formula: formula, shown: end.gradientByPredictions,
        terms: magnitude(formula), count: 1),
      Right(
        kind: .outputs, layer: layers.count,
        value: subject.model.network.names.last.map { "\($0).activation" } ?? "",
        shape: [count], formula: end.product, shown: end.fused, terms: largest, count: count),
    ]
  }

  private static func ofLayer(
    _ number: Int, _ layer: EquationsExplanation.Layer, isFirst: Bool
  ) -> [Right] {
    let (delta, units, inputs) = (layer.gradientBySums, layer.units, layer.inputs)
    var result: [Right] = []
    if !layer.activations.isEmpty {
      let steepest = max(1, magnitude(layer.slopes))
      result.append(
        Right(
          kind: .sums, layer: number, value: "\(layer.name).preactivation", shape: [units],
          formula: zip(layer.gradientByOutput, layer.slopes).map { $0 == 0 ? 0 : $0 * $1 },
          shown: delta, terms: magnitude(layer.gradientByOutput) * steepest, count: 1))
    }
    if let bias = layer.gradientByBias {
      result.append(
        Right(
          kind: .bias, layer: number, value: "\(layer.name).bias", shape: [units],
          formula: delta, shown: bias, terms: magnitude(delta), count: 0))
    }
    let outer = delta.flatMap { delta in layer.input.map { delta * $0 } }
    result.append(
      Right(
        kind: .weight, layer: number, value: "\(layer.name).weight", shape: layer.weight.shape,
        formula: outer, shown: layer.gradientByWeight.elements, terms: magnitude(outer), count: 1))
    var (back, terms) = (
      [Double](repeating: 0, count: inputs), [Double](repeating: 0, count: inputs)
    )
    for unit in 0..<units where delta[unit] != 0 {
      for input in 0..<inputs {
        let term = layer.weight.elements[unit * inputs + input] * delta[unit]
        back[input] += term
        terms[input] += term.magnitude
      }
    }
    result.append(
      Right(
        kind: .input, layer: number, value: layer.inputName, shape: [inputs], formula: back,
        shown: layer.gradientByInput, terms: magnitude(terms), count: units))
    return result
  }

  private static func magnitude(_ values: [Double]) -> Double {
    values.reduce(0) { max($0, $1.magnitude) }
  }

  /// Measures the left side and compares.
  private mutating func compare(_ right: Right, of equations: Int) throws -> Equation {
    let throughPredictions = right.kind == .predictions || right.kind == .outputs
    if isLost && throughPredictions {
      return Equation(
        kind: right.kind, layer: right.layer, value: right.value, count: right.formula.count,
        entries: [], differenceDeviation: .nan, scale: 0, formulaDeviation: .nan,
        formulaTolerance: 0, rounding: 0, verdict: .undecided)
    }
    let gradients = right.kind == .predictions ? twin : sweep
    let exact = gradients.numbers[right.value]?.elements ?? []
    let rounding = gradients.rounding(of: right.value)
    let scale = Self.magnitude(exact)
    var wiggling = try Wiggling(subject.model, subject.row, right.value, factors: [1])
    let affordable =
      Self.operations / max(1, 4 * wiggling.operationsPerPass * equations)
    let most = right.formula.count <= Self.mostEntries ? Self.mostEntries : Self.sampledEntries
    let places = Self.places(exact, most: max(2, min(most, affordable)))
    var entries: [Equation.Entry] = []
    var (worst, isOff) = (0.0, false)
    // Of the largest entry measured.
    var (size, resolution) = (0.0, Double.infinity)
    for place in places {
      let slope = try wiggling.slope(at: place)
      // A probability of exactly 0 or 1 cannot be moved both ways: it is left out.
      if right.kind == .predictions && !slope.value.isFinite { continue }
      let distance = (slope.value - exact[place]).magnitude
      let error = RoundingJitter.certainty * (slope.error + rounding)
      if !(distance <= Self.tolerance * scale + error) { isOff = true }
      worst = distance.isNaN ? .infinity : max(worst, distance)
      if entries.isEmpty || exact[place].magnitude > size {
        (size, resolution) = (exact[place].magnitude, slope.error + rounding)
      }
      entries.append(
        Equation.Entry(
          element: ElementName(right.value, offset: place, in: right.shape),
          difference: slope.value, formula: right.formula[place], gradient: right.shown[place]))
    }
    forwardPasses += wiggling.passes
    let off = zip(right.formula, right.shown).reduce(0.0) { worst, pair in
      let distance = pair.0 == pair.1 ? 0 : (pair.0 - pair.1).magnitude
      return distance.isNaN ? .infinity : max(worst, distance)
    }
    let allowed = subject.precision.rounding(of: right.count, terms: right.terms)
    let isFinite = right.formula.allSatisfy(\.isFinite) && right.shown.allSatisfy(\.isFinite)
    let verdict: EquationsExplanation.Verdict
    if !isFinite || !exact.allSatisfy(\.isFinite) {
      verdict = .undecided
    } else if off > allowed || isOff {
      verdict = .disagrees
    } else {
      // A gradient that differences cannot tell from 0 is decided only if it is 0.
      let isMeasured =
        !entries.isEmpty && (scale == 0 || size > Self.leastResolved * resolution)
      verdict = isMeasured ? .agrees : .undecided
    }
    return Equation(
      kind: right.kind, layer: right.layer, value: right.value, count: right.formula.count,
      entries: entries, differenceDeviation: worst, scale: scale, formulaDeviation: off,
      formulaTolerance: allowed,
      rounding: zip(right.shown, exact).reduce(0) { max($0, ($1.0 - $1.1).magnitude) },
      verdict: verdict)
  }

  /// The entries that are measured: all of a small gradient; of a large one the largest, and others
  /// evenly spread.
  private static func places(_ gradient: [Double], most: Int) -> [Int] {
    guard gradient.count > most else { return Array(gradient.indices) }
    var largest: [Int] = []
    for index in gradient.indices {
      let size = gradient[index].magnitude
      if largest.count == most / 2, let last = largest.last, size <= gradient[last].magnitude {
        continue
      }
      let place = largest.firstIndex { gradient[$0].magnitude < size } ?? largest.endIndex
      largest.insert(index, at: place)
      if largest.count > most / 2 { largest.removeLast() }
    }
    var chosen = Set(largest)
    let stride = Double(gradient.count) / Double(most)
    for index in 0..<most where chosen.count < most {
      chosen.insert(Int((Double(index) + 0.5) * stride))
    }
    return chosen.sorted()
  }
}
