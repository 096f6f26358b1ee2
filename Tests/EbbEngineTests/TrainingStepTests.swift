import EbbEngine
import EbbGraph
import Testing

/// Whole training steps, as the trainer traces them.
@Suite struct TrainingStepTests {
  /// A network of dense layers with softmax cross-entropy, its gradients and an update.
  static func step(
    widths: [Int], batch: Int, activation: (Tensor) -> Tensor = relu, adam: Bool = false
  ) throws -> Graph {
    try trace { builder in
      var h = builder.input("x", shape: [batch, widths[0]])
      let labels = builder.input("labels", shape: [batch], type: .index)
      let rate = builder.input("rate", shape: [])
      let correction = builder.input("correction", shape: [])
      var parameters: [Tensor] = []
      for layer in 1..<widths.count {
        let w = builder.parameter("w\(layer)", shape: [widths[layer - 1], widths[layer]])
        let b = builder.parameter("b\(layer)", shape: [widths[layer]])
        parameters += [w, b]
        h = matmul(h, w) + b
        if layer < widths.count - 1 { h = activation(h) }
      }
      let loss = softmaxCrossEntropy(logits: h, labels: labels)
      let scale = builder.constant(1 / Double(batch)).expanded(to: [batch])
      let gradients = backpropagate(from: loss, to: parameters, cotangent: scale).gradients
      for (index, (parameter, gradient)) in zip(parameters, gradients).enumerated() {
        guard let gradient else { continue }
        if adam {
          let m = builder.parameter("m\(index)", shape: parameter.shape)
          let v = builder.parameter("v\(index)", shape: parameter.shape)
          let newM = 0.9 * m + 0.1 * gradient
          let newV = 0.999 * v + 0.001 * (gradient * gradient)
          builder.update(m, to: newM)
          builder.update(v, to: newV)
          builder.update(
            parameter, to: parameter - (rate * newM) / (sqrt(newV) * correction + 1e-8))
        } else {
          builder.update(parameter, to: parameter - rate * gradient)
        }
      }
      return ["loss": loss]
    }
  }

  @Test("A step of 2,000 layers is traced and compiled: no part searches all layers for each")
  func manyLayers() throws {
    let widths = [Int](repeating: 1, count: 2001)
    let plan = try Plan(try Self.step(widths: widths, batch: 2, adam: true))
    let products = plan.instructions.count { instruction in
      if case .matmul = instruction.work { true } else { false }
    }
    #expect(products > 3 * 1999)
    // Activations are kept for the way back, and nothing else beside them.
    #expect(plan.arenaCount < 8 * 2000 * 16)
  }

  @Test("A step of plain gradient descent has the interpreter's bits")
  func sgd() throws {
    let graph = try Self.step(widths: [19, 23, 17, 4], batch: 7)
    try expectAgreement(graph, GivenValues(graph))
    let updates = try Plan(graph).instructions.filter { instruction in
      guard case .matmul(let product) = instruction.work else { return false }
      guard case .ending(let ending) = product.tail else { return false }
      if case .descend = ending.kind { return true } else { return false }
    }
    #expect(updates.count == 3, "each weight's update rides on its gradient's product")
  }

  @Test("Bias, relu and the gradient through it are endings of products, whatever the sizes")
  func endings() throws {
    for widths in [[19, 23, 17, 4], [300, 270, 5], [5, 300, 280, 4]] {
      let graph = try Self.step(widths: widths, batch: 7)
      try expectAgreement(graph, GivenValues(graph))
      var names: [String] = []
      for case .matmul(let product) in try Plan(graph).instructions.map(\.work) {
        guard case .ending(let ending) = product.tail else {
          Issue.record("a product of \(widths) has no ending")
          continue
        }
        switch ending.kind {
        case .descend: names.append("descend")
        case .add: names.append("add")
        case .addRelu: names.append("relu")
        case .gate: names.append("gate")
        }
      }
      let layers = widths.count - 1
      let expected =
        Array(repeating: "relu", count: layers - 1) + ["add"]
        + Array(repeating: "gate", count: layers - 1)
        + Array(repeating: "descend", count: layers)
      #expect(names.sorted() == expected.sorted())
    }
  }

  @Test("A step of Adam has the interpreter's bits")
  func adam() throws {
    let graph = try Self.step(widths: [19, 23, 17, 4], batch: 7, adam: true)
    var given = GivenValues(graph)
    for name in given.floats.keys where name.hasPrefix("v") {
      given.floats[name] = given.floats[name]?.map { abs($0) }
    }
    try expectAgreement(graph, given)
    let plan = try Plan(graph)
    let updates = plan.instructions.filter { instruction in
      switch instruction.work {
      case .adam: true
      case .matmul(let product): if case .adam = product.tail { true } else { false }
      default: false
      }
    }
    #expect(updates.count == 6)
  }
}
