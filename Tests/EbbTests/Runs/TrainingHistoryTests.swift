import Ebb
import EbbRuns
import EbbSystem
import Testing

/// A table of three classes that two numbers tell apart, as a CSV file.
private let table: [UInt8] = {
  var text = "a,b,kind\n"
  for row in 0..<150 {
    let words = Philox.words(seed: 3, stream: 0, step: 0, block: UInt32(row))
    let kind = Int(words[0] % 3)
    let a = Double(words[1] >> 8) * 0x1p-24 + (kind == 0 ? 1 : 0)
    let b = Double(words[2] >> 8) * 0x1p-24 + (kind == 1 ? 1 : 0)
    text += "\(a),\(b),k\(kind)\n"
  }
  return Array(text.utf8)
}()

private let line =
  #"{"epoch":1,"steps":4,"learningRate":0.001,"loss":{"training":1.5,"validation":1.25},"#
  + #""metrics":{"accuracy":0.5,"auc":null},"best":true,"seconds":0.001"#

/// What reading a file of these lines gives, or says.
private func history(_ text: String) throws -> TrainingHistory {
  let place = try FilesDirectory()
  _ = try place.put(Array(text.utf8), "events.jsonl")
  return try TrainingHistory(of: RunDirectory(place.path))
}

private func complaint(_ text: String) throws -> String {
  do {
    _ = try history(text)
    return ""
  } catch let error as RunError {
    return "\(error)"
  }
}

@Suite struct TrainingHistoryTests {
  private func begin(_ place: FilesDirectory, _ name: String, epochs: Int) throws -> TrainingRun {
    var request = RunRequest(data: try place.put(table, "table.csv"), target: "kind")
    request.architecture = .hidden([8], activation: .relu, dropout: 0.1)
    request.fit = FitOptions(epochs: epochs, batchSize: 16, patience: nil)
    return try TrainingRun.begin(
      try request.prepare(), output: place.file(name), name: nil, replacing: false)
  }

  private func lines(_ place: FilesDirectory, _ run: String) throws -> [String] {
    let text = String(decoding: try place.bytes("\(run)/events.jsonl"), as: UTF8.self)
    return text.split(separator: "\n").map(String.init)
  }

  @Test("What training noted is read back, number for number")
  func roundTrip() throws {
    let place = try FilesDirectory()
    let run = try begin(place, "run", epochs: 20)
    var reports: [EpochReport] = []
    #expect(try run.train(shouldStop: { false }, observe: { r, _ in reports.append(r) }) == .epochs)
    let epochs = try TrainingHistory(of: RunDirectory(place.file("run"))).epochs
    #expect(epochs.count == 20)
    #expect(reports.count == 20)
    for (record, report) in zip(epochs, reports) {
      #expect(record.epoch == report.epoch)
      #expect(record.steps == report.steps)
      #expect(record.trainingLoss == report.trainingLoss)
      #expect(record.validationLoss == report.validation?.loss)
      #expect(record.validationMetrics.map(\.name) == ["accuracy"])
      #expect(record.validationMetrics.first?.value == report.validation?.accuracy)
      #expect(record.learningRate == report.learningRate)
      #expect(record.isBest == report.isBest)
      #expect(record.seconds > 0)
      #expect(record.layers == report.statistics?.layers ?? [])
      #expect(record.layers.count == (TrainingRecorder.records(epoch: record.epoch) ? 2 : 0))
    }
    #expect(epochs[0].layers.map(\.name) == ["hidden1", "output"])
    #expect(epochs[0].layers[0].updateRatio ?? 0 > 0)
    #expect(epochs[0].layers[0].dead != nil)
  }

  @Test("Interrupted at any step and resumed: the same notes but for the seconds")
  func resumed() throws {
    let place = try FilesDirectory()
    func withoutSeconds(_ run: String) throws -> [String] {
      try lines(place, run).map { line in
        guard case .object(var object) = try JSONReader.read(line) else { return line }
        #expect(object["seconds"] != nil)
        object["seconds"] = nil
        return JSONWriter.text(.object(object))
      }
    }
    let whole = try begin(place, "whole", epochs: 18)
    _ = try whole.train(shouldStop: { false }, observe: { _, _ in })
    do {
      let part = try begin(place, "part", epochs: 18)
      var calls = 0
      let end = try part.train(
        shouldStop: {
          calls += 1
          return calls >= 17
        }, observe: { _, _ in })
      #expect(end == .interrupted)
    }
    var resumptions = 0
    while true {
      let part = try TrainingRun.resume(RunDirectory(place.file("part")))
      resumptions += 1
      var calls = 0
      // Never more than 25 steps at a time, which is not a whole number of epochs.
      let end = try part.train(
        shouldStop: {
          calls += 1
          return calls >= 25
        }, observe: { _, _ in })
      if end == .epochs { break }
    }
    #expect(resumptions > 2)
    #expect(try withoutSeconds("part") == withoutSeconds("whole"))
    #expect(try place.bytes("part/model.ebb") == place.bytes("whole/model.ebb"))
  }

