import EbbGraph
import Testing

/// The documented values where a derivative does not exist, and where an infinite one meets a zero.
@Suite struct Kinks {
  @Test("Numbers: relu'(0), abs'(0) and sign'(0) are 0")
  func kinks() throws {
    let cases: [(String, (Tensor) -> Tensor)] = [
      ("relu", { relu($0) }), ("abs", { abs($0) }), ("sign", { sign($0) }),
    ]
    for (name, f) in cases {
      expectEqual(try gradient(at: [0, -0.0]) { sum(f($0)) }, [0, 0], name)
    }
    // Each kinked row is one of the above, or has no derivative at all.
    for unary in Unary.allCases where !unary.row(.platform).kinks.isEmpty {
      #expect(cases.contains { $0.0 == unary.rawValue }, "\(unary) is not tested at its kink")
    }
  }

  @Test("Numbers: ties of maximum(a, b) and minimum(a, b) give half to each")
  func ties() throws {
    for f in [maximum, minimum] as [(Tensor, Tensor) -> Tensor] {
      let at = [[2, -1, 0], [2, -1, -0.0]] as [NDArray<Double>]
      let slopes = try valueAndGradients(at: at) { sum(f($0[0], $0[1])) }.gradients
      expectEqual(slopes[0], [0.5, 0.5, 0.5])
      expectEqual(slopes[1], [0.5, 0.5, 0.5])
      expectEqual(try gradient(at: 3) { f($0, $0) }, 1, "both operands the same value")
    }
  }

  @Test("Numbers: clip has slope 1 on the closed interval")
  func closedInterval() throws {
    let point: NDArray<Double> = [-1.5, -1, 0, 2, 2.5]
    expectEqual(try gradient(at: point) { sum(clip($0, to: -1...2)) }, [0, 1, 1, 1, 0])
  }

  @Test("Numbers: ties in max and min over an axis share the gradient evenly; argmax: the first")
  func extremes() throws {
    let point: NDArray<Double> = [[1, 3, 3, 3], [5, 5, 2, 0], [7, 1, 2, 3]]
    let third = NDArray(scalar: 1.0 / 3)
    expectEqual(
      try gradient(at: point) { sum(max($0, axes: [1])) },
      [[0, third, third, third], [0.5, 0.5, 0, 0], [1, 0, 0, 0]])
    expectEqual(
      try gradient(at: -1 * point) { sum(min($0, axes: [1])) },
      [[0, third, third, third], [0.5, 0.5, 0, 0], [1, 0, 0, 0]])
    expectEqual(try evaluate(["x": point]) { [argmax($0[0], axis: 1)] }[0], [1, 0, 0])
  }

  /// Functions with an infinite inner derivative that a zero stops, where to look, and the first
  /// and second derivative there.
  static let stopped: [(name: String, f: @Sendable (Tensor) -> Tensor, x: Double, d: Double)] = [
    ("where(x > 0, log x, 0)", { select($0 .> 0, log($0), 0) }, 0, 0),
    ("where(x > 0, log x, 0) below", { select($0 .> 0, log($0), 0) }, -1, 0),
    ("where(x > 0, sqrt x, 0)", { select($0 .> 0, sqrt($0), 0) }, 0, 0),
    ("where(x > 0, sqrt x, 0) below", { select($0 .> 0, sqrt($0), 0) }, -1, 0),
    ("where(x > 0, rsqrt x, 0)", { select($0 .> 0, rsqrt($0), 0) }, 0, 0),
    ("where(x > 0, log1p(x - 1), 0)", { select($0 .> 0, log1p($0 - 1), 0) }, 0, 0),
    ("where(x > 0, 1/x, 0)", { select($0 .> 0, 1 / $0, 0) }, 0, 0),
    ("where(x > 0, x/x, 0)", { select($0 .> 0, $0 / $0, 0) }, 0, 0),
    ("where(x > 0, reciprocal x, 0)", { select($0 .> 0, reciprocal($0), 0) }, 0, 0),
    ("where(x > 0, x^-2, 0)", { select($0 .> 0, power($0, -2), 0) }, 0, 0),
    ("where(x < 1, exp x, 0)", { select($0 .< 1, exp($0), 0) }, 1e4, 0),
    ("where(x < 1, expm1 x, 0)", { select($0 .< 1, expm1($0), 0) }, 1e4, 0),
    ("x^0", { power($0, 0) }, 0, 0),
  ]

  @Test(
    "Numbers: guarded where, division and x^0: a zero cotangent stops everything",
    arguments: stopped.indices)
  func zeroTimesInfinity(_ index: Int) throws {
    let (name, f, x, expected) = Self.stopped[index]
    expectEqual(try gradient(at: NDArray(scalar: x), of: f), NDArray(scalar: expected), name)
    let second = try gradient(at: NDArray(scalar: x)) { x in gradients(of: f(x), with: [x])[0] }
    expectEqual(second, 0, "second derivative of \(name)")
    let along = try evaluate(["x": NDArray(scalar: x)]) { x in
      [pushForward([f(x[0])], from: [x[0]], along: [x[0].constant(1.0)])[0]]
    }
    expectEqual(along[0], NDArray(scalar: expected), "forward mode of \(name)")
  }

  @Test("Numbers: x² at 0 has the derivatives 0 and 2, x·sqrt(x) has 0 and infinity")
  func atZero() throws {
    expectEqual(try gradient(at: 0) { power($0, 2) }, 0)
    expectEqual(try gradient(at: 0) { x in gradients(of: power(x, 2), with: [x])[0] }, 2)
    expectEqual(try gradient(at: -3) { power($0, 2) }, -6)
    expectEqual(try gradient(at: -3) { x in gradients(of: power(x, 2), with: [x])[0] }, 2)
    expectEqual(try gradient(at: 0) { $0 * sqrt($0) }, 0)
    let second = try gradient(at: 0) { x in gradients(of: x * sqrt(x), with: [x])[0] }
    #expect(second.scalar == .infinity)
  }

}

private func * (factor: Double, array: NDArray<Double>) -> NDArray<Double> {
  array.map { factor * $0 }
}
