import Ebb
import EbbGraph
import Testing

/// Adds a running mean that it keeps by itself.
private struct RunningMean: Layer {
  static let kind = "running-mean"
  var onlyInTraining = false
  var name: String? { "smooth" }
  var declaresParameters: Bool { onlyInTraining }
  var settings: Settings { [:] }

  init(onlyInTraining: Bool = false) { self.onlyInTraining = onlyInTraining }
  init(settings: Settings) {}

  func callAsFunction(_ x: Tensor, in context: LayerContext) -> Tensor {
    if onlyInTraining {
      guard context.mode == .training else { return x }
      let scale = context.parameter("scale", shape: [1], initializer: .zeros, role: .weight)
      return x + sum(scale)
    }
    let mean = context.builder.parameter("mean", shape: [])
    context.builder.update(mean, to: 0.9 * mean + 0.1 * sum(x))
    return x + mean
  }
}

@Suite("A layer's own state")
struct LayerStateTests {
  @Test("is refused with the layer's name, because it would not be saved")
  func refused() throws {
    for layer in [RunningMean(), RunningMean(onlyInTraining: true)] {
      let network = Network([layer, Dense(1)])
      let error = #expect(throws: TraceError.self) {
        try Trainer(network, loss: .squaredError, optimizer: .sgd(), inputs: 2)
      }
      #expect(error?.scope == "smooth")
      #expect(error?.message.contains("would not be saved") == true)
    }
  }
}
