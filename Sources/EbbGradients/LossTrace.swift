package import EbbData
package import EbbGraph
package import EbbNetworks
internal import EbbSystem
package import EbbTraining

/// The loss of a network on a number of rows, traced with its gradients and with handles on all that
/// lies between: what explains and checks training looks at.
///
/// The rows' losses are joined with the factors given as ``NetworkTrace/Port/rowWeights``, as a step
/// of training joins them: 1/rows each for a mean. One row's gradient, a part of a batch or class
/// weights are other factors, not another trace.
package struct LossTrace {
  /// What is traced.
  package struct Form: Hashable {
    /// Whether dropout drops.
    var mode: LayerContext.Mode = .evaluation
    /// The loss is computed from the predictions (−log ŷ_l) and not from the outputs (the fused
    /// softmax cross-entropy), so that it has a gradient by them.
    package var throughPredictions = false
    /// The value that a change of its shape is added to before anything uses it, given as
    /// ``Port/nudge``.
    var nudged: String?

    package init(
      mode: LayerContext.Mode = .evaluation, throughPredictions: Bool = false, nudged: String? = nil
    ) {
      self.mode = mode
      self.throughPredictions = throughPredictions
      self.nudged = nudged
    }
  }

  /// The names of outputs in the graph, besides those of ``NetworkTrace/Port``.
  package enum Port {
    package static let loss = "loss"
    package static let nudge = "nudge"
    package static func value(_ name: String) -> String { "value \(name)" }
    package static func gradient(_ name: String) -> String { "gradient \(name)" }
  }

  /// A value between the features and the loss, or a parameter.
  package struct Named {
    /// Such as `hidden1.weight`, `hidden1.preactivation`, `predictions`.
    package let name: String
    package let value: NodeID
    /// The loss by the value; nil if the loss does not depend on it.
    package let gradient: NodeID?
    package let shape: Shape
  }

  let network: Network
  let loss: Loss
  let rows: Int
  package let form: Form
  package let specifications: [ParameterSpecification]
  /// Outputs: the loss, the rows' losses, the predictions, every named value and every gradient.
  package let graph: Graph
  /// The applications of the chain rule, as nodes of the graph.
  package let steps: [ChainStep]
  /// In the order of declaration.
  package let parameters: [Named]
  /// From `features` to `predictions`, in the order of the forward pass.
  package let values: [Named]
  package let rowLosses: NodeID

  /// Traces forward and backward pass.
  ///
  /// - Parameters:
  ///   - rows: the number of rows, at least 1.
  ///   - backward: whether gradients are traced too.
  ///   - rules: the derivative of each operation; tests give wrong ones.
  ///   - beside: what else is to be traced, from the parameters and the loss's gradients by them;
  ///     names its results on the builder.
  /// - Throws: `TraceError` if the network does not fit, `ModelError` for an unknown nudged value.
  package init(
    _ network: Network, inputCount: Int, loss: Loss, rows: Int, form: Form = Form(),
    backward: Bool = true, rules: (Op) -> DerivativeRule = \.rule,
    beside: (_ parameters: [Tensor], _ gradients: [Tensor?]) -> Void = { _, _ in }
  ) throws {
    let builder = GraphBuilder()
    let context = LayerContext(builder, mode: form.mode)
    if let nudged = form.nudged {
      context.replacement = { name, value in
        name == nudged ? value + builder.input(Port.nudge, shape: value.shape) : value
      }
    }
    let names = NetworkTrace.Port.self
    let x = context.named(
      names.features, builder.input(names.features, shape: [rows, inputCount]))
    let outputs = network(x, in: context)
    let predictions = context.named(
      names.predictions, loss.predictions(fromOutputs: outputs))
    let targets = NetworkTrace(network: network, inputCount: inputCount, loss: loss)
      .targets(for: outputs)
    let losses = builder.scope("loss") {
      form.throughPredictions
        ? loss.perRow(predictions: predictions, targets: targets)
        : loss.perRow(outputs: outputs, targets: targets)
    }
    let factors = builder.input(names.rowWeights, shape: [rows])
    let parameters = context.parameters.map {
      (name: $0.name, value: builder.parameter($0.name, shape: $0.shape, shared: true))
    }
    let wanted = parameters + context.values
    let back =
      backward
      ? backpropagate(from: losses, to: wanted.map(\.value), cotangent: factors, rules: rules)
      : nil
    let total = sum(losses * factors)
    beside(parameters.map(\.value), parameters.map { back?.cotangents[$0.value.id] })

    func named(_ name: String, _ value: Tensor) -> Named {
      Named(
        name: name, value: value.id, gradient: back?.cotangents[value.id]?.id, shape: value.shape)
    }
    var outputList = [
      Graph.Output(name: Port.loss, id: total.id),
      Graph.Output(name: names.rowLosses, id: losses.id),
    ]
    self.parameters = parameters.map { named($0.name, $0.value) }
    values = context.values.map { named($0.name, $0.value) }
    outputList += values.map { Graph.Output(name: Port.value($0.name), id: $0.value) }
    outputList += (self.parameters + values).compactMap { entry in
      entry.gradient.map { Graph.Output(name: Port.gradient(entry.name), id: $0) }
    }
    graph = try builder.finish(outputs: outputList)
    (self.network, self.loss, self.rows, self.form) = (network, loss, rows, form)
    specifications = context.parameters
    steps = back?.steps ?? []
    rowLosses = losses.id
    if let nudged = form.nudged, !context.values.contains(where: { $0.name == nudged }) {
      throw ModelError(Self.unknown(nudged, among: context.values.map(\.name)))
    }
  }

  /// A trace for a model's network.
  package init(
    _ model: Model, rows: Int, form: Form = Form(), backward: Bool = true,
    beside: (_ parameters: [Tensor], _ gradients: [Tensor?]) -> Void = { _, _ in }
  ) throws {
    try self.init(
      model.network, inputCount: model.inputCount, loss: model.loss, rows: rows, form: form,
      backward: backward, beside: beside)
  }

  /// What to say about a name that is none.
  package static func unknown(_ name: String, among known: [String]) -> String {
    "there is no value named \(name.quotedForMessage); "
      + NameSuggestion.advice(for: name, among: known)
  }

  /// What an interpreter of the graph is given for a model's numbers and the rows of a batch.
  ///
  /// Other modules call it once per run: without the attribute they would get a version that asks at
  /// every element what a `Scalar` is.
  ///
  /// - Parameter factors: by which the rows' losses are multiplied before they are added.
  @_specialize(where Scalar == Double)
  @_specialize(where Scalar == Float)
  package func inputs<Scalar: Real>(
    _ model: Model, _ batch: Batch, factors: [Double], as _: Scalar.Type = Scalar.self
  ) throws -> (numbers: [String: NDArray<Scalar>], indices: [String: NDArray<Int32>]) {
    let width = model.inputCount
    try check(batch.dataset, inputCount: width)
    let outputs = values.last.map { $0.shape[1] } ?? 0
    try loss.check(batch.dataset.targets, outputs: outputs)
    precondition(
      batch.count == rows && factors.count == rows,
      "\(batch.count) rows and \(factors.count) factors for a trace of \(rows) rows")
    var numbers: [String: NDArray<Scalar>] = [:]
    var indices: [String: NDArray<Int32>] = [:]
    for (specification, parameter) in zip(specifications, model.parameters) {
      let values = specification.memoryValues(parameter.values).map { Scalar($0) }
      numbers[specification.name] = NDArray(values, shape: specification.shape)
    }
    for kept in model.states { numbers[kept.name] = kept.values.map { Scalar($0) } }
    let features = batch.dataset.features
    numbers[NetworkTrace.Port.features] = NDArray(
      batch.rows.flatMap { features[Int($0) * width..<(Int($0) + 1) * width].map { Scalar($0) } },
      shape: [rows, width])
    numbers[NetworkTrace.Port.rowWeights] = NDArray(factors.map { Scalar($0) })
    switch batch.dataset.targets {
    case .none: break
    case .classes(let labels, _) where loss.targetType == .index:
      indices[NetworkTrace.Port.targets] = NDArray(batch.rows.map { labels[Int($0)] })
    case .classes(let labels, _):
      numbers[NetworkTrace.Port.targets] = NDArray(
        batch.rows.map { Scalar(labels[Int($0)]) }, shape: [rows, outputs])
    case .values(let values, let count):
      numbers[NetworkTrace.Port.targets] = NDArray(
        batch.rows.flatMap { values[Int($0) * count..<(Int($0) + 1) * count].map { Scalar($0) } },
        shape: [rows, count])
    }
    return (numbers, indices)
  }
}

extension Loss {
  /// The loss of each row computed from the predictions, without the fusion with the output function
  /// that keeps extreme logits finite: how the textbook writes it.
  ///
  /// **Shapes**: predictions [rows, outputs]; targets as for ``perRow(outputs:targets:)`` → [rows].
  package func perRow(predictions: Tensor, targets: Tensor) -> Tensor {
    let classes = predictions.shape[-1]
    switch self {
    case .squaredError, .absoluteError, .huber:
      return perRow(outputs: predictions, targets: targets)
    case .binaryCrossEntropy:
      let right = targets * log(predictions)
      return -sum(right + (1 - targets) * log(1 - predictions), axes: [1])
    case .softmaxCrossEntropy:
      return -sum(oneHot(targets, classes: classes) * log(predictions), axes: [1])
    case .smoothedCrossEntropy(let smoothing):
      let spread = (1 - smoothing) * oneHot(targets, classes: classes) + smoothing / Double(classes)
      return -sum(spread * log(predictions), axes: [1])
    }
  }
}
