public import EbbGraph
internal import EbbSystem

/// Adam (Kingma and Ba, 2015): steps scaled by running means of the gradient and of its square.
///
/// At step t: m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g², then
/// w ← w − η m̂ / (√v̂ + ε) with m̂ = m/(1 − β₁ᵗ) and v̂ = v/(1 − β₂ᵗ). ε stands outside the corrected
/// root, as in PyTorch. With decoupled weight decay this is AdamW (Loshchilov and Hutter, 2019).
public struct Adam: Optimizer, Hashable {
  /// `adam`.
  public static let kind = "adam"

  /// η, 0 or more.
  public var learningRate: Double
  /// The share of the mean gradient that stays, at least 0 and below 1.
  public var beta1: Double
  /// The share of the mean square that stays, at least 0 and below 1.
  public var beta2: Double
  /// What keeps the divisor from 0, more than 0.
  public var epsilon: Double
  /// The pull towards zero.
  public var weightDecay: WeightDecay

  /// Adam.
  public init(
    learningRate: Double = 0.001, beta1: Double = 0.9, beta2: Double = 0.999,
    epsilon: Double = 1e-8, weightDecay: WeightDecay = .none
  ) {
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
  }

  /// The mean gradient m and the mean square v, without correction.
  public var slots: [String] { ["m", "v"] }

  /// The corrected learning rate, the correction of the root, and the share that decays.
  public var scalarNames: [String] { ["rate", "correction"] + weightDecay.scalarNames }

  /// η/(1 − β₁ᵗ), 1/√(1 − β₂ᵗ), and the share that decays.
  public func appendScalars(step: UInt64, learningRate: Double, to values: inout [Double]) {
    values.append(learningRate / PortableMath.oneMinusPower(beta1, step))
    values.append(1 / PortableMath.oneMinusPower(beta2, step).squareRoot())
    weightDecay.appendScalars(learningRate: learningRate, to: &values)
  }

  /// w − (rate · m') / (√v' · correction + ε).
  public func update(
    _ parameter: Tensor, gradient: Tensor, slots: [Tensor], scalars: [String: Tensor],
    role: ParameterRole
  ) -> (parameter: Tensor, slots: [Tensor]) {
    let scalars = StepScalars(values: scalars, parameter: parameter)
    let (w, g) = weightDecay.applied(parameter, gradient, scalars, role)
    let m = beta1 * slots[0] + (1 - beta1) * g
    let v = beta2 * slots[1] + (1 - beta2) * (g * g)
    let divisor = sqrt(v) * scalars["correction"] + epsilon
    return (w - (scalars["rate"] * m) / divisor, [m, v])
  }
}

extension Adam {
  /// A rule from a file's settings.
  public init(settings: Settings) throws {
    let reader = try settings.reader(
      for: Self.kind, known: ["learningRate", "beta1", "beta2", "epsilon", "weightDecay"])
    self.init(
      learningRate: try reader.number("learningRate"),
      beta1: try reader.number("beta1", default: 0.9),
      beta2: try reader.number("beta2", default: 0.999),
      epsilon: try reader.number("epsilon", default: 1e-8),
      weightDecay: try reader.weightDecay())
    try validate()
  }

  /// Learning rate, beta1, beta2, epsilon and weight decay.
  public var settings: Settings {
    [
      "learningRate": .number(learningRate), "beta1": .number(beta1), "beta2": .number(beta2),
      "epsilon": .number(epsilon), "weightDecay": .text(weightDecay.spelling),
    ]
  }

  /// Throws if a setting is out of range.
  public func validate() throws(SettingsError) {
    try learningRate.checked(Self.kind, "learningRate", "0 or more") { $0 >= 0 }
    try beta1.checked(Self.kind, "beta1", "at least 0 and below 1") { $0 >= 0 && $0 < 1 }
    try beta2.checked(Self.kind, "beta2", "at least 0 and below 1") { $0 >= 0 && $0 < 1 }
    try epsilon.checkedEpsilon(Self.kind)
    try weightDecay.validate(Self.kind)
  }
}

extension Double {
  /// Throws unless the number is positive and stays so in single precision.
  func checkedEpsilon(_ subject: String) throws(SettingsError) {
    try checked(subject, "epsilon", "more than 0, at least 1e-45") { $0 > 0 && Float($0) > 0 }
  }
}

extension Optimizer where Self == Adam {
  /// Adam.
  public static func adam(
    learningRate: Double = 0.001, beta1: Double = 0.9, beta2: Double = 0.999,
    epsilon: Double = 1e-8, weightDecay: WeightDecay = .none
  ) -> Adam {
    Adam(
      learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon,
      weightDecay: weightDecay)
  }

  /// Adam with decoupled weight decay.
  ///
  /// - Parameter decay: λ: a weight loses the share learning rate · λ at each step.
  public static func adamW(
    learningRate: Double = 0.001, decay: Double = 0.01, beta1: Double = 0.9,
    beta2: Double = 0.999, epsilon: Double = 1e-8
  ) -> Adam {
    Adam(
      learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon,
      weightDecay: .decoupled(decay))
  }
}
