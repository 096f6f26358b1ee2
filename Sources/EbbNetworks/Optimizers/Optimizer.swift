public import EbbGraph

/// A rule by which training changes parameters: one traced `update` per parameter.
///
/// Slots are arrays in the parameter's shape that the rule keeps from step to step; they start at
/// zero. Scalars are numbers that change from step to step; they are computed in Double on the host
/// and rounded once, so a schedule changes no graph.
public protocol Optimizer: Sendable {
  /// The rule's kind in files, such as `adam`.
  static var kind: String { get }

  /// A rule from what `settings` gave.
  ///
  /// - Throws: `SettingsError` for unknown names, wrong types and values out of range.
  init(settings: Settings) throws

  /// Everything that distinguishes two rules of the kind.
  var settings: Settings { get }

  /// The learning rate before any schedule, 0 or more.
  var learningRate: Double { get set }

  /// The pull towards zero; none unless the rule says otherwise.
  var weightDecay: WeightDecay { get }

  /// The names of the arrays kept for each parameter.
  var slots: [String] { get }

  /// The names of the numbers that change from step to step; `rate`, the learning rate, unless the
  /// rule says otherwise.
  var scalarNames: [String] { get }

  /// Appends the step's numbers, one for each of `scalarNames`, in their order. It is called at every
  /// step, so it should allocate nothing.
  ///
  /// - Parameters:
  ///   - step: counts from 1.
  ///   - learningRate: this step's, after any schedule.
  func appendScalars(step: UInt64, learningRate: Double, to values: inout [Double])

  /// The changed parameter and slots.
  ///
  /// - Parameters:
  ///   - parameter: the values before the step.
  ///   - gradient: of the loss by the parameter, in its shape.
  ///   - slots: in the order of `slots`, in the parameter's shape.
  ///   - scalars: single numbers under the names in `scalarNames`.
  ///   - role: what the parameter is for.
  func update(
    _ parameter: Tensor, gradient: Tensor, slots: [Tensor], scalars: [String: Tensor],
    role: ParameterRole
  ) -> (parameter: Tensor, slots: [Tensor])

  /// Throws if a setting is out of range.
  func validate() throws(SettingsError)
}

extension Optimizer {
  /// Kind and settings in one line: `sgd: learningRate 0.1, weightDecay none`.
  public var summary: String { settings.text(after: Self.kind) }

  /// None.
  public var weightDecay: WeightDecay { .none }

  /// The learning rate, and the share that decays.
  public var scalarNames: [String] { ["rate"] + weightDecay.scalarNames }

  /// The learning rate, and the share that decays.
  public func appendScalars(step: UInt64, learningRate: Double, to values: inout [Double]) {
    values.append(learningRate)
    weightDecay.appendScalars(learningRate: learningRate, to: &values)
  }

  /// The step's numbers by name.
  public func scalars(
    step: UInt64, learningRate: Double
  ) -> [(name: String, value: Double)] {
    var values: [Double] = []
    appendScalars(step: step, learningRate: learningRate, to: &values)
    return zip(scalarNames, values).map { ($0, $1) }
  }
}

/// The scalars of one step as an update reads them.
struct StepScalars {
  let values: [String: Tensor]
  /// What stands in for a scalar that was not given, after the fault is recorded.
  let parameter: Tensor

  subscript(name: String) -> Tensor {
    values[name]
      ?? parameter.builder.fail("optimizer", "the scalar \"\(name)\" was not given", .scalar)
  }
}

/// A pull of parameters towards zero.
///
/// `l2`: λ·w is added to the gradient, as if the loss had the term ½λ|w|². `decoupled`: the parameter
/// loses the share learning rate · λ before the rule's own step, untouched by slots (Loshchilov and
/// Hutter, 2019). For plain SGD the two are the same but for rounding. Biases are left alone unless
/// asked.
public struct WeightDecay: Hashable, Sendable {
  /// The two ways.
  public enum Form: String, CaseIterable, Hashable, Sendable {
    /// Through the gradient.
    case l2
    /// Beside it.
    case decoupled
  }

  /// Which way.
  public let form: Form
  /// λ, 0 or more; 0 is no decay.
  public let factor: Double
  /// Whether biases decay too.
  public let includesBiases: Bool

  /// A decay.
  public init(_ form: Form, factor: Double, includesBiases: Bool = false) {
    self.form = form
    self.factor = factor
    self.includesBiases = includesBiases
  }

  /// No decay.
  public static let none = WeightDecay(.l2, factor: 0)

  /// λ·w is added to the gradient.
  public static func l2(_ factor: Double, includesBiases: Bool = false) -> WeightDecay {
    WeightDecay(.l2, factor: factor, includesBiases: includesBiases)
  }

  /// The parameter loses the share learning rate · λ first.
  public static func decoupled(_ factor: Double, includesBiases: Bool = false) -> WeightDecay {
    WeightDecay(.decoupled, factor: factor, includesBiases: includesBiases)
  }

  /// The text in flags and files: `none`, `l2:0.1`, `decoupled:0.01`, `l2-with-biases:0.1`.
  public var spelling: String {
    if factor == 0 { return "none" }
    return Spelling.text(includesBiases ? "\(form.rawValue)-with-biases" : form.rawValue, factor)
  }

  /// A decay from its text.
  ///
  /// - Throws: `SettingsError`, which lists the names or shows the right form.
  public init(spelling text: String) throws(SettingsError) {
    let spelling = Spelling(text, of: "weight decay")
    if text == "none" {
      self = .none
      return
    }
    for form in Form.allCases {
      for includesBiases in [false, true]
      where spelling.name == (includesBiases ? "\(form)-with-biases" : "\(form)") {
        let numbers = try spelling.numbers(1...1, form: "\(spelling.name):FACTOR")
        self.init(form, factor: numbers[0], includesBiases: includesBiases)
        try validate("weight decay")
        return
      }
    }
    throw spelling.unknown(
      known: [
        "none", "l2:FACTOR", "decoupled:FACTOR", "l2-with-biases:FACTOR",
        "decoupled-with-biases:FACTOR",
      ])
  }

  func validate(_ subject: String) throws(SettingsError) {
    try factor.checked(subject, "weightDecay", "0 or more") { $0 >= 0 }
  }

  private var needsScalar: Bool { form == .decoupled && factor != 0 }

  /// The name of the scalar that decoupled decay needs.
  var scalarNames: [String] { needsScalar ? ["decay"] : [] }

  /// Appends the scalar that decoupled decay needs.
  func appendScalars(learningRate: Double, to values: inout [Double]) {
    if needsScalar { values.append(learningRate * factor) }
  }

  /// Parameter and gradient as the rule's own step takes them.
  func applied(
    _ parameter: Tensor, _ gradient: Tensor, _ scalars: StepScalars, _ role: ParameterRole
  ) -> (parameter: Tensor, gradient: Tensor) {
    guard factor != 0 && (role == .weight || includesBiases) else { return (parameter, gradient) }
    return switch form {
    case .l2: (parameter, gradient + factor * parameter)
    case .decoupled: (parameter - scalars["decay"] * parameter, gradient)
    }
  }
}
