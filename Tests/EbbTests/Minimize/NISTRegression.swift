import Ebb
import Foundation
import Testing

/// One of the regressions whose answers the U.S. National Institute of Standards and Technology
/// certifies (Statistical Reference Datasets; see make_nist.py).
struct NISTRegression: Sendable, CustomTestStringConvertible {
  let name: String
  let y: [Double]
  /// The predictors, [observations, predictors].
  let x: NDArray<Double>
  let parameters: [Double]
  let residualSumOfSquares: Double
  /// Two, of the nonlinear ones.
  let starts: [[Double]]

  var testDescription: String { name }

  static let linear = all(in: "linear")
  static let nonlinear = all(in: "nonlinear")

  private static func all(in file: String) -> [NISTRegression] {
    do {
      return try Reference(file: "NIST/\(file)")["regressions"].list.map(NISTRegression.init)
    } catch {
      Issue.record("NIST/\(file).json: \(error)")
      return []
    }
  }

  private init(_ entry: Reference) throws {
    name = try entry["name"].text
    y = try entry["y"].numbers
    x = try entry["x"].matrix
    parameters = try entry["parameters"].numbers
    residualSumOfSquares = try entry["residualSumOfSquares"].number
    let hasStarts = (entry.value as? [String: Any])?["starts"] != nil
    starts = hasStarts ? try entry["starts"].list.map { try $0.numbers } : []
    try #require(x.shape[0] == y.count)
    try #require(starts.allSatisfy { $0.count == parameters.count })
  }

  /// The digits that agree in the parameter where fewest do.
  ///
  /// Lanczos's three terms b e^(-c x) may stand in any order: they are compared by rising c, as NIST
  /// lists them.
  func digits(of found: [Double]) -> Double {
    guard found.count == parameters.count else { return 0 }
    var found = found
    if name.hasPrefix("Lanczos") {
      let terms = (0..<3).map { found[(2 * $0)..<(2 * $0 + 2)] }
      found = terms.sorted { $0[$0.endIndex - 1] < $1[$1.endIndex - 1] }.flatMap { $0 }
    }
    return zip(found, parameters).map { agreeingDigits($0, $1) }.min() ?? 0
  }
}

/// The logarithm to base 10 of the relative error, without its sign: how many leading digits agree.
/// Between 0 and 15; by the absolute error where 0 is expected.
func agreeingDigits(_ found: Double, _ expected: Double) -> Double {
  let error = abs(found - expected) / (expected == 0 ? 1 : abs(expected))
  return error.isFinite ? min(max(-log10(error), 0), 15) : 0
}

/// `7.3`, in a column of the given width.
func cell(_ digits: Double, width: Int = 6) -> String {
  cell(String(format: "%.1f", digits), width: width)
}

/// A text at the right of a column.
func cell(_ text: String, width: Int) -> String {
  String(repeating: " ", count: max(width - text.count, 0)) + text
}
