import Foundation
import Testing

@Suite struct AuditTests {
  /// A table of the command's CSV: the fields of each row by column. No field here has a line break.
  private static func table(_ text: String) throws -> [[String: String]] {
    var lines = text.split(separator: "\n").map(fields)
    let header = lines.removeFirst()
    return try lines.map { line in
      try #require(line.count == header.count, "\(line)")
      return Dictionary(uniqueKeysWithValues: zip(header, line))
    }
  }

  private static func fields(_ line: Substring) -> [String] {
    var (fields, isQuoted) = ([""], false)
    for character in line {
      switch character {
      case "\"": isQuoted.toggle()
      case "," where !isQuoted: fields.append("")
      case let other: fields[fields.count - 1].append(other)
      }
    }
    return fields
  }

  /// A workplace with iris, the species of four rows exchanged, and a run on it.
  private static func wrongIris() throws -> (place: Workplace, lines: Set<Int>) {
    let place = try Workplace()
    let text = try String(contentsOfFile: Command.example("iris"), encoding: .utf8)
    var lines = text.split(separator: "\n").map(String.init)
    let planted = [7, 23, 44, 120]
    for line in planted {
      let right = String(lines[line - 1].split(separator: ",").last ?? "")
      lines[line - 1].removeLast(right.count)
      lines[line - 1] += right == "setosa" ? "virginica" : "setosa"
    }
    try place.write(lines.joined(separator: "\n") + "\n", to: "wrong.csv")
    let outcome = try place.ebb(
      "train", "wrong.csv", "--target", "species", "--output", "run", "--quiet")
    try #require(outcome.status == 0, "\(outcome.errors)")
    return (place, Set(planted))
  }

  @Test("wrong labels come first, with their lines, as CSV") func csv() throws {
    let (place, planted) = try Self.wrongIris()
    let outcome = try place.ebb("audit", "run")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let rows = try Self.table(outcome.output)
    #expect(rows.count >= 20)
    let first = rows.prefix(planted.count)
    #expect(Set(first.compactMap { Int($0["line"] ?? "") }) == planted, "\(outcome.output)")
    for row in first {
      #expect(row["reason"]?.contains("wrong-label") == true)
      #expect(row["details"]?.contains("networks that had not seen this row say") == true)
      let (line, number) = (Int(row["line"] ?? "") ?? 0, Int(row["row"] ?? "") ?? 0)
      #expect(number == line - 1)
      let suggestions = ["setosa", "versicolor", "virginica"]
      #expect(suggestions.contains(row["suggested"] ?? "") && row["suggested"] != row["label"])
    }
    #expect(rows.map { $0["rank"] } == (1...rows.count).map { "\($0)" })
    #expect(outcome.errors.contains("of 150 rows stand out"))
    #expect(outcome.errors.contains("judged by 20 networks trained on other rows, each row by 4"))
  }

