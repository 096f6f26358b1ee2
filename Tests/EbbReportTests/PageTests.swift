import Ebb
import EbbReport
import EbbRuns
import Foundation
import Testing

/// A run in a directory of its own, removed at the end.
final class TestRun {
  let directory: RunDirectory
  let prepared: PreparedRun
  private let place: String

  init(csv: String, target: String, change: (inout RunRequest) -> Void = { _ in }) throws {
    place = NSTemporaryDirectory() + "/ebb-report-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
    let file = place + "/data.csv"
    try Data(csv.utf8).write(to: URL(fileURLWithPath: file))
    var request = RunRequest(data: file, target: target)
    request.architecture = .hidden([6, 5], activation: .relu, dropout: 0.1)
    request.fit = FitOptions(epochs: 3)
    change(&request)
    prepared = try request.prepare()
    let run = try TrainingRun.begin(prepared, output: place + "/run", name: nil, replacing: false)
    _ = try run.train(shouldStop: { false }, observe: { _, _ in })
    _ = try run.finish()
    directory = run.directory
  }

  deinit { try? FileManager.default.removeItem(atPath: place) }

  /// Puts other epochs in place of those that training noted.
  func replaceEvents(_ lines: [String]) throws {
    let text = lines.map { $0 + "\n" }.joined()
    try Data(text.utf8).write(to: URL(fileURLWithPath: directory.events))
  }

  func page(checked: Bool = false) throws -> String {
    let model = try Model(contentsOf: directory.model)
    let check = checked ? try model.check(on: prepared.data.training) : nil
    return try RunReport(
      of: directory, prepared: prepared, model: model, check: check,
      commands: [.init("Again", "ebb train 'a & b.csv'")], checkCommand: "ebb report run"
    ).html
  }
}

