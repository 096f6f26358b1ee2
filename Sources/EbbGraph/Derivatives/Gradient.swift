/// A function's value and its gradients at a point, in double precision.
///
///     let f = try valueAndGradients(at: [[3, 4]]) { x in sum(x[0] * x[0]) }
///     f.value          // 25
///     f.gradients[0]   // [6. 8.]
///
/// - Parameters:
///   - points: the values of the function's arguments.
///   - function: traced once; must return a single number.
/// - Returns: the value, and the gradient by each argument in the argument's shape.
/// - Throws: `TraceError` if the function's shapes do not fit.
public func valueAndGradients(
  at points: [NDArray<Double>], of function: ([Tensor]) -> Tensor
) throws -> (value: Double, gradients: [NDArray<Double>]) {
  let traced = TracedFunction(function, of: points.map(\.shape), for: "gradient")
  let slopes = gradients(of: traced.value, with: traced.arguments)
  let found = try traced.compiled([traced.value] + slopes)(at: points)
  return (found[0].scalar, Array(found.dropFirst()))
}

/// The gradient of a function of one argument at a point, in double precision.
///
///     try gradient(at: 3) { x in x * x }            // 6
///     try gradient(at: [3, 4]) { x in sum(x * x) }  // [6. 8.]
///
/// - Throws: `TraceError` if the function's shapes do not fit.
public func gradient(
  at point: NDArray<Double>, of function: (Tensor) -> Tensor
) throws -> NDArray<Double> {
  try valueAndGradients(at: [point]) { function($0[0]) }.gradients[0]
}
