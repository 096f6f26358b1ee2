import Ebb
import EbbGraph
import Foundation
import TestSupport
import Testing

@Suite struct AdamNumbersTests {
  /// One step of an Adam from given slots, at any step number.
  static func step(
    _ adam: Adam, at step: UInt64, w: Double, g: Double, m: Double, v: Double
  ) throws -> Double {
    let graph = try OptimizerTests.graph(adam, count: 1)
    var inputs = ["w": w, "g": g, "slot m": m, "slot v": v].mapValues { NDArray([$0]) }
    for scalar in adam.scalars(step: step, learningRate: adam.learningRate) {
      inputs[scalar.name] = NDArray(scalar: scalar.value)
    }
    return try #require(try evaluate(graph, inputs)["w"]).elements[0]
  }

  /// Where ε can stand.
  enum Place: CaseIterable { case outsideTheCorrectedRoot, insideTheRoot, beforeTheCorrection }

  /// Adam as in the paper, in plain Double, with 1 − βᵗ by expm1 and log1p.
  static func expected(
    _ adam: Adam, at step: UInt64, w: Double, g: Double, m: Double, v: Double,
    epsilon place: Place = .outsideTheCorrectedRoot
  ) -> Double {
    func missing(_ beta: Double) -> Double { -expm1(Double(step) * log1p(beta - 1)) }
    let first = (adam.beta1 * m + (1 - adam.beta1) * g) / missing(adam.beta1)
    let raw = adam.beta2 * v + (1 - adam.beta2) * g * g
    let second = raw / missing(adam.beta2)
    let divisor =
      switch place {
      case .outsideTheCorrectedRoot: second.squareRoot() + adam.epsilon
      case .insideTheRoot: (second + adam.epsilon).squareRoot()
      case .beforeTheCorrection:
        (raw.squareRoot() + adam.epsilon) / missing(adam.beta2).squareRoot()
      }
    return w - adam.learningRate * first / divisor
  }

  @Test(
    "Numbers: Adam: ε outside the corrected root; steps 1, 10⁶, 2³¹ + 1",
    arguments: [1, 2, 1_000_000, (1 << 31) + 1] as [UInt64])
  func epsilon(step: UInt64) throws {
    for epsilon in [1e-8, 0.01, 1] {
      for beta2 in [0.999, 1 - 1e-9] {
        let adam = Adam(learningRate: 0.1, beta2: beta2, epsilon: epsilon)
        let (m, v) = step == 1 ? (0.0, 0.0) : (0.02, 0.003)
        let found = try Self.step(adam, at: step, w: 0.5, g: 0.25, m: m, v: v)
        let right = Self.expected(adam, at: step, w: 0.5, g: 0.25, m: m, v: v)
        #expect(abs(found - right) < 1e-14, "ε \(epsilon), β₂ \(beta2)")
        // A smaller ε, or a larger mean square, is not seen.
        guard epsilon == 1 && beta2 == 0.999 else { continue }
        let inside = Self.expected(
          adam, at: step, w: 0.5, g: 0.25, m: m, v: v, epsilon: .insideTheRoot)
        #expect(abs(found - inside) > 1e-6)
        // Long after the start nothing is left to correct, and the two are one.
        guard step <= 2 else { continue }
        let before = Self.expected(
          adam, at: step, w: 0.5, g: 0.25, m: m, v: v, epsilon: .beforeTheCorrection)
        #expect(abs(found - before) > 1e-6)
      }
    }
  }

  @Test("Numbers: AdamW's decay is not L2, and both are offered by name")
  func decay() throws {
    let decoupled = Adam.adamW(learningRate: 0.1, decay: 0.5)
    let through = Adam.adam(learningRate: 0.1, weightDecay: .l2(0.5))
    // The first step of Adam is about η, whatever the gradient's size.
    let first = try Self.step(decoupled, at: 1, w: 2, g: 0.25, m: 0, v: 0)
    #expect(abs(first - (2 - 0.1 * 0.5 * 2 - 0.1 * (0.25 / (0.25 + 1e-8)))) < 1e-15)
    let second = try Self.step(through, at: 1, w: 2, g: 0.25, m: 0, v: 0)
    #expect(abs(second - (2 - 0.1 * (1.25 / (1.25 + 1e-8)))) < 1e-15)
    #expect(first != second)
    // For plain gradient descent they are one.
    func plain(_ decay: WeightDecay) throws -> Double {
      let sgd = SGD(learningRate: 0.1, weightDecay: decay)
      let graph = try OptimizerTests.graph(sgd, count: 1)
      return try OptimizerTests.trajectory(sgd, graph, from: [2], [[0.25]])[0][0]
    }
    #expect(abs(try plain(.l2(0.5)) - plain(.decoupled(0.5))) < 1e-15)
    let choices: [(OptimizerChoice, WeightDecay)] = [(.adamw, .decoupled(0.5)), (.adam, .l2(0.5))]
    for (choice, decay) in choices {
      #expect(try choice.optimizer(weightDecay: 0.5).weightDecay == decay)
      #expect(try OptimizerChoice(spelling: choice.rawValue) == choice)
    }
  }
}
