import Foundation
import Testing

@Suite("The schema governs what the command reads")
struct SchemaTests {
  private static let versions = ["1.1", "1.10", "1.2", "1.10-rc1", "none", "1.0", "1e3", "NA"]

  /// Records `version,size,release`: what is read as a number instead of a text predicts otherwise.
  private static let records = (0..<160).map { row in
    let version = versions[(row * 7 + row / 8) % 8]
    let size = ["1", "2.50", "", "none", "-3", "1e1"][row % 6]
    let release = ["1.1", "1.10", "2.0"][["1.10", "1e3"].contains(version) ? 1 : row % 2 * 2]
    return "\(version),\(size),\(release)"
  }

  private static func file(_ rows: [Int]) -> String {
    (["version,size,release"] + rows.map { records[$0] }).joined(separator: "\n") + "\n"
  }

  private func trained(_ place: Workplace, _ more: String...) throws -> Outcome {
    try place.run(
      [
        "train", "data.csv", "--target", "release", "--task", "classification", "--epochs", "30",
        "--output", "run", "--json", "--quiet",
      ] + more)
  }

  @Test("predict gives a row the same bytes alone, in any part and order, and from standard input")
  func predictions() throws {
    let place = try Workplace()
    let all = Array(Self.records.indices)
    try place.write(Self.file(all), to: "data.csv")
    let run = try trained(place)
    #expect(run.status == 0, "\(run.errors)")
    #expect(try run.json()["classes"] as? [String] == ["1.1", "1.10", "2.0"])
    func predicted(_ rows: [Int], input: Bool = false) throws -> [Substring] {
      try place.write(Self.file(rows), to: "rows.csv")
      let found = try place.ebb(
        "predict", "run", input ? "-" : "rows.csv", "--probabilities",
        input: input ? Self.file(rows) : "")
      #expect(found.status == 0, "\(found.errors)")
      return Array(found.output.split(separator: "\n").dropFirst())
    }
    let whole = try predicted(all)
    #expect(Set(whole.map { $0.prefix { $0 != "," } }).count > 1)
    for row in 0..<16 { #expect(try predicted([row]) == [whole[row]]) }
    for part in [
      all.filter { Self.records[$0].hasPrefix("1.1") && !Self.records[$0].contains("rc1") },
      all.filter { Self.records[$0].hasPrefix("1e3") }, all.reversed(),
      all.filter { Self.records[$0].hasPrefix("N") },
    ] {
      #expect(try predicted(part) == part.map { whole[$0] })
      #expect(try predicted(part, input: true) == part.map { whole[$0] })
    }
  }

  @Test("evaluate gives a file of the run's test rows the run's own figures")
  func evaluations() throws {
    let place = try Workplace()
    try place.write(Self.file(Array(Self.records.indices)), to: "data.csv")
    #expect(try trained(place).status == 0)
    let lines = try place.text("run/split.csv").split(separator: "\n").dropFirst()
    let test = lines.indices.filter { lines[$0].hasSuffix(",test") }.map { $0 - 1 }
    // Rows whose texts all look like numbers, besides.
    let plain = test.filter { Self.records[$0].hasPrefix("1.1") && !Self.records[$0].contains("r") }
    try place.write(Self.file(test), to: "test.csv")
    let own = try place.ebb("evaluate", "run", "--split", "test", "--json")
    let file = try place.ebb("evaluate", "run", "test.csv", "--json")
    #expect(own.status == 0 && own.output == file.output, "\(file.errors)")

    // The same rows as a file of their own for the test, and alone for validation.
    let rest = Self.records.indices.filter { !test.contains($0) }
    try place.write(Self.file(Array(rest)), to: "data.csv")
    try place.write(Self.file(plain), to: "plain.csv")
    let other = try place.run([
      "train", "data.csv", "--target", "release", "--task", "classification", "--epochs", "5",
      "--test", "test.csv", "--validation", "plain.csv", "--output", "other", "--json", "--quiet",
    ])
    let metrics = try #require(try other.json()["metrics"] as? [String: Any])
    for (part, file) in [("test", "test.csv"), ("validation", "plain.csv")] {
      let evaluated = try place.ebb("evaluate", "other", file, "--json").json()
      #expect(evaluated["metrics"] as? NSDictionary == metrics[part] as? NSDictionary)
      let again = try place.ebb("evaluate", "other", "--split", part, "--json").json()
      #expect(again as NSDictionary == evaluated as NSDictionary)
    }
    #expect(try place.ebb("report", "other").status == 0)
  }

  @Test("notes quote what stands in the file, and a text among numbers is an error with its place")
  func notes() throws {
    let place = try Workplace()
    try place.write(Self.file(Array(Self.records.indices)), to: "data.csv")
    #expect(try trained(place).status == 0)
    try place.write("version,size\n3.0,1\nNA,-3.40e38\n", to: "new.csv")
    let found = try place.ebb("predict", "run", "new.csv")
    #expect(found.status == 0)
    #expect(found.errors.contains("such as \"3.0\" in line 2"))
    #expect(found.errors.contains("1 missing text is of no category (the word \"NA\" counts"))
    #expect(found.errors.contains("(-3 to 10), such as -3.40e38 in line 3"))
    for command in [["predict"], ["evaluate"], ["explain", "--row", "1"], ["check"], ["audit"]] {
      try place.write("version,size,release\n1.1,1,1.1\n1.1,007,1.10\n", to: "bad.csv")
      let bad = try place.run([command[0], "run", "bad.csv"] + command.dropFirst())
      #expect(bad.status == 1)
      #expect(
        bad.errors.contains("bad.csv:3:5: column \"size\" holds \"007\", and the model expects"),
        "\(command): \(bad.errors)")
    }
  }

