package import Ebb
internal import EbbSystem

/// Which classes were taken for which, as a map: rows are the truth, columns the predictions.
package struct ConfusionChart {
  let metrics: ClassificationMetrics

  /// The classes that are drawn: all, or of many those that were confused most.
  let shown: [Int]

  /// More classes than this are not all drawn, but so many of them as can be read.
  static let mostDrawn = ClassificationMetrics.mostClassesInMatrix
  /// So many are drawn of more.
  static let drawnOfMany = 40
  /// The most kinds of mistakes that are listed if not all classes are drawn.
  static let mostListed = 200

  package init(metrics: ClassificationMetrics) {
    self.metrics = metrics
    let isMany = metrics.classes.count > Self.mostDrawn
    shown = metrics.mostConfused(isMany ? Self.drawnOfMany : metrics.classes.count)
  }

  /// Whether every class is drawn.
  var isComplete: Bool { shown.count == metrics.classes.count }

  private var count: Int { shown.count }
  private var cell: Double { count <= 4 ? 56 : count <= 12 ? 34 : count <= 25 ? 22 : 14 }
  private var letters: Int { count <= 12 ? 14 : 11 }

  /// The picture.
  package var svg: HTML {
    let names = shown.map { Names.short(metrics.classes[$0], letters) }
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
    content += cells(left: left, top: top)
    content += """
      </g>
      <path class="frame" d="M\(px: left) \(px: top)h\(px: size)v\(px: size)h\(px: -size)z"/>

      """
    return Canvas.picture(
      title: "Confusion matrix", summary: summary, width: left + size + 8, height: top + size + 8,
      content: content)
  }

  /// How dark a cell is shows the share of the true class's rows in it.
  private func cells(left: Double, top: Double) -> HTML {
    var content: HTML = ""
    let totals = metrics.perClass.map(\.count)
    let places = Dictionary(uniqueKeysWithValues: shown.enumerated().map { ($1, $0) })
    for pair in metrics.confusionPairs {
      guard let row = places[pair.truth], let column = places[pair.predicted] else { continue }
      let (truth, predicted, count) = (pair.truth, pair.predicted, pair.count)
      let total = totals[truth]
      let share = Double(count) / Double(total)
      // The square root keeps single mistakes visible.
      let shade = max(0.12, share.squareRoot())
      let x = left + Double(column) * cell
      let y = top + Double(row) * cell
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
    let mistakes = metrics.mistakes
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

  /// What is not drawn; nil if everything is.
  var omission: String? {
    if isComplete { return nil }
    let more = metrics.mistakes.count - Self.mostListed
    return "Of \(NumberFormat.grouped(metrics.classes.count)) classes the \(count) with the most"
      + " mistakes are drawn; the numbers list "
      + (more > 0
        ? "the \(Self.mostListed) most frequent mistakes, and metrics.json all of them."
        : "all mistakes.")
  }

  /// The matrix as a table; of many classes the most frequent mistakes.
  package var numbers: NumberTable {
    guard isComplete else {
      var table = NumberTable(["true", "predicted", "rows"])
      for mistake in metrics.mistakes.prefix(Self.mostListed) {
        table.add([
          metrics.classes[mistake.truth], metrics.classes[mistake.predicted],
          String(mistake.count),
        ])
      }
      return table
    }
    var table = NumberTable(["true \\ predicted"] + metrics.classes)
    for (name, counts) in zip(metrics.classes, metrics.confusion) {
      table.add([name] + counts.map(String.init))
    }
    return table
  }
}
