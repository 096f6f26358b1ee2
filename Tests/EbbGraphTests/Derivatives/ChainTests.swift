import EbbGraph
import Testing

/// One neuron per layer: the chain of factors with its numbers.
@Suite struct Chain {
  @Test("M23 five sigmoids: each factor beside its difference, their product")
  func fiveSigmoids() throws {
    let weights = [0.9, -1.3, 0.7, 1.8, -0.6]
    let biases = [0.1, 0.4, -0.2, 0.3, 0.5]
    let (x, y) = (0.8, 0.25)
    let builder = GraphBuilder()
    var a: [Tensor] = []
    var h = [builder.input("h0", shape: .scalar)]
    var w: [Tensor] = []
    for layer in 0..<5 {
      w.append(builder.parameter("w\(layer)", shape: .scalar))
      a.append(w[layer] * h[layer] + builder.parameter("b\(layer)", shape: .scalar))
      h.append(sigmoid(a[layer]))
    }
    let loss = (h[5] - y) * (h[5] - y)
    let found = backpropagate(from: loss, to: w)
    let wanted = a + h + [loss]
    let slopes = try w.indices.map { try #require(found.gradients[$0]) }
    let graph = try builder.finish(
      outputs: (wanted + slopes).enumerated().map { Graph.Output(name: "\($0)", id: $1.id) })
    var inputs: [String: NDArray<Double>] = ["h0": NDArray(scalar: x)]
    for layer in 0..<5 {
      inputs["w\(layer)"] = NDArray(scalar: weights[layer])
      inputs["b\(layer)"] = NDArray(scalar: biases[layer])
    }
    let values = try numbers(Interpreter(graph).run(inputs)).map(\.scalar)
    let (aValues, hValues) = (Array(values[0..<5]), Array(values[5..<11]))
    let gradients = Array(values[12...])

    /// A factor by the formula and by wiggling.
    func factor(_ exact: Double, _ what: String, _ f: (Double) throws -> Double) throws -> Double {
      let measured = try difference { NDArray(scalar: try f($0)) }.scalar
      #expect((exact - measured).magnitude < 1e-10, "\(what): \(exact), measured \(measured)")
      return exact
    }
    func sigmoidValue(_ x: Double) throws -> Double {
      try evaluate(["x": NDArray(scalar: x)]) { [sigmoid($0[0])] }[0].scalar
    }
    // From the loss down: 2(h_5 − y), then h'(a_k) and w_k of each layer.
    var chain = try factor(2 * (hValues[5] - y), "∂C/∂h5") { step in
      let distance = hValues[5] + step - y
      return distance * distance
    }
    for layer in (0..<5).reversed() {
      let slope = hValues[layer + 1] * (1 - hValues[layer + 1])
      chain *= try factor(slope, "∂h/∂a, layer \(layer + 1)") {
        try sigmoidValue(aValues[layer] + $0)
      }
      let last = try factor(hValues[layer], "∂a/∂w, layer \(layer + 1)") {
        (weights[layer] + $0) * hValues[layer] + biases[layer]
      }
      #expect((chain * last - gradients[layer]).magnitude <= 1e-15, "∂C/∂w, layer \(layer + 1)")
      let name = "w\(layer)"
      let whole = try difference { step in
        var moved = inputs
        moved[name] = NDArray(scalar: weights[layer] + step)
        return try Interpreter(graph).number("11", moved)
      }
      expectEqual(NDArray(scalar: gradients[layer]), whole, within: 1e-10, "∂C/∂\(name) as a whole")
      chain *= try factor(weights[layer], "∂a/∂h, layer \(layer + 1)") {
        weights[layer] * (hValues[layer] + $0) + biases[layer]
      }
    }
  }

  @Test("M23 several outputs: ∂C/∂h_{D,j} = 2(h_j − y_j), and sums over the outputs below")
  func severalOutputs() throws {
    var draw = Draw(seed: 7)
    let (h, w, y) = (draw.array([4]), draw.array([3, 4]), draw.array([3]))
    let results = try evaluate(["h": h, "w": w, "y": y]) { x in
      let output = sigmoid(matmul(x[1], x[0]))
      let distance = output - x[2]
      let loss = sum(distance * distance)
      return [output] + gradients(of: loss, with: [output, x[0], x[1]])
    }
    let output = results[0]
    for j in 0..<3 {
      #expect((results[1][j] - 2 * (output[j] - y[j])).magnitude < 1e-15)
    }
    for k in 0..<4 {
      var total = 0.0
      for j in 0..<3 {
        total += 2 * (output[j] - y[j]) * output[j] * (1 - output[j]) * w[j, k]
      }
      #expect((results[2][k] - total).magnitude < 1e-15)
      for j in 0..<3 {
        let expected = 2 * (output[j] - y[j]) * output[j] * (1 - output[j]) * h[k]
        #expect((results[3][j, k] - expected).magnitude < 1e-15)
      }
    }
  }
}
