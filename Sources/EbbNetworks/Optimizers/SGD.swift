public import EbbGraph

/// Gradient descent: w ← w − η g.
public struct SGD: Optimizer, Hashable {
  /// `sgd`.
  public static let kind = "sgd"

  /// η, 0 or more.
  public var learningRate: Double
  /// The pull towards zero.
  public var weightDecay: WeightDecay

  /// Gradient descent.
  public init(learningRate: Double = 0.1, weightDecay: WeightDecay = .none) {
    self.learningRate = learningRate
    self.weightDecay = weightDecay
  }

  /// None.
  public var slots: [String] { [] }

  /// w − η g.
  public func update(
    _ parameter: Tensor, gradient: Tensor, slots: [Tensor], scalars: [String: Tensor],
    role: ParameterRole
  ) -> (parameter: Tensor, slots: [Tensor]) {
    let scalars = StepScalars(values: scalars, parameter: parameter)
    let (w, g) = weightDecay.applied(parameter, gradient, scalars, role)
    return (w - scalars["rate"] * g, [])
  }
}

/// Gradient descent with momentum (Polyak, 1964; Nesterov, 1983, in the form of Sutskever et al.,
/// 2013): v ← μ v + g, then w ← w − η v, or with Nesterov's look ahead w ← w − η (g + μ v).
public struct Momentum: Optimizer, Hashable {
  /// `momentum`.
  public static let kind = "momentum"

  /// What is subtracted.
  public enum Form: String, CaseIterable, Hashable, Sendable {
    /// η v.
    case heavyBall
    /// η (g + μ v).
    case nesterov
  }

  /// η, 0 or more.
  public var learningRate: Double
  /// μ: the share of the velocity that stays, at least 0 and below 1.
  public var momentum: Double
  /// What is subtracted.
  public var form: Form
  /// The pull towards zero.
  public var weightDecay: WeightDecay

  /// Gradient descent with momentum.
  public init(
    learningRate: Double = 0.05, momentum: Double = 0.9, form: Form = .heavyBall,
    weightDecay: WeightDecay = .none
  ) {
    self.learningRate = learningRate
    self.momentum = momentum
    self.form = form
    self.weightDecay = weightDecay
  }

  /// The velocity.
  public var slots: [String] { ["v"] }

  /// v' = μ v + g; w − η v' or w − η (g + μ v').
  public func update(
    _ parameter: Tensor, gradient: Tensor, slots: [Tensor], scalars: [String: Tensor],
    role: ParameterRole
  ) -> (parameter: Tensor, slots: [Tensor]) {
    let scalars = StepScalars(values: scalars, parameter: parameter)
    let (w, g) = weightDecay.applied(parameter, gradient, scalars, role)
    let velocity = momentum * slots[0] + g
    let direction = form == .nesterov ? g + momentum * velocity : velocity
    return (w - scalars["rate"] * direction, [velocity])
  }
}

extension SGD {
  /// A rule from a file's settings.
  public init(settings: Settings) throws {
    let reader = try settings.reader(for: Self.kind, known: ["learningRate", "weightDecay"])
    self.init(
      learningRate: try reader.number("learningRate"), weightDecay: try reader.weightDecay())
    try validate()
  }

  /// Learning rate and weight decay.
  public var settings: Settings {
    ["learningRate": .number(learningRate), "weightDecay": .text(weightDecay.spelling)]
  }

  /// Throws if a setting is out of range.
  public func validate() throws(SettingsError) {
    try learningRate.checked(Self.kind, "learningRate", "0 or more") { $0 >= 0 }
    try weightDecay.validate(Self.kind)
  }
}

extension Momentum {
  /// A rule from a file's settings.
  public init(settings: Settings) throws {
    let reader = try settings.reader(
      for: Self.kind, known: ["learningRate", "momentum", "form", "weightDecay"])
    self.init(
      learningRate: try reader.number("learningRate"), momentum: try reader.number("momentum"),
      form: try spelled(try reader.text("form", default: "heavy-ball"), of: "momentum, form"),
      weightDecay: try reader.weightDecay())
    try validate()
  }

  /// Learning rate, momentum, form and weight decay.
  public var settings: Settings {
    [
      "learningRate": .number(learningRate), "momentum": .number(momentum),
      "form": .text(form.rawValue.kebabCase), "weightDecay": .text(weightDecay.spelling),
    ]
  }

  /// Throws if a setting is out of range.
  public func validate() throws(SettingsError) {
    try learningRate.checked(Self.kind, "learningRate", "0 or more") { $0 >= 0 }
    try momentum.checked(Self.kind, "momentum", "at least 0 and below 1") { $0 >= 0 && $0 < 1 }
    try weightDecay.validate(Self.kind)
  }
}

extension SettingsReader {
  /// The weight decay, none if not given.
  func weightDecay() throws(SettingsError) -> WeightDecay {
    try WeightDecay(spelling: try text("weightDecay", default: "none"))
  }
}

extension Optimizer where Self == SGD {
  /// Gradient descent.
  public static func sgd(learningRate: Double = 0.1, weightDecay: WeightDecay = .none) -> SGD {
    SGD(learningRate: learningRate, weightDecay: weightDecay)
  }
}

extension Optimizer where Self == Momentum {
  /// Gradient descent with a velocity.
  public static func momentum(
    learningRate: Double = 0.05, momentum: Double = 0.9, weightDecay: WeightDecay = .none
  ) -> Momentum {
    Momentum(learningRate: learningRate, momentum: momentum, weightDecay: weightDecay)
  }

  /// Gradient descent with a velocity and Nesterov's look ahead.
  public static func nesterov(
    learningRate: Double = 0.05, momentum: Double = 0.9, weightDecay: WeightDecay = .none
  ) -> Momentum {
    Momentum(
      learningRate: learningRate, momentum: momentum, form: .nesterov, weightDecay: weightDecay)
  }
}
