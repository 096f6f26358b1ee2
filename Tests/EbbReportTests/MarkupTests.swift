import Ebb
import EbbReport
import Foundation
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// What is wrong with XML text; nil: nothing.
func faultOfXML(_ text: String) -> String? {
  let parser = XMLParser(data: Data(text.utf8))
  return parser.parse() ? nil : "\(parser.parserError.map { "\($0)" } ?? "?")\n\(text.prefix(400))"
}

@Suite("Markup")
struct MarkupTests {
  static let names = [
    "a<b", "x & y", "\"quoted\" 'too'", "</svg><script>alert(1)</script>", "שלום עולם", "نص عربي",
    String(repeating: "very long ", count: 30), "tab\there\nand a line", "bell\u{7}null\u{0}",
    "\u{FFFE}", "emoji 🧪", "",
  ]

  @Test("what is put in is escaped, once", arguments: names)
  func escaping(name: String) {
    let html: HTML = "<p title=\"\(name)\">\(name)</p>"
    #expect(faultOfXML(html.text) == nil)
    let again: HTML = "\(html)"
    #expect(again == html)
    #expect(HTML.escaped("a<b & c>'\"") == "a&lt;b &amp; c&gt;&#39;&quot;")
  }

  @Test("every picture is well-formed, whatever its names and numbers", arguments: names)
  func pictures(name: String) throws {
    let series: [[Double]] = [
      [1], [], [.nan, .infinity, -.infinity], [3, 3, 3], [1, .nan, 2, .nan, .nan, 1e-9, 1e9],
      [0, 0, 1e-300, 1e300], [-1e308, 1e308],
    ]
    for values in series {
      let chart = LineChart(
        title: name, x: values.indices.map { Double($0 + 1) },
        curves: [.init(name: name, values: values), .init(name: "b", values: [])],
        mark: (1, name), reference: (1e-3, name))
      #expect(faultOfXML(chart.svg.text) == nil)
      let scatter = ScatterChart(
        title: name, truth: values, predicted: values.reversed(), lines: Array(values.indices))
      #expect(faultOfXML(scatter.svg.text) == nil)
      if let histogram = Histogram(counting: values, intervals: 7) {
        let bars = HistogramChart(
          title: name, histogram: histogram,
          earlier: Histogram(counting: [1, 2, 3], intervals: 2), name: name)
        #expect(faultOfXML(bars.svg.text) == nil)
        #expect(faultOfXML("<div>\(bars.svg.text)</div>")?.contains("nan") != true)
      }
    }
    let metrics = try ClassificationMetrics(
      classes: [name, "other", "none of these"], truth: [0, 0, 1], predicted: [0, 1, 1])
    #expect(faultOfXML(ConfusionChart(metrics: metrics).svg.text) == nil)
  }
}
