import Ebb
import EbbReport
import EbbRuns
import EbbSystem
import Foundation
import Testing

/// Tables from a seed, with as much to learn in them as is wanted.
private struct Numbers {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 12345 }

  /// Between 0 and 1.
  mutating func uniform() -> Double {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Double(state >> 40) * 0x1p-24
  }

  /// About normal, of mean 0 and deviation 1.
  mutating func normal() -> Double { (0..<12).reduce(-6) { sum, _ in sum + uniform() } }

  /// Rows of four columns and a target, which is made of the columns and noise.
  static func table(
    rows: Int, seed: UInt64, target: (_ x: [Double], _ noise: inout Numbers) -> String
  ) -> String {
    var numbers = Numbers(seed)
    var text = "a,b,c,d,y\n"
    for _ in 0..<rows {
      let x = (0..<4).map { _ in numbers.normal() }
      text += x.map { String(format: "%.4f", $0) }.joined(separator: ",")
      text += ",\(target(x, &numbers))\n"
    }
    return text
  }
}

@Suite("Verdicts are no stronger than their evidence")
struct VerdictTests {
  private static let use = "Nothing stands in the way"

  /// What a run says of itself.
  private struct Said {
    let warning: String?
    let notes: [String]
    let page: String
    var advice: String { pieces(of: page, from: "class=\"advice\">", to: "</ul>").first ?? "" }
    var lead: String { pieces(of: page, from: "<p class=\"lead\">", to: "</p>").first ?? "" }
  }

  private static func said(
    _ csv: String, target: String = "y", epochs: Int = 40,
    change: (inout RunRequest) -> Void = { _ in }
  ) throws -> Said {
    let run = try TestRun(csv: csv, target: target) { request in
      request.architecture = .hidden([16], activation: .relu, dropout: 0)
      request.fit = FitOptions(epochs: epochs)
      change(&request)
    }
    let report = try RunReport(
      of: run.directory, prepared: run.prepared, model: Model(contentsOf: run.directory.model))
    return Said(warning: report.warning, notes: report.notes, page: report.html)
  }

