import Ebb
import EbbGraph
import EbbSystem
import Foundation
import TestSupport
import Testing

/// tanh(x W) Wᵀ: one matrix used in both directions.
private struct TiedAutoencoder: Layer {
  static let kind = "tied-autoencoder"
  let units: Int

  init(_ units: Int) { self.units = units }

  init(settings: Settings) throws {
    self.init(try settings.reader(for: Self.kind, known: ["units"]).integer("units"))
  }

  var settings: Settings { ["units": .number(Double(units))] }

  func callAsFunction(_ x: Tensor, in context: LayerContext) -> Tensor {
    let weight = context.parameter(
      "weight", shape: [x.shape[1], units], initializer: .glorotUniform, role: .weight,
      layout: .transposed)
    return matmul(tanh(matmul(x, weight)), weight.transposed())
  }
}

@Suite struct TiedWeightsNumbersTests {
  private static let network = Network([TiedAutoencoder(3)])

  /// One of `steps` evenly spaced numbers in a range of length 1.
  private static func spread(_ number: Int, over steps: Int, from low: Double) -> Double {
    let share = Double(number % steps) / Double(steps)
    return low + share
  }

  private static func data() throws -> Dataset {
    let rows = (0..<20).map { row in
      (0..<5).map { spread(row * 7 + $0 * 3, over: 11, from: -0.5) }.map { Float($0) }
    }
    return try Dataset(features: rows, values: rows)
  }

  private static func trainer() throws -> Trainer {
    try Trainer(
      network, loss: .squaredError, optimizer: .adam(learningRate: 0.01), inputs: 5,
      options: .init(seed: 2))
  }

  @Test("Numbers: tied weights: one parameter, one optimizer state, counted once")
  func counted() throws {
    let trainer = try Self.trainer()
    #expect(trainer.parameterCount == 15)
    #expect(try trainer.model.parameters.map(\.name) == ["output.weight"])
    let slots = try trainer.checkpoint(progress: .null).slots
    #expect(slots.map(\.name) == ["output.weight.m", "output.weight.v"])
    #expect(slots.map(\.values.shape.count) == [15, 15])
  }

  @Test("Numbers: tied weights: the gradient is the sum of both uses'")
  func gradient() throws {
    let x = NDArray((0..<20).map { Self.spread($0 * 7, over: 11, from: -0.5) }, shape: [4, 5])
    let w = NDArray((0..<15).map { Self.spread($0 * 5, over: 13, from: -0.4) }, shape: [5, 3])
    func loss(_ encoder: Tensor, _ decoder: Tensor) -> Tensor {
      let input = encoder.builder.constant(array: x)
      let outputs = matmul(tanh(matmul(input, encoder)), decoder)
      return sum((outputs - input) * (outputs - input))
    }
    let apart = try valueAndGradients(at: [w, w.transposed()]) { loss($0[0], $0[1]) }
    let tied = try valueAndGradients(at: [w]) { loss($0[0], $0[0].transposed()) }
    let sums = zip(apart.gradients[0].elements, apart.gradients[1].transposed().elements).map {
      $0 + $1
    }
    #expect(difference(tied.gradients[0].elements, sums) < 1e-14)
    #expect(tied.value == apart.value)
  }

  @Test("Numbers: tied weights: still tied after loading")
  func loaded() throws {
    let data = try Self.data()
    let trainer = try Self.trainer()
    let before = try trainer.evaluate(data).loss
    for batch in try data.batches(of: 6, epoch: 1) { try trainer.step(batch) }
    #expect(try trainer.evaluate(data).loss < before)
    let path = FileManager.default.temporaryDirectory.appending(
      path: "tied-\(UUID().uuidString).ebb"
    ).path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try trainer.save(path)
    let model = try Model(contentsOf: path, ownLayers: [TiedAutoencoder.self])
    #expect(model.parameters == (try trainer.model.parameters))
    #expect(try model.predictor().predict(data).values == trainer.predict(data).values)
    // Both goes on from the same numbers: training the loaded model moves its one parameter alike.
    let checkpoint = try trainer.checkpoint(progress: .null)
    let other = try Self.trainer()
    try other.restore(
      Checkpoint(
        model: model, optimizer: checkpoint.optimizer, slots: checkpoint.slots,
        step: checkpoint.step, epoch: checkpoint.epoch, progress: .null))
    #expect(other.parameterCount == 15)
    for batch in try data.batches(of: 6, epoch: 2) {
      try trainer.step(batch)
      try other.step(batch)
    }
    #expect(try other.model.parameters == trainer.model.parameters)
  }

  @Test("Numbers: tied weights: a name that is declared twice is a fault, not a second parameter")
  func declaredTwice() throws {
    struct Twice: Layer {
      static let kind = "twice"
      init() {}
      init(settings: Settings) throws {}
      var settings: Settings { [:] }
      func callAsFunction(_ x: Tensor, in context: LayerContext) -> Tensor {
        func weight() -> Tensor {
          context.parameter("weight", shape: [2], initializer: .constant(1), role: .weight)
        }
        return x * weight() * weight()
      }
    }
    #expect {
      _ = try Network([Twice()]).parameters(inputs: 2)
    } throws: { "\($0)".contains("declared twice") }
  }
}
