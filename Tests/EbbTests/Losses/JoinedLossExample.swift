import Ebb
import EbbGraph
import Foundation
import TestSupport
import Testing

/// Logits and labels, some of them ignored, with the joined loss that plain loops in Double find.
struct JoinedLossExample {
  let smoothing: Double
  let classWeights: [Double]?
  let logits: NDArray<Double>
  let labels: NDArray<Int32>
  private(set) var total = 0.0
  private(set) var count = 0.0
  /// Of the total by the logits.
  private(set) var gradient: [Double] = []

  var loss: Loss {
    smoothing == 0 ? .softmaxCrossEntropy : .smoothedCrossEntropy(smoothing: smoothing)
  }
  var mean: Double { total / max(count, 1) }

  /// - Parameter ignored: whether a row's label is taken away.
  init(
    rows: Int, classes: Int, smoothing: Double = 0, classWeights: [Double]? = nil,
    phase: Double = 0.3, ignored: (Int) -> Bool = { _ in false }
  ) {
    self.smoothing = smoothing
    self.classWeights = classWeights
    logits = NDArray(
      (0..<(rows * classes)).map { 2.5 * sin(1.7 * Double($0) + phase) }, shape: [rows, classes])
    labels = NDArray(
      (0..<rows).map { ignored($0) ? Loss.ignoredLabel : Int32(($0 * 2 + $0 / 3) % classes) })
    for row in 0..<rows {
      let label = Int(labels.elements[row])
      let counts = label >= 0
      let weight = counts ? classWeights?[label] ?? 1 : 0
      let a = Array(logits.elements[(row * classes)..<((row + 1) * classes)])
      let largest = a.max()!
      let normaliser = largest + log(a.map { exp($0 - largest) }.reduce(0, +))
      var rowLoss = 0.0
      for j in a.indices {
        let p = smoothing / Double(classes) + (j == label ? 1 - smoothing : 0)
        rowLoss -= p * (a[j] - normaliser)
        gradient.append(weight * (exp(a[j] - normaliser) - p))
      }
      total += weight * rowLoss
      count += counts ? 1 : 0
    }
  }

  /// Total, count, mean, and the gradients of total and mean, as a graph.
  var graph: Graph {
    get throws {
      try trace { builder in
        let a = builder.input("logits", shape: logits.shape)
        let y = builder.input("labels", shape: labels.shape, type: .index)
        let joined = loss.joined(outputs: a, targets: y, classWeights: classWeights)
        return [
          "total": joined.total, "count": joined.count, "mean": joined.mean,
          "slope": gradients(of: joined.total, with: [a])[0],
          "mean slope": gradients(of: joined.mean, with: [a])[0],
        ]
      }
    }
  }

  /// What a graph computes of this example.
  func values(_ graph: Graph) throws -> [String: NDArray<Double>] {
    try evaluate(graph, ["logits": logits], indices: ["labels": labels])
  }

  /// The largest difference between a graph's results and those of the loops.
  func difference(_ graph: Graph) throws -> Double {
    let found = try values(graph)
    let expected = [
      "total": [total], "count": [count], "mean": [mean], "slope": gradient,
      "mean slope": gradient.map { $0 / max(count, 1) },
    ]
    return try expected.map {
      TestSupport.difference(try #require(found[$0.key]).elements, $0.value)
    }.max() ?? .infinity
  }
}
