import Ebb
import Foundation
import TestSupport
import Testing

/// What explanations are tested on: a trained model of digits, and random networks of unequal widths
/// with every activation; seven rows each.
enum Subjects {
  enum Kind: String, CaseIterable, Sendable { case digits, random }

  /// Rows of each batch: a number that no block of the kernels divides.
  static let rows = 7

  /// A model with seven rows.
  struct Case: Sendable {
    let model: Model
    let batch: Batch

    /// One row, with the others as its batch.
    func subject(
      row: Int = 0, _ precision: ExplanationSubject.Precision = .double,
      moment: ExplanationSubject.Moment? = nil
    ) throws -> ExplanationSubject {
      let number = Int(batch.rows[batch.rows.startIndex + row])
      return try ExplanationSubject(
        model: model, row: Batch(batch.dataset, rows: [number]), name: "row \(number + 1)",
        batch: batch, batchName: "\(batch.count) rows", moment: moment, precision: precision)
    }
  }

  static func of(_ kind: Kind) throws -> Case {
    switch kind {
    case .digits: try digits.get()
    case .random: try random.get()
    }
  }

  /// The digits of `Examples`, and a network trained on them for eight epochs.
  static let digits = Result {
    let data = try exampleData("digits", target: "digit")
    let trainer = try Trainer(
      Network {
        Dense(32, activation: .tanh)
        Dense(16, activation: .gelu)
        Dense(10)
      }, loss: .softmaxCrossEntropy, optimizer: .adam(learningRate: 0.005), on: data, seed: 7)
    _ = try trainer.fit(data.training, options: FitOptions(epochs: 8, patience: nil))
    let accuracy = try #require(try trainer.evaluate(data.test).accuracy)
    try #require(accuracy > 0.9, "the digits model is not trained: \(accuracy)")
    return Case(model: try trainer.model, batch: try Batch(data.test, rows: Array(0..<rows)))
  }

  /// Nine hidden layers of unequal widths, each with another activation, softmax over five classes.
  static let random = Result {
    try network(
      zip([9, 13, 8, 17, 11, 6, 15, 10, 12], Activation.allCases).map { ($0, $1) }, outputs: 5,
      loss: .softmaxCrossEntropy)
  }

  /// Three hidden layers of unequal widths with one activation.
  static func three(
    _ activation: Activation, loss: Loss = .softmaxCrossEntropy, outputs: Int = 3
  ) throws -> Case {
    try network([6, 9, 5].map { ($0, activation) }, outputs: outputs, loss: loss)
  }

  /// A network of random numbers, and seven random rows with targets that suit the loss.
  static func network(
    _ hidden: [(units: Int, activation: Activation)], outputs: Int, loss: Loss, inputs: Int = 8,
    seed: UInt64 = 3
  ) throws -> Case {
    let layers = hidden.map { layer in
      Dense(
        layer.units, activation: layer.activation, weights: .uniform(low: -0.9, high: 0.9),
        biases: .uniform(low: -0.4, high: 0.4))
    }
    let last = Dense(
      outputs, weights: .uniform(low: -0.9, high: 0.9), biases: .uniform(low: -0.4, high: 0.4))
    return try network(Network(layers + [last]), outputs: outputs, loss: loss, seed: seed)
  }

  /// Any network with the trainer's random numbers, and seven random rows with targets that suit the
  /// loss.
  static func network(
    _ network: Network, outputs: Int, loss: Loss, inputs: Int = 8, seed: UInt64 = 3
  ) throws -> Case {
    let model = try Trainer(
      network, loss: loss, optimizer: .sgd(), inputs: inputs, options: TrainingOptions(seed: seed)
    ).model
    let features = uniform(rows * inputs, seed: 11).map { Float($0) }
    let targets: Dataset.Targets =
      switch (loss.targetType, loss) {
      case (.index, _):
        .classes((0..<rows).map { Int32(($0 * 3 + 1) % outputs) }, count: outputs)
      case (_, .binaryCrossEntropy):
        .values((0..<rows * outputs).map { Float($0 * 2 % 3 % 2) }, outputs: outputs)
      default: .values(uniform(rows * outputs, seed: 12).map { Float($0) }, outputs: outputs)
      }
    let dataset = try Dataset(features: features, featureCount: inputs, targets: targets)
    return Case(model: model, batch: try Batch(dataset, rows: Array(0..<rows)))
  }
}
