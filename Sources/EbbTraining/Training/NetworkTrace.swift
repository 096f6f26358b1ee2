internal import EbbEngine
package import EbbGraph
package import EbbNetworks

/// The graphs of a network: what its training step and its evaluation compute.
package struct NetworkTrace {
  let network: Network
  let inputCount: Int
  let loss: Loss

  package init(network: Network, inputCount: Int, loss: Loss) {
    self.network = network
    self.inputCount = inputCount
    self.loss = loss
  }

  /// The names of inputs and outputs in the graphs.
  package enum Port {
    package static let features = "features"
    package static let targets = "targets"
    package static let rowWeights = "rowWeights"
    package static let rowLosses = "rowLosses"
    package static let predictions = "predictions"
    /// A number that the optimizer's rule needs at each step.
    package static func scalar(_ name: String) -> String { "scalar \(name)" }
  }

  /// The name of an optimizer slot in the state.
  package static func slotName(_ parameter: String, _ slot: String) -> String {
    "optimizer/\(parameter).\(slot)"
  }

  /// Forward pass, loss of each row and predictions for `rows` rows.
  func evaluation(rows: Int) throws -> Graph {
    try trace { builder in
      let context = LayerContext(builder, mode: .evaluation)
      let (outputs, losses) = try forward(rows: rows, context)
      return [
        Port.rowLosses: losses, Port.predictions: loss.predictions(fromOutputs: outputs),
      ]
    }
  }

  /// One step of training on `rows` rows: forward, backward and the optimizer's update.
  package func step(rows: Int, optimizer: any Optimizer, options: TrainingOptions) throws -> Graph {
    try trace { builder in
      let context = LayerContext(builder, mode: .training)
      context.advancesStates = true
      let (_, losses) = try forward(rows: rows, context)
      let parameters = context.parameters.map {
        builder.parameter($0.name, shape: $0.shape, shared: true)
      }
      let gradients = gradients(of: losses, by: parameters, rows: rows, options: options)
      let scalars = Dictionary(
        uniqueKeysWithValues: optimizer.scalarNames.map {
          ($0, builder.input(Port.scalar($0), shape: []))
        })
      let biasFactor = biasFactor(builder, rows, options)
      let joined = zip(context.parameters, parameters).enumerated().map { index, parameter in
        let gradient = gradients[index] ?? parameter.1.zeros
        guard parameter.0.role == .bias, let biasFactor else { return gradient }
        return biasFactor * gradient
      }
      let used =
        options.gradientClipping.map { GradientClipping.clipped(joined, limit: $0) } ?? joined
      for (index, specification) in context.parameters.enumerated() {
        let slots = optimizer.slots.map {
          builder.parameter(
            Self.slotName(specification.name, $0), shape: specification.shape)
        }
        let updated = builder.scope("update \(specification.name)") {
          optimizer.update(
            parameters[index], gradient: used[index], slots: slots, scalars: scalars,
            role: specification.role)
        }
        builder.update(parameters[index], to: updated.parameter)
        for (slot, value) in zip(slots, updated.slots) { builder.update(slot, to: value) }
      }
      return [Port.rowLosses: losses]
    }
  }

  /// Throws if training has parameters or states that evaluation, and so the model, has not.
  func checkDeclarations(
    _ specifications: [ParameterSpecification], _ states: [StateSpecification]
  ) throws {
    _ = try EbbGraph.trace { builder in
      let context = LayerContext(builder, mode: .training)
      let outputs = network(builder.input(Port.features, shape: [1, inputCount]), in: context)
      let known = Set(specifications.map(\.name) + states.map(\.name))
      let all = context.parameters.map(\.name) + context.states.map(\.name)
      if let other = all.first(where: { !known.contains($0) }) {
        let scope = other.split(separator: ".").dropLast().joined(separator: ".")
        throw TraceError(
          scope: scope, operation: "parameter",
          message: "\"\(other)\" is declared for training only, so it would not be saved with"
            + " the model: declare it in both modes")
      }
      return ["outputs": outputs]
    }
  }

  private func forward(
    rows: Int, _ context: LayerContext
  ) throws -> (outputs: Tensor, losses: Tensor) {
    let builder = context.builder
    let x = builder.input(Port.features, shape: [rows, inputCount])
    let outputs = network(x, in: context)
    let declared = context.parameters.map(\.name) + context.states.map(\.name)
    if let stray = builder.parameter(besides: declared) {
      throw TraceError(
        scope: stray.scope, operation: "parameter",
        message: "\"\(stray.name)\" is declared on the builder, so it would not be saved with the"
          + " model: declare what is trained by the context's parameter(…), and what is kept beside it"
          + " by state(…)")
    }
    let losses = builder.scope("loss") {
      loss.perRow(outputs: outputs, targets: targets(for: outputs))
    }
    return (outputs, losses)
  }

  /// The input for what is to be learned, in the shape that the loss takes.
  package func targets(for outputs: Tensor) -> Tensor {
    let rows: Shape = outputs.shape.rank == 0 ? [1] : [outputs.shape[0]]
    return outputs.builder.input(
      Port.targets, shape: loss.targetType == .index ? rows : outputs.shape, type: loss.targetType)
  }

  /// The gradients of the batch's loss: the rows' losses joined as the weights' reduction says.
  private func gradients(
    of losses: Tensor, by parameters: [Tensor], rows: Int, options: TrainingOptions
  ) -> [Tensor?] {
    let builder = losses.builder
    let cotangent: Tensor
    if options.classWeights != nil {
      // Given for each batch: the class's weight, divided by the rows for a mean.
      cotangent = builder.input(Port.rowWeights, shape: [rows])
    } else {
      let share = options.reduction == .mean ? 1 / Double(rows) : 1
      cotangent = builder.constant(share).expanded(to: [rows])
    }
    return backpropagate(from: losses, to: parameters, cotangent: cotangent).gradients
  }

  /// What turns a gradient joined as the weights' reduction says into one joined as the biases' does.
  private func biasFactor(
    _ builder: GraphBuilder, _ rows: Int, _ options: TrainingOptions
  ) -> Tensor? {
    let biases = options.biasReduction ?? options.reduction
    if biases == options.reduction { return nil }
    let factor: Double = biases == .sum ? Double(rows) : 1 / Double(rows)
    return builder.constant(factor)
  }
}

extension Tensor {
  fileprivate var zeros: Tensor { builder.constant(0.0).expanded(to: shape) }
}
