import Ebb
import EbbGraph
import EbbSystem
import Foundation
import TestSupport
import Testing

/// A layer as users write them.
private struct Scale: Layer {
  static let kind = "scale"
  init() {}
  init(settings: Settings) throws { _ = try settings.reader(for: Self.kind, known: []) }
  var settings: Settings { [:] }
  func callAsFunction(_ x: Tensor, in context: LayerContext) -> Tensor {
    x * context.parameter("weight", shape: [x.shape[-1]], initializer: .constant(1), role: .weight)
  }
}

/// A layer that says it has no parameters.
private struct Liar: Layer {
  static let kind = "liar"
  init() {}
  init(settings: Settings) throws {}
  var settings: Settings { [:] }
  var declaresParameters: Bool { false }
  func callAsFunction(_ x: Tensor, in context: LayerContext) -> Tensor {
    x * context.parameter("weight", shape: [x.shape[-1]], initializer: .zeros, role: .weight)
  }
}

@Suite struct NetworkTests {
  let network = Network {
    Dense(64, activation: .relu)
    Dropout(0.2)
    Dense(32, activation: .tanh, hasBias: false, weights: .normal(mean: 0, standardDeviation: 0.1))
    ActivationLayer(.silu)
    Dense(10)
  }

  private func fault(_ network: Network, inputs: Int = 3) throws -> String {
    do {
      _ = try network.summary(inputs: inputs)
    } catch {
      return "\(error)"
    }
    Issue.record("no fault")
    return ""
  }

