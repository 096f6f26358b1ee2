import Foundation
import Testing

@Suite struct ExplainTests {
  /// All numbers of a JSON value.
  private static func numbers(_ json: Any) -> [Double] {
    switch json {
    case let object as [String: Any]: object.values.flatMap(numbers)
    case let array as [Any]: array.flatMap(numbers)
    case let number as NSNumber: [number.doubleValue]
    default: []
    }
  }

  /// The numbers that a text shows with a point, with how many digits they have.
  private static func shown(_ text: String) -> [(text: String, value: Double)] {
    let separators: Set<Character> = [" ", "\n", ",", ";", ":", "(", ")", "=", "[", "]", "/"]
    return text.split(whereSeparator: { separators.contains($0) }).compactMap { word in
      let plain = word.last == "." ? String(word.dropLast()) : String(word)
      guard plain.contains("."), let value = Double(plain) else { return nil }
      return (plain, value)
    }
  }

  /// Whether a shown number is one of many, rounded.
  private static func isRounding(_ text: String, _ value: Double, of all: [Double]) -> Bool {
    let mantissa = text.split(separator: "e")[0]
    let decimals = mantissa.split(separator: ".").last.map(\.count) ?? 0
    let exponent = text.split(separator: "e").dropFirst().first.flatMap { Int($0) } ?? 0
    let half = 0.5 * pow(10, Double(exponent - decimals)) * (1 + 1e-9)
    return all.contains { abs($0 - value) <= half }
  }

