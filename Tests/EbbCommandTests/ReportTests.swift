import Foundation
import Testing

@Suite("ebb report")
struct ReportTests {
  /// Trains on an example file, briefly.
  private func train(_ place: Workplace, _ name: String, _ target: String, _ more: String...) throws
  {
    let outcome = try place.run(
      ["train", Command.example(name), "--target", target, "--epochs", "12", "--output", "run"]
        + more)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(!outcome.errors.contains("report"))
  }

  @Test("training writes the page, report writes it again with the check")
  func pages() throws {
    let place = try Workplace()
    try train(place, "iris", "species")
    let first = try place.text("run/report.html")
    #expect(first.contains("<h1>species from iris.csv</h1>"))
    #expect(first.contains("ebb report run"))
    #expect(!first.contains("differences of the loss on"))
    let outcome = try place.ebb("report", "run")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("report: run/report.html"))
    let second = try place.text("run/report.html")
    #expect(second.contains("The gradient agrees to"))
    #expect(try place.ebb("report", "run", "--no-check").status == 0)
    #expect(try place.text("run/report.html") == first)
  }

  @Test("the digits are drawn, a hundred epochs take less than two megabytes")
  func digits() throws {
    let place = try Workplace()
    let outcome = try place.ebb(
      "train", Command.example("digits"), "--target", "digit", "--epochs", "100", "--patience",
      "none", "--hidden", "64,32", "--output", "run", "--quiet")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let page = try place.bytes("run/report.html")
    #expect(page.count < 2_000_000, "\(page.count) bytes")
    #expect(
      String(decoding: page, as: UTF8.self).contains(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"pixels\""))
  }

  @Test("the command on the page gives the same model, bit for bit")
  func reproduction() throws {
    for (name, target, flags) in [
      ("iris", "species", ["--hidden", "5,4", "--dropout", "0.2", "--optimizer", "momentum"]),
      ("diabetes", "progression", ["--hidden", "none", "--seed", "3", "--optimizer", "adamw"]),
      (
        "breast-cancer", "diagnosis",
        ["--class-weights", "balanced", "--batch", "full", "--ignore", "mean_area"]
      ),
    ] {
      let place = try Workplace()
      let first = try place.run(
        ["train", Command.example(name), "--target", target, "--epochs", "4", "--output", "run"]
          + flags)
      #expect(first.status == 0, "\(first.errors)")
      let page = try place.text("run/report.html")
      let start = try #require(page.range(of: "<code>ebb train "))
      let end = try #require(page[start.upperBound...].range(of: "</code>"))
      let words = page[start.upperBound..<end.lowerBound].split(separator: " ").map(String.init)
      let again = try place.run(["train"] + words + ["--output", "again"])
      #expect(again.status == 0, "\(again.errors)")
      #expect(try place.bytes("again/model.ebb") == place.bytes("run/model.ebb"))
    }
  }

  @Test("another place, standard output and JSON")
  func outputs() throws {
    let place = try Workplace()
    try train(place, "iris", "species")
    let page = try place.ebb("report", "run", "--no-check", "--output", "-")
    #expect(page.output == (try place.text("run/report.html")))
    #expect(try place.ebb("report", "run", "--no-check", "--output", "page.html").status == 0)
    let refused = try place.ebb("report", "run", "--no-check", "--output", "page.html")
    #expect(refused.status == 1 && refused.errors.contains("--force"))
    let forced = try place.ebb("report", "run", "--output", "page.html", "--force", "--json")
    let json = try forced.json()
    #expect(json["report"] as? String == "page.html")
    #expect((json["check"] as? [String: Any])?["verdict"] as? String == "agrees")
    #expect(json["bytes"] as? Int == (try place.bytes("page.html")).count)
    let own = try place.ebb("report", "run", "--output", "run/model.ebb", "--force")
    #expect(own.status == 1 && own.errors.contains("a file of the run"))
  }

  @Test("no run, no model, damaged notes, changed data: what, where, what to do")
  func refusals() throws {
    let place = try Workplace()
    let missing = try place.ebb("report", "nowhere")
    #expect(missing.status == 1 && missing.errors.contains("nowhere: there is no such run"))
    try place.write(
      try String(contentsOfFile: Command.example("iris"), encoding: .utf8), to: "i.csv")
    let trained = try place.ebb(
      "train", "i.csv", "--target", "species", "--epochs", "2", "--output", "run")
    #expect(trained.status == 0)
    let before = try place.bytes("run/report.html")
    let events = try place.text("run/events.jsonl")
    try place.write(
      events.replacingOccurrences(of: "\"epoch\":2", with: "\"epoch\":\"2\""),
      to: "run/events.jsonl")
    let damaged = try place.ebb("report", "run", "--no-check")
    #expect(damaged.status == 1 && damaged.errors.contains("run/events.jsonl: line 2"))
    #expect(try place.bytes("run/report.html") == before)
    try place.write(events, to: "run/events.jsonl")
    try place.write("a,species\n1,x\n", to: "i.csv")
    let changed = try place.ebb("report", "run", "--no-check")
    #expect(changed.status == 1 && changed.errors.contains("has changed since"))
  }

  @Test("a page that cannot be written spoils no training")
  func unwritable() throws {
    let place = try Workplace()
    try train(place, "iris", "species")
    try FileManager.default.removeItem(atPath: "\(place.path)/run/report.html")
    try FileManager.default.createDirectory(
      atPath: "\(place.path)/run/report.html", withIntermediateDirectories: false)
    let outcome = try place.ebb("resume", "run", "--epochs", "14")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.contains("the report was not written, all else was"))
  }

  @Test("a run that is replaced takes its page along")
  func replaced() throws {
    let place = try Workplace()
    try train(place, "iris", "species")
    let other = try place.ebb(
      "train", Command.example("diabetes"), "--target", "progression", "--epochs", "2", "--output",
      "run", "--force")
    #expect(other.status == 0)
    #expect(try place.text("run/report.html").contains("progression from diabetes.csv"))
  }
}
