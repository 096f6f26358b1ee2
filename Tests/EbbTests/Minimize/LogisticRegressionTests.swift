import Ebb
import Foundation
import Testing

@Suite("minimize: logistic regression")
struct LogisticRegressionTests {
  /// The features of Examples/breast-cancer.csv, standardized, with a column of ones; 1 for malignant.
  private func data() throws -> (x: NDArray<Double>, y: [Double]) {
    let url = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Examples/breast-cancer.csv")
    let lines = try String(contentsOf: url, encoding: .utf8).split(separator: "\n").dropFirst()
    let fields = lines.map { $0.split(separator: ",") }
    let columns = try (0..<30).map { column -> [Double] in
      let values = try fields.map { try #require(Double($0[column])) }
      let mean = values.reduce(0, +) / Double(values.count)
      let variance = values.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(values.count)
      return values.map { ($0 - mean) / variance.squareRoot() }
    }
    let ones = [Double](repeating: 1, count: fields.count)
    let table = NDArray((columns + [ones]).flatMap { $0 }, shape: [31, fields.count])
    return (table.transposed(), fields.map { $0[30] == "malignant" ? 1 : 0 })
  }

  /// The loss is strongly convex (its curvature is at least the penalty's), so a gradient of 1e-8
  /// puts the point within 1e-8 / penalty of the only minimum.
  @Test("L-BFGS trains logistic regression on breast-cancer.csv to a gradient norm of 1e-8")
  func breastCancer() throws {
    let (x, y) = try data()
    let penalty = 1e-3
    let minimum = try minimize(from: NDArray(repeating: 0, shape: [31])) { w in
      let logits = matmul(w.builder.constant(array: x), w.reshaped(to: [31, 1]))
        .reshaped(to: [y.count])
      let targets = w.builder.constant(array: NDArray(y))
      return mean(binaryCrossEntropy(logits: logits, targets: targets))
        + penalty / 2 * sum(w * w)
    }
    #expect(minimum.reason == .tolerance)
    #expect(minimum.gradientNorm <= 1e-8)

    // The gradient (1/n) Xᵀ(p − y) + penalty w, by hand.
    let w = minimum.point.elements
    var gradient = w.map { penalty * $0 }
    var right = 0
    for row in y.indices {
      let logit = (0..<31).reduce(0) { $0 + x[row, $1] * w[$1] }
      right += (logit > 0) == (y[row] == 1) ? 1 : 0
      let error = 1 / (1 + exp(-logit)) - y[row]
      for column in w.indices { gradient[column] += error * x[row, column] / Double(y.count) }
    }
    #expect(LinearAlgebra.norm(gradient) <= 1.1e-8)
    #expect(Double(right) / Double(y.count) >= 0.97)
    print(
      "logistic regression: \(minimum.iterations) steps, \(minimum.evaluations) evaluations,"
        + " gradient norm \(minimum.gradientNorm), \(right) of \(y.count) rows right")
  }
}
