package import EbbData
internal import EbbSystem

/// Which line of the data file went to which part, as `split.csv` says.
package enum RunSplit {
  /// The first line of `split.csv`.
  static let header = "line,part\n"

  /// The text of `split.csv`.
  static func text(_ split: SplitRows, of table: Table) -> String {
    var text = header
    for (row, part) in split.partOfRow.enumerated() {
      text += "\(table.rowLines[row]),\(part.rawValue)\n"
    }
    return text
  }

  /// The error for a `split.csv` that is not the one with the checksum; nil: it is, or there is none.
  static func changed(since checksum: String?, in run: RunDirectory) -> RunError? {
    guard let checksum, let bytes = try? Files.read(run.split),
      SHA256.hexDigest(of: bytes) != checksum
    else { return nil }
    return RunError(
      .changedSettings, path: run.split,
      "the file has changed since the run wrote it, so it does not tell which rows were trained on",
      advice: "put it back as it was, or have it written anew by \"ebb resume \(run.path)\"")
  }

  /// The rows of a part, from 0.
  ///
  /// - Throws: `RunError` if the file does not fit the table.
  package static func rows(
    of part: Split.Part, in run: RunDirectory, table: Table
  ) throws -> [Int] {
    func damaged(_ message: String) -> RunError {
      RunError(
        .unreadable, path: run.split, message,
        advice: "put the file back as it was, or evaluate the model on the data file")
    }
    let saved = try Table(csvBytes: try Files.read(run.split), source: run.split)
    guard case .numbers(let lines) = try saved.column(named: "line").values,
      case .texts(let parts) = try saved.column(named: "part").values
    else { throw damaged("expected a column of numbers, line, and one of texts, part") }
    guard lines == table.rowLines.map(Double.init) else {
      throw damaged("its lines are not those of the rows of \(table.source)")
    }
    var rows: [Int] = []
    for row in lines.indices {
      guard let text = parts[row], let found = Split.Part(rawValue: text) else {
        throw damaged("line \(saved.rowLines[row]) names no part")
      }
      if found == part { rows.append(row) }
    }
    return rows
  }
}
