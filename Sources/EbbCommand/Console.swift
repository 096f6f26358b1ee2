import EbbSystem

/// What a command prints, and where: results on standard output, all else on standard error.
///
/// Names of files, columns and classes may hold characters that a terminal acts on. Whatever people
/// read passes through here, and goes on with those characters as escapes; Ebb's own colours are added
/// after that.
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
  func note(_ text: String) {
    if loudness != .quiet {
      Self.writeError(Self.bounded(text), after: paint("note:", .yellow) + " ")
    }
  }

  /// Says what should be known before a result is used.
  func warn(_ text: String) {
    if loudness != .quiet {
      Self.writeError(Self.bounded(text), after: paint("warning:", .yellow) + " ")
    }
  }

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
  ///
  /// - Parameter label: one of Ebb's own, with its colour.
  static func writeError(_ text: String, after label: String = "") {
    writeErrorRaw(label + MessageText.visible(text) + "\n")
  }

  /// Writes a line in the place of the last one on the terminal.
  ///
  /// - Parameter text: with Ebb's own colours, and nothing in it that could hold others.
  static func rewriteLine(_ text: String) { writeErrorRaw("\r\u{1B}[K" + text) }

  /// A message with what is too long in it to be read cut out: every line keeps its beginning and its
  /// end, where it says what to do.
  static func bounded(_ text: String) -> String {
    guard text.utf8.count > longestLine else { return text }
    return text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      line.utf8.count <= longestLine
        ? String(line) : line.prefix(1_500) + " ... " + line.suffix(500)
    }.joined(separator: "\n")
  }

  private static let longestLine = 3_000

  private static func writeErrorRaw(_ text: String) {
    let stream = OutputFile.standardError()
    try? stream.write(text)
    try? stream.flush()
  }

  /// Writes a result to standard output: text for people, or JSON.
  static func print(_ text: String) throws {
    let output = OutputFile.standardOutput()
    try output.write(MessageText.visible(text) + "\n")
    try output.flush()
  }
}
