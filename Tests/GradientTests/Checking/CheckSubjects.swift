import Ebb
import Foundation
import TestSupport
import Testing

/// Networks and rows for checks.
enum CheckSubjects {
  /// A network with its initial numbers.
  static func model(
    _ network: Network, inputs: Int, loss: Loss = .softmaxCrossEntropy, seed: UInt64 = 5
  ) throws -> Model {
    try Trainer(
      network, loss: loss, optimizer: .sgd(), inputs: inputs, options: TrainingOptions(seed: seed)
    ).model
  }

  /// Random rows with the targets that the loss takes.
  static func rows(
    _ count: Int, inputs: Int, outputs: Int, loss: Loss = .softmaxCrossEntropy, seed: UInt64 = 1
  ) throws -> Dataset {
    let features = uniform(count * inputs, seed: seed).map { Float($0) }
    let targets: Dataset.Targets
    switch loss {
    case .softmaxCrossEntropy, .smoothedCrossEntropy:
      targets = .classes((0..<count).map { Int32($0 * 5 % outputs) }, count: outputs)
    case .binaryCrossEntropy where outputs == 1:
      targets = .classes((0..<count).map { Int32($0 * 5 % 2) }, count: 2)
    case .binaryCrossEntropy:
      targets = .values((0..<count * outputs).map { Float($0 * 5 % 2) }, outputs: outputs)
    case .squaredError, .absoluteError, .huber:
      targets = .values(
        uniform(count * outputs, seed: seed &+ 9).map { Float($0) }, outputs: outputs)
    }
    return try Dataset(features: features, featureCount: inputs, targets: targets)
  }

  /// Fails with the whole report if anything disagrees, or not at least `decided` tensors agree.
  static func expectHealthy(
    _ check: GradientCheck, decided: Int? = nil, _ label: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let wrong =
      check.tensors.map(\.verdict).filter(\.isDisagreement).count
      + check.laws.map(\.verdict).filter(\.isDisagreement).count
    #expect(wrong == 0, "\(label)\n\(check)", sourceLocation: sourceLocation)
    let agreeing = check.tensors.map(\.verdict).filter(\.isAgreement).count
    #expect(
      agreeing >= decided ?? check.tensors.count, "\(label)\n\(check)",
      sourceLocation: sourceLocation)
  }
}
