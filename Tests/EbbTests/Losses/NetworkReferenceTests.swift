import Ebb
import EbbGraph
import TestSupport
import Testing

/// Whole networks against PyTorch in double precision.
@Suite struct NetworkReferenceTests {
  static let losses: [String: Loss] = [
    "softmaxCrossEntropy": .softmaxCrossEntropy, "squaredError": .squaredError,
    "huber": .huber(), "absoluteError": .absoluteError, "binaryCrossEntropy": .binaryCrossEntropy,
  ]

  /// Loss and the gradients of all parameters and inputs, to 1e-10.
  @Test func lossesAndGradients() throws {
    var largest = 0.0
    for reference in try Reference(file: "network")["cases"].list {
      let name = "\(try reference["name"].text), \(try reference["loss"].text)"
      let loss = try #require(Self.losses[try reference["loss"].text], "\(name)")
      let layers = try reference["layers"].list
      let network = Network(
        try layers.map { layer in
          let activation = try layer["activation"].text
          return Dense(
            try layer["bias"].list.count,
            activation: try Activation(
              spelling: activation == "leakyRelu" ? "leaky-relu" : activation))
        })
      let x = try reference["inputs"].matrix
      let context = LayerContext(GraphBuilder(), mode: .training)
      let input = context.builder.input("x", shape: x.shape)
      let outputs = network(input, in: context)
      let isLabel = loss.targetType == .index
      let targets = context.builder.input(
        "y", shape: isLabel ? [x.shape[0]] : outputs.shape, type: loss.targetType)
      let value = mean(loss.perRow(outputs: outputs, targets: targets))
      let parameters = context.builder.graph.parameters.map {
        Tensor(builder: context.builder, id: $0.id)
      }
      let slopes = gradients(of: value, with: [input] + parameters)
      let graph = try context.builder.finish(
        outputs: zip(["loss", "x"] + context.parameters.map(\.name), [value] + slopes).map {
          Graph.Output(name: $0, id: $1.id)
        })

      var inputs = ["x": x]
      let answers = try reference["answers"]
      let isRow = isLabel || loss == .binaryCrossEntropy
      let rows = try isRow ? NDArray(answers.numbers) : answers.matrix
      if !isLabel { inputs["y"] = rows.reshaped(to: outputs.shape) }
      var expected = ["loss": [try reference["lossValue"].number]]
      expected["x"] = try reference["inputGradient"].matrix.elements
      for (layer, name) in zip(layers, network.names) {
        inputs["\(name).weight"] = try layer["weight"].matrix.transposed()
        inputs["\(name).bias"] = NDArray(try layer["bias"].numbers)
        expected["\(name).weight"] = try layer["weightGradient"].matrix.transposed().elements
        expected["\(name).bias"] = try layer["biasGradient"].numbers
      }
      let found = try evaluate(
        graph, inputs, indices: isLabel ? ["y": rows.map { Int32($0) }] : [:])
      #expect(found.count == expected.count && found.count == 2 * layers.count + 2)
      for (output, numbers) in expected {
        let error = difference(try #require(found[output]).elements, numbers)
        #expect(error < 1e-10, "\(name): \(output)")
        largest = max(largest, error)
      }
    }
    print("networks against PyTorch: largest difference \(largest)")
  }
}
