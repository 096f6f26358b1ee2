import Ebb
import EbbEngine
import Foundation
import TestSupport
import Testing

@Suite struct NotesForwardPassTests {
  @Test(
    "M6 a_k = W_k h_{k−1} + b_k, h_k = g(a_k), ŷ = O(a_D): every layer, row and neuron",
    arguments: NoteSubject.Kind.allCases)
  func everyLayer(_ kind: NoteSubject.Kind) throws {
    let subject = try NoteSubject.of(kind)
    let traced = try TracedSubject(subject)
    let predictions = subject.model.loss.predictions(fromOutputs: traced.outputs)
    let values = traced.a + traced.h.dropFirst() + [traced.outputs, predictions]
    let graph = try traced.graph(values.enumerated().map { ("\($0)", $1) })
    let found = try evaluate(graph, try subject.inputs())
    let loop = try LayerwiseLoop(subject.model)
    let rows = (0..<NoteSubject.rows).map { loop.forward(subject.features(ofRow: $0)) }
    let expected =
      (0..<subject.depth).map { k in rows.flatMap { $0.a[k] } }
      + (1...subject.depth).map { k in rows.flatMap { $0.h[k] } }
      + [rows.flatMap { LayerwiseLoop.softmax($0.h[subject.depth]) }]
    #expect(expected.count == values.count)
    for (position, numbers) in expected.enumerated() {
      let error = deviation(try #require(found["\(position)"]).elements, numbers)
      #expect(error < 1e-12, "value \(position) of \(expected.count): off by \(error)")
    }
  }

  /// 16 sums of up to 64 terms, each rounded to 2^-24, could differ by 64 · 2^-24 of their largest
  /// term per layer, if no roundings cancelled; they do, so 1e-5 of the largest prediction is ample.
  @Test(
    "M6 the executor's predictions are the loops', and the interpreter's bit for bit",
    arguments: NoteSubject.Kind.allCases)
  func executor(_ kind: NoteSubject.Kind) throws {
    let subject = try NoteSubject.of(kind)
    try check(subject.model, try subject.dataset()) { LayerwiseLoop.softmax($0) }
  }

  @Test("M6 any depth, width and number of outputs", arguments: [1, 2, 3, 5, 8, 16])
  func anyDepth(_ depth: Int) throws {
    let inputs = 1 + depth * 5 % 7
    let network = Network(
      (0..<depth).map { k in
        let last = k == depth - 1
        return Dense(
          1 + (k * 11 + depth * 7) % 23,
          activation: last ? .identity : Activation.allCases[(k + depth) % 9],
          biases: .uniform(low: -0.5, high: 0.5))
      })
    let model = try Trainer(
      network, loss: .squaredError, optimizer: .sgd(), inputs: inputs,
      options: TrainingOptions(seed: UInt64(depth))
    ).model
    let x = uniform(NoteSubject.rows * inputs, seed: UInt64(depth)).map { Float($0) }
    try check(model, try Dataset(features: x, featureCount: inputs, targets: .none)) { $0 }
  }

  private func check(
    _ model: Model, _ data: Dataset, _ output: ([Double]) -> [Double]
  ) throws {
    let loop = try LayerwiseLoop(model)
    let expected = (0..<data.rowCount).flatMap { row in
      output(loop.forward(data.features(ofRow: row).map { Double($0) }).h[loop.weights.count])
    }
    let predictions = try model.predictor().predict(data)
    #expect(deviation(predictions.values.map { Double($0) }, expected) < 1e-5)

    let traced = try TracedSubject(
      model.network, inputs: model.inputCount, rows: data.rowCount, loss: model.loss)
    let graph = try traced.graph([
      ("predictions", model.loss.predictions(fromOutputs: traced.outputs))
    ])
    var inputs = model.numbers.mapValues { $0.map { Float($0) } }
    inputs["features"] = NDArray(data.features, shape: [data.rowCount, model.inputCount])
    let single = try Interpreter(inSinglePrecision: graph).number("predictions", inputs)
    #expect(single.elements.map(\.bitPattern) == predictions.values.map(\.bitPattern))
  }
}
