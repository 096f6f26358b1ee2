internal import EbbNetworks
internal import EbbSystem

/// Whether the gradient keeps its size from the outputs down to the first layer.
struct DiagnosisScales {
  private let layers: [LayerStatistics]
  private let limits = Diagnosis.Limits.self

  init(_ layers: [LayerStatistics]) { self.layers = layers }

  /// What multiplies the gradient from one layer's sums to the sums of the layer below.
  private struct Step {
    /// The index of the layer below.
    let layer: Int
    let weights: Double
    let slopes: Double
    var gain: Double { weights * slopes }
  }

  /// The layer at which the gradient is the farthest beyond all proportion, if there is one.
  ///
  /// - Parameter explained: what was found already; what its faults make of the gradient is not told
  ///   again.
  func findings(explained: [Finding]) -> [Finding] {
    let top = layers[layers.count - 1].gradientScale
    let faults = explained.filter { $0.severity == .fault }
    let isExplained = faults.contains { $0.cause == .tinyWeights && $0.places.isEmpty }
    guard top > 0, !isExplained else { return [] }
    let ratios = layers.dropLast().map { $0.gradientScale / top }
    let reached = ratios.indices.filter { ratios[$0] > 0 }
    if let least = reached.min(by: { ratios[$0] < ratios[$1] }),
      ratios[least] < limits.vanishingRatio
    {
      let known = Set(faults.filter { Self.stops.contains($0.cause) }.map(\.layer))
      let others = steps(to: least).filter { !known.contains(layers[$0.layer].name) }
      let remaining = others.reduce(1) { $0 * $1.gain }
      return remaining < limits.vanishingRatio ? [vanishing(least, ratios)] : []
    }
    if let most = reached.max(by: { ratios[$0] < ratios[$1] }),
      ratios[most] > limits.explodingRatio
    {
      return [exploding(most, ratios[most])]
    }
    return []
  }

  /// Causes that keep gradient from passing a layer.
  private static let stops: Set<Finding.Cause> = [.deadUnit, .saturatedUnit, .tinyWeights]

  /// The steps from the outputs down to a layer.
  private func steps(to k: Int) -> [Step] {
    (k..<(layers.count - 1)).reversed().map { m in
      Step(
        layer: m, weights: layers[m + 1].weightGain(below: layers[m]), slopes: layers[m].slopeGain)
    }
  }

  private func vanishing(_ k: Int, _ ratios: [Double]) -> Finding {
    let slow = ratios.indices.filter { ratios[$0] < limits.slowRatio && ratios[$0] > 0 }
    let names = slow.map { layers[$0].name }
    let verb = slow.count == 1 ? "gets" : "get"
    let slowRatio = NumberFormat.significant(limits.slowRatio, digits: 1)
    return finding(
      .vanishing, k, ratios[k], limit: limits.vanishingRatio,
      "\(way(to: k, ratios[k])); \(Self.list(names)) \(verb) less than \(slowRatio) of the gradient"
        + " at the outputs",
      advice: vanishingAdvice(steps(to: k)))
  }

  private func exploding(_ k: Int, _ ratio: Double) -> Finding {
    finding(
      .exploding, k, ratio, limit: limits.explodingRatio, way(to: k, ratio),
      advice: "use smaller starting weights or a suitable initializer, and clip the gradient's norm"
    )
  }

  private func finding(
    _ cause: Finding.Cause, _ k: Int, _ ratio: Double, limit: Double, _ explanation: String,
    advice: String
  ) -> Finding {
    Finding(
      cause: cause, severity: .fault, layer: layers[k].name, places: [],
      measure: "gradient by the sums, relative to the outputs'", value: ratio, limit: limit,
      explanation: explanation, advice: advice)
  }

  // MARK: Words

  /// What the layers make of the gradient: each its part, or most of it the one.
  private func way(to k: Int, _ ratio: Double) -> String {
    let steps = steps(to: k)
    let logarithms = steps.map { PortableMath.log($0.gain) }
    let total = logarithms.reduce(0, +)
    if let worst = steps.indices.max(by: { logarithms[$0] / total < logarithms[$1] / total }),
      steps.count == 1 || logarithms[worst] / total > 0.5
    {
      let m = steps[worst].layer
      return "the gradient here is \(Self.short(ratio)) of what it is at the outputs; most of that"
        + " happens from \(layers[m + 1].name) to \(layers[m].name), where weights multiply it by"
        + " \(Self.short(steps[worst].weights)) and slopes by \(Self.short(steps[worst].slopes))"
    }
    func mean(_ value: (Step) -> Double) -> String {
      let sum = steps.reduce(0) { $0 + value($1) }
      return NumberFormat.significant(sum / Double(steps.count), digits: 2)
    }
    return "each of \(steps.count) \(kind(of: steps))layers passes about \(mean(\.gain)) of the"
      + " gradient (weights multiply it by about \(mean(\.weights)) and slopes by about"
      + " \(mean(\.slopes))), all together \(Self.short(ratio))"
  }

  /// The activation that all layers have: `sigmoid `; nothing if they differ.
  private func kind(of steps: [Step]) -> String {
    let names = Set(steps.map { layers[$0.layer].activations.map(\.spelling) })
    guard names.count == 1, let name = names.first?.first else { return "" }
    return name + " "
  }

  /// What helps against the activations and weights that are really there.
  private func vanishingAdvice(_ steps: [Step]) -> String {
    let activations = Set(steps.flatMap { layers[$0.layer].activations })
    let slopes = steps.reduce(1) { $0 * $1.slopes }
    let weights = steps.reduce(1) { $0 * $1.weights }
    if weights < slopes { return "use larger starting weights or a suitable initializer" }
    if activations.contains(.sigmoid) {
      return "use relu or tanh in place of sigmoid, fewer layers, or an optimizer such as adam,"
        + " which gives small gradients steps of the same size"
    }
    if activations.contains(.tanh) {
      return "the tanh units are near their flat ends: scale the inputs, start with smaller weights"
        + " or lower the learning rate"
    }
    return "most units are where their activation is flat: lower the learning rate, or use fewer"
      + " layers or leaky-relu"
  }

  private static func list(_ names: [String]) -> String {
    guard let last = names.last, names.count > 1 else { return names.first ?? "" }
    if names.count > 3 { return "\(names[0]) to \(last)" }
    return names.dropLast().joined(separator: ", ") + " and " + last
  }

  private static func short(_ value: Double) -> String {
    NumberFormat.significant(value, digits: 3)
  }
}
