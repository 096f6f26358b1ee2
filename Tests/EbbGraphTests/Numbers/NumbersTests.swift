import EbbGraph
import Foundation
import Testing

/// The rules for numbers at the edge, a test for each row. Others stand where their subject is, under
/// names that begin with "Numbers": kinks, ties and guarded infinities in KinkTests, binary
/// cross-entropy in UnaryTests, products with zeros in ReductionTests, broadcasting, the large graph,
/// values used k times, 2³¹ elements.
@Suite("Numbers") struct NumbersTests {
  @Test("Numbers: sqrt'(0) is infinite; with a zero cotangent the gradient is 0")
  func squareRoot() throws {
    #expect(try gradient(at: 0) { sqrt($0) }.scalar == .infinity)
    expectEqual(try gradient(at: 0) { 0 * sqrt($0) }, 0)
    expectEqual(
      try gradient(at: [0, 4]) { sum(sqrt($0) * $0.builder.constant(array: [0, 1])) }, [0, 0.25])
  }

  @Test("Numbers: norm of a zero vector, standard deviation of a constant: gradient 0")
  func norms() throws {
    expectEqual(try gradient(at: [0, 0, 0]) { sqrt(sum($0 * $0)) }, [0, 0, 0], "norm")
    expectEqual(try gradient(at: [0, 0]) { sqrt(sum(power($0, 2))) }, [0, 0], "norm by power")
    func deviation(_ x: Tensor) -> Tensor {
      let distance = x - mean(x)
      return sqrt(mean(distance * distance))
    }
    for value in [0, 1, -2.5, 0.1, 1e6 / 3] {
      let constant = NDArray(repeating: value, shape: [3])
      expectEqual(try gradient(at: constant, of: deviation), [0, 0, 0], within: 1e-15, "\(value)")
    }
  }

  /// f(x) and the gradient of its sum in Float, with the functions rounded to Float.
  private func single(
    _ x: NDArray<Float>, _ f: (Tensor) -> Tensor
  ) throws -> (value: NDArray<Double>, slope: NDArray<Double>) {
    let graph = try trace { builder in
      let input = builder.input("x", shape: x.shape)
      let y = f(input)
      return ["y": y, "dx": gradients(of: sum(y), with: [input])[0]]
    }
    let values = try Interpreter(graph, functions: FloatLaw.rounded).numbers(["x": x])
    return try (
      #require(values["y"]).map { Double($0) }, #require(values["dx"]).map { Double($0) }
    )
  }

  @Test("Numbers: log-sum-exp and softmax at logits of ±1e6, Float32, within 1e-6 of Double")
  func largeLogits() throws {
    let rows: [[Float]] = [
      [1e6, -1e6, 0, 999_999], [-1e6, -1e6, -999_999.5, -1e6], [1e6, 1e6, 1e6, -1e6],
      [0, 1, 2, -3],
    ]
    let x = NDArray<Float>(rows.flatMap { $0 }, shape: [4, 4])
    let weights = NDArray<Double>((0..<16).map { Double($0 % 5) - 2 }, shape: [4, 4])
    let table: [(String, (Tensor) -> Tensor)] = [
      ("logSumExp", { logSumExp($0) }),
      ("softmax", { softmax($0) * $0.builder.constant(array: weights) }),
      ("logSoftmax", { logSoftmax($0) * 1e-6 }),
      (
        "cross-entropy",
        { x in
          softmaxCrossEntropy(logits: x, labels: x.builder.constant(indices: [1, 2, 0, 3]))
        }
      ),
    ]
    for (name, f) in table {
      let rough = try single(x, f)
      let exact = try evaluate(["x": x.map { Double($0) }]) { x in
        [f(x[0])] + gradients(of: sum(f(x[0])), with: [x[0]])
      }
      expectEqual(rough.value, exact[0], within: 1e-6, name)
      expectEqual(rough.slope, exact[1], within: 1e-6, "gradient of \(name)")
    }
  }

