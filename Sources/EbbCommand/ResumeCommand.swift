import ArgumentParser
import Ebb
import EbbRuns
import EbbSystem

/// `ebb resume`.
struct ResumeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume",
    abstract: "Goes on with a run exactly where it stopped.",
    usage: "ebb resume RUN [--epochs COUNT] [--threads COUNT] [--force]",
    discussion: """
      The model becomes the same, bit for bit, as without the interruption. Settings
      stay as the run began with them, but that the number of epochs can be raised.
      The data file must not have changed, nor the settings in the run's config.json.
      """)

  @Argument(help: ArgumentHelp("The run's directory, such as runs/digits-1.", valueName: "RUN"))
  var path: String

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The most passes over the training rows, not fewer than before. (default: as the run began)",
      valueName: "COUNT"), transform: { try FlagValue.count($0) })
  var epochs: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The most threads; the result does not depend on it. (default: as the run began)",
      valueName: "COUNT"), transform: { try FlagValue.threads($0) })
  var threads: Int?

  @Flag(
    help: ArgumentHelp(
      "Go on with the settings that were changed in config.json: schedule, epochs, batch, patience,"
        + " reductions, gates. Others cannot be taken."))
  var force = false

  @OptionGroup(title: "Output") var output: OutputFlags

  func run() throws {
    let console = output.console
    let before = try? RunSettings(asWrittenIn: RunDirectory(path))
    let training = try TrainingRun.resume(
      RunDirectory(path), epochs: epochs, threads: threads, takingChanges: force)
    // Until here nothing is lost if it ends at once.
    Interrupts.watch()
    if training.cameBack {
      console.note(
        "a training that was to replace this run was stopped before it had begun; the run is back")
    }
    if training.splitIsNew {
      console.note("split.csv was not as the run wrote it, and is written anew")
    }
    if !training.changes.isEmpty {
      console.note(
        "changed settings are taken: "
          + training.changes.map(\.description).joined(separator: "; "))
    }
    let gates = try Self.gates(of: training)
    if let ending = training.ending, training.hasResult {
      console.say(finished(training, ending))
      let result = try training.finish()
      // Killed while the page was written.
      if !Files.exists(training.directory.report) {
        _ = ReportFile.write(training, result, console: console)
      }
      return try RunDriver.present(result, gates: gates, output: output)
    }
    if training.isFresh {
      console.say("\(path): nothing was saved before it stopped; training from the beginning")
    } else if training.ending != nil {
      console.say("\(path): trained to its end already; its result is written now")
    } else {
      console.say(
        "\(path): going on in epoch \(training.epochs + 1), after \(training.steps) steps")
    }
    let schedule = training.settings.fit.schedule
    if let before, training.settings.fit.epochs != before.fit.epochs, schedule.dependsOnTotal {
      console.note(
        "the schedule \(schedule.spelling) depends on the number of epochs: from here it follows"
          + " \(training.settings.fit.epochs), until here it followed \(before.fit.epochs)")
    }
    try RunDriver(run: training, gates: gates, output: output, console: console).drive()
  }

  /// The run's quality gates, as `config.json` has them.
  private static func gates(of training: TrainingRun) throws -> [QualityGate] {
    try training.settings.gates.map { text in
      do {
        let gate = try QualityGate(parsing: text)
        try QualityGate.check([gate], task: training.settings.task)
        return gate
      } catch {
        let why = (error as? CommandFailure)?.message ?? "\(MessageText.quoted(text)): \(error)"
        throw CommandFailure.failed("\(training.directory.configuration): failUnder: \(why)")
      }
    }
  }

  private func finished(_ training: TrainingRun, _ ending: TrainingRun.End) -> String {
    let epochs = NumberFormat.counted(training.epochs, "epoch")
    if ending == .patience {
      let patience = training.settings.fit.patience ?? 0
      return "\(path): finished already after \(epochs): the validation loss was no smaller for"
        + " \(NumberFormat.counted(patience, "epoch")) (--patience), so more epochs change nothing; to"
        + " train longer, begin a new run with --patience none or more than \(patience)"
    }
    return "\(path): finished already after \(epochs); --epochs \(2 * training.epochs) would go on"
  }
}
