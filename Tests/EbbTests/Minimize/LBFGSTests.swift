import Ebb
import EbbGraph
import Foundation
import TestSupport
import Testing

/// A function with a known minimum.
struct Landscape: Sendable, CustomTestStringConvertible {
  let name: String
  let start: [Double]
  let minimum: [Double]
  /// How near the minimum the point must come, in each coordinate.
  let distance: Double
  let function: @Sendable (Tensor) -> Tensor

  var testDescription: String { name }

  static let all: [Landscape] = [
    Landscape(
      name: "Rosenbrock", start: [-1.2, 1], minimum: [1, 1], distance: 1e-8,
      function: { x in
        let (a, b) = (1 - x[0], x[1] - x[0] * x[0])
        return a * a + 100 * b * b
      }),
    Landscape(
      name: "Rosenbrock in 20 dimensions", start: (0..<20).map { $0 % 2 == 0 ? -1.2 : 1 },
      minimum: [Double](repeating: 1, count: 20), distance: 1e-7,
      function: { x in
        let (head, tail) = (
          x.sliced(axis: 0, from: 0, to: 19), x.sliced(axis: 0, from: 1, to: 20)
        )
        let (a, b) = (1 - head, tail - head * head)
        return sum(a * a + 100 * b * b)
      }),
    Landscape(
      name: "Beale", start: [1, 1], minimum: [3, 0.5], distance: 1e-8,
      function: { x in
        let first = 1.5 - x[0] * (1 - x[1])
        let second = 2.25 - x[0] * (1 - x[1] * x[1])
        let third = 2.625 - x[0] * (1 - x[1] * x[1] * x[1])
        return first * first + second * second + third * third
      }),
    // Its Hessian is singular at the minimum: a gradient of 1e-10 leaves (1e-10)^(1/3) of distance.
    Landscape(
      name: "Powell's singular function", start: [3, -1, 0, 1], minimum: [0, 0, 0, 0],
      distance: 5e-4,
      function: { x in
        let (a, b) = (x[0] + 10 * x[1], x[2] - x[3])
        let (c, d) = (x[1] - 2 * x[2], x[0] - x[3])
        return a * a + 5 * b * b + c * c * c * c + 10 * d * d * d * d
      }),
    quadratic(condition: 1e3), quadratic(condition: 1e6),
  ]

  /// Σ cᵢ (xᵢ − 1)² / 2 in mixed coordinates, with c from 1 to the condition number.
  static func quadratic(condition: Double) -> Landscape {
    let size = 12
    let weights = (0..<size).map { pow(condition, Double($0) / Double(size - 1)) }
    // A reflection, so that no coordinate is an eigenvector.
    let mirror = (0..<size * size).map { place -> Double in
      (place / size == place % size ? 1 : 0) - 2 / Double(size)
    }
    return Landscape(
      name: "quadratic of condition \(condition)", start: [Double](repeating: 0, count: size),
      minimum: [Double](repeating: 1, count: size), distance: 1e-8,
      function: { x in
        let turn = x.builder.constant(array: NDArray(mirror, shape: [size, size]))
        let away = matmul(turn, (x - 1).reshaped(to: [size, 1])).reshaped(to: [size])
        return 0.5 * sum(x.builder.constant(array: NDArray(weights)) * away * away)
      })
  }
}

@Suite("minimize: L-BFGS")
struct LBFGSTests {
  @Test("finds known minima", arguments: Landscape.all)
  func minima(_ landscape: Landscape) throws {
    let minimum = try minimize(
      from: NDArray(landscape.start), by: LBFGS(gradientTolerance: 1e-10),
      objective: landscape.function)
    #expect(minimum.reason == .tolerance)
    #expect(minimum.gradientNorm <= 1e-10)
    let away = zip(minimum.point.elements, landscape.minimum).map { abs($0 - $1) }
    try #require(away.count == landscape.minimum.count)
    #expect(away.max() ?? .infinity <= landscape.distance)
    let (value, slopes) = try valueAndGradients(at: [minimum.point]) { landscape.function($0[0]) }
    #expect(value == minimum.value)
    #expect(abs(LinearAlgebra.norm(slopes[0].elements) - minimum.gradientNorm) <= 1e-20)
  }

  @Test("every accepted step satisfies the conditions of its line search", arguments: Landscape.all)
  func wolfe(_ landscape: Landscape) throws {
    let traced = try TracedObjective(
      shape: [landscape.start.count], function: landscape.function)
    var (strong, approximate) = (0, 0)
    let end = try LBFGS(gradientTolerance: 1e-10).minimize(
      from: landscape.start, evaluate: traced.evaluate
    ) { start, outcome, search in
      #expect(start.slope < 0)
      switch outcome {
      case .strong(let next):
        strong += 1
        let allowed = start.value + 1e-4 * next.step * start.slope
        #expect(next.value <= allowed)
        #expect(abs(next.slope) <= 0.9 * abs(start.slope))
      case .approximate(let next):
        approximate += 1
        #expect(next.value <= start.value + search.rounding)
        #expect(search.rounding <= 1e-12 * (1 + abs(start.value)))
        #expect(next.slope >= 0.9 * start.slope)
        #expect(next.slope <= (2e-4 - 1) * start.slope)
      case .failed, .notFinite: Issue.record("a failed search was accepted")
      }
    }
    #expect(strong + approximate == end.iterations)
    // Slopes decide only at the very end.
    #expect(strong > 2 * approximate)
  }

