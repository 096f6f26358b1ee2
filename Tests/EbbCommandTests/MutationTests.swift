import Foundation
import Mutations
import Testing

/// Every number of every file of a run, replaced by others: the command ends by itself, with a status
/// of its own, within the memory that it usually takes and 64 MB, and leaves nothing half-written.
///
/// A sample is tried each time; `EBB_MUTATIONS=all` tries every one.
@Suite("Mutations") struct MutationTests {
  /// A command, and the file of the run that it reads.
  private struct Trial {
    let file: String
    let arguments: [String]
  }

  private static let trials: [Trial] = {
    let data = Command.example("iris")
    let commands: [String: [[String]]] = [
      "model.ebb": [
        ["predict", "run", data, "--output", "-"], ["evaluate", "run", "--split", "test"],
        ["explain", "run", "--row", "2", "--level", "equations"],
        ["report", "run", "--no-check"], ["audit", "run", "--folds", "0"],
        ["check", "run", "--rows", "16"], ["resume", "run"],
      ],
      "checkpoint.ebb": [
        ["resume", "run", "--epochs", "5"], ["resume", "run"],
        ["explain", "run", "--weight", "hidden1.weight[0,0]"],
      ],
      "config.json": [
        ["resume", "run"], ["resume", "run", "--epochs", "5"],
        ["evaluate", "run", "--split", "test"],
        ["explain", "run", "--row", "2", "--state", "last"],
        ["report", "run", "--no-check"], ["audit", "run", "--folds", "2", "--repeats", "1"],
      ],
      "events.jsonl": [["report", "run", "--no-check"], ["resume", "run"]],
      "metrics.json": [["resume", "run"], ["report", "run", "--no-check"]],
      "split.csv": [
        ["evaluate", "run", "--split", "test"],
        ["audit", "run", "--split", "validation", "--folds", "0"],
        ["report", "run", "--no-check"],
      ],
    ]
    return commands.keys.sorted().flatMap { file in
      (commands[file] ?? []).map { Trial(file: file, arguments: $0) }
    }
  }()

  private let place: Workplace
  private static let isWhole = ProcessInfo.processInfo.environment["EBB_MUTATIONS"] == "all"
  /// How many mutations are tried otherwise.
  private static let sampleCount = 60

  init() throws {
    place = try Workplace()
    let trained = try place.ebb(
      "train", Command.example("iris"), "--target", "species", "--hidden", "5", "--epochs", "3",
      "--batch", "16", "--schedule", "warm-up:2:cosine", "--threads", "1", "--output", "whole",
      "--quiet")
    try #require(trained.status == 0, "\(trained.errors)")
  }

  /// Makes the run anew, with other bytes in one file.
  private func prepare(_ file: String? = nil, _ bytes: [UInt8] = []) throws {
    let (run, whole) = ("\(place.path)/run", "\(place.path)/whole")
    try? FileManager.default.removeItem(atPath: run)
    try FileManager.default.copyItem(atPath: whole, toPath: run)
    if let file { try Data(bytes).write(to: URL(filePath: "\(run)/\(file)")) }
  }

  /// The status of the command in so much memory, in kilobytes; nil if a signal ended it.
  private func status(_ arguments: [String], memory: Int) throws -> Int32? {
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    #if os(Linux)
      let limits = "ulimit -c 0; ulimit -t 300; ulimit -v \(memory); "
    #else
      let limits = "ulimit -c 0; ulimit -t 300; "
    #endif
    process.arguments = ["-c", limits + "exec \"$0\" \"$@\"", Command.path] + arguments
    process.currentDirectoryURL = URL(filePath: place.path)
    process.environment = ProcessInfo.processInfo.environment.merging(
      ["MALLOC_ARENA_MAX": "1", "SWIFT_BACKTRACE": "enable=no"]) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return process.terminationReason == .exit ? process.terminationStatus : nil
  }

  /// The memory that a command needs for the whole run, in kilobytes, to 8 MB.
  private func need(_ arguments: [String]) throws -> Int {
    var (low, high) = (1 << 14, 1 << 22)
    while high - low > 1 << 13 {
      let middle = (low + high) / 2
      try prepare()
      if try status(arguments, memory: middle) == 0 { high = middle } else { low = middle }
    }
    return high
  }

  @Test("no number in a file ends a command by a signal, or takes its memory")
  func numbers() throws {
    var files: [String: [Mutation]] = [:]
    for file in Set(Self.trials.map(\.file)) {
      let bytes = [UInt8](try place.bytes("whole/\(file)"))
      files[file] =
        file.hasSuffix(".ebb")
        ? try NumberMutations.ofModelFile(bytes) : NumberMutations.ofText(bytes)
    }
    var chosen: [(trial: Trial, mutation: Mutation)] = []
    for trial in Self.trials { chosen += (files[trial.file] ?? []).map { (trial, $0) } }
    let all = chosen.count
    if !Self.isWhole { chosen = Self.sample(chosen) }
    var needs: [[String]: Int] = [:]
    var statuses: [Int32: Int] = [:]
    for (trial, mutation) in chosen {
      let need = try needs[trial.arguments] ?? need(trial.arguments)
      needs[trial.arguments] = need
      try prepare(trial.file, mutation.bytes)
      let memory = need + (64 << 10) + mutation.bytes.count / 1024
      let status = try status(trial.arguments, memory: memory)
      let what = "\(trial.file), \(mutation): \(trial.arguments.joined(separator: " "))"
      #expect(status.map { (0...5).contains($0) } == true, "\(what): \(status ?? -1)")
      #expect(place.files.allSatisfy { !$0.contains(".partial") }, "\(what): \(place.files)")
      if let status { statuses[status, default: 0] += 1 }
    }
    let counts = statuses.sorted { $0.key < $1.key }.map { "\($0.value) with \($0.key)" }
    print("\(chosen.count) of \(all) mutations ended: \(counts.joined(separator: ", "))")
  }

  /// Some of the elements, the same each time.
  private static func sample<Element>(_ all: [Element]) -> [Element] {
    var state: UInt64 = 13
    return (0..<sampleCount).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return all[Int((state >> 33) % UInt64(all.count))]
    }
  }
}
