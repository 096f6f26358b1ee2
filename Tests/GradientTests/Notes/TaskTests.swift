import Ebb
import Foundation
import TestSupport
import Testing

/// The three kinds of tasks, each on a real data set.
@Suite struct NotesTaskTests {
  /// A trained network, and its share of test rows against always saying the same.
  private func trained(
    _ data: PreparedData, outputs: Int, loss: Loss, epochs: Int
  ) throws -> Trainer {
    let network = Network {
      Dense(16, activation: .tanh)
      Dense(outputs)
    }
    let trainer = try Trainer(
      network, loss: loss, optimizer: .adam(learningRate: 0.003), on: data, seed: 21)
    _ = try trainer.fit(data.training, options: FitOptions(epochs: epochs, patience: nil))
    return trainer
  }

  private func labels(_ data: Dataset) throws -> [Int] {
    guard case .classes(let labels, _) = data.targets else {
      throw InputError(message: "expected classes")
    }
    return labels.map { Int($0) }
  }

  /// The share of rows in the most frequent class of the training rows.
  private func majority(_ data: PreparedData) throws -> Double {
    let counts = Dictionary(grouping: try labels(data.training)) { $0 }.mapValues(\.count)
    let most = counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
    let test = try labels(data.test)
    return Double(test.filter { $0 == most }.count) / Double(test.count)
  }

