import Ebb
import Foundation
import TestSupport
import Testing

/// What a row of the notes is tested on, so that nothing is proved on a toy: a trained model of digits,
/// and a random network with every activation and unequal widths; seven rows each.
struct NoteSubject: Sendable {
  enum Kind: String, CaseIterable, Sendable { case digits, random }

  let model: Model
  /// [7, features].
  let x: NDArray<Double>
  let labels: [Int]

  /// Rows of the batch: a number that no block of the kernels divides.
  static let rows = 7

  static func of(_ kind: Kind) throws -> NoteSubject {
    switch kind {
    case .digits: try digits.get()
    case .random: try random.get()
    }
  }

  var network: Network { model.network }
  var dense: [Dense] { network.layers.compactMap { $0 as? Dense } }
  var depth: Int { network.names.count }
  var classes: Int { dense.last?.units ?? 0 }
  /// n_0 … n_D.
  var widths: [Int] { [model.inputCount] + dense.map(\.units) }

  /// One row's features.
  func features(ofRow row: Int) -> [Double] { (0..<model.inputCount).map { x[row, $0] } }

  /// All rows, with their labels, as data for trainer and predictor.
  func dataset() throws -> Dataset {
    try Dataset(
      features: x.elements.map { Float($0) }, featureCount: model.inputCount,
      targets: .classes(labels.map { Int32($0) }, count: classes))
  }

  /// What an interpreter is given for some of the rows, weights as in memory: [inputs, outputs].
  func inputs(rows: Range<Int> = 0..<rows) throws -> [String: NDArray<Double>] {
    let width = model.inputCount
    var result = model.numbers
    result["features"] = NDArray(
      Array(x.elements[(rows.lowerBound * width)..<(rows.upperBound * width)]),
      shape: [rows.count, width])
    return result
  }

  func indices(rows: Range<Int> = 0..<rows) -> [String: NDArray<Int32>] {
    ["targets": NDArray(labels[rows].map { Int32($0) })]
  }

  // MARK: The two

  /// The digits of `Examples`, split and standardised.
  static let digitsData = Result { try exampleData("digits", target: "digit") }

  private static let digits = Result {
    let data = try digitsData.get()
    let network = Network {
      Dense(32, activation: .tanh)
      Dense(16, activation: .gelu)
      Dense(10)
    }
    let trainer = try Trainer(
      network, loss: .softmaxCrossEntropy, optimizer: .adam(learningRate: 0.005), on: data, seed: 7)
    _ = try trainer.fit(data.training, options: FitOptions(epochs: 8, patience: nil))
    let accuracy = try #require(try trainer.evaluate(data.test).accuracy)
    try #require(accuracy > 0.9, "the digits model is not trained: \(accuracy)")
    let width = data.test.featureCount
    guard case .classes(let labels, _) = data.test.targets else {
      throw InputError(message: "digits have classes")
    }
    return NoteSubject(
      model: try trainer.model,
      x: NDArray(data.test.features.prefix(rows * width).map { Double($0) }, shape: [rows, width]),
      labels: labels.prefix(rows).map { Int($0) })
  }

  private static let random = Result {
    let network = Network(
      zip([9, 13, 8, 17, 11, 6, 15, 10, 12], Activation.allCases).map { units, activation in
        Dense(
          units, activation: activation, weights: .uniform(low: -0.9, high: 0.9),
          biases: .uniform(low: -0.4, high: 0.4))
      } + [Dense(5, biases: .uniform(low: -0.4, high: 0.4))])
    let inputs = 14
    let trainer = try Trainer(
      network, loss: .softmaxCrossEntropy, optimizer: .sgd(), inputs: inputs,
      options: TrainingOptions(seed: 3))
    return NoteSubject(
      model: try trainer.model,
      x: NDArray(uniform(rows * inputs, seed: 11), shape: [rows, inputs]),
      labels: (0..<rows).map { ($0 * 3 + 1) % 5 })
  }
}

/// f'(0) from four values: the error is of the order of step⁴.
func slope(step: Double = 1e-3, of f: (Double) throws -> [Double]) rethrows -> [Double] {
  let (far, near) = (zip(try f(2 * step), try f(-2 * step)), zip(try f(step), try f(-step)))
  return zip(near, far).map { near, far in
    (8 * (near.0 - near.1) - (far.0 - far.1)) / (12 * step)
  }
}

extension Model {
  /// The parameters in double precision, weights as in memory: [inputs, outputs].
  var numbers: [String: NDArray<Double>] {
    Dictionary(
      uniqueKeysWithValues: parameters.map { parameter in
        let values = parameter.values.map { Double($0) }
        return (parameter.name, parameter.role == .weight ? values.transposed() : values)
      })
  }
}
