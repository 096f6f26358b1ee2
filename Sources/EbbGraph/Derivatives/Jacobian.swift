/// The two orders in which the chain rule's factors can be multiplied.
public enum DifferentiationMode: String, CaseIterable, Hashable, Sendable {
  /// From the arguments to the results: one pass per number of the arguments.
  case forward
  /// From the results back to the arguments: one pass per number of the results.
  case reverse
}

/// A function's value and its Jacobians by several arguments at a point, in double precision.
///
///     let f = try valueAndJacobians(at: [w, x]) { a in matmul(a[0], a[1]) }
///     f.jacobians[0]   // [m, entries of w]
///
/// - Parameters:
///   - points: the values of the function's arguments.
///   - mode: nil: whichever takes fewer passes. Both give the same numbers but for rounding.
///   - function: traced once; its result may have any shape.
/// - Returns: the value, and by each argument the Jacobian [m, n] as ``jacobian(at:mode:of:)``
///   describes.
/// - Throws: `TraceError` if the function's shapes do not fit.
public func valueAndJacobians(
  at points: [NDArray<Double>], mode: DifferentiationMode? = nil,
  of function: ([Tensor]) -> Tensor
) throws -> (value: NDArray<Double>, jacobians: [NDArray<Double>]) {
  let operation = "jacobian"
  let traced = TracedFunction(function, of: points.map(\.shape), for: operation)
  let rows = traced.value.shape.count
  let shapes = points.map { Shape([rows, $0.count]) }
  traced.check(
    shapes.allSatisfy { $0.checkedCount != nil }, operation,
    "a Jacobian of \(shapes.map(\.description).joined(separator: ", ")) has more than 2^31 - 1"
      + " elements; take derivatives along directions")
  let columns = points.map(\.count).reduce(0, +)
  return switch mode ?? (columns < rows ? .forward : .reverse) {
  case .reverse: try reverseJacobians(traced, at: points)
  case .forward: try forwardJacobians(traced, at: points)
  }
}

/// The Jacobian of a function of one argument at a point, in double precision.
///
///     try jacobian(at: [1, 2]) { x in x * x }   // [[2. 0.] [0. 4.]]
///
/// **Shapes**: with m numbers in the result y and n in the argument x, the Jacobian form is [m, n],
/// both counted row-major: entry [i, j] is ∂y_i/∂x_j. In this form the chain rule is a product of
/// matrices. A gradient has its argument's shape instead (the shape convention, which suits the
/// update θ − η ∇C): for a loss L behind y, it is ∂L/∂x = Jᵀ · ∂L/∂y, reshaped to x. Backpropagation
/// computes that product without ever making J.
///
/// - Parameters:
///   - point: the argument.
///   - mode: nil: reverse unless the argument has fewer numbers than the result.
///   - function: traced once; its result may have any shape.
/// - Throws: `TraceError` if the function's shapes do not fit.
public func jacobian(
  at point: NDArray<Double>, mode: DifferentiationMode? = nil, of function: (Tensor) -> Tensor
) throws -> NDArray<Double> {
  try valueAndJacobians(at: [point], mode: mode) { function($0[0]) }.jacobians[0]
}

/// One row of every Jacobian per pass: the gradients of one number of the result.
private func reverseJacobians(
  _ traced: TracedFunction, at points: [NDArray<Double>]
) throws -> (NDArray<Double>, [NDArray<Double>]) {
  let shape = traced.value.shape
  let back = backpropagate(
    from: traced.value, to: traced.arguments, cotangent: traced.seed(0, shape: shape))
  let slopes = zip(traced.arguments, back.gradients).map { $1 ?? $0.filled(with: 0) }
  let run = try traced.compiled([traced.value] + slopes)
  var rows = [[Double]](repeating: [], count: points.count)
  for row in 0..<shape.count {
    let found = try run(at: points, seeds: [.unit(row, shape: shape)])
    for (index, gradient) in found.dropFirst().enumerated() { rows[index] += gradient.elements }
  }
  let value = try run(at: points, seeds: [NDArray(repeating: 0, shape: shape)])[0]
  return (
    value, zip(points, rows).map { NDArray($1, shape: [shape.count, $0.count]) }
  )
}

/// One column of one Jacobian per pass: how the result changes with one number of an argument.
private func forwardJacobians(
  _ traced: TracedFunction, at points: [NDArray<Double>]
) throws -> (NDArray<Double>, [NDArray<Double>]) {
  let shape = traced.value.shape
  let tangents = points.enumerated().map {
    traced.seed($0.offset, shape: $0.element.shape)
  }
  let change = pushForward([traced.value], from: traced.arguments, along: tangents)[0]
  let run = try traced.compiled([traced.value, change])
  var seeds = points.map { NDArray(repeating: 0.0, shape: $0.shape) }
  let value = try run(at: points, seeds: seeds)[0]
  var jacobians: [NDArray<Double>] = []
  for (index, point) in points.enumerated() {
    var columns: [Double] = []
    for column in 0..<point.count {
      seeds[index].elements[column] = 1
      columns += try run(at: points, seeds: seeds)[1].elements
      seeds[index].elements[column] = 0
    }
    jacobians.append(NDArray(columns, shape: [point.count, shape.count]).transposed())
  }
  return (value, jacobians)
}
