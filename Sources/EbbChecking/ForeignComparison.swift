public import EbbData
internal import EbbGradients
public import EbbGraph
internal import EbbSystem
public import EbbTraining

/// What came of comparing somebody's gradients with Ebb's.
public struct ForeignComparison: Sendable {
  /// One parameter's gradients compared.
  public struct Tensor: Sendable {
    /// The element that is furthest off.
    public struct Worst: Sendable {
      /// Its place, from 0, in the orientation [outputs, inputs].
      public let index: [Int]
      /// The foreign number.
      public let theirs: Double
      /// Ebb's number.
      public let ours: Double
    }

    /// Ebb's name, such as `hidden1.weight`.
    public let name: String
    /// The shape in files: a weight is [outputs, inputs].
    public let shape: Shape
    /// ‖theirs − Ebb's‖ / ‖Ebb's‖; infinite if the shapes differ or a number is none.
    public let error: Double
    /// The largest error that rounding explains, or that was asked for.
    public let tolerance: Double
    /// Whether the error is within the tolerance. Says nothing if rounding may explain anything: see
    /// ``isDecided``.
    public let agrees: Bool
    /// Whether agreement means something: rounding moves the tensor by less than a tenth of its norm.
    public var isDecided: Bool { !agrees || tolerance <= 0.1 }
    /// nil if the shapes differ or all numbers are equal.
    public let worst: Worst?
    /// The shape of the foreign array, if it is another one.
    public let foreignShape: Shape?
  }

  /// The rows that were compared on.
  public let rows: Int
  /// Ebb's mean loss over them.
  public let loss: Double
  /// The largest relative error that counts as agreement in any tensor.
  public let tolerance: Double
  /// The tensors compared, in the order of declaration.
  public let tensors: [Tensor]
  /// Parameters without a foreign gradient.
  public let missing: [String]
  /// Foreign arrays that belong to no parameter.
  public let ignored: [String]
  /// How the arrays were matched to parameters, in words.
  public let matching: String
  /// What explains the difference, the likeliest first; several cannot be told apart. Empty if all
  /// agrees, or if no hypothesis explains it.
  public let explanations: [GradientExplanation]
  /// The factor by which Ebb's gradients come nearest to the foreign ones, and the relative error
  /// that is left then; nil if all agrees.
  public let bestFactor: (factor: Double, error: Double)?

  /// Whether there is a foreign gradient for every parameter, none disagrees, and at least one is
  /// decided.
  public var agrees: Bool {
    missing.isEmpty && tensors.allSatisfy(\.agrees)
      && (tensors.isEmpty || tensors.contains(where: \.isDecided))
  }
}

