import ArgumentParser
import Ebb
import EbbRuns
import EbbSystem

/// `ebb audit`.
struct AuditCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit",
    abstract: "Ranks rows whose own gradients stand out, such as likely wrong labels.",
    usage: """
      ebb audit RUN [DATA] [OPTIONS]
      ebb audit MODEL DATA [OPTIONS]
      """,
    discussion: """
      A network can learn a wrong label by heart, and then its gradient is small. So
      networks of the model's kind are trained on parts of the rows, as the model
      was, and each row is judged by those that have not seen it.

      Rows that stand out come first, with a reason: wrong-label (the networks are
      as sure of another class as they usually are of that class's own rows; never
      where they know no better than guessing), conflicting-duplicate (the same
      features, another label), far-value (regression: 3.5 times the usual distance
      from the prediction), dominates (a quarter or more of all squared gradients).
      The others are only ranked, by the score: how strongly the loss pulls on the
      label's output, 1 - p(label); for regression the distance from the prediction
      over the usual one.

      A reason is a reason to look, no verdict. --folds 0 asks the model itself, at
      once; on rows that it was trained on this finds less.
      """)

  @Argument(
    help: ArgumentHelp(
      "A model file, or the directory of a run, whose best model is taken.", valueName: "MODEL"))
  var model: String

  @Argument(
    help: ArgumentHelp(
      "A CSV file, or - for standard input. (default for a run: all rows of its data file)",
      valueName: "DATA"))
  var data: String?

  @Option(
    help: ArgumentHelp(
      "Only these rows of the run: training, validation, test.", valueName: "PART"),
    transform: FlagValue.choice)
  var split: Split.Part?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Into how many parts the rows are divided; each is judged by a network trained on the others."
        + " 0: the model itself judges. (default: 5)", valueName: "COUNT"),
    transform: { try FlagValue.folds($0) })
  var folds: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "How many networks judge each row. (default: \(AuditOptions().repeats))",
      valueName: "COUNT"),
    transform: { try FlagValue.count($0) })
  var repeats: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "How many rows to print, or all. (default: those that stand out, and at least 20)",
      valueName: "COUNT"),
    transform: { try CountOrWord(parsing: $0, word: "all") })
  var top: CountOrWord?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The seed of divisions and trainings. (default: 0)", valueName: "SEED"),
    transform: FlagValue.seed)
  var seed: UInt64?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The most threads; the result does not depend on it. (default: the usable cores, here"
        + " \(Machine.usableCores()))", valueName: "COUNT"),
    transform: { try FlagValue.threads($0) })
  var threads: Int?

  @Option(
    name: .customLong("output"),
    help: ArgumentHelp(
      "Where to write the CSV; - for standard output, on a terminal its main columns.",
      valueName: "FILE"))
  var file = "-"

  @Flag(help: "Replace the --output file.")
  var force = false

  @OptionGroup(title: "Output") var output: OutputFlags

  func validate() throws {
    if data != nil && split != nil {
      throw ValidationError("Give either DATA or --split, not both.")
    }
    if folds == 0 && repeats != nil {
      throw ValidationError("--repeats has no use with --folds 0, which trains no networks.")
    }
  }

  func run() throws {
    let source = try ModelSource(model)
    guard let schema = source.model.schema else { throw source.withoutSchema }
    try checkOutput(source)
    let rows = try AuditRows(data: data, part: split, of: source, schema: schema)
    for note in rows.notes { output.console.note(note) }
    guard rows.dataset.rowCount > 0 else {
      throw CommandFailure.failed("\(rows.name): there are no rows to audit")
    }
    var options = AuditOptions(threads: threads ?? Machine.usableCores())
    if let folds { options.folds = folds }
    if let repeats { options.repeats = repeats }
    if let seed { options.seed = seed }
    options.recipe = try rows.settings.map { try recipe($0, source.model, rows.dataset) }
    var progress = AuditProgress(console: output.console)
    let start = Machine.seconds()
    let audit = try source.model.audit(on: rows.dataset, options: options) { done, count in
      progress.show(done, count)
    }
    progress.end()
    let table = AuditTable(
      audit, schema: schema, lines: rows.lines, numbers: rows.numbers,
      top: top.map { $0.count ?? audit.rows.count })
    try write(table, of: rows, options, seconds: Machine.seconds() - start)
  }

  /// The run's own settings, for as many epochs as its best model had.
  private func recipe(
    _ settings: RunSettings, _ model: Model, _ dataset: Dataset
  ) throws -> AuditOptions.Recipe {
    var fit = settings.fit
    fit.epochs = min(max(1, model.record.epochs), fit.epochs)
    return AuditOptions.Recipe(
      optimizer: settings.optimizer, fit: fit,
      options: try settings.options(for: dataset))
  }

  /// What there is to know of the result besides the rows.
  private func notes(_ table: AuditTable, _ rows: AuditRows) -> [String] {
    var notes = table.caution.map { [$0] } ?? []
    if table.audit.trainings == 0, rows.mayHaveBeenTrainedOn {
      notes.append(
        "on rows that it was trained on, wrong labels can hide: --folds 5 asks networks that have"
          + " not seen them")
    }
    return notes
  }

  /// The audit with what was asked for.
  private func json(
    _ table: AuditTable, of rows: AuditRows, _ options: AuditOptions
  ) -> JSONValue {
    let audit = table.audit
    var members: JSONObject = [
      "source": JSONValue(rows.fileName), "split": split.map { JSONValue($0.rawValue) } ?? .null,
      "folds": JSONValue(options.folds),
      "repeats": audit.trainings == 0 ? .null : JSONValue(options.repeats),
      "seed": JSONValue(Int(clamping: options.seed)),
      "notes": JSONValue(rows.notes + notes(table, rows)),
    ]
    if case .object(let found) = table.json {
      for member in found { members[member.key] = member.value }
    }
    return .object(members)
  }

  private func write(
    _ table: AuditTable, of rows: AuditRows, _ options: AuditOptions, seconds: Double
  ) throws {
    let isForPeople = file == "-" && !output.json && Terminal.isTerminal(.output)
    let text =
      output.json
      ? JSONWriter.text(json(table, of: rows, options)) + "\n"
      : isForPeople ? table.text : table.csv
    if file == "-" {
      let stream = OutputFile.standardOutput()
      // Other programs get the texts as they are.
      try stream.write(Terminal.isTerminal(.output) ? MessageText.visible(text) : text)
      try stream.flush()
    } else {
      try Files.write(Array(text.utf8), to: file, ifExists: force ? .replace : .refuse)
    }
    let console = output.console
    console.say("\(rows.name): \(table.summary)")
    let audit = table.audit
    let time = NumberFormat.duration(seconds: seconds)
    if audit.trainings == 0 {
      console.say("judged by the model itself, \(time)")
    } else {
      console.say(
        "judged by \(NumberFormat.counted(audit.trainings, "network")) trained on other rows, each"
          + " row by \(NumberFormat.grouped(audit.opinions)), \(time)")
    }
    for note in notes(table, rows) { console.note(note) }
    let others = table.count - audit.standingOut.count
    if others > 0 && others < table.count {
      console.say(
        "\(NumberFormat.counted(others, "row")) after them, without a reason,"
          + " \(others == 1 ? "is" : "are") only ranked")
    }
    if isForPeople {
      console.say("all columns, and each reason in words: --output FILE.csv, or --json")
    }
    if file != "-" { console.say("\(file): \(NumberFormat.counted(table.count, "row"))") }
  }

  /// Refuses to write over what is read, and over a file without --force.
  private func checkOutput(_ source: ModelSource) throws {
    let settings = try source.run.map { try RunSettings(asWrittenIn: $0) }
    try OutputTarget(path: file, force: force).check(
      inputs: [("DATA", data), ("MODEL", source.run?.model ?? model)]
        + (settings?.dataInputs ?? []))
  }
}

extension FlagValue {
  /// A number of parts to divide rows into; 0: none.
  static func folds(_ text: String) throws -> Int {
    let count = try count(text, from: 0)
    guard count != 1, count <= 1000 else { throw FlagError("expected 0, or 2 to 1000") }
    return count
  }
}

/// How many networks are trained, on standard error, if it takes long enough to wonder.
private struct AuditProgress {
  let console: Console
  private let start = ContinuousClock.now
  private var isShown = false
  private var tenths = 0

  init(console: Console) { self.console = console }

  mutating func show(_ done: Int, _ count: Int) {
    guard console.loudness != .quiet, ContinuousClock.now - start > .seconds(2), done < count
    else { return }
    let text = "trained \(done) of \(NumberFormat.counted(count, "network"))"
    if console.isInteractive {
      Console.rewriteLine(MessageText.visible(text))
      isShown = true
    } else if done * 10 / count > tenths {
      tenths = done * 10 / count
      Console.writeError(text)
    }
  }

  /// Leaves the terminal's line empty.
  func end() {
    if isShown { Console.rewriteLine("") }
  }
}
