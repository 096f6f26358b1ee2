internal import EbbData
internal import EbbEngine
package import EbbSystem
internal import EbbTraining

/// What a benchmark measured with one or several numbers of threads.
package struct BenchmarkSweep: Sendable {
  /// The runs with one number of threads.
  package struct Run: Sendable {
    package let threads: Int
    /// Samples per second of each repetition, the lowest first.
    package let rates: [Double]
    /// Rows per step.
    package let batch: Int
    /// The mean loss of the last batch.
    package let loss: Double
    /// Floating-point operations of the step's plan.
    package let operationsPerStep: Int

    init(threads: Int, rates: [Double], batch: Int, loss: Double, operationsPerStep: Int) {
      self.threads = threads
      self.rates = rates.sorted()
      self.batch = batch
      self.loss = loss
      self.operationsPerStep = operationsPerStep
    }

    /// The median over the repetitions; the other figures follow from it.
    package var samplesPerSecond: Double { rates.isEmpty ? 0 : median(ofSorted: rates) }
    package var lowest: Double { rates.first ?? 0 }
    package var highest: Double { rates.last ?? 0 }
    package var microsecondsPerStep: Double { Double(batch) / samplesPerSecond * 1e6 }
    /// Floating-point operations per second in units of 10⁹.
    package var gflops: Double { Double(operationsPerStep) / microsecondsPerStep * 1e-3 }

    fileprivate var members: [(String, JSONValue)] {
      [
        ("samplesPerSecond", JSONValue(samplesPerSecond)),
        ("microsecondsPerStep", JSONValue(microsecondsPerStep)), ("loss", JSONValue(loss)),
        ("gflops", JSONValue(gflops)), ("threads", JSONValue(threads)),
        ("lowest", JSONValue(lowest)), ("highest", JSONValue(highest)),
        ("repetitions", JSONValue(rates.count)),
      ]
    }
  }

  /// What the numbers of a training step occupy, in bytes.
  package struct Footprint: Sendable {
    /// The most that this process had in use at once; 0 if unknown.
    package let peakMemory: Int
    /// Parameters and the optimizer's slots.
    package let stateBytes: Int
    /// Activations, and gradients as far as a step keeps them in memory.
    package let arenaBytes: Int
    /// Features and targets of all rows.
    package let dataBytes: Int

    fileprivate var members: [(String, JSONValue)] {
      [
        ("peakMemory", JSONValue(peakMemory)), ("stateBytes", JSONValue(stateBytes)),
        ("arenaBytes", JSONValue(arenaBytes)), ("dataBytes", JSONValue(dataBytes)),
      ]
    }
  }

  /// In the order of the numbers of threads that were asked for.
  package let runs: [Run]
  package let footprint: Footprint

  /// The figures of the run, or of several under `runs`.
  package var json: JSONValue {
    if runs.count == 1 {
      return .object(JSONObject(runs[0].members + footprint.members))
    }
    let list = JSONValue.array(runs.map { .object(JSONObject($0.members)) })
    return .object(JSONObject([("runs", list)] + footprint.members))
  }
}

extension Benchmark {
  /// Trains and times, from new parameters each time.
  ///
  /// - Parameters:
  ///   - threads: the numbers of threads, one after the other within each repetition.
  ///   - repetitions: how often all of it is done.
  /// - Throws: `SettingsError` for sizes that make no network.
  package func sweep(threads counts: [Int], repetitions: Int) throws -> BenchmarkSweep {
    try check()
    let data = try makeData()
    var rates = counts.map { _ in [Double]() }
    var losses = counts.map { _ in 0.0 }
    for _ in 0..<repetitions {
      for (index, count) in counts.enumerated() {
        var benchmark = self
        benchmark.threads = count
        let (seconds, loss) = try benchmark.timedRun(on: data)
        rates[index].append(Double(steps * batch) / seconds)
        losses[index] = loss
      }
    }
    // Before another trainer is made.
    let peak = Machine.peakMemory()
    let plan = try makeTrainer().stepPlan(rows: batch)
    let operations = plan.operations
    return BenchmarkSweep(
      runs: counts.indices.map { index in
        BenchmarkSweep.Run(
          threads: counts[index], rates: rates[index], batch: batch, loss: losses[index],
          operationsPerStep: operations)
      },
      footprint: .init(
        peakMemory: peak, stateBytes: 4 * plan.state.count, arenaBytes: 4 * plan.arenaCount,
        dataBytes: 4 * (data.features.count + data.rowCount)))
  }
}

/// The middle of numbers in order, or the mean of the two in the middle.
func median(ofSorted values: [Double]) -> Double {
  let middle = values.count / 2
  return values.count % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2
}
