package import Ebb
internal import EbbSystem

/// Which classes were taken for which, as a map: rows are the truth, columns the predictions.
package struct ConfusionChart {
  let metrics: ClassificationMetrics

  package init(metrics: ClassificationMetrics) { self.metrics = metrics }

  private var count: Int { metrics.classes.count }
  private var cell: Double { count <= 4 ? 56 : count <= 12 ? 34 : count <= 25 ? 22 : 14 }
  private var letters: Int { count <= 12 ? 14 : 11 }

  /// The picture.
  package var svg: HTML {
    let names = metrics.classes.map { Names.short($0, letters) }
    let margin = max(44, (names.map(Names.width).max() ?? 0) + 14)
    let (left, top) = (margin + 16, margin + 20)
    let size = cell * Double(count)
    var content: HTML = """
      <text class="name" x="\(px: left)" y="12">predicted</text>\
      <text class="name" x="2" y="\(px: top - 6)">true</text>
      <g class="ticks">
      """
    for (index, name) in names.enumerated() {
      let middle = (Double(index) + 0.5) * cell
      content += """
        <text x="\(px: left - 8)" y="\(px: top + middle + 4)" text-anchor="end">\(name)</text>\
        <text transform="translate(\(px: left + middle + 4) \(px: top - 6)) rotate(-90)">\(name)\
        </text>
        """
    }
    content += "</g>\n<g class=\"cells\">"
    for (truth, counts) in metrics.confusion.enumerated() {
      content += row(truth, counts, left: left, y: top + Double(truth) * cell)
    }
    content += """
      </g>
      <path class="frame" d="M\(px: left) \(px: top)h\(px: size)v\(px: size)h\(px: -size)z"/>

      """
    return Canvas.picture(
      title: "Confusion matrix", summary: summary, width: left + size + 8, height: top + size + 8,
      content: content)
  }

  /// The cells of one true class: how dark one is shows the share of the class's rows in it.
  private func row(_ truth: Int, _ counts: [Int], left: Double, y: Double) -> HTML {
    var content: HTML = ""
    let total = counts.reduce(0, +)
    for (predicted, count) in counts.enumerated() where count > 0 {
      let share = Double(count) / Double(total)
      // The square root keeps single mistakes visible.
      let shade = max(0.12, share.squareRoot())
      let x = left + Double(predicted) * cell
      let words =
        "true \(metrics.classes[truth]), predicted \(metrics.classes[predicted]):"
        + " \(NumberFormat.grouped(count)) of \(NumberFormat.grouped(total))"
      content += """
        <g class="\(truth == predicted ? "right" : "wrong")"><title>\(words)</title>\
        <rect x="\(px: x)" y="\(px: y)" width="\(px: cell)" height="\(px: cell)" \
        fill-opacity="\(NumberFormat.fixed(shade, decimals: 2))"/>
        """
      if cell >= 20 {
        let text = count < 1000 ? "\(count)" : NumberFormat.significant(Double(count), digits: 1)
        content += """
          <text class="\(shade > 0.6 ? "on" : "off")" x="\(px: x + cell / 2)" \
          y="\(px: y + cell / 2 + 4)" text-anchor="middle">\(text)</text>
          """
      }
      content += "</g>\n"
    }
    return content
  }

  /// The most frequent mistakes in words.
  private var summary: String {
    let mistakes = self.mistakes
    let head =
      "\(NumberFormat.grouped(metrics.correct)) of \(NumberFormat.counted(metrics.count, "row"))"
      + " right."
    guard !mistakes.isEmpty else { return head }
    let list = mistakes.prefix(5).map { mistake in
      "\(metrics.classes[mistake.truth]) taken for \(metrics.classes[mistake.predicted])"
        + " \(mistake.count == 1 ? "once" : "\(NumberFormat.grouped(mistake.count)) times")"
    }
    return "\(head) Most frequent mistakes: \(list.joined(separator: ", "))."
  }

  /// All kinds of mistakes, the most frequent first.
  var mistakes: [(truth: Int, predicted: Int, count: Int)] {
    var pairs: [(truth: Int, predicted: Int, count: Int)] = []
    for (truth, counts) in metrics.confusion.enumerated() {
      for (predicted, count) in counts.enumerated() where count > 0 && truth != predicted {
        pairs.append((truth, predicted, count))
      }
    }
    return pairs.sorted { ($1.count, $0.truth, $0.predicted) < ($0.count, $1.truth, $1.predicted) }
  }

  /// The matrix as a table.
  package var numbers: NumberTable {
    var table = NumberTable(["true \\ predicted"] + metrics.classes)
    for (name, counts) in zip(metrics.classes, metrics.confusion) {
      table.add([name] + counts.map(String.init))
    }
    return table
  }
}
