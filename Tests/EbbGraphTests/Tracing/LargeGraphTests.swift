import EbbGraph
import Testing

@Suite struct LargeGraph {
  @Test("Numbers: a 100,000-node graph is traced, differentiated, verified, printed and run")
  func chain() throws {
    let clock = ContinuousClock()
    let start = clock.now
    let length = 100_000
    let builder = GraphBuilder()
    let x = builder.input("x", shape: [2])
    var y = x
    for index in 0..<length { y = y + Double(index % 7 + 1) * 1e-6 * x }
    let found = backpropagate(from: sum(y), to: [x])
    let tangent = pushForward([y], from: [x], along: [builder.constant(array: [1, 0])])
    let slope = try #require(found.gradients[0])
    let graph = try builder.finish(
      outputs: [y, slope, tangent[0]].enumerated().map {
        Graph.Output(name: "\($0)", id: $1.id)
      })
    #expect(graph.nodes.count > 2 * length)
    #expect(found.steps.count > length)
    try graph.verify()
    let text = graph.description
    #expect(text.utf8.filter { $0 == UInt8(ascii: "\n") }.count == graph.nodes.count + 2)
    #expect(graph.dot.hasSuffix("}"))
    let values = try numbers(Interpreter(graph).run(["x": [1, 2]]))
    var factor = 1.0
    for index in 0..<length { factor += Double(index % 7 + 1) * 1e-6 }
    expectEqual(values[0], [NDArray(scalar: factor), NDArray(scalar: 2 * factor)], within: 1e-11)
    expectEqual(values[1], [NDArray(scalar: factor), NDArray(scalar: factor)], within: 1e-11)
    expectEqual(values[2], [NDArray(scalar: factor), 0], within: 1e-11)
    // Quadratic algorithms would take minutes.
    #expect(clock.now - start < .seconds(60))
  }
}
