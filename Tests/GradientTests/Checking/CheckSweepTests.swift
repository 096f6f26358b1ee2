import Ebb
import EbbGraph
import Foundation
import TestSupport
import Testing

/// Checks from random networks to perfectly fitted ones: right gradients are never accused, wrong ones
/// are wherever a difference can show it. `EBB_SWEEP=all` runs all of it.
@Suite struct CheckSweepTests {
  private static let isWhole = ProcessInfo.processInfo.environment["EBB_SWEEP"] == "all"
  private static let activations: [Activation] = [.relu, .tanh, .sigmoid, .gelu, .elu]
  private static let losses: [(loss: Loss, outputs: Int)] = [
    (.softmaxCrossEntropy, 3), (.binaryCrossEntropy, 1), (.squaredError, 1),
    (.smoothedCrossEntropy(smoothing: 0.1), 3), (.binaryCrossEntropy, 2), (.absoluteError, 2),
    (.huber(delta: 0.5), 2), (.squaredError, 3),
  ]
  private static let rows = 9
  private static let inputs = 4

  /// A network and rows on which its loss is about what is asked for.
  private static func subject(
    _ activation: Activation, _ loss: Loss, outputs: Int, level: Double, seed: UInt64
  ) throws -> (model: Model, batch: Batch) {
    let network = Network {
      Dense(7, activation: activation, biases: .uniform(low: -0.5, high: 0.5))
      Dense(5, activation: activation, biases: .uniform(low: -0.5, high: 0.5))
      Dense(outputs, biases: .uniform(low: -0.5, high: 0.5))
    }
    var model = try CheckSubjects.model(network, inputs: inputs, loss: loss, seed: seed)
    let features = uniform(rows * inputs, seed: seed &+ 40).map { Float($0) }
    func batch(_ targets: Dataset.Targets) throws -> Batch {
      let data = try Dataset(features: features, featureCount: inputs, targets: targets)
      return try Batch(data, rows: Array(0..<rows))
    }
    let plain = try batch(
      loss.targetType == .index
        ? .classes([Int32](repeating: 0, count: rows), count: outputs)
        : .values([Float](repeating: 0, count: rows * outputs), outputs: outputs))
    func outputNumbers(_ model: Model) throws -> [Double] {
      try #require(try model.gradients(on: plain).value("output.activation")?.elements)
    }
    switch loss {
    case .squaredError, .absoluteError, .huber:
      // Residuals of the size that gives the loss.
      let size = loss == .absoluteError ? level : level.squareRoot()
      let targets = zip(try outputNumbers(model), uniform(rows * outputs, seed: seed)).map {
        Float($0 + size * ($1 < 0 ? $1 - 0.3 : $1 + 0.3))
      }
      return (model, try batch(.values(targets, outputs: outputs)))
    case .binaryCrossEntropy, .softmaxCrossEntropy, .smoothedCrossEntropy:
      // Logits as far apart as gives the loss, on the wrong side for a large one.
      let found = try outputNumbers(model)
      let isWrong = level > 1
      let reach = isWrong ? level : -log(min(level, 0.5))
      let labels: [Int] =
        loss.targetType == .index
        ? (0..<rows).map { row in
          let own = found[row * outputs..<(row + 1) * outputs]
          let best =
            isWrong ? own.indices.min { own[$0] < own[$1] } : own.indices.max { own[$0] < own[$1] }
          return (best ?? own.startIndex) - own.startIndex
        }
        : found.map { ($0 > 0) != isWrong ? 1 : 0 }
      let size = found.reduce(0) { $0 + $1.magnitude } / Double(found.count)
      for name in ["output.weight", "output.bias"] {
        let values = try #require(model[name])
        model = try model.replacing(name, values.map { $0 * Float(reach / size) })
      }
      return (
        model,
        try batch(
          loss.targetType == .index
            ? .classes(labels.map { Int32($0) }, count: outputs)
            : .values(labels.map { Float($0) }, outputs: outputs))
      )
    }
  }

  private static func cases() -> [(Activation, Int, Double, UInt64)] {
    let levels = [10, 1, 1e-2, 1e-5, 1e-8, 1e-11, 1e-14]
    var cases: [(Activation, Int, Double, UInt64)] = []
    for (a, activation) in activations.enumerated() {
      for loss in losses.indices {
        for (l, level) in levels.enumerated() where isWhole || (a + loss + l) % 7 == 0 {
          for seed in 0..<UInt64(isWhole ? 20 : 1) { cases.append((activation, loss, level, seed)) }
        }
      }
    }
    return cases
  }