  @Test("good results of default trainings: no alarm", arguments: 0..<4 as Range<UInt64>)
  func good(seed: UInt64) throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    for (name, target) in [
      ("iris", "species"), ("breast-cancer", "diagnosis"), ("diabetes", "progression"),
    ] {
      let csv = try String(
        contentsOf: root.appending(path: "Examples/\(name).csv"), encoding: .utf8)
      let said = try Self.said(csv, target: target) {
        $0.architecture = .hidden([64], activation: .relu, dropout: 0)
        $0.options.seed = seed
        $0.optimizer = .adam(learningRate: 0.003)
      }
      #expect(said.warning == nil, "\(name)")
      #expect(said.notes.isEmpty, "\(name): \(said.notes)")
      #expect(!said.page.contains("healthy") && said.lead.contains("no fault was found"))
    }
  }

  @Test("labels and numbers made by chance: never learned, never to be used")
  func chance() throws {
    for seed in 0..<10 as Range<UInt64> {
      let rows = [24, 60, 150, 300][Int(seed % 4)]
      let tables = [
        Numbers.table(rows: rows, seed: seed) { _, noise in noise.uniform() < 0.5 ? "no" : "yes" },
        Numbers.table(rows: rows, seed: seed) { _, noise in
          ["p", "q", "r"][Int(noise.uniform() * 3)]
        },
        Numbers.table(rows: rows, seed: seed) { _, noise in "\(noise.normal())" },
      ]
      for csv in tables {
        let said = try Self.said(csv)
        #expect(!said.advice.contains(Self.use), "seed \(seed)")
        let hedged = ["measurably", "are few for a judgement", "so few rows"]
        #expect(hedged.contains { said.page.contains($0) }, "seed \(seed): \(said.advice)")
        #expect(!said.lead.contains("learned from"))
      }
    }
  }

  @Test("rare rows: answers no better than the constant are no sign that nothing was learned")
  func imbalance() throws {
    for seed in 0..<4 as Range<UInt64> {
      let csv = Numbers.table(rows: 600, seed: seed) { x, noise in
        noise.uniform() < 0.01 + (x[0] > 1.3 ? 0.25 : 0) ? "yes" : "no"
      }
      let said = try Self.said(csv)
      #expect(said.warning?.contains("learned nothing") != true, "\(said.warning ?? "")")
      #expect(!said.page.contains("train longer"))
    }
  }

  @Test("a table so small that nothing can be told is judged with caution")
  func tiny() throws {
    let csv = Numbers.table(rows: 26, seed: 5) { x, _ in x[0] + x[1] > 0 ? "yes" : "no" }
    let said = try Self.said(csv)
    #expect(!said.advice.contains(Self.use))
    #expect(said.page.contains("few"))
    var xor = "a,b,out\n"
    for row in 0..<4 { xor += "\(row / 2),\(row % 2),\(row / 2 ^ row % 2)\n" }
    let whole = try Split("100/0/0")
    let alone = try Self.said(xor, target: "out", epochs: 300) { $0.split = whole }
    #expect(!alone.advice.contains(Self.use))
    #expect(alone.advice.contains("Training saw all rows"))
  }

  // MARK: Planted faults

  private static let line = Numbers.table(rows: 300, seed: 9) { x, noise in
    "\(x[0] - 2 * x[1] + 0.1 * noise.normal())"
  }
  private static let classes = Numbers.table(rows: 300, seed: 9) { x, noise in
    x[0] - 2 * x[1] + 0.1 * noise.normal() > 0 ? "yes" : "no"
  }

  @Test("a learning rate that is far too small or too large is named")
  func rates() throws {
    for csv in [Self.line, Self.classes] {
      let slow = try Self.said(csv, epochs: 12) { $0.optimizer = .adam(learningRate: 1e-7) }
      #expect(slow.warning?.contains("learning rate is probably too small") == true)
      #expect(slow.advice.contains("Train anew with the usual one: --learning-rate 0.001"))
      let none = try Self.said(csv, epochs: 3) { $0.optimizer = .adam(learningRate: 1e-300) }
      #expect(none.advice.contains("Train anew with the usual one: --learning-rate 0.001"))
      #expect(!none.advice.contains("look for columns"), "\(none.advice)")
      let short = try Self.said(csv, epochs: 2) { $0.optimizer = .adam(learningRate: 1e-5) }
      #expect(!short.advice.contains("look for columns"), "\(short.advice)")
      let fast = try Self.said(csv, epochs: 6) { $0.optimizer = .adam(learningRate: 30) }
      #expect(fast.warning?.contains("learning rate is probably too large") == true)
      #expect(fast.advice.contains("Train anew with the usual one: --learning-rate 0.001"))
      let faster = try Self.said(csv, epochs: 6) { $0.optimizer = .adam(learningRate: 0.09) }
      #expect(!faster.advice.contains("the usual one"))
      #expect(!fast.page.contains("by heart"))
      let right = try Self.said(csv, epochs: 60) { $0.optimizer = .adam(learningRate: 0.01) }
      #expect(right.warning == nil, "\(right.warning ?? "")")
      #expect(right.advice.contains(Self.use) || right.advice.contains("more may help"))
    }
  }

  @Test("a training that has only begun has no wrong learning rate", arguments: [1, 2, 3])
  func begun(epochs: Int) throws {
    for csv in [Self.line, Self.classes] {
      let said = try Self.said(csv, epochs: epochs) {
        $0.optimizer = .adam(learningRate: 0.003)
        $0.fit.batchSize = nil
      }
      #expect(said.warning?.contains("learning rate") != true, "\(said.warning ?? "")")
    }
  }

  @Test("five sigmoids in a row by plain descent: named as what keeps it from learning")
  func vanishing() throws {
    let said = try Self.said(Self.classes, epochs: 4) {
      $0.architecture = .hidden([8, 8, 8, 8, 8], activation: .sigmoid, dropout: 0)
      $0.optimizer = .sgd(learningRate: 0.1)
    }
    #expect(said.warning?.contains("sigmoid layers passes about") == true)
    #expect(said.lead.contains("Gradient does not reach all weights"))
  }

  @Test("test rows that are copies of training rows are named")
  func copies() throws {
    let lines = Self.classes.split(separator: "\n")
    let twice = ([lines[0]] + lines[1...] + lines[1...]).joined(separator: "\n") + "\n"
    let said = try Self.said(twice)
    #expect(said.notes.contains { $0.contains("have the very inputs of a training row") })
    #expect(said.lead.contains("have the very inputs of a training row"))
  }

  @Test("what looks like learning by heart is said with what few rows can tell")
  func byHeart() throws {
    let csv = Numbers.table(rows: 90, seed: 3) { x, noise in
      x[0] + 1.5 * noise.normal() > 0 ? "yes" : "no"
    }
    let said = try Self.said(csv, epochs: 150) {
      $0.architecture = .hidden([64, 64], activation: .relu, dropout: 0)
      $0.optimizer = .adam(learningRate: 0.01)
      $0.fit.patience = nil
    }
    #expect(said.advice.contains("looks like learning the training rows by heart, as far as"))
  }

  @Test("an output layer's activation that contradicts the loss is named, not praised")
  func outputs() throws {
    let said = try Self.said(Self.line) {
      $0.architecture = .network(
        Network([Dense(8, activation: .tanh), Dense(1, activation: .relu)]))
    }
    #expect(said.advice.contains("has the activation relu"))
    #expect(!said.advice.contains(Self.use))
  }

  // MARK: The page

  @Test("values are those of the file, also where they are 0; texts alone are no numbers")
  func values() throws {
    var text = "x,size,colour,y\n"
    for row in 0..<120 {
      let size = Double(row % 7) * 0.1
      text +=
        "\(row % 3 == 0 ? 0 : Double(row % 11) - 5.3),\(size),c\(row % 3),\(row % 5 == 0 ? 0 : Double(row % 13) - 3.7)\n"
    }
    let page = try Self.said(text).page
    let worst = try #require(pieces(of: page, from: "<table class=\"rows\">", to: "</table>").first)
    let truths = try #require(
      pieces(of: page, from: "<h3>Predicted against true", to: "</figure>").first)
    #expect(!worst.contains("e-") && !truths.contains("e-"), "\(worst)")
    var words = "colour,shape,kind\n"
    for row in 0..<120 {
      let shape = row == 37 ? "odd" : "s\(row % 4)"
      words += "c\(row % 3),\(shape),\(["x", "y"][row / 2 % 2])\n"
    }
    let texts = try Self.said(words, target: "kind").page
    #expect(!texts.contains("every number is near its mean"))
    #expect(texts.contains("nothing: training rows have all of its texts"))
  }

  @Test("validation has one colour in all pictures")
  func colours() throws {
    let page = try Self.said(Self.line).page
    let names = pieces(of: page, from: "<text class=\"s", to: "</text>")
      .filter { $0.hasSuffix(">validation") }
    #expect(names.count == 4)
    #expect(Set(names.map { $0.prefix(1) }) == ["2"])
  }

  @Test("the report's seconds are those of the result")
  func seconds() throws {
    let run = try TestRun(csv: Self.classes, target: "y")
    let json = JSONField(try JSONReader.read(try Files.read(run.directory.metrics)))
    let seconds = try json.member("seconds").number()
    let duration = NumberFormat.duration(seconds: seconds)
    #expect(try run.page().contains("<dt>Training time</dt><dd>\(duration)</dd>"))
  }

  @Test("shares that are not quite all or nothing are not rounded to it")
  func shares() throws {
    let csv = Numbers.table(rows: 400, seed: 2) { x, _ in x[0] > 0 ? "yes" : "no" }
    let page = try Self.said(csv, epochs: 200).page
    for text in pieces(of: page, from: "right, but ", to: " sure") {
      #expect(text != "100.0 %")
    }
  }
}

