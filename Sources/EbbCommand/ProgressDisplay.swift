import Ebb
import EbbSystem

/// Shows the course of training: a line that is rewritten on a terminal, otherwise a line per epoch.
final class ProgressDisplay {
  private let console: Console
  private let epochs: Int
  private let task: PredictionTask
  private let start = Machine.seconds()
  private var firstEpoch: Int?
  private var lastDraw = -1.0
  private var best: Int?
  private var isLineOpen = false
  private var lastLine = ""

  init(_ console: Console, epochs: Int, task: PredictionTask) {
    self.console = console
    self.epochs = epochs
    self.task = task
  }

  /// Shows an epoch that has ended.
  func show(_ report: EpochReport, seconds: Double) {
    guard console.loudness != .quiet else { return }
    if report.isBest { best = report.epoch }
    if firstEpoch == nil { firstEpoch = report.epoch }
    guard console.isInteractive && console.loudness != .verbose else {
      Console.writeError(plainLine(report, seconds: seconds))
      return
    }
    lastLine = rewrittenLine(report)
    let now = Machine.seconds()
    // A terminal that is written to more often only flickers.
    guard now - lastDraw >= 0.05 || report.epoch == epochs else { return }
    lastDraw = now
    draw()
  }

  /// Leaves the last line on the terminal.
  func close() {
    guard console.loudness != .quiet, !lastLine.isEmpty else { return }
    draw()
    Console.writeError("")
    lastLine = ""
  }

  private func draw() { Console.rewriteLine(lastLine) }

  /// The metric that a person looks at.
  private func figure(_ report: EpochReport) -> String? {
    guard let metrics = report.validation?.metrics else { return nil }
    let name = task == .classification ? "accuracy" : "rmse"
    guard let value = metrics[name]?.value else { return nil }
    return "\(name) "
      + (task == .classification
        ? NumberFormat.fixed(value, decimals: 4) : NumberFormat.significant(value, digits: 5))
  }

  private func plainLine(_ report: EpochReport, seconds: Double) -> String {
    let width = "\(epochs)".count
    var line = "epoch \("\(report.epoch)".paddedLeft(to: width))  training loss "
    line += NumberFormat.significant(report.trainingLoss, digits: 5).paddedRight(to: 10)
    if let validation = report.validation {
      line += "  validation loss "
      line += NumberFormat.significant(validation.loss, digits: 5).paddedRight(to: 10)
    }
    if let figure = figure(report) { line += "  \(figure)" }
    if report.isBest { line += "  best" }
    if console.loudness == .verbose {
      line += "  learning rate \(NumberFormat.significant(report.learningRate, digits: 4))"
      line += "  \(NumberFormat.duration(seconds: seconds))"
    }
    return line
  }

  /// The line for a terminal, never wider than it: a wrapped line could not be rewritten.
  private func rewrittenLine(_ report: EpochReport) -> String {
    let width = max(20, Terminal.width(.error)) - 1
    let count = "epoch \("\(report.epoch)".paddedLeft(to: "\(epochs)".count))/\(epochs) "
    var parts = [
      "loss \(NumberFormat.significant(report.validation?.loss ?? report.trainingLoss, digits: 4))"
    ]
    if let figure = figure(report) { parts.append(figure) }
    if let best { parts.append("best \(best)") }
    if let left = timeLeft(report) { parts.append(left) }
    while parts.count > 1 && count.count + 13 + parts.joined(separator: "  ").count > width {
      parts.removeLast()
    }
    let filled = min(10, 10 * report.epoch / max(1, epochs))
    let bar =
      console.paint(String(repeating: "█", count: filled), .green)
      + console.paint(String(repeating: "░", count: 10 - filled), .dim)
    return "\(count)\(bar)  \(parts.joined(separator: "  "))"
  }

  private func timeLeft(_ report: EpochReport) -> String? {
    let elapsed = Machine.seconds() - start
    let done = report.epoch - (firstEpoch ?? 1) + 1
    guard elapsed > 2, done > 0 else { return nil }
    let left = elapsed / Double(done) * Double(epochs - report.epoch)
    return "at most \(NumberFormat.duration(seconds: left)) left"
  }
}
