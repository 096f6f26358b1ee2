import Ebb
import EbbSystem

/// Metrics as people read them.
enum MetricsText {
  /// A metric: accuracies with four decimals, others with five digits.
  static func value(_ value: Double?, of name: String) -> String {
    guard let value else { return "undefined" }
    return name == "accuracy" || name == "r2"
      ? NumberFormat.fixed(value, decimals: 4) : NumberFormat.significant(value, digits: 5)
  }

  /// More classes than this do not all have a line, but ``listedOfMany`` of them.
  private static let mostListed = 50
  private static let listedOfMany = 30

  /// Accuracy and count of each class; of many classes those with the most mistakes.
  static func perClass(_ metrics: ClassificationMetrics, rows: String) -> String {
    var table = TextTable(["class", "accuracy", rows])
    let all = metrics.perClass
    let listed = metrics.mostConfused(all.count > mostListed ? listedOfMany : all.count)
    for part in listed.map({ all[$0] }) {
      table.add([
        TextTable.shortened(part.name),
        part.accuracy.map { NumberFormat.fixed($0, decimals: 4) } ?? "no rows",
        NumberFormat.grouped(part.count),
      ])
    }
    if listed.count == all.count { return table.text }
    return table.text + "\n… and \(NumberFormat.grouped(all.count - listed.count)) more classes"
      + " (these have the most mistakes; --json has all)"
  }

  /// The largest number of classes whose confusion is shown as a matrix.
  private static let matrixLimit = 30

  /// Which classes were taken for which: a matrix, or the most frequent confusions where that would
  /// be too wide.
  static func confusion(_ metrics: ClassificationMetrics, width: Int) -> String {
    if metrics.classes.count <= matrixLimit {
      let text = matrix(metrics)
      if text.split(separator: "\n").allSatisfy({ $0.count <= width }) { return text }
    }
    return confusions(metrics)
  }

  private static func matrix(_ metrics: ClassificationMetrics) -> String {
    let names = metrics.classes.map { TextTable.shortened($0) }
    var table = TextTable(["true \\ predicted"] + names)
    for (name, counts) in zip(names, metrics.confusion) {
      table.add([name] + counts.map { $0 == 0 ? "." : NumberFormat.grouped($0) })
    }
    return table.text
  }

  private static func confusions(_ metrics: ClassificationMetrics) -> String {
    let pairs = metrics.mistakes
    if pairs.isEmpty { return "no row was predicted wrong" }
    var table = TextTable(["true", "predicted", "rows"])
    table.alignsLeft = 2
    for pair in pairs.prefix(20) {
      table.add([
        TextTable.shortened(metrics.classes[pair.truth]),
        TextTable.shortened(metrics.classes[pair.predicted]), NumberFormat.grouped(pair.count),
      ])
    }
    let more =
      pairs.count > 20
      ? "\n(the 20 most frequent of \(NumberFormat.grouped(pairs.count)); --json has them all)" : ""
    return table.text + more
  }
}

/// Aligned columns of text.
struct TextTable {
  private var rows: [[String]]
  /// How many columns begin at the left; the others end at the right.
  var alignsLeft = 1

  init(_ header: some Sequence<String>) { rows = [Array(header)] }

  mutating func add(_ row: [String]) { rows.append(row) }

  /// A name cut to what a column can bear, on one line.
  static func shortened(_ name: String, to limit: Int = 24) -> String {
    let line = MessageText.line(String(name.map { $0.isNewline || $0 == "\t" ? " " : $0 }))
    return line.count <= limit ? line : line.prefix(limit - 1) + "…"
  }

  var text: String {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      let cells = row.enumerated().map { column, cell in
        column < alignsLeft
          ? cell.paddedRight(to: widths[column]) : cell.paddedLeft(to: widths[column])
      }
      let line = cells.joined(separator: "  ")
      return String(line.reversed().drop { $0 == " " }.reversed())
    }.joined(separator: "\n")
  }
}
