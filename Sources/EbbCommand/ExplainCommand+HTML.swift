import Ebb
import EbbReport
import EbbRuns
import EbbSystem

extension ExplainCommand {
  /// The most rows that a page holds.
  private static let mostRows = 12
  /// How many rows of the data are looked at to find others worth seeing: the first ones.
  private static let mostRowsSearched = 5_000

  /// Writes the page that steps through backpropagation, with the row and a handful of others of the
  /// same data: wrong ones and right ones.
  ///
  /// - Parameters:
  ///   - number: the subject's row, from 1.
  ///   - file: where to; `-` is standard output.
  /// - Throws: `FileError` if it cannot be written.
  func writeHTML(
    _ subject: ExplanationSubject, row number: Int, of source: ExplanationSource, to file: String
  ) throws {
    let others = try otherRows(beside: number, subject.model, source)
    let page = try StepperPage(
      subject, others: try others.map { try source.subject(row: $0, subject.precision) },
      title: Files.name(of: source.origin.path), isChanged: !what.set.isEmpty, command: textCommand)
    if file == "-" {
      let stream = OutputFile.standardOutput()
      try stream.write(page.html)
      return try stream.flush()
    }
    try Files.write(
      Array(page.html.utf8), to: file, ifExists: force ? .replace : .refuse)
    output.console.say(
      "\(file): a page with \(NumberFormat.counted(page.rowCount, "row")); open it in a browser")
  }

  /// The numbers, from 1, of other rows worth seeing.
  private func otherRows(
    beside number: Int, _ model: Model, _ source: ExplanationSource
  ) throws -> [Int] {
    let count = Self.mostRows - 1
    guard let (dataset, places) = try rowsAgain(model) else {
      // Rows from standard input cannot be read again: those next to the row.
      let first = max(1, min(number - count / 2, source.rowCount - count))
      return Array((first...max(first, min(source.rowCount, first + count))))
        .filter { $0 != number }
    }
    return try model.rowsWorthSeeing(
      in: dataset, beside: places.firstIndex(of: number - 1), count: count
    ).map { places[$0] + 1 }
  }

  /// The first rows of the data that have a target, and their places; nil if they cannot be read again.
  private func rowsAgain(_ model: Model) throws -> (dataset: Dataset, places: [Int])? {
    if let example = what.example {
      let dataset = try example.dataset
      return (dataset, Array(0..<dataset.rowCount))
    }
    guard let schema = model.schema, let table = try tableAgain(schema) else { return nil }
    let missing = Set(try table.column(named: schema.target.name).missingRows)
    let places = (0..<min(table.rowCount, Self.mostRowsSearched)).filter { !missing.contains($0) }
    guard !places.isEmpty else { return nil }
    return (try schema.encode(table, rows: places, target: .required).dataset, places)
  }

  private func tableAgain(_ schema: Schema) throws -> Table? {
    if let data = what.data {
      guard data != "-", try Files.kind(of: data) == .regular else { return nil }
      return try DataSource.table(data, schema: schema)
    }
    guard let model = what.model, what.isRun else { return nil }
    let run = RunDirectory(model)
    return try RunSettings(asWrittenIn: run).data.readAgain(for: run, schema: schema)
  }

  /// The command that explains rows of the same data, with the same numbers, as text.
  private var textCommand: String {
    var words = ["ebb", "explain"]
    if let example = what.example { words += ["--example", example.rawValue] }
    words += [what.model, what.data].compactMap { $0.map(Self.quoted) }
    // A single weight would otherwise take a run's last state.
    if what.isRun { words += ["--state", (what.state ?? .best).rawValue] }
    for change in what.set {
      words += ["--set", Self.quoted("\(change.element)=\(change.value)")]
    }
    if what.usesDouble { words.append("--double") }
    return words.joined(separator: " ")
  }

  /// A word as a shell reads it.
  private static func quoted(_ word: String) -> String {
    let isPlain = word.allSatisfy { $0.isLetter || $0.isNumber || "/._-+=:,@".contains($0) }
    if isPlain && !word.isEmpty { return word }
    return "'"
      + word.split(separator: "'", omittingEmptySubsequences: false)
      .joined(separator: "'\\''") + "'"
  }
}
