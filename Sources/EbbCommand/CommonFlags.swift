import ArgumentParser

/// Flags that all commands share.
struct OutputFlags: ParsableArguments {
  @Flag(help: "Print one JSON object on standard output.")
  var json = false

  @Flag(help: "Print nothing but the result and errors.")
  var quiet = false

  @Flag(help: "Print more on the way.")
  var verbose = false

  @Flag(help: "Print without colours (so does the variable NO_COLOR).")
  var noColor = false

  func validate() throws {
    if quiet && verbose { throw ValidationError("--quiet and --verbose exclude each other.") }
  }

  var console: Console {
    Console(loudness: quiet ? .quiet : verbose ? .verbose : .normal, colour: !noColor)
  }
}
