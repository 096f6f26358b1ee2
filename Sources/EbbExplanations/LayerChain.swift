internal import EbbData
internal import EbbGradients
internal import EbbGraph
internal import EbbNetworks
internal import EbbTraining

/// A network of dense layers as the chain rule sees it on some rows: matrices, and slopes between them.
///
/// All numbers come from the traced graph: values and gradients of the loss's trace, and slopes from
/// the activations' own derivative rules.
struct LayerChain {
  /// One function applied to each element between two dense layers.
  struct Slope {
    let activation: Activation
    /// The value that the function is applied to, such as `hidden1.preactivation`.
    let argument: String
    /// g'(a): [rows, units].
    let values: NDArray<Double>
  }

  /// A dense layer and the functions after it.
  struct Link {
    /// The layer's name, such as `hidden1`.
    let name: String
    let hasBias: Bool
    /// [outputs, inputs], as in a = W h + b.
    let weight: NDArray<Double>
    /// The value that the layer is given, such as `features`.
    let inputName: String
    /// h_{k−1}: [rows, inputs].
    let input: NDArray<Double>
    /// The functions applied to the sums, the first first; the identity is left out.
    let slopes: [Slope]
    /// The value after the functions, such as `hidden1.activation`.
    let outputName: String
    /// δ_k: each row's loss by the sums, [rows, units].
    let gradientBySums: NDArray<Double>
    /// ∇h_k: each row's loss by the values after the functions, [rows, units].
    let gradientByOutputs: NDArray<Double>

    var units: Int { weight.shape[0] }
    var inputs: Int { weight.shape[1] }

    /// The product of all slopes of a unit on a row.
    func slope(_ row: Int, _ unit: Int) -> Double {
      slopes.reduce(1) { $0 * $1.values.elements[row * units + unit] }
    }
  }

  /// The dense layers in order; at least one.
  let links: [Link]
  /// How many rows there are.
  let rows: Int
  /// By what each row's loss is multiplied before the losses are added.
  let factors: [Double]
  /// Each row's loss.
  let rowLosses: [Double]
}

/// The traces that give a ``LayerChain`` for any batch of one number of rows.
struct LayerChainTrace {
  private let model: Model
  private let trace: LossTrace
  private let interpreter: Interpreter<Double>
  private let plans: [LayerPlan]
  let rows: Int

  /// - Throws: `ExplanationError` if the network holds anything but dense layers, activations and
  ///   dropout.
  init(_ model: Model, rows: Int) throws {
    guard rows > 0 else { throw ExplanationError(.noRows, "there are no rows to explain") }
    self.model = model
    self.rows = rows
    plans = try LayerPlan.ofNeurons(model.network)
    trace = try LossTrace(model, rows: rows)
    interpreter = try Interpreter(trace.graph)
  }

  /// The numbers for a batch, forward and backward.
  func chain(_ batch: Batch, factors: [Double]) throws -> LayerChain {
    // Each row's own loss: how rows are joined is kept apart.
    let alone = [Double](repeating: 1, count: rows)
    let (numbers, indices) = try trace.inputs(model, batch, factors: alone, as: Double.self)
    let found = trace.gradients(
      try interpreter.numbers(numbers, indices: indices), parameters: numbers)
    func number(_ name: String, _ array: NDArray<Double>?) throws -> NDArray<Double> {
      guard let array else { throw ExplanationError(.unknownElement, "there is no value \(name)") }
      return array
    }
    let links = try plans.map { plan in
      let slopes = try plan.functions.map { activation, argument in
        let values = try gradient(at: try number(argument, found.value(argument))) {
          sum(activation($0))
        }
        return LayerChain.Slope(activation: activation, argument: argument, values: values)
      }
      let sums = "\(plan.name).preactivation"
      return LayerChain.Link(
        name: plan.name, hasBias: plan.hasBias,
        weight: try number(plan.name, found.value("\(plan.name).weight")),
        inputName: plan.inputName, input: try number(plan.inputName, found.value(plan.inputName)),
        slopes: slopes, outputName: plan.outputName,
        gradientBySums: try number(sums, found[sums]),
        gradientByOutputs: try number(plan.outputName, found[plan.outputName]))
    }
    return LayerChain(links: links, rows: rows, factors: factors, rowLosses: found.rowLosses)
  }
}

extension LayerChain {
  /// The numbers of a batch whose rows are joined as a reduction says.
  init(_ model: Model, _ batch: Batch, reduction: GradientReduction) throws {
    self = try LayerChainTrace(model, rows: batch.count)
      .chain(batch, factors: try batch.factors(reduction))
  }
}
