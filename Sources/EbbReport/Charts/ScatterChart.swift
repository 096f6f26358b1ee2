internal import EbbSystem

/// Predicted numbers over true ones; on the diagonal they are equal.
package struct ScatterChart {
  let title: String
  let truth: [Double]
  let predicted: [Double]
  /// The lines of the data file, in the table and in tooltips.
  let lines: [Int]

  /// More points than this are thinned evenly.
  package static let mostPoints = 2000

  package init(title: String, truth: [Double], predicted: [Double], lines: [Int]) {
    (self.title, self.truth, self.predicted, self.lines) = (title, truth, predicted, lines)
  }

  /// The rows that are drawn.
  private var shown: [Int] {
    let count = min(truth.count, Self.mostPoints)
    return (0..<count).map { $0 * truth.count / count }
  }

  /// Whether not all rows are drawn.
  var isThinned: Bool { truth.count > Self.mostPoints }

  /// The picture.
  package var svg: HTML {
    let x = Scale.linear(truth, from: 52, to: 464)
    let y = Scale.linear(predicted, from: 276, to: 30)
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
    for row in shown {
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
    func range(_ values: [Double]) -> String {
      let known = values.filter(Scale.isDrawable)
      guard let low = known.min(), let high = known.max() else { return "none" }
      return "from \(NumberFormat.significant(low, digits: 3)) to"
        + " \(NumberFormat.significant(high, digits: 3))"
    }
    return "\(NumberFormat.counted(shown.count, "point")): true numbers \(range(truth)),"
      + " predicted ones \(range(predicted))."
  }
}
