import EbbGraph
import Testing

@Suite struct GraphBuilderTests {
  @Test("M11 equal nodes are one node")
  func hashConsing() {
    let builder = GraphBuilder()
    let x = builder.input("x", shape: [2, 3])
    #expect(exp(x).id == exp(x).id)
    #expect((x + x).id != (x * x).id)
    #expect(sum(x, axes: [0]).id == sum(x, axes: [-2]).id)
    #expect(sum(x, axes: [0]).id != sum(x, axes: [1]).id)
    #expect(sum(x, axes: [1, 0]).id == sum(x).id)
    #expect((x - exp(x)).id != (exp(x) - x).id)
  }

  @Test("constants are told apart by their bits")
  func constants() {
    let builder = GraphBuilder()
    #expect(builder.constant(1.5).id == builder.constant(1.5).id)
    #expect(builder.constant(0.0).id != builder.constant(-0.0).id)
    #expect(builder.constant(Double.nan).id == builder.constant(Double.nan).id)
    let (zeros, minus) = ([0, 1] as NDArray<Double>, [-0.0, 1] as NDArray<Double>)
    #expect(builder.constant(array: zeros).id == builder.constant(array: zeros).id)
    #expect(builder.constant(array: zeros).id != builder.constant(array: minus).id)
  }

  @Test("each random stream is its own")
  func streams() throws {
    let graph = try trace { builder in
      let first = builder.random(.uniform, shape: [8])
      let second = builder.random(.uniform, shape: [8])
      #expect(first.id != second.id)
      return ["a": first, "b": second]
    }
    let values = try numbers(Interpreter(graph).run([:], seed: 1))
    #expect(values[0] != values[1])
    #expect(try numbers(Interpreter(graph).run([:], seed: 1)) == values)
    #expect(try numbers(Interpreter(graph).run([:], seed: 2)) != values)
    #expect(try numbers(Interpreter(graph).run([:], seed: 1, step: 1)) != values)
  }

  @Test("scope names are labels, not identity")
  func scopes() {
    let builder = GraphBuilder()
    let x = builder.input("x", shape: [2])
    let first = builder.scope("hidden1") { exp(x) }
    let second = builder.scope("hidden2") { builder.scope("inner") { (exp(x), log(x)) } }
    #expect(first.id == second.0.id)
    #expect(builder.graph[first.id].scope == "hidden1")
    #expect(builder.graph[second.1.id].scope == "hidden2.inner")
    let outside = x + 1
    #expect(builder.graph[outside.id].scope == "")
  }

  @Test("a parameter is shared only if that is asked for")
  func sharing() throws {
    let builder = GraphBuilder()
    let w = builder.parameter("w", shape: [2])
    #expect(builder.parameter("w", shape: [2], shared: true).id == w.id)
    let graph = try builder.finish(outputs: [])
    #expect(graph.parameters.map(\.name) == ["w"])
    #expect(throws: TraceError.self) {
      try trace { builder in
        _ = builder.parameter("w", shape: [2])
        return ["y": builder.parameter("w", shape: [2])]
      }
    }
    #expect(throws: TraceError.self, "the same name in another shape") {
      try trace { builder in
        _ = builder.parameter("w", shape: [2])
        return ["y": builder.parameter("w", shape: [3], shared: true)]
      }
    }
  }

  @Test("verify finds a node that was changed by hand")
  func verify() throws {
    let graph = try trace { builder in
      let x = builder.input("x", shape: [2, 3])
      return ["y": sum(exp(x))]
    }
    try graph.verify()
    var shape = graph
    shape.nodes[1] = node(of: graph.nodes[1], shape: [3, 2])
    #expect(throws: TraceError.self) { try shape.verify() }
    var order = graph
    order.nodes.swapAt(0, 1)
    #expect(throws: TraceError.self) { try order.verify() }
    var names = graph
    names.nodes.append(graph.nodes[0])
    #expect(throws: TraceError.self) { try names.verify() }
    var outputs = graph
    outputs.nodes.removeLast()
    #expect(throws: TraceError.self) { try outputs.verify() }
  }

  private func node(of node: Node, shape: Shape) -> Node {
    var rewriter = GraphRewriter()
    _ = rewriter.add(node.op, node.inputs, shape: shape, type: node.type, scope: "")
    return rewriter.graph.nodes[0]
  }
}
