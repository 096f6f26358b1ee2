import EbbSystem

/// What a command prints, and where: results on standard output, all else on standard error.
struct Console {
  /// How much is said on standard error.
  enum Loudness {
    case quiet
    case normal
    case verbose
  }

  let loudness: Loudness
  let usesColour: Bool
  /// Whether standard error is a terminal that a line can be rewritten on.
  let isInteractive: Bool

  init(loudness: Loudness, colour: Bool) {
    self.loudness = loudness
    isInteractive = Terminal.isTerminal(.error) && Machine.environment("TERM") != "dumb"
    usesColour = colour && isInteractive && !Self.colourIsUnwanted
  }

  /// `NO_COLOR` counts when it is set to anything but nothing (no-color.org).
  private static var colourIsUnwanted: Bool {
    Machine.environment("NO_COLOR").map { !$0.isEmpty } ?? false
  }

  /// Says something on standard error, unless quiet was asked for.
  func say(_ text: String) {
    if loudness != .quiet { Self.writeError(text) }
  }

  /// Says something that only --verbose wants to know.
  func detail(_ text: String) {
    if loudness == .verbose { Self.writeError(text) }
  }

  /// Points at something suspicious.
  func note(_ text: String) { say(paint("note:", .yellow) + " " + text) }

  /// A text in a colour, if there are colours.
  func paint(_ text: String, _ colour: Colour) -> String {
    usesColour ? "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m" : text
  }

  /// The colours in use.
  enum Colour: Int {
    case bold = 1
    case dim = 2
    case red = 31
    case green = 32
    case yellow = 33
  }

  /// `error: `, red on a terminal.
  static func errorLabel() -> String {
    let isPlain = ProcessArguments.all.contains("--no-color")
    return Console(loudness: .normal, colour: !isPlain).paint("error:", .red) + " "
  }

  /// Writes a line to standard error. That this fails cannot be told to anybody.
  static func writeError(_ text: String) { writeErrorRaw(text + "\n") }

  /// Writes to standard error without a line break.
  static func writeErrorRaw(_ text: String) {
    let stream = OutputFile.standardError()
    try? stream.write(text)
    try? stream.flush()
  }

  /// Writes a result to standard output.
  static func print(_ text: String) throws {
    let output = OutputFile.standardOutput()
    try output.write(text + "\n")
    try output.flush()
  }
}
