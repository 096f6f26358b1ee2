import Ebb
import Testing

/// A network of dense layers traced through its own layers, with handles on everything between.
struct TracedSubject {
  let builder: GraphBuilder
  let parameterNames: [String]
  /// The parameters in the order of declaration.
  let parameters: [Tensor]
  let weights: [Tensor]
  let biases: [Tensor]
  /// h_0 … h_{D−1}: what each layer is given.
  let h: [Tensor]
  /// a_1 … a_D: each layer's sums.
  let a: [Tensor]
  let outputs: Tensor
  /// Labels or numbers, as the loss takes them.
  let targets: Tensor
  let rowLosses: Tensor

  init(_ network: Network, inputs: Int, rows: Int, loss: Loss) throws {
    builder = GraphBuilder()
    let context = LayerContext(builder, mode: .evaluation)
    let x = builder.input("features", shape: [rows, inputs])
    outputs = network(x, in: context)
    let specifications = context.parameters
    parameterNames = specifications.map(\.name)
    let builder = self.builder
    func parameter(_ name: String) throws -> Tensor {
      let specification = try #require(specifications.first { $0.name == name })
      return builder.parameter(name, shape: specification.shape, shared: true)
    }
    parameters = try parameterNames.map(parameter)
    // Written once more, the same operations are the same nodes.
    var (h, a, weights, biases): ([Tensor], [Tensor], [Tensor], [Tensor]) = ([x], [], [], [])
    for (layer, name) in zip(network.layers, network.names) {
      let dense = try #require(layer as? Dense)
      weights.append(try parameter("\(name).weight"))
      var sums = matmul(try #require(h.last), try #require(weights.last))
      if dense.hasBias {
        biases.append(try parameter("\(name).bias"))
        sums = sums + (try #require(biases.last))
      }
      a.append(sums)
      h.append(dense.activation(sums))
    }
    try #require(
      h.last?.id == outputs.id, "the layers have another graph than a = h W + b, h = g(a)")
    (self.h, self.a, self.weights, self.biases) = (Array(h.dropLast()), a, weights, biases)
    targets = builder.input(
      "targets", shape: loss.targetType == .index ? [rows] : outputs.shape, type: loss.targetType)
    rowLosses = loss.perRow(outputs: outputs, targets: targets)
  }

  init(_ subject: NoteSubject, rows: Int = NoteSubject.rows) throws {
    try self.init(
      subject.network, inputs: subject.model.inputCount, rows: rows, loss: subject.model.loss)
  }

  /// The graph of some values, named.
  func graph(_ values: [(String, Tensor)]) throws -> Graph {
    let graph = try builder.finish(
      outputs: values.map { Graph.Output(name: $0.0, id: $0.1.id) })
    try graph.verify()
    return graph
  }
}

/// One training step with a mean over the rows, written down apart from the trainer.
func stepGraph(
  _ network: Network, inputs: Int, rows: Int, loss: Loss, optimizer: any Optimizer
) throws -> Graph {
  try trace { builder in
    let context = LayerContext(builder, mode: .training)
    let outputs = network(builder.input("features", shape: [rows, inputs]), in: context)
    let targets = builder.input(
      "targets", shape: loss.targetType == .index ? [rows] : outputs.shape, type: loss.targetType)
    let losses = loss.perRow(outputs: outputs, targets: targets)
    let parameters = context.parameters.map {
      builder.parameter($0.name, shape: $0.shape, shared: true)
    }
    let found = backpropagate(
      from: losses, to: parameters,
      cotangent: builder.constant(1 / Double(rows)).expanded(to: [rows]))
    let scalars = Dictionary(
      uniqueKeysWithValues: optimizer.scalarNames.map { ($0, builder.input($0, shape: [])) })
    for (index, specification) in context.parameters.enumerated() {
      let slots = optimizer.slots.map {
        builder.parameter("\(specification.name).\($0)", shape: specification.shape)
      }
      let updated = optimizer.update(
        parameters[index], gradient: try #require(found.gradients[index]), slots: slots,
        scalars: scalars, role: specification.role)
      builder.update(parameters[index], to: updated.parameter)
      for (slot, value) in zip(slots, updated.slots) { builder.update(slot, to: value) }
    }
    return ["losses": losses]
  }
}
