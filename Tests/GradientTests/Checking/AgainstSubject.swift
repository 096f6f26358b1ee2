import Ebb
import Foundation
import TestSupport
import Testing

/// A network and rows with gradients from plain loops, which can be spoiled in many ways: none of the
/// code that looks for mistakes is used to make them.
struct AgainstSubject {
  let model: Model
  let dataset: Dataset
  let rows: [[Double]]
  let labels: [Int]
  let loop: LayerwiseLoop
  var names: [String] { model.network.names }
  var count: Int { rows.count }

  /// The trained digits, seven rows.
  static func digits() throws -> AgainstSubject {
    let subject = try NoteSubject.of(.digits)
    return try AgainstSubject(
      subject.model, (0..<NoteSubject.rows).map { subject.features(ofRow: $0) }, subject.labels)
  }

  /// Three square layers with three activations, eleven rows.
  static func square() throws -> AgainstSubject {
    let network = Network {
      Dense(
        6, activation: .sigmoid, weights: .uniform(low: -1, high: 1),
        biases: .uniform(low: -0.5, high: 0.5))
      Dense(
        6, activation: .tanh, weights: .uniform(low: -1, high: 1),
        biases: .uniform(low: -0.5, high: 0.5))
      Dense(6, weights: .uniform(low: -1, high: 1), biases: .uniform(low: -0.5, high: 0.5))
    }
    let trainer = try Trainer(
      network, loss: .softmaxCrossEntropy, optimizer: .sgd(), inputs: 6,
      options: TrainingOptions(seed: 5))
    let x = uniform(11 * 6, seed: 21)
    return try AgainstSubject(
      try trainer.model, (0..<11).map { Array(x[$0 * 6..<($0 + 1) * 6]) },
      (0..<11).map { ($0 * 5 + 2) % 6 })
  }

  init(_ model: Model, _ rows: [[Double]], _ labels: [Int]) throws {
    (self.model, self.rows, self.labels) = (model, rows, labels)
    let classes = try #require(model.network.layers.last as? Dense).units
    dataset = try Dataset(
      features: rows.map { $0.map { Float($0) } }, labels: labels, classCount: classes)
    loop = try LayerwiseLoop(model)
  }

  func batch(_ range: Range<Int>? = nil) throws -> Batch {
    try Batch(dataset, rows: Array(range ?? 0..<count))
  }

  /// What may be done otherwise on the way of one row.
  struct Spoiled {
    /// g′(a) of layer k, from a and h.
    var slope: (_ k: Int, _ right: Double, _ a: Double, _ h: Double) -> Double = { _, right, _, _ in
      right
    }
    /// ŷ − y.
    var delta: (_ right: [Double], _ a: [Double], _ label: Int, _ row: Int) -> [Double] = {
      right, _, _, _ in right
    }
    /// What ∇W_k is multiplied from.
    var input: (_ k: Int, _ h: Double, _ a: Double) -> Double = { _, h, _ in h }
    var weightOfRow: (_ row: Int) -> Double = { _ in 1 }
    var hasBiases = true
  }

  /// The mean gradients: names and arrays [outputs, inputs].
  func gradients(_ spoiled: Spoiled = Spoiled()) -> [String: NDArray<Double>] {
    var loop = loop
    if !spoiled.hasBiases { loop.biases = loop.biases.map { $0.map { _ in 0 } } }
    var weights = loop.weights.map { $0.map { $0.map { _ in 0.0 } } }
    var biases = loop.biases.map { $0.map { _ in 0.0 } }
    for (row, x) in rows.enumerated() {
      let forward = loop.forward(x)
      let depth = weights.count
      var back = LayerwiseLoop.softmax(forward.h[depth])
      back[labels[row]] -= 1
      back = spoiled.delta(back, forward.h[depth], labels[row], row)
      let share = spoiled.weightOfRow(row) / Double(rows.count)
      for k in (0..<depth).reversed() {
        let delta = back.indices.map { i in
          let a = forward.a[k][i]
          let right = ActivationTests.expected(loop.activations[k], a).slope
          return back[i] * spoiled.slope(k, right, a, forward.h[k + 1][i])
        }
        for i in delta.indices {
          biases[k][i] += share * delta[i]
          for j in forward.h[k].indices {
            let h = forward.h[k][j]
            weights[k][i][j] +=
              share * delta[i] * spoiled.input(k, h, k > 0 ? forward.a[k - 1][j] : h)
          }
        }
        back = forward.h[k].indices.map { j in
          delta.indices.reduce(0) { $0 + loop.weights[k][$1][j] * delta[$1] }
        }
      }
    }
    var result: [String: NDArray<Double>] = [:]
    for (k, name) in names.enumerated() {
      result["\(name).weight"] = NDArray(
        weights[k].flatMap { $0 }, shape: [weights[k].count, weights[k][0].count])
      result["\(name).bias"] = NDArray(biases[k])
    }
    return result
  }

  /// Gradients in the model's order as a file would hold them.
  func foreign(
    _ gradients: [String: NDArray<Double>], named rename: (String) -> String = { $0 },
    precision: ForeignGradients.Precision = .double
  ) -> ForeignGradients {
    ForeignGradients(
      model.parameters.compactMap { parameter in
        gradients[parameter.name].map { .init(rename(parameter.name), $0) }
      }, precision: precision)
  }

  func compare(_ gradients: [String: NDArray<Double>]) throws -> ForeignComparison {
    try model.compare(foreign(gradients), on: batch())
  }
}

extension [String: NDArray<Double>] {
  /// Every number of some tensors changed.
  func changing(
    _ isChanged: (String) -> Bool = { _ in true }, _ change: (String, Double) -> Double
  ) -> Self {
    var result = self
    for (name, values) in self where isChanged(name) {
      result[name] = values.map { change(name, $0) }
    }
    return result
  }

  /// A matrix's numbers column by column in the old shape.
  func turning(_ isTurned: (String) -> Bool) -> Self {
    var result = self
    for (name, values) in self where isTurned(name) && values.shape.rank == 2 {
      result[name] = values.transposed().reshaped(to: values.shape)
    }
    return result
  }
}
