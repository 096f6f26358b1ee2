import Ebb
import EbbReport
import Foundation
import Testing

/// The pieces of text between two others.
func pieces(of text: String, from start: String, to end: String) -> [String] {
  text.components(separatedBy: start).dropFirst().compactMap {
    $0.components(separatedBy: end).first
  }
}

@Suite("Charts show the numbers of their tables")
struct ChartTests {
  /// An axis as scripts read it from a picture.
  private struct Axis {
    let isLogarithmic: Bool
    let numbers: [Double]

    init(_ text: String) {
      let words = text.split(separator: " ")
      isLogarithmic = words.first == "logarithmic"
      numbers = words.dropFirst().compactMap { Double($0) }
    }

    func number(at place: Double) -> Double {
      let share = (place - numbers[2]) / (numbers[3] - numbers[2])
      if isLogarithmic { return numbers[0] * pow(numbers[1] / numbers[0], share) }
      return numbers[0] + share * (numbers[1] - numbers[0])
    }

    /// What a tenth of a pixel is, relative to the number or to the axis.
    func slack(_ value: Double) -> Double {
      let share = 0.12 / abs(numbers[3] - numbers[2])
      if isLogarithmic { return value * (pow(numbers[1] / numbers[0], share) - 1) }
      return share * (numbers[1] - numbers[0])
    }
  }

  private func axes(_ svg: String) throws -> (x: Axis, y: Axis) {
    let x = try #require(pieces(of: svg, from: "data-x=\"", to: "\"").first)
    let y = try #require(pieces(of: svg, from: "data-y=\"", to: "\"").first)
    return (Axis(x), Axis(y))
  }

