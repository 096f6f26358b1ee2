public import EbbGraph

/// Adagrad (Duchi et al., 2011): s ← s + g², then w ← w − η g / (√s + ε).
public struct Adagrad: Optimizer, Hashable {
  /// `adagrad`.
  public static let kind = "adagrad"

  /// η, 0 or more.
  public var learningRate: Double
  /// What keeps the divisor from 0, more than 0.
  public var epsilon: Double
  /// The pull towards zero.
  public var weightDecay: WeightDecay

  /// Adagrad.
  public init(
    learningRate: Double = 0.01, epsilon: Double = 1e-10, weightDecay: WeightDecay = .none
  ) {
    self.learningRate = learningRate
    self.epsilon = epsilon
    self.weightDecay = weightDecay
  }

  /// The sum of squares s.
  public var slots: [String] { ["s"] }

  /// w − (η g) / (√s' + ε).
  public func update(
    _ parameter: Tensor, gradient: Tensor, slots: [Tensor], scalars: [String: Tensor],
    role: ParameterRole
  ) -> (parameter: Tensor, slots: [Tensor]) {
    let scalars = StepScalars(values: scalars, parameter: parameter)
    let (w, g) = weightDecay.applied(parameter, gradient, scalars, role)
    let s = slots[0] + g * g
    return (w - (scalars["rate"] * g) / (sqrt(s) + epsilon), [s])
  }
}

extension Adagrad {
  /// A rule from a file's settings.
  public init(settings: Settings) throws {
    let reader = try settings.reader(
      for: Self.kind, known: ["learningRate", "epsilon", "weightDecay"])
    self.init(
      learningRate: try reader.number("learningRate"),
      epsilon: try reader.number("epsilon", default: 1e-10),
      weightDecay: try reader.weightDecay())
    try validate()
  }

  /// Learning rate, epsilon and weight decay.
  public var settings: Settings {
    [
      "learningRate": .number(learningRate), "epsilon": .number(epsilon),
      "weightDecay": .text(weightDecay.spelling),
    ]
  }

  /// Throws if a setting is out of range.
  public func validate() throws(SettingsError) {
    try learningRate.checked(Self.kind, "learningRate", "0 or more") { $0 >= 0 }
    try epsilon.checkedEpsilon(Self.kind)
    try weightDecay.validate(Self.kind)
  }
}

extension Optimizer where Self == Adagrad {
  /// Adagrad.
  public static func adagrad(
    learningRate: Double = 0.01, epsilon: Double = 1e-10, weightDecay: WeightDecay = .none
  ) -> Adagrad {
    Adagrad(learningRate: learningRate, epsilon: epsilon, weightDecay: weightDecay)
  }
}