  @Test("Numbers: a fully masked row (all −∞) of cross-entropies: output 0, gradient 0")
  func maskedRows() throws {
    let logits = NDArray<Double>(
      [-.infinity, -.infinity, -.infinity, 1, 2, 3], shape: [2, 3])
    let table: [(String, (Tensor) -> Tensor)] = [
      (
        "labels",
        { x in
          softmaxCrossEntropy(logits: x, labels: x.builder.constant(indices: [1, 2]))
        }
      ),
      (
        "probabilities",
        { x in
          let target = oneHot(x.builder.constant(indices: [1, 2]), classes: 3)
          return softmaxCrossEntropy(logits: x, probabilities: target)
        }
      ),
    ]
    let total = exp(-2.0) + exp(-1.0) + 1
    for (name, f) in table {
      let found = try evaluate(["x": logits]) { x in
        let loss = f(x[0])
        let slope = gradients(of: sum(loss), with: [x[0]])[0]
        return [loss, slope, gradients(of: sum(slope * slope), with: [x[0]])[0]]
      }
      expectEqual(found[0], NDArray([0, log(total)]), within: 1e-15, name)
      expectEqual(
        found[1],
        NDArray(
          [0, 0, 0, exp(-2) / total, exp(-1) / total, 1 / total - 1], shape: [2, 3]),
        within: 1e-15, "gradient by \(name)")
      #expect(found[2].elements.prefix(3).allSatisfy { $0 == 0 }, "second order of \(name)")
      let finite = found[2].elements.allSatisfy { $0.isFinite }
      #expect(finite)
    }
    // A mask that leaves one entry of a row leaves the others' gradient 0.
    let partial = NDArray<Double>([-.infinity, 2, -.infinity], shape: [1, 3])
    let slope = try gradient(at: partial) { x in
      sum(softmaxCrossEntropy(logits: x, labels: x.builder.constant(indices: [1])))
    }
    expectEqual(slope, NDArray([0, 0, 0], shape: [1, 3]))
  }

  @Test("Numbers: log(sigmoid(−1000)), softplus, elu, gelu far out: right to Float32 rounding")
  func farOut() throws {
    func cdf(_ x: Double) -> Double { 0.5 * erfc(-x / 2.0.squareRoot()) }
    func density(_ x: Double) -> Double { exp(-0.5 * x * x) / (2 * Double.pi).squareRoot() }
    func sigmoid(_ x: Double) -> Double { x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)) }
    func softplus(_ x: Double) -> Double { Swift.max(x, 0) + log1p(exp(-x.magnitude)) }
    let table: [(String, (Tensor) -> Tensor, (Double) -> Double, (Double) -> Double)] = [
      ("logSigmoid", { logSigmoid($0) }, { -softplus(-$0) }, { sigmoid(-$0) }),
      ("softplus", { EbbGraph.softplus($0) }, softplus, sigmoid),
      ("elu", { elu($0) }, { $0 > 0 ? $0 : expm1($0) }, { $0 > 0 ? 1 : exp($0) }),
      ("gelu", { gelu($0) }, { $0 * cdf($0) }, { cdf($0) + $0 * density($0) }),
      ("normalCDF", { normalCDF($0) }, cdf, density),
    ]
    let points: [Float] = [
      -1000, -100, -50, -20, -13, -12, -10, -8, -6, -5, -4, -3.5, -3, -2, -1, -0.25, 0, 0.25, 1, 3,
      5, 8, 20, 50, 100, 1000, 1e4, 1e30, -1e4,
    ]
    for (name, f, value, slope) in table {
      let found = try single(NDArray<Float>(points), f)
      for (index, point) in points.enumerated() {
        let x = Double(point)
        for (what, got, exact) in [
          ("value", found.value.elements[index], value(x)),
          ("slope", found.slope.elements[index], slope(x)),
        ] {
          // Four roundings, or three of the smallest subnormal number.
          let allowed = Swift.max(4 * 0x1p-24 * exact.magnitude, 3 * 0x1p-149)
          #expect(
            (got - exact).magnitude <= allowed, "\(what) of \(name) at \(x): \(got), \(exact)")
        }
      }
    }
    let logarithm = try single(NDArray<Float>([-1000])) { logSigmoid($0) }
    expectEqual(logarithm.value, [-1000])
    expectEqual(logarithm.slope, [1])
  }
}
