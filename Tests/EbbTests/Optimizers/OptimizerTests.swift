import Ebb
import EbbGraph
import EbbSystem
import Foundation
import TestSupport
import Testing

@Suite struct OptimizerTests {
  static func graph(
    _ optimizer: any Optimizer, count: Int, role: ParameterRole = .weight
  ) throws -> Graph {
    let builder = GraphBuilder()
    let (shape, names) = (Shape([count]), optimizer.scalars(step: 1, learningRate: 1).map(\.name))
    let (parameter, slots) = optimizer.update(
      builder.input("w", shape: shape), gradient: builder.input("g", shape: shape),
      slots: optimizer.slots.map { builder.input("slot \($0)", shape: shape) },
      scalars: Dictionary(
        uniqueKeysWithValues: names.map { ($0, builder.input($0, shape: .scalar)) }), role: role)
    #expect(slots.count == optimizer.slots.count)
    return try builder.finish(
      outputs: zip(["w"] + optimizer.slots.map { "slot \($0)" }, [parameter] + slots).map {
        Graph.Output(name: $0, id: $1.id)
      })
  }

  /// The parameters after each step.
  static func trajectory(
    _ optimizer: any Optimizer, _ graph: Graph, from initial: [Double], _ gradients: [[Double]]
  ) throws -> [[Double]] {
    var state: [String: NDArray<Double>] = ["w": NDArray(initial, shape: [initial.count])]
    for slot in optimizer.slots {
      state["slot \(slot)"] = NDArray(repeating: 0, shape: [initial.count])
    }
    var result: [[Double]] = []
    for (index, gradient) in gradients.enumerated() {
      var inputs = state
      inputs["g"] = NDArray(gradient)
      let scalars = optimizer.scalars(
        step: UInt64(index + 1), learningRate: optimizer.learningRate)
      for scalar in scalars { inputs[scalar.name] = NDArray(scalar: scalar.value) }
      state = try evaluate(graph, inputs)
      result.append(try #require(state["w"]).elements)
    }
    return result
  }

  static let all: [any Optimizer] = [
    .sgd(), .momentum(), .nesterov(), .adam(), .adamW(), .rmsProp(), .rmsProp(momentum: 0.5),
    .adagrad(), .sgd(weightDecay: .decoupled(0.1)),
    .nesterov(weightDecay: .l2(0.01, includesBiases: true)),
  ]

  /// The order of operations that kernels are matched to.
  @Test func graphsAreAsWritten() throws {
    let sgd = try Self.graph(.sgd(), count: 3)
    #expect(
      sgd.nodes.map(\.op.name) == [
        "input", "input", "input", "reshape", "expand", "multiply", "subtract",
      ])
    let binaries = try Self.graph(.adam(), count: 3).nodes.map(\.op.name).filter {
      !["input", "constant", "reshape", "expand"].contains($0)
    }
    #expect(
      binaries == [
        "multiply", "multiply", "add", "multiply", "multiply", "multiply", "add", "sqrt",
        "multiply",
        "add", "multiply", "divide", "subtract",
      ])
  }

  @Test func decayLeavesBiasesAloneUnlessAsked() throws {
    func moved(_ decay: WeightDecay, _ role: ParameterRole) throws -> Double {
      let optimizer = SGD(learningRate: 0.5, weightDecay: decay)
      let graph = try Self.graph(optimizer, count: 1, role: role)
      return try Self.trajectory(optimizer, graph, from: [8], [[0]])[0][0]
    }
    for decay in [WeightDecay.l2(0.25), .decoupled(0.25)] {
      #expect(try moved(decay, .weight) == 7)
      #expect(try moved(decay, .bias) == 8)
    }
    #expect(try moved(.l2(0.25, includesBiases: true), .bias) == 7)
    #expect(try moved(.decoupled(0.25, includesBiases: true), .bias) == 7)
  }

  /// 1 − βᵗ for the first step, a million, and beyond 32 bits.
  @Test func corrections() {
    func scalars(_ step: UInt64, _ beta2: Double) -> [Double] {
      Adam(learningRate: 1, beta1: 0.5, beta2: beta2).scalars(step: step, learningRate: 1).map(
        \.value)
    }
    #expect(abs(scalars(1, 0.999)[0] - 2) < 1e-15)
    for (step, beta2) in [
      (1, 0.999), (2, 0.999), (1_000_000, 0.999), (1_000_000, 1 - 1e-9),
      ((1 << 31) + 1, 0.999), ((1 << 31) + 1, 1 - 1e-9), (1 << 40, 1 - 0x1p-53), (7, 0),
    ] as [(UInt64, Double)] {
      let exact = 1 / (-expm1(Double(step) * log1p(beta2 - 1))).squareRoot()
      #expect(abs(scalars(step, beta2)[1] / exact - 1) < 3e-15, "\(step), \(beta2)")
    }
  }

  @Test func readsBackWhatItWrote() throws {
    for optimizer in Self.all {
      let text = JSONWriter.text(optimizer.json)
      let read = try readOptimizer(json: JSONField(JSONReader.read(text)))
      #expect(read.settings == optimizer.settings && JSONWriter.text(read.json) == text)
      try optimizer.validate()
    }
    for wrong in [
      #"{"kind":"adamm","settings":{}}"#, #"{"kind":"adam","settings":{}}"#,
      #"{"kind":"adam","settings":{"learningRate":-1}}"#,
      #"{"kind":"adam","settings":{"learningRate":1,"beta":1}}"#,
      #"{"kind":"adam","settings":{"learningRate":"1"}}"#,
      #"{"kind":"momentum","settings":{"learningRate":1,"momentum":0.9,"form":"x"}}"#,
      #"{"kind":"sgd","settings":{"learningRate":1,"weightDecay":"l2:-1"}}"#, "[]",
    ] {
      #expect(throws: JSONError.self, "\(wrong)") {
        try readOptimizer(json: JSONField(JSONReader.read(wrong)))
      }
    }
  }

  @Test func badNumbersAreRefused() {
    let wrong: [any Optimizer] = [
      .sgd(learningRate: -1), .sgd(learningRate: .nan), .sgd(weightDecay: .l2(-1)),
      .momentum(momentum: 1), .nesterov(momentum: -0.1), .adam(beta1: 1), .adam(beta2: -1),
      .adam(epsilon: 0), .adam(epsilon: 1e-60), .adamW(decay: .infinity), .rmsProp(alpha: 1),
      .rmsProp(momentum: 1), .rmsProp(epsilon: -1), .adagrad(epsilon: 0),
    ]
    for optimizer in wrong {
      #expect(throws: SettingsError.self, "\(optimizer.summary)") { try optimizer.validate() }
    }
  }

  @Test func flags() throws {
    let nesterov = try OptimizerChoice(spelling: "nesterov").optimizer(learningRate: 0.3)
    #expect(nesterov as? Momentum == .nesterov(learningRate: 0.3))
    let adamW = try OptimizerChoice.adamw.optimizer(weightDecay: 0.1)
    #expect(adamW as? Adam == .adamW(decay: 0.1))
    #expect(
      try OptimizerChoice.adam.optimizer(weightDecay: 0.1) as? Adam == .adam(weightDecay: .l2(0.1)))
    #expect { try OptimizerChoice(spelling: "adan") } throws: { "\($0)".contains("rmsprop") }
    #expect(throws: SettingsError.self) { try OptimizerChoice.sgd.optimizer(learningRate: -1) }
    #expect(SGD().summary == "sgd: learningRate 0.1, weightDecay none")
  }
}