  @Test func namesAndParameters() throws {
    #expect(network.names == ["hidden1", "dropout1", "hidden2", "activation1", "output"])
    let parameters = try network.parameters(inputs: 5)
    #expect(
      parameters.map(\.name) == [
        "hidden1.weight", "hidden1.bias", "hidden2.weight", "output.weight", "output.bias",
      ])
    #expect(parameters.map(\.shape) == [[5, 64], [64], [64, 32], [32, 10], [10]])
    #expect(parameters.map(\.role) == [.weight, .bias, .weight, .weight, .bias])
    #expect(parameters[0].initializer == .heUniform && parameters[3].initializer == .glorotUniform)
    #expect(parameters[1].initializer == .zeros)
    #expect(parameters[1].fanIn == 5 && parameters[1].fanOut == 64)
    let table = try network.table(inputs: 5)
    #expect(table.contains("total") && table.contains("2762"))
  }

  @Test func buildersAndLists() {
    let widths = [8, 4]
    let deep = true
    let built = Network {
      for width in widths { Dense(width, activation: .relu) }
      if deep { Dropout(0.5) } else { Scale() }
      if !deep { Scale() }
      Dense(2, name: "head")
    }
    let listed = Network([
      Dense(8, activation: .relu), Dense(4, activation: .relu), Dropout(0.5),
      Dense(2, name: "head"),
    ])
    #expect(built == listed)
    #expect(built.names == ["hidden1", "hidden2", "dropout1", "head"])
    #expect(built != Network { Dense(8, activation: .relu) })
  }

  @Test func faultsNameTheLayer() throws {
    #expect(try fault(Network([])).contains("Dense"))
    #expect(try fault(Network([Dense(2), Dense(0)])).contains("in output: dense"))
    #expect(try fault(Network([Dense(2, name: "a"), Dense(2, name: "a")])).contains("\"a\""))
    #expect(try fault(Network([Dense(2, name: "a.b")])).contains("a.b"))
    #expect(try fault(Network([Dropout(1.5), Dense(2)])).contains("in dropout1"))
    #expect(try fault(network, inputs: 0).contains("at least 1"))
    #expect(
      try fault(Network([Dense(2, biases: .uniform(low: 1, high: 0))])).contains("in output"))
    #expect(try fault(Network([Liar(), Dense(2)])).contains("in liar1: liar: the layer declares"))
    #expect(try fault(Network([Dense(.max), Dense(2)])).contains("in hidden1: parameter"))
    // In the trace as well, where nothing is thrown on the way.
    #expect(throws: TraceError.self) {
      try trace { builder in
        let context = LayerContext(builder, mode: .training)
        return ["y": Network([Dense(3)])(builder.input("x", shape: [4]), in: context)]
      }
    }
    #expect(throws: TraceError.self) {
      try trace { builder in
        let context = LayerContext(builder, mode: .training)
        return ["y": Network([])(builder.input("x", shape: [4, 2]), in: context)]
      }
    }
  }

  @Test func readsBackWhatItWrote() throws {
    let own = Network {
      Scale(); Dense(3, activation: .leakyReLU, biases: .constant(0.25), name: "out")
    }
    for network in [network, own] {
      let read = try Network(jsonText: network.jsonText, ownLayers: [Scale.self])
      #expect(read == network)
      #expect(read.jsonText == network.jsonText)
      #expect(try read.parameters(inputs: 4) == network.parameters(inputs: 4))
    }
    let hand =
      #"[{"kind":"dense","settings":{"units":4,"activation":"relu"}},{"kind":"dense","settings":{"units":1}}]"#
    #expect(try Network(jsonText: hand) == Network([Dense(4, activation: .relu), Dense(1)]))
  }

  @Test(arguments: [
    (#"[{"kind":"conv"}]"#, "activation, dense, dropout"),
    (#"[{"kind":"dense","settings":{"units":4,"unit":3}}]"#, "unit"),
    (#"[{"kind":"dense","settings":{"units":"4"}}]"#, "expected a whole number, got a text"),
    (#"[{"kind":"dense","settings":{"units":1.5}}]"#, "whole"),
    (#"[{"kind":"dense","settings":{"units":0}}]"#, "at least 1"),
    (#"[{"kind":"dense","settings":{}}]"#, "nothing"),
    (#"[{"kind":"dense","settings":{"units":4,"activation":"x"}}]"#, "leaky-relu"),
    (#"[{"kind":"dropout","settings":{"rate":2}}]"#, "0 to 1"),
    (#"[{"kind":"dense","settings":{"units":[4]}}]"#, "[0].settings.units"),
    (#"[{"kind":"dense","size":4}]"#, "size"), (#"{"a":1}"#, "array"), ("[]", "Dense"), ("[", ""),
    (
      #"[{"kind":"dense","name":"a","settings":{"units":1}},{"kind":"dense","name":"a","settings":{"units":1}}]"#,
      "two layers"
    ),
  ])
  func refuses(_ text: String, _ part: String) {
    #expect { try Network(jsonText: text) } throws: {
      $0 is SettingsError && ("\($0)".contains(part) || part.isEmpty)
    }
  }

  @Test func dropout() throws {
    let rows: Shape = [400, 250]
    func output(_ rate: Double, _ mode: LayerContext.Mode, step: UInt64 = 1) throws -> (
      y: [Double], slope: [Double]
    ) {
      let graph = try trace { builder in
        let x = builder.input("x", shape: rows)
        let y = Dropout(rate)(x, in: LayerContext(builder, mode: mode))
        return ["y": y, "slope": gradients(of: sum(y), with: [x])[0]]
      }
      let found = try evaluate(
        graph, ["x": NDArray(repeating: 3, shape: rows)], seed: 4, step: step)
      return (try #require(found["y"]).elements, try #require(found["slope"]).elements)
    }
    let same = [Double](repeating: 3, count: rows.count)
    #expect(try output(0.5, .evaluation).y == same)
    #expect(try output(0, .training).y == same)
    #expect(try output(1, .training).y.allSatisfy { $0 == 0 })
    #expect(try output(1, .training).slope.allSatisfy { $0 == 0 })
    for rate in [0.1, 0.5, 0.9] {
      let (y, slope) = try output(rate, .training)
      let kept = 1 / (1 - rate)
      #expect(y.allSatisfy { $0 == 0 || abs($0 - 3 * kept) < 1e-12 })
      #expect(zip(y, slope).allSatisfy { $0 == 0 ? $1 == 0 : abs($1 - kept) < 1e-12 })
      let mean = y.reduce(0, +) / Double(y.count)
      let error = 3 * (rate / (1 - rate) / Double(y.count)).squareRoot()
      #expect(abs(mean - 3) < 5 * error, "rate \(rate): mean \(mean)")
      #expect(try output(rate, .training, step: 2).y != y)
    }
    let two = try trace { builder in
      let context = LayerContext(builder, mode: .training)
      let x = builder.input("x", shape: rows)
      return ["a": Dropout(0.5)(x, in: context), "b": Dropout(0.5)(x, in: context)]
    }
    let masks = try evaluate(two, ["x": NDArray(repeating: 1, shape: rows)])
    #expect(masks["a"] != masks["b"])
  }
}
