import Ebb
import Foundation
import Testing

/// The network as textbooks write it: W has a row per neuron, one example at a time, every sum a loop.
struct LayerwiseLoop {
  /// W_1 … W_D as `weights[k − 1][i][j]`.
  var weights: [[[Double]]]
  var biases: [[Double]]
  let activations: [Activation]

  /// A network of dense layers, by its files' numbers.
  init(_ model: Model) throws {
    let layers = try model.network.layers.map { try #require($0 as? Dense) }
    activations = layers.map(\.activation)
    weights = try model.network.names.map { name in
      let w = try #require(model["\(name).weight"])
      return (0..<w.shape[0]).map { i in (0..<w.shape[1]).map { Double(w[i, $0]) } }
    }
    biases = try zip(model.network.names, layers).map { name, layer in
      layer.hasBias
        ? try #require(model["\(name).bias"]).elements.map { Double($0) }
        : [Double](repeating: 0, count: layer.units)
    }
  }

  struct Forward {
    /// h_0 … h_D; h_D are the outputs.
    var h: [[Double]]
    /// a_1 … a_D.
    var a: [[Double]] = []
  }

  struct Gradients {
    /// ∇W_k and ∇b_k.
    var weights: [[[Double]]]
    var biases: [[Double]]
    /// ∇h_0 … ∇h_{D−1}.
    var h: [[Double]]
    /// ∇a_1 … ∇a_D: δ_k.
    var a: [[Double]]
  }

  func forward(_ x: [Double]) -> Forward {
    var result = Forward(h: [x])
    for k in weights.indices {
      var sums = biases[k]
      for i in sums.indices {
        for j in result.h[k].indices { sums[i] += weights[k][i][j] * result.h[k][j] }
      }
      result.a.append(sums)
      result.h.append(sums.map { ActivationTests.expected(activations[k], $0).value })
    }
    return result
  }

  /// e^{a_l}/Σ e^{a_i}.
  static func softmax(_ a: [Double]) -> [Double] {
    let largest = a.max() ?? 0
    let total = a.map { exp($0 - largest) }.reduce(0, +)
    return a.map { exp($0 - largest) / total }
  }

  /// −log softmax(outputs)[label].
  static func crossEntropy(_ outputs: [Double], _ label: Int) -> Double {
    let largest = outputs.max() ?? 0
    return log(outputs.map { exp($0 - largest) }.reduce(0, +)) + largest - outputs[label]
  }

  func loss(_ x: [Double], label: Int) -> Double {
    let forward = forward(x)
    return Self.crossEntropy(forward.h[weights.count], label)
  }

  /// The gradients of softmax cross-entropy: ∇a_D = −(y − ŷ), then layer by layer.
  func gradients(_ x: [Double], label: Int) -> Gradients {
    let forward = forward(x)
    var delta = Self.softmax(forward.h[weights.count])
    for i in delta.indices { delta[i] = -((i == label ? 1 : 0) - delta[i]) }
    return gradients(forward, byOutputs: delta)
  }

  /// The loop from any gradient by the outputs h_D.
  func gradients(_ forward: Forward, byOutputs: [Double]) -> Gradients {
    var result = Gradients(
      weights: weights, biases: biases, h: Array(forward.h.dropLast()), a: forward.a)
    var back = byOutputs
    for k in weights.indices.reversed() {
      // ∇a_k = ∇h_k ⊙ g′(a_k)
      let delta = back.indices.map {
        back[$0] * ActivationTests.expected(activations[k], forward.a[k][$0]).slope
      }
      result.a[k] = delta
      // ∇W_k = δ_k h_{k−1}ᵀ, ∇b_k = δ_k
      for i in delta.indices {
        for j in forward.h[k].indices { result.weights[k][i][j] = delta[i] * forward.h[k][j] }
        result.biases[k][i] = delta[i]
      }
      // ∇h_{k−1}: each neuron adds weight × gradient over the next layer's neurons.
      back = [Double](repeating: 0, count: forward.h[k].count)
      for j in back.indices {
        for m in delta.indices { back[j] += weights[k][m][j] * delta[m] }
      }
      result.h[k] = back
    }
    return result
  }
}

/// A weight matrix [outputs][inputs] in memory order, [inputs, outputs].
func memoryOrder(_ w: [[Double]]) -> [Double] {
  (w.first ?? []).indices.flatMap { j in w.map { $0[j] } }
}

/// The average of several examples' numbers.
func average(_ parts: [[Double]]) -> [Double] {
  (parts.first ?? []).indices.map { place in
    parts.map { $0[place] }.reduce(0, +) / Double(parts.count)
  }
}
