import ArgumentParser
import Ebb
import EbbSystem

/// `ebb check`.
struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Holds a model's gradients to differences of its loss, on rows of yours.",
    usage: """
      ebb check MODEL DATA [OPTIONS]
      ebb check RUN [--split PART] [OPTIONS]
      """,
    discussion: """
      For every parameter: its gradient along random directions, and by single
      elements, beside 4-point differences of the loss in double precision. ReLUs
      and other kinks keep the side they were on, and what a step would have crossed
      is counted. Networks with dropout are checked with and without it.

      Then: micro-batches add up to one batch; threads and the executor do not
      change a bit; single precision is as near as rounding lets it be.

      Exit status: 0 if the gradient agrees, 3 if anything disagrees, and 3 if no
      parameter could be decided. "inconclusive" is never a pass: what could not be
      decided is named. Finite differences do not prove.
      """)

  @Argument(
    help: ArgumentHelp(
      "A model file, or the directory of a run, whose best model is taken.", valueName: "MODEL"))
  var model: String

  @Argument(
    help: ArgumentHelp(
      "A CSV file, or - for standard input. (default for a run: its training rows)",
      valueName: "DATA"))
  var data: String?

  @Option(
    help: ArgumentHelp(
      "Use the run's own rows: training, validation, test.", valueName: "PART"),
    transform: FlagValue.choice)
  var split: Split.Part?

  @Option(
    help: ArgumentHelp(
      "Only these parameters, such as hidden1.weight,output.bias. (default: all)",
      valueName: "NAME,NAME"))
  var tensors: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The most rows; of more, evenly spread ones are taken. (default: 256)", valueName: "COUNT"),
    transform: { try FlagValue.count($0) })
  var rows: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "How far gradient and difference may be apart, relative to the norm of the parameter's"
        + " gradient. (default: 1e-07)", valueName: "NUMBER"),
    transform: { try FlagValue.number($0, "above 0") { $0 > 0 && $0.isFinite } })
  var tolerance: Double?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Up to how many threads are compared with one. (default: 3)", valueName: "COUNT"),
    transform: { try FlagValue.threads($0) })
  var threads: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The seed of directions, elements and dropout's masks. (default: 0)", valueName: "SEED"),
    transform: FlagValue.seed)
  var seed: UInt64?

  @Option(help: ArgumentHelp(AgainstCheck.help, valueName: "FILE"))
  var against: String?

  @OptionGroup(title: "Output") var output: OutputFlags

  func validate() throws {
    if against != nil && (tensors != nil || rows != nil || threads != nil || seed != nil) {
      throw ValidationError(AgainstCheck.exclusive)
    }
    if data != nil && split != nil {
      throw ValidationError("Give either DATA or --split, not both.")
    }
  }

  func run() throws {
    let source = try ModelSource(model)
    guard let schema = source.model.schema else { throw source.withoutSchema }
    var options = GradientCheck.Options()
    options.tensors = try names(source.model)
    if let rows { options.rows = rows }
    if let tolerance { options.tolerance = tolerance }
    if let threads { options.threads = threads }
    if let seed { options.seed = seed }
    let rows = try ModelRows(
      data: data, or: split ?? source.run.map { _ in .training }, of: source, schema: schema)
    for note in rows.notes { output.console.note(note) }
    guard rows.dataset.rowCount > 0 else {
      throw CommandFailure.failed("\(rows.name): there are no rows to check on")
    }
    if let against {
      return try AgainstCheck.run(
        against, model: source.model, dataset: rows.dataset, rows: rows.name, tolerance: tolerance,
        json: output.json)
    }
    var progress = CheckProgress(console: output.console)
    let check = try source.model.check(on: rows.dataset, options: options) { name, done, all in
      progress.show(name, done, all)
    }
    progress.end()
    for note in check.notes { output.console.note(note) }
    try Console.print(
      output.json ? JSONWriter.text(check.json) : CheckText.text(check, rows: rows.name))
    if !check.verdict.isAgreement { throw CommandFailure(status: .checkFailed, message: nil) }
  }

  /// The parameters asked for.
  private func names(_ model: Model) throws -> [String]? {
    guard let tensors else { return nil }
    let known = model.parameters.map(\.name)
    return try tensors.split(separator: ",", omittingEmptySubsequences: false).map { part in
      let name = String(part.drop { $0 == " " })
      guard known.contains(name) else {
        throw CommandFailure.usage(
          "--tensors: the model has no tensor named \(MessageText.quoted(name)); "
            + NameSuggestion.advice(for: name, among: known))
      }
      return name
    }
  }
}

/// What is being looked at, on standard error, if it takes long enough to wonder.
private struct CheckProgress {
  let console: Console
  private let start = ContinuousClock.now
  private var isShown = false

  init(console: Console) { self.console = console }

  mutating func show(_ name: String, _ done: Int, _ all: Int) {
    let isLong = ContinuousClock.now - start > .seconds(2)
    guard console.loudness != .quiet, isLong, done < all else { return }
    let text = "checking \(name) (\(done + 1) of \(all))"
    if console.isInteractive {
      Console.rewriteLine(MessageText.visible(text))
    } else {
      Console.writeError(text)
    }
    isShown = true
  }

  /// Leaves the terminal's line empty.
  func end() {
    if isShown && console.isInteractive { Console.rewriteLine("") }
  }
}