  @Test(
    "M7 M16 M29 every number that the equations print parses back to one of the JSON's",
    arguments: ["two-three", "chain", "sample", "xor"])
  func numbersParseBack(_ example: String) throws {
    let place = try Workplace()
    let arguments = ["explain", "--example", example, "--row", "1", "--level", "equations"]
    let text = try place.run(arguments)
    #expect(text.status == 0, "\(text.errors)")
    let json = try place.run(arguments + ["--json"])
    #expect(json.status == 0 && json.errors.isEmpty, "\(json.errors)")
    let object = try json.json()
    #expect(object["equations"] != nil)
    #expect(object["loss"] is Double)
    var all = Self.numbers(object)
    // Computed from the numbers beside them, and not in the JSON.
    let end = try #require((object["equations"] as? [String: Any])?["end"] as? [String: Any])
    let predictions = try #require(end["predictions"] as? [Double])
    let targets = try #require(end["targets"] as? [Double])
    all += zip(predictions, targets).map { $0 - $1 }
    all += [(end["powers"] as? [Double] ?? []).reduce(0, +)]
    let outputs = try #require(end["outputs"] as? [Double])
    all += [outputs.max() ?? 0] + predictions.map { $0 * (1 - $0) }
    for layer in try #require(
      (object["equations"] as? [String: Any])?["layers"] as? [[String: Any]])
    {
      all += Self.numbers(layer)
    }
    for (word, value) in Self.shown(text.output) {
      let isOne = Self.isRounding(word, value, of: all)
      #expect(isOne || Self.isDeviation(word), "\(word) is no number of the JSON\n\(text.output)")
    }
  }

  /// Whether a number has two digits only, as deviations have: they are sums of rounding.
  private static func isDeviation(_ text: String) -> Bool {
    text.split(separator: "e")[0].filter { $0.isNumber && $0 != "0" }.count <= 2
  }

  @Test("M2 raising either input by 1 raises the loss by 3, or by 4 with the first weight 2")
  func twoThree() throws {
    let place = try Workplace()
    for (flags, expected) in [
      ([String](), [3.0, 3]), (["--set", "output.weight[0,0]=2"], [4, 3]),
    ] {
      let arguments = ["explain", "--example", "two-three", "--level", "equations", "--json"]
      let json = try place.run(arguments + flags).json()
      let equations = try #require(json["equations"] as? [String: Any])
      let layer = try #require((equations["layers"] as? [[String: Any]])?.first)
      let gradients = try #require(layer["gradients"] as? [String: Any])
      #expect(gradients["preactivation"] as? [Double] == [1, 1, 1])
      #expect(gradients["input"] as? [Double] == expected)
    }
  }

  @Test("a run's row says which part it is in, and which of the run's states is looked at")
  func runs() throws {
    let place = try CheckTests.trained("digits", "digit")
    let best = try place.ebb("explain", "run", "--row", "42", "--level", "equations")
    #expect(best.status == 0, "\(best.errors)")
    #expect(best.output.contains("row 42 (line 43 of digits.csv), a "))
    #expect(best.output.contains("its best model, after epoch"))
    #expect(best.output.contains("single precision, bit for bit"))
    #expect(best.output.contains("W1 [64, 64]") && best.output.contains("δ2 = J_Oᵀ ∇ŷ L"))
    for line in best.output.split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
    let last = try place.ebb(
      "explain", "run", "--row", "42", "--state", "last", "--level", "equations", "--double",
      "--json")
    let json = try last.json()
    let model = try #require(json["model"] as? [String: Any])
    #expect(model["state"] as? String == "last" && model["precision"] as? String == "double")
    #expect(model["epochs"] as? Int == 5)
    let row = try #require(json["row"] as? [String: Any])
    #expect(row["line"] as? Int == 43 && row["part"] is String)
    #expect((json["batch"] as? [String: Any])?["rows"] as? Int == 32)
    // The same file given by name is the run's own.
    let named = try place.ebb(
      "explain", "run", Command.example("digits"), "--row", "42", "--level", "equations")
    #expect(named.output == best.output)
    let file = try place.ebb(
      "explain", "run/model.ebb", Command.example("digits"), "--row", "42", "--level", "equations")
    #expect(file.status == 0 && !file.output.contains(", a test row"), "\(file.errors)")
  }

  @Test("a run's data may be elsewhere, or gone where only the batch would come from them")
  func movedData() throws {
    let place = try Workplace()
    try place.write(
      try String(contentsOfFile: Command.example("iris"), encoding: .utf8), to: "own.csv")
    let trained = try place.ebb(
      "train", "own.csv", "--target", "species", "--epochs", "3", "--output", "run", "--quiet")
    try #require(trained.status == 0, "\(trained.errors)")
    let weight = ["--row", "7", "--weight", "output.weight[0,0]", "--json"]
    let before = try place.run(["explain", "run"] + weight).json()
    try FileManager.default.moveItem(
      atPath: "\(place.path)/own.csv", toPath: "\(place.path)/moved.csv")
    let moved = try place.run(["explain", "run", "moved.csv"] + weight)
    #expect(moved.status == 0, "\(moved.errors)")
    let parts = [before, try moved.json()].map { $0["weight"] as? [String: Any] }
    #expect(parts[0]?["update"] is [String: Any])
    #expect(
      (parts[0]?["update"] as? NSDictionary) == (parts[1]?["update"] as? NSDictionary))
    // Other rows: the best model needs nothing of the run's own, the last state does.
    let lines = try place.text("moved.csv").split(separator: "\n").prefix(20)
    try place.write(lines.joined(separator: "\n") + "\n", to: "moved.csv")
    let best = try place.ebb("explain", "run", "moved.csv", "--row", "2")
    #expect(best.status == 0 && best.errors.contains("is gone or has changed"), "\(best.errors)")
    let last = try place.run(["explain", "run", "moved.csv"] + weight)
    #expect(last.status == 1 && last.errors.contains("--state best"), "\(last.errors)")
    #expect(try place.run(["explain", "run", "moved.csv", "--state", "best"] + weight).status == 0)
  }

  @Test("a weight of a run's best model has no step, and it says how to see one")
  func weightOfBest() throws {
    let place = try CheckTests.trained("digits", "digit")
    let weight = ["explain", "run", "--weight", "output.bias[0]"]
    let best = try place.run(weight + ["--state", "best", "--row", "3"])
    #expect(best.status == 0 && best.errors.isEmpty, "\(best.errors)")
    let words = best.output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    #expect(words.contains("leave out --state best"), "\(best.output)")
    let last = try place.run(weight)
    #expect(last.status == 0 && last.errors.contains("this is row 1 of"), "\(last.errors)")
    // Notes are for explanations, not for mistakes.
    let wrong = try place.ebb("explain", "run", "--weight", "output.bias[99]")
    #expect(wrong.status == 2 && !wrong.errors.contains("note:"), "\(wrong.errors)")
  }

  @Test("a feature is wiggled by its column's name; a page gives the command for the same state")
  func featuresByName() throws {
    let place = try CheckTests.trained("digits", "digit")
    let named = try place.ebb("explain", "run", "--row", "3", "--wiggle", "pixel_3_7")
    #expect(named.status == 0, "\(named.errors)")
    let numbered = try place.ebb("explain", "run", "--row", "3", "--wiggle", "features[31]")
    #expect(named.output == numbered.output)
    let page = try place.ebb("explain", "run", "--row", "3", "--html", "page.html")
    #expect(page.status == 0, "\(page.errors)")
    #expect(try place.text("page.html").contains("ebb explain run --state best"))
    let again = try place.ebb("explain", "run", "--row", "3", "--html", "page.html")
    #expect(again.status == 1 && again.errors.contains("replace it with --force"))
  }

  @Test(
    "M7 the equations hold on all example data",
    arguments: [
      ("iris", "species", ["--hidden", "8,6", "--activation", "tanh"]),
      ("breast-cancer", "diagnosis", ["--dropout", "0.2"]),
      ("diabetes", "progression", []), ("digits", "digit", ["--hidden", "none"]),
    ])
  func allData(_ name: String, _ target: String, _ flags: [String]) throws {
    let place = try Workplace()
    let trained = try place.run(
      ["train", Command.example(name), "--target", target, "--quiet", "--output", "run"]
        + ["--epochs", "3"] + flags)
    try #require(trained.status == 0, "\(trained.errors)")
    for row in ["1", "7", "100"] {
      for precision in [[], ["--double"]] {
        let outcome = try place.run(
          ["explain", "run", "--row", row, "--level", "equations", "--jacobians"] + precision)
        #expect(outcome.status == 0, "\(name) \(row)\n\(outcome.output)\(outcome.errors)")
        #expect(outcome.output.contains("The two sides agree"), "\(outcome.output)")
      }
    }
  }

  @Test func wrongArguments() throws {
    let place = try CheckTests.trained("iris", "species")
    let data = Command.example("iris")
    try place.write("sepal_length,sepal_width,petal_length,petal_width\n1,2,3,4\n", to: "bare.csv")
    let wrong: [(arguments: [String], status: Int32, text: String)] = [
      (["explain"], 2, "Give a MODEL, a RUN or --example"),
      (["explain", "run", "--example", "xor"], 2, "not both"),
      (["explain", "--example", "xoor"], 2, "did you mean xor?"),
      (["explain", "--example", "xor", "--row", "5"], 2, "give 1 to 4"),
      (["explain", "--example", "xor", "--state", "last"], 2, "--state needs a RUN"),
      (["explain", "run", "--row", "0"], 2, "1 or more"),
      (["explain", "run", "--row", "151"], 2, "iris.csv has 150 rows; give 1 to 150"),
      (["explain", "run/model.ebb"], 2, "give the DATA"),
      (["explain", "run/model.ebb", data, "--state", "last"], 2, "needs the directory of a run"),
      (["explain", "run", "--level", "storey"], 2, "did you mean story?"),
      (["explain", "run", "--set", "hidden1.weight[0,0]"], 2, "NAME[I,J]=NUMBER"),
      (["explain", "run", "--set", "hiden1.weight[0,0]=1"], 2, "did you mean hidden1.weight?"),
      (["explain", "run", "--chain", "hidden1.weight[99,0]"], 2, "out of range"),
      (["explain", "run", "--by", "1"], 2, "--by goes with --wiggle"),
      (["explain", "run", "--graph", "dot", "--wishes"], 2, "a file of its own"),
      (["explain", "run", "--graph", "svg", "--json"], 2, "leave out"),
      (["explain", "run", "--html", "x", "--wishes"], 2, "--html is a page of its own"),
      (["explain", "run", "--what-if", "--state", "best"], 2, "only the last state has"),
      (["explain", "run", "--output", "x"], 2, "--output goes with --graph"),
      (["explain", "run", "bare.csv"], 1, "no column \"species\", the target"),
      (["explain", "nowhere"], 1, "nowhere"),
      (["explain", "run", "missing.csv"], 1, "missing.csv"),
    ]
    for (arguments, status, text) in wrong {
      let outcome = try place.run(arguments)
      let label = "\(arguments)\n\(outcome.output)\(outcome.errors)"
      #expect(outcome.status == status, "\(label)")
      #expect(outcome.errors.contains(text), "\(label)")
      #expect(outcome.output.isEmpty, "\(label)")
    }
  }
}
