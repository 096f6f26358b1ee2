internal import EbbData
public import EbbEvaluation
public import EbbNetworks

/// What a network says about rows of data.
public struct Predictions: Sendable {
  /// The numbers after the output function, row by row: probabilities for classes, otherwise the
  /// predicted numbers (standardised if the data were prepared from a table).
  public let values: [Float]
  /// Numbers per row.
  public let outputs: Int
  /// What the network was trained to minimise.
  public let loss: Loss

  /// The number of rows.
  public var count: Int { outputs == 0 ? 0 : values.count / outputs }

  /// The most probable class of each row; the first of equals.
  ///
  /// With one output it is class 1 where the probability is above one half.
  public var classes: [Int] {
    (0..<count).map { row in
      if outputs == 1 { return loss == .binaryCrossEntropy && values[row] > 0.5 ? 1 : 0 }
      var best = 0
      for column in 1..<outputs
      where values[row * outputs + column] > values[row * outputs + best] { best = column }
      return best
    }
  }

  /// The probability of each class for a row; two numbers for a network with one output.
  public func probabilities(ofRow row: Int) -> [Float] {
    precondition(row >= 0 && row < count, "row \(row) is outside 0..<\(count)")
    let numbers = Array(values[(row * outputs)..<((row + 1) * outputs)])
    return outputs == 1 && loss == .binaryCrossEntropy ? [1 - numbers[0], numbers[0]] : numbers
  }

  /// The metrics of the task against the truth.
  ///
  /// - Parameter schema: names the classes, and brings numbers back to the target's unit.
  func metrics(truth: Dataset.Targets, schema: Schema?) throws -> Metrics {
    switch truth {
    case .none: throw ModelError("these data have no targets")
    case .classes:
      return try Self.metrics(of: classes, truth: truth, outputs: outputs, schema: schema)
    case .values(let numbers, let width):
      func original(_ value: Float) -> Double {
        schema.map { $0.originalTarget(Double(value)) } ?? Double(value)
      }
      let names = schema.map { [$0.target.name] } ?? (1...Swift.max(1, width)).map { "y\($0)" }
      return .regression(
        try RegressionMetrics(
          outputs: names, truth: numbers.map(original), predicted: values.map(original)))
    }
  }

  /// The metrics of predicted classes against the truth.
  static func metrics(
    of classes: [Int], truth: Dataset.Targets, outputs: Int, schema: Schema?
  ) throws -> Metrics {
    guard case .classes(let labels, let classCount) = truth else {
      throw ModelError("these data have no classes")
    }
    let names = schema?.classes ?? (0..<Swift.max(classCount, outputs)).map(String.init)
    return .classification(
      try ClassificationMetrics(
        classes: names, truth: labels.map(Int.init), predicted: classes))
  }
}

/// How well a network does on rows of data.
public struct Evaluation: Sendable {
  /// The number of rows.
  public let rows: Int
  /// The mean of the rows' losses, added in row order in Double.
  public let loss: Double
  /// The metrics of the task.
  public let metrics: Metrics

  /// The share of rows that was predicted right; nil unless classes were predicted.
  public var accuracy: Double? { metrics.accuracy }
}
