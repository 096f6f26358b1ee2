internal import EbbData
internal import EbbNetworks
package import EbbSystem
internal import EbbTraining

/// What it costs to note each epoch as `ebb train` does, measured beside the same training without.
package struct RecordingCost: Sendable {
  /// Epochs of each training.
  package let epochs: Int
  /// How many of them layers were looked at in.
  package let recordedEpochs: Int
  /// What a plain epoch took: the median, in seconds.
  package let plainSeconds: Double
  /// What an epoch took in which layers were looked at: the median, in seconds.
  package let recordedSeconds: Double
  /// The time of a whole training with notes as a multiple of the time without, the lowest first.
  package let ratios: [Double]

  /// The median of the ratios.
  package var ratio: Double { median(ofSorted: ratios) }

  package var json: JSONValue {
    [
      "epochs": JSONValue(epochs), "recordedEpochs": JSONValue(recordedEpochs),
      "plainEpochSeconds": JSONValue(plainSeconds),
      "recordedEpochSeconds": JSONValue(recordedSeconds), "ratio": JSONValue(ratio),
      "lowest": JSONValue(ratios.first ?? 1), "highest": JSONValue(ratios.last ?? 1),
      "repetitions": JSONValue(ratios.count),
    ]
  }
}

extension Benchmark {
  /// Trains two equal networks, an epoch of the one after an epoch of the other, and notes one of the
  /// trainings.
  ///
  /// - Parameter repetitions: how often that is done, from new parameters each time.
  /// - Throws: `SettingsError` for sizes that make no network, or no repetition.
  package func recordingCost(repetitions: Int) throws -> RecordingCost {
    try check()
    guard repetitions >= 1 else {
      throw SettingsError(
        "bench", setting: "repetitions", "expected at least 1, got \(repetitions)")
    }
    let data = try makeData()
    let stepsPerEpoch = (Self.rows + batch - 1) / batch
    let epochs = (steps + stepsPerEpoch - 1) / stepsPerEpoch
    var (plain, recorded, ratios) = ([Double](), [Double](), [Double]())
    for _ in 0..<repetitions {
      var without = RecordedTraining(try makeTrainer())
      var with = RecordedTraining(try makeTrainer())
      let start = Machine.seconds()
      let recorder = try TrainingRecorder(with.trainer, training: data)
      with.seconds = Machine.seconds() - start
      for epoch in 1...epochs {
        // By turns first, so that what comes second is not always the same.
        if epoch.isMultiple(of: 2) { try without.train(epoch, data, batch, nil) }
        try with.train(epoch, data, batch, recorder)
        if !epoch.isMultiple(of: 2) { try without.train(epoch, data, batch, nil) }
        plain.append(without.last)
        if TrainingRecorder.records(epoch: epoch) { recorded.append(with.last) }
      }
      ratios.append(with.seconds / without.seconds)
    }
    return RecordingCost(
      epochs: epochs, recordedEpochs: recorded.count / repetitions,
      plainSeconds: median(ofSorted: plain.sorted()),
      recordedSeconds: median(ofSorted: recorded.sorted()), ratios: ratios.sorted())
  }
}

/// One of the two trainings.
private struct RecordedTraining {
  let trainer: Trainer
  var progress = FitProgress()
  /// All epochs together, and the last one.
  var (seconds, last) = (0.0, 0.0)

  init(_ trainer: Trainer) { self.trainer = trainer }

  /// Trains for one more epoch; with a recorder, its notes are made too.
  mutating func train(
    _ epoch: Int, _ data: Dataset, _ batch: Int, _ recorder: TrainingRecorder?
  ) throws {
    let start = Machine.seconds()
    try trainer.fit(
      data, options: FitOptions(epochs: epoch, batchSize: batch, patience: nil),
      progress: &progress, recorder: recorder,
      observe: { report in
        if recorder != nil { _ = JSONWriter.bytes(report.event(seconds: 0)) }
      })
    last = Machine.seconds() - start
    seconds += last
  }
}
