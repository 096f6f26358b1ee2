internal import EbbSystem

/// Predicted numbers over true ones; on the diagonal they are equal.
package struct ScatterChart {
  let title: String
  let truth: [Double]
  let predicted: [Double]
  /// The lines of the data file, in the table and in tooltips.
  let lines: [Int]

  /// More points than this are thinned evenly; those farthest out are kept beside them.
  package static let mostPoints = 2000

  package init(title: String, truth: [Double], predicted: [Double], lines: [Int]) {
    (self.title, self.truth, self.predicted, self.lines) = (title, truth, predicted, lines)
  }

  /// The rows that are drawn.
  private var shown: [Int] {
    guard isThinned else { return Array(truth.indices) }
    var rows = Set((0..<Self.mostPoints).map { $0 * truth.count / Self.mostPoints })
    // The axes are drawn for what is shown, and nothing far out is hidden.
    for values in [truth, predicted] {
      let drawable = values.indices.filter { Scale.isDrawable(values[$0]) }
      for row in [
        drawable.min { (values[$0], $0) < (values[$1], $1) },
        drawable.max { (values[$0], $1) < (values[$1], $0) },
      ].compactMap(\.self) { rows.insert(row) }
    }
    return rows.sorted()
  }

  /// The points that are drawn: those with a place on both axes.
  private var points: [Int] {
    shown.filter { Scale.isDrawable(truth[$0]) && Scale.isDrawable(predicted[$0]) }
  }

  /// Whether not all rows are drawn.
  var isThinned: Bool { truth.count > Self.mostPoints }

  /// The picture.
  package var svg: HTML {
    let points = points
    let x = Scale.linear(points.map { truth[$0] }, from: 52, to: 464)
    let y = Scale.linear(points.map { predicted[$0] }, from: 276, to: 30)
    let canvas = Canvas(
      title: title, summary: summary, height: 318, x: x, y: y, xName: "true", yName: "predicted",
      plot: "scatter")
    var content: HTML = ""
    // The diagonal from where it enters the picture to where it leaves it.
    let (low, high) = (max(x.low, y.low), min(x.high, y.high))
    if low < high, let left = x.place(low), let bottom = y.place(low), let right = x.place(high),
      let top = y.place(high)
    {
      content += """
        <g class="reference"><path d="M\(px: left) \(px: bottom)L\(px: right) \(px: top)"/></g>

        """
    }
    // One path of dots: strokes without length have round ends.
    var path = ""
    for row in points {
      guard let left = x.place(truth[row]), let top = y.place(predicted[row]) else { continue }
      path += "M\(Pixels.text(left)) \(Pixels.text(top))h0"
    }
    content += "<path class=\"dots\" d=\"\(path)\"/>\n"
    return canvas.drawing(content)
  }

  /// The points that are drawn.
  package var numbers: NumberTable {
    var table = NumberTable(["true", "predicted", "line"])
    for row in shown {
      table.add([
        NumberTable.number(truth[row]), NumberTable.number(predicted[row]), "\(lines[row])",
      ])
    }
    return table
  }

  private var summary: String {
    let points = points
    func range(_ values: [Double]) -> String {
      let known = points.map { values[$0] }
      guard let low = known.min(), let high = known.max() else { return "none" }
      return "from \(NumberFormat.significant(low, digits: 3)) to"
        + " \(NumberFormat.significant(high, digits: 3))"
    }
    return "\(NumberFormat.counted(points.count, "point")): true numbers \(range(truth)),"
      + " predicted ones \(range(predicted))."
  }
}
