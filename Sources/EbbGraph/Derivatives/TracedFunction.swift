/// A function of arrays written down at its arguments, before what differentiation adds is written
/// beside it.
package struct TracedFunction {
  package let builder = GraphBuilder()
  /// The arguments' shapes.
  let shapes: [Shape]
  package let arguments: [Tensor]
  /// What the function gave: numbers, or a fault is recorded.
  package let value: Tensor

  /// Traces a function once.
  ///
  /// - Parameter operation: who asks; stands in messages.
  package init(
    _ function: ([Tensor]) throws -> Tensor, of shapes: [Shape], for operation: String
  ) rethrows {
    let builder = self.builder
    self.shapes = shapes
    arguments = shapes.enumerated().map {
      builder.input(Self.name(ofPoint: $0.offset), shape: $0.element)
    }
    var value = try function(arguments)
    if value.builder !== builder {
      value = builder.fail(operation, "the function's result comes from another trace", .scalar)
    } else if value.type != .float {
      value = builder.fail(
        operation, "the function must give numbers, got type \(value.type.rawValue)", value.shape)
    }
    self.value = value
  }

  fileprivate static func name(ofPoint index: Int) -> String { "x\(index)" }
  fileprivate static func name(ofSeed index: Int) -> String { "seed \(index)" }

  /// Declares a value that each run gives: a tangent or a cotangent.
  package func seed(_ index: Int, shape: Shape) -> Tensor {
    builder.input(Self.name(ofSeed: index), shape: shape)
  }

  /// Records a fault, which the trace's end throws.
  func check(_ condition: Bool, _ operation: String, _ message: @autoclosure () -> String) {
    if !condition { _ = builder.fail(operation, message(), .scalar) }
  }

  /// Ends the trace.
  ///
  /// - Throws: `TraceError`, the first fault found.
  package func compiled(_ results: [Tensor]) throws -> CompiledFunction {
    CompiledFunction(
      interpreter: try Interpreter(
        try builder.finish(
          outputs: results.enumerated().map {
            Graph.Output(name: "\($0.offset)", id: $0.element.id)
          })))
  }
}

/// Results of a traced function, ready to be computed at any point.
package struct CompiledFunction {
  fileprivate let interpreter: Interpreter<Double>

  /// The results' numbers, in the order in which they were asked for.
  ///
  /// - Parameters:
  ///   - points: the arguments' values.
  ///   - seeds: the values of what was declared as a seed.
  package func callAsFunction(
    at points: [NDArray<Double>], seeds: [NDArray<Double>] = []
  ) throws -> [NDArray<Double>] {
    var inputs: [String: NDArray<Double>] = [:]
    for (index, point) in points.enumerated() {
      inputs[TracedFunction.name(ofPoint: index)] = point
    }
    for (index, seed) in seeds.enumerated() { inputs[TracedFunction.name(ofSeed: index)] = seed }
    return try interpreter.run(inputs).compactMap { result in
      if case .numbers(let array) = result { return array }
      return nil
    }
  }
}

extension NDArray<Double> {
  /// 1 in one place and 0 elsewhere.
  package static func unit(_ place: Int, shape: Shape) -> NDArray {
    var result = NDArray(repeating: 0.0, shape: shape)
    result.elements[place] = 1
    return result
  }
}
