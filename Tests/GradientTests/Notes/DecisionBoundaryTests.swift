import Ebb
import Foundation
import TestSupport
import Testing

/// Two classes of points in the plane that no straight line parts.
@Suite struct NotesDecisionBoundaryTests {
  enum Pattern: String, CaseIterable, Sendable { case xor, moons, spiral }

  /// Points with a little noise, the classes in turn.
  static func points(_ pattern: Pattern, seed: UInt64) throws -> Dataset {
    let count = 400
    let noise = uniform(4 * count, seed: seed)
    var (features, labels): ([[Float]], [Int]) = ([], [])
    for index in 0..<count {
      let label = index % 2
      let (u, v) = (noise[4 * index], noise[4 * index + 1])
      let (s, t) = (0.1 * noise[4 * index + 2], 0.1 * noise[4 * index + 3])
      let point: (Double, Double)
      switch pattern {
      case .xor:
        // Four squares; equal signs are class 0.
        let (x, y) = (0.1 + 0.9 * abs(u), 0.1 + 0.9 * abs(v))
        let left = index % 4 < 2
        point = (left ? -x : x, (label == 0) == left ? -y : y)
      case .moons:
        let angle = Double.pi * (0.5 + 0.5 * u)
        point =
          label == 0
          ? (cos(angle) + s, sin(angle) + t) : (1 - cos(angle) + s, 0.5 - sin(angle) + t)
      case .spiral:
        let radius = 0.15 + 0.85 * (0.5 + 0.5 * u)
        let angle = 2.2 * Double.pi * radius + (label == 0 ? 0 : Double.pi)
        point = (radius * cos(angle) + 0.3 * s, radius * sin(angle) + 0.3 * t)
      }
      features.append([Float(point.0), Float(point.1)])
      labels.append(label)
    }
    return try Dataset(features: features, labels: labels, classCount: 2)
  }

  /// The share of fresh points that a trained network gets right.
  static func accuracy(_ network: Network, _ pattern: Pattern) throws -> Double {
    let training = try points(pattern, seed: 30)
    let trainer = try Trainer(
      network, loss: .softmaxCrossEntropy, optimizer: .adam(learningRate: 0.01), inputs: 2,
      options: TrainingOptions(seed: 30))
    _ = try trainer.fit(training, options: FitOptions(epochs: 200, patience: nil))
    return try #require(try trainer.evaluate(try points(pattern, seed: 31)).accuracy)
  }

  @Test(
    "M30 XOR, two moons, a spiral: a linear model fails, a network does not",
    arguments: Pattern.allCases)
  func networkAgainstLine(_ pattern: Pattern) throws {
    let line = try Self.accuracy(Network { Dense(2) }, pattern)
    let network = try Self.accuracy(
      Network {
        Dense(24, activation: .tanh)
        Dense(16, activation: .tanh)
        Dense(2)
      }, pattern)
    let limit: Double =
      switch pattern {
      case .xor: 0.7
      case .moons: 0.92
      case .spiral: 0.75
      }
    #expect(line < limit, "\(pattern): a line gets \(line) right")
    #expect(network > 0.98, "\(pattern): a network gets \(network) right")
  }

  @Test("M30 the four points of XOR: three at most by a line, all by a network")
  func fourPoints() throws {
    let xor = try Dataset(
      features: [[0, 0], [0, 1], [1, 0], [1, 1]], labels: [0, 1, 1, 0], classCount: 2)
    func correct(_ network: Network) throws -> Double {
      let trainer = try Trainer(
        network, loss: .softmaxCrossEntropy, optimizer: .adam(learningRate: 0.05), inputs: 2,
        options: TrainingOptions(seed: 4))
      _ = try trainer.fit(xor, options: FitOptions(epochs: 500, patience: nil))
      return try #require(try trainer.evaluate(xor).accuracy)
    }
    #expect(try correct(Network { Dense(2) }) <= 0.75)
    #expect(
      try correct(
        Network {
          Dense(8, activation: .tanh)
          Dense(2)
        }) == 1)
  }
}
