internal import EbbData
package import EbbNetworks
internal import EbbSystem
package import EbbTraining

/// Training throughput of a network of ReLU layers with softmax cross-entropy on synthetic data that
/// lie in memory: the same work, whatever library does it.
package struct Benchmark: Sendable {
  /// The widths, inputs first, classes last.
  package var widths: [Int]
  /// Rows per step.
  package var batch: Int
  /// `sgd` (learning rate 0.05) or `adam` (0.001).
  package var optimizer: OptimizerChoice
  /// Steps that are timed; a tenth as many go before, but at least 50 or as many as are timed.
  package var steps: Int
  /// The most threads to use; a sweep is told others.
  package var threads: Int

  /// Rows of the synthetic data.
  package static let rows = 12_800
  /// A profile is made of so many steps at most: their times are all kept.
  package static let profiledSteps = 2000

  /// The most steps: days of work for the smallest network.
  private static let mostSteps = 1_000_000_000_000

  package init(
    widths: [Int], batch: Int, optimizer: OptimizerChoice, steps: Int, threads: Int
  ) {
    self.widths = widths
    self.batch = batch
    self.optimizer = optimizer
    self.steps = steps
    self.threads = threads
  }

  /// Trains a new network once.
  ///
  /// - Returns: what the timed steps took, and the mean loss of the last batch.
  func timedRun(on data: Dataset) throws -> (seconds: Double, loss: Double) {
    let trainer = try makeTrainer()
    let warmUp = warmUpSteps
    var done = 0
    var epoch = 0
    var start = 0.0
    var loss = 0.0
    repeat {
      epoch += 1
      // Only whole batches: every step is the same work.
      for batch in try data.batches(of: batch, epoch: epoch) where batch.count == self.batch {
        if done == warmUp { start = Machine.seconds() }
        loss = try trainer.step(batch)
        done += 1
        if done == warmUp + steps { break }
      }
    } while done < warmUp + steps
    return (Machine.seconds() - start, loss)
  }

  /// Steps before those that are timed.
  private var warmUpSteps: Int { max(min(50, steps), steps / 10) }

  /// Whether the sizes make a network.
  func check() throws(SettingsError) {
    guard widths.count >= 2, widths.allSatisfy({ $0 >= 1 }) else {
      throw SettingsError("bench", setting: "layers", "expected widths such as 784-128-10")
    }
    guard (1...Self.mostSteps).contains(steps) else {
      throw SettingsError(
        "bench", setting: "steps",
        "expected 1 to \(NumberFormat.grouped(Self.mostSteps)), got \(steps)")
    }
    guard batch >= 1, batch <= Self.rows else {
      throw SettingsError("bench", setting: "batch", "expected 1 to \(Self.rows), got \(batch)")
    }
  }

  /// Throws unless the network can be written down, and there is memory for it and for its data.
  ///
  /// - Parameter rows: of data.
  func checkMemory(rows: Int = Self.rows) throws {
    let network = self.network
    let slots = try optimizer.optimizer(learningRate: 0.001).slots.count
    try MemoryNeed.trainer(try network.parameters(inputs: widths[0]), slots: slots)
      .adding("the data", Double(rows) * Double(widths[0])).check()
  }

  private var network: Network {
    var layers: [any Layer] = widths.dropFirst().dropLast().map { Dense($0, activation: .relu) }
    layers.append(Dense(widths[widths.count - 1]))
    return Network(layers)
  }

  /// Where the time of a step goes, from at most `profiledSteps` steps.
  ///
  /// - Throws: `SettingsError` for sizes that make no network.
  package func profile() throws -> StepProfile? {
    try check()
    let data = try makeData()
    let warmUp = min(warmUpSteps, Self.profiledSteps)
    let count = warmUp + min(steps, Self.profiledSteps)
    var batches: [Batch] = []
    var epoch = 0
    while batches.count < count {
      epoch += 1
      batches += try data.batches(of: batch, epoch: epoch).filter { $0.count == batch }
    }
    return try makeTrainer().profile(Array(batches.prefix(count)), warmUp: warmUp)
  }

  /// A trainer for the network.
  package func makeTrainer() throws -> Trainer {
    let rate = optimizer == .adam || optimizer == .adamw ? 0.001 : 0.05
    return try Trainer(
      network, loss: .softmaxCrossEntropy,
      optimizer: try optimizer.optimizer(learningRate: rate), inputs: widths[0],
      options: TrainingOptions(threads: threads))
  }

  /// Uniform inputs and random labels.
  func makeData() throws -> Dataset {
    try checkMemory()
    let classes = widths[widths.count - 1]
    let features = Initializer.uniform(low: 0, high: 1).values(
      count: Self.rows * widths[0], fanIn: 1, fanOut: 1, seed: 0, stream: 0)
    let draws = Initializer.uniform(low: 0, high: 1).values(
      count: Self.rows, fanIn: 1, fanOut: 1, seed: 0, stream: 1)
    let labels = draws.map { min(Int32($0 * Float(classes)), Int32(classes - 1)) }
    return try Dataset(
      features: features, featureCount: widths[0], targets: .classes(labels, count: classes))
  }
}
