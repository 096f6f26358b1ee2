import Foundation
import Testing

@Suite("Files that are gone, or that must not be")
struct LostFileTests {
  /// A finished run on data of its own.
  private func finishedRun(in place: Workplace, _ flags: String...) throws {
    try FileManager.default.copyItem(
      atPath: Command.example("iris"), toPath: "\(place.path)/data.csv")
    let trained = try place.run(
      ["train", "data.csv", "--target", "species", "--epochs", "8", "--output", "run"] + flags)
    #expect(trained.status == 0, "\(trained.errors)")
  }

  private func remove(_ name: String, in place: Workplace) throws {
    try FileManager.default.removeItem(atPath: "\(place.path)/\(name)")
  }

  @Test("a lost model is named by every command; without the checkpoint it is trained again")
  func lostModel() throws {
    let place = try Workplace()
    try finishedRun(in: place)
    let model = try place.bytes("run/model.ebb")
    try remove("run/model.ebb", in: place)
    for arguments in [
      ["evaluate", "run", "--split", "test"], ["predict", "run", "data.csv"], ["resume", "run"],
      ["resume", "run", "--epochs", "9"],
    ] {
      let outcome = try place.run(arguments)
      #expect(outcome.status == 1)
      #expect(outcome.errors.contains("run/model.ebb: the run's model, of epoch "))
      #expect(outcome.errors.contains("remove run/checkpoint.ebb too"), "\(outcome.errors)")
    }
    try remove("run/checkpoint.ebb", in: place)
    let both = try place.ebb("predict", "run", "data.csv")
    #expect(both.status == 1)
    #expect(both.errors.contains("from the beginning by \"ebb resume run\""), "\(both.errors)")
    let again = try place.ebb("resume", "run")
    #expect(again.status == 0, "\(again.errors)")
    #expect(try place.bytes("run/model.ebb") == model)
    #expect(try place.events("run").count == 8)
  }

  @Test("a model without its checkpoint is never trained over, whether finished or interrupted")
  func lostCheckpoint() throws {
    let place = try Workplace()
    try finishedRun(in: place)
    try remove("run/checkpoint.ebb", in: place)
    func expectRefused() throws {
      let before = try (place.bytes("run/model.ebb"), place.bytes("run/events.jsonl"))
      for arguments in [["resume", "run"], ["resume", "run", "--epochs", "20"]] {
        let outcome = try place.run(arguments)
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("run/checkpoint.ebb: the file is gone"))
        #expect(outcome.errors.contains("run/model.ebb as it is"), "\(outcome.errors)")
      }
      #expect(try place.bytes("run/model.ebb") == before.0)
      #expect(try place.bytes("run/events.jsonl") == before.1)
    }
    try expectRefused()
    try remove("run/metrics.json", in: place)
    try expectRefused()
  }

  @Test("a run has its checkpoint before it is one, and goes on from a model that is ahead of it")
  func firstCheckpoint() throws {
    let place = try Workplace()
    try finishedRun(in: place)
    let model = try place.bytes("run/model.ebb")
    let running = try place.start([
      "train", "data.csv", "--target", "species", "--epochs", "8", "--output", "other",
    ])
    try running.wait { place.exists("other/config.json") }
    #expect(place.exists("other/checkpoint.ebb"))
    let first = try? place.bytes("other/checkpoint.ebb")
    #expect(try running.finish().status == 0)
    // As if it had been killed after its first model was written, before the checkpoint with it.
    try #require(first).write(to: URL(fileURLWithPath: "\(place.path)/other/checkpoint.ebb"))
    try remove("other/metrics.json", in: place)
    let resumed = try place.ebb("resume", "other")
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(try place.bytes("other/model.ebb") == model)
  }

  @Test("lost data: the run is said to be made from it")
  func lostData() throws {
    let place = try Workplace()
    try finishedRun(in: place)
    try remove("data.csv", in: place)
    for arguments in [["resume", "run"], ["evaluate", "run", "--split", "test"]] {
      let outcome = try place.run(arguments)
      #expect(outcome.status == 1)
      #expect(
        outcome.errors.contains("data.csv: the run run was made from this file, and it is gone"))
      #expect(!outcome.errors.contains("spelling"))
    }
  }

  @Test("predict never writes over its own data or model, by whatever path")
  func ownInput() throws {
    let place = try Workplace()
    try finishedRun(in: place)
    let files = FileManager.default
    try files.createSymbolicLink(
      atPath: "\(place.path)/soft.csv", withDestinationPath: "data.csv")
    try files.linkItem(atPath: "\(place.path)/data.csv", toPath: "\(place.path)/hard.csv")
    let data = try place.bytes("data.csv")
    let model = try place.bytes("run/model.ebb")
    for output in ["data.csv", "./run/../data.csv", "soft.csv", "hard.csv", "run/model.ebb"] {
      let outcome = try place.ebb("predict", "run", "data.csv", "--output", output, "--force")
      #expect(outcome.status == 1)
      #expect(outcome.errors.contains("\(output): this is the file of "), "\(outcome.errors)")
    }
    #expect(try place.bytes("data.csv") == data)
    #expect(try place.bytes("run/model.ebb") == model)
    try place.write("old\n", to: "p.csv")
    let other = try place.ebb("predict", "run", "data.csv", "--output", "p.csv", "--force")
    #expect(other.status == 0, "\(other.errors)")
    #expect(try place.text("p.csv").hasPrefix("prediction\n"))
  }
}