  @Test("right gradients are accused at no loss from 10 to 1e-14, for any activation and loss")
  func rightOnes() throws {
    var (checks, decided, tensors) = (0, 0, 0)
    for (activation, place, level, seed) in Self.cases() {
      let (loss, outputs) = Self.losses[place]
      let (model, batch) = try Self.subject(
        activation, loss, outputs: outputs, level: level, seed: seed)
      let check = try model.check(on: batch)
      CheckSubjects.expectHealthy(
        check, decided: 0, "\(activation), \(loss.spelling), level \(level), seed \(seed)")
      checks += 1
      tensors += check.tensors.count
      decided += check.tensors.count { $0.verdict.isAgreement }
    }
    print("check sweep: \(checks) checks, \(decided) of \(tensors) tensors agree, none accused")
    #expect(decided > tensors / 2, "\(decided) of \(tensors) decided")
  }

  @Test(
    "nor where the loss bends soon, or hardly moves",
    arguments: [(Activation.sigmoid, Float(1)), (.sigmoid, 6), (.gelu, 3), (.tanh, 5)])
  func deepOnes(activation: Activation, factor: Float) throws {
    let network = Network((0..<12).map { _ in Dense(3, activation: activation) } + [Dense(3)])
    for seed in UInt64(0)..<(Self.isWhole ? 20 : 2) {
      var model = try CheckSubjects.model(
        network, inputs: 1, loss: .smoothedCrossEntropy(smoothing: 0.3), seed: seed)
      for parameter in model.parameters {
        model = try model.replacing(
          parameter.name, parameter.values.map { $0 * factor })
      }
      let rows = try Dataset(
        features: uniform(6, seed: seed).map { Float($0) }, featureCount: 1,
        targets: .classes([0, 1, 2, 2, 1, 0], count: 3))
      try expectNoAccusation(
        model.check(on: Batch(rows, rows: Array(0..<6))), "\(activation), \(factor), seed \(seed)")
    }
  }

  @Test("nor where rows cancel to a gradient of next to 0")
  func cancellingRows() throws {
    for seed in UInt64(0)..<(Self.isWhole ? 40 : 8) {
      let model = try CheckSubjects.model(
        Network { Dense(1) }, inputs: 1, loss: .absoluteError, seed: seed)
      let features = uniform(40, seed: seed).map { Float($0) }
      let weight = try #require(model["output.weight"]).elements[0]
      let bias = try #require(model["output.bias"]).elements[0]
      let targets = features.enumerated().map { row, x in
        weight * x + bias + (row % 2 == 0 ? 1 : -1)
      }
      let rows = try Dataset(
        features: features, featureCount: 1, targets: .values(targets, outputs: 1))
      try expectNoAccusation(model.check(on: Batch(rows, rows: Array(0..<40))), "seed \(seed)")
    }
  }

  private func expectNoAccusation(_ check: GradientCheck, _ what: String) throws {
    for verdict in check.tensors.map(\.verdict) + check.laws.map(\.verdict) {
      if case .disagrees(let share) = verdict { Issue.record("\(what): disagrees by \(share)") }
    }
  }

  @Test("each wrong rule is accused wherever the right one is decided and the gradient differs")
  func wrongOnes() throws {
    var (planted, visible, caught) = (0, 0, 0)
    for (number, (activation, place, level, seed)) in Self.cases().enumerated() {
      // A check for each rule: of the quick part a sixth.
      guard Self.isWhole ? seed < 3 : number % 6 == 0 else { continue }
      let (loss, outputs) = Self.losses[place]
      let (model, batch) = try Self.subject(
        activation, loss, outputs: outputs, level: level, seed: seed)
      let right = try model.check(on: batch)
      let gradients = try model.gradients(on: batch)
      for op in try Self.operations(of: model) {
        for (what, factor) in [("sign", -1.0), ("factor", 1.01)] {
          let fault = PlantedFault("\(what) of \(op.name)", in: [], where: { $0 == op }) {
            dx, _, _, _ in factor * dx
          }
          let check = try model.check(on: batch, options: .init(), rules: fault.rules)
          let wrongs = try model.gradients(on: batch, rules: fault.rules)
          planted += 1
          for (before, after) in zip(right.tensors, check.tensors) {
            let exact = try #require(gradients[before.name]?.elements)
            guard before.verdict.isAgreement, before.resolution < 1e-9 else { continue }
            // What differs by less than a thousandth is for elements to show.
            let norm = exact.reduce(0) { $0 + $1 * $1 }.squareRoot()
            let wrong = try #require(wrongs[before.name]?.elements)
            let distance = zip(exact, wrong).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
              .squareRoot()
            guard distance > 1e-3 * norm else { continue }
            visible += 1
            if after.verdict.isDisagreement {
              caught += 1
            } else {
              Issue.record(
                "\(fault) in \(before.name): \(activation), \(loss.spelling), \(level), \(seed)\n\(check)"
              )
            }
          }
        }
      }
    }
    print("check sweep: \(planted) wrong rules, \(caught) of \(visible) visible errors accused")
    #expect(visible > 100)
  }

  /// The operations of a network with its loss whose derivative may be wrong.
  private static func operations(of model: Model) throws -> [Op] {
    try model.operations().filter { op in
      switch op {
      case .unary, .binary, .ternary, .matmul, .rowwise, .reduction: true
      case .source, .movement, .indexing, .random, .custom: false
      }
    }
  }
}