  /// Gradients made wrong on the way to the method. (One that vanishes smoothly somewhere else, as
  /// the gradient plus a constant does, looks to any line search like the gradient of another
  /// function: only a check of the gradient itself finds it.)
  enum Mutant: String, CaseIterable, Sendable {
    case sign, swapped, stale, rotated

    func spoil(_ gradient: [Double], first: [Double]) -> [Double] {
      switch self {
      case .sign: gradient.map { -$0 }
      case .swapped: gradient.reversed()
      case .stale: first
      case .rotated: [-gradient[1], gradient[0]]
      }
    }
  }

  @Test("a wrong gradient ends in a failed line search, not in a claim", arguments: Mutant.allCases)
  func wrongGradient(_ mutant: Mutant) throws {
    let landscape = Landscape.all[0]
    let traced = try TracedObjective(shape: [2], function: landscape.function)
    let first = try traced.evaluate(landscape.start).gradient
    let end = try LBFGS().minimize(from: landscape.start) { point in
      let (value, gradient) = try traced.evaluate(point)
      return (value, mutant.spoil(gradient, first: first))
    }
    #expect(end.reason == .lineSearchFailed, "\(mutant): \(end)")
  }

  @Test("unknowns are measured by their start: other units, the same bits")
  func scales() throws {
    let landscape = Landscape.all[2]
    let method = LBFGS(gradientTolerance: 0)
    let plain = try minimize(
      from: NDArray(landscape.start), by: method, objective: landscape.function)
    let units: NDArray<Double> = [1024, 0x1p-20]
    let start = zip(landscape.start, units.elements).map { $0 / $1 }
    let scaled = try minimize(from: NDArray(start), by: method) { x in
      landscape.function(x * x.builder.constant(array: units))
    }
    #expect(zip(scaled.point.elements, units.elements).map { $0 * $1 } == plain.point.elements)
    #expect(scaled.evaluations == plain.evaluations)
    #expect(plain.isConverged)
  }

  @Test("the point has the start's shape, and the function is traced once")
  func shapes() throws {
    var traces = 0
    let minimum = try minimize(from: NDArray(repeating: 3, shape: [2, 3])) { x in
      traces += 1
      return sum((x - 2) * (x - 2))
    }
    #expect(minimum.point.shape == [2, 3])
    #expect(difference(minimum.point.elements, [2, 2, 2, 2, 2, 2]) <= 1e-8)
    #expect(traces == 1)
  }

  @Test("steps that leave the function's domain are shortened")
  func domain() throws {
    let minimum = try minimize(from: [50]) { x in sum(x - log(x)) }
    #expect(minimum.reason == .tolerance)
    #expect(abs(minimum.point.elements[0] - 1) <= 1e-8)
  }

  @Test("the limits and reasons are told apart")
  func reasons() throws {
    let rosenbrock = Landscape.all[0]
    let short = try minimize(
      from: NDArray(rosenbrock.start), by: LBFGS(iterationLimit: 3),
      objective: rosenbrock.function)
    #expect(short.reason == .iterationLimit && short.iterations == 3 && !short.isConverged)
    let exact = try minimize(
      from: [3], by: LBFGS(gradientTolerance: 0)
    ) { x in sum(exp(x) - 2 * x) }
    #expect(exact.reason == .precision || exact.gradientNorm == 0)
    #expect(abs(exact.point.elements[0] - log(2)) <= 1e-14)
    let unbounded = try minimize(from: [1]) { x in -sum(x) }
    #expect(!unbounded.isConverged)
  }

  @Test("bad starts and settings are typed errors")
  func errors() {
    func square(_ x: Tensor) -> Tensor { sum(x * x) }
    #expect(throws: MinimizeError.startNotFinite(position: 1)) {
      try minimize(from: NDArray([0, .nan]), objective: square)
    }
    #expect(throws: MinimizeError.emptyStart) {
      try minimize(from: NDArray([Double]()), objective: square)
    }
    #expect(throws: MinimizeError.self) { try minimize(from: [-1]) { sum(log($0)) } }
    #expect(throws: TraceError.self) { try minimize(from: [1, 2]) { $0 * $0 } }
    #expect(throws: TraceError.self) { try minimize(from: [1, 2]) { $0[2] } }
    for method in [
      LBFGS(memory: 0), LBFGS(gradientTolerance: -1), LBFGS(iterationLimit: -1),
      LBFGS(scales: .given([1])), LBFGS(scales: .given([1, 0])),
    ] {
      #expect(throws: MinimizeError.self) {
        try minimize(from: [1, 2], by: method, objective: square)
      }
    }
  }
}
