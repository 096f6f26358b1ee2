import Ebb
import Foundation
import TestSupport
import Testing

/// One neuron per layer, as an ordinary network: the chain of factors, each beside its difference.
@Suite struct NotesChainOfFactorsTests {
  static func model(depth: Int, outputs: Int) throws -> Model {
    let network = Network(
      (0..<depth).map { k in
        Dense(
          k == depth - 1 ? outputs : 1, activation: .sigmoid,
          weights: .uniform(low: -2.5, high: 2.5), biases: .uniform(low: -0.5, high: 0.5))
      })
    return try Trainer(
      network, loss: .squaredError, optimizer: .sgd(), inputs: 1,
      options: TrainingOptions(seed: UInt64(depth + outputs))
    ).model
  }

  @Test(
    "M23 chains of sigmoids: each factor beside its difference, sums over the outputs",
    arguments: [(5, 1), (6, 1), (9, 1), (5, 3), (7, 4)])
  func chain(_ depth: Int, _ outputs: Int) throws {
    let model = try Self.model(depth: depth, outputs: outputs)
    let loop = try LayerwiseLoop(model)
    let traced = try TracedSubject(model.network, inputs: 1, rows: 1, loss: .squaredError)
    let wanted = traced.weights + traced.biases + traced.h + [traced.outputs]
    let slopes = gradients(of: sum(traced.rowLosses), with: wanted)
    let graph = try traced.graph(
      slopes.enumerated().map { ("\($0)", $1) } + [("C", traced.rowLosses)])
    let x = uniform(NoteSubject.rows, seed: 23)
    let y = uniform(outputs, seed: 24).map { 0.5 + 0.5 * $0 }
    for row in 0..<NoteSubject.rows {
      var inputs = model.numbers
      inputs["features"] = [[NDArray(scalar: x[row])]]
      inputs["targets"] = NDArray(y, shape: [1, outputs])
      let found = try evaluate(graph, inputs)
      func number(_ position: Int) throws -> [Double] {
        try #require(found["\(position)"]).elements
      }
      let forward = loop.forward([x[row]])
      let last = forward.h[depth]
      let cost = zip(last, y).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      #expect(abs(try #require(found["C"]).elements[0] - cost) < 1e-14)

      /// A factor by its formula, beside its difference.
      func factor(_ exact: Double, _ what: String, _ f: (Double) -> Double) -> Double {
        let measured = slope { [f($0)] }[0]
        #expect(abs(exact - measured) < 1e-10, "\(what): \(exact), measured \(measured)")
        return exact
      }
      func sigmoid(_ a: Double) -> Double { 1 / (1 + exp(-a)) }

      // ∂C₀/∂h_{D,j} = 2(h_{D,j} − y_j).
      var back = (0..<outputs).map { j in
        factor(2 * (last[j] - y[j]), "∂C/∂h_D,\(j)") { step in
          (last[j] + step - y[j]) * (last[j] + step - y[j])
        }
      }
      #expect(deviation(try number(3 * depth), back) < 1e-12)
      for k in (0..<depth).reversed() {
        let below = forward.h[k][0]
        var (weights, biases, through): ([Double], [Double], Double) = ([], [], 0)
        for i in back.indices {
          let a = forward.a[k][i]
          let h = forward.h[k + 1][i]
          let delta =
            back[i] * factor(h * (1 - h), "∂h/∂a, layer \(k + 1)") { sigmoid(a + $0) }
          let w = loop.weights[k][i][0]
          let b = loop.biases[k][i]
          weights.append(
            delta * factor(below, "∂a/∂w, layer \(k + 1)") { (w + $0) * below + b })
          biases.append(delta * factor(1, "∂a/∂b, layer \(k + 1)") { w * below + b + $0 })
          through += delta * factor(w, "∂a/∂h, layer \(k + 1)") { w * (below + $0) + b }
        }
        #expect(deviation(try number(k), weights) < 1e-12, "∂C/∂w_\(k + 1)")
        #expect(deviation(try number(depth + k), biases) < 1e-12, "∂C/∂b_\(k + 1)")
        #expect(deviation(try number(2 * depth + k), [through]) < 1e-12, "∂C/∂h_\(k)")
        back = [through]
      }
    }
  }
}
