internal import EbbSystem

/// Curves over a common axis, with their names at their ends.
package struct LineChart {
  /// One curve; what is not finite is a gap.
  package struct Curve {
    package let name: String
    package let values: [Double]
    /// Which of the colours it has; nil: that of its place among the curves.
    let colour: Int?

    package init(name: String, values: [Double], colour: Int? = nil) {
      (self.name, self.values, self.colour) = (name, values, colour)
    }
  }

  package let title: String
  /// The numbers of the horizontal axis, ascending.
  let x: [Double]
  var xName = "epoch"
  var yName = ""
  let curves: [Curve]
  /// A place on the horizontal axis with its meaning.
  var mark: (x: Double, label: String)?
  /// A line at a number that curves are compared with.
  var reference: (y: Double, label: String)?

  package init(
    title: String, x: [Double], xName: String = "epoch", yName: String = "", curves: [Curve],
    mark: (x: Double, label: String)? = nil, reference: (y: Double, label: String)? = nil
  ) {
    (self.title, self.x, self.xName, self.yName) = (title, x, xName, yName)
    (self.curves, self.mark, self.reference) = (curves, mark, reference)
  }

  /// Letters that a name at a curve's end may have.
  private static let nameLimit = 17
  private static let (width, height) = (480.0, 270.0)

  /// The picture.
  package var svg: HTML {
    // Room for the bold letters, larger on narrow screens.
    let room = curves.map { Names.width(Names.short($0.name, Self.nameLimit)) }.max() ?? 0
    let right = Self.width - 1.45 * room - 12
    var values = curves.flatMap(\.values)
    if let reference { values.append(reference.y) }
    let y = Scale.suiting(values, from: Self.height - 42, to: 22)
    let widest = y.ticks.map { Names.width($0.label) }.max() ?? 0
    let canvas = Canvas(
      title: title, summary: summary, width: Self.width, height: Self.height,
      x: .whole(x, from: max(36, 1.2 * widest + 12), to: right), y: y, xName: xName, yName: yName,
      plot: "line")
    var content = references(canvas)
    for (index, curve) in curves.enumerated() {
      content += drawing(of: curve, curve.colour ?? index, canvas)
    }
    content += names(canvas)
    return canvas.drawing(content)
  }

  /// The numbers that the curves go through.
  package var numbers: NumberTable {
    var table = NumberTable([xName] + curves.map(\.name))
    for index in x.indices {
      table.add(
        [NumberTable.number(x[index])]
          + curves.map { curve in
            index < curve.values.count ? NumberTable.number(curve.values[index]) : ""
          })
    }
    return table
  }

  /// A figure of the picture and its numbers.
  func figure(_ caption: String = "") -> Figure {
    Figure(title: title, caption: caption, picture: svg, numbers: numbers.details())
  }

  /// Where each curve begins and ends, in words.
  private var summary: String {
    func short(_ value: Double) -> String { NumberFormat.significant(value, digits: 3) }
    let sentences = curves.prefix(12).map { curve -> String in
      let known = zip(x, curve.values).filter { Scale.isDrawable($0.1) }
      guard let first = known.first, let last = known.last else {
        return "\(curve.name) has no values."
      }
      if known.count == 1 { return "\(curve.name) is \(short(first.1))." }
      let least = known.reduce(first.1) { min($0, $1.1) }
      let most = known.reduce(first.1) { max($0, $1.1) }
      return "\(curve.name) goes from \(short(first.1)) at \(xName) \(short(first.0)) to"
        + " \(short(last.1)) at \(xName) \(short(last.0)), between \(short(least)) and"
        + " \(short(most))."
    }
    return sentences.joined(separator: " ")
  }

  private func references(_ canvas: Canvas) -> HTML {
    var content: HTML = ""
    if let reference, let place = canvas.y.place(reference.y) {
      content += """
        <g class="reference"><path d="M\(px: canvas.x.start) \(px: place)H\(px: canvas.x.end)"/>\
        <text x="\(px: canvas.x.end - 2)" y="\(px: place - 5)" text-anchor="end">\(reference.label)</text></g>

        """
    }
    if let mark, let place = canvas.x.place(mark.x) {
      let isLeft = place > (canvas.x.start + canvas.x.end) / 2
      content += """
        <g class="mark"><path d="M\(px: place) \(px: canvas.y.start)V\(px: canvas.y.end - 4)"/>\
        <text x="\(px: place + (isLeft ? -5 : 5))" y="\(px: canvas.y.end + 4)" \
        text-anchor="\(isLeft ? "end" : "start")">\(mark.label)</text></g>

        """
    }
    return content
  }

  // MARK: Curves

  private func drawing(of curve: Curve, _ index: Int, _ canvas: Canvas) -> HTML {
    var content: HTML = "<g class=\"curve \(Self.style(index))\">"
    for piece in Self.pieces(
      of: zip(x, curve.values).map { (canvas.x.place($0), canvas.y.place($1)) })
    {
      if piece.count == 1 {
        content += "<circle cx=\"\(px: piece[0].x)\" cy=\"\(px: piece[0].y)\" r=\"3\"/>"
      } else {
        let points = piece.map { "\(Pixels.text($0.x)),\(Pixels.text($0.y))" }
        content += "<polyline points=\"\(points.joined(separator: " "))\"/>"
      }
    }
    content += "</g>\n"
    return content
  }

  /// The classes of a curve: six colours, then the same with dashes.
  static func style(_ index: Int) -> String {
    let dashes = ["", " dashed", " dotted"]
    return "s\(index % 6 + 1)\(dashes[index / 6 % 3])"
  }

  /// The stretches between gaps, thinned to what can be seen: of the points within half a pixel the
  /// first, the lowest, the highest and the last.
  static func pieces(
    of places: [(x: Double?, y: Double?)]
  ) -> [[(x: Double, y: Double)]] {
    var pieces: [[(x: Double, y: Double)]] = []
    var current: [(x: Double, y: Double)] = []
    for place in places {
      if let x = place.x, let y = place.y {
        current.append((x, y))
      } else if !current.isEmpty {
        pieces.append(current)
        current = []
      }
    }
    if !current.isEmpty { pieces.append(current) }
    return pieces.map(thinned)
  }

  private static func thinned(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
    guard let first = points.first, let last = points.last, points.count > 400,
      Double(points.count) > 4 * (last.x - first.x)
    else { return points }
    var result: [(x: Double, y: Double)] = []
    var start = 0
    while start < points.count {
      let column = (points[start].x * 2).rounded(.down)
      var (lowest, highest, end) = (start, start, start)
      while end < points.count, (points[end].x * 2).rounded(.down) == column {
        if points[end].y < points[lowest].y { lowest = end }
        if points[end].y > points[highest].y { highest = end }
        end += 1
      }
      var kept = -1
      for index in [start, lowest, highest, end - 1].sorted() where index != kept {
        result.append(points[index])
        kept = index
      }
      start = end
    }
    return result
  }

  // MARK: Names

  /// The names beside the curves' ends, moved apart where they would touch.
  private func names(_ canvas: Canvas) -> HTML {
    var ends: [(index: Int, y: Double)] = []
    for (index, curve) in curves.enumerated() {
      let place = curve.values.last(where: Scale.isDrawable).flatMap { canvas.y.place($0) }
      if let place { ends.append((index, place)) }
    }
    ends.sort { ($0.y, $0.index) < ($1.y, $1.index) }
    let room = Int((canvas.y.start - canvas.y.end) / 14) + 1
    if ends.count > room {
      let all = ends
      ends = (0..<room).map { all[$0 * (all.count - 1) / max(1, room - 1)] }
    }
    let places = Self.apart(ends.map(\.y), by: 14, within: canvas.y.end...canvas.y.start)
    var content: HTML = "<g class=\"names\">"
    for (end, place) in zip(ends, places) {
      let (name, colour) = (curves[end.index].name, curves[end.index].colour ?? end.index)
      content += """
        <text class="\(Self.style(colour))" x="\(px: canvas.x.end + 8)" y="\(px: place + 4)">\
        \(Names.short(name, Self.nameLimit))</text>
        """
    }
    content += "</g>\n"
    return content
  }

  /// Ascending places, moved so that neighbours have a distance, as little as possible.
  package static func apart(
    _ places: [Double], by distance: Double, within range: ClosedRange<Double>
  )
    -> [Double]
  {
    var result = places
    for index in result.indices.dropFirst() {
      result[index] = max(result[index], result[index - 1] + distance)
    }
    var limit = range.upperBound
    for index in result.indices.reversed() {
      result[index] = max(range.lowerBound, min(result[index], limit))
      limit = result[index] - distance
    }
    return result
  }
}
