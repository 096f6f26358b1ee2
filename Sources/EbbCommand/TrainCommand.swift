import ArgumentParser
import Ebb
import EbbRuns
import EbbSystem

/// `ebb train`.
struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Trains a network on a data file and evaluates it.",
    usage: "ebb train DATA --target COLUMN [OPTIONS]",
    discussion: """
      The rows are split into training, validation and test rows. Columns of
      numbers are standardized, columns of texts become one input for each
      category. The model of the epoch with the smallest validation loss is kept;
      without validation rows, that with the smallest training loss.

      The result goes to standard output, progress to standard error, and
      everything to the run's directory. The same seed gives the same model, bit
      for bit, with any number of threads, after an interruption and a resume.
      """)

  @Argument(help: ArgumentHelp("A CSV file whose first row names the columns.", valueName: "DATA"))
  var data: String

  @OptionGroup(title: "Data") var dataFlags: DataFlags
  @OptionGroup(title: "Network") var networkFlags: NetworkFlags
  @OptionGroup(title: "Training") var trainingFlags: TrainingFlags
  @OptionGroup(title: "Run") var runFlags: RunFlags
  @OptionGroup(title: "Output") var output: OutputFlags

  func validate() throws {
    if data == "-" {
      throw ValidationError(
        "A run reads its data again when it is resumed, so it cannot come from standard input:"
          + " save it to a file first.")
    }
  }

  func run() throws {
    let console = output.console
    var request = RunRequest(data: data, target: dataFlags.target)
    try dataFlags.apply(to: &request)
    try networkFlags.apply(to: &request)
    try trainingFlags.apply(to: &request)
    request.gates = runFlags.failUnder.map(\.description)
    let prepared: PreparedRun
    do {
      prepared = try request.prepare()
    } catch let error as DataError where error.kind == .unknownColumn && error.source == data {
      throw CommandFailure.usage(error.description)
    }
    let settings = prepared.settings
    try QualityGate.check(runFlags.failUnder, task: settings.task)
    try trainingFlags.check(task: settings.task)
    // From here on there is something to save.
    Interrupts.watch()
    let run: TrainingRun
    do {
      run = try TrainingRun.begin(
        prepared, output: runFlags.output, name: runFlags.name, replacing: runFlags.force)
    } catch let error as ModelError {
      // A loss that does not suit the targets, or a network whose outputs do not.
      throw CommandFailure.usage(error.description)
    } catch let error as TraceError {
      throw CommandFailure.usage("\(error)")
    }
    Introduction.say(prepared, parameters: run.parameterCount, on: console)
    try RunDriver(run: run, gates: runFlags.failUnder, output: output, console: console).drive()
  }
}
