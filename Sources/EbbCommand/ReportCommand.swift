import ArgumentParser
import Ebb
import EbbReport
import EbbRuns
import EbbSystem

/// `ebb report`.
struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Writes a run down as one page with pictures.",
    usage: "ebb report RUN [OPTIONS]",
    discussion: """
      One HTML file that needs nothing beside it: loss and metric curves, learning
      rate, how gradient flows to each layer and what is wrong with it, weights,
      activations and gradients, what was predicted, the rows predicted worst, the
      network, the check of its gradients, and all settings.

      Training writes the same page without the check, to RUN/report.html. This
      command writes it again with the check, in its place.
      """)

  @Argument(help: ArgumentHelp("The run's directory, such as runs/digits-1.", valueName: "RUN"))
  var path: String

  @Option(
    help: ArgumentHelp(
      "Where to write; - for standard output. (default: RUN/report.html)", valueName: "FILE"))
  var output: String?

  @Flag(help: "Replace the --output file.")
  var force = false

  @Flag(help: "Leave out the check of the gradients, which takes a second or more.")
  var noCheck = false

  @OptionGroup(title: "Output") var outputFlags: OutputFlags

  func validate() throws {
    if force && output == nil {
      throw ValidationError(
        "--force replaces the --output file; the run's own report.html is replaced without it.")
    }
    if output == "-" && outputFlags.json {
      throw ValidationError("--output - and --json both ask for standard output; choose one.")
    }
  }

  func run() throws {
    let directory = RunDirectory(path)
    directory.tidy()
    let settings = try RunSettings(of: directory)
    let source = try ModelSource(path)
    if let output {
      try OutputTarget(path: output, force: force).check(
        inputs: settings.dataInputs, isReport: true)
    }
    let prepared = try PreparedRun(resuming: directory, settings: settings)
    let check = noCheck ? nil : try source.model.check(on: prepared.data.training)
    let page = try RunReport(
      of: directory, prepared: prepared, model: source.model, check: check,
      commands: ReportFile.commands(settings, directory, judged: prepared.data.judged),
      checkCommand: ReportFile.command(directory),
      explainCommand: { ReportFile.explainCommand(directory, file: $0) }
    ).html
    let bytes = Array(page.utf8)
    if output == "-" {
      let stream = OutputFile.standardOutput()
      try stream.write(bytes)
      return try stream.flush()
    }
    let file = output ?? directory.report
    try Files.write(bytes, to: file, ifExists: output == nil || force ? .replace : .refuse)
    try Console.print(text(file, bytes.count, check))
  }

  private func text(_ file: String, _ size: Int, _ check: GradientCheck?) -> String {
    guard outputFlags.json else {
      let result = "report: \(file) (\(NumberFormat.bytes(size)))"
      return check.map { "\($0.sentence)\n\(result)" } ?? result
    }
    return JSONWriter.text([
      "report": JSONValue(file), "bytes": JSONValue(size), "check": check?.json ?? .null,
    ])
  }
}

/// The page that belongs to a run.
enum ReportFile {
  /// Writes the page of a training that has ended. That it cannot be written spoils no training.
  ///
  /// - Returns: what whoever trains should know before using the model, nil if there is nothing; and
  ///   what is worth knowing beside that.
  static func write(
    _ run: TrainingRun, _ result: RunResult, console: Console
  ) -> (warning: String?, notes: [String]) {
    var remarks: (warning: String?, notes: [String]) = (nil, [])
    do {
      let report = try RunReport(
        of: run.directory, prepared: run.prepared, model: Model(contentsOf: run.directory.model),
        evaluations: result.evaluations,
        commands: commands(run.settings, run.directory, judged: run.prepared.data.judged),
        checkCommand: command(run.directory),
        explainCommand: { explainCommand(run.directory, file: $0) })
      remarks = (report.warning, report.notes)
      try Files.writeWhole(Array(report.html.utf8), to: run.directory.report, ifExists: .replace)
      console.detail("report: \(run.directory.report)")
    } catch {
      console.note("the report was not written, all else was: \(error)")
    }
    return remarks
  }

  /// The command that writes the page with everything.
  static func command(_ directory: RunDirectory) -> String {
    "ebb report \(ShellText.quoted(directory.path))"
  }

  /// The command that explains rows of a file, or without one of the run's own.
  static func explainCommand(_ directory: RunDirectory, file: String? = nil) -> String {
    (["ebb explain", ShellText.quoted(directory.path)] + (file.map { [ShellText.quoted($0)] } ?? []))
      .joined(separator: " ")
  }

  /// What gives the run again, and more of it.
  static func commands(
    _ settings: RunSettings, _ directory: RunDirectory, judged: Split.Part
  ) -> [RunReport.CommandLine] {
    let path = ShellText.quoted(directory.path)
    var commands: [RunReport.CommandLine] = []
    if let line = TrainLine(settings) {
      let purpose =
        line.needsNetworkFile
        ? "This training from the beginning, with the member \"network\" of config.json saved as"
          + " network.json"
        : "This training from the beginning: the same model, bit for bit"
      commands.append(.init(purpose, line.text))
    }
    commands += [
      .init("How it came to a prediction, step by step", explainCommand(directory)),
      .init(
        "Its figures on the \(judged.rawValue) rows",
        "ebb evaluate \(path) --split \(judged.rawValue)"),
      .init("Its gradients held to differences of the loss", "ebb check \(path)"),
      .init("This page with that check", command(directory)),
    ]
    return commands
  }
}
