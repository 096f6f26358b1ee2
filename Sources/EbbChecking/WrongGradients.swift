internal import EbbData
internal import EbbGradients
internal import EbbGraph
internal import EbbNetworks
internal import EbbSystem
internal import EbbTraining

/// A gradient made wrong on purpose: what somebody's would be had they made that mistake.
struct WrongGradient {
  let part: GradientExplanation.Part
  var gradients: GradientSet
}

/// Makes wrong gradients from Ebb's own values and gradients: the backward pass is begun anew below
/// the place of the mistake.
struct WrongGradients {
  private let evidence: GradientEvidence
  private var model: Model { evidence.model }
  private var found: [WrongGradient] = []
  private var places: [String: Int] = [:]
  private var cuts: [String: CutTrace] = [:]
  private var rows = 0

  /// Every mistake that changes the flow of gradients, made once.
  static func all(_ evidence: GradientEvidence) throws -> [WrongGradient] {
    var maker = WrongGradients(evidence: evidence)
    try evidence.forEachChunk { gradients, inputs, batch in
      if batch.count != maker.rows { maker.cuts = [:] }
      maker.rows = batch.count
      try maker.makeSlopes(gradients, inputs)
      try maker.makeOutputs(gradients, inputs, batch)
      maker.makeInputs(gradients)
    }
    maker.found += try maker.withoutBiases()
    return maker.found
  }

  private init(evidence: GradientEvidence) { self.evidence = evidence }

  /// Adds a piece of the rows' wrong gradient; tensors that are not given are Ebb's.
  private mutating func add(
    _ key: String, _ part: @autoclosure () -> GradientExplanation.Part,
    _ wrong: [String: NDArray<Double>], _ right: NetworkGradients<Double>
  ) {
    let place: Int
    if let known = places[key] {
      place = known
    } else {
      place = found.count
      places[key] = place
      found.append(WrongGradient(part: part(), gradients: [:]))
    }
    for name in right.parameterNames {
      found[place].gradients.add((wrong[name] ?? right[name])?.elements ?? [], to: name)
    }
  }

  /// The gradients below a value from a wrong gradient by it.
  private mutating func sweep(
    from name: String, _ cotangent: NDArray<Double>, _ inputs: [String: NDArray<Double>]
  ) throws -> [String: NDArray<Double>] {
    let cut = try cuts[name] ?? CutTrace(model, rows: rows, from: name)
    cuts[name] = cut
    return try cut.gradients(inputs, cotangent: cotangent)
  }

  // MARK: Derivatives of activations

  /// What may stand in the place of g′(a).
  private enum Slope: CaseIterable {
    case one, atActivation, formulaAtPreactivation

    var mistake: GradientMistake {
      switch self {
      case .one: .forgottenDerivative
      case .atActivation: .derivativeAtActivation
      case .formulaAtPreactivation: .derivativeOfPreactivation
      }
    }

    func sentence(_ activation: String, _ owner: String) -> String {
      switch self {
      case .one: "the derivative of \(activation) was forgotten in \(owner): δ = ∇h, not ∇h ⊙ g'(a)"
      case .atActivation:
        "the derivative of \(activation) was evaluated at h = g(a), not at a, in \(owner)"
      case .formulaAtPreactivation:
        "the derivative of \(activation) in terms of h was given a in its place, in \(owner)"
      }
    }

    /// The wrong factors; nil where this mistake cannot be made or is none.
    func factors(
      _ activation: Activation, a: NDArray<Double>, h: NDArray<Double>
    ) throws -> NDArray<Double>? {
      switch self {
      case .one: return a.map { _ in 1 }
      case .atActivation: return try gradient(at: h) { sum(activation($0)) }
      case .formulaAtPreactivation:
        switch activation {
        case .sigmoid: return a.map { $0 * (1 - $0) }
        case .tanh: return a.map { 1 - $0 * $0 }
        default: return nil
        }
      }
    }
  }

  private mutating func makeSlopes(
    _ gradients: NetworkGradients<Double>, _ inputs: [String: NDArray<Double>]
  ) throws {
    let curved = evidence.sites.filter { $0.activation != .identity }
    for slope in Slope.allCases {
      for site in curved {
        guard let upstream = gradients[site.after],
          let delta = try wrongDelta(slope, site, upstream, gradients)
        else { continue }
        add(
          "\(slope) \(site.layer)",
          GradientExplanation.Part(
            slope.mistake, slope.sentence(site.activation.spelling, site.layer), layer: site.layer),
          try sweep(from: site.before, delta, inputs), gradients)
      }
      if curved.count > 1 { try makeEverywhere(slope, curved, gradients, inputs) }
    }
  }

  /// One mistake in all layers at once: from the top down, each given what the last one left.
  private mutating func makeEverywhere(
    _ slope: Slope, _ curved: [GradientEvidence.Site], _ gradients: NetworkGradients<Double>,
    _ inputs: [String: NDArray<Double>]
  ) throws {
    var wrong: [String: NDArray<Double>] = [:]
    var count = 0
    for site in curved.reversed() {
      guard let upstream = wrong[site.after] ?? gradients[site.after],
        let delta = try wrongDelta(slope, site, upstream, gradients)
      else { continue }
      wrong.merge(try sweep(from: site.before, delta, inputs)) { $1 }
      count += 1
    }
    guard count > 1 else { return }
    add(
      "\(slope) everywhere",
      GradientExplanation.Part(
        slope.mistake, slope.sentence("the activation", "every hidden layer")), wrong, gradients)
  }

