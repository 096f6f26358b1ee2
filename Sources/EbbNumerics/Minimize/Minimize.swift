public import EbbGraph

/// The point where a function of many numbers is smallest, near a start, by L-BFGS in double
/// precision.
///
///     let minimum = try minimize(from: [-1.2, 1]) { x in
///       let (a, b) = (1 - x[0], x[1] - x[0] * x[0])
///       return a * a + 100 * b * b
///     }
///     minimum.point    // [1. 1.]
///     minimum.reason   // converged
///
/// - Parameters:
///   - start: where to begin; its shape is the argument's.
///   - method: memory, tolerance, limits and scales.
///   - objective: traced once; must return a single number.
/// - Throws: `TraceError` if the function's shapes do not fit, `MinimizeError` for a bad start.
public func minimize(
  from start: NDArray<Double>, by method: LBFGS = LBFGS(), objective: (Tensor) throws -> Tensor
) throws -> Minimum {
  let traced = try TracedObjective(shape: start.shape, function: objective)
  let end = try method.minimize(from: start.elements, evaluate: traced.evaluate)
  return Minimum(end, shape: start.shape)
}

/// The point where a sum of squares is smallest, near a start, by Gauss–Newton in double precision
/// with the Jacobian of forward mode.
///
///     let x: NDArray<Double> = [0, 1, 2, 3], y: NDArray<Double> = [2.1, 1.2, 0.8, 0.4]
///     let fit = try leastSquares(from: [1, 1]) { b in
///       let x = b.builder.constant(array: x), y = b.builder.constant(array: y)
///       return b[0] * exp(-b[1] * x) - y
///     }
///
/// - Parameters:
///   - start: where to begin; its shape is the argument's.
///   - method: tolerance and limits.
///   - residuals: traced once; must return a vector of at least as many numbers as the start has.
/// - Throws: `TraceError` if the function's shapes do not fit, `MinimizeError` for a bad start,
///   `LinearAlgebraError.rankDeficient` if an unknown has no effect of its own on the residuals.
public func leastSquares(
  from start: NDArray<Double>, by method: GaussNewton = GaussNewton(),
  residuals: (Tensor) throws -> Tensor
) throws -> Minimum {
  let traced = try TracedResiduals(shape: start.shape, function: residuals)
  let end = try method.minimize(
    from: start.elements, residuals: traced.residuals, jacobian: traced.jacobian)
  return Minimum(end, shape: start.shape)
}

/// Where a method ended, on plain numbers.
package struct MinimizationEnd {
  package var point: [Double]
  package var value: Double
  package var gradient: [Double]
  package var iterations: Int
  package var evaluations: Int
  package var reason: StopReason
}

extension Minimum {
  init(_ end: MinimizationEnd, shape: Shape) {
    self.init(
      point: NDArray(end.point, shape: shape), value: end.value,
      gradientNorm: LinearAlgebra.norm(end.gradient), iterations: end.iterations,
      evaluations: end.evaluations, reason: end.reason)
  }
}

/// The start's numbers, if a method can begin there.
func checkedStart(_ start: [Double]) throws(MinimizeError) {
  if start.isEmpty { throw .emptyStart }
  if let bad = start.firstIndex(where: { !$0.isFinite }) { throw .startNotFinite(position: bad) }
}