@Suite("Scatter charts")
struct ScatterTests {
  @Test("a thinned scatter keeps the points farthest out, and its axes end where they do")
  func extremes() throws {
    let count = 5000
    var truth = (0..<count).map { Double($0 % 100) }
    var predicted = (0..<count).map { Double($0 % 90) }
    truth[4321] = 5000
    predicted[4323] = -700
    let chart = ScatterChart(
      title: "t", truth: truth, predicted: predicted, lines: Array(0..<count))
    let path = try #require(pieces(of: chart.svg.text, from: "class=\"dots\" d=\"", to: "\"").first)
    let dots = path.components(separatedBy: "M").count - 1
    #expect(dots == chart.numbers.rows.count && dots <= ScatterChart.mostPoints + 4)
    #expect(chart.numbers.rows.contains { $0.last == "4321" })
    #expect(chart.numbers.rows.contains { $0.last == "4323" })
  }

  @Test("a point without a place on one axis stretches neither")
  func undrawable() throws {
    let chart = ScatterChart(
      title: "t", truth: [1, 2, 3, 9000], predicted: [1, 2, 3, .infinity], lines: [1, 2, 3, 4])
    let axis = try #require(pieces(of: chart.svg.text, from: "data-x=\"", to: "\"").first)
    let high = try #require(axis.split(separator: " ").dropFirst(2).first.flatMap { Double($0) })
    #expect(high < 10, "\(axis)")
  }
}
