import EbbGraph
import Testing

@Suite struct BackpropagationTests {
  /// f = Σ tanh(x w) · sigmoid(x w) + exp(x) · w₀ and its gradients, with all that is needed to go
  /// through the steps again.
  private func example() throws -> (Graph, Backpropagation) {
    let builder = GraphBuilder()
    let x = builder.input("x", shape: [2, 3])
    let w = builder.parameter("w", shape: [3, 2])
    let a = matmul(x, w)
    let f = sum(tanh(a) * sigmoid(a)) + sum(exp(x) * w.sliced(axis: 1, from: 0, to: 1).transposed())
    let found = backpropagate(from: f, to: [x, w])
    let outputs = try found.gradients.enumerated().map { position, gradient in
      Graph.Output(name: "\(position)", id: try #require(gradient).id)
    }
    return (try builder.finish(outputs: outputs + [Graph.Output(name: "f", id: f.id)]), found)
  }

  @Test("M9 replaying the steps outside the engine gives every gradient")
  func replay() throws {
    let (graph, found) = try example()
    try graph.verify()
    var draw = Draw(seed: 21)
    let inputs = ["x": draw.array([2, 3]), "w": draw.array([3, 2])]
    var values: [NodeID: NDArray<Double>] = [:]
    _ = try Interpreter(graph).run(inputs) { id, value in
      values[id] = numbers([value])[0]
    }
    let loss = try #require(graph.output(named: "f"))
    var cotangents: [NodeID: NDArray<Double>] = [loss: 1]
    for step in found.steps {
      let node = graph[step.through]
      let operands = try node.inputs.map { try #require(values[$0]) }
      let arriving = try #require(cotangents[step.through])
      // The operation alone, and its Jacobian's columns by differences.
      let alone = try trace { builder in
        let x = operands.enumerated().map { builder.input("\($0)", shape: $1.shape) }
        return ["y": builder.add(node.op, x)]
      }
      let interpreter = try Interpreter(alone)
      let own = operands[step.slot]
      let contribution = try (0..<own.count).map { place in
        let column = try difference { size in
          var given = Dictionary(uniqueKeysWithValues: operands.enumerated().map { ("\($0)", $1) })
          given["\(step.slot)"] = own.moved(along: .basis(place, shape: own.shape), by: size)
          return try interpreter.number("y", given)
        }
        return column.dot(arriving)
      }
      let part = NDArray(contribution, shape: own.shape)
      cotangents[step.operand] =
        cotangents[step.operand].map { $0.moved(along: part, by: 1) } ?? part
      // The engine's own numbers of the same step, where its outputs needed them.
      if let recorded = values[step.contribution] {
        expectEqual(part, recorded, within: 1e-9, "through \(step.through), slot \(step.slot)")
      }
      if let recorded = values[step.accumulated], let sum = cotangents[step.operand] {
        expectEqual(sum, recorded, within: 1e-9, "sum at \(step.operand)")
      }
    }
    let expected = try numbers(Interpreter(graph).run(inputs))
    for (source, gradient) in zip((graph.inputs + graph.parameters).map(\.id), expected) {
      expectEqual(try #require(cotangents[source]), gradient, within: 1e-9)
    }
  }

  @Test("M9 the graph is a value: it prints, and copies are independent")
  func value() throws {
    let (graph, _) = try example()
    var copy = graph
    copy.nodes.removeLast()
    #expect(copy.nodes.count == graph.nodes.count - 1)
    #expect(graph.description.contains("= matmul(%0, %1)"))
  }

  @Test(
    "M10 Numbers: a value used k times, in k slots: k contributions and their sum",
    arguments: [1, 2, 3, 10])
  func manyUses(_ k: Int) throws {
    // One operation with k operand slots: the rows of one matrix.
    let builder = GraphBuilder()
    let x = builder.input("x", shape: [1, 2])
    let weights = builder.input("c", shape: [k, 2])
    let y = builder.add(.movement(.concatenate(axis: 0)), [Tensor](repeating: x, count: k))
    let found = backpropagate(from: sum(y * weights), to: [x])
    let steps = found.steps.filter { $0.operand == x.id }
    #expect(steps.map(\.slot) == Array(0..<k))
    #expect(steps.allSatisfy { $0.through == y.id && $0.cotangent == steps[0].cotangent })
    let outputs = steps.enumerated().map { Graph.Output(name: "\($0)", id: $1.contribution) }
    let total = try #require(found.gradients[0])
    #expect(steps.last?.accumulated == total.id)
    let graph = try builder.finish(outputs: outputs + [Graph.Output(name: "sum", id: total.id)])
    var draw = Draw(seed: UInt64(k))
    let c = draw.integers([k, 2])
    let results = try numbers(Interpreter(graph).run(["x": [[1, 2]], "c": c]))
    for row in 0..<k {
      expectEqual(results[row], [[NDArray(scalar: c[row, 0]), NDArray(scalar: c[row, 1])]])
    }
    for column in 0..<2 {
      #expect(results[k][0, column] == (0..<k).map { c[$0, column] }.reduce(0, +))
    }
  }

  @Test("M10 k operations on one value: their gradients add up", arguments: [1, 2, 3, 10])
  func manyOperations(_ k: Int) throws {
    let slope = try gradient(at: 0.5) { x in
      (1...k).map { sin(x * Double($0)) }.reduce(x.constant(0.0), +)
    }
    let expected = (1...k).map { k in
      let k = Double(k)
      return (try? gradient(at: NDArray(scalar: 0.5 * k)) { sin($0) }.scalar * k) ?? .nan
    }.reduce(0, +)
    expectEqual(slope, NDArray(scalar: expected), within: 1e-14)
    expectEqual(try gradient(at: 3) { $0 * $0 }, 6, "both slots of one product")
  }

  @Test("M31 the calculus recap: x², x² + y²")
  func recap() throws {
    expectEqual(try gradient(at: 3) { x in x * x }, 6)
    expectEqual(try gradient(at: [3, 4]) { x in sum(x * x) }, [6, 8])
    let f = try valueAndGradients(at: [3, 4]) { x in x[0] * x[0] + x[1] * x[1] }
    #expect(f.value == 25)
    #expect(f.gradients == [6, 8])
    #expect("\(f.gradients[0])" == "6.0")
  }

  @Test("a value that the loss does not depend on has no gradient, or zeros")
  func independent() throws {
    let builder = GraphBuilder()
    let (x, y) = (builder.input("x", shape: [2]), builder.input("y", shape: [2]))
    let loss = sum(x * stopGradient(y))
    #expect(backpropagate(from: loss, to: [x, y]).gradients[1] == nil)
    let results = try evaluate(["x": [1, 2], "y": [3, 4]]) { x in
      gradients(of: sum(x[0] * stopGradient(x[1])), with: x)
    }
    expectEqual(results[0], [3, 4])
    expectEqual(results[1], [0, 0])
  }

  @Test("gradients by intermediates, and by the loss itself")
  func intermediates() throws {
    let results = try evaluate(["x": [1, 2]]) { x in
      let square = x[0] * x[0]
      let loss = sum(square * square)
      return gradients(of: loss, with: [square, loss, x[0]])
    }
    expectEqual(results[0], [2, 8])
    expectEqual(results[1], 1)
    expectEqual(results[2], [4, 32])
  }
}
