import Ebb
import EbbRuns
import EbbSystem

/// Trains a run to its end with everything a user sees of it.
struct RunDriver {
  let run: TrainingRun
  let gates: [QualityGate]
  let output: OutputFlags
  let console: Console

  /// Trains, measures, prints.
  func drive() throws {
    let progress = ProgressDisplay(
      console, epochs: run.settings.fit.epochs, task: run.settings.task)
    let end: TrainingRun.End
    do {
      end = try run.train(
        shouldStop: { Interrupts.requested },
        observe: { report, seconds in progress.show(report, seconds: seconds) })
      progress.close()
    } catch let error as TrainingDiverged {
      progress.close()
      if output.json { try Console.print(JSONWriter.text(json(of: error))) }
      throw CommandFailure(
        status: .diverged,
        message: error.description + Self.aftermath(of: error, run))
    } catch {
      progress.close()
      let (status, message) = Failure.judge(error)
      guard let message, let kept = run.giveBackReplaced() else { throw error }
      throw CommandFailure(status: status, message: message + "\n  " + kept)
    }
    if end == .interrupted {
      throw interruption("in epoch \(run.epochs + 1) after \(run.steps) steps; everything is saved")
    }
    try stopIfAsked("when training had ended; everything is saved but the result is not written")
    if end == .patience {
      console.say(
        "stopped after epoch \(run.epochs): no smaller validation loss for "
          + "\(run.settings.fit.patience ?? 0) epochs")
    }
    let result = try self.result()
    try stopIfAsked("when the result was written and the report was not")
    let remarks = ReportFile.write(run, result, console: console)
    for note in remarks.notes { console.note(note) }
    if let warning = remarks.warning {
      console.warn(warning)
    } else if end == .epochs && run.bestEpoch == run.epochs
      && run.prepared.data.validation.rowCount > 0
    {
      console.note(
        "the last epoch was the best, so more may help: ebb resume "
          + "\(ShellText.quoted(run.directory.path)) --epochs \(2 * run.epochs)")
    }
    try Self.present(result, gates: gates, output: output)
  }

  /// The result, or an error that says what there is without it.
  private func result() throws -> RunResult {
    do {
      return try run.finish()
    } catch {
      let (status, message) = Failure.judge(error)
      guard let message else { throw error }
      let kept = run.replacedIsKept.map { "\n  \($0)" } ?? ""
      throw CommandFailure(
        status: status,
        message: message + "\n  the model is trained, but its result is not written:"
          + " \(run.directory.model)\(kept)")
    }
  }

  /// Prints a result, and ends with status 5 if a gate was missed.
  static func present(_ result: RunResult, gates: [QualityGate], output: OutputFlags) throws {
    try Console.print(
      output.json ? JSONWriter.text(result.json) : ResultReport.text(result))
    guard let part = result.judged, let evaluation = result.evaluations[part] else { return }
    try QualityGate.apply(gates, to: evaluation.metrics)
  }

  /// The end of a command that was asked to stop. From the report on, it ends as if it had not been.
  private func interruption(_ place: String) -> CommandFailure {
    let kept = run.replacedIsKept.map { "\n  \($0)" } ?? ""
    return CommandFailure(
      status: ExitStatus(rawValue: Interrupts.status) ?? .interrupted,
      message: "interrupted \(place), go on with\n"
        + "  ebb resume \(ShellText.quoted(run.directory.path))\(kept)")
  }

  private func stopIfAsked(_ place: String) throws {
    if Interrupts.requested { throw interruption(place) }
  }

  /// What a program is told of a training that diverged.
  private func json(of error: TrainingDiverged) -> JSONValue {
    [
      "error": "diverged", "step": JSONValue(Int(clamping: error.step)),
      "epoch": JSONValue(error.epoch),
      "layer": JSONValue(error.layer), "operation": JSONValue(error.operation),
      "value": JSONValue(error.value), "run": JSONValue(run.directory.path),
      "report": error.rows.isEmpty ? .null : JSONValue(run.directory.crashReport),
      "model": run.bestEpoch == 0 ? .null : JSONValue(run.directory.model),
    ]
  }

  private static func aftermath(of error: TrainingDiverged, _ run: TrainingRun) -> String {
    var text = ""
    if !error.rows.isEmpty { text += "\n  the report: \(run.directory.crashReport)" }
    if run.bestEpoch > 0 {
      text += "\n  the best model until then, of epoch \(run.bestEpoch): \(run.directory.model)"
    }
    if let kept = run.replacedIsKept { text += "\n  " + kept }
    return text
  }
}

/// Text for a shell.
enum ShellText {
  /// A word that a shell reads as one, in quotes where it must be.
  static func quoted(_ text: String) -> String {
    let isPlain =
      !text.isEmpty
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."),
          UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "="), UInt8(ascii: "+"),
          UInt8(ascii: ","), UInt8(ascii: ":"), 0x80...:
          true
        default: false
        }
      }
    if isPlain { return text }
    return "'"
      + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''")
      + "'"
  }
}
