import Ebb
import EbbGraph

extension OperationTable {
  mutating func addCompositions() {
    three("layer norm") { Self.normalised($0, axes: [-1]) * $1 + $2 }
    two("root-mean-square norm") { x, gain in
      x * rsqrt(mean(x * x, axes: [-1], keepingAxes: true) + 1e-6) * gain
    }
    three("batch norm") { Self.normalised($0, axes: [0]) * $1 + $2 }
    one("group norm") { x in
      let groups = x.reshaped(to: [x.shape[0], 2, x.shape[1] / 2, x.shape[2]])
      return Self.normalised(groups, axes: [2, 3]).reshaped(to: x.shape)
    }
    three("attention head") { Self.attention($0, $1, $2) }
    three("causal attention") { Self.attention($0, $1, $2, isCausal: true) }
    three("two attention heads") { x, weight, out in
      let all = matmul(x, weight)
      let parts = (0..<3).map { part in
        all.sliced(axis: 1, from: 4 * part, to: 4 * part + 4).reshaped(to: [3, 2, 2])
          .transposed([1, 0, 2])
      }
      let heads = Self.attention(parts[0], parts[1], parts[2])
      return matmul(heads.transposed([1, 0, 2]).reshaped(to: [3, 4]), out)
    }
    three("gelu layers") { matmul(gelu(matmul($0, $1)), $2) }
    add("gated layers") { x, _ in
      matmul(silu(matmul(x[0], x[1])) * matmul(x[0], x[2]), x[3])
    }
    three("residual block") { x, v, w in
      x + matmul(tanh(matmul(Self.normalised(x, axes: [-1]), v)), w)
    }
    add("recurrent cell, three times") { x, _ in
      var h = x[0].builder.constant(0.0).expanded(to: [x[0].shape[0], x[2].shape[0]])
      for _ in 0..<3 { h = tanh(matmul(x[0], x[1]) + matmul(h, x[2]) + x[3]) }
      return h
    }
    add("long short-term memory cell") { x, _ in
      let gates = Self.parts(matmul(x[0], x[3]) + matmul(x[1], x[4]), of: 4)
      let cell = sigmoid(gates[1]) * x[2] + sigmoid(gates[0]) * tanh(gates[2])
      return sigmoid(gates[3]) * tanh(cell)
    }
    add("gated recurrent cell") { x, _ in
      let ofInput = Self.parts(matmul(x[0], x[2]), of: 4)
      let ofState = Self.parts(matmul(x[1], x[3]), of: 4)
      let reset = sigmoid(ofInput[0] + ofState[0])
      let update = sigmoid(ofInput[1] + ofState[1])
      return (1 - update) * tanh(ofInput[2] + reset * ofState[2]) + update * x[1]
    }
    two("pairwise distances") { a, b in
      let difference = a.reshaped(to: [a.shape[0], 1, a.shape[1]]) - b
      return sqrt(sum(difference * difference, axes: [-1]))
    }
    add("mixture of normals") { x, _ in
      let z = (x[0].reshaped(to: [x[0].shape[0], 1]) - x[2]) * exp(-x[3])
      return logSumExp(logSoftmax(x[1]) - 0.5 * (z * z) - x[3])
    }
    two("logistic regression with decay") { x, w in
      mean(softplus(-matmul(x, w))) + 0.01 * sum(w * w)
    }
    add("three layers") { x, _ in
      matmul(relu(matmul(tanh(matmul(x[0], x[1])), x[2])), x[3])
    }
    two("shared weights") { x, w in tanh(matmul(tanh(matmul(x, w)), w.transposed())) }
    three("weight normalisation") { x, v, gain in
      matmul(x, gain * v / sqrt(sum(v * v, axes: [0])))
    }
    two("gradient penalty") { x, w in
      let y = sum(tanh(matmul(x, w))) + sum(x * x * x)
      let slope = gradients(of: y, with: [x])[0]
      let excess = sqrt(sum(slope * slope, axes: [1])) - 1
      return mean(excess * excess)
    }
    two("product of a Hessian and a vector") { x, v in
      let other = Self.rolled(x)
      let slope = gradients(of: sum(sin(x) * (other * other)), with: [x])[0]
      return gradients(of: sum(slope * v), with: [x])[0]
    }
    add("classifier from a table") { x, at in
      let words = mean(gatherRows(x[0], at: at[0]), axes: [1])
      return mean(softmaxCrossEntropy(logits: matmul(words, x[1]), labels: at[1]))
    }
    add("two layers and cross-entropy") { x, at in
      let hidden = tanh(matmul(x[0], x[1]) + x[2])
      return mean(softmaxCrossEntropy(logits: matmul(hidden, x[3]), labels: at[0]))
    }
  }

  /// (x − mean) / √(variance + 1e-5).
  private static func normalised(_ x: Tensor, axes: [Int]) -> Tensor {
    let spread = variance(x, axes: axes, keepingAxes: true)
    return (x - mean(x, axes: axes, keepingAxes: true)) / sqrt(spread + 1e-5)
  }

  /// softmax(q kᵀ / √width) v; causal: no row sees a later one.
  private static func attention(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, isCausal: Bool = false
  ) -> Tensor {
    let scale = 1 / Double(q.shape[-1]).squareRoot()
    var scores = matmul(q, k.transposed()) * scale
    if isCausal {
      let (rows, columns) = (q.shape[-2], k.shape[-2])
      let sees = (0..<(rows * columns)).map { $0 % columns <= $0 / columns ? 1.0 : 0 }
      let mask = q.builder.constant(array: NDArray(sees, shape: [rows, columns]))
      scores = select(mask .> 0, scores, -.infinity)
    }
    return matmul(softmax(scores), v)
  }

  /// The last axis of a matrix in equal parts.
  private static func parts(_ x: Tensor, of width: Int) -> [Tensor] {
    (0..<(x.shape[1] / width)).map {
      x.sliced(axis: 1, from: $0 * width, to: ($0 + 1) * width)
    }
  }
}
