public import EbbData
public import EbbNetworks

/// How training goes about its steps. No result depends on `threads`.
public struct TrainingOptions: Sendable, Hashable {
  /// The seed of initial parameters, order of rows, and dropout.
  public var seed: UInt64
  /// The most threads to use, at least 1.
  public var threads: Int
  /// How the rows' gradients of weights are joined.
  public var reduction: GradientReduction
  /// How the rows' gradients of biases are joined; nil: as those of weights.
  public var biasReduction: GradientReduction?
  /// A factor for the loss of each class's rows; nil: 1 for all. The mean is Σ w·loss / rows, so that
  /// a row counts the same whatever else is in its batch; the factors' mean over the training rows
  /// should be 1, as that of `balancedWeights` is.
  public var classWeights: [Double]?
  /// The largest norm that the gradients of a step may have, those of all parameters together, before
  /// weight decay; longer ones are scaled down to it. More than 0; nil: any. Gradients that are not
  /// finite are never scaled: training stops, as without a limit.
  public var gradientClipping: Double?

  /// Options with their defaults.
  public init(
    seed: UInt64 = 0, threads: Int = 1, reduction: GradientReduction = .mean,
    biasReduction: GradientReduction? = nil, classWeights: [Double]? = nil,
    gradientClipping: Double? = nil
  ) {
    self.seed = seed
    self.threads = threads
    self.reduction = reduction
    self.biasReduction = biasReduction
    self.classWeights = classWeights
    self.gradientClipping = gradientClipping
  }

  /// Throws if a setting is out of range.
  public func validate() throws(SettingsError) {
    guard (1...256).contains(threads) else {
      throw SettingsError(
        "training", setting: "threads", "expected 1 to 256, got \(threads)")
    }
    try gradientClipping?.checked("training", "gradientClipping", "more than 0") { $0 > 0 }
    guard let classWeights else { return }
    let isValid =
      classWeights.allSatisfy { $0.isFinite && $0 >= 0 } && classWeights.contains { $0 > 0 }
    guard isValid else {
      throw SettingsError(
        "training", setting: "classWeights",
        "expected numbers of 0 or more, not all 0, got \(classWeights)")
    }
  }

  /// Weights that let every class count alike: rows / (classes · rows of the class).
  ///
  /// - Parameter dataset: the training rows; every class must have some.
  public static func balancedWeights(for dataset: Dataset) throws -> [Double] {
    guard case .classes(let labels, let count) = dataset.targets else {
      throw ModelError("class weights need classes, and these targets are numbers")
    }
    var rows = [Int](repeating: 0, count: count)
    for label in labels { rows[Int(label)] += 1 }
    if let empty = rows.firstIndex(of: 0) {
      throw ModelError("class \(empty) has no rows, so it cannot be balanced")
    }
    return rows.map { Double(labels.count) / (Double(count) * Double($0)) }
  }
}
