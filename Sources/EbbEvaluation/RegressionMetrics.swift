/// How well numbers were predicted.
///
/// With several outputs the overall figures are the means of the outputs' figures, as in
/// scikit-learn. The coefficient of determination of a constant truth is undefined: it is nil here,
/// where scikit-learn says 0, or 1 if every prediction is exact.
public struct RegressionMetrics: Hashable, Sendable {
  /// One output's figures.
  public struct Output: Hashable, Sendable {
    /// The output's name.
    public let name: String
    /// √(mean of (ŷ − y)²), in the target's unit, 0 or more.
    public let rmse: Double
    /// mean of |ŷ − y|, in the target's unit, 0 or more.
    public let mae: Double
    /// 1 − Σ(ŷ − y)² / Σ(y − mean y)², at most 1; 0 is as good as always predicting the mean; nil if
    /// the truth is constant (a single row is).
    public let r2: Double?
  }

  /// The number of rows.
  public let count: Int
  /// Each output's figures.
  public let perOutput: [Output]

  /// Measures predictions.
  ///
  /// - Parameters:
  ///   - outputs: the outputs' names.
  ///   - truth: the true numbers, row by row, [rows, outputs].
  ///   - predicted: the predicted numbers, likewise.
  /// - Throws: `MetricsError` if there are no rows or outputs, or the numbers of elements do not fit.
  public init(outputs: [String], truth: [Double], predicted: [Double]) throws(MetricsError) {
    guard truth.count == predicted.count else {
      throw MetricsError("\(truth.count) true numbers but \(predicted.count) predictions")
    }
    guard !outputs.isEmpty, truth.count.isMultiple(of: outputs.count) else {
      throw MetricsError("\(truth.count) numbers do not fill rows of \(outputs.count) outputs")
    }
    guard !truth.isEmpty else { throw MetricsError("there are no rows to measure") }
    count = truth.count / outputs.count
    perOutput = outputs.indices.map { column in
      let places = stride(from: column, to: truth.count, by: outputs.count)
      return Output(
        name: outputs[column], truth: places.map { truth[$0] },
        predicted: places.map { predicted[$0] })
    }
  }

  /// The mean of the outputs' root mean squared errors.
  public var rmse: Double { mean(perOutput.map(\.rmse)) }

  /// The mean of the outputs' mean absolute errors.
  public var mae: Double { mean(perOutput.map(\.mae)) }

  /// The mean of the outputs' coefficients of determination; nil if one is undefined.
  public var r2: Double? {
    let known = perOutput.compactMap(\.r2)
    return known.count == perOutput.count ? mean(known) : nil
  }
}

extension RegressionMetrics.Output {
  fileprivate init(name: String, truth: [Double], predicted: [Double]) {
    self.name = name
    let errors = zip(predicted, truth).map { $0 - $1 }
    let squares = errors.map { $0 * $0 }
    rmse = mean(squares).squareRoot()
    mae = mean(errors.map(\.magnitude))
    // Equality, not a spread of 0: the rounded mean of equal numbers need not equal them.
    if truth.allSatisfy({ $0 == truth[0] }) {
      r2 = nil
    } else {
      let centre = mean(truth)
      let spread = truth.reduce(0) { $0 + ($1 - centre) * ($1 - centre) }
      r2 = spread > 0 ? 1 - squares.reduce(0, +) / spread : nil
    }
  }
}

/// The mean of at least one number.
private func mean(_ numbers: [Double]) -> Double { numbers.reduce(0, +) / Double(numbers.count) }
