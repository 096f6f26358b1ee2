import Foundation
import Testing

/// The book's numbers are what its commands print today.
///
/// A chapter is one session in a directory of its own, with the `Examples` beside it. Each block
/// marked `console` holds commands (`$ ebb …`) and what they print on standard output. A line that is
/// only `...` stands for any lines, at most one for each command, and `...` within a line for any text.
/// `[exit status 3]` as the last line says how a command ends, if not with 0.
///
///     EBB_BOOK=write swift test -c release --filter BookTests   # writes what was printed into the book
@Suite struct BookTests {
  static let chapters: [String] = {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    return files.filter { $0.hasSuffix(".md") }.sorted()
  }()

  static let directory = URL(fileURLWithPath: Command.examples).deletingLastPathComponent()
    .appendingPathComponent("Documentation/Book").path

  @Test("the book has chapters, and they have commands")
  func book() throws {
    #expect(Self.chapters.count >= 5)
    let commands = try Self.chapters.flatMap { try Chapter($0).commands }
    #expect(commands.count >= 20)
  }

  @Test("every command of the book prints what the book says", arguments: chapters)
  func chapter(_ name: String) throws {
    var chapter = try Chapter(name)
    let place = try Workplace()
    try FileManager.default.createSymbolicLink(
      atPath: "\(place.path)/Examples", withDestinationPath: Command.examples)
    let isWriting = ProcessInfo.processInfo.environment["EBB_BOOK"] == "write"
    var written: [(BookCommand, [String])] = []
    for command in chapter.commands {
      let outcome = try place.run(command.arguments)
      var lines = outcome.output.split(separator: "\n", omittingEmptySubsequences: false)
        .map { String($0).trimmingCharacters(in: .whitespaces).isEmpty ? "" : String($0) }
      while lines.last == "" { lines.removeLast() }
      if outcome.status != 0 { lines.append("[exit status \(outcome.status)]") }
      if isWriting {
        written.append((command, command.replaced(by: lines)))
      } else if let fault = command.difference(from: lines) {
        Issue.record(
          """
          Documentation/Book/\(name), line \(command.line): $ ebb \
          \(command.arguments.joined(separator: " "))
          \(fault)
          standard error: \(outcome.errors)
          """)
      }
    }
    if isWriting { try chapter.write(written) }
  }
}

/// A command of the book, and what it prints.
struct BookCommand {
  /// The line of `$ ebb …`, from 1.
  let line: Int
  let arguments: [String]
  let expected: [String]

  /// What is wrong with an output; nil: nothing.
  func difference(from found: [String]) -> String? {
    let (head, tail, isWhole) = parts
    func compare(_ expected: ArraySlice<String>, _ found: ArraySlice<String>) -> String? {
      for (old, new) in zip(expected, found) where !Self.matches(new, old) {
        return "the book says: \(old)\nit printed:    \(new)"
      }
      return nil
    }
    if isWhole {
      if let fault = compare(head[...], found[...]) { return fault }
      return head.count == found.count
        ? nil : "the book has \(head.count) lines, it printed \(found.count)"
    }
    guard found.count >= head.count + tail.count else {
      return "the book has more than \(head.count + tail.count) lines, it printed \(found.count)"
    }
    return compare(head[...], found.prefix(head.count))
      ?? compare(tail[...], found.suffix(tail.count))
  }

  /// The output cut as the book cuts it.
  func replaced(by found: [String]) -> [String] {
    let (head, tail, isWhole) = parts
    func kept(_ new: String, _ old: String) -> String { Self.matches(new, old) ? old : new }
    if isWhole || found.count <= head.count + tail.count {
      return found.enumerated().map { $0 < head.count ? kept($1, head[$0]) : $1 }
    }
    return zip(found.prefix(head.count), head).map(kept) + ["..."]
      + zip(found.suffix(tail.count), tail).map(kept)
  }

  private var parts: (head: [String], tail: [String], isWhole: Bool) {
    guard let cut = expected.firstIndex(of: "...") else { return (expected, [], true) }
    return (Array(expected[..<cut]), Array(expected[(cut + 1)...]), false)
  }

  /// Whether a line is what the book says, where `...` stands for any text.
  static func matches(_ line: String, _ pattern: String) -> Bool {
    let pieces = pattern.components(separatedBy: "...")
    guard pieces.count > 1 else { return line == pattern }
    guard line.hasPrefix(pieces[0]) else { return false }
    var rest = line.dropFirst(pieces[0].count)
    for piece in pieces.dropFirst().dropLast() {
      guard let range = rest.range(of: piece) else { return false }
      rest = rest[range.upperBound...]
    }
    return rest.hasSuffix(pieces[pieces.count - 1])
  }
}

/// A file of the book.
struct Chapter {
  let name: String
  private var lines: [String]
  private(set) var commands: [BookCommand] = []

  init(_ name: String) throws {
    self.name = name
    let text = try String(contentsOfFile: "\(BookTests.directory)/\(name)", encoding: .utf8)
    lines = text.components(separatedBy: "\n")
    var isConsole = false
    var start: Int?
    func finish(_ end: Int, _ commands: inout [BookCommand]) throws {
      guard let begin = start else { return }
      let words = try Self.words(String(lines[begin].dropFirst("$ ".count)), line: begin + 1)
      try #require(words.first == "ebb", "line \(begin + 1) of \(name) does not run ebb")
      commands.append(
        BookCommand(
          line: begin + 1, arguments: Array(words.dropFirst()),
          expected: Array(lines[(begin + 1)..<end])))
      start = nil
    }
    for (number, line) in lines.enumerated() {
      if line.hasPrefix("```") {
        try finish(number, &commands)
        isConsole = line == "```console"
      } else if isConsole && line.hasPrefix("$ ") {
        try finish(number, &commands)
        start = number
      }
    }
  }

  /// Puts new outputs in the place of the old.
  mutating func write(_ outputs: [(command: BookCommand, lines: [String])]) throws {
    for (command, new) in outputs.reversed() {
      lines.replaceSubrange(command.line..<(command.line + command.expected.count), with: new)
    }
    try Data(lines.joined(separator: "\n").utf8)
      .write(to: URL(fileURLWithPath: "\(BookTests.directory)/\(name)"))
  }

  /// Words as a shell splits them, with single and double quotes.
  static func words(_ text: String, line: Int) throws -> [String] {
    var words: [String] = []
    var word: String?
    var quote: Character?
    for character in text {
      if let open = quote {
        if character == open { quote = nil } else { word = (word ?? "") + String(character) }
      } else if character == "'" || character == "\"" {
        quote = character
        word = word ?? ""
      } else if character == " " {
        if let done = word { words.append(done) }
        word = nil
      } else {
        word = (word ?? "") + String(character)
      }
    }
    try #require(quote == nil, "line \(line): a quote is not closed")
    return words + (word.map { [$0] } ?? [])
  }
}
