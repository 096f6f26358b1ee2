import EbbEngine
import EbbGraph
import Testing

/// Every operation, from its row: no test code per operation.
@Suite struct OperationTests {
  /// A sample's operands as inputs, with its value, its gradients and the gradients' gradients.
  static func graph(_ sample: OperationSample) throws -> Graph {
    try trace { builder in
      let x = sample.operands.enumerated().map { slot, operand in
        builder.input("x\(slot)", shape: operand.type.shape, type: operand.type.type)
      }
      let y = builder.add(sample.op, x)
      let points = x.filter { $0.type == .float }
      if y.type == .float && !points.isEmpty {
        let dy = builder.input("dy", shape: y.shape)
        let first = backpropagate(from: y, to: points, cotangent: dy).gradients
        for (index, gradient) in first.enumerated() {
          guard let gradient else { continue }
          builder.output("dx\(index)", gradient)
          let second = backpropagate(
            from: sum(gradient * gradient), to: points + [dy]
          ).gradients
          for (position, value) in second.enumerated() {
            if let value { builder.output("dx\(index)/\(position)", value) }
          }
        }
      }
      return ["y": y]
    }
  }

  @Test("The executor has the interpreter's bits for every operation and its derivatives")
  func everyOperation() throws {
    for (number, sample) in Op.samples.enumerated() {
      let graph = try Self.graph(sample)
      try expectAgreement(
        graph, GivenValues(graph, sample: sample, seed: UInt64(number) + 1), sample.op.text)
    }
    #expect(Op.samples.count > 60)
  }

  @Test("The executor is within rounding of the Double interpreter for every operation")
  func againstDouble() throws {
    for (number, sample) in Op.samples.enumerated() {
      let graph = try Self.graph(sample)
      let given = GivenValues(graph, sample: sample, seed: UInt64(number) + 1)
      let single = try Interpreter(graph, functions: .kernels).run(
        given.floats, indices: given.indices)
      let double = try Interpreter<Double>(graph).run(
        given.floats.mapValues { $0.map(Double.init) }, indices: given.indices)
      if case .random = sample.op { continue }
      for (output, (left, right)) in zip(graph.outputs, zip(single, double)) {
        guard case .numbers(let left) = left, case .numbers(let right) = right else { continue }
        #expect(left.shape == right.shape)
        let scale = Swift.max(1, right.elements.map(\.magnitude).max() ?? 1)
        for (a, b) in zip(left.elements, right.elements) where a.isFinite || b.isFinite {
          let distance = (Double(a) - b).magnitude
          #expect(
            distance <= 2e-5 * scale,
            "\(sample.op.text) \(output.name): Float \(a), Double \(b)")
        }
      }
    }
  }
}
