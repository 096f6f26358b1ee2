internal import EbbData
internal import EbbGradients
public import EbbGraph
public import EbbNetworks
internal import EbbSystem
internal import EbbTraining

/// Backpropagation as equations with numbers: the forward pass (M6), the derivation from the loss
/// through the output function (M16), and the four equations layer by layer (M7, M17, M18, M19).
///
///     let subject = try ExplanationSubject(model: model, row: row, name: "row 1")
///     let equations = try EquationsExplanation(subject)
///     print(equations)
///     print(equations.verdict)
///
/// The example is a column: a_k = W_k h_{k−1} + b_k with W_k [outputs, inputs], h_k = g(a_k),
/// δ_k = ∂L/∂a_k. Each equation's right side is computed from the numbers shown, its left side apart
/// from backpropagation, by differences of the loss in double precision.
public struct EquationsExplanation: Sendable {
  /// What came of comparing an equation's two sides.
  public enum Verdict: String, Sendable {
    case agrees
    case disagrees
    /// The numbers are too small for differences, or not finite.
    case undecided
  }

  /// A dense layer and the functions after it, with everything that flows through it.
  public struct Layer: Sendable {
    /// Such as `hidden1`.
    public let name: String
    /// What is applied to the sums, the first first; empty: nothing.
    public let activations: [Activation]
    /// The value that the layer is given, such as `features`.
    public let inputName: String
    /// The value after the functions, such as `hidden1.activation`.
    public let outputName: String
    /// The names of layers of dropout after it, which pass everything on when a network is evaluated.
    public let dropouts: [String]
    /// W_k: [outputs, inputs].
    public let weight: NDArray<Double>
    /// b_k; nil: the layer has none.
    public let bias: [Double]?
    /// h_{k−1}.
    public let input: [Double]
    /// a_k.
    public let sums: [Double]
    /// g'(a_k).
    public let slopes: [Double]
    /// h_k.
    public let output: [Double]
    /// δ_k.
    public let gradientBySums: [Double]
    /// ∇h_k.
    public let gradientByOutput: [Double]
    /// ∇h_{k−1}.
    public let gradientByInput: [Double]
    /// ∂L/∂W_k, in the shape of W_k.
    public let gradientByWeight: NDArray<Double>
    /// ∂L/∂b_k.
    public let gradientByBias: [Double]?
  }

  /// What the loss and the output function do at the network's end.
  public struct End: Sendable {
    /// The network's outputs, the output function's argument.
    public let outputs: [Double]
    /// ŷ.
    public let predictions: [Double]
    /// y: the targets; 1 for the label and 0 for the others, or the smoothed shares.
    public let targets: [Double]
    /// ∇_ŷ L, from the loss computed from the predictions: the unfused twin.
    public let gradientByPredictions: [Double]
    /// e^{a_i − m}, m being the largest output, in double precision; empty if O is no softmax.
    public let powers: [Double]
    /// O: what turns outputs into predictions.
    public let function: OutputFunction
    /// J_Oᵀ ∇_ŷ L.
    public let product: [Double]
    /// The same gradient as training computes it, fused into one function.
    public let fused: [Double]
    /// The same gradient by the unfused twin.
    public let unfused: [Double]
    /// Whether a prediction is 0 or 1 to the last digit, so that the gradient is lost on the way
    /// through the predictions.
    public let isLost: Bool
    /// The largest distance of fused and unfused gradient in double precision; nil: there, too, the
    /// gradient is lost.
    public let unfusedDeviation: Double?
  }

  /// The row's name.
  public let name: String
  /// Whose numbers are shown.
  public let precision: ExplanationSubject.Precision
  /// The loss of the row.
  public let loss: Double
  /// What was minimised.
  public let lossKind: Loss
  /// The dense layers in order.
  public let layers: [Layer]
  /// Loss and output function.
  public let end: End
  /// The equations, from the loss down, each with its two sides compared.
  public let equations: [Equation]
  /// Every function's Jacobian, on request.
  public let jacobians: [JacobianForm]
  /// How many forward passes the differences took.
  public let forwardPasses: Int

  /// Whether all equations hold, as far as could be decided.
  public var verdict: Verdict {
    if equations.contains(where: { $0.verdict == .disagrees }) { return .disagrees }
    if jacobians.contains(where: { !$0.agrees }) { return .disagrees }
    return equations.contains { $0.verdict == .agrees } ? .agrees : .undecided
  }

  /// The equations of a row.
  ///
  /// - Parameter jacobians: whether each function's Jacobian is computed too.
  /// - Throws: `ExplanationError` if the network holds anything but dense layers, activations and
  ///   dropout.
  public init(_ subject: ExplanationSubject, jacobians: Bool = false) throws {
    try self.init(subject, jacobians: jacobians, rules: \.rule)
  }

