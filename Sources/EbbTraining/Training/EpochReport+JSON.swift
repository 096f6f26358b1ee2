internal import EbbEvaluation
package import EbbSystem

extension EpochReport {
  /// The epoch's line in `events.jsonl`.
  package func event(seconds: Double) -> JSONValue {
    var losses: JSONObject = ["training": JSONValue(trainingLoss)]
    var metrics: JSONObject = [:]
    if let validation {
      losses["validation"] = JSONValue(validation.loss)
      for figure in validation.metrics.figures {
        metrics[figure.name] = figure.value.map { JSONValue($0) } ?? .null
      }
    }
    var members: JSONObject = [
      "epoch": JSONValue(epoch), "steps": JSONValue(Int(clamping: steps)),
      "learningRate": JSONValue(learningRate), "loss": .object(losses),
      "metrics": .object(metrics), "best": JSONValue(isBest), "seconds": JSONValue(seconds),
    ]
    members["layers"] = statistics.map { JSONValue($0.layers.map(\.json)) }
    return .object(members)
  }
}
