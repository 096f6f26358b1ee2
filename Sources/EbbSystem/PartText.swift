/// Lines of an explanation for a terminal of 80 columns.
package struct PartText {
  package private(set) var lines: [String] = []

  package init(lines: [String] = []) {
    self.lines = lines
  }

  /// The most characters of a line, if its words allow it.
  package static let width = 80

  /// The lines, each with its line break.
  package var text: String { lines.map { $0 + "\n" }.joined() }

  /// A number as it is shown: six significant digits.
  package static func number(_ value: Double) -> String {
    NumberFormat.significant(value, digits: 6)
  }

  /// A number that people gave, or that is exact with few digits: without zeros at its end.
  package static func plain(_ value: Double) -> String {
    let text = number(value)
    guard text.contains(".") else { return text }
    var digits = String(text.prefix { $0 != "e" })
    let exponent = text.dropFirst(digits.count)
    while digits.last == "0" { digits.removeLast() }
    if digits.last == "." { digits.removeLast() }
    return digits + exponent
  }

  /// How far two numbers lie apart: two significant digits.
  package static func deviation(_ value: Double) -> String {
    NumberFormat.significant(value, digits: 2)
  }

  /// A name from a file, cut to what a column can bear, on one line.
  package static func shortened(_ name: String) -> String {
    let line = MessageText.line(String(name.map { $0.isNewline || $0 == "\t" ? " " : $0 }))
    return line.count <= 24 ? line : line.prefix(23) + "…"
  }

  /// A line as it is.
  package mutating func line(_ text: String = "", indent: Int = 0) {
    let line = String(repeating: " ", count: indent) + text
    lines.append(String(line.reversed().drop { $0 == " " }.reversed()))
  }

  /// Words, broken into lines; those after the first are indented further by `hanging`.
  package mutating func paragraph(_ text: String, indent: Int = 0, hanging: Int = 0) {
    pieces(
      text.split(separator: " ").map(String.init), separator: " ", indent: indent,
      hanging: hanging)
  }

  /// Pieces that are not broken, with a separator between them.
  package mutating func pieces(
    _ pieces: [String], separator: String, indent: Int = 0, hanging: Int = 0
  ) {
    var current = ""
    var room = Self.width - indent
    var margin = indent
    for (index, piece) in pieces.enumerated() {
      let next = index == 0 ? piece : separator + piece
      if !current.isEmpty && current.count + next.count > room {
        line(current, indent: margin)
        margin = indent + hanging
        room = Self.width - margin
        current = String(next.drop { $0 == " " })
      } else {
        current += next
      }
    }
    line(current, indent: margin)
  }

  /// Columns: the first `alignsLeft` begin at the left, the others end at the right.
  package mutating func table(_ rows: [[String]], indent: Int = 0, alignsLeft: Int = 1) {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    for row in rows {
      let cells = row.enumerated().map { column, cell in
        column < alignsLeft
          ? cell.paddedRight(to: widths[column]) : cell.paddedLeft(to: widths[column])
      }
      line(cells.joined(separator: "  "), indent: indent)
    }
  }
}

extension JSONValue {
  /// A number that may be absent.
  package init(optional value: Double?) { self = value.map { JSONValue($0) } ?? .null }
}