  /// The same with derivative rules that may be wrong.
  package init(
    _ subject: ExplanationSubject, jacobians: Bool = false, rules: (Op) -> DerivativeRule
  ) throws {
    // The sweep, its twin and what is moved at random to measure their rounding.
    try MemoryNeed.interpreter("writing the equations", subject.model, rows: 1, copies: 18).check()
    let plans = try LayerPlan.ofEquations(subject.model.network)
    let sweep = try DoubleSweep(
      subject.model, on: subject.row, throughPredictions: false, rules: rules)
    let twin = try DoubleSweep(
      subject.model, on: subject.row, throughPredictions: true, rules: rules)
    // In double precision these are the subject's own numbers.
    let isDouble = subject.precision == .double
    let shown = ShownNumbers(
      numbers: isDouble ? sweep.numbers : subject.numbers,
      unfused: isDouble ? twin.numbers : subject.unfused)
    name = subject.name
    precision = subject.precision
    loss = shown.numbers.loss
    lossKind = subject.model.loss
    layers = try plans.map { try Layer($0, shown) }
    end = try End(subject, shown, sweep: sweep.numbers, twin: twin.numbers)
    var comparison = EquationComparison(
      subject, sweep: sweep, twin: twin, isLost: end.isLost)
    equations = try comparison.equations(layers, end)
    forwardPasses = comparison.forwardPasses
    self.jacobians = jacobians ? try JacobianForm.all(layers, end, subject) : []
  }
}

/// The numbers that an explanation shows.
struct ShownNumbers {
  let numbers: NetworkGradients<Double>
  /// Those of the loss computed from the predictions.
  let unfused: NetworkGradients<Double>

  func value(_ name: String) throws -> NDArray<Double> {
    guard let value = numbers.value(name) else {
      throw ExplanationError(.unknownElement, "there is no value \(name)")
    }
    return value
  }

  func gradient(_ name: String) throws -> NDArray<Double> {
    guard let gradient = numbers[name] else {
      throw ExplanationError(.unknownElement, "there is no gradient by \(name)")
    }
    return gradient
  }
}

extension EquationsExplanation.Layer {
  init(_ plan: LayerPlan, _ shown: ShownNumbers) throws {
    name = plan.name
    activations = plan.functions.map(\.activation)
    (inputName, outputName, dropouts) = (plan.inputName, plan.outputName, plan.dropouts)
    weight = try shown.value("\(name).weight")
    bias = plan.hasBias ? try shown.value("\(name).bias").elements : nil
    input = try shown.value(inputName).elements
    sums = try shown.value("\(name).preactivation").elements
    output = try shown.value(outputName).elements
    var slopes = [Double](repeating: 1, count: sums.count)
    for (activation, argument) in plan.functions {
      let own = try EbbGraph.gradient(at: try shown.value(argument)) { sum(activation($0)) }
      for index in slopes.indices { slopes[index] *= own.elements[index] }
    }
    self.slopes = slopes
    gradientBySums = try shown.gradient("\(name).preactivation").elements
    gradientByOutput = try shown.gradient(outputName).elements
    gradientByInput = try shown.gradient(inputName).elements
    gradientByWeight = try shown.gradient("\(name).weight")
    gradientByBias = plan.hasBias ? try shown.gradient("\(name).bias").elements : nil
  }

  /// n_k.
  public var units: Int { weight.shape[0] }
  /// n_{k−1}.
  public var inputs: Int { weight.shape[1] }
}

/// Loss, values and gradients of a row in double precision, with what rounding may do to them.
struct DoubleSweep {
  let numbers: NetworkGradients<Double>
  private let trials: [NetworkGradients<Double>]

  fileprivate init(
    _ model: Model, on batch: Batch, throughPredictions: Bool, rules: (Op) -> DerivativeRule
  ) throws {
    let trace = try LossTrace(
      model.network, inputCount: model.inputCount, loss: model.loss, rows: batch.count,
      form: .init(throughPredictions: throughPredictions), rules: rules)
    let (given, indices) = try trace.inputs(
      model, batch, factors: try batch.factors(.mean), as: Double.self)
    let interpreter = try Interpreter<Double>(trace.graph)
    let (values, branches) = try interpreter.recording(given, indices: indices)
    numbers = trace.gradients(interpreter.named(values), parameters: given)
    trials = try RoundingJitter.double.trials(interpreter, branches, given, indices: indices)
      .map { trace.gradients($0, parameters: given) }
  }

  /// How far rounding may take an entry of the gradient by a value.
  func rounding(of name: String) -> Double {
    let exact = numbers[name]?.elements ?? []
    let furthest = trials.reduce(0.0) { worst, trial in
      zip(trial[name]?.elements ?? [], exact).reduce(worst) { max($0, ($1.0 - $1.1).magnitude) }
    }
    return RoundingJitter.double.rounding(furthest)
  }
}
