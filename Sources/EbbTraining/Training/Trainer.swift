public import EbbData
package import EbbEngine
internal import EbbGraph
public import EbbNetworks
internal import EbbSystem

/// Trains a network: owns its numbers, the optimizer's, and the memory of the computation.
///
///     let trainer = try Trainer(network, loss: .softmaxCrossEntropy, optimizer: .adam(), on: data)
///     for epoch in 1...20 {
///       for batch in try trainer.batches(of: 32, from: data.training, epoch: epoch) {
///         try trainer.step(batch)
///       }
///       print(epoch, try trainer.evaluate(data.validation))
///     }
///     try trainer.save("digits.ebb")
///
/// The same seed and the same batches give the same bits, for any number of threads. A trainer is
/// used from one thread at a time.
public final class Trainer {
  /// The layers.
  public let network: Network
  /// What is minimised.
  public let loss: Loss
  /// The rule by which parameters change.
  public let optimizer: any Optimizer
  /// Seed, threads, reductions, class weights.
  public let options: TrainingOptions
  /// The number of features.
  public let inputCount: Int
  /// How columns of a table become features; goes into the model.
  public let schema: Schema?
  /// Factor of the optimizer's learning rate for the steps to come; a schedule sets it.
  public var learningRateFactor = 1.0
  /// Steps done.
  public internal(set) var stepCount: UInt64 = 0
  /// Epochs done, as `fit` counts them.
  public internal(set) var epochCount = 0
  /// Rows per step, as `fit` or `batches` was told; goes into the model's record.
  var batchSize = 0
  /// The epoch that `fit` or `batches` began last, counted from 1; goes into the model's record.
  var epochAtHand = 0

  package let trace: NetworkTrace
  let specifications: [ParameterSpecification]
  let states: [StateSpecification]
  package let state: StateBlock
  private let predictor: Predictor
  private var steps: [StepExecutor] = []
  private var scalars: [Double] = []
  let replay: ReplayLog

  /// At most so many batch sizes keep their plan.
  private static let cachedPlans = 4

  /// A trainer for bare numbers.
  ///
  /// - Parameters:
  ///   - inputs: the number of features.
  ///   - schema: goes into the model, so that it can read tables.
  /// - Throws: `TraceError` if the layers do not fit, `SettingsError` for a setting out of range,
  ///   `MemoryError` if there is not as much memory as the parameters take.
  public init(
    _ network: Network, loss: Loss, optimizer: any Optimizer, inputs: Int,
    options: TrainingOptions = .init(), schema: Schema? = nil
  ) throws {
    try network.validate()
    try loss.validate()
    try optimizer.validate()
    try options.validate()
    self.network = network
    self.loss = loss
    self.optimizer = optimizer
    self.options = options
    self.schema = schema
    inputCount = inputs
    trace = NetworkTrace(network: network, inputCount: inputs, loss: loss)
    specifications = try network.parameters(inputs: inputs)
    states = try network.states(inputs: inputs)
    try trace.checkDeclarations(specifications, states)
    try MemoryNeed.trainer(specifications, slots: optimizer.slots.count).check()
    let layout = StateLayout(try trace.step(rows: 1, optimizer: optimizer, options: options))
    state = try StateBlock(layout)
    predictor = try Predictor(trace, state: state, threads: options.threads, kernels: try .chosen)
    replay = ReplayLog()
    for (index, specification) in specifications.enumerated() {
      state[specification.name] = specification.values(seed: options.seed, index: index)
    }
    for kept in states { state[kept.name] = kept.first.values.elements }
    replay.take(state, step: 0)
  }

  /// A trainer for a prepared table.
  ///
  /// - Parameter seed: of initial parameters, order of rows, and dropout.
  public convenience init(
    _ network: Network, loss: Loss, optimizer: any Optimizer, on data: PreparedData,
    seed: UInt64 = 0, threads: Int = 1
  ) throws {
    try self.init(
      network, loss: loss, optimizer: optimizer, inputs: data.training.featureCount,
      options: TrainingOptions(seed: seed, threads: threads), schema: data.schema)
    try loss.check(data.training.targets, outputs: predictor.outputCount)
  }

