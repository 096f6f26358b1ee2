import Foundation
import Testing

@Suite("Repeating, stopping and going on")
struct ResumeTests {
  @Test("the same bytes with any number of threads, twice each")
  func threads() throws {
    let place = try Workplace()
    var models: Set<Data> = []
    for name in ["digits", "breast-cancer"] {
      for threads in ["1", "2", "3", "1", "2", "3"] {
        let target = name == "digits" ? "digit" : "diagnosis"
        let outcome = try place.ebb(
          "train", Command.example(name), "--target", target, "--epochs", "6", "--hidden", "96,33",
          "--dropout", "0.2", "--batch", "50", "--threads", threads, "--output", "run", "--force",
          "--quiet")
        #expect(outcome.status == 0, "\(outcome.errors)")
        models.insert(try place.bytes("run/model.ebb"))
      }
      #expect(models.count == (name == "digits" ? 1 : 2))
    }
  }

  @Test("the same bytes with portable kernels")
  func portable() throws {
    let place = try Workplace()
    for (kernels, run) in [("avx2", "a"), ("portable", "b")] {
      let outcome = try place.ebb(
        "train", Command.example("iris"), "--target", "species", "--epochs", "20", "--output", run,
        environment: ["EBB_KERNELS": kernels])
      #expect(outcome.status == 0, "\(outcome.errors)")
    }
    #expect(try place.bytes("a/model.ebb") == place.bytes("b/model.ebb"))
  }

  @Test("Ctrl-C in the middle of an epoch, and going on: the same bytes, each epoch logged once")
  func interruption() throws {
    let place = try Workplace()
    let settings = [
      "train", Command.example("digits"), "--target", "digit", "--batch", "1", "--epochs", "30",
      "--patience", "none", "--dropout", "0.1", "--schedule", "warm-up:3:cosine",
    ]
    #expect(try place.run(settings + ["--output", "whole"]).status == 0)
    let running = try place.start(settings + ["--output", "run"])
    try running.wait { ((try? place.events("run"))?.count ?? 0) >= 3 }
    kill(running.process.processIdentifier, SIGINT)
    let stopped = try running.finish()
    #expect(stopped.status == 130, "\(stopped.errors)")
    #expect(stopped.output.isEmpty)
    #expect(stopped.errors.contains("ebb resume run"))
    let resumed = try place.ebb("resume", "run", "--threads", "1", "--json")
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(resumed.errors.contains("run: going on in epoch"))
    try expectSame(place, "whole", "run", epochs: 30)
    #expect(try resumed.json()["epochs"] as? Int == 30)
  }

  @Test("killed at several moments, and going on each time: the same bytes")
  func kills() throws {
    let place = try Workplace()
    let settings = [
      "train", Command.example("digits"), "--target", "digit", "--epochs", "1500", "--patience",
      "none",
    ]
    #expect(try place.run(settings + ["--output", "whole"]).status == 0)
    var running = try place.start(settings + ["--output", "run"])
    try running.wait { place.exists("run/config.json") }
    for moment in [0.03, 1.15, 0.4, 1.3] {
      Thread.sleep(forTimeInterval: moment)
      kill(running.process.processIdentifier, SIGKILL)
      _ = try running.finish()
      running = try place.start(["resume", "run"])
    }
    let last = try running.finish()
    #expect(last.status == 0, "\(last.errors)")
    try expectSame(place, "whole", "run", epochs: 1500)
    let hidden = try FileManager.default.contentsOfDirectory(atPath: "\(place.path)/run")
      .filter { $0.hasSuffix(".partial") }
    #expect(hidden.count <= 3)
  }

  private func expectSame(_ place: Workplace, _ first: String, _ second: String, epochs: Int) throws
  {
    #expect(try place.bytes("\(first)/model.ebb") == place.bytes("\(second)/model.ebb"))
    func log(_ run: String) throws -> [NSDictionary] {
      try place.events(run).map { event in
        var event = event
        event["seconds"] = nil
        return event as NSDictionary
      }
    }
    let (left, right) = (try log(first), try log(second))
    #expect(left.count == epochs)
    #expect(left == right)
  }

  @Test("a finished run says so; raised epochs go on to what a longer run gives")
  func longer() throws {
    let place = try Workplace()
    let settings = [
      "train", Command.example("breast-cancer"), "--target", "diagnosis", "--patience", "none",
    ]
    #expect(try place.run(settings + ["--epochs", "30", "--output", "whole"]).status == 0)
    #expect(try place.run(settings + ["--epochs", "12", "--output", "run"]).status == 0)
    let metrics = try place.bytes("run/metrics.json")
    let finished = try place.ebb("resume", "run")
    #expect(finished.status == 0)
    #expect(finished.errors.contains("finished already after 12 epochs"))
    #expect(try place.bytes("run/metrics.json") == metrics)
    let lower = try place.ebb("resume", "run", "--epochs", "5")
    #expect(lower.status == 2)
    let longer = try place.ebb("resume", "run", "--epochs", "30")
    #expect(longer.status == 0, "\(longer.errors)")
    try expectSame(place, "whole", "run", epochs: 30)
  }

  @Test("changed data, damaged settings and a run in use are refused")
  func refusals() throws {
    let place = try Workplace()
    let iris = try String(contentsOfFile: Command.example("iris"), encoding: .utf8)
    try place.write(iris, to: "data.csv")
    let running = try place.start([
      "train", "data.csv", "--target", "species", "--epochs", "1000000", "--patience", "none",
      "--output", "run",
    ])
    try running.wait { ((try? place.events("run"))?.count ?? 0) >= 1 }
    let second = try place.ebb("resume", "run")
    #expect(second.status == 1)
    #expect(second.errors.contains("run: another process is using this run"))
    let replacing = try place.ebb(
      "train", "data.csv", "--target", "species", "--output", "run", "--force")
    #expect(replacing.status == 1)
    kill(running.process.processIdentifier, SIGINT)
    #expect(try running.finish().status == 130)

    try place.write(iris.replacingOccurrences(of: "5.1,3.5", with: "5.2,3.5"), to: "data.csv")
    let changed = try place.ebb("resume", "run")
    #expect(changed.status == 1)
    #expect(changed.errors.contains("data.csv: the file has changed since the run run began"))
    #expect(try place.ebb("evaluate", "run", "--split", "test").status == 1)
    try place.write(iris, to: "data.csv")

    let config = try place.text("run/config.json")
    try place.write(
      config.replacingOccurrences(of: "\"batch\": 32", with: "\"batch\": 0"), to: "run/config.json")
    let damaged = try place.ebb("resume", "run")
    #expect(damaged.status == 1)
    #expect(damaged.errors.contains("run/config.json: batch: expected an integer from 1"))
    try place.write(
      config.replacingOccurrences(of: "\"learningRate\": 0.003", with: "\"learningRate\": 0.1"),
      to: "run/config.json")
    let other = try place.ebb("resume", "run")
    #expect(other.status == 1)
    #expect(other.errors.contains("run/config.json: the settings have changed"))
    #expect(other.errors.contains("optimizer: "))
    #expect(try place.ebb("resume", "nothing").errors.contains("nothing: there is no such run"))
  }
}
