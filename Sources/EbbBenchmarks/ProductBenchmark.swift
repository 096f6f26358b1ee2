internal import EbbEngine
package import EbbSystem
internal import EbbTraining

/// The rates of the executor's kernels on the matrix products of a network's step, each alone and
/// without what follows it, with one thread.
package struct ProductBenchmark: Sendable {
  /// One product of m × k by k × n.
  package struct Entry: Sendable {
    package let m: Int
    package let n: Int
    package let k: Int
    /// Whether the operand's columns, not its rows, are contiguous in memory.
    package let aTransposed: Bool
    package let bTransposed: Bool
    /// Floating-point operations per second in units of 10⁹, the best of all rounds.
    package let gflops: Double
    /// Of the processor's multiply-add limit, 0 to 1.
    package let ofLimit: Double

    /// What a product of these operands is for in a dense layer with weights [inputs, outputs].
    package var form: String {
      switch (aTransposed, bTransposed) {
      case (false, false): "forward"
      case (true, false): "weight gradient"
      case (false, true): "input gradient"
      case (true, true): "both transposed"
      }
    }
  }

  /// The products of the plan, each shape once, in the plan's order.
  package let entries: [Entry]
  /// One core's limit of multiply-adds on registers, as `Entry.gflops`.
  package let gflopsLimit: Double

  /// Rounds of every product. They take turns, so that a disturbance of the machine meets all alike.
  private static let rounds = 25

  init(_ plan: Plan, kernels: KernelSet) throws {
    let limit = try MachineLimits(kernels: kernels).gflops
    let timings = try plan.productShapes.map { try ProductTiming($0, kernels: kernels) }
    for _ in 0..<Self.rounds {
      for timing in timings { timing.runRound() }
    }
    gflopsLimit = limit
    entries = timings.map { timing in
      let shape = timing.shape
      return Entry(
        m: shape.m, n: shape.n, k: shape.k, aTransposed: shape.aTransposed,
        bTransposed: shape.bTransposed, gflops: timing.gflops, ofLimit: timing.gflops / limit)
    }
  }

  package var json: JSONValue {
    let products = entries.map { entry -> JSONValue in
      [
        "m": JSONValue(entry.m), "n": JSONValue(entry.n), "k": JSONValue(entry.k),
        "aTransposed": JSONValue(entry.aTransposed), "bTransposed": JSONValue(entry.bTransposed),
        "gflops": JSONValue(entry.gflops), "form": JSONValue(entry.form),
        "ofLimit": JSONValue(entry.ofLimit),
      ]
    }
    return ["products": .array(products)]
  }
}

extension Benchmark {
  /// How fast the kernels are on the matrix products of one step.
  ///
  /// - Throws: `SettingsError` for sizes that make no network.
  package func products() throws -> ProductBenchmark {
    try check()
    return try ProductBenchmark(try makeTrainer().stepPlan(rows: batch), kernels: try .chosen)
  }
}

extension Trainer {
  /// The plan of one step on so many rows.
  func stepPlan(rows: Int) throws -> Plan {
    try Plan(
      try trace.step(rows: rows, optimizer: optimizer, options: options), state: state.layout)
  }
}
