/// A function's value and its derivative along a direction of several arguments, in double precision.
///
///     let f = try valueAndDerivative(at: [3, 5], along: [1, 0]) { x in x[0] * x[1] }
///     f.derivative   // 5
///
/// Forward mode: one pass, at a small multiple of the function's cost, whatever the number of
/// arguments.
///
/// - Parameters:
///   - points: the values of the function's arguments.
///   - tangents: the direction in which each argument moves, in its shape.
///   - function: traced once; its result may have any shape.
/// - Returns: the value, and Σ_k J_k · tangent_k in the value's shape.
/// - Throws: `TraceError` if the function's shapes do not fit, or a tangent not its argument.
public func valueAndDerivative(
  at points: [NDArray<Double>], along tangents: [NDArray<Double>],
  of function: ([Tensor]) -> Tensor
) throws -> (value: NDArray<Double>, derivative: NDArray<Double>) {
  let traced = TracedFunction(function, of: points.map(\.shape), for: "derivative")
  let seeds = try traced.directions(tangents, "derivative")
  let change = pushForward([traced.value], from: traced.arguments, along: seeds)[0]
  let found = try traced.compiled([traced.value, change])(at: points, seeds: tangents)
  return (found[0], found[1])
}

/// The derivative of a function of one argument along a direction, in double precision: forward mode.
///
///     try derivative(at: [3, 4], along: [1, 0]) { x in sum(x * x) }   // 6
///
/// - Parameters:
///   - point: the argument.
///   - tangent: the direction in which it moves, in its shape; its length counts.
///   - function: traced once; its result may have any shape.
/// - Returns: the Jacobian times the tangent, in the result's shape.
/// - Throws: `TraceError` if the function's shapes do not fit, or the tangent not the argument.
public func derivative(
  at point: NDArray<Double>, along tangent: NDArray<Double>, of function: (Tensor) -> Tensor
) throws -> NDArray<Double> {
  try valueAndDerivative(at: [point], along: [tangent]) { function($0[0]) }.derivative
}

extension TracedFunction {
  /// A seed for each argument, checked against the numbers that it will be given.
  func directions(_ given: [NDArray<Double>], _ operation: String) throws -> [Tensor] {
    guard given.count == shapes.count else {
      throw TraceError(
        scope: "", operation: operation,
        message: "\(shapes.count) arguments but \(given.count) directions; give one for each")
    }
    for (index, (shape, direction)) in zip(shapes, given).enumerated() {
      check(
        direction.shape == shape, operation,
        "the direction of argument \(index) has the shape \(direction.shape), the argument"
          + " \(shape)")
    }
    return shapes.enumerated().map { seed($0.offset, shape: $0.element) }
  }
}
