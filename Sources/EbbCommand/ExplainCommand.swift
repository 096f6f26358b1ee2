import ArgumentParser
import Ebb
import EbbRuns
import EbbSystem

/// `ebb explain`.
struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Shows backpropagation at work on one row, with the numbers that training uses.",
    usage: """
      ebb explain MODEL DATA --row N [OPTIONS]
      ebb explain RUN [DATA] --row N [OPTIONS]
      ebb explain --example NAME [OPTIONS]
      """,
    discussion: """
      Numbers are named as in a = W h + b, counted from 0: hidden1.weight[3,7] leads
      from input 7 to neuron 3 of hidden1, hidden1.bias[3] and hidden1[3] are that
      neuron's bias and activation. Rows are counted from 1, without the header.

      A RUN stands for its best model; --weight and --what-if take its last state,
      which has the optimizer's. The batch is then the next step's; with the best
      model it is the one of the following epoch that holds the row; without a run
      it is the row and those after it.

      Exit status: 0 done, 3 if an equation's two sides disagree.
      """)

  @OptionGroup(title: "What to explain") var what: ExplainSubjectFlags

  @OptionGroup(title: "Parts (several may be asked for)") var parts: ExplainPartFlags

  @Option(
    name: .customLong("output"),
    help: ArgumentHelp(
      "Where --graph dot and svg go. (default: standard output)", valueName: "FILE"))
  var file: String?

  @Option(
    help: ArgumentHelp(
      "Write a page to click through backpropagation, instead of text; - for standard output.",
      valueName: "FILE"))
  var html: String?

  @Flag(help: "Replace the file of --output or --html.")
  var force = false

  @OptionGroup(title: "Output") var output: OutputFlags

  func validate() throws {
    if html != nil && (!parts.isEmpty || output.json) {
      throw ValidationError(
        "--html is a page of its own: leave out --json and the parts, or leave out --html.")
    }
    if file != nil && !parts.isGraphFile {
      throw ValidationError("--output goes with --graph dot or --graph svg.")
    }
    if parts.whatIf && what.state == .best {
      throw ValidationError(
        "--what-if needs the optimizer's state, which only the last state has: leave out --state.")
    }
    if parts.isGraphFile && output.json {
      throw ValidationError("--json prints numbers: leave out dot or svg, or leave out --json.")
    }
  }

  func run() throws {
    for (flag, target) in [("--html", html), ("--output", file)] {
      guard let target else { continue }
      try OutputTarget(path: target, force: force, flag: flag).check(inputs: inputs)
    }
    let source = try what.source(needsOptimizer: parts.needsOptimizer)
    let number = what.row ?? 1
    let notes = try source.notes + source.notes(row: number)
    let precision: ExplanationSubject.Precision = what.usesDouble ? .double : .single
    let subject = try source.subject(row: number, precision)
    if let html {
      say(notes, of: source)
      return try writeHTML(subject, row: number, of: source, to: html)
    }
    let found = try ExplainParts(subject, parts, of: source, example: what.example)
    // Only now is it sure that there is something to explain.
    say(notes, of: source)
    if let graph = found.graphFile { return try write(graph) }
    let header = ExplanationHeader(
      subject, row: try source.rowName(number), origin: source.origin, changes: source.changes)
    if output.json {
      var members = header.members
      for part in found.parts { members[type(of: part).key] = part.json }
      try Console.print(JSONWriter.text(.object(members)))
    } else {
      let blocks = [header.text] + found.parts.map(\.text)
      try Console.print(blocks.joined(separator: "\n").trimmingFinalBreaks)
    }
    if parts.isEmpty && !output.json {
      output.console.say(
        "\nMore: --level equations, --weight NAME[I,J], --wiggle NAME[I], --wishes, --features,"
          + " --graph; see ebb explain --help")
    }
    if found.disagrees { throw CommandFailure(status: .checkFailed, message: nil) }
  }

  private func say(_ notes: [String], of source: ExplanationSource) {
    for note in notes { output.console.note(note) }
    if what.row == nil && source.rowCount > 1 {
      output.console.note("this is row 1 of \(source.rowCount); choose another with --row")
    }
  }

  /// The files that are read, by the names of their arguments.
  private var inputs: [(name: String, path: String?)] {
    var inputs: [(name: String, path: String?)] = []
    if let data = what.data { inputs.append(("DATA", data == "-" ? "/dev/stdin" : data)) }
    if let model = what.model {
      guard what.isRun else { return inputs + [("MODEL", model)] }
      let run = RunDirectory(model)
      inputs.append(("MODEL", run.model))
      let own = try? RunSettings(asWrittenIn: run).data
      if what.data == nil, let own { inputs.append(("DATA", own.absolutePath)) }
    }
    return inputs
  }

  /// Writes a graph for other programs.
  private func write(_ text: String) throws {
    guard let file, file != "-" else { return try Console.print(text.trimmingFinalBreaks) }
    try Files.write(
      Array((text.trimmingFinalBreaks + "\n").utf8), to: file,
      ifExists: force ? .replace : .refuse)
    output.console.say("\(file): the graph")
  }
}

extension String {
  /// The text without line breaks at its end.
  fileprivate var trimmingFinalBreaks: String {
    var text = self[...]
    while text.last?.isNewline == true { text.removeLast() }
    return String(text)
  }
}