  @Test("networks that know no better than guessing call no label wrong, and say so")
  func coins() throws {
    let place = try Workplace()
    var (text, state) = ("a,b,answer\n", UInt64(5))
    func next() -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 48)
    }
    for _ in 0..<80 { text += "\(next()),\(next()),\(next() % 2 == 0 ? "no" : "yes")\n" }
    try place.write(text, to: "coins.csv")
    let trained = try place.ebb(
      "train", "coins.csv", "--target", "answer", "--epochs", "20", "--output", "run")
    #expect(
      trained.status == 0 && trained.errors.contains("measurably better"), "\(trained.errors)")
    let audit = try place.ebb("audit", "run", "--repeats", "1")
    #expect(audit.status == 0 && !audit.output.contains("wrong-label"))
    #expect(audit.errors.contains(" better than guessing, as far as 80 rows"), "\(audit.errors)")
    #expect(!audit.errors.contains("likely"), "\(audit.errors)")
    let json = try place.ebb("audit", "run", "--repeats", "1", "--json").json()
    #expect(json["betterThanGuessing"] as? Bool == false)
    #expect((json["notes"] as? [String])?.contains { $0.contains("guessing") } == true)
  }

  @Test("the same bytes with any number of threads; --top, --seed and --quiet") func flags() throws
  {
    let (place, _) = try Self.wrongIris()
    let all = try place.ebb("audit", "run", "--top", "all", "--threads", "1", "--quiet")
    #expect(all.status == 0 && all.errors.isEmpty, "\(all.errors)")
    #expect(try Self.table(all.output).count == 150)
    let three = try place.ebb("audit", "run", "--top", "all", "--threads", "3")
    #expect(three.output == all.output)
    let few = try place.ebb("audit", "run", "--top", "5")
    #expect(
      few.output == all.output.split(separator: "\n").prefix(6).joined(separator: "\n") + "\n")
    let other = try place.ebb("audit", "run", "--top", "all", "--seed", "8")
    #expect(other.status == 0 && other.output != all.output)
    let part = try place.ebb("audit", "run", "--split", "training", "--top", "all")
    let training = try place.text("run/split.csv").split(separator: "\n").filter {
      $0.hasSuffix(",training")
    }
    let lines = Set(training.compactMap { $0.split(separator: ",").first.map(String.init) })
    #expect(Set(try Self.table(part.output).compactMap { $0["line"] }) == lines)
  }

  @Test("one JSON object") func json() throws {
    let (place, planted) = try Self.wrongIris()
    let outcome = try place.ebb(
      "audit", "run/model.ebb", "wrong.csv", "--json", "--repeats", "2", "--folds", "3")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let json = try outcome.json()
    #expect(json["task"] as? String == "classification" && json["rows"] as? Int == 150)
    #expect(json["trainings"] as? Int == 6 && json["opinions"] as? Int == 2)
    let ranked = try #require(json["ranked"] as? [[String: Any]])
    #expect(Set(ranked.prefix(4).compactMap { $0["line"] as? Int }) == planted)
    let out = try #require(json["standingOut"] as? Int)
    #expect(
      out >= 4 && ranked.prefix(out).allSatisfy { !($0["reasons"] as? [String] ?? []).isEmpty })
    for row in ranked {
      for key in ["score", "loss", "gradientNorm", "share", "probability", "labelProbability"] {
        #expect(row[key] is Double, "\(key)")
      }
    }
  }

  @Test("rows that were never trained on need no warning, and JSON says what was asked")
  func heldOutRows() throws {
    let (place, _) = try Self.wrongIris()
    let outcome = try place.ebb("audit", "run", "--split", "test", "--folds", "0", "--seed", "3")
    #expect(outcome.status == 0 && !outcome.errors.contains("can hide"), "\(outcome.errors)")
    let flags = ["audit", "run", "--folds", "0", "--seed", "3", "--json"]
    let test = try place.run(flags + ["--split", "test"]).json()
    #expect(test["source"] as? String == "wrong.csv" && test["split"] as? String == "test")
    #expect(test["folds"] as? Int == 0 && test["seed"] as? Int == 3)
    #expect((test["notes"] as? [String])?.isEmpty == true)
    let all = try place.run(flags).json()
    #expect(all["split"] is NSNull)
    #expect((all["notes"] as? [String])?.contains { $0.contains("can hide") } == true)
    let help = try place.ebb("audit", "--help").output
    #expect(!help.contains("(default: -) (default: -)"), "\(help)")
  }

  @Test("the model alone, a file of its own, and nothing overwritten") func files() throws {
    let (place, _) = try Self.wrongIris()
    let outcome = try place.ebb(
      "audit", "run", "--folds", "0", "--output", "found.csv")
    #expect(outcome.status == 0 && outcome.output.isEmpty, "\(outcome.errors)")
    #expect(outcome.errors.contains("judged by the model itself"))
    #expect(outcome.errors.contains("note: on rows that it was trained on, wrong labels can hide"))
    let text = try place.text("found.csv")
    #expect(text.contains("the model would say"))
    let again = try place.ebb("audit", "run", "--folds", "0", "--output", "found.csv")
    #expect(again.status == 1 && again.errors.contains("--force"), "\(again.errors)")
    #expect(try place.text("found.csv") == text)
    let forced = try place.ebb(
      "audit", "run", "--folds", "0", "--output", "found.csv", "--force", "--top", "3")
    #expect(forced.status == 0)
    #expect(try Self.table(try place.text("found.csv")).count == 3)
    for input in ["wrong.csv", "run/model.ebb"] {
      let before = try place.bytes(input)
      let outcome = try place.ebb("audit", "run", "--output", input, "--force")
      #expect(outcome.status == 1, "\(outcome.errors)")
      #expect(try place.bytes(input) == before)
    }
  }

  @Test("a regression, in the target's unit") func regression() throws {
    let place = try CheckTests.trained("diabetes", "progression")
    let outcome = try place.ebb("audit", "run", "--top", "all")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let rows = try Self.table(outcome.output)
    #expect(rows.count == 442)
    let scores = rows.compactMap { Double($0["score"] ?? "") }
    #expect(scores.count == 442)
    let suggested = rows.compactMap { Double($0["suggested"] ?? "") }
    #expect(suggested.count == 442 && suggested.allSatisfy { $0 > -100 && $0 < 500 })
    #expect(rows.allSatisfy { $0["probability"] == "" && $0["cosine"] == "" })
  }

  @Test(
    "bad input",
    arguments: [
      (["audit", "run", "--folds", "1"], 2, "expected 0, or 2 to 1000"),
      (["audit", "run", "--top", "none"], 2, "expected a whole number, 1 or more, or all"),
      (["audit", "run", "wrong.csv", "--split", "test"], 2, "either DATA or --split"),
      (["audit", "run", "--folds", "0", "--repeats", "3"], 2, "--repeats has no use"),
      (["audit", "run/model.ebb"], 2, "give the DATA"),
      (["audit", "run/model.ebb", "--split", "test"], 2, "--split needs the directory of a run"),
      (["audit", "run", "--folds", "151"], 2, "150 rows cannot be divided into 151"),
      (["audit", "missing"], 1, "missing"),
      (["audit", "run", "missing.csv"], 1, "missing.csv"),
      (["audit", "run", "strange.csv"], 1, "a class the model does not know"),
      (["audit", "run", "unlabelled.csv"], 1, "the target column \"species\" is missing"),
    ] as [([String], Int32, String)])
  func badInput(arguments: [String], status: Int32, message: String) throws {
    let (place, _) = try Self.wrongIris()
    let header = "sepal_length,sepal_width,petal_length,petal_width"
    try place.write("\(header),species\n5.1,3.5,1.4,0.2,rose\n", to: "strange.csv")
    try place.write("\(header)\n5.1,3.5,1.4,0.2\n", to: "unlabelled.csv")
    let before = place.files
    let outcome = try place.run(arguments)
    #expect(outcome.status == status, "\(outcome.errors)")
    #expect(outcome.errors.contains(message), "\(outcome.errors)")
    #expect(outcome.output.isEmpty)
    #expect(place.files == before)
  }
}
