internal import EbbSystem

/// The numbers of a picture, to be read and copied.
package struct NumberTable {
  /// The names of the columns.
  package let columns: [String]
  /// The rows' cells.
  package private(set) var rows: [[String]] = []

  init(_ columns: [String]) { self.columns = columns }

  mutating func add(_ cells: [String]) { rows.append(cells) }

  /// A number as tables show it; empty where there is none.
  package static func number(_ value: Double, digits: Int = 6) -> String {
    if value.magnitude < 1e6, let whole = Int(exactly: value) { return String(whole) }
    return value.isFinite ? NumberFormat.significant(value, digits: digits) : ""
  }

  /// The table under a line that opens it.
  func details(_ summary: String = "Numbers") -> HTML {
    guard !rows.isEmpty else { return "" }
    return """
      <details class="numbers"><summary>\(summary)</summary><div class="scroll">\(table)</div></details>

      """
  }

  /// The table alone.
  var table: HTML {
    var text: HTML = "<table><thead><tr>"
    for column in columns { text += "<th scope=\"col\">\(column)</th>" }
    text += "</tr></thead><tbody>\n"
    for row in rows {
      text += "<tr>"
      // The row's end tags may be left out in HTML, which halves large tables.
      for cell in row { text += "<td>\(cell)" }
      text += "\n"
    }
    text += "</tbody></table>"
    return text
  }
}

/// A picture with its heading, a sentence about it, and its numbers.
struct Figure {
  let title: String
  var caption = ""
  let picture: HTML
  var numbers: HTML = ""
  /// Whether it takes the page's whole width.
  var isWide = false

  var html: HTML {
    let note: HTML = caption.isEmpty ? "" : "<p class=\"note\">\(caption)</p>\n"
    return """
      <figure\(isWide ? HTML(" class=\"wide\"") : "")>
      <figcaption><h3>\(title)</h3>
      \(note)</figcaption>
      <div class="picture">\(picture)</div>
      \(numbers)</figure>

      """
  }
}
