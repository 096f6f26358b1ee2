import Ebb
import Foundation
import TestSupport
import Testing

/// The notes' network of ones, as an ordinary network with ordinary data.
@Suite struct NotesOnesTests {
  static let network = Network { Dense(3, hasBias: false, weights: .constant(1)) }

  static func data(_ x: [Float]) throws -> Dataset {
    try Dataset(features: [x], values: [[0, 0, 0]])
  }

  /// δ, ∂L/∂x and ∂L/∂W [outputs, inputs] of a model at x.
  static func gradients(_ model: Model, at x: [Double]) throws -> [[Double]] {
    let traced = try TracedSubject(model.network, inputs: 2, rows: 1, loss: .absoluteError)
    let slopes = Ebb.gradients(
      of: sum(traced.rowLosses), with: [traced.a[0], traced.h[0], traced.weights[0]])
    let graph = try traced.graph(zip(["delta", "x", "weight"], slopes).map { ($0, $1) })
    var inputs = model.numbers
    inputs["features"] = NDArray(x, shape: [1, 2])
    inputs["targets"] = NDArray(repeating: 0, shape: [1, 3])
    let found = try evaluate(graph, inputs)
    return try ["delta", "x"].map { try #require(found[$0]).elements }
      + [try #require(found["weight"]).transposed().elements]
  }

  @Test("M2 W = ones: δ = [1, 1, 1], ∂L/∂x = Wᵀδ = [3, 3]; an input raised by 1 costs 3")
  func ones() throws {
    let trainer = try Trainer(
      Self.network, loss: .absoluteError, optimizer: .sgd(learningRate: 0.25), inputs: 2)
    let model = try trainer.model
    #expect(model["output.weight"] == NDArray(repeating: 1, shape: [3, 2]))
    let data = try Self.data([0.5, 0.5])
    #expect(try model.predictor().predict(data).values == [1, 1, 1])
    #expect(try model.predictor().evaluate(data).loss == 3)
    #expect(
      try Self.gradients(model, at: [0.5, 0.5]) == [
        [1, 1, 1], [3, 3], .init(repeating: 0.5, count: 6),
      ])
    for raised: [Float] in [[1.5, 0.5], [0.5, 1.5]] {
      #expect(try trainer.evaluate(Self.data(raised)).loss == 3 + 3)
    }
    // The trainer's own step: w − η δ_i x_j.
    #expect(try trainer.step(try Batch(data, rows: [0])) == 3)
    #expect(
      try trainer.model["output.weight"] == NDArray(repeating: 1 - 0.25 * 0.5, shape: [3, 2]))
  }

  @Test("M2 with W[0,0] = 2 the gradient by the inputs is [4, 3]")
  func two() throws {
    let ones = try Trainer(Self.network, loss: .absoluteError, optimizer: .sgd(), inputs: 2).model
    let changed = try ones.replacing("output.weight", [[2, 1], [1, 1], [1, 1]])
    // Through a model file, as the command would meet it.
    let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).ebb")
      .path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try changed.write(to: path)
    let model = try Model(contentsOf: path)
    #expect(model["output.weight"] == [[2, 1], [1, 1], [1, 1]])
    let predictor = try model.predictor()
    #expect(try predictor.predict(Self.data([0.5, 0.5])).values == [1.5, 1, 1])
    #expect(try Self.gradients(model, at: [0.5, 0.5])[0..<2] == [[1, 1, 1], [4, 3]])
    let before = try predictor.evaluate(Self.data([0.5, 0.5])).loss
    #expect(try predictor.evaluate(Self.data([1.5, 0.5])).loss - before == 4)
    #expect(try predictor.evaluate(Self.data([0.5, 1.5])).loss - before == 3)
  }
}
