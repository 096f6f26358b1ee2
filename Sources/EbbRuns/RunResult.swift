package import EbbData
internal import EbbEvaluation
package import EbbSystem
package import EbbTraining

/// What a run brought: its best model, measured.
package struct RunResult: Sendable {
  package let settings: RunSettings
  package let directory: RunDirectory
  package let classes: [String]
  /// The number of trained numbers.
  package let parameters: Int
  /// The epochs done.
  package let epochs: Int
  /// The epoch whose numbers were kept.
  package let bestEpoch: Int
  /// The time spent on training, validation included.
  package let seconds: Double
  /// Training rows per second.
  package let samplesPerSecond: Double
  /// The best model on each part that has rows.
  package let evaluations: [Split.Part: Evaluation]

  /// The parts that have rows, in their usual order.
  package var parts: [Split.Part] { Split.Part.allCases.filter { evaluations[$0] != nil } }

  /// The part that the result is judged by: test rows if there are any, otherwise validation, and
  /// training rows at last.
  package var judged: Split.Part? { parts.last }

  /// The result as JSON, in the order of the command's documentation.
  package var json: JSONValue {
    var rows: JSONObject = [:]
    var losses: JSONObject = [:]
    for part in Split.Part.allCases {
      rows[part.rawValue] = JSONValue(evaluations[part]?.rows ?? 0)
      losses[part.rawValue] = evaluations[part].map { JSONValue($0.loss) } ?? .null
    }
    var metrics: JSONObject = [:]
    for part in parts.reversed() { metrics[part.rawValue] = evaluations[part]?.metrics.json }
    return [
      "task": JSONValue(settings.task.rawValue), "target": JSONValue(settings.target),
      "classes": JSONValue(classes), "rows": .object(rows), "parameters": JSONValue(parameters),
      "epochs": JSONValue(epochs), "bestEpoch": JSONValue(bestEpoch),
      "seed": Int64(exactly: settings.options.seed).map { .integer($0) }
        ?? JSONValue("\(settings.options.seed)"),
      "threads": JSONValue(settings.options.threads), "seconds": JSONValue(seconds),
      "samplesPerSecond": JSONValue(samplesPerSecond), "loss": .object(losses),
      "metrics": .object(metrics), "run": JSONValue(directory.path),
      "model": JSONValue(directory.model),
    ]
  }
}

extension PreparedData {
  /// The part that a result is judged by: see ``RunResult/judged``.
  package var judged: Split.Part {
    test.rowCount > 0 ? .test : validation.rowCount > 0 ? .validation : .training
  }
}