  @Test("Notes of 1,000 epochs stay small")
  func size() throws {
    let place = try FilesDirectory()
    let run = try begin(place, "run", epochs: 1000)
    _ = try run.train(shouldStop: { false }, observe: { _, _ in })
    let lines = try lines(place, "run")
    #expect(lines.count == 1000)
    let withLayers = lines.filter { $0.contains("layers") }
    #expect(withLayers.count == 16 + 5 * 8 + 7)
    #expect(withLayers.map(\.utf8.count).reduce(0, +) < 200_000)
  }

  @Test("Notes without layers are read too; null is nan; half a last line is no line")
  func old() throws {
    let second = line.replacing("\"epoch\":1", with: "\"epoch\":2")
      .replacing("1.25", with: "null").replacing("1.5", with: "null")
    let found = try history(line + "}\n" + second + ",\"layers\":[]}\n" + line.prefix(20)).epochs
    #expect(found.count == 2)
    #expect(found[0].trainingLoss == 1.5)
    #expect(found[0].validationLoss == 1.25)
    #expect(found[0].validationMetrics.map(\.name) == ["accuracy", "auc"])
    #expect(found[0].validationMetrics[0].value == 0.5)
    #expect(found[0].validationMetrics[1].value.isNaN)
    #expect(found[0].layers.isEmpty && found[0].isBest)
    #expect(found[1].trainingLoss.isNaN)
    #expect(found[1].validationLoss?.isNaN == true)
    let alone = try history(line.replacing(",\"validation\":1.25", with: "") + "}\n").epochs[0]
    #expect(alone.validationLoss == nil)
    #expect(try history("").epochs.isEmpty)
  }

  @Test("Numbers that are not finite are written so that they can be read")
  func notFinite() throws {
    let record = LayerRecord(
      name: "hidden1", gradientNorm: .nan, weightNorm: .infinity, updateRatio: .nan)
    let text = JSONWriter.text(record.json)
    let layer = try history(line + ",\"layers\":[\(text)]}\n").epochs[0].layers[0]
    #expect(layer.name == "hidden1")
    #expect(layer.gradientNorm.isNaN && layer.weightNorm.isNaN)
    #expect(layer.updateRatio?.isNaN == true)
    #expect(layer.dead == nil && layer.weights == nil)
  }

  private struct BadLine: Sendable {
    let text: String
    let complaint: String

    init(_ text: String, _ complaint: String) { (self.text, self.complaint) = (text, complaint) }

    /// A good line but for one part.
    init(changing old: String, to new: String, _ complaint: String) {
      self.init(line.replacing(old, with: new) + "}", complaint)
    }

    /// A line with one layer that has this member too.
    init(layer member: String, _ complaint: String) {
      let norms = #""gradientNorm":1,"weightNorm":1"#
      self.init(line + #","layers":[{"name":"a",\#(norms),\#(member)}]}"#, complaint)
    }
  }

  private static let badLines: [BadLine] = [
    BadLine("", "line 2: column 1: "),
    BadLine(#"{"epoch":2"#, "line 2: column 11: "),
    BadLine(line + "}", "line 2: epoch: expected 2, got 1"),
    BadLine(changing: #""epoch":1"#, to: #""epoch":"2""#, "line 2: epoch: expected"),
    BadLine(line + #","more":1}"#, #"line 2: unknown member "more""#),
    BadLine(changing: "Rate\":0.001", to: "Rate\":\"fast\"", "learningRate: expected a number"),
    BadLine(changing: "true", to: "1", "line 2: best: expected true"),
    BadLine(line + #","layers":[{"name":"a"}]}"#, #"layers[0]: the member "gradientNorm""#),
    BadLine(layer: #""dead":1.5"#, "line 2: layers[0].dead: expected 0 to 1, got 1.5"),
    BadLine(
      layer: #""weights":{"lowest":1,"highest":0,"counts":[1]}"#, "weights.highest: expected"),
    BadLine(layer: #""weights":{"lowest":0,"highest":1,"counts":[]}"#, "there are no counts"),
    BadLine(layer: #""weights":{"lowest":0,"highest":1,"counts":[-1]}"#, "counts[0]: expected"),
    BadLine(layer: #""weights":{"lowest":0,"highest":1,"counts":[1],"x":0}"#, "unknown member"),
  ]

  @Test("A bad line is refused by file and line", arguments: badLines.indices)
  func bad(_ index: Int) throws {
    let bad = Self.badLines[index]
    let said = try complaint(line + "}\n" + bad.text + "\n")
    #expect(said.contains("events.jsonl: line 2: "), "\(said)")
    #expect(said.contains(bad.complaint), "\(said)")
  }

  @Test("A missing file is an error of its own")
  func missing() throws {
    let place = try FilesDirectory()
    #expect(throws: FileError.self) { try TrainingHistory(of: RunDirectory(place.path)) }
  }
}