extension Model {
  /// Compares somebody's gradients with Ebb's on the same rows, and looks for what went wrong where
  /// they differ.
  ///
  ///     let theirs = try ForeignGradients(contentsOf: "gradients.npz")
  ///     let comparison = try model.compare(theirs, on: Batch(dataset, rows: Array(0..<32)))
  ///     print(comparison)
  ///
  /// Ebb's gradients are computed in double precision: of the mean loss over the rows, in evaluation
  /// mode. Each hypothesis is tested by making the mistake on purpose: Ebb's backward pass is run
  /// with it, and the result compared to rounding.
  ///
  /// - Parameters:
  ///   - gradients: the foreign ones.
  ///   - batch: the rows they are of.
  ///   - earlier: rows that came before, whose gradient may have been left in.
  ///   - tolerance: the largest ‖theirs − Ebb's‖ / ‖Ebb's‖ of a tensor that counts as agreement; nil:
  ///     16 times what rounding does to the tensor, at least 1e-7 for numbers of 64 bits, 1e-4 of 32,
  ///     2e-2 of 16.
  ///
  /// What rounding does is measured: Ebb's gradients are computed again with features moved at random
  /// by up to 2⁻²⁴ of themselves, since Ebb rounds standardised numbers to single precision and others
  /// need not, and with every number on the way moved as rounding in the foreign precision moves it.
  /// - Throws: `ForeignArraysError` if the arrays cannot be matched to the parameters, in name or in
  ///   shape, `ModelError` if
  ///   the batch does not fit the network.
  public func compare(
    _ gradients: ForeignGradients, on batch: Batch, earlier: Batch? = nil,
    tolerance: Double? = nil
  ) throws -> ForeignComparison {
    if let tolerance, !(tolerance > 0 && tolerance < 1) {
      throw ModelError("the tolerance must be between 0 and 1, got \(tolerance)")
    }
    let matching = try ForeignMatching(
      gradients,
      to: parameters.map { .init(name: $0.name, shape: $0.values.shape, role: $0.role) },
      rows: batch.count)
    let evidence = try GradientEvidence(self, batch)
    let distances =
      tolerance == nil
      ? try evidence.distances(.foreign(unit: gradients.precision.unit)) : [:]
    var targets: [HypothesisSearch.Target] = []
    var missing: [String] = []
    for (parameter, match) in zip(parameters, matching.matches) {
      var (theirs, misshapen): ([Double]?, NDArray<Double>?)
      switch match {
      case .numbers(let numbers): theirs = numbers
      case .misshapen(let array): misshapen = array
      case .missing:
        missing.append(parameter.name)
        continue
      }
      let layer = parameter.name.split(separator: ".").dropLast().joined(separator: ".")
      // Sums that nearly cancel carry the rounding of their terms.
      let floor = 0.01 * (evidence.uncancelled[parameter.name] ?? 0)
      let scale = max(evidence.own[parameter.name]?.euclideanNorm ?? 0, floor)
      let explained = RoundingJitter.certainty * (distances[parameter.name] ?? 0) / scale
      targets.append(
        HypothesisSearch.Target(
          name: parameter.name, layer: layer, role: parameter.role,
          shape: parameter.values.shape, theirs: theirs, misshapen: misshapen,
          parameter: parameter.values.elements.map { Double($0) }, floor: floor,
          tolerance: tolerance
            ?? max(gradients.precision.tolerance, explained.isFinite ? explained : 1)))
    }
    return try ForeignComparison(
      targets, evidence, missing: missing, matching,
      earlier: try earlier.map { try GradientEvidence(self, $0).own })
  }
}

extension ForeignComparison {
  init(
    _ targets: [HypothesisSearch.Target], _ evidence: GradientEvidence, missing: [String],
    _ matching: ForeignMatching, earlier: GradientSet?
  ) throws {
    let plain = HypothesisSearch(targets, evidence, errorBefore: 0)
    tensors = targets.map { target in
      let ours = evidence.own[target.name] ?? []
      let error = plain.error(target, ours)
      return Tensor(
        name: target.name, shape: target.shape, error: error, tolerance: target.tolerance,
        agrees: error <= target.tolerance,
        worst: target.theirs.flatMap { Self.worst($0, ours, target.shape) },
        foreignShape: target.misshapen?.shape)
    }
    rows = evidence.batch.count
    loss = evidence.loss
    tolerance = plain.tolerance
    self.missing = missing
    ignored = matching.ignored
    self.matching = matching.manner
    guard tensors.contains(where: { !$0.agrees }) else {
      explanations = []
      bestFactor = nil
      return
    }
    let before = tensors.map(\.error).max() ?? 0
    var search = HypothesisSearch(targets, evidence, errorBefore: before)
    explanations = try search.run(earlier: earlier)
    let whole = targets.filter { $0.theirs != nil }
    let theirs = whole.flatMap { $0.theirs ?? [] }
    let ours = whole.flatMap { evidence.own[$0.name] ?? [] }
    bestFactor = HypothesisSearch.factor(theirs, ours).map { factor in
      (factor, theirs.distance(from: ours, times: factor) / theirs.euclideanNorm)
    }
  }

  private static func worst(
    _ theirs: [Double], _ ours: [Double], _ shape: Shape
  ) -> Tensor.Worst? {
    var place: Int?
    var largest = 0.0
    for index in theirs.indices {
      let distance = (theirs[index] - ours[index]).magnitude
      guard distance <= .greatestFiniteMagnitude else {
        place = index
        break
      }
      if distance > largest { (place, largest) = (index, distance) }
    }
    guard let place else { return nil }
    return Tensor.Worst(
      index: ElementName("", offset: place, in: shape).indices, theirs: theirs[place],
      ours: ours[place])
  }
}