  /// The gradient of the batch's mean loss by the outputs, for the first rows, and the outputs.
  private func slopes(
    _ model: Model, _ data: Dataset
  ) throws -> (gradient: NDArray<Double>, predictions: NDArray<Double>) {
    let rows = NoteSubject.rows
    let traced = try TracedSubject(
      model.network, inputs: model.inputCount, rows: rows, loss: model.loss)
    let graph = try traced.graph([
      ("gradient", gradients(of: mean(traced.rowLosses), with: [traced.outputs])[0]),
      ("predictions", model.loss.predictions(fromOutputs: traced.outputs)),
    ])
    var inputs = model.numbers
    let x = data.features.prefix(rows * model.inputCount).map { Double($0) }
    inputs["features"] = NDArray(x, shape: [rows, model.inputCount])
    var indices: [String: NDArray<Int32>] = [:]
    switch data.targets {
    case .classes(let labels, _):
      indices["targets"] = NDArray(Array(labels.prefix(rows)))
      inputs["targets"] = NDArray(labels.prefix(rows).map { Double($0) }, shape: [rows, 1])
    case .values(let values, let outputs):
      inputs["targets"] = NDArray(
        values.prefix(rows * outputs).map { Double($0) }, shape: [rows, outputs])
    case .none: break
    }
    let found = try evaluate(graph, inputs, indices: indices)
    return (try #require(found["gradient"]), try #require(found["predictions"]))
  }

  @Test("M21 binary: sigmoid and cross-entropy on breast cancer, δ = σ(a) − y")
  func binary() throws {
    let data = try exampleData("breast-cancer", target: "diagnosis")
    let trainer = try trained(data, outputs: 1, loss: .binaryCrossEntropy, epochs: 30)
    let evaluation = try trainer.evaluate(data.test)
    let most = try majority(data)
    #expect(most > 0.5 && most < 0.7)
    #expect(try #require(evaluation.accuracy) > most + 0.2)
    let predictions = try trainer.predict(data.test).values.map { Double($0) }
    let y = try labels(data.test).map { Double($0) }
    let terms = zip(predictions, y).map { -($1 * log($0) + (1 - $1) * log(1 - $0)) }
    #expect(abs(evaluation.loss - average(terms.map { [$0] })[0]) < 1e-5)
    let (gradient, probabilities) = try slopes(try trainer.model, data.test)
    let expected = (0..<NoteSubject.rows).map {
      (probabilities[$0, 0] - y[$0]) / Double(NoteSubject.rows)
    }
    #expect(deviation(gradient.elements, expected) < 1e-12)
  }

  @Test("M21 multi-class: −(1/N) Σ_i Σ_j y_ij log ŷ_ij on the digits")
  func multiClass() throws {
    let data = try NoteSubject.digitsData.get()
    let trainer = try trained(data, outputs: 10, loss: .softmaxCrossEntropy, epochs: 8)
    let evaluation = try trainer.evaluate(data.test)
    #expect(try majority(data) < 0.2)
    #expect(try #require(evaluation.accuracy) > 0.85)
    let predictions = try trainer.predict(data.test)
    let y = try labels(data.test)
    var total = 0.0
    for row in y.indices {
      for j in 0..<10 where y[row] == j { total -= log(Double(predictions.values[row * 10 + j])) }
    }
    #expect(abs(evaluation.loss - total / Double(y.count)) < 1e-5)
    let (gradient, probabilities) = try slopes(try trainer.model, data.test)
    let expected = (0..<NoteSubject.rows).flatMap { row in
      (0..<10).map {
        (probabilities[row, $0] - (y[row] == $0 ? 1 : 0)) / Double(NoteSubject.rows)
      }
    }
    #expect(deviation(gradient.elements, expected) < 1e-12)
  }

  @Test("M21 regression: (1/N) Σ_i Σ_j (y_ij − ŷ_ij)², no ½, on diabetes; slope 2(ŷ − y)/N")
  func regression() throws {
    let data = try exampleData("diabetes", target: "progression")
    let trainer = try trained(data, outputs: 1, loss: .squaredError, epochs: 15)
    let evaluation = try trainer.evaluate(data.test)
    guard case .values(let values, let outputs) = data.test.targets else {
      throw InputError(message: "expected numbers")
    }
    let y = values.map { Double($0) }
    #expect(outputs == 1)
    // Standardised targets have mean 0 in training: always saying the mean is predicting 0.
    let ofMean = average(y.map { [$0 * $0] })[0]
    #expect(evaluation.loss < 0.8 * ofMean, "\(evaluation.loss) against \(ofMean)")
    #expect(try #require(evaluation.metrics.r2) > 0.2)
    let predictions = try trainer.predict(data.test).values.map { Double($0) }
    let formula = zip(y, predictions).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    #expect(abs(evaluation.loss - formula / Double(y.count)) < 1e-6)
    let (gradient, outputsThere) = try slopes(try trainer.model, data.test)
    let expected = (0..<NoteSubject.rows).map {
      2 * (outputsThere[$0, 0] - y[$0]) / Double(NoteSubject.rows)
    }
    #expect(deviation(gradient.elements, expected) < 1e-12)
  }

  @Test("M21 several outputs: squared errors are summed over the outputs, not averaged")
  func severalOutputs() throws {
    let data = try exampleData("diabetes", target: "progression").training
    guard case .values(let y, _) = data.targets else {
      throw InputError(message: "expected numbers")
    }
    // The target, its negative and its square: three numbers for each real row.
    let three = y.flatMap { [$0, -$0, $0 * $0] }
    let wide = try Dataset(
      features: data.features, featureCount: data.featureCount,
      targets: .values(three, outputs: 3))
    let trainer = try Trainer(
      Network {
        Dense(7, activation: .tanh)
        Dense(3)
      }, loss: .squaredError, optimizer: .adam(learningRate: 0.01), inputs: data.featureCount)
    let predictions = try trainer.predict(wide).values
    let total = zip(predictions, three).reduce(0.0) {
      $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1))
    }
    let loss = try trainer.evaluate(wide).loss
    #expect(abs(loss - total / Double(wide.rowCount)) < 1e-5 * loss)
    let (gradient, outputs) = try slopes(try trainer.model, wide)
    let expected = (0..<(3 * NoteSubject.rows)).map {
      2 * (outputs.elements[$0] - Double(three[$0])) / Double(NoteSubject.rows)
    }
    #expect(deviation(gradient.elements, expected) < 1e-12)
  }
}
