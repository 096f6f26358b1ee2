import Foundation
import Testing

@Suite("Beginnings and endings")
struct EndingTests {
  private static let iris = Command.example("iris")
  private static let long = [
    "train", iris, "--target", "species", "--epochs", "1000000", "--patience", "none", "--quiet",
    "--output", "run",
  ]
  private static let short = [
    "train", iris, "--target", "species", "--epochs", "2", "--quiet", "--output", "run",
  ]

  @Test(
    "SIGTERM and SIGHUP save, say how to go on, and have their own status",
    arguments: zip([SIGTERM, SIGHUP, SIGINT], [143, 129, 130] as [Int32]))
  func signals(_ signal: Int32, _ status: Int32) throws {
    let place = try Workplace()
    let running = try place.start(Self.long)
    try running.wait { place.exists("run/model.ebb") }
    kill(running.process.processIdentifier, signal)
    let stopped = try running.finish()
    #expect(running.process.terminationReason == .exit)
    #expect(stopped.status == status)
    #expect(stopped.errors.contains("everything is saved, go on with\n  ebb resume run"))
    #expect(place.exists("run/model.ebb"))
  }

  @Test("a signal at any moment of a short training ends it defined: done, or with a way to go on")
  func signalsAtTheEnd() throws {
    for delay in stride(from: 0.02, to: 0.4, by: 0.06) {
      let place = try Workplace()
      let running = try place.start(Self.short)
      Thread.sleep(forTimeInterval: delay)
      if running.process.isRunning { kill(running.process.processIdentifier, SIGTERM) }
      let outcome = try running.finish()
      #expect([0, 143].contains(outcome.status) || delay < 0.03, "\(outcome.errors)")
      guard place.exists("run") else { continue }
      let next = try place.run(place.exists("run/config.json") ? ["resume", "run"] : Self.short)
      #expect(next.status == 0, "\(next.errors)")
    }
  }

  @Test("under nohup, a terminal that closes changes nothing")
  func nohup() throws {
    let place = try Workplace()
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments =
      ["-c", "trap '' HUP; exec \"$0\" \"$@\" 2> errors", Command.path] + Self.long
    process.currentDirectoryURL = URL(fileURLWithPath: place.path)
    try process.run()
    func wait(for size: Int) {
      for _ in 0..<6000 where process.isRunning {
        if ((try? place.bytes("run/events.jsonl").count) ?? 0) > size { return }
        Thread.sleep(forTimeInterval: 0.005)
      }
    }
    wait(for: 0)
    kill(process.processIdentifier, SIGHUP)
    wait(for: try place.bytes("run/events.jsonl").count + 2000)
    #expect(process.isRunning)
    kill(process.processIdentifier, SIGTERM)
    process.waitUntilExit()
    #expect(process.terminationStatus == 143)
  }

  @Test("with closed streams nothing is written into the run's files")
  func closedStreams() throws {
    let place = try Workplace()
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = [
      "-c", "exec \"$0\" train \"$1\" --target species --epochs 3 --output run <&- >&- 2>&-",
      Command.path, Self.iris,
    ]
    process.currentDirectoryURL = URL(fileURLWithPath: place.path)
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    #expect(try place.events("run").count == 3)
    #expect(try place.bytes("run/.lock").isEmpty)
    #expect(place.exists("run/report.html"))
  }

  @Test(
    "an option that takes one value is refused when it is given twice",
    arguments: [
      ["train", "x.csv", "--target", "a", "--target", "b"],
      ["train", "x.csv", "--target=a", "--target", "a"],
      ["train", "x.csv", "--target", "a", "--epochs", "2", "--epochs=3"],
      ["predict", "m", "d", "--output", "a", "--output", "b"],
      ["report", "r", "--output", "a", "--output", "b"],
      ["bench", "--steps", "1", "--steps", "1"],
    ])
  func repeated(_ arguments: [String]) throws {
    let outcome = try Workplace().run(arguments)
    #expect(outcome.status == 2)
    #expect(outcome.errors.contains(" is given twice, and takes one value"), "\(outcome.errors)")
    #expect(outcome.output.isEmpty)
  }

  @Test("options that may be repeated, flags, and what follows two dashes are left alone")
  func notRepeated() throws {
    let place = try Workplace()
    let outcome = try place.run(
      Self.short + [
        "--ignore", "sepal_width", "--ignore", "sepal_length", "--fail-under", "accuracy=0",
        "--fail-under", "accuracy=0.01", "--quiet",
      ])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let dashes = try place.run(["evaluate", "--threads", "1", "--", "--threads", "--threads"])
    #expect(dashes.status == 1 && dashes.errors.contains("--threads: cannot read"))
  }

