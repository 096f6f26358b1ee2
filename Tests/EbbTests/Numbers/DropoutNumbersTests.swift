import Ebb
import EbbEngine
import EbbGraph
import Testing

@Suite struct DropoutNumbersTests {
  /// Two layers of dropout on the same ones, with the sum's gradient by them.
  static func graph(_ rate: Double, shape: Shape, mode: LayerContext.Mode = .training) throws
    -> Graph
  {
    let context = LayerContext(GraphBuilder(), mode: mode)
    let x = context.builder.input("x", shape: shape)
    let (first, second) = (Dropout(rate)(x, in: context), Dropout(rate)(x, in: context))
    let slope = gradients(of: sum(first), with: [x])[0]
    let outputs = [("first", first), ("second", second), ("slope", slope)]
    return try context.builder.finish(outputs: outputs.map { .init(name: $0.0, id: $0.1.id) })
  }

  static func values(
    _ rate: Double, shape: Shape, seed: UInt64 = 3, step: UInt64 = 5,
    mode: LayerContext.Mode = .training
  ) throws -> [String: [Float]] {
    let ones = NDArray(repeating: Float(1), shape: shape)
    return try Interpreter(inSinglePrecision: graph(rate, shape: shape, mode: mode))
      .numbers(["x": ones], seed: seed, step: step).mapValues(\.elements)
  }

  @Test("Numbers: dropout: the mask is a function of seed, step, layer and element")
  func mask() throws {
    let shape: Shape = [40, 25]
    let given = try Self.values(0.5, shape: shape)
    #expect(try Self.values(0.5, shape: shape) == given)
    #expect(given["first"] != given["second"])
    #expect(try Self.values(0.5, shape: shape, seed: 4)["first"] != given["first"])
    #expect(try Self.values(0.5, shape: shape, step: 6)["first"] != given["first"])
    // An element's fate does not depend on how many come after it.
    let fewer = try #require(try Self.values(0.5, shape: [7, 25])["first"])
    #expect(fewer == Array(try #require(given["first"])[0..<175]))
    // The gradient has the forward pass's mask and factor.
    #expect(given["slope"] == given["first"])
  }

  @Test("Numbers: dropout: the same mask for any number of threads", arguments: [1, 2, 3, 4])
  func threads(count: Int) throws {
    let shape: Shape = [61, 523]
    let expected = try Self.values(0.3, shape: shape)
    let plan = try Plan(Self.graph(0.3, shape: shape))
    let executor = try Executor(plan, state: try StateBlock(plan.state), threads: count)
    let ones = [Float](repeating: 1, count: shape.count)
    executor.setInput(try #require(plan.input("x")), ones)
    executor.run(seed: 3, step: 5)
    for (index, output) in plan.outputs.enumerated() {
      #expect(executor.output(index) == expected[output.name], "\(output.name)")
    }
  }

  @Test("Numbers: dropout: p = 0 and p = 1 are exact")
  func ends() throws {
    let shape: Shape = [9, 11]
    for (rate, value) in [(0.0, Float(1)), (1, 0)] {
      for elements in try Self.values(rate, shape: shape).values {
        let isExact = elements.allSatisfy { $0 == value }
        #expect(isExact && elements.count == 99)
      }
    }
    for elements in try Self.values(0.7, shape: shape, mode: .evaluation).values {
      let isIdentity = elements.allSatisfy { $0 == 1 }
      #expect(isIdentity)
    }
  }

  @Test("Numbers: dropout: the mean is kept", arguments: [0.1, 0.5, 0.9])
  func mean(rate: Double) throws {
    let elements = try #require(try Self.values(rate, shape: [400, 500])["first"])
    let kept = Float(1 / (1 - rate))
    let areTwo = elements.allSatisfy { $0 == 0 || $0 == kept }
    #expect(areTwo)
    let mean = elements.reduce(0.0) { $0 + Double($1) } / 200_000
    // Five standard deviations of the mean of 200,000.
    #expect(abs(mean - 1) < 5 * (rate / (1 - rate) / 200_000).squareRoot())
  }
}
