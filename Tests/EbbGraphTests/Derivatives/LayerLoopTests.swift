import EbbGraph
import Foundation
import Testing

/// Backpropagation as the loop over layers that textbooks give, on column vectors, one example at a
/// time: W has a row per neuron, and every sum is written out.
struct LayerLoop {
  var weights: [[[Double]]]
  var biases: [[Double]]
  let activation: (Double) -> Double
  let slope: (Double) -> Double

  struct Gradients {
    var weights: [[[Double]]]
    var biases: [[Double]]
    /// ∇h_0, …, ∇h_{D−1} and ∇a_1, …, ∇a_D.
    var activations: [[Double]]
    var preactivations: [[Double]]
    var loss: Double
  }

  /// The gradients of −log softmax(a_D)[label] for one example.
  func gradients(_ x: [Double], label: Int) -> Gradients {
    let depth = weights.count
    var h = [x]
    var a: [[Double]] = []
    for k in 0..<depth {
      var sums = biases[k]
      for i in sums.indices {
        for j in h[k].indices { sums[i] += weights[k][i][j] * h[k][j] }
      }
      a.append(sums)
      h.append(sums.map(activation))
    }
    let total = a[depth - 1].map { exp($0) }.reduce(0, +)
    let prediction = a[depth - 1].map { exp($0) / total }

    var result = Gradients(
      weights: weights, biases: biases, activations: Array(h.dropLast()), preactivations: a,
      loss: -log(prediction[label]))
    // ∇a_D = −(y − ŷ)
    var delta = prediction
    for i in delta.indices { delta[i] = -((i == label ? 1 : 0) - prediction[i]) }
    for k in (0..<depth).reversed() {
      result.preactivations[k] = delta
      // ∇W_k = δ_k h_{k−1}ᵀ, ∇b_k = δ_k
      for i in delta.indices {
        for j in h[k].indices { result.weights[k][i][j] = delta[i] * h[k][j] }
        result.biases[k][i] = delta[i]
      }
      // ∇h_{k−1} = W_kᵀ δ_k, neuron by neuron
      var back = [Double](repeating: 0, count: h[k].count)
      for j in back.indices {
        for m in delta.indices { back[j] += delta[m] * weights[k][m][j] }
      }
      result.activations[k] = back
      // ∇a_{k−1} = ∇h_{k−1} ⊙ g′(a_{k−1})
      if k > 0 { delta = zip(back, a[k - 1]).map { $0 * slope($1) } }
    }
    return result
  }
}

@Suite struct LayerLoopTests {
  struct Activation: Sendable, CustomTestStringConvertible {
    let name: String
    let traced: @Sendable (Tensor) -> Tensor
    let value: @Sendable (Double) -> Double
    let slope: @Sendable (Double) -> Double
    var testDescription: String { name }
  }

  static let activations: [Activation] = [
    Activation(name: "identity", traced: { $0 }, value: { $0 }, slope: { _ in 1 }),
    Activation(
      name: "sigmoid", traced: { sigmoid($0) }, value: { 1 / (1 + exp(-$0)) },
      slope: { exp(-$0) / ((1 + exp(-$0)) * (1 + exp(-$0))) }),
    Activation(
      name: "tanh", traced: { EbbGraph.tanh($0) }, value: { Foundation.tanh($0) },
      slope: { 1 / (cosh($0) * cosh($0)) }),
    Activation(
      name: "relu", traced: { relu($0) }, value: { Swift.max($0, 0) }, slope: { $0 > 0 ? 1 : 0 }),
    Activation(
      name: "leaky relu", traced: { leakyReLU($0, slope: 0.1) },
      value: { $0 > 0 ? $0 : 0.1 * $0 }, slope: { $0 > 0 ? 1 : 0.1 }),
    Activation(
      name: "softplus", traced: { softplus($0) }, value: { log1p(exp($0)) },
      slope: { 1 / (1 + exp(-$0)) }),
    Activation(
      name: "elu", traced: { elu($0) }, value: { $0 > 0 ? $0 : expm1($0) },
      slope: { $0 > 0 ? 1 : exp($0) }),
    Activation(
      name: "gelu", traced: { gelu($0) }, value: { $0 * 0.5 * erfc(-$0 / 2.0.squareRoot()) },
      slope: {
        0.5 * erfc(-$0 / 2.0.squareRoot()) + $0 * exp(-$0 * $0 / 2) / (2 * Double.pi).squareRoot()
      }),
    Activation(
      name: "silu", traced: { silu($0) }, value: { $0 / (1 + exp(-$0)) },
      slope: {
        let s = 1 / (1 + exp(-$0))
        return s * (1 + $0 * (1 - s))
      }),
  ]

  static let widths = [5, 7, 4, 6, 3]
  static let rows = 7

