import EbbGraph
import Foundation
import Testing

@Suite struct UnaryTests {
  @Test("activations and their slopes at 0, ±50 and ±1e4")
  func activations() throws {
    let half = 1.0 / 2
    let tiny = exp(-50.0)
    let points: [Double] = [-1e4, -50, 0, 50, 1e4]
    let table: [(String, (Tensor) -> Tensor, [Double], [Double])] = [
      ("sigmoid", { sigmoid($0) }, [0, tiny, half, 1, 1], [0, tiny, 0.25, 0, 0]),
      ("tanh", { EbbGraph.tanh($0) }, [-1, -1, 0, 1, 1], [0, 0, 1, 0, 0]),
      ("relu", { relu($0) }, [0, 0, 0, 50, 1e4], [0, 0, 0, 1, 1]),
      ("softplus", { softplus($0) }, [0, tiny, log(2.0), 50, 1e4], [0, tiny, half, 1, 1]),
      ("elu", { elu($0) }, [-1, -1, 0, 50, 1e4], [0, tiny, 1, 1, 1]),
      ("elu, scale 2", { elu($0, scale: 2) }, [-2, -2, 0, 50, 1e4], [0, 2 * tiny, 2, 1, 1]),
      ("leakyReLU", { leakyReLU($0) }, [-100, -0.5, 0, 50, 1e4], [0.01, 0.01, 0.01, 1, 1]),
      ("gelu", { gelu($0) }, [0, 0, 0, 50, 1e4], [0, 0, half, 1, 1]),
      (
        "silu", { silu($0) }, [0, -50 * tiny, 0, 50, 1e4], [0, -49 * tiny, half, 1, 1]
      ),
    ]
    for (name, f, values, slopes) in table {
      let x = NDArray<Double>(points)
      let results = try evaluate(["x": x]) { x in
        [f(x[0])] + gradients(of: sum(f(x[0])), with: [x[0]])
      }
      expectEqual(results[0], NDArray<Double>(values), within: 1e-15, name)
      expectEqual(results[1], NDArray<Double>(slopes), within: 1e-15, "slope of \(name)")
    }
  }

  @Test("Numbers: binary cross-entropy on logits, exact at 0, ±50, ±1e4, gradient sigmoid(x) − y")
  func binaryCrossEntropyFarOut() throws {
    let x: NDArray<Double> = [0, 50, -50, 1e4, -1e4, 1e4, -1e4]
    let y: NDArray<Double> = [1, 1, 0, 1, 0, 0, 1]
    let results = try evaluate(["x": x, "y": y]) { x in
      let loss = binaryCrossEntropy(logits: x[0], targets: x[1])
      return [loss] + gradients(of: sum(loss), with: [x[0]])
    }
    let tiny = exp(-50.0)
    expectEqual(results[0], NDArray<Double>([log(2.0), tiny, tiny, 0, 0, 1e4, 1e4]), within: 1e-15)
    let slopes: [Double] = [-0.5, 0, tiny, 0, 0, 1, -1]
    expectEqual(results[1], NDArray<Double>(slopes), within: 1e-15)
  }

  @Test("NaN goes through, comparisons with it are false, signs of zero are kept")
  func notANumber() throws {
    let x: NDArray<Double> = [NDArray(scalar: Double.nan), 1]
    for f in [
      { relu($0) }, { abs($0) }, { sign($0) }, { maximum($0, 0) }, { minimum($0, 0) },
      { clip($0, to: -1...1) }, { max($0) }, { min($0) }, { sum($0) }, { product($0) },
    ] as [(Tensor) -> Tensor] {
      #expect(try evaluate(["x": x]) { [f($0[0])] }[0].elements[0].isNaN)
    }
    expectEqual(
      try evaluate(["x": x]) { [float(($0[0] .== $0[0]) .| ($0[0] .< 0) .| ($0[0] .>= 0))] }[0],
      [0, 1])
    expectEqual(try evaluate(["x": x]) { [float($0[0] .!= $0[0])] }[0], [1, 0])
    let zeros = try evaluate(["x": [0, -0.0]]) { [-$0[0]] }[0]
    #expect(zeros[0].sign == .minus && zeros[1].sign == .plus)
  }

  @Test("masks: and, or, not, as numbers")
  func masks() throws {
    let (a, b): (NDArray<Double>, NDArray<Double>) = ([0, 0, 1, 1], [0, 1, 0, 1])
    let results = try evaluate(["a": a, "b": b]) { x in
      let (a, b) = (x[0] .> 0, x[1] .> 0)
      return [float(a .& b), float(a .| b), float(.!a)]
    }
    expectEqual(results[0], [0, 0, 0, 1])
    expectEqual(results[1], [0, 1, 1, 1])
    expectEqual(results[2], [1, 1, 0, 0])
  }
}
