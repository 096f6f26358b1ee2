import Ebb
import Testing

@Suite("Activations of the output layer")
struct OutputRangeTests {
  private static func words(
    _ activation: Activation, _ loss: Loss, outputs: Int = 1, asLayer: Bool = false
  ) throws -> String? {
    let isClassified = loss.outputFunction != .identity
    let table = try Table(columns: [
      Column(name: "x", numbers: (0..<40).map { Double($0 % 9) }),
      isClassified
        ? Column(
          name: "y", texts: (0..<40).map { Optional(["a", "b", "c"][$0 % max(2, outputs)]) })
        : Column(name: "y", numbers: (0..<40).map { Double($0 % 7) }),
    ])
    let data = try table.prepared(target: "y", split: Split(seed: 1))
    let network =
      asLayer
      ? Network([Dense(4), Dense(outputs), ActivationLayer(activation)])
      : Network([Dense(4), Dense(outputs, activation: activation)])
    return OutputRange(network)?.contradiction(loss, data.training.targets, schema: data.schema)
  }

  @Test("none is silent, and so is what bounds nothing")
  func silent() throws {
    for loss in [Loss.squaredError, .binaryCrossEntropy, .softmaxCrossEntropy] {
      let outputs = loss == .softmaxCrossEntropy ? 3 : 1
      for activation in [Activation.identity, .leakyReLU] {
        #expect(try Self.words(activation, loss, outputs: outputs) == nil)
      }
    }
  }

  @Test("two classes: the probabilities that are left", arguments: [false, true])
  func binary(asLayer: Bool) throws {
    let sigmoid = try #require(
      try Self.words(.sigmoid, .binaryCrossEntropy, asLayer: asLayer))
    #expect(sigmoid.contains("sigmoid is applied twice") && sigmoid.contains("0.500 and 0.731"))
    let tanh = try #require(try Self.words(.tanh, .binaryCrossEntropy, asLayer: asLayer))
    #expect(!tanh.contains("twice") && tanh.contains("0.269 and 0.731"))
    let relu = try #require(try Self.words(.relu, .binaryCrossEntropy, asLayer: asLayer))
    #expect(relu.contains("0.500 and 1;"))
  }

  @Test("several classes: e / (e + 2) at most behind a sigmoid; a relu loses the low ones")
  func softmax() throws {
    let sigmoid = try #require(try Self.words(.sigmoid, .softmaxCrossEntropy, outputs: 3))
    #expect(sigmoid.contains("between 0.155 and 0.576"), "\(sigmoid)")
    let relu = try #require(try Self.words(.relu, .softmaxCrossEntropy, outputs: 3))
    #expect(relu.contains("no output can be below 0"))
  }

  @Test("numbers: what cannot be reached, in the target's unit, and how many rows have it")
  func numbers() throws {
    let relu = try #require(try Self.words(.relu, .squaredError))
    #expect(relu.contains("numbers below ") && relu.contains("training rows have such a target"))
    let tanh = try #require(try Self.words(.tanh, .squaredError))
    #expect(tanh.contains("numbers outside "))
  }
}
