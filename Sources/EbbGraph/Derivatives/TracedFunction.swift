/// A function of arrays written down at its arguments, before what differentiation adds is written
/// beside it.
struct TracedFunction {
  let builder = GraphBuilder()
  let points: [NDArray<Double>]
  let arguments: [Tensor]
  /// What the function gave: numbers, or a fault is recorded.
  let value: Tensor

  /// Traces a function once.
  ///
  /// - Parameter operation: who asks; stands in messages.
  init(
    _ function: ([Tensor]) -> Tensor, at points: [NDArray<Double>], for operation: String
  ) {
    let builder = self.builder
    self.points = points
    arguments = points.enumerated().map {
      builder.input(Self.name(ofPoint: $0.offset), shape: $0.element.shape)
    }
    var value = function(arguments)
    if value.builder !== builder {
      value = builder.fail(operation, "the function's result comes from another trace", .scalar)
    } else if value.type != .float {
      value = builder.fail(
        operation, "the function must give numbers, got type \(value.type.rawValue)", value.shape)
    }
    self.value = value
  }

  private static func name(ofPoint index: Int) -> String { "x\(index)" }
  private static func name(ofSeed index: Int) -> String { "seed \(index)" }

  /// Declares a value that each run gives: a tangent or a cotangent.
  func seed(_ index: Int, shape: Shape) -> Tensor {
    builder.input(Self.name(ofSeed: index), shape: shape)
  }

  /// Records a fault, which the trace's end throws.
  func check(_ condition: Bool, _ operation: String, _ message: @autoclosure () -> String) {
    if !condition { _ = builder.fail(operation, message(), .scalar) }
  }

  /// Ends the trace.
  ///
  /// - Returns: the results' numbers from the seeds', in the order given.
  /// - Throws: `TraceError`, the first fault found.
  func compiled(_ results: [Tensor]) throws -> ([NDArray<Double>]) throws -> [NDArray<Double>] {
    let graph = try builder.finish(
      outputs: results.enumerated().map {
        Graph.Output(name: "\($0.offset)", id: $0.element.id)
      })
    let interpreter = try Interpreter(graph)
    var given: [String: NDArray<Double>] = [:]
    for (index, point) in points.enumerated() { given[Self.name(ofPoint: index)] = point }
    return { [given] seeds in
      var inputs = given
      for (index, seed) in seeds.enumerated() { inputs[Self.name(ofSeed: index)] = seed }
      return try interpreter.run(inputs).compactMap { result in
        if case .numbers(let array) = result { return array }
        return nil
      }
    }
  }
}

extension NDArray<Double> {
  /// 1 in one place and 0 elsewhere.
  static func unit(_ place: Int, shape: Shape) -> NDArray {
    var result = NDArray(repeating: 0.0, shape: shape)
    result.elements[place] = 1
    return result
  }
}