@Suite("The page")
struct PageTests {
  /// Rows of two columns and a class.
  private static func classes(_ names: [String], rows: Int, column: String = "a") -> String {
    func quoted(_ text: String) -> String {
      "\"\(text.replacingOccurrences(of: "\"", with: "\"\""))\""
    }
    var text = "\(quoted(column)),b,kind\n"
    for row in 0..<rows {
      let name = names[row % names.count]
      text += "\(Double(row % 7) - 3),\(Double(row * 31 % 17)),\(quoted(name))\n"
    }
    return text
  }

  /// What must hold for every page.
  private func check(_ page: String) {
    for picture in pieces(of: page, from: "<svg ", to: "</svg>") {
      let fault = faultOfXML("<svg \(picture)</svg>")
      #expect(fault == nil, "\(fault ?? "")")
    }
    let rest = page.replacingOccurrences(of: "http://www.w3.org/2000/svg", with: "")
    for word in ["http:", "https:", " src=", "<link", "@import", "url(", "<iframe", "fetch("] {
      #expect(!rest.contains(word), "\(word)")
    }
    #expect(page.contains("default-src 'none'"))
    #expect(!page.lowercased().contains(">nan<"))
    #expect(!page.contains("px: "))
    for tag in ["section", "figure", "table", "svg", "details", "ul", "div", "p"] {
      let opened =
        page.components(separatedBy: "<\(tag)>").count
        + page.components(separatedBy: "<\(tag) ").count - 2
      let closed = page.components(separatedBy: "</\(tag)>").count - 1
      #expect(opened == closed, "<\(tag)>")
    }
  }

  @Test("classes: everything is there, and the same run gives the same bytes")
  func classification() throws {
    let run = try TestRun(csv: Self.classes(["x", "y", "z"], rows: 120), target: "kind")
    let page = try run.page(checked: true)
    check(page)
    for part in [
      "Loss", "Accuracy", "Learning rate", "Gradient by layer", "Update ratio", "Confusion",
      "Class by class", "Worst rows", "Network", "agrees", "All settings", "hidden1: weights",
    ] { #expect(page.contains(part), "\(part)") }
    #expect(page.contains("ebb train &#39;a &amp; b.csv&#39;"))
    #expect(try run.page(checked: true) == page)
    #expect(try run.page().contains("ebb report run"))
  }

  @Test("names that are markup, very long, or written from right to left")
  func names() throws {
    let names = [
      "<script>alert(1)</script>", "a & \"b\"", "שלום", String(repeating: "long ", count: 40),
    ]
    let run = try TestRun(
      csv: Self.classes(names, rows: 160, column: "</style><b>'x'"), target: "kind")
    let page = try run.page()
    check(page)
    #expect(!page.contains("<script>alert"))
    #expect(!page.contains("</style><b>"))
    #expect(page.contains("&lt;script&gt;alert(1)"))
  }

  @Test("two classes with one output, and no hidden layer")
  func binary() throws {
    let run = try TestRun(csv: Self.classes(["no", "yes"], rows: 80), target: "kind") {
      $0.architecture = .hidden([], activation: .relu, dropout: 0)
    }
    let page = try run.page()
    check(page)
    #expect(page.contains(">yes?</text>"))
  }

  @Test("numbers: predicted against true, and errors")
  func regression() throws {
    var text = "a,b,y\n"
    for row in 0..<90 { text += "\(row % 9),\(row * 7 % 11),\(Double(row % 9) * 2.5 + 0.125)\n" }
    let run = try TestRun(csv: text, target: "y")
    let page = try run.page()
    check(page)
    #expect(page.contains("Predicted against true") && page.contains("Errors"))
    #expect(!page.contains("Confusion"))
    let path = try #require(pieces(of: page, from: "<path class=\"dots\" d=\"", to: "\"").first)
    #expect(path.components(separatedBy: "h0").count - 1 == run.prepared.data.test.rowCount)
  }

  @Test("one epoch; a thousand; losses that are no numbers or span decades; constant ones")
  func histories() throws {
    let run = try TestRun(csv: Self.classes(["x", "y"], rows: 60), target: "kind")
    func line(_ epoch: Int, _ training: String, _ validation: String) -> String {
      """
      {"epoch":\(epoch),"steps":\(epoch * 2),"learningRate":0.01,"loss":{"training":\(training),\
      "validation":\(validation)},"metrics":{"accuracy":0.5},"best":true,"seconds":0.001,\
      "layers":[{"name":"hidden1","gradientNorm":null,"weightNorm":1.5,"dead":0.5},\
      {"name":"output","gradientNorm":\(epoch % 2),"weightNorm":2,"updateRatio":1e-3}]}
      """
    }
    try run.replaceEvents([line(1, "0.7", "0.6")])
    check(try run.page())
    try run.replaceEvents((1...1000).map { line($0, "\(1 / Double($0 * $0))", "0.25") })
    let page = try run.page()
    check(page)
    #expect(page.utf8.count < 600_000)
    #expect(page.contains("1e-06"))
    try run.replaceEvents(
      (1...9).map { line($0, $0 % 3 == 0 ? "null" : "\($0)e\($0 * 30)", "null") })
    check(try run.page())
    #expect(try run.page().contains("hidden1 dead"))
    try run.replaceEvents([])
    check(try run.page())
  }

  @Test("a loss that rises is not learning by heart, one that falls beside the validation's is")
  func verdicts() throws {
    let run = try TestRun(csv: Self.classes(["x", "y"], rows: 60), target: "kind")
    func lines(_ losses: [(training: Double, validation: Double)]) -> [String] {
      losses.enumerated().map { index, loss in
        """
        {"epoch":\(index + 1),"steps":\(index + 1),"learningRate":3,\
        "loss":{"training":\(loss.training),"validation":\(loss.validation)},\
        "metrics":{"accuracy":0.5},"best":\(index == 0),"seconds":0.001}
        """
      }
    }
    try run.replaceEvents(
      lines([(1688, 1551), (2500, 9000), (2400, 21000), (1869, 20270)]))
    let rising = try run.page()
    #expect(rising.contains("is probably too large: the training loss rose from 1688"))
    #expect(rising.contains("--learning-rate") && !rising.contains("by heart"))
    #expect(!rising.contains("Gradient reaches every layer as it should"))
    try run.replaceEvents(lines([(0.6, 0.6), (0.6, 0.6), (0.6, 0.5), (0.01, 0.9)]))
    let learned = try run.page()
    #expect(!learned.contains("probably too large"))
    #expect(learned.contains("by heart") && learned.contains("training loss fell from 0.6"))
  }

  @Test("the worst rows are named as the command takes them")
  func worstRows() throws {
    let run = try TestRun(csv: Self.classes(["x", "y", "z"], rows: 120), target: "kind")
    let page = try run.page()
    let test = run.prepared.data.split.test
    let number = try #require(pieces(of: page, from: "<tr><td>row ", to: " (").first)
    let row = try #require(Int(number))
    #expect(test.contains(row - 1))
    #expect(page.contains("row \(row) (line \(row + 1))"))
    #expect(page.contains("ebb explain RUN --row \(row)</code>"))
  }

  @Test("damaged notes are refused with the line")
  func damage() throws {
    let run = try TestRun(csv: Self.classes(["x", "y"], rows: 60), target: "kind")
    try run.replaceEvents(["{\"epoch\":1}"])
    #expect {
      try run.page()
    } throws: { error in
      "\(error)".contains("events.jsonl: line 1")
    }
  }
}
