package import EbbSystem

/// How well a model predicts, for either task.
public enum Metrics: Hashable, Sendable {
  /// Classes were predicted.
  case classification(ClassificationMetrics)
  /// Numbers were predicted.
  case regression(RegressionMetrics)

  /// A single number that quality gates can name.
  public struct Figure: Hashable, Sendable {
    /// The name, such as `accuracy`.
    public let name: String
    /// The value; nil where it is undefined.
    public let value: Double?
    /// Which values are better.
    public let better: Direction

    /// Which values are better.
    public enum Direction: Hashable, Sendable {
      /// Larger ones.
      case higher
      /// Smaller ones.
      case lower
    }

    /// Whether the value is defined and at least as good as a limit.
    public func reaches(_ limit: Double) -> Bool {
      guard let value else { return false }
      return better == .higher ? value >= limit : value <= limit
    }
  }

  /// All single numbers: accuracy; or rmse, mae and r2.
  public var figures: [Figure] {
    switch self {
    case .classification(let metrics):
      [Figure(name: "accuracy", value: metrics.accuracy, better: .higher)]
    case .regression(let metrics):
      [
        Figure(name: "rmse", value: metrics.rmse, better: .lower),
        Figure(name: "mae", value: metrics.mae, better: .lower),
        Figure(name: "r2", value: metrics.r2, better: .higher),
      ]
    }
  }

  /// A single number by name; nil if the task has none of the name.
  public subscript(name: String) -> Figure? { figures.first { $0.name == name } }

  /// The share of rows that was predicted right; nil unless classes were predicted.
  public var accuracy: Double? { self["accuracy"]?.value }

  /// The root mean squared error; nil unless numbers were predicted.
  public var rmse: Double? { self["rmse"]?.value }

  /// The mean absolute error; nil unless numbers were predicted.
  public var mae: Double? { self["mae"]?.value }

  /// The coefficient of determination; nil unless numbers were predicted, or if it is undefined.
  public var r2: Double? { self["r2"]?.value }

  /// The metrics as JSON: accuracy, perClass and confusion; or rmse, mae and r2, and perOutput where
  /// there are several outputs. What is undefined is null. Of more than 100 classes the confusion is
  /// confusionPairs in its place: lists of the true class, the predicted one (both as places in
  /// perClass, from 0) and the number of rows, for all pairs that occurred.
  package var json: JSONValue {
    func number(_ value: Double?) -> JSONValue { value.map { JSONValue($0) } ?? .null }
    switch self {
    case .classification(let metrics):
      let perClass = metrics.perClass.map { part -> JSONValue in
        [
          "class": JSONValue(part.name), "accuracy": number(part.accuracy),
          "count": JSONValue(part.count),
        ]
      }
      var members: JSONObject = [
        "accuracy": number(metrics.accuracy), "perClass": JSONValue(perClass),
      ]
      if metrics.classes.count <= ClassificationMetrics.mostClassesInMatrix {
        members["confusion"] = JSONValue(metrics.confusion.map { JSONValue($0) })
      } else {
        members["confusionPairs"] = JSONValue(
          metrics.confusionPairs.map { JSONValue([$0.truth, $0.predicted, $0.count]) })
      }
      return .object(members)
    case .regression(let metrics):
      var members: JSONObject = [
        "rmse": number(metrics.rmse), "mae": number(metrics.mae), "r2": number(metrics.r2),
      ]
      if metrics.perOutput.count > 1 {
        members["perOutput"] = JSONValue(
          metrics.perOutput.map { output in
            [
              "output": JSONValue(output.name), "rmse": number(output.rmse),
              "mae": number(output.mae), "r2": number(output.r2),
            ]
          })
      }
      return .object(members)
    }
  }
}
