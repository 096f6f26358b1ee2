#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What standard output and standard error lead to.
package enum Terminal {
  /// One of the two streams a command writes.
  package enum Stream: Sendable {
    case output
    case error

    var descriptor: Int32 { self == .output ? STDOUT_FILENO : STDERR_FILENO }
  }

  /// Whether a person sees this stream on a terminal, rather than a file or a pipe.
  package static func isTerminal(_ stream: Stream) -> Bool {
    isatty(stream.descriptor) == 1
  }

  /// How many columns the terminal has; `fallback` where there is none.
  ///
  /// Asks the terminal, then the variable `COLUMNS`.
  package static func width(_ stream: Stream, fallback: Int = 80) -> Int {
    var size = winsize()
    if ioctl(stream.descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 {
      return Int(size.ws_col)
    }
    if let text = Machine.environment("COLUMNS"),
      case .value(let columns) = NumberParser.integer(text), (1...10_000).contains(columns)
    {
      return Int(columns)
    }
    return fallback
  }
}
