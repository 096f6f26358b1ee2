import Ebb
import EbbSystem

/// A limit that a metric must keep: `accuracy=0.9`, `rmse=55`.
struct QualityGate: Sendable, Equatable, CustomStringConvertible {
  let metric: String
  let limit: Double

  /// The metrics of each task.
  static let metrics: [(task: PredictionTask, names: [String])] = [
    (.classification, ["accuracy"]), (.regression, ["rmse", "mae", "r2"]),
  ]

  init(parsing text: String) throws {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, case .value(let limit) = NumberParser.double(parts[1]) else {
      throw FlagError("expected METRIC=VALUE, such as accuracy=0.9")
    }
    let known = Self.metrics.flatMap(\.names)
    guard known.contains(String(parts[0])) else {
      throw FlagError.unknown(String(parts[0]), known: known)
    }
    metric = String(parts[0])
    self.limit = limit
    switch metric {
    case "accuracy" where !(0...1).contains(limit):
      throw FlagError("accuracy is a share from 0 to 1, such as accuracy=0.9")
    case "r2" where limit > 1: throw FlagError("r2 is at most 1, such as r2=0.4")
    case "rmse" where limit < 0, "mae" where limit < 0:
      throw FlagError("\(metric) is never less than 0")
    default: break
    }
  }

  var description: String { "\(metric)=\(NumberFormat.shortest(limit))" }

  /// Refuses gates on metrics that the task does not have.
  static func check(_ gates: [QualityGate], task: PredictionTask) throws {
    let known = metrics.first { $0.task == task }?.names ?? []
    for gate in gates where !known.contains(gate.metric) {
      throw CommandFailure.usage(
        "--fail-under \(gate): this is \(task.rawValue), which has \(known.joined(separator: ", "))"
      )
    }
  }

  /// Says which gates were missed.
  ///
  /// - Throws: `CommandFailure` with the status of a missed gate.
  static func apply(_ gates: [QualityGate], to metrics: Metrics) throws {
    var missed: [String] = []
    for gate in gates {
      guard let figure = metrics[gate.metric], !figure.reaches(gate.limit) else { continue }
      let value = figure.value.map { NumberFormat.significant($0, digits: 6) } ?? "undefined"
      let relation = figure.better == .higher ? "below" : "above"
      missed.append(
        "\(gate.metric) is \(value), \(relation) the limit \(NumberFormat.shortest(gate.limit))")
    }
    guard missed.isEmpty else {
      throw CommandFailure(
        status: .gateMissed, message: "quality gate missed: " + missed.joined(separator: "; "))
    }
  }
}
