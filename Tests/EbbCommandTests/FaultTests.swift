import Foundation
import Testing

/// What goes wrong, at which call that changes a file.
enum Fault: String, CaseIterable, Sendable {
  case full, error, kill
}

/// The library that makes calls fail, built once.
enum FaultLibrary {
  static let path: String? = {
    #if os(Linux)
      let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("FaultInjection/faults.c").path
      let target = NSTemporaryDirectory() + "/ebb-faults-\(UUID().uuidString).so"
      for compiler in ["clang", "cc", "gcc"] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [compiler, "-shared", "-fPIC", "-O1", "-o", target, source, "-ldl"]
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { continue }
        process.waitUntilExit()
        if process.terminationStatus == 0 { return target }
      }
    #endif
    return nil
  }()
}

/// `EBB_FAULTS=all swift test -c release --filter FaultTests` takes every call, otherwise some are taken.
@Suite("Faults at every call that changes a file", .enabled(if: FaultLibrary.path != nil))
struct FaultTests {
  private static let isComplete = ProcessInfo.processInfo.environment["EBB_FAULTS"] == "all"
  private static let iris = Command.example("iris")
  private static let old = [
    "train", iris, "--target", "species", "--epochs", "2", "--hidden", "4", "--quiet", "--output",
    "run",
  ]
  private static let new = [
    "train", iris, "--target", "species", "--epochs", "3", "--hidden", "3", "--quiet", "--output",
    "run",
  ]

  private func environment(_ fault: Fault, at call: Int) -> [String: String] {
    [
      "LD_PRELOAD": FaultLibrary.path ?? "", "EBB_FAULT_KIND": fault.rawValue,
      "EBB_FAULT_AT": "\(call)",
    ]
  }

  /// How many calls a command makes that change a file, where it succeeds.
  private func calls(_ arguments: [String], in place: Workplace) throws -> Int {
    let outcome = try place.run(
      arguments,
      environment: [
        "LD_PRELOAD": FaultLibrary.path ?? "", "EBB_FAULT_KIND": "count",
        "EBB_FAULT_COUNT": "\(place.path)/count",
      ])
    try #require(outcome.status == 0, "\(outcome.errors)")
    let text = try place.text("count").trimmingCharacters(in: .whitespacesAndNewlines)
    try FileManager.default.removeItem(atPath: "\(place.path)/count")
    return try #require(Int(text))
  }

  private func points(_ count: Int, _ fault: Fault) -> [Int] {
    let first = (Fault.allCases.firstIndex(of: fault) ?? 0) * 3
    return (1...count).filter { Self.isComplete || ($0 + first) % 11 == 0 }
  }

  /// Nothing is here but a finished run, whose model is one of these.
  private func expectWhole(
    _ place: Workplace, _ models: [Data], _ about: String, names: [String] = ["run"]
  ) throws {
    let run = try place.bytes("run/model.ebb")
    #expect(models.contains(run), "\(about)")
    let expected = [
      ".lock", "checkpoint.ebb", "config.json", "events.jsonl", "metrics.json", "model.ebb",
      "report.html", "split.csv",
    ]
    let found = try FileManager.default.contentsOfDirectory(atPath: "\(place.path)/run").sorted()
    #expect(found == expected, "\(about)")
    let outside = try FileManager.default.contentsOfDirectory(atPath: place.path)
    #expect(outside == names, "\(about)")
  }

  private func copy(_ place: Workplace, _ from: String, _ to: String) throws {
    try? FileManager.default.removeItem(atPath: "\(place.path)/\(to)")
    try FileManager.default.copyItem(
      atPath: "\(place.path)/\(from)", toPath: "\(place.path)/\(to)")
  }

  private func model(_ arguments: [String]) throws -> Data {
    let place = try Workplace()
    #expect(try place.run(arguments).status == 0)
    return try place.bytes("run/model.ebb")
  }

  @Test("train: the same command, or a resume, comes to the same bytes", arguments: Fault.allCases)
  func train(_ fault: Fault) throws {
    let model = try model(Self.new)
    let count = try calls(Self.new, in: Workplace())
    #expect(count > 20)
    for call in points(count, fault) {
      let about = "\(fault) at \(call) of \(count)"
      let place = try Workplace()
      let failed = try place.run(Self.new, environment: environment(fault, at: call))
      if fault == .kill { #expect(failed.status == SIGKILL, "\(about)") }
      if place.exists("run/config.json") {
        let resumed = try place.ebb("resume", "run", "--quiet")
        #expect(resumed.status == 0, "\(about): \(resumed.errors)")
      } else {
        // Nothing tells an empty directory from anybody's.
        if place.files.contains(where: { $0.hasPrefix("run/") }) {
          let resumed = try place.ebb("resume", "run")
          #expect(resumed.status == 1 && resumed.errors.contains("begin"), "\(about)")
        }
        let again = try place.run(Self.new)
        #expect(again.status == 0, "\(about): \(again.errors)")
      }
      try expectWhole(place, [model], about)
    }
  }

  @Test("train --force: the old run or the new one is whole", arguments: Fault.allCases)
  func force(_ fault: Fault) throws {
    let models = try [model(Self.old), model(Self.new)]
    let base = try Workplace()
    #expect(try base.run(Self.old).status == 0)
    let forced = Self.new + ["--force"]
    let counted = try Workplace()
    try FileManager.default.copyItem(atPath: "\(base.path)/run", toPath: "\(counted.path)/run")
    let count = try calls(forced, in: counted)
    for call in points(count, fault) {
      let about = "\(fault) at \(call) of \(count)"
      let place = try Workplace()
      try FileManager.default.copyItem(atPath: "\(base.path)/run", toPath: "\(place.path)/run")
      let failed = try place.run(forced, environment: environment(fault, at: call))
      // Whatever happened, a whole model is there, and the command that reads it finds it.
      let places = ["run", "run/.replaced", "run/.moving"].filter {
        place.exists("\($0)/model.ebb")
      }
      #expect(!places.isEmpty, "\(about): \(failed.errors)")
      for place_ in places {
        #expect(models.contains(try place.bytes("\(place_)/model.ebb")), "\(about): \(place_)")
      }
      let resumed = try place.ebb("resume", "run", "--quiet")
      #expect(resumed.status == 0, "\(about): \(failed.errors) \(resumed.errors)")
      try expectWhole(place, models, about)
      let measured = try place.ebb("evaluate", "run", "--split", "test", "--quiet")
      #expect(measured.status == 0, "\(about): \(measured.errors)")
    }
  }

  @Test("resume: another one comes to the same bytes", arguments: Fault.allCases)
  func resume(_ fault: Fault) throws {
    let longer = ["resume", "run", "--epochs", "5", "--quiet"]
    let base = try Workplace()
    #expect(try base.run(Self.new).status == 0)
    try copy(base, "run", "start")
    let count = try calls(longer, in: base)
    let model = try base.bytes("run/model.ebb")
    for call in points(count, fault) {
      let about = "\(fault) at \(call) of \(count)"
      let place = try Workplace()
      try FileManager.default.copyItem(atPath: "\(base.path)/start", toPath: "\(place.path)/run")
      _ = try place.run(longer, environment: environment(fault, at: call))
      let again = try place.run(longer)
      #expect(again.status == 0, "\(about): \(again.errors)")
      try expectWhole(place, [model], about)
    }
  }
}
