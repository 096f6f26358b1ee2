import EbbGraph
import Foundation
import Testing

@Suite struct CustomOperations {
  /// x³, its derivative by hand, as an expression.
  static let cube = CustomOperation(
    "cube", value: { x in x[0] * x[0] * x[0] },
    derivative: { at, dy, _ in dy * 3 * at.x[0] * at.x[0] })

  /// Σ exp(x_i) on numbers; the derivative is another operation of this kind.
  static let sumOfExponentials = CustomOperation(
    "sumOfExponentials", shape: { _ in .scalar },
    float: { NDArray(scalar: $0[0].elements.map { Foundation.exp($0) }.reduce(0, +)) },
    double: { NDArray(scalar: $0[0].elements.map { Foundation.exp($0) }.reduce(0, +)) },
    derivative: { at, dy, _ in exponentials(at.x[0]) * dy })

  static let exponentials = CustomOperation(
    "exponentials", shape: { $0[0] }, float: { $0[0].map { Foundation.exp($0) } },
    double: { $0[0].map { Foundation.exp($0) } },
    derivative: { at, dy, _ in dy * at.y })

  @Test("value, gradient, second gradient and forward mode")
  func derivatives() throws {
    let x: NDArray<Double> = [0.5, -2]
    let results = try evaluate(["x": x]) { x in
      let y = Self.cube(x[0])
      let slope = gradients(of: sum(y), with: [x[0]])[0]
      let ones = x[0].builder.constant(array: [1, 1])
      return [
        y, slope, gradients(of: sum(slope), with: [x[0]])[0],
        pushForward([y], from: [x[0]], along: [ones])[0],
        pushForward([slope], from: [x[0]], along: [ones])[0],
      ]
    }
    expectEqual(results[0], [0.125, -8])
    expectEqual(results[1], [0.75, 12])
    expectEqual(results[2], [3, -12])
    expectEqual(results[3], [0.75, 12])
    expectEqual(results[4], [3, -12])
  }

  @Test("functions on numbers: value, gradient, second gradient and forward mode")
  func onNumbers() throws {
    let x: NDArray<Double> = [0.5, -2]
    let exponentials = x.map { Foundation.exp($0) }
    let results = try evaluate(["x": x]) { x in
      let y = Self.sumOfExponentials(x[0])
      let slope = gradients(of: y, with: [x[0]])[0]
      return [
        y, slope, gradients(of: sum(slope), with: [x[0]])[0],
        pushForward([y], from: [x[0]], along: [x[0]])[0],
      ]
    }
    expectEqual(results[0], NDArray(scalar: exponentials.elements.reduce(0, +)))
    expectEqual(results[1], exponentials)
    expectEqual(results[2], exponentials)
    expectEqual(results[3], NDArray(scalar: exponentials.dot(x)), within: 1e-15)
  }

  @Test("expressions are inlined, one within another too, and equal nodes stay one")
  func inlining() throws {
    let cube = Self.cube
    let ninth = CustomOperation(
      "ninth", value: { cube(cube($0[0])) },
      derivative: { at, dy, _ in dy * 9 * power(at.x[0], 8) })
    let graph = try trace { builder in
      let x = builder.input("x", shape: [2])
      return builder.scope("layer") {
        ["y": ninth(x), "z": x * x * x]
      }
    }
    let inlined = try graph.withCustomExpressionsInlined()
    try inlined.verify()
    #expect(!inlined.nodes.contains { $0.op.family == .custom })
    #expect(inlined.nodes.count == 5, "x, x², x³, x⁶, x⁹")
    #expect(inlined.nodes[1...].allSatisfy { $0.scope == "layer" })
    let values = try numbers(Interpreter(graph).run(["x": [2, -1]]))
    expectEqual(values[0], [512, -1])
    expectEqual(values[1], [8, -1])
  }

  @Test("an operation is its registration")
  func identity() throws {
    let other = CustomOperation(
      "cube", value: { $0[0] * $0[0] * $0[0] }, derivative: { _, dy, _ in dy })
    let builder = GraphBuilder()
    let x = builder.input("x", shape: [2])
    #expect(Self.cube(x).id == Self.cube(x).id)
    #expect(Self.cube(x).id != other(x).id)
  }

  @Test("a derivative of the wrong shape is refused, naming operation and shapes")
  func wrongShape() throws {
    let wrong = CustomOperation(
      "wrong", value: { sum($0[0]) }, derivative: { _, dy, _ in dy })
    let error = #expect(throws: TraceError.self) {
      try gradient(at: [1, 2]) { wrong($0) }
    }
    #expect(error?.operation == "wrong")
    #expect(error?.message.contains("[]") == true && error?.message.contains("[2]") == true)
  }

  @Test("a value whose shape is not what its shape rule says is refused")
  func wrongValueShape() throws {
    let wrong = CustomOperation(
      "wrong", shape: { $0[0] }, float: { _ in 0 }, double: { _ in 0 },
      derivative: { _, dy, _ in dy })
    let error = #expect(throws: InputError.self) { try evaluate(["x": [1, 2]]) { [wrong($0[0])] } }
    #expect(error?.message.contains("wrong") == true)
  }

  @Test("an expression may not declare inputs or random numbers of its own")
  func hiddenSources() throws {
    let noisy = CustomOperation(
      "noisy", value: { $0[0] + $0[0].builder.random(.uniform, shape: $0[0].shape) },
      derivative: { _, dy, _ in dy })
    let hidden = CustomOperation(
      "hidden", value: { $0[0] * $0[0].builder.parameter("w", shape: .scalar) },
      derivative: { _, dy, _ in dy })
    for operation in [noisy, hidden] {
      let error = #expect(throws: TraceError.self) {
        try evaluate(["x": [1, 2]]) { [operation($0[0])] }
      }
      #expect(error?.operation == operation.name)
    }
  }

  @Test("forward mode through a thousand operations: no quadratic time, no input left behind")
  func many() throws {
    let clock = ContinuousClock()
    let start = clock.now
    let half = CustomOperation(
      "half", value: { 0.5 * $0[0] }, derivative: { _, dy, _ in 0.5 * dy })
    let builder = GraphBuilder()
    let x = builder.input("x", shape: [2])
    var y = x
    for _ in 0..<5_000 { y = half(y) + x }
    let tangent = pushForward([y], from: [x], along: [builder.constant(array: [1, 0])])[0]
    let graph = try builder.finish(
      outputs: [y, tangent].enumerated().map { Graph.Output(name: "\($0)", id: $1.id) })
    #expect(graph.inputs.map(\.name) == ["x"])
    let values = try numbers(Interpreter(graph).run(["x": [1, 2]]))
    expectEqual(values[0], [2, 4], within: 1e-15)
    expectEqual(values[1], [2, 0], within: 1e-15)
    // Quadratic algorithms would take minutes.
    #expect(clock.now - start < .seconds(30))
  }
}
