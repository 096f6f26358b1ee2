package import EbbData
internal import EbbEngine
package import EbbSystem
package import EbbTraining

/// Where the time of a training step goes: each instruction with what it took and how near to the
/// machine's limit that is.
package struct StepProfile: Sendable {
  /// One instruction of the plan, or the gathering of the batch.
  package struct Entry: Sendable {
    /// Such as `matmul 32x128x784 + chain, hidden1`.
    package let text: String
    /// Median over the steps.
    package let microseconds: Double
    /// Of the whole step, 0 to 1.
    package let share: Double
    /// Floating-point operations per second, in units of 10⁹; 0 if there are none.
    package let gflops: Double
    /// Bytes read and written, each operand once, per second, in units of 10⁹.
    package let gigabytes: Double
    /// How much of the limit is reached: that of arithmetic or that of memory, whichever is nearer.
    package let ofLimit: Double
    /// Whether the nearer limit is that of arithmetic.
    package let isArithmetic: Bool
  }

  /// In the order of the plan, gathering first.
  package let entries: [Entry]
  /// Sum of all: a step without what disturbed single instructions.
  package let microseconds: Double
  /// The limits of all threads together, taken as so many times one core's.
  package let gflopsLimit: Double
  /// As `gflopsLimit`; one core may come near it alone, so that shares with several threads are low.
  package let gigabytesLimit: Double

  /// - Parameter times: for each step the nanoseconds of each instruction, and at last of gathering.
  init(_ plan: Plan, times: [[UInt64]], gatherBytes: Int, threads: Int, kernels: KernelSet) throws {
    let limits = try MachineLimits(kernels: kernels)
    gflopsLimit = limits.gflops * Double(threads)
    gigabytesLimit = limits.gigabytes * Double(threads)
    let medians = (0...plan.instructions.count).map { index in
      median(ofSorted: times.map { Double($0[index]) }.sorted())
    }
    let total = max(medians.reduce(0, +), 1)
    microseconds = total * 1e-3
    let (most, widest) = (gflopsLimit, gigabytesLimit)
    func entry(_ text: String, _ time: Double, operations: Int, bytes: Int) -> Entry {
      let nanoseconds = max(time, 1)
      let gflops = Double(operations) / nanoseconds
      let gigabytes = Double(bytes) / nanoseconds
      return Entry(
        text: text, microseconds: time * 1e-3, share: time / total,
        gflops: gflops, gigabytes: gigabytes, ofLimit: max(gflops / most, gigabytes / widest),
        isArithmetic: gflops / most >= gigabytes / widest)
    }
    entries =
      [entry("gather the batch", medians.last ?? 0, operations: 0, bytes: gatherBytes)]
      + zip(plan.instructions, medians).map { instruction, time in
        entry(
          instruction.summary, time, operations: instruction.operations, bytes: instruction.bytes)
      }
  }

  package var json: JSONValue {
    [
      "microsecondsPerStep": JSONValue(microseconds), "gflopsLimit": JSONValue(gflopsLimit),
      "gigabytesLimit": JSONValue(gigabytesLimit),
      "instructions": .array(
        entries.map { entry in
          [
            "instruction": JSONValue(entry.text), "microseconds": JSONValue(entry.microseconds),
            "share": JSONValue(entry.share), "gflops": JSONValue(entry.gflops),
            "gigabytesPerSecond": JSONValue(entry.gigabytes), "ofLimit": JSONValue(entry.ofLimit),
          ]
        }),
    ]
  }
}

extension Trainer {
  /// Trains on batches of one size and measures each instruction.
  ///
  /// - Parameter warmUp: how many steps go before the measured ones.
  package func profile(_ batches: [Batch], warmUp: Int) throws -> StepProfile? {
    for batch in batches.prefix(warmUp) { try step(batch) }
    guard let first = batches.first else { return nil }
    let executor = try stepExecutor(for: first)
    var times: [[UInt64]] = []
    times.reserveCapacity(batches.count)
    for batch in batches.dropFirst(warmUp) {
      executor.measure()
      try step(batch)
      if let measured = executor.times { times.append(measured) }
    }
    executor.times = nil
    guard !times.isEmpty else { return nil }
    return try StepProfile(
      executor.plan, times: times, gatherBytes: 8 * first.count * inputCount,
      threads: options.threads, kernels: try .chosen)
  }
}
