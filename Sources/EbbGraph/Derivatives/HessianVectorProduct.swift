/// The Hessian of a function of several arguments times a vector, in double precision.
///
///     try hessianVectorProducts(at: [x, y], times: [u, v]) { a in sum(a[0] * a[0] * a[1]) }
///
/// Forward mode over reverse mode: how the gradient changes along the vector, at a small multiple of
/// the gradient's cost. The Hessian is never made.
///
/// - Parameters:
///   - points: the values of the function's arguments.
///   - vectors: what the Hessian is multiplied by, one part in each argument's shape.
///   - function: traced once; must return a single number.
/// - Returns: Σ_k ∂²f/∂x_i∂x_k · vector_k for each argument i, in the argument's shape.
/// - Throws: `TraceError` if the function's shapes do not fit, or a vector not its argument.
public func hessianVectorProducts(
  at points: [NDArray<Double>], times vectors: [NDArray<Double>],
  of function: ([Tensor]) -> Tensor
) throws -> [NDArray<Double>] {
  let operation = "hessianVectorProduct"
  let traced = TracedFunction(function, of: points.map(\.shape), for: operation)
  let seeds = try traced.directions(vectors, operation)
  return try traced.compiled(traced.gradientChanges(along: seeds))(at: points, seeds: vectors)
}

/// The Hessian of a function of one argument times a vector, in double precision.
///
///     try hessianVectorProduct(at: [3, 4], times: [1, 0]) { x in sum(x * x * x) }   // [18. 0.]
///
/// - Parameters:
///   - point: the argument.
///   - vector: what the Hessian is multiplied by, in the argument's shape.
///   - function: traced once; must return a single number.
/// - Returns: H · vector, in the argument's shape.
/// - Throws: `TraceError` if the function's shapes do not fit, or the vector not the argument.
public func hessianVectorProduct(
  at point: NDArray<Double>, times vector: NDArray<Double>, of function: (Tensor) -> Tensor
) throws -> NDArray<Double> {
  try hessianVectorProducts(at: [point], times: [vector]) { function($0[0]) }[0]
}

/// The matrix of second derivatives of a function of one argument, in double precision.
///
///     try hessian(at: [3, 4]) { x in 0.5 * sum(x * x) }   // [[1. 0.] [0. 1.]]
///
/// **Shapes**: [n, n] for an argument of n numbers, counted row-major: entry [i, j] is ∂²f/∂x_i∂x_j.
///
/// - Throws: `TraceError` if the function's shapes do not fit.
public func hessian(
  at point: NDArray<Double>, of function: (Tensor) -> Tensor
) throws -> NDArray<Double> {
  let operation = "hessian"
  let traced = TracedFunction({ function($0[0]) }, of: [point.shape], for: operation)
  let shape = Shape([point.count, point.count])
  traced.check(
    shape.checkedCount != nil, operation,
    "a Hessian of \(shape) has more than 2^31 - 1 elements; take its products with vectors")
  let run = try traced.compiled(
    traced.gradientChanges(along: [traced.seed(0, shape: point.shape)]))
  var columns: [Double] = []
  for place in 0..<point.count {
    columns += try run(at: [point], seeds: [.unit(place, shape: point.shape)])[0].elements
  }
  return NDArray(columns, shape: shape).transposed()
}

extension TracedFunction {
  /// How the gradient by each argument changes when the arguments move: forward mode over reverse.
  fileprivate func gradientChanges(along tangents: [Tensor]) -> [Tensor] {
    pushForward(gradients(of: value, with: arguments), from: arguments, along: tangents)
  }
}