  @Test("what is not finite is never a class, a number or a right answer")
  func notFinite() throws {
    let place = try Workplace()
    let rows = (0..<40).map { "\($0 % 5),\($0 % 7),\($0 % 2 == 0 ? "p" : "q")" }
    try place.write("a,b,y\n" + rows.joined(separator: "\n") + "\n", to: "data.csv")
    try place.write("a,b,y\n1,1,p\n3e38,0,p\n", to: "x.csv")
    #expect(
      try place.ebb("train", "data.csv", "--target", "y", "--epochs", "3", "--output", "m").status
        == 0)
    for arguments in [
      ["predict", "m", "x.csv"], ["predict", "m", "x.csv", "--probabilities", "--format", "jsonl"],
      ["evaluate", "m", "x.csv", "--fail-under", "accuracy=1"],
      ["evaluate", "m", "x.csv", "--json"],
      ["explain", "m", "x.csv", "--row", "2"],
    ] {
      let found = try place.run(arguments)
      #expect(found.status == 1 && found.output.isEmpty, "\(arguments)")
      #expect(
        found.errors.contains("x.csv:3: column \"a\" holds 3e+38, ")
          || found.errors.contains("row 2"), "\(found.errors)")
      #expect(found.errors.contains("the network's output for this row is"))
    }
  }

  @Test("a slice of a file with an index column is predicted")
  func slice() throws {
    let place = try Workplace()
    let rows = (0..<40).map { "\($0),\($0 % 5),\($0 % 2 == 0 ? "p" : "q")" }
    try place.write(",a,y\n" + rows.joined(separator: "\n") + "\n", to: "data.csv")
    #expect(
      try place.ebb("train", "data.csv", "--target", "y", "--epochs", "3", "--output", "m").status
        == 0)
    try place.write(",a,y\n" + rows[20..<25].joined(separator: "\n") + "\n", to: "part.csv")
    let found = try place.ebb("predict", "m", "part.csv")
    #expect(found.status == 0 && found.errors.isEmpty, "\(found.errors)")
    let numbered = (0..<40).map { "\(($0 * 7) % 40 + 1),\($0 % 2 == 0 ? "p" : "q")" }
    try place.write("Id,y\n" + numbered.joined(separator: "\n") + "\n", to: "id.csv")
    let noted = try place.ebb("train", "id.csv", "--target", "y", "--epochs", "1", "--output", "i")
    #expect(noted.errors.contains("column \"Id\" only numbers the rows in another order"))
  }
}
