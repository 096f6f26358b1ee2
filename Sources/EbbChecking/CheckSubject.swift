internal import EbbData
internal import EbbGradients
internal import EbbGraph
internal import EbbNetworks
internal import EbbSystem
internal import EbbTraining

/// A network on some rows in one mode: its gradients by backpropagation, and its loss as a function to
/// take differences of.
struct CheckSubject {
  let model: Model
  let batch: Batch
  let mode: LayerContext.Mode
  let seed: UInt64
  let factors: [Double]
  let trace: LossTrace
  /// The gradients in memory order, in the order of declaration.
  let gradients: [[Double]]
  private let numbers: [String: NDArray<Double>]
  private let indices: [String: NDArray<Int32>]

  /// The step whose masks are used: training's first.
  static let step: UInt64 = 1

  /// Traces and differentiates.
  ///
  /// - Parameter seed: of dropout's masks.
  init(
    _ model: Model, _ batch: Batch, mode: LayerContext.Mode = .evaluation, seed: UInt64 = 0,
    factors: [Double]? = nil, rules: (Op) -> DerivativeRule = \.rule
  ) throws {
    (self.model, self.batch, self.mode, self.seed) = (model, batch, mode, seed)
    self.factors = try factors ?? batch.factors(.mean)
    try MemoryNeed.interpreter("checking the gradients", model, rows: batch.count, copies: 9)
      .check()
    trace = try LossTrace(
      model.network, inputCount: model.inputCount, loss: model.loss, rows: batch.count,
      form: .init(mode: mode), rules: rules)
    (numbers, indices) = try trace.inputs(model, batch, factors: self.factors, as: Double.self)
    let wanted = trace.parameters.compactMap(\.gradient)
    let slim = Graph(
      nodes: trace.graph.nodes,
      outputs: trace.graph.outputs.filter { wanted.contains($0.id) })
    let found = try Interpreter(slim).numbers(
      numbers, indices: indices, seed: seed, step: Self.step)
    gradients = trace.parameters.map { parameter in
      found[LossTrace.Port.gradient(parameter.name)]?.elements
        ?? [Double](repeating: 0, count: parameter.shape.count)
    }
  }

  /// How far rounding may take each gradient, with every decision (a ReLU's side) as it is.
  func roundings() throws -> [GradientRounding] {
    let wanted = trace.parameters.compactMap(\.gradient)
    let interpreter = try Interpreter(
      Graph(
        nodes: trace.graph.nodes, outputs: trace.graph.outputs.filter { wanted.contains($0.id) }))
    let branches = try interpreter.recording(
      numbers, indices: indices, seed: seed, step: Self.step
    ).branches
    let trials = try RoundingJitter.double.trials(
      interpreter, branches, numbers, indices: indices, seed: seed, step: Self.step)
    return zip(trace.parameters, gradients).map { parameter, gradient in
      GradientRounding(
        gradient,
        trials: trials.compactMap { $0[LossTrace.Port.gradient(parameter.name)] },
        .double)
    }
  }

  /// The rows' losses joined, from a forward pass alone.
  func function() throws -> SmoothFunction {
    let forward = try LossTrace(
      model.network, inputCount: model.inputCount, loss: model.loss, rows: batch.count,
      form: .init(mode: mode), backward: false)
    return try SmoothFunction(
      forward.graph, output: NetworkTrace.Port.rowLosses, weights: factors, numbers: numbers,
      indices: indices, seed: seed, step: Self.step)
  }

  /// The comparison for one parameter.
  func probe(
    _ index: Int, _ rounding: GradientRounding, stream: UInt32, _ options: GradientCheck.Options
  ) -> TensorProbe {
    let specification = trace.specifications[index]
    return TensorProbe(
      name: specification.name, shape: specification.shape, isTurned: specification.isTurned,
      mode: mode, gradient: gradients[index], rounding: rounding, stream: stream, options: options)
  }
}