  @Test(
    "each point of a curve is a number of the table",
    arguments: [
      [0.5, 0.25, 0.125, 0.3], [1e-6, 1, 1000, 0.1], [5, 5, 5], [-1, .nan, 2, 7, .infinity, 3, 4],
    ])
  func curve(values: [Double]) throws {
    let chart = LineChart(
      title: "t", x: values.indices.map { Double($0 + 1) },
      curves: [.init(name: "c", values: values)])
    let svg = chart.svg.text
    let (x, y) = try axes(svg)
    var points: [(Double, Double)] = []
    for line in pieces(of: svg, from: "<polyline points=\"", to: "\"") {
      for pair in line.split(separator: " ") {
        let numbers = pair.split(separator: ",").compactMap { Double($0) }
        points.append((numbers[0], numbers[1]))
      }
    }
    for circle in pieces(of: svg, from: "<circle cx=\"", to: "\" r=") {
      let numbers = circle.components(separatedBy: "\" cy=\"").compactMap { Double($0) }
      points.append((numbers[0], numbers[1]))
    }
    points.sort { $0.0 < $1.0 }
    let shown = chart.numbers.rows.filter { !$0[1].isEmpty }
    #expect(points.count == shown.count)
    for (point, row) in zip(points, shown) {
      let (epoch, value) = (try #require(Double(row[0])), try #require(Double(row[1])))
      #expect(abs(x.number(at: point.0) - epoch) < x.slack(epoch))
      #expect(abs(y.number(at: point.1) - value) <= y.slack(value) + 1e-5 * abs(value))
    }
  }

  @Test("a thousand epochs are thinned, their extremes kept")
  func thinning() throws {
    var values = (0..<20_000).map { 1 + sin(Double($0) / 50) }
    values[777] = 50
    let chart = LineChart(
      title: "t", x: values.indices.map { Double($0 + 1) },
      curves: [.init(name: "c", values: values)])
    let svg = chart.svg.text
    #expect(svg.utf8.count < 60_000)
    let (_, y) = try axes(svg)
    let line = try #require(pieces(of: svg, from: "<polyline points=\"", to: "\"").first)
    let tops = line.split(separator: " ").compactMap { Double($0.split(separator: ",")[1]) }
    let highest = y.number(at: tops.min() ?? 0)
    #expect(abs(highest - 50) < y.slack(50))
    #expect(chart.numbers.rows.count == 20_000)
  }

  @Test("bars are the counts of the table, areas their shares")
  func bars() throws {
    let histogram = Histogram(lowest: -2, highest: 2, counts: [1, 0, 6, 3])
    let chart = HistogramChart(title: "t", histogram: histogram)
    let svg = chart.svg.text
    let counts = pieces(of: svg, from: "</title></path>", to: "x")
    #expect(counts.count == 3, "an empty interval has no bar")
    #expect(chart.numbers.rows.map { $0[2] } == ["1", "0", "6", "3"])
    #expect(chart.numbers.rows[1].prefix(2) == ["-1", "0"])
    #expect(svg.contains("<title>0 to 1: 6</title>"))
    let heights = pieces(of: svg, from: "<g class=\"bars\">", to: "</g>")[0]
      .components(separatedBy: "V").dropFirst().enumerated().filter { $0.offset.isMultiple(of: 2) }
      .compactMap { Double($0.element.components(separatedBy: "H")[0]) }
    let bottom = 104.0
    #expect(heights.count == 3)
    #expect(abs((bottom - heights[1]) - 6 * (bottom - heights[0])) < 1)
    #expect(abs((bottom - heights[2]) - 3 * (bottom - heights[0])) < 1)
  }

  @Test("fifty classes, one of them empty, stay legible")
  func confusion() throws {
    let count = 50
    let truth = (0..<2000).map { $0 % (count - 1) }
    let predicted = truth.enumerated().map { $0 % 10 == 0 ? ($1 + 3) % count : $1 }
    let metrics = try ClassificationMetrics(
      classes: (0..<count).map { "class \($0)" }, truth: truth, predicted: predicted)
    let chart = ConfusionChart(metrics: metrics)
    let svg = chart.svg.text
    #expect(faultOfXML(svg) == nil)
    let cells = pieces(of: svg, from: "<rect ", to: "/>")
    #expect(cells.count == metrics.confusion.joined().count { $0 > 0 })
    #expect(cells.allSatisfy { $0.contains("width=\"14\"") })
    #expect(chart.numbers.rows.map { $0.dropFirst().compactMap { Int($0) } } == metrics.confusion)
  }

  @Test("of many classes those that were confused most are drawn, and it says so")
  func manyClasses() throws {
    let count = 3000
    let truth = (0..<6000).map { $0 % count }
    // Class 17 is taken for 2000, often; most others for their neighbours, once.
    let predicted = truth.enumerated().map { row, label in
      label == 17 ? 2000 : row % 5 == 0 ? (label + 1) % count : label
    }
    let metrics = try ClassificationMetrics(
      classes: (0..<count).map { "class \($0)" }, truth: truth, predicted: predicted)
    let chart = ConfusionChart(metrics: metrics)
    let svg = chart.svg.text
    #expect(faultOfXML(svg) == nil)
    #expect(svg.utf8.count < 40_000)
    #expect(svg.contains("true class 17, predicted class 2000: 2 of 2"))
    #expect(svg.contains("class 17 taken for class 2000 2 times"))
    #expect(chart.numbers.rows.count == 200)
    #expect(chart.numbers.rows.contains(["class 17", "class 2000", "2"]))
  }

  @Test("pictures are recognised by the names of their pixels")
  func pixels() {
    let grid = (0..<64).map { "pixel_\($0 / 8)_\($0 % 8)" }
    #expect(PixelLayout(names: grid)?.width == 8)
    #expect(PixelLayout(names: grid.reversed())?.features.first == 63)
    #expect(PixelLayout(names: (1...784).map { "px\($0)" })?.height == 28)
    #expect(PixelLayout(names: (0..<6).map { "p\($0 / 3)x\($0 % 3)" }) == nil, "too small")
    #expect(PixelLayout(names: (1...30).map { "x\($0)" }) == nil)
    #expect(PixelLayout(names: (1...16).map { "x\($0)" }) == nil, "sixteen columns are no picture")
    #expect(PixelLayout(names: ["age", "sex", "bmi"]) == nil)
    #expect(PixelLayout(names: grid.dropLast() + ["pixel_0_0"]) == nil)
  }

  @Test("a picture's dark pixels are its large numbers")
  func image() throws {
    let layout = try #require(PixelLayout(names: (0..<16).map { "p_\($0 / 4)_\($0 % 4)" }))
    var values = [Double](repeating: 0, count: 16)
    (values[5], values[6], values[12]) = (16, 16, 8)
    let svg = PixelImage(layout: layout, values: values, range: 0...16).svg("a <picture>").text
    #expect(faultOfXML(svg) == nil)
    #expect(svg.contains("M1 1h2v1h-2z\" fill-opacity=\"100%\""))
    #expect(svg.contains("M0 3h1v1h-1z"))
  }
}
