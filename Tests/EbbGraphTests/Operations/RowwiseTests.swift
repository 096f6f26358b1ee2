import EbbGraph
import Foundation
import Testing

@Suite struct RowwiseTests {
  /// −log softmax written with exp, sum and log alone.
  private func unfused(_ a: Tensor, _ target: Tensor) -> Tensor {
    -sum(target * log(exp(a) / sum(exp(a), axes: [-1], keepingAxes: true)), axes: [-1])
  }

  @Test("M16 softmax with cross-entropy, every line with numbers, for k = 4 and l = 2")
  func everyLine() throws {
    let a = [0.3, -1.2, 2.1, 0.7]
    let l = 2
    let total = a.map { exp($0) }.reduce(0, +)
    let prediction = a.map { exp($0) / total }
    let given = NDArray<Double>(a)
    func difference(_ i: Int, _ f: @escaping (Tensor) -> Tensor) throws -> Double {
      try EbbGraphTests.difference { step in
        let moved = given.moved(along: .basis(i, shape: [4]), by: step)
        return try evaluate(["a": moved]) { [f($0[0])] }[0]
      }.scalar
    }
    func entry(_ x: Tensor, _ i: Int) -> Tensor { sum(x.sliced(axis: 0, from: i, to: i + 1)) }
    let values = try evaluate(["a": given]) { x in
      let y = softmax(x[0])
      let labels = x[0].builder.constant(indices: NDArray(scalar: Int32(l)))
      let loss = softmaxCrossEntropy(logits: x[0], labels: labels)
      let slopes = gradients(of: loss, with: [x[0]])
      let byPrediction = gradients(of: -log(entry(y, l)), with: [y])
      return [y, loss, slopes[0], byPrediction[0], gradients(of: entry(y, l), with: [x[0]])[0]]
    }
    expectEqual(values[0], NDArray(prediction), within: 1e-15, "ŷ_l = e^{a_l}/Σ e^{a_i}")
    expectEqual(values[1], NDArray(scalar: -log(prediction[l])), within: 1e-15, "L = −log ŷ_l")
    // ∂L/∂ŷ: −1/ŷ_l in place l, 0 elsewhere.
    expectEqual(
      values[3], NDArray((0..<4).map { $0 == l ? -1 / prediction[l] : 0 }), within: 1e-14)
    for i in 0..<4 {
      let isLabel = i == l ? 1.0 : 0.0
      // The quotient rule, u = e^{a_l}, v = Σ e^{a_i}: (u′v − u v′)/v².
      let (u, v) = (exp(a[l]), total)
      let quotient = (isLabel * exp(a[l]) * v - u * exp(a[i])) / (v * v)
      let short = isLabel * prediction[l] - prediction[l] * prediction[i]
      #expect((quotient - short).magnitude < 1e-15)
      #expect((values[4][i] - short).magnitude < 1e-15, "∂ŷ_l/∂a_\(i)")
      #expect(try (difference(i) { entry(softmax($0), l) } - short).magnitude < 1e-10)
      let product = -(1 / prediction[l]) * short
      let residual = -(isLabel - prediction[i])
      #expect((product - residual).magnitude < 1e-15)
      #expect((values[2][i] - residual).magnitude < 1e-15, "∂L/∂a_\(i) = −(1[l=i] − ŷ_i)")
      #expect(values[2][i] != 0, "every logit has a gradient")
      let oneHotTarget = NDArray<Double>((0..<4).map { $0 == l ? 1 : 0 })
      let measured = try difference(i) {
        self.unfused($0, $0.builder.constant(array: oneHotTarget))
      }
      #expect((measured - residual).magnitude < 1e-10)
    }
    #expect(values[2].elements.reduce(0, +).magnitude < 1e-15)
  }

