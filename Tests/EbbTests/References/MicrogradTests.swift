import Ebb
import EbbEngine
import EbbGraph
import Testing

/// The demo that micrograd's author published: a 2-16-16-1 relu network on two moons, 100 steps of
/// gradient descent on all rows, with the losses that its notebook printed.
@Suite struct MicrogradTests {
  static let steps = 100

  /// One step: max-margin loss plus 1e-4 times all parameters squared, and w − rate · gradient.
  static func step(_ network: Network, rows: Int) throws -> Graph {
    let builder = GraphBuilder()
    let context = LayerContext(builder, mode: .training)
    let x = builder.input("x", shape: [rows, 2])
    let y = builder.input("y", shape: [rows, 1])
    let rate = builder.input("rate", shape: [])
    let scores = network(x, in: context)
    let parameters = context.parameters.map {
      builder.parameter($0.name, shape: $0.shape, shared: true)
    }
    let margins = mean(relu(1 - y * scores))
    let squares = parameters.dropFirst().reduce(sum(parameters[0] * parameters[0])) {
      $0 + sum($1 * $1)
    }
    let loss = margins + 1e-4 * squares
    for (parameter, slope) in zip(parameters, gradients(of: loss, with: parameters)) {
      builder.update(parameter, to: parameter - rate * slope)
    }
    return try builder.finish(outputs: [
      .init(name: "loss", id: loss.id), .init(name: "scores", id: scores.id),
    ])
  }

  /// What the file gives: data, first parameters by name, learning rates and losses.
  struct Demo {
    let network: Network
    let features: NDArray<Double>
    let targets: NDArray<Double>
    let parameters: [String: NDArray<Double>]
    let losses: [Double]
    let accuracies: [Double]
    let published: [(step: Int, loss: Double)]

    init() throws {
      let file = try Reference(file: "micrograd")
      features = try file["features"].matrix
      let labels = try file["targets"].numbers
      targets = NDArray(labels, shape: [labels.count, 1])
      let layers = try file["layers"].list
      network = Network(
        try layers.map {
          Dense(
            try $0["bias"].list.count, activation: try $0["relu"].flag ? .relu : .identity)
        })
      var parameters: [String: NDArray<Double>] = [:]
      for (layer, name) in zip(layers, network.names) {
        parameters["\(name).weight"] = try layer["weight"].matrix.transposed()
        parameters["\(name).bias"] = NDArray(try layer["bias"].numbers)
      }
      self.parameters = parameters
      losses = try file["losses"].numbers
      accuracies = try file["accuracies"].numbers
      published = try file["published"].list.map {
        (try $0["step"].integer, try $0["loss"].number)
      }
    }

    func rate(_ step: Int) -> Double { 1 - 0.9 * Double(step) / 100 }

    /// The share of rows on the right side of 0.
    func accuracy(_ scores: [Double]) -> Double {
      let right = zip(scores, targets.elements).count { ($0 > 0) == ($1 > 0) }
      return Double(right) / Double(scores.count)
    }
  }

  @Test("micrograd's demo in the Double interpreter: every loss to 1e-12")
  func interpreter() throws {
    let demo = try Demo()
    let rows = demo.targets.shape[0]
    try #require(rows == 100 && demo.losses.count == Self.steps)
    let interpreter = try Interpreter(Self.step(demo.network, rows: rows))
    var values = demo.parameters
    #expect(values.values.map(\.shape.count).reduce(0, +) == 337)
    (values["x"], values["y"]) = (demo.features, demo.targets)
    var (worst, losses): (Double, [Double]) = (0, [])
    for step in 0..<Self.steps {
      values["rate"] = NDArray(scalar: demo.rate(step))
      let found = try interpreter.numbers(values)
      losses.append(try #require(found["loss"]).scalar)
      let error = abs(losses[step] - demo.losses[step])
      worst = max(worst, error)
      #expect(error < 1e-12, "step \(step): expected \(demo.losses[step]), got \(losses[step])")
      let scores = try #require(found["scores"]).elements
      #expect(demo.accuracy(scores) == demo.accuracies[step], "step \(step)")
      for name in demo.parameters.keys { values[name] = found["update \(name)"] }
    }
    #expect(demo.published.map(\.step) == [0, 1, 99])
    for (step, loss) in demo.published {
      #expect(abs(losses[step] - loss) < 1e-12, "step \(step), as published")
    }
    print("reference micrograd's demo, Double: \(Self.steps) steps, gate 1e-12, worst \(worst)")
  }

  @Test("micrograd's demo in the executor: every loss to 1e-5")
  func executor() throws {
    let demo = try Demo()
    let plan = try Plan(Self.step(demo.network, rows: demo.targets.shape[0]))
    let state = try StateBlock(plan.state)
    for (name, values) in demo.parameters { state[name] = values.elements.map(Float.init) }
    let executor = try Executor(plan, state: state)
    executor.setInput(try #require(plan.input("x")), demo.features.elements.map(Float.init))
    executor.setInput(try #require(plan.input("y")), demo.targets.elements.map(Float.init))
    let (rate, output) = (try #require(plan.input("rate")), try #require(plan.output("loss")))
    var worst = 0.0
    for step in 0..<Self.steps {
      executor.setInput(rate, Float(demo.rate(step)))
      executor.run()
      let loss = Double(executor.output(output, element: 0))
      let error = abs(loss - demo.losses[step])
      worst = max(worst, error)
      #expect(error < 1e-5, "step \(step): expected \(demo.losses[step]), got \(loss)")
    }
    print("reference micrograd's demo, executor: \(Self.steps) steps, gate 1e-5, worst \(worst)")
  }
}
