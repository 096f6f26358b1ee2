internal import EbbData
internal import EbbNetworks
package import EbbSystem
internal import EbbTraining

/// How fast a network answers: many rows that lie in memory, and one row at a time.
package struct PredictionBenchmark: Sendable {
  /// Rows per second of each repetition, ascending.
  package let rates: [Double]
  /// Microseconds of one row alone, each repetition's median, ascending.
  package let latencies: [Double]

  /// Rows that are predicted together.
  package static let rows = 100_000
  /// Predictions of one row in each repetition.
  private static let calls = 1_000

  /// The medians.
  package var rowsPerSecond: Double { rates[rates.count / 2] }
  package var microsecondsPerRow: Double { latencies[latencies.count / 2] }

  /// - Parameter repetitions: at least 1.
  init(_ model: Model, threads: Int, repetitions: Int, seed: UInt64 = 0) throws {
    let width = model.inputCount
    func data(_ rows: Int) throws -> Dataset {
      try Dataset(
        features: Initializer.uniform(low: 0, high: 1).values(
          count: rows * width, fanIn: 1, fanOut: 1, seed: seed, stream: 0),
        featureCount: width, targets: .none)
    }
    let (all, one) = (try data(Self.rows), try data(1))
    let predictor = try model.predictor(threads: threads)
    _ = try predictor.predict(one).classes
    _ = try predictor.predict(all).classes
    var rates: [Double] = []
    var latencies: [Double] = []
    for _ in 0..<max(1, repetitions) {
      var start = Machine.seconds()
      _ = try predictor.predict(all).classes
      rates.append(Double(Self.rows) / (Machine.seconds() - start))
      var calls: [Double] = []
      for _ in 0..<Self.calls {
        start = Machine.seconds()
        _ = try predictor.predict(one).classes
        calls.append((Machine.seconds() - start) * 1e6)
      }
      calls.sort()
      latencies.append(calls[calls.count / 2])
    }
    self.rates = rates.sorted()
    self.latencies = latencies.sorted()
  }

  package var json: JSONValue {
    [
      "rows": JSONValue(Self.rows), "rowsPerSecond": JSONValue(rowsPerSecond),
      "microsecondsPerRow": JSONValue(microsecondsPerRow), "rates": JSONValue(rates),
      "latencies": JSONValue(latencies),
    ]
  }
}

extension Benchmark {
  /// How fast the network predicts classes, before any training.
  ///
  /// - Throws: `SettingsError` for sizes that make no network.
  package func predictions(repetitions: Int) throws -> PredictionBenchmark {
    try check()
    try checkMemory(rows: PredictionBenchmark.rows)
    return try PredictionBenchmark(
      try makeTrainer().model, threads: threads, repetitions: repetitions)
  }
}
