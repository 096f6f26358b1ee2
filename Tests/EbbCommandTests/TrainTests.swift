import Foundation
import Testing

@Suite("ebb train")
struct TrainTests {
  @Test(
    "M21: every example is learned better than by its majority or mean",
    arguments: [
      ("digits", "digit", 0.93), ("iris", "species", 0.85), ("breast-cancer", "diagnosis", 0.93),
      ("diabetes", "progression", 0.1),
    ])
  func examples(name: String, target: String, least: Double) throws {
    let place = try Workplace()
    let outcome = try place.ebb(
      "train", Command.example(name), "--target", target, "--seed", "1", "--json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let result = try outcome.json()
    let metrics = try #require(result["metrics"] as? [String: Any])
    let test = try #require(metrics["test"] as? [String: Any])
    if name == "diabetes" {
      #expect(result["task"] as? String == "regression")
      #expect(try #require(test["r2"] as? Double) > least)
      // In the target's unit: its standard deviation is 77.
      let rmse = try #require(test["rmse"] as? Double)
      #expect(rmse > 40 && rmse < 70)
    } else {
      #expect(result["task"] as? String == "classification")
      #expect(try #require(test["accuracy"] as? Double) > least)
      let perClass = try #require(test["perClass"] as? [[String: Any]])
      let confusion = try #require(test["confusion"] as? [[Int]])
      #expect(perClass.map { $0["count"] as? Int } == confusion.map { $0.reduce(0, +) })
    }
  }

  @Test("--json prints the documented members in their order, and metrics.json holds the same")
  func json() throws {
    let place = try Workplace()
    let outcome = try place.ebb(
      "train", Command.example("iris"), "--target", "species", "--epochs", "3", "--json")
    let result = try outcome.json()
    let members = [
      "task", "target", "classes", "rows", "parameters", "epochs", "bestEpoch", "seed", "threads",
      "seconds", "samplesPerSecond", "loss", "metrics", "run", "model",
    ]
    var rest = outcome.output[...]
    for member in members {
      let found = try #require(rest.range(of: "\"\(member)\":"), "\(member) comes too late")
      rest = rest[found.upperBound...]
    }
    #expect(Set(result.keys) == Set(members))
    #expect(result["run"] as? String == "runs/iris-1")
    #expect((result["rows"] as? [String: Int])?.values.reduce(0, +) == 150)
    let saved = try #require(
      try JSONSerialization.jsonObject(with: place.bytes("runs/iris-1/metrics.json"))
        as? NSDictionary)
    #expect(saved == result as NSDictionary)
    #expect(
      place.files == [
        "runs", "runs/iris-1", "runs/iris-1/.lock", "runs/iris-1/checkpoint.ebb",
        "runs/iris-1/config.json", "runs/iris-1/events.jsonl", "runs/iris-1/metrics.json",
        "runs/iris-1/model.ebb", "runs/iris-1/report.html", "runs/iris-1/split.csv",
      ])
    // One line of progress per epoch, on standard error.
    #expect(outcome.errors.split(separator: "\n").count { $0.hasPrefix("epoch") } == 3)
  }

  @Test("an output activation that contradicts the loss is noted before training")
  func outputActivation() throws {
    let place = try Workplace()
    try place.write(
      """
      [{"kind":"dense","settings":{"units":8,"activation":"tanh"}},
       {"kind":"dense","settings":{"units":1,"activation":"sigmoid"}}]
      """, to: "n.json")
    for (name, target, words) in [
      ("breast-cancer", "diagnosis", "sigmoid is applied twice"),
      ("diabetes", "progression", "cannot be reached"),
    ] {
      let outcome = try place.ebb(
        "train", Command.example(name), "--target", target, "--network", "n.json", "--epochs", "2",
        "--output", name)
      let note = outcome.errors.split(separator: "\n").first {
        $0.hasPrefix("note: the output layer has the activation sigmoid")
      }
      #expect(try #require(note).contains(words), "\(outcome.errors)")
    }
  }

  @Test("train and the report tell the same time")
  func seconds() throws {
    let place = try Workplace()
    let outcome = try place.ebb(
      "train", Command.example("iris"), "--target", "species", "--epochs", "5", "--output", "run")
    let line = try #require(
      outcome.output.split(separator: "\n").first { $0.hasPrefix("best epoch") })
    let time = try #require(line.split(separator: ",").dropFirst().first).dropFirst()
    let tile = "<dt>Training time</dt><dd>\(time)</dd>"
    #expect(try place.text("run/report.html").contains(tile))
    #expect(try place.ebb("report", "run", "--no-check").status == 0)
    #expect(try place.text("run/report.html").contains(tile))
  }

  @Test("M5: what keeps a network from learning is said at the end, and in the report")
  func warnings() throws {
    let place = try Workplace()
    let train = ["train", Command.example("digits"), "--target", "digit", "--epochs", "4"]
    let deep = ["--hidden", "16,16,16,16,16", "--activation", "sigmoid", "--optimizer", "sgd"]
    let stuck = try place.run(train + deep + ["--output", "stuck", "--json"])
    _ = try stuck.json()
    let lines = stuck.errors.split(separator: "\n").filter { $0.hasPrefix("warning:") }
    #expect(lines.count == 1, "\(stuck.errors)")
    let warning = try #require(lines.first)
    #expect(warning.contains("has learned nothing yet") && warning.contains("5 sigmoid layers"))
    #expect(!stuck.errors.contains("more may help"))
    let page = try place.text("stuck/report.html")
    #expect(page.contains("The network has learned nothing yet"))
    #expect(page.contains("1 fault on 831") == false && page.contains("of the 1,258 training rows"))
    #expect(!page.contains("ebb audit stuck") && page.contains("in place of sigmoid"))
    let fast = try place.run(train + ["--learning-rate", "3", "--output", "fast"])
    #expect(fast.errors.contains("learning rate is probably too large"), "\(fast.errors)")
    let fastPage = try place.text("fast/report.html")
    #expect(!fastPage.contains("by heart") && fastPage.contains("--learning-rate 0.001"))
    let well = try place.run(train + ["--activation", "tanh", "--output", "well"])
    #expect(!well.errors.contains("warning:"), "\(well.errors)")
    #expect(well.output.contains("ebb explain well\n"))
    #expect(well.output.contains("report: well/report.html\n"))
  }

  @Test("M8: gradient descent, stochastic and mini-batch on one data set")
  func batches() throws {
    let place = try Workplace()
    for (batch, updates) in [("full", 1), ("1", 1258), ("32", 40)] {
      let outcome = try place.ebb(
        "train", Command.example("digits"), "--target", "digit", "--optimizer", "sgd",
        "--learning-rate", "0.02", "--epochs", "8", "--batch", batch, "--output", "b-\(batch)",
        "--quiet")
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.errors.isEmpty)
      let events = try place.events("b-\(batch)")
      #expect(events.map { $0["steps"] as? Int } == (1...8).map { $0 * updates })
      #expect(events.map { $0["epoch"] as? Int } == Array(1...8))
      let losses = events.compactMap { ($0["loss"] as? [String: Double])?["training"] }
      #expect(losses.count == 8 && losses[7] < losses[0])
      #expect(events.allSatisfy { ($0["seconds"] as? Double ?? -1) >= 0 })
      #expect(events.allSatisfy { $0["learningRate"] as? Double == 0.02 })
    }
    // More updates per epoch learn faster per epoch.
    func last(_ run: String) throws -> Double {
      try #require((try place.events(run).last?["loss"] as? [String: Double])?["training"])
    }
    #expect(try last("b-1") < last("b-32"))
    #expect(try last("b-32") < last("b-full"))
  }

  @Test("every setting stands in config.json, and split.csv divides the rows")
  func configuration() throws {
    let place = try Workplace()
    let outcome = try place.ebb(
      "train", Command.example("iris"), "--target", "species", "--epochs", "4", "--hidden", "8,4",
      "--activation", "tanh", "--dropout", "0.1", "--optimizer", "momentum", "--schedule", "cosine",
      "--reduction", "sum", "--bias-reduction", "mean", "--learning-rate", "0.001",
      "--weight-decay", "0.01", "--class-weights", "balanced", "--split", "60/20/20", "--ignore",
      "sepal_width", "--patience", "none", "--seed", "5", "--name", "flowers", "--fail-under",
      "accuracy=0.01", "--gradient-clipping", "0.25")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let config = try #require(
      try JSONSerialization.jsonObject(with: place.bytes("runs/flowers-1/config.json"))
        as? [String: Any])
    #expect(config["split"] as? String == "60/20/20")
    #expect(config["seed"] as? String == "5")
    #expect(config["schedule"] as? String == "cosine")
    #expect(config["patience"] as? String == "none")
    #expect(config["biasReduction"] as? String == "mean")
    #expect(config["gradientClipping"] as? Double == 0.25)
    #expect(try place.text("runs/flowers-1/report.html").contains("--gradient-clipping 0.25"))
    // The next step of a weight is explained with it.
    let step = try place.ebb(
      "explain", "runs/flowers-1", "--state", "last", "--weight", "output.bias[0]")
    #expect(step.output.contains("clipped above"), "\(step.errors) \(step.output)")
    #expect(config["failUnder"] as? [String] == ["accuracy=0.01"])
    #expect((config["data"] as? [String: Any])?["sha256"] as? String != nil)
    #expect((config["network"] as? [Any])?.count == 5)
    let split = try place.text("runs/flowers-1/split.csv").split(separator: "\n")
    #expect(split.first == "line,part")
    #expect(
      split.count { $0.hasSuffix(",validation") } * 3 == split.count { $0.hasSuffix(",training") })
  }

  @Test("a network from a file, and files of their own for validation and test")
  func files() throws {
    let place = try Workplace()
    try place.write(
      #"[{"kind": "dense", "settings": {"units": 6, "activation": "gelu"}}, {"kind": "dense", "settings": {"units": 3}}]"#,
      to: "net.json")
    let iris = try String(contentsOfFile: Command.example("iris"), encoding: .utf8)
    try place.write(iris, to: "other.csv")
    let outcome = try place.ebb(
      "train", Command.example("iris"), "--target", "species", "--network", "net.json",
      "--validation", "other.csv", "--test", "other.csv", "--epochs", "5", "--json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let result = try outcome.json()
    #expect(result["rows"] as? [String: Int] == ["training": 150, "validation": 150, "test": 150])
    #expect(result["parameters"] as? Int == 5 * 6 + 7 * 3)
    let own = try place.ebb("evaluate", "runs/iris-1", "--split", "test", "--json")
    #expect(try own.json()["rows"] as? Int == 150)
  }

  @Test("quality gates: exit status 5")
  func gates() throws {
    let place = try Workplace()
    let outcome = try place.ebb(
      "train", Command.example("diabetes"), "--target", "progression", "--epochs", "5",
      "--fail-under", "rmse=1", "--fail-under", "r2=-100", "--quiet")
    #expect(outcome.status == 5)
    #expect(outcome.errors.hasPrefix("error: quality gate missed: rmse is "))
    #expect(outcome.errors.contains("above the limit 1.0"))
    #expect(!outcome.errors.contains("r2"))
    #expect(place.exists("runs/diabetes-1/model.ebb"))
    let evaluated = try place.ebb(
      "evaluate", "runs/diabetes-1", "--split", "test", "--fail-under", "rmse=1")
    #expect(evaluated.status == 5)
  }

  @Test("training that diverges: exit status 4 and a report with lines of the data file")
  func divergence() throws {
    let place = try Workplace()
    let outcome = try place.ebb(
      "train", Command.example("iris"), "--target", "species", "--optimizer", "sgd",
      "--learning-rate", "1e30", "--output", "run")
    #expect(outcome.status == 4)
    #expect(outcome.errors.contains("error: training diverged at step "))
    #expect(outcome.errors.contains("run/crash/report.json"))
    let report = try #require(
      try JSONSerialization.jsonObject(with: place.bytes("run/crash/report.json"))
        as? [String: Any])
    let rows = try #require(report["rows"] as? [[String: Int]])
    let split = try place.text("run/split.csv")
    #expect(rows.count == 32)
    for row in rows {
      let line = try #require(row["line"])
      // The header is line 1, so row 0 stands on line 2; all are training rows.
      #expect(line == (row["row"] ?? -9) + 2)
      #expect(split.contains("\n\(line),training\n"))
    }
    #expect(report["operation"] as? String != "")
    #expect((report["step"] as? Int ?? 0) > 1)
    // There is no best model, but the state that was saved last.
    let explained = try place.ebb("explain", "run", "--row", "3")
    #expect(explained.status != 0)
    #expect(explained.errors.contains("ebb explain run --row N --state last"))
    #expect(try place.ebb("explain", "run", "--row", "3", "--state", "last").status == 0)
    // With --json a program is told the same in one object.
    let told = try place.ebb(
      "train", Command.example("iris"), "--target", "species", "--optimizer", "sgd",
      "--learning-rate", "1e30", "--output", "again", "--json")
    #expect(told.status == 4)
    let object = try told.json()
    #expect(object["error"] as? String == "diverged")
    #expect(object["step"] as? Int == report["step"] as? Int)
    #expect(object["report"] as? String == "again/crash/report.json")
    #expect(object["model"] is NSNull)
  }

  @Test("training that diverges after some epochs keeps the best model until then")
  func lateDivergence() throws {
    let place = try Workplace()
    try place.write(
      "a,b,y\n1,2,3\n2,3,5\n3,4,7\n4,6,10\n5,7,12\n6,8,14\n7,9,16\n8,10,18\n",
      to: "sums.csv")
    let outcome = try place.ebb(
      "train", "sums.csv", "--target", "y", "--learning-rate", "3", "--optimizer", "sgd",
      "--output", "run", "--json")
    #expect(outcome.status == 4)
    #expect(outcome.errors.contains("the best model until then, of epoch 1: run/model.ebb"))
    #expect(try outcome.json()["model"] as? String == "run/model.ebb")
    let evaluated = try place.ebb("evaluate", "run", "--split", "training")
    #expect(evaluated.status == 0, "\(evaluated.errors)")
    #expect(try place.ebb("explain", "run", "--row", "1").status == 0)
    #expect(try place.ebb("report", "run").status == 0)
    let page = try place.text("run/report.html")
    #expect(page.contains("Training diverged after 3 epochs; the best until then was 1."))
    #expect(!page.contains("Go on: "), "it would diverge again")
    // Going on begins where the run was saved last, and ends alike.
    #expect(try place.ebb("resume", "run").status == 4)
    #expect(place.exists("run/model.ebb"))
  }
}