  @Test(
    "M17 M18 M19 the layer-wise loop equals the sweep: every parameter, neuron and entry",
    arguments: activations)
  func loopEqualsSweep(_ activation: Activation) throws {
    var draw = Draw(seed: 19)
    let depth = Self.widths.count - 1
    // In memory a weight is [inputs, outputs] and a batch has its examples as rows.
    var inputs: [String: NDArray<Double>] = ["x": draw.array([Self.rows, Self.widths[0]])]
    for k in 0..<depth {
      inputs["w\(k)"] = draw.array([Self.widths[k], Self.widths[k + 1]])
      inputs["b\(k)"] = draw.array([Self.widths[k + 1]])
    }
    let labels = (0..<Self.rows).map { _ in draw.integer(in: 0...2) }
    let names = ["loss"] + (0..<depth).flatMap { ["w\($0)", "b\($0)", "h\($0)", "a\($0)"] }

    let builder = GraphBuilder()
    var h = [builder.input("x", shape: [Self.rows, Self.widths[0]])]
    var wanted: [Tensor] = []
    for k in 0..<depth {
      let w = builder.parameter("w\(k)", shape: [Self.widths[k], Self.widths[k + 1]])
      let b = builder.parameter("b\(k)", shape: [Self.widths[k + 1]])
      let a = matmul(h[k], w) + b
      wanted += [w, b, h[k], a]
      h.append(activation.traced(a))
    }
    let targets = builder.constant(indices: NDArray<Int32>(labels.map { Int32($0) }))
    let loss = mean(softmaxCrossEntropy(logits: wanted[4 * depth - 1], labels: targets))
    let slopes = gradients(of: loss, with: wanted)
    let graph = try builder.finish(
      outputs: zip(names, [loss] + slopes).map { Graph.Output(name: $0, id: $1.id) })
    try graph.verify()
    let values = try numbers(Interpreter(graph).run(inputs))
    let sweep = Dictionary(uniqueKeysWithValues: zip(names, values))

    let x = try #require(inputs["x"])
    func given(_ name: String) throws -> NDArray<Double> { try #require(inputs[name]) }
    let loop = LayerLoop(
      weights: try (0..<depth).map { k in
        let w = try given("w\(k)")
        return (0..<Self.widths[k + 1]).map { i in (0..<Self.widths[k]).map { w[$0, i] } }
      },
      biases: try (0..<depth).map { try given("b\($0)").elements },
      activation: activation.value, slope: activation.slope)
    let examples = (0..<Self.rows).map { row in
      loop.gradients((0..<Self.widths[0]).map { x[row, $0] }, label: labels[row])
    }
    let count = Double(Self.rows)
    let meanLoss = examples.map(\.loss).reduce(0, +) / count
    expectEqual(try #require(sweep["loss"]), NDArray(scalar: meanLoss), within: 1e-12, "loss")
    for k in 0..<depth {
      let (inner, outer) = (Self.widths[k], Self.widths[k + 1])
      // The mean over the batch; entry [j, i] in memory is W_{i,j}.
      var weight = NDArray(repeating: 0.0, shape: [inner, outer])
      var bias = NDArray(repeating: 0.0, shape: [outer])
      var back = NDArray(repeating: 0.0, shape: [Self.rows, inner])
      var delta = NDArray(repeating: 0.0, shape: [Self.rows, outer])
      for (row, example) in examples.enumerated() {
        for i in 0..<outer {
          for j in 0..<inner { weight[j, i] += example.weights[k][i][j] / count }
          bias[i] += example.biases[k][i] / count
          delta[row, i] = example.preactivations[k][i] / count
        }
        for j in 0..<inner { back[row, j] = example.activations[k][j] / count }
      }
      expectEqual(try #require(sweep["w\(k)"]), weight, within: 1e-12, "W_\(k + 1)")
      expectEqual(try #require(sweep["b\(k)"]), bias, within: 1e-12, "b_\(k + 1)")
      expectEqual(try #require(sweep["h\(k)"]), back, within: 1e-12, "∇h_\(k)")
      expectEqual(try #require(sweep["a\(k)"]), delta, within: 1e-12, "∇a_\(k + 1)")
    }
  }

  @Test("M18 a 3 × 3 matrix has nine entries δ_i h_j, the bias has δ_i")
  func nineEntries() throws {
    var draw = Draw(seed: 18)
    let (h, w, b) = (draw.array([1, 3]), draw.array([3, 3]), draw.array([3]))
    let v = draw.array([1, 3])
    let results = try evaluate(["h": h, "w": w, "b": b, "v": v]) { x in
      let a = matmul(x[0], x[1]) + x[2]
      return gradients(of: sum(EbbGraph.tanh(a) * x[3]), with: [a, x[1], x[2]])
    }
    for i in 0..<3 {
      #expect(results[2][i] == results[0][0, i])
      for j in 0..<3 { #expect(results[1][j, i] == results[0][0, i] * h[0, j]) }
    }
  }
}