  @Test("settings changed in config.json are named and refused; --force takes those that can be")
  func changedSettings() throws {
    let place = try Workplace()
    #expect(try place.run(Self.short).status == 0)
    let config = try place.text("run/config.json")
    func change(_ old: String, _ new: String) throws {
      #expect(config.contains(old))
      try place.write(config.replacingOccurrences(of: old, with: new), to: "run/config.json")
    }
    for (old, new, says) in [
      ("\"batch\": 32", "\"batch\": 7", "batch: 32 until now, 7 in config.json"),
      ("\"seed\": \"0\"", "\"seed\": \"5\"", "seed: \"0\" until now"),
      ("\"reduction\": \"mean\"", "\"reduction\": \"sum\"", "reduction: "),
      ("\"schedule\": \"constant\"", "\"schedule\": \"cosine\"", "schedule: "),
      ("\"split\": \"70/15/15\"", "\"split\": \"90/5/5\"", "split: "),
      ("\"classWeights\": \"none\"", "\"classWeights\": \"balanced\"", "classWeights: "),
      ("\"patience\": 20", "\"patience\": 2", "patience: 20 until now"),
      ("\"epochs\": 2", "\"epochs\": 4", "epochs: 2 until now, 4 in config.json"),
    ] {
      try change(old, new)
      let model = try place.bytes("run/model.ebb")
      let outcome = try place.ebb("resume", "run")
      #expect(outcome.status == 1)
      #expect(outcome.errors.contains(says), "\(outcome.errors)")
      #expect(try place.bytes("run/model.ebb") == model)
    }
    try change("\"split\": \"70/15/15\"", "\"split\": \"90/5/5\"")
    let split = try place.ebb("resume", "run", "--force")
    #expect(split.status == 1 && split.errors.contains("start anew"), "\(split.errors)")
    try change("\"epochs\": 2", "\"epochs\": 4")
    let taken = try place.ebb("resume", "run", "--force")
    #expect(taken.status == 0, "\(taken.errors)")
    #expect(try place.events("run").count == 4)
    #expect(try place.ebb("resume", "run").status == 0)
    // The model of another run is none of this one's.
    let other = try place.run(Array(Self.short.dropLast()) + ["other", "--seed", "3"])
    #expect(other.status == 0)
    try place.bytes("other/model.ebb").write(
      to: URL(fileURLWithPath: "\(place.path)/run/model.ebb"))
    let foreign = try place.ebb("resume", "run", "--epochs", "6")
    #expect(foreign.status == 1)
    #expect(foreign.errors.contains("run/model.ebb: "), "\(foreign.errors)")
  }

  @Test("a beginning that was killed is taken over; a directory of somebody else's is not")
  func unfinishedBeginning() throws {
    let place = try Workplace()
    let files = FileManager.default
    try files.createDirectory(atPath: "\(place.path)/run", withIntermediateDirectories: true)
    try place.write("", to: "run/.lock")
    try place.write("half", to: "run/.split.csv.partial")
    let resumed = try place.ebb("resume", "run")
    #expect(resumed.status == 1 && resumed.errors.contains("begin it again"), "\(resumed.errors)")
    #expect(try place.run(Self.short).status == 0)
    #expect(!place.exists("run/.split.csv.partial"))

    try files.createDirectory(
      atPath: "\(place.path)/runs/iris-1", withIntermediateDirectories: true)
    try place.write("", to: "runs/iris-1/.lock")
    let named = try place.run(Array(Self.short.dropLast(2)))
    #expect(named.status == 0 && place.exists("runs/iris-1/model.ebb"), "\(named.errors)")

    try files.createDirectory(atPath: "\(place.path)/mine", withIntermediateDirectories: true)
    try place.write("a,b\n1,2\n", to: "mine/split.csv")
    let mine = try place.run(Array(Self.short.dropLast()) + ["mine", "--force"])
    #expect(mine.status == 1 && mine.errors.contains("holds no run"), "\(mine.errors)")
    #expect(try place.text("mine/split.csv") == "a,b\n1,2\n")
  }

  @Test("a part without rows has no figures, and is not advised")
  func emptyPart() throws {
    let place = try Workplace()
    let trained = try place.run(Self.short + ["--split", "100/0/0"])
    #expect(trained.status == 0)
    #expect(trained.output.contains("ebb evaluate run --split training"))
    #expect(try !place.text("run/report.html").contains("--split test"))
    let text = try place.ebb("evaluate", "run", "--split", "test")
    #expect(text.status == 0 && text.output.contains("has no test rows"), "\(text.errors)")
    let json = try place.ebb("evaluate", "run", "--split", "test", "--json")
    #expect(try json.json()["rows"] as? Int == 0)
    let gate = try place.ebb("evaluate", "run", "--split", "test", "--fail-under", "accuracy=0.1")
    #expect(gate.status == 5)
  }

  @Test("a model removed while training goes on is written again; a pipe is no training data")
  func lostOnTheWay() throws {
    let place = try Workplace()
    let running = try place.start(Self.long)
    try running.wait { place.exists("run/model.ebb") }
    try FileManager.default.removeItem(atPath: "\(place.path)/run/model.ebb")
    kill(running.process.processIdentifier, SIGTERM)
    #expect(try running.finish().status == 143)
    #expect(place.exists("run/model.ebb"))
    #expect(mkfifo("\(place.path)/pipe", 0o600) == 0)
    let pipe = try place.ebb("train", "pipe", "--target", "a")
    #expect(pipe.status == 1 && pipe.errors.contains("save them to a file"), "\(pipe.errors)")
  }
}
