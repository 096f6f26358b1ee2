package import Ebb
internal import EbbSystem

/// How numbers are spread, as bars of equal width; an earlier spread may stand behind as an outline.
///
/// Areas are shares: the bars' heights are shares by width, so that spreads over different ranges can
/// be compared.
package struct HistogramChart {
  let title: String
  let histogram: Histogram
  var earlier: Histogram?
  /// What the two are called in the table, such as `epoch 40` and `epoch 1`.
  var name = "count"
  var earlierName = ""
  var width = 230.0
  var height = 128.0
  var xName = ""

  package init(
    title: String, histogram: Histogram, earlier: Histogram? = nil, name: String = "count",
    earlierName: String = "", width: Double = 230, height: Double = 128, xName: String = ""
  ) {
    (self.title, self.histogram, self.earlier) = (title, histogram, earlier)
    (self.name, self.earlierName, self.xName) = (name, earlierName, xName)
    (self.width, self.height) = (width, height)
  }

  /// The picture.
  package var svg: HTML {
    let all = [histogram] + (earlier.map { [$0] } ?? [])
    let x = Scale.snug(ends, from: 12, to: width - 12, count: 5)
    let steps = all.map { Self.steps($0, on: x) }
    let most = steps.joined().map(\.density).max() ?? 1
    let y = Scale(
      kind: .linear, low: 0, high: most > 0 ? most : 1, start: height - (xName.isEmpty ? 24 : 38),
      end: 8, ticks: [])
    let canvas = Canvas(
      title: title, summary: summary, width: width, height: height, x: x, y: y, xName: xName)
    var content: HTML = "<g class=\"bars\">"
    for (step, cells) in zip(steps[0], cells(of: histogram))
    where step.density > 0 && step.right > step.left {
      let top = y.place(step.density) ?? y.start
      let gap = step.right - step.left > 3 ? 0.5 : 0
      content += """
        <path d="M\(px: step.left + gap) \(px: y.start)V\(px: top)H\(px: step.right - gap)V\
        \(px: y.start)z"><title>\(cells[0]) to \(cells[1]): \(cells[2])</title></path>
        """
    }
    content += "</g>\n"
    if steps.count > 1 { content += Self.outline(steps[1], y) }
    content += "<path class=\"axis\" d=\"M\(px: x.start) \(px: y.start)H\(px: x.end)\"/>\n"
    return canvas.drawing(content)
  }

  /// The ends of the axis. Where the earlier spread was much wider, it is cut off: the bars are what is
  /// to be seen.
  private var ends: [Double] {
    let span = histogram.highest - histogram.lowest
    var (low, high) = (histogram.lowest, histogram.highest)
    if let earlier, span > 0 {
      low = min(low, max(earlier.lowest, low - span / 2))
      high = max(high, min(earlier.highest, high + span / 2))
    } else if let earlier {
      (low, high) = (min(low, earlier.lowest), max(high, earlier.highest))
    }
    return [max(-Scale.limit, low), min(Scale.limit, high)]
  }

  /// The intervals with their counts.
  package var numbers: NumberTable {
    var table = NumberTable(["from", "to", name])
    for cells in cells(of: histogram) { table.add(cells) }
    return table
  }

  /// Appends the intervals of both spreads to a table of many.
  func add(to table: inout NumberTable, as label: String) {
    for cells in cells(of: histogram) { table.add([label, name] + cells) }
    for cells in earlier.map(cells(of:)) ?? [] { table.add([label, earlierName] + cells) }
  }

  private func cells(of histogram: Histogram) -> [[String]] {
    let edges = Self.edges(histogram)
    return histogram.counts.indices.map { index in
      [
        NumberTable.number(edges[index]), NumberTable.number(edges[index + 1]),
        NumberFormat.grouped(histogram.counts[index]),
      ]
    }
  }

  private var summary: String {
    func short(_ value: Double) -> String { NumberFormat.significant(value, digits: 3) }
    let total = histogram.total
    var text =
      "\(NumberFormat.counted(total, "number")) from \(short(histogram.lowest)) to"
      + " \(short(histogram.highest))"
    let most = histogram.counts.max() ?? 0
    if let index = histogram.counts.firstIndex(of: most), total > 0 {
      let edges = Self.edges(histogram)
      text +=
        ", most of them (\(NumberFormat.grouped(most))) between \(short(edges[index])) and"
        + " \(short(edges[index + 1]))"
    }
    if let earlier {
      text += "; earlier from \(short(earlier.lowest)) to \(short(earlier.highest))"
    }
    return text + "."
  }

  // MARK: Bars

  /// A bar's sides, and its share by width.
  struct Step {
    let left: Double
    let right: Double
    let density: Double
  }

  /// Where the intervals begin and end.
  static func edges(_ histogram: Histogram) -> [Double] {
    let count = histogram.counts.count
    return (0...count).map { index in
      let share = Double(index) / Double(count)
      return histogram.lowest * (1 - share) + histogram.highest * share
    }
  }

  /// The bars on an axis; numbers that are all equal make a narrow one.
  static func steps(_ histogram: Histogram, on x: Scale) -> [Step] {
    let total = Double(max(1, histogram.total))
    let places = edges(histogram).map { x.place($0) ?? x.start }
    return histogram.counts.indices.map { index in
      var (left, right) = (places[index], places[index + 1])
      if right - left < 2 {
        let centre = (left + right) / 2
        let half = max(1.5, (places[places.count - 1] - places[0]) / Double(2 * places.count))
        if histogram.counts.count == 1 { (left, right) = (centre - half, centre + half) }
      }
      let width = max(right - left, 0.1)
      return Step(
        left: max(x.start, min(x.end, left)), right: max(x.start, min(x.end, right)),
        density: Double(histogram.counts[index]) / total / width)
    }
  }

  private static func outline(_ steps: [Step], _ y: Scale) -> HTML {
    guard let first = steps.first else { return "" }
    var path = "M\(Pixels.text(first.left)) \(Pixels.text(y.start))"
    for step in steps where step.right > step.left {
      let top = y.place(step.density) ?? y.start
      path += "V\(Pixels.text(top))H\(Pixels.text(step.right))"
    }
    return "<path class=\"outline\" d=\"\(path)V\(px: y.start)\"/>\n"
  }
}

extension Histogram {
  /// All counts together, at most the largest number there is.
  var total: Int {
    counts.reduce(0) { sum, count in
      let (next, overflow) = sum.addingReportingOverflow(count)
      return overflow ? .max : next
    }
  }

  /// Counts of the finite ones among numbers; nil if there are none.
  package init?(counting numbers: [Double], intervals: Int) {
    let finite = numbers.filter { Scale.isDrawable($0) }
    guard let low = finite.min(), let high = finite.max() else { return nil }
    guard high > low else {
      self.init(lowest: low, highest: high, counts: [finite.count])
      return
    }
    var counts = [Int](repeating: 0, count: intervals)
    for number in finite {
      let place = (number - low) / (high - low) * Double(intervals)
      counts[min(intervals - 1, max(0, Int(place)))] += 1
    }
    self.init(lowest: low, highest: high, counts: counts)
  }
}