  private func wrongDelta(
    _ slope: Slope, _ site: GradientEvidence.Site, _ upstream: NDArray<Double>,
    _ gradients: NetworkGradients<Double>
  ) throws -> NDArray<Double>? {
    guard let a = gradients.value(site.before), let h = gradients.value(site.after),
      let factors = try slope.factors(site.activation, a: a, h: h)
    else { return nil }
    return upstream.times(factors)
  }

  // MARK: The outputs

  private mutating func makeOutputs(
    _ gradients: NetworkGradients<Double>, _ inputs: [String: NDArray<Double>], _ batch: Batch
  ) throws {
    let name = evidence.outputName
    guard let outputs = gradients.value(name), let predictions = gradients.value("predictions"),
      let delta = gradients[name]
    else { return }
    let share = 1 / Double(evidence.batch.count)
    func part(_ mistake: GradientMistake, _ sentence: String) -> GradientExplanation.Part {
      GradientExplanation.Part(mistake, sentence)
    }
    let function = model.loss.outputFunction
    guard function != .identity else { return }
    // δ = (ŷ − y)/B for both: another ŷ moves δ by its difference.
    add(
      "raw outputs",
      part(
        .outputFunctionForgotten,
        "the outputs a were used where the \(function.rawValue)'s ŷ belongs: δ = a - y"),
      try sweep(from: name, delta.adding(outputs.minus(predictions), times: share), inputs),
      gradients)
    add(
      "output slope",
      part(
        .outputDerivativeTwice,
        "the \(function.rawValue)'s derivative ŷ(1 - ŷ) was applied to ŷ - y, which holds it "
          + "already"),
      try sweep(from: name, delta.times(predictions.map { $0 * (1 - $0) }), inputs), gradients)
    guard function == .softmax, case .classes(let labels, let count) = batch.dataset.targets
    else { return }
    add(
      "batch softmax",
      part(
        .softmaxOverBatch, "softmax was taken over the rows of the batch, not over the classes"),
      try sweep(
        from: name,
        delta.adding(evidence.softmaxOverBatch(outputs).minus(predictions), times: share), inputs),
      gradients)
    var weight = 1.0
    if case .smoothedCrossEntropy(let smoothing) = model.loss { weight -= smoothing }
    for shift in count > 2 ? [1, count - 1] : [1] {
      var shifted = delta
      for (index, row) in batch.rows.enumerated() {
        let label = Int(labels[Int(row)])
        shifted[index, label] += weight * share
        shifted[index, (label + shift) % count] -= weight * share
      }
      let next = count == 2 ? "other" : shift == 1 ? "next" : "previous"
      add(
        "labels \(shift)",
        part(.shiftedLabels, "every label was taken for the \(next) class (off by one)"),
        try sweep(from: name, shifted, inputs), gradients)
    }
  }

  // MARK: Inputs of layers

  /// ∇W = δᵀ a where it should be δᵀ h.
  private mutating func makeInputs(_ gradients: NetworkGradients<Double>) {
    var everywhere: [String: NDArray<Double>] = [:]
    var count = 0
    for site in evidence.sites where site.isDense {
      guard
        let below = evidence.sites.last(where: {
          $0.after == site.input && $0.activation != .identity
        }), let delta = gradients[site.before], let a = gradients.value(below.before)
      else { continue }
      let weight = "\(site.layer).weight"
      let wrong = NDArray(
        sumOfOuterProducts(
          delta.elements, a.elements, rows: delta.shape[0], delta.shape[1], a.shape[1]),
        shape: [delta.shape[1], a.shape[1]])
      everywhere[weight] = wrong
      count += 1
      add(
        "input \(site.layer)",
        GradientExplanation.Part(
          .weightFromPreactivation,
          "\(weight) was computed from \(below.layer)'s pre-activation a, not from its activation h",
          layer: site.layer, tensors: [weight]), [weight: wrong], gradients)
    }
    guard count > 1 else { return }
    add(
      "input everywhere",
      GradientExplanation.Part(
        .weightFromPreactivation,
        "the weights' gradients were computed from pre-activations a, not from activations h"),
      everywhere, gradients)
  }

  // MARK: The forward pass

  private func withoutBiases() throws -> [WrongGradient] {
    var bare = model
    for index in bare.parameters.indices where bare.parameters[index].role == .bias {
      bare.parameters[index].values = bare.parameters[index].values.map { _ in 0 }
    }
    guard bare.parameters != model.parameters else { return [] }
    let wrong = try GradientEvidence(bare, evidence.batch)
    return [
      WrongGradient(
        part: GradientExplanation.Part(
          .biasesLeftOut, "the biases were left out of the forward pass"), gradients: wrong.own)
    ]
  }
}

extension NDArray<Double> {
  fileprivate func times(_ other: NDArray<Double>) -> NDArray<Double> {
    NDArray(zip(elements, other.elements).map { $0 * $1 }, shape: shape)
  }

  fileprivate func minus(_ other: NDArray<Double>) -> NDArray<Double> { adding(other, times: -1) }

  fileprivate func adding(_ other: NDArray<Double>, times factor: Double) -> NDArray<Double> {
    NDArray(zip(elements, other.elements).map { $0 + factor * $1 }, shape: shape)
  }
}
