import Ebb
import EbbGraph
import Foundation
import TestSupport
import Testing

@Suite struct LossTests {
  static let all: [Loss] = [
    .squaredError, .absoluteError, .huber(delta: 1), .huber(delta: 0.25), .binaryCrossEntropy,
    .softmaxCrossEntropy, .smoothedCrossEntropy(smoothing: 0.1),
  ]

  /// One row's loss and its slopes by the outputs, written as plain loops. A target is a row of
  /// numbers, or a label in a row of one.
  static func expected(_ loss: Loss, _ a: [Double], _ y: [Double]) -> (Double, [Double]) {
    var value = 0.0
    var slopes: [Double] = []
    func softmax(_ smoothing: Double) {
      let largest = a.max()!
      let total = a.map { exp($0 - largest) }.reduce(0, +)
      for j in a.indices {
        let p = smoothing / Double(a.count) + (j == Int(y[0]) ? 1 - smoothing : 0)
        value -= p * (a[j] - largest - log(total))
        slopes.append(exp(a[j] - largest) / total - p)
      }
    }
    switch loss {
    case .softmaxCrossEntropy: softmax(0)
    case .smoothedCrossEntropy(let smoothing): softmax(smoothing)
    default:
      for j in a.indices {
        let r = a[j] - y[j]
        switch loss {
        case .absoluteError:
          value += abs(r)
          slopes.append(r > 0 ? 1 : r < 0 ? -1 : 0)
        case .huber(let delta):
          value += abs(r) <= delta ? 0.5 * r * r : delta * (abs(r) - 0.5 * delta)
          slopes.append(abs(r) <= delta ? r : r > 0 ? delta : -delta)
        case .binaryCrossEntropy:
          let p = 1 / (1 + exp(-a[j]))
          value -= y[j] * log(p) + (1 - y[j]) * log(1 - p)
          slopes.append(p - y[j])
        default:
          value += r * r
          slopes.append(2 * r)
        }
      }
    }
    return (value, slopes)
  }

  /// A loss with its gradient, weighted by row, as a graph.
  static func graph(_ loss: Loss, outputs shape: Shape) throws -> Graph {
    try trace { builder in
      let outputs = builder.input("outputs", shape: shape)
      let isLabel = loss.targetType == .index
      let targets = builder.input(
        "targets", shape: isLabel ? [shape[0]] : shape, type: loss.targetType)
      let rows = loss.perRow(outputs: outputs, targets: targets)
      let weights = builder.input("weights", shape: [shape[0]])
      return [
        "rows": rows, "gradient": gradients(of: sum(weights * rows), with: [outputs])[0],
      ]
    }
  }

  struct Example {
    var outputs: NDArray<Double>
    var targets: NDArray<Double>
    var weights: NDArray<Double>
    var rows: [Double] = []
    var gradient: [Double] = []

    /// Outputs and targets by a formula, and what is expected of them. Logits of softmax grow to 1500,
    /// whose exponential is not finite.
    init(_ loss: Loss, rows count: Int, outputs width: Int, phase: Double = 0.3) {
      let isLabel = loss.targetType == .index
      func wave(_ i: Int, _ a: Double) -> Double { 2.5 * sin(a * Double(i) + phase) }
      outputs = NDArray((0..<(count * width)).map { wave($0, 1.7) }, shape: [count, width])
      weights = NDArray((0..<count).map { 0.5 + sin(Double($0) + phase) })
      if isLabel { for row in 0..<(count / 4) { outputs[row, width - 1] *= 600 } }
      targets =
        isLabel
        ? NDArray((0..<count).map { Double(($0 * 2) % width) })
        : outputs.map { 0.5 * $0 + sin(7 * $0) }
      if loss == .binaryCrossEntropy { targets = targets.map { abs(sin($0)) } }
      let perRow = isLabel ? 1 : width
      for row in 0..<count {
        let (value, slopes) = LossTests.expected(
          loss, Array(outputs.elements[(row * width)..<((row + 1) * width)]),
          Array(targets.elements[(row * perRow)..<((row + 1) * perRow)]))
        rows.append(value)
        gradient += slopes.map { $0 * weights[row] }
      }
    }

    /// The largest difference between a graph's results and what is expected.
    func difference(_ graph: Graph) throws -> Double {
      let found = try evaluate(
        graph, ["outputs": outputs, "targets": targets, "weights": weights],
        indices: ["targets": targets.map { Int32($0) }])
      return max(
        TestSupport.difference(try #require(found["rows"]).elements, rows),
        TestSupport.difference(try #require(found["gradient"]).elements, gradient))
    }
  }

  @Test(arguments: all, [1, 2, 5]) func equalsPlainLoops(_ loss: Loss, width: Int) throws {
    let example = Example(loss, rows: 6, outputs: width)
    let graph = try Self.graph(loss, outputs: [6, width])
    #expect(try example.difference(graph) < 1e-14, "\(loss), \(width) outputs")
  }

  @Test func largeLogits() throws {
    for loss in Self.all where loss.outputFunction != .identity {
      let isLabel = loss.targetType == .index
      let graph = try Self.graph(loss, outputs: [2, 2])
      let found = try evaluate(
        graph,
        [
          "outputs": [[1e6, -1e6], [-1e6, 1e6]], "targets": [[1, 0], [1, 0]], "weights": [1, 1],
        ], indices: isLabel ? ["targets": [0, 0]] : [:])
      #expect(try #require(found["rows"]).elements.allSatisfy(\.isFinite), "\(loss)")
      #expect(try #require(found["gradient"]).elements.allSatisfy(\.isFinite), "\(loss)")
    }
  }

  @Test func faults() {
    func fault(_ loss: Loss, _ outputs: Shape, _ targets: Shape, _ type: ElementType = .float)
      -> String
    {
      do {
        _ = try trace { builder in
          [
            "y": loss.perRow(
              outputs: builder.input("a", shape: outputs),
              targets: builder.input("y", shape: targets, type: type))
          ]
        }
        return ""
      } catch {
        return "\(error)"
      }
    }
    #expect(fault(.squaredError, [4, 2], [4]).contains("squared-error: outputs [4, 2] need"))
    #expect(fault(.softmaxCrossEntropy, [4, 2], [4]).contains("type index"))
    #expect(fault(.softmaxCrossEntropy, [4, 2], [3], .index).contains("[4]"))
    #expect(fault(.squaredError, [4], [4]).contains("[rows, outputs]"))
    #expect(fault(.huber(delta: 0), [4, 1], [4, 1]).contains("more than 0"))
    #expect(fault(.smoothedCrossEntropy(smoothing: 1), [4, 2], [4], .index).contains("below 1"))
    #expect(fault(.softmaxCrossEntropy, [4, 2], [4], .index) == "")
  }

  @Test func spellings() throws {
    for loss in Self.all { #expect(try Loss(spelling: loss.spelling) == loss) }
    #expect(try Loss(spelling: "huber") == .huber())
    #expect(Loss.softmaxCrossEntropy.spelling == "softmax-cross-entropy")
    for wrong in [
      "huber:0", "huber:1:2", "huber:x", "softmax-cross-entropy:1", "mse", "squared-error:1",
    ] {
      #expect(throws: SettingsError.self, "\(wrong)") { try Loss(spelling: wrong) }
    }
    #expect(try GradientReduction(spelling: "sum") == .sum)
  }
}
