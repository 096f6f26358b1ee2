import Foundation
import Testing

@Suite("A run whose files were changed")
struct ChangedRunTests {
  private static let iris = Command.example("iris")

  private func trained() throws -> Workplace {
    let place = try Workplace()
    let outcome = try place.ebb(
      "train", Self.iris, "--target", "species", "--epochs", "2", "--quiet", "--output", "run")
    #expect(outcome.status == 0, "\(outcome.errors)")
    return place
  }

  @Test(
    "no command takes other settings for those that the run was trained with",
    arguments: [
      ("\"split\": \"70/15/15\"", "\"split\": \"10/10/80\"", "split: "),
      ("\"batch\": 32", "\"batch\": 4", "batch: 32 until now, 4 in config.json"),
      ("\"units\": 64", "\"units\": 32", "network: "),
      ("\"learningRate\": 0.003", "\"learningRate\": 0.5", "optimizer: "),
    ])
  func settings(old: String, new: String, says: String) throws {
    let place = try trained()
    let config = try place.text("run/config.json")
    #expect(config.contains(old))
    try place.write(config.replacingOccurrences(of: old, with: new), to: "run/config.json")
    for command in [
      ["report", "run", "--no-check"], ["audit", "run", "--folds", "0"],
      ["evaluate", "run", "--split", "test"], ["check", "run"], ["explain", "run"],
      ["resume", "run"],
    ] {
      let outcome = try place.run(command)
      #expect(outcome.status == 1, "\(command)")
      #expect(outcome.errors.contains("run/config.json: the settings have changed"), "\(command)")
      #expect(outcome.errors.contains(says), "\(command): \(outcome.errors)")
    }
    // A model alone has no settings.
    #expect(try place.ebb("evaluate", "run/model.ebb", Self.iris).status == 0)
  }

  @Test("which row went to which part cannot be changed unnoticed, and comes back")
  func split() throws {
    let place = try trained()
    let before = try place.text("run/split.csv")
    let evaluated = try place.ebb("evaluate", "run", "--split", "test", "--json").output
    try place.write(
      before.replacingOccurrences(of: "validation", with: "test"), to: "run/split.csv")
    for command in [
      ["evaluate", "run", "--split", "test"], ["check", "run"], ["report", "run", "--no-check"],
    ] {
      let outcome = try place.run(command)
      #expect(outcome.status == 1 && outcome.errors.contains("run/split.csv"), "\(command)")
    }
    let resumed = try place.ebb("resume", "run")
    #expect(resumed.status == 0 && resumed.errors.contains("split.csv"), "\(resumed.errors)")
    #expect(try place.text("run/split.csv") == before)
    #expect(try place.ebb("evaluate", "run", "--split", "test", "--json").output == evaluated)
  }

  @Test("gates that the run cannot be held to are refused before it goes on")
  func gates() throws {
    let place = try trained()
    let config = try place.text("run/config.json")
    for gate in ["rmse=3", "x", "accuracy=2"] {
      try place.write(
        config.replacingOccurrences(of: "\"failUnder\": []", with: "\"failUnder\": [\"\(gate)\"]"),
        to: "run/config.json")
      let outcome = try place.ebb("resume", "run", "--force")
      #expect(outcome.status == 1, "\(gate)")
      #expect(outcome.errors.contains("run/config.json: failUnder: "), "\(outcome.errors)")
    }
  }

  @Test("--force writes over no file of a run")
  func outputs() throws {
    let place = try trained()
    let files = place.files.filter { $0.hasPrefix("run/") }
    let before = try files.map { try place.bytes($0) }
    for command in [
      ["predict", "run", Self.iris, "--output", "run/config.json"],
      ["explain", "run", "--html", "run/events.jsonl"],
      ["audit", "run", "--folds", "0", "--output", "run/checkpoint.ebb"],
      ["report", "run", "--no-check", "--output", "run/metrics.json"],
    ] {
      let outcome = try place.run(command + ["--force"])
      #expect(outcome.status == 1 && outcome.errors.contains("a file of the run"), "\(command)")
    }
    #expect(try files.map { try place.bytes($0) } == before)
  }

  @Test("a limit on the size of files is an error, and nothing is left behind")
  func fileSizes() throws {
    let place = try Workplace()
    let shell = Process()
    shell.executableURL = URL(fileURLWithPath: "/bin/sh")
    shell.currentDirectoryURL = URL(fileURLWithPath: place.path)
    shell.arguments = [
      "-c",
      "ulimit -f 8; '\(Command.path)' train '\(Self.iris)' --target species --hidden 64,64"
        + " --epochs 2 --output run 2>errors.txt",
    ]
    try shell.run()
    shell.waitUntilExit()
    #expect(shell.terminationReason == .exit && shell.terminationStatus == 1)
    #expect(try place.text("errors.txt").contains("limit (ulimit -f)"))
    #expect(!place.exists("run"))
  }

  @Test("a target that makes the loss infinite is named, and is no divergence")
  func farTargets() throws {
    let place = try Workplace()
    let rows = (0..<60).map { "\($0 % 7),\($0 % 11)" }
    try place.write("x,y\n" + rows.joined(separator: "\n") + "\n", to: "data.csv")
    try place.write("x,y\n1,2\n3,1e30\n", to: "far.csv")
    let trained = try place.ebb(
      "train", "data.csv", "--target", "y", "--task", "regression", "--split", "100/0/0",
      "--validation", "far.csv", "--epochs", "2", "--output", "run")
    #expect(trained.status == 1)
    #expect(trained.errors.contains("far.csv:3: the target \"y\" is 1e+30"), "\(trained.errors)")
    #expect(!trained.errors.contains("diverged"))
  }
}
