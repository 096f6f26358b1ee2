internal import EbbSystem
package import EbbTraining

/// What a run noted while it trained: `events.jsonl`, read back.
package struct TrainingHistory: Sendable {
  /// The epochs in order, from 1 on; empty if none has ended.
  package let epochs: [EpochRecord]
}

/// One epoch of a run.
///
/// A number that was undefined or not finite, which the file holds as null, is nan.
package struct EpochRecord: Sendable {
  /// Counted from 1.
  package let epoch: Int
  /// Steps done since training began.
  package let steps: UInt64
  /// The mean loss of the epoch's rows, each as it was when its batch came.
  package let trainingLoss: Double
  /// The mean loss of the validation rows; nil if there are none.
  package let validationLoss: Double?
  /// The metrics on the validation rows, in the order of the file; empty if there are none.
  package let validationMetrics: [(name: String, value: Double)]
  /// The learning rate of the epoch.
  package let learningRate: Double
  /// The time it took.
  package let seconds: Double
  /// Whether it was the best until then.
  package let isBest: Bool
  /// The layers that have parameters, in order; empty if they were not looked at in this epoch.
  package let layers: [LayerRecord]
}

// MARK: Reading

extension TrainingHistory {
  /// Reads what a run noted. A last line without its line break, which a killed process may have left,
  /// is not part of it.
  ///
  /// - Throws: `RunError`, which names the file and the line, for anything that training did not write;
  ///   `FileError` if there is no such file.
  package init(of run: RunDirectory) throws {
    try self.init(bytes: try Files.read(run.events), path: run.events)
  }

  /// The same from the bytes of a file.
  init(bytes: [UInt8], path: String) throws {
    var epochs: [EpochRecord] = []
    var rest = bytes[...]
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      let line = epochs.count + 1
      do {
        let record = try EpochRecord(json: JSONField(try JSONReader.read(Array(rest[..<end]))))
        guard record.epoch == line else {
          throw JSONError(
            place: .path("epoch"), message: "expected \(line), got \(record.epoch)")
        }
        epochs.append(record)
      } catch {
        throw RunError(
          .unreadable, path: path, "line \(line): \(Self.words(error))",
          advice: "put the file back as training wrote it")
      }
      rest = rest[(end + 1)...]
    }
    self.epochs = epochs
  }

  /// What is wrong, without the line that a reader of one line takes for the first.
  private static func words(_ error: any Error) -> String {
    guard let error = error as? JSONError, case .position(_, let column) = error.place else {
      return "\(error)"
    }
    return "column \(column): \(error.message)"
  }
}

extension EpochRecord {
  init(json: JSONField) throws(JSONError) {
    try json.allowOnly([
      "epoch", "steps", "learningRate", "loss", "metrics", "best", "seconds", "layers",
    ])
    epoch = try json.member("epoch").integer(in: 1...CountLimit.most)
    steps = UInt64(try json.member("steps").count())
    learningRate = try json.member("learningRate").numberOrNaN()
    let loss = try json.member("loss")
    try loss.allowOnly(["training", "validation"])
    trainingLoss = try loss.member("training").numberOrNaN()
    validationLoss = try loss.optionalMember("validation")?.numberOrNaN()
    var metrics: [(name: String, value: Double)] = []
    for (name, value) in try json.member("metrics").members() {
      metrics.append((name, try value.numberOrNaN()))
    }
    validationMetrics = metrics
    isBest = try json.member("best").bool()
    seconds = try json.member("seconds").number()
    var layers: [LayerRecord] = []
    for layer in try json.optionalMember("layers")?.elements() ?? [] {
      layers.append(try LayerRecord(json: layer))
    }
    self.layers = layers
  }
}
