internal import EbbData
internal import EbbGraph
internal import EbbNetworks
internal import EbbNumerics
internal import EbbSystem
internal import EbbTraining

/// Looks for what explains somebody's gradients: Ebb's own or wrong ones, times a common factor, and
/// one more fault in the tensors that this leaves unexplained.
struct HypothesisSearch {
  /// A foreign gradient and what is needed to judge it.
  struct Target {
    let name: String
    let layer: String
    let role: ParameterRole
    let shape: Shape
    /// The foreign numbers in the parameter's orientation; nil if their shape is another.
    var theirs: [Double]?
    /// The foreign array if its shape is another.
    let misshapen: NDArray<Double>?
    let parameter: [Double]
    /// Below this norm differences are rounding.
    let floor: Double
    /// The largest relative error that rounding explains.
    let tolerance: Double
  }

  let targets: [Target]
  let evidence: GradientEvidence
  /// The largest of the targets' tolerances.
  let tolerance: Double
  let errorBefore: Double
  private(set) var found: [GradientExplanation] = []

  init(_ targets: [Target], _ evidence: GradientEvidence, errorBefore: Double) {
    (self.targets, self.evidence, self.errorBefore) = (targets, evidence, errorBefore)
    tolerance = targets.reduce(0) { max($0, $1.tolerance) }
  }

  var meaning: FactorMeaning {
    FactorMeaning(
      loss: evidence.model.loss, rows: evidence.batch.count, outputs: evidence.outputCount,
      tolerance: min(10 * tolerance, 0.02))
  }

  /// The explanations with the fewest parts, the likeliest first; those that cannot be told apart
  /// stand side by side.
  mutating func run(earlier: GradientSet?) throws -> [GradientExplanation] {
    examine(evidence.own, nil)
    if let simple = simplest(atMost: 1) { return simple }
    for wrong in try WrongGradients.all(evidence) where isDifferent(wrong.gradients) {
      examine(wrong.gradients, wrong.part)
    }
    if let earlier { examineEarlier(earlier) }
    if let simple = simplest(atMost: 1) { return simple }
    try examineRows()
    return simplest(atMost: 2) ?? []
  }

  private func simplest(atMost limit: Int) -> [GradientExplanation]? {
    guard let fewest = found.map(\.parts.count).min(), fewest <= limit else { return nil }
    return found.filter { $0.parts.count == fewest }
  }

  /// Whether wrong gradients differ from Ebb's by more than could be told from rounding.
  private func isDifferent(_ gradients: GradientSet) -> Bool {
    targets.indices.contains { isTouched($0, gradients) }
  }

  /// How far a target is from a prediction, relative to the prediction.
  func error(_ target: Target, _ prediction: [Double], times factor: Double = 1) -> Double {
    guard let theirs = target.theirs, theirs.count == prediction.count else { return .infinity }
    let distance = theirs.distance(from: prediction, times: factor)
    if distance == 0 { return 0 }
    let scale = max(
      factor.magnitude * prediction.euclideanNorm, max(1, factor.magnitude) * target.floor)
    return distance.isNaN ? .infinity : distance / scale
  }

  /// The factor by which numbers are best made a target's.
  static func factor(_ theirs: [Double], _ numbers: [Double]) -> Double? {
    let norm = numbers.euclideanNorm
    guard norm > 0, norm.isFinite else { return nil }
    let unit = numbers.map { $0 / norm }
    let factor = LinearAlgebra.dot(theirs, unit) / norm
    return factor.isFinite && factor != 0 ? factor : nil
  }

  /// Tries a set of gradients, with and without a common factor.
  private mutating func examine(_ gradients: GradientSet, _ part: GradientExplanation.Part?) {
    let predictions = targets.map { gradients[$0.name] ?? [] }
    for factor in [1] + commonFactors(predictions) {
      var (explained, errorAfter): ([Int], Double) = ([], 0)
      for (index, target) in targets.enumerated() {
        let error = error(target, predictions[index], times: factor)
        guard error <= target.tolerance else { continue }
        explained.append(index)
        errorAfter = max(errorAfter, error)
      }
      let rest = targets.indices.filter { !explained.contains($0) }
      let readings = meaning.parts(factor, of: .init(tensors: []))
      // A mistake in the flow must show where it flowed, not only where something else is wrong.
      let isBacked = part == nil || explained.contains { isTouched($0, gradients) }
      guard isBacked else { continue }
      if rest.isEmpty {
        record([part], readings, [[]], errorAfter)
      } else if explained.isEmpty || part == nil || factor == 1 {
        let faults = LocalFaults(search: self, gradients: gradients, factor: factor)
        for (fault, error) in faults.explaining(rest) {
          record([part], readings, [fault], max(errorAfter, error))
        }
      }
    }
  }

  /// Whether a wrong gradient differs from Ebb's at a target.
  private func isTouched(_ index: Int, _ gradients: GradientSet) -> Bool {
    let target = targets[index]
    guard let wrong = gradients[target.name], let own = evidence.own[target.name] else {
      return false
    }
    return own.distance(from: wrong) > 2 * target.tolerance * max(own.euclideanNorm, target.floor)
  }

  /// Notes an explanation for each reading of the factor and of the fault.
  mutating func record(
    _ first: [GradientExplanation.Part?], _ readings: [GradientExplanation.Part],
    _ faults: [[GradientExplanation.Part]], _ errorAfter: Double
  ) {
    for fault in faults {
      for reading in readings.isEmpty ? [nil] : readings.map(Optional.some) {
        let parts = first.compactMap { $0 } + (reading.map { [$0] } ?? []) + fault
        guard !parts.isEmpty else { continue }
        found.append(
          GradientExplanation(parts: parts, errorBefore: errorBefore, errorAfter: errorAfter))
      }
    }
  }

  /// Factors other than 1 that explain at least one tensor, the one that explains most first.
  private func commonFactors(_ predictions: [[Double]]) -> [Double] {
    var votes: [(factor: Double, count: Int, size: Double)] = []
    for (index, target) in targets.enumerated() {
      guard let theirs = target.theirs, predictions[index].count == theirs.count,
        predictions[index].euclideanNorm > target.floor,
        let factor = Self.factor(theirs, predictions[index]),
        error(target, predictions[index], times: factor) <= target.tolerance
      else { continue }
      let count = targets.indices.count {
        error(targets[$0], predictions[$0], times: factor) <= targets[$0].tolerance
      }
      votes.append((factor, count, predictions[index].euclideanNorm))
    }
    votes = votes.filter { ($0.factor - 1).magnitude > meaning.tolerance }
    votes.sort { ($1.count, $1.size) < ($0.count, $0.size) }
    var result: [Double] = []
    for vote in votes
    where !result.contains(where: { ($0 / vote.factor - 1).magnitude <= meaning.tolerance }) {
      result.append(vote.factor)
    }
    return Array(result.prefix(3))
  }

  // MARK: Accumulation

  /// The gradient of an earlier batch, added.
  private mutating func examineEarlier(_ earlier: GradientSet) {
    var sum = evidence.own
    for (name, values) in earlier { sum.add(values, to: name) }
    examine(
      sum,
      GradientExplanation.Part(
        .staleAccumulation, "the earlier rows' gradient was still there and these rows' was added"))
  }

  /// Rows from the first to some row may have another weight than those after it.
  private mutating func examineRows() throws {
    guard let split = RowSplit(search: self) else { return }
    let rows = Double(evidence.batch.count)
    let (first, last) = (split.first, split.last)
    let gradients = try evidence.gradients { $0 < split.row ? first * rows : last * rows }
    examine(gradients, split.part)
  }
}
