import Ebb
import EbbRuns
import EbbSystem

/// A run's result as people read it.
enum ResultReport {
  static func text(_ result: RunResult) -> String {
    var blocks = [losses(result)]
    if result.settings.weightedLossLabel != nil {
      blocks[0] += "\n(these losses are without class weights, those of the epochs are with them)"
    }
    if let part = result.judged, let evaluation = result.evaluations[part] {
      if case .classification(let metrics) = evaluation.metrics {
        blocks.append(MetricsText.perClass(metrics, rows: "\(part.rawValue) rows"))
      }
    }
    blocks.append(summary(result))
    return blocks.joined(separator: "\n\n")
  }

  /// Losses and metrics, a column for each part.
  private static func losses(_ result: RunResult) -> String {
    let evaluations = result.parts.compactMap { result.evaluations[$0] }
    var table = TextTable([""] + result.parts.map(\.rawValue))
    table.add(["rows"] + evaluations.map { NumberFormat.grouped($0.rows) })
    table.add(
      [result.settings.lossLabel]
        + evaluations.map { NumberFormat.significant($0.loss, digits: 5) })
    for figure in evaluations.first?.metrics.figures ?? [] {
      table.add(
        [figure.name]
          + evaluations.map { MetricsText.value($0.metrics[figure.name]?.value, of: figure.name) })
    }
    return table.text
  }

  private static func summary(_ result: RunResult) -> String {
    let path = ShellText.quoted(result.directory.path)
    let data = ShellText.quoted(result.settings.data.path)
    let hasReport = Files.exists(result.directory.report)
    return """
      best epoch \(result.bestEpoch) of \(result.epochs), \
      \(NumberFormat.duration(seconds: result.seconds)), \
      \(NumberFormat.grouped(whole: result.samplesPerSecond)) rows per second
      run: \(result.directory.path)
      model: \(result.directory.model)\(hasReport ? "\nreport: \(result.directory.report)" : "")
      next: ebb evaluate \(path) --split \((result.judged ?? .training).rawValue)
            ebb predict \(path) \(data) --output predictions.csv
            \(ReportFile.explainCommand(result.directory))
      """
  }
}

extension RunSettings {
  /// The loss with its unit, where that is not the target's.
  var lossLabel: String { task == .regression ? "loss (standardized)" : "loss" }

  /// What is to be known of the epochs' losses if classes do not count as their rows do.
  var weightedLossLabel: String? {
    classWeights == .none
      ? nil : "class weights: \(classWeights.rawValue); the losses of the epochs are weighted"
  }
}
