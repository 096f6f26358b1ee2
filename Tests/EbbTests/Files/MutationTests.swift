import Ebb
import EbbRuns
import EbbSystem
import Foundation
import Mutations
import Testing

/// Every number of every file of a run, replaced by others: each reader reads it, or refuses it.
///
/// What the command does with what was read is tried on the built command, in the command's own tests.
@Suite struct MutationTests {
  let directory: FilesDirectory
  let run: RunDirectory

  init() throws {
    directory = try FilesDirectory()
    run = RunDirectory(directory.file("run"))
    let rows = (0..<40).map { "\($0 % 7),\($0 % 3)e-1,\($0 % 2 == 0 ? "a" : "b")" }
    let data = try directory.put(
      Array(("x,y,kind\n" + rows.joined(separator: "\n") + "\n").utf8), "data.csv")
    var request = RunRequest(data: data, target: "kind")
    request.fit = FitOptions(epochs: 2, batchSize: 8, schedule: .warmUp(length: 2, then: .cosine()))
    request.architecture = .hidden([3], activation: .relu, dropout: 0.25)
    let training = try TrainingRun.begin(
      request.prepare(), output: run.path, name: nil, replacing: false)
    _ = try training.train(shouldStop: { false }, observe: { _, _ in })
    _ = try training.finish()
  }

  /// Puts each mutation in a file's place and reads it.
  private func read(
    _ path: String, _ mutations: ([UInt8]) throws -> [Mutation], _ read: () throws -> Void
  ) throws {
    let old = try Files.read(path)
    try read()
    let all = try mutations(old)
    #expect(all.count > 20)
    var refused = 0
    for mutation in all {
      try Data(mutation.bytes).write(to: URL(filePath: path))
      do {
        try read()
      } catch {
        refused += 1
        let text = "\(error)"
        #expect(!text.isEmpty && text.utf8.count < 2_000, "\(mutation): \(text.prefix(2_000))")
      }
    }
    try Data(old).write(to: URL(filePath: path))
    #expect(refused > 0)
    print("\(Files.name(of: path)): \(all.count) mutations, \(refused) refused")
  }

  @Test("models") func models() throws {
    try read(run.model, NumberMutations.ofModelFile) { _ = try Model(contentsOf: run.model) }
  }

  @Test("checkpoints, and the trainings that they are of") func checkpoints() throws {
    try read(run.checkpoint, NumberMutations.ofModelFile) {
      _ = try TrainingRun.resume(run)
    }
  }

  @Test("settings, epochs, rows") func others() throws {
    try read(run.configuration, NumberMutations.ofText) { _ = try RunSettings(of: run) }
    try read(run.events, NumberMutations.ofText) { _ = try TrainingHistory(of: run) }
    let table = try Table(csv: directory.file("data.csv"))
    try read(run.split, NumberMutations.ofText) {
      _ = try RunSplit.rows(of: .test, in: run, table: table)
    }
  }
}
