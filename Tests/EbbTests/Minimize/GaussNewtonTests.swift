import Ebb
import EbbGraph
import Foundation
import TestSupport
import Testing

@Suite("leastSquares: Gauss-Newton")
struct GaussNewtonTests {
  @Test("the Jacobian by forward mode is that of the gradients row by row")
  func jacobian() throws {
    let point = [0.7, -0.3, 1.9]
    func function(_ x: Tensor) -> Tensor {
      let time = x.builder.constant(array: [0, 0.5, 1, 2, 4])
      return x[0] * exp(x[1] * time) + sin(x[2] * time)
    }
    let traced = try TracedResiduals(shape: [3], function: function)
    let jacobian = try traced.jacobian(point)
    try #require(jacobian.shape == [5, 3])
    for row in 0..<5 {
      let expected = try gradient(at: NDArray(point)) { function($0)[row] }.elements
      let found = (0..<3).map { jacobian[row, $0] }
      #expect(difference(found, expected) <= 1e-14)
    }
  }

  @Test("fits an exponential, as the documentation shows")
  func exponential() throws {
    let x: NDArray<Double> = [0, 1, 2, 3]
    let y: NDArray<Double> = [2.1, 1.2, 0.8, 0.4]
    let fit = try leastSquares(from: [1, 1]) { b in
      let x = b.builder.constant(array: x)
      let y = b.builder.constant(array: y)
      return b[0] * exp(-b[1] * x) - y
    }
    #expect(fit.reason == .tolerance)
    #expect(fit.gradientNorm <= 1e-9)
    let steepest = try minimize(from: [1, 1], by: LBFGS(gradientTolerance: 1e-12)) { b in
      let r = b[0] * exp(-b[1] * b.builder.constant(array: x)) - b.builder.constant(array: y)
      return sum(r * r)
    }
    #expect(difference(fit.point.elements, steepest.point.elements) <= 1e-9)
    #expect(abs(fit.value - steepest.value) <= 1e-15)
  }

  @Test("finds Rosenbrock's minimum from its residuals, where they vanish")
  func rosenbrock() throws {
    let fit = try leastSquares(from: [-1.2, 1]) { x in
      concatenate(
        [(1 - x[0]).reshaped(to: [1]), (10 * (x[1] - x[0] * x[0])).reshaped(to: [1])], axis: 0)
    }
    #expect(fit.isConverged, "\(fit)")
    #expect(difference(fit.point.elements, [1, 1]) <= 1e-12)
  }

  @Test("a wrong Jacobian is not taken for convergence")
  func wrongJacobian() throws {
    let traced = try TracedResiduals(shape: [2]) { b in
      let x = b.builder.constant(array: [0, 1, 2, 3])
      return b[0] * exp(-b[1] * x) - b.builder.constant(array: [2.1, 1.2, 0.8, 0.4])
    }
    let end = try GaussNewton().minimize(from: [1, 1], residuals: traced.residuals) { point in
      try traced.jacobian(point).map { -$0 }
    }
    #expect(end.reason == .lineSearchFailed)
  }

  @Test("bad starts, shapes and unknowns without effect are typed errors")
  func errors() {
    #expect(throws: MinimizeError.startNotFinite(position: 0)) {
      try leastSquares(from: NDArray([.infinity])) { $0 }
    }
    #expect(throws: MinimizeError.residualsNotAVector([2, 1])) {
      try leastSquares(from: [1, 2]) { $0.reshaped(to: [2, 1]) }
    }
    #expect(throws: MinimizeError.tooFewResiduals(residuals: 1, unknowns: 2)) {
      try leastSquares(from: [1, 2]) { $0.sliced(axis: 0, from: 0, to: 1) }
    }
    #expect(throws: MinimizeError.self) { try leastSquares(from: [-1, 2]) { log($0) } }
    #expect(throws: TraceError.self) { try leastSquares(from: [1, 2]) { $0[5] } }
    #expect(throws: LinearAlgebraError.rankDeficient(column: 0, rank: 0)) {
      try leastSquares(from: [1]) {
        _ = $0; return $0 * 0 + 1
      }
    }
    #expect(throws: MinimizeError.self) {
      try leastSquares(from: [1], by: GaussNewton(tolerance: -1)) { $0 }
    }
  }
}
