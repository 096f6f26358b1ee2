/// A picture with two axes.
struct Canvas {
  let title: String
  /// What the picture shows, in words, for those who do not see it.
  let summary: String
  var width = 480.0
  var height = 270.0
  let x: Scale
  let y: Scale
  var xName = ""
  var yName = ""
  /// What scripts need to know of the picture: `line`, `scatter`; nothing: it has no tooltips.
  var plot = ""

  /// The picture around what is drawn on it.
  func drawing(_ content: HTML) -> HTML {
    var frame: HTML = "<g class=\"grid\">"
    for tick in y.ticks {
      guard let place = y.place(tick.value) else { continue }
      frame += "<path d=\"M\(px: x.start) \(px: place)H\(px: x.end)\"/>"
    }
    frame += "</g>\n<g class=\"ticks\">"
    for tick in y.ticks {
      guard let place = y.place(tick.value) else { continue }
      frame += """
        <text x="\(px: x.start - 8)" y="\(px: place + 4)" text-anchor="end">\(tick.label)</text>
        """
    }
    for tick in x.ticks {
      guard let place = x.place(tick.value) else { continue }
      frame += """
        <path d="M\(px: place) \(px: y.start)v4"/>\
        <text x="\(px: place)" y="\(px: y.start + 17)" text-anchor="middle">\(tick.label)</text>
        """
    }
    frame += "</g>\n"
    if !xName.isEmpty {
      frame += """
        <text class="name" x="\(px: x.end)" y="\(px: y.start + 33)" text-anchor="end">\(xName)</text>
        """
    }
    if !yName.isEmpty {
      frame += "<text class=\"name\" x=\"\(px: 2)\" y=\"\(px: y.end - 14)\">\(yName)</text>\n"
    }
    return Self.picture(
      title: title, summary: summary, width: width, height: height,
      attributes: plot.isEmpty
        ? "" : " data-plot=\"\(plot)\" data-x=\"\(x.attribute)\" data-y=\"\(y.attribute)\"",
      content: "\(frame)\(content)")
  }

  /// An SVG picture that also can be read.
  static func picture(
    title: String, summary: String, width: Double, height: Double, attributes: HTML = "",
    content: HTML
  ) -> HTML {
    """
    <svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 \(px: width) \(px: height)" \
    width="\(px: width)" height="\(px: height)" role="img" aria-label="\(title)"\(attributes)>\
    <title>\(title)</title><desc>\(summary)</desc>
    \(content)</svg>
    """
  }
}
