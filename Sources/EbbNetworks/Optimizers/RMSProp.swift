public import EbbGraph

/// RMSProp (Tieleman and Hinton, 2012): steps divided by a running root mean square.
///
/// s ← α s + (1 − α) g², then w ← w − η g / (√s + ε); with momentum μ > 0, b ← μ b + g / (√s + ε) and
/// w ← w − η b, as in PyTorch.
public struct RMSProp: Optimizer, Hashable {
  /// `rmsprop`.
  public static let kind = "rmsprop"

  /// η, 0 or more.
  public var learningRate: Double
  /// The share of the mean square that stays, at least 0 and below 1.
  public var alpha: Double
  /// What keeps the divisor from 0, more than 0.
  public var epsilon: Double
  /// The share of the velocity that stays, at least 0 and below 1; 0: no velocity.
  public var momentum: Double
  /// The pull towards zero.
  public var weightDecay: WeightDecay

  /// RMSProp.
  public init(
    learningRate: Double = 0.001, alpha: Double = 0.99, epsilon: Double = 1e-8,
    momentum: Double = 0, weightDecay: WeightDecay = .none
  ) {
    self.learningRate = learningRate
    self.alpha = alpha
    self.epsilon = epsilon
    self.momentum = momentum
    self.weightDecay = weightDecay
  }

  /// The mean square s, and the velocity b if there is momentum.
  public var slots: [String] { momentum == 0 ? ["s"] : ["s", "b"] }

  /// w − (η g) / (√s' + ε), or w − η b' with momentum.
  public func update(
    _ parameter: Tensor, gradient: Tensor, slots: [Tensor], scalars: [String: Tensor],
    role: ParameterRole
  ) -> (parameter: Tensor, slots: [Tensor]) {
    let scalars = StepScalars(values: scalars, parameter: parameter)
    let (w, g) = weightDecay.applied(parameter, gradient, scalars, role)
    let s = alpha * slots[0] + (1 - alpha) * (g * g)
    let divisor = sqrt(s) + epsilon
    guard momentum != 0 else { return (w - (scalars["rate"] * g) / divisor, [s]) }
    let b = momentum * slots[1] + g / divisor
    return (w - scalars["rate"] * b, [s, b])
  }
}

extension RMSProp {
  /// A rule from a file's settings.
  public init(settings: Settings) throws {
    let reader = try settings.reader(
      for: Self.kind, known: ["learningRate", "alpha", "epsilon", "momentum", "weightDecay"])
    self.init(
      learningRate: try reader.number("learningRate"),
      alpha: try reader.number("alpha", default: 0.99),
      epsilon: try reader.number("epsilon", default: 1e-8),
      momentum: try reader.number("momentum", default: 0),
      weightDecay: try reader.weightDecay())
    try validate()
  }

  /// Learning rate, alpha, epsilon, momentum and weight decay.
  public var settings: Settings {
    [
      "learningRate": .number(learningRate), "alpha": .number(alpha),
      "epsilon": .number(epsilon), "momentum": .number(momentum),
      "weightDecay": .text(weightDecay.spelling),
    ]
  }

  /// Throws if a setting is out of range.
  public func validate() throws(SettingsError) {
    try learningRate.checked(Self.kind, "learningRate", "0 or more") { $0 >= 0 }
    try alpha.checked(Self.kind, "alpha", "at least 0 and below 1") { $0 >= 0 && $0 < 1 }
    try momentum.checked(Self.kind, "momentum", "at least 0 and below 1") { $0 >= 0 && $0 < 1 }
    try epsilon.checkedEpsilon(Self.kind)
    try weightDecay.validate(Self.kind)
  }
}

extension Optimizer where Self == RMSProp {
  /// RMSProp.
  public static func rmsProp(
    learningRate: Double = 0.001, alpha: Double = 0.99, epsilon: Double = 1e-8,
    momentum: Double = 0, weightDecay: WeightDecay = .none
  ) -> RMSProp {
    RMSProp(
      learningRate: learningRate, alpha: alpha, epsilon: epsilon, momentum: momentum,
      weightDecay: weightDecay)
  }
}
