import ArgumentParser
import Ebb
import EbbSystem

/// `ebb evaluate`.
struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measures a model on labelled rows.",
    usage: """
      ebb evaluate MODEL DATA [OPTIONS]
      ebb evaluate RUN --split test [OPTIONS]
      """,
    discussion: """
      Classification: accuracy, the accuracy of each class (the share of its rows
      that was predicted right), and the confusion matrix; of more than 100 classes
      --json has confusionPairs in its place: true class, predicted class (as places
      in perClass, from 0), rows. Regression: rmse and mae in the target's own unit,
      and r2.
      """)

  @Argument(
    help: ArgumentHelp(
      "A model file, or the directory of a run, whose best model is taken.", valueName: "MODEL"))
  var model: String

  @Argument(help: ArgumentHelp("A CSV file, or - for standard input.", valueName: "DATA"))
  var data: String?

  @Option(
    help: ArgumentHelp(
      "Use the run's own rows: training, validation, test.", valueName: "PART"),
    transform: FlagValue.choice)
  var split: Split.Part?

  @Option(
    help: ArgumentHelp(
      "Exit with 5 if a metric is worse, such as accuracy=0.9 or rmse=60; may be repeated.",
      valueName: "METRIC=VALUE"), transform: QualityGate.init(parsing:))
  var failUnder: [QualityGate] = []

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The most threads; the result does not depend on it. (default: the usable cores, here"
        + " \(Machine.usableCores()))", valueName: "COUNT"),
    transform: { try FlagValue.threads($0) })
  var threads: Int?

  @OptionGroup(title: "Output") var output: OutputFlags

  func validate() throws {
    if data != nil && split != nil {
      throw ValidationError("Give either DATA or --split, not both.")
    }
    if data == nil && split == nil {
      throw ValidationError(
        "Give the DATA to measure on, or --split test to use a run's own test rows.")
    }
  }

  func run() throws {
    let source = try ModelSource(model)
    guard let schema = source.model.schema else { throw source.withoutSchema }
    try QualityGate.check(failUnder, task: schema.task)
    let rows = try ModelRows(data: data, or: split, of: source, schema: schema)
    for note in rows.notes { output.console.note(note) }
    guard rows.dataset.rowCount > 0 else {
      guard let split else {
        throw CommandFailure.failed("\(rows.name): there are no rows to evaluate")
      }
      return try sayNoRows(split)
    }
    let predictor = try source.model.predictor(threads: threads ?? Machine.usableCores())
    let evaluation = try predictor.evaluate(rows.dataset, schema: schema)
    try Console.print(output.json ? JSONWriter.text(json(evaluation)) : text(evaluation, rows.name))
    try QualityGate.apply(failUnder, to: evaluation.metrics)
  }

  /// A part of a run that has no rows has no figures: nothing is wrong with that, unless a figure must
  /// be reached.
  private func sayNoRows(_ part: Split.Part) throws {
    let reason = "the run has no \(part.rawValue) rows, so there is nothing to measure on them"
    guard failUnder.isEmpty else {
      throw CommandFailure(
        status: .gateMissed, message: "\(model): \(reason), and --fail-under cannot be judged")
    }
    try Console.print(
      output.json
        ? JSONWriter.text(["rows": 0, "loss": nil, "metrics": nil])
        : "\(model): \(reason); other parts may have some: ebb evaluate \(ShellText.quoted(model))"
          + " --split training")
  }

  private func json(_ evaluation: Evaluation) -> JSONValue {
    [
      "rows": JSONValue(evaluation.rows), "loss": JSONValue(evaluation.loss),
      "metrics": evaluation.metrics.json,
    ]
  }

  private func text(_ evaluation: Evaluation, _ name: String) -> String {
    let isRegression = evaluation.metrics.accuracy == nil
    var table = TextTable([
      isRegression ? "loss (standardized)" : "loss",
      NumberFormat.significant(evaluation.loss, digits: 5),
    ])
    for figure in evaluation.metrics.figures {
      table.add([figure.name, MetricsText.value(figure.value, of: figure.name)])
    }
    let head = "\(name): \(NumberFormat.counted(evaluation.rows, "row"))\n"
    guard case .classification(let metrics) = evaluation.metrics else { return head + table.text }
    let width = Terminal.isTerminal(.output) ? Terminal.width(.output) : 120
    return [
      head + table.text, MetricsText.perClass(metrics, rows: "rows"),
      MetricsText.confusion(metrics, width: width),
    ].joined(separator: "\n\n")
  }
}
