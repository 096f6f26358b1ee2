import ArgumentParser
import Ebb
import EbbRuns
import EbbSystem

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What the command tells the shell.
enum ExitStatus: Int32 {
  case done = 0
  /// Data or files.
  case failed = 1
  case usage = 2
  case checkFailed = 3
  case diverged = 4
  /// `--fail-under`.
  case gateMissed = 5
  /// By a terminal that closed (SIGHUP); can be resumed.
  case hungUp = 129
  /// By Ctrl-C (SIGINT); can be resumed.
  case interrupted = 130
  /// By SIGTERM; can be resumed.
  case terminated = 143

  /// Whether somebody asked the command to stop.
  var isInterruption: Bool { rawValue > 128 }
}

/// Ends the process.
func exitProcess(_ status: ExitStatus) -> Never { exit(status.rawValue) }

/// An end of a command that is not success, with what is to be said about it.
struct CommandFailure: Error {
  let status: ExitStatus
  /// What to print after `error: `; nil: everything is said already.
  let message: String?

  /// Flags that do not suit the data, or each other.
  static func usage(_ message: String) -> CommandFailure {
    CommandFailure(status: .usage, message: message)
  }

  /// Data or files that cannot be used.
  static func failed(_ message: String) -> CommandFailure {
    CommandFailure(status: .failed, message: message)
  }
}

/// Says what went wrong.
enum Failure {
  /// Prints an error of any type and chooses the exit status.
  static func report(_ error: any Error, from command: any ParsableCommand.Type) -> ExitStatus {
    let (status, message) = judge(error)
    // A closed pipe is how `ebb predict … | head` ends.
    if let error = error as? FileError, error.reason == .brokenPipe { return status }
    guard let message else { return status }
    // Whoever stopped it knows that it is no error.
    let label = status.isInterruption ? "" : Console.errorLabel()
    var text = Console.bounded(message)
    if status == .usage {
      // Several forms stand below each other, behind the word "Usage".
      let usage = EbbRoot.usageString(for: command).split(separator: "\n")
        .map { String($0.drop { $0 == " " }) }.joined(separator: "\n       ")
      text += "\nUsage: \(usage)\n  See '\(helpCommand(command))' for more information."
    }
    Console.writeError(text, after: label)
    return status
  }

  private static func helpCommand(_ command: any ParsableCommand.Type) -> String {
    command == EbbRoot.self
      ? "ebb --help" : "ebb \(command.configuration.commandName ?? "") --help"
  }

  /// The exit status of an error, and what is said about it.
  static func judge(_ error: any Error) -> (ExitStatus, String?) {
    switch error {
    case let error as CommandFailure: (error.status, error.message)
    case let error as TrainingDiverged: (.diverged, error.description)
    case let error as SettingsError: (.usage, error.description)
    case let error as RunError: (error.kind == .badSetting ? .usage : .failed, error.description)
    case let error as DataError where error.kind == .badSplit: (.usage, error.description)
    default: (.failed, "\(error)")
    }
  }
}
