import Ebb
import EbbGraph
import Foundation
import TestSupport
import Testing

@Suite struct ActivationTests {
  /// Value and slope in Double, written down once more.
  static func expected(_ activation: Activation, _ x: Double) -> (value: Double, slope: Double) {
    let sigmoid = x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x))
    switch activation {
    case .identity: return (x, 1)
    case .sigmoid: return (sigmoid, sigmoid * (x >= 0 ? exp(-x) / (1 + exp(-x)) : 1 / (1 + exp(x))))
    case .tanh: return (tanh(x), 1 / (cosh(x) * cosh(x)))
    case .relu: return x > 0 ? (x, 1) : (0, 0)
    case .leakyReLU: return x > 0 ? (x, 1) : (0.01 * x, 0.01)
    case .elu: return x > 0 ? (x, 1) : (expm1(x), exp(x))
    case .gelu:
      let phi = 0.5 * erfc(-x / 2.0.squareRoot())
      return (x * phi, phi + x * exp(-x * x / 2) / (2 * Double.pi).squareRoot())
    case .silu: return (x * sigmoid, sigmoid * (1 + x * (1 - sigmoid)))
    case .softplus: return (max(x, 0) + log1p(exp(-abs(x))), sigmoid)
    }
  }

  /// M27: at 0 (every kink), ±50 and between. 1 + erf cancels below −1, so gelu is right to 1e-15
  /// of |x| only, not of its value.
  @Test(arguments: Activation.allCases)
  func valueAndSlope(_ activation: Activation) throws {
    let points: [Double] = [0, 50, -50, 1e-9, -1e-9, 0.5, -0.5, 1, -1, 2.25, -2.25, 8, -8, 30, -30]
    for x in points {
      let found = try valueAndGradients(at: [NDArray(scalar: x)]) { activation($0[0]) }
      let (value, slope) = Self.expected(activation, x)
      #expect(abs(found.value - value) <= 1e-15 * max(1, abs(x)), "\(activation)(\(x))")
      #expect(abs(found.gradients[0].scalar - slope) <= 1e-15 * max(1, abs(x)), "slope at \(x)")
    }
  }

  @Test func slopesAtTheKinksAreStated() throws {
    let slopes: [Activation: Double] = [.relu: 0, .leakyReLU: 0.01, .elu: 1]
    for (activation, slope) in slopes {
      #expect(try gradient(at: 0, of: { activation($0) }).scalar == slope, "\(activation)")
    }
  }

  @Test func outputFunctions() throws {
    let x: NDArray<Double> = [[0, 50, -50], [1, 2, 3]]
    let graph = try trace { builder in
      let input = builder.input("x", shape: x.shape)
      return [
        "identity": OutputFunction.identity(input), "sigmoid": OutputFunction.sigmoid(input),
        "softmax": OutputFunction.softmax(input),
      ]
    }
    let found = try evaluate(graph, ["x": x])
    #expect(found["identity"] == x)
    let sigmoids = x.elements.map { 1 / (1 + exp(-$0)) }
    #expect(difference(try #require(found["sigmoid"]).elements, sigmoids) < 1e-15)
    let rows = [[0.0, 50, -50], [1, 2, 3]].flatMap { row in
      let total = row.map { exp($0 - row.max()!) }.reduce(0, +)
      return row.map { exp($0 - row.max()!) / total }
    }
    #expect(difference(try #require(found["softmax"]).elements, rows) < 1e-15)
  }

  @Test func spellings() throws {
    for activation in Activation.allCases {
      #expect(try Activation(spelling: activation.spelling) == activation)
      #expect(try Activation(spelling: activation.rawValue) == activation)
    }
    #expect(Activation.leakyReLU.spelling == "leaky-relu")
    #expect { try Activation(spelling: "relo") } throws: { "\($0)".contains("leaky-relu") }
  }
}
