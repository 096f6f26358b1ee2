import ArgumentParser
import COutOfMemory
import Ebb
import EbbRuns
import EbbSystem

/// The command `ebb`.
struct EbbRoot: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ebb",
    abstract: "Trains neural networks by backpropagation, and shows its work.",
    discussion: """
      Begin with:
        ebb train DATA.csv --target COLUMN
      Each command explains itself: ebb train --help

      Exit status: 0 done, 1 the run failed (data, files), 2 wrong usage, 3 a check
      failed, 4 training diverged, 5 a quality gate was missed; stopped, so that a run
      can be resumed: 130 by Ctrl-C, 143 by SIGTERM, 129 by SIGHUP.
      """,
    version: EbbVersion.text,
    subcommands: [
      TrainCommand.self, ResumeCommand.self, EvaluateCommand.self, PredictCommand.self,
      CheckCommand.self, ExplainCommand.self, AuditCommand.self, ReportCommand.self,
      BenchCommand.self,
    ])
}

/// What is to be done where the system gives no more memory; an estimate has told most of it before.
private let memoryAdvice: StaticString = """
  ; what was saved before is whole. Use fewer rows, narrower layers or fewer threads (--threads 1), or a \
  machine with more memory (ulimit -v tells this process's limit)
  """

/// The commands that write a run, which a request to stop must not leave undefined.
private let commandsThatTrain = ["train", "resume"]

@main
enum EbbMain {
  static func main() {
    StandardStreams.keepOpen()
    unsafe ebb_end_without_memory(memoryAdvice.utf8Start)
    Interrupts.letWritesFail()
    let arguments = Array(ProcessArguments.all.dropFirst())
    if let word = arguments.first, commandsThatTrain.contains(word) { Interrupts.endAtOnce() }
    let status: ExitStatus
    do {
      var command = try EbbRoot.parseAsRoot(arguments)
      do {
        try RepeatedOptions.check(arguments, of: type(of: command))
        try command.run()
        status = .done
      } catch let error where !error.belongsToParser {
        status = Failure.report(error, from: type(of: command))
      }
    } catch {
      status = reportParserError(error)
    }
    exitProcess(status)
  }

  /// Prints help to standard output, and what is wrong with the arguments to standard error.
  private static func reportParserError(_ error: any Error) -> ExitStatus {
    let text = EbbRoot.fullMessage(for: error)
    if EbbRoot.exitCode(for: error) == .success {
      let output = OutputFile.standardOutput()
      do {
        try output.write(text.hasSuffix("\n") ? text : text + "\n")
        try output.flush()
        return .done
      } catch {
        return Failure.report(error, from: EbbRoot.self)
      }
    }
    if let message = unknownCommand(ProcessArguments.all.dropFirst().first) {
      Console.writeError(Console.bounded(message), after: Console.errorLabel())
      return .usage
    }
    let prefix = "Error: "
    let message = text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text
    Console.writeError(Console.bounded(message), after: Console.errorLabel())
    return .usage
  }
}

extension EbbMain {
  /// What to say when the first word is no command.
  private static func unknownCommand(_ word: String?) -> String? {
    guard let word, !word.hasPrefix("-") else { return nil }
    let known = EbbRoot.configuration.subcommands.compactMap { $0.configuration.commandName }
    guard !known.contains(word), word != "help" else { return nil }
    let likely = NameSuggestion.closest(to: word, among: known)
    let hint = likely.map { "did you mean \($0)? " } ?? ""
    return "there is no command \(MessageText.quoted(word)); \(hint)the commands are"
      + " \(known.joined(separator: ", "))\n  See 'ebb --help' for more information."
  }
}

extension Error {
  /// Whether argument-parser made the error, or wraps it: help, version, wrong arguments. All other
  /// errors have the status of plain failure with it.
  fileprivate var belongsToParser: Bool { EbbRoot.exitCode(for: self) != .failure }
}