  @Test("M16 fused and unfused agree to 1e-12, values and gradients; a batch mean has 1/B")
  func fusedAgainstUnfused() throws {
    var draw = Draw(seed: 16)
    let logits = draw.array([7, 4], in: -5...5)
    let labels = NDArray<Int32>([0, 3, 2, 1, 1, 0, 3])
    let results = try evaluate(["a": logits]) { x in
      let indices = x[0].builder.constant(indices: labels)
      let target = oneHot(indices, classes: 4)
      let losses = [
        softmaxCrossEntropy(logits: x[0], labels: indices),
        softmaxCrossEntropy(logits: x[0], probabilities: target), self.unfused(x[0], target),
      ]
      return losses.map { mean($0) }
        + gradients(of: mean(losses[0]), with: [x[0]])
        + gradients(of: mean(losses[1]), with: [x[0]])
    }
    expectEqual(results[0], results[2], within: 1e-12)
    expectEqual(results[1], results[2], within: 1e-12)
    expectEqual(results[3], results[4], within: 1e-12)
    let slopes = try evaluate(["a": logits]) { x in
      let target = oneHot(x[0].builder.constant(indices: labels), classes: 4)
      return gradients(of: mean(self.unfused(x[0], target)), with: [x[0]])
        + [(softmax(x[0]) - target) / 7]
    }
    expectEqual(results[3], slopes[0], within: 1e-12)
    expectEqual(results[3], slopes[1], within: 1e-12)
  }

  @Test("M16 logits of ±1e6 give finite, exact values and gradients in every form")
  func largeLogits() throws {
    let logits: NDArray<Double> = [[1e6, -1e6, 0], [-1e6, -1e6, -1e6], [1e6, 1e6, -1e6]]
    let results = try evaluate(["a": logits]) { x in
      let labels = x[0].builder.constant(indices: NDArray<Int32>([1, 2, 0]))
      let fused = softmaxCrossEntropy(logits: x[0], labels: labels)
      let open = softmaxCrossEntropy(logits: x[0], probabilities: oneHot(labels, classes: 3))
      return [fused, open] + gradients(of: sum(fused), with: [x[0]])
        + gradients(of: sum(open), with: [x[0]]) + [logSumExp(x[0])]
    }
    let third = 1.0 / 3
    let losses = NDArray<Double>([2e6, log(3.0), log(2.0)])
    let slopes = NDArray<Double>(
      [1, -1, 0, third, third, third - 1, -0.5, 0.5, 0], shape: [3, 3])
    expectEqual(results[0], losses, within: 1e-12)
    expectEqual(results[1], losses, within: 1e-12)
    expectEqual(results[2], slopes, within: 1e-12)
    expectEqual(results[3], slopes, within: 1e-12)
    expectEqual(
      results[4], NDArray<Double>([1e6, -1e6 + log(3.0), 1e6 + log(2.0)]), within: 1e-12)
  }

  @Test("Numbers: a fully masked row (all −∞) of softmax: output 0, gradient 0, no NaN elsewhere")
  func maskedRow() throws {
    let logits = NDArray<Double>([-.infinity, -.infinity, 1, 2], shape: [2, 2])
    let results = try evaluate(["a": logits]) { x in
      let weights = x[0].builder.constant(array: [[3, 4], [5, 6]])
      let probabilities = softmax(x[0])
      return [probabilities] + gradients(of: sum(probabilities * weights), with: [x[0]])
    }
    let p = 1 / (1 + exp(1.0))
    expectEqual(results[0], NDArray([0, 0, p, 1 - p], shape: [2, 2]), within: 1e-15)
    expectEqual(
      results[1], NDArray([0, 0, -p * (1 - p), p * (1 - p)], shape: [2, 2]), within: 1e-15)
  }

  @Test("along any axis: softmax and logSumExp of the transposed array")
  func axes() throws {
    var draw = Draw(seed: 5)
    let x = draw.array([3, 4, 2])
    for axis in [-3, -2, -1, 0, 1, 2] {
      let results = try evaluate(["x": x]) { x in
        let y = softmax(x[0], axis: axis)
        return [
          sum(y, axes: [axis]), y, exp(logSoftmax(x[0], axis: axis)),
          logSumExp(x[0], axis: axis), log(sum(exp(x[0]), axes: [axis])),
        ]
      }
      expectEqual(results[0], NDArray(repeating: 1, shape: results[0].shape), within: 1e-15)
      expectEqual(results[1], results[2], within: 1e-14)
      expectEqual(results[3], results[4], within: 1e-14)
    }
  }
}