  /// The number of trained numbers.
  public var parameterCount: Int { specifications.map(\.shape.count).reduce(0, +) }

  // MARK: Steps

  /// Changes the parameters once, by the gradient of the batch's loss.
  ///
  /// - Returns: the batch's loss before the change: the mean of its rows' losses, or their sum if the
  ///   reduction is `sum`.
  /// - Throws: `TrainingDiverged` if a row's loss is not finite: it names the step whose numbers first
  ///   were not, and the parameters are those before that step. `ModelError` if the batch does not fit
  ///   the network.
  @discardableResult
  public func step(_ batch: Batch) throws -> Double {
    let total = try run(batch)
    guard total.isFinite else { throw divergence(at: batch) }
    stepCount += 1
    replay.note(batch, factor: learningRateFactor, state, step: stepCount)
    return options.reduction == .mean ? total / Double(batch.count) : total
  }

  /// Runs the next step, whatever comes out; returns the sum of the rows' losses.
  func run(_ batch: Batch) throws -> Double {
    let executor = try stepExecutor(for: batch)
    scalars.removeAll(keepingCapacity: true)
    optimizer.appendScalars(
      step: stepCount + 1, learningRate: optimizer.learningRate * learningRateFactor, to: &scalars)
    return executor.run(batch, scalars: scalars, step: stepCount + 1, options)
  }

  /// The plan for a batch's number of rows, made when it is first needed.
  package func stepExecutor(for batch: Batch) throws -> StepExecutor {
    if let found = steps.first(where: { $0.rows == batch.count && $0.accepts(batch.dataset) }) {
      return found
    }
    try check(batch.dataset, inputCount: inputCount)
    try loss.check(batch.dataset.targets, outputs: predictor.outputCount)
    if let weights = options.classWeights {
      guard case .classes(_, let count) = batch.dataset.targets, weights.count == count else {
        throw ModelError("there are \(weights.count) class weights, for other targets than these")
      }
    }
    let graph = try trace.step(rows: batch.count, optimizer: optimizer, options: options)
    let made = try StepExecutor(
      graph, rows: batch.count, dataset: batch.dataset, loss: loss, state: state,
      scalarNames: optimizer.scalarNames, threads: options.threads)
    if steps.count == Self.cachedPlans { steps.removeFirst() }
    steps.append(made)
    return made
  }

  // MARK: Looking

  /// Mean loss and metrics on rows with targets, with the numbers of now. Class weights count for the
  /// loss as they do in training, not for the metrics.
  public func evaluate(_ dataset: Dataset) throws -> Evaluation {
    try predictor.evaluate(dataset, schema: schema, classWeights: options.classWeights)
  }

  /// Predictions with the numbers of now.
  public func predict(_ dataset: Dataset) throws -> Predictions {
    try predictor.predict(dataset)
  }

  /// The model with the numbers of now.
  public var model: Model {
    get throws {
      try Model(
        network: network, inputCount: inputCount, loss: loss, schema: schema, record: record,
        parameters: specifications.map {
          .init(name: $0.name, role: $0.role, values: $0.fileValues(state[$0.name]))
        },
        states: states.map {
          .init(name: $0.name, values: NDArray(state[$0.name], shape: $0.shape))
        })
    }
  }

  private var record: TrainingRecord {
    TrainingRecord(
      optimizer: optimizer.summary, seed: options.seed, batchSize: batchSize, epochs: epochAtHand,
      steps: stepCount)
  }

  /// The operations of one step on so many rows, a multiply-add being two.
  package func operationsPerStep(rows: Int) throws -> Int {
    try Plan(
      try trace.step(rows: rows, optimizer: optimizer, options: options), state: state.layout
    ).operations
  }

  /// The plan of one step as text: instructions, sizes, places, operations and bytes.
  package func planText(rows: Int) throws -> String {
    try Plan(
      try trace.step(rows: rows, optimizer: optimizer, options: options), state: state.layout
    ).description
  }
}
