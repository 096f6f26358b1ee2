public import EbbData
package import EbbEngine
internal import EbbGraph
package import EbbNetworks
internal import EbbSystem

/// Runs a network on rows of data: predictions, losses, metrics. Its plan has a fixed number of rows,
/// and the last piece of the data is padded; a few rows alone have a plan of one row, with equal bits.
///
/// A predictor owns the memory of its computation: use one from one thread at a time. Several
/// predictors may share a model.
public final class Predictor {
  private let loss: Loss
  private let inputCount: Int
  private let many: EvaluationExecutor
  private let makeOne: () throws -> EvaluationExecutor
  private let state: StateBlock
  /// Made when a few rows are asked for.
  private var one: EvaluationExecutor?
  /// Numbers per row of predictions.
  public var outputCount: Int { many.outputCount }

  /// Rows per run of the plan.
  static let rows = 256
  /// So many rows are run one by one.
  private static let fewRows = 4

  /// A predictor with the numbers of a state that somebody else may change between runs.
  init(_ trace: NetworkTrace, state: StateBlock, threads: Int, kernels: KernelSet) throws {
    loss = trace.loss
    inputCount = trace.inputCount
    self.state = state
    many = try EvaluationExecutor(
      trace, rows: Self.rows, state: state, threads: threads, kernels: kernels)
    makeOne = {
      try EvaluationExecutor(trace, rows: 1, state: state, threads: 1, kernels: kernels)
    }
  }

  /// The predictions for all rows of a dataset; its targets, if any, are not looked at.
  ///
  /// - Throws: `ModelError` if the dataset has another number of features than the network;
  ///   `PredictionError` if what the network gives for a row is no finite number.
  public func predict(_ dataset: Dataset) throws -> Predictions {
    try MemoryNeed(
      "keeping the predictions", advice: "predict fewer rows at a time"
    ).adding("them", Double(dataset.rowCount) * Double(outputCount)).check()
    var values: [Float] = []
    values.reserveCapacity(dataset.rowCount * outputCount)
    try run(dataset, withTargets: false) { executor, rows in
      executor.appendPredictions(of: rows.count, to: &values)
    }
    try checkFinite(values, from: 0, of: dataset)
    return Predictions(values: values, outputs: outputCount, loss: loss)
  }

  /// The predictions, mean loss and metrics for a dataset with targets.
  ///
  /// - Throws: `ModelError` if the dataset does not fit the network, has no rows or no targets;
  ///   `PredictionError` if what the network gives for a row is no finite number, or if a target is so
  ///   far off that the loss is none.
  public func evaluate(_ dataset: Dataset, schema: Schema? = nil) throws -> Evaluation {
    try evaluate(dataset, schema: schema, classWeights: nil)
  }

  /// The same, with a factor for the loss of each class's rows.
  func evaluate(
    _ dataset: Dataset, schema: Schema?, classWeights: [Double]?
  ) throws -> Evaluation {
    guard dataset.rowCount > 0 else { throw ModelError("there are no rows to evaluate") }
    // Of classes only the most probable one is kept: rows times classes may be more than fits.
    let keepsAll = dataset.targets.labels == nil
    var values: [Float] = []
    values.reserveCapacity((keepsAll ? dataset.rowCount : many.rows) * outputCount)
    var classes: [Int] = []
    var (total, first) = (0.0, 0)
    try run(dataset, withTargets: true) { executor, rows in
      total += executor.loss(rows, of: dataset.targets, classWeights: classWeights)
      if !keepsAll { values.removeAll(keepingCapacity: true) }
      executor.appendPredictions(of: rows.count, to: &values)
      if !keepsAll {
        try checkFinite(values, from: first, of: dataset)
        first += rows.count
        classes += Predictions(values: values, outputs: outputCount, loss: loss).classes
      }
    }
    if keepsAll { try checkFinite(values, from: 0, of: dataset) }
    let mean = total / Double(dataset.rowCount)
    if let error = PredictionError(loss: mean, of: dataset) { throw error }
    let metrics =
      keepsAll
      ? try Predictions(values: values, outputs: outputCount, loss: loss)
        .metrics(truth: dataset.targets, schema: schema)
      : try Predictions.metrics(
        of: classes, truth: dataset.targets, outputs: outputCount, schema: schema)
    return Evaluation(rows: dataset.rowCount, loss: mean, metrics: metrics)
  }

  /// The predictions for all rows of a dataset, handed over in pieces of some hundred rows: what is
  /// kept of them is for the caller to say.
  ///
  /// - Parameter body: is given a piece, and which rows of the dataset it is for.
  package func predict(
    _ dataset: Dataset, inPieces body: (_ piece: Predictions, _ rows: Range<Int>) throws -> Void
  ) throws {
    var first = 0
    try run(dataset, withTargets: false) { executor, rows in
      var values: [Float] = []
      values.reserveCapacity(rows.count * outputCount)
      executor.appendPredictions(of: rows.count, to: &values)
      try checkFinite(values, from: first, of: dataset)
      let piece = Predictions(values: values, outputs: outputCount, loss: loss)
      try body(piece, first..<(first + rows.count))
      first += rows.count
    }
  }

  /// No class and no number is made of what is none.
  ///
  /// - Parameter first: the row of the first values.
  private func checkFinite(_ values: [Float], from first: Int, of dataset: Dataset) throws {
    guard let place = values.firstIndex(where: { !$0.isFinite }) else { return }
    for entry in state.layout.entries {
      if let value = state[entry.name].first(where: { !$0.isFinite }) {
        throw PredictionError(parameter: entry.name, holds: value)
      }
    }
    throw PredictionError(
      output: Double(values[place]), row: first + place / outputCount, of: dataset)
  }

  private func run(
    _ dataset: Dataset, withTargets: Bool,
    _ body: (_ executor: EvaluationExecutor, _ rows: ArraySlice<Int32>) throws -> Void
  ) throws {
    try check(dataset, inputCount: inputCount)
    if withTargets { try loss.check(dataset.targets, outputs: outputCount) }
    var executor = many
    if dataset.rowCount <= Self.fewRows {
      executor = try one ?? makeOne()
      one = executor
    }
    for batch in try dataset.batchesInOrder(of: executor.rows) {
      executor.run(batch, withTargets: withTargets)
      try body(executor, batch.rows)
    }
  }
}

/// Checks that a dataset has the network's number of features.
package func check(_ dataset: Dataset, inputCount: Int) throws {
  guard dataset.featureCount == inputCount else {
    throw ModelError(
      "the network takes \(inputCount) features, the data have \(dataset.featureCount)")
  }
}

extension Loss {
  /// Whether targets fit the loss and the number of outputs.
  package func check(_ targets: Dataset.Targets, outputs: Int) throws {
    switch (targets, targetType) {
    case (.none, _): throw ModelError("these data have no targets")
    case (.classes(_, let count), .index):
      guard count == outputs else {
        throw ModelError(
          "there are \(count) classes but the outputs are \(outputs); the last layer needs exactly one"
            + " output for each class")
      }
    case (.classes(_, let count), _):
      guard self == .binaryCrossEntropy, count == 2, outputs == 1 else {
        throw ModelError(
          "\(spelling) with \(outputs) outputs does not fit \(count) classes; use"
            + " softmax-cross-entropy with an output per class, or binary-cross-entropy with one"
            + " output for two classes")
      }
    case (.values, .index):
      throw ModelError("\(spelling) needs classes, and these targets are numbers")
    case (.values(_, let width), _):
      guard width == outputs else {
        throw ModelError("the targets have \(width) numbers per row, the network \(outputs)")
      }
    }
  }
}

extension Executor {
  /// Fills the targets' input with those of the given rows.
  package func gatherTargets(
    _ index: Int, _ targets: Dataset.Targets, rows: ArraySlice<Int32>, loss: Loss
  ) {
    switch targets {
    case .none: break
    case .classes(let labels, _):
      if loss.targetType == .index {
        gather(index, from: labels, rows: rows)
      } else {
        gatherAsNumbers(index, from: labels, rows: rows)
      }
    case .values(let values, let outputs):
      gather(index, from: values, width: outputs, rows: rows)
    }
  }
}

extension Model {
  /// A predictor for this model.
  ///
  /// - Parameter threads: the most threads to use. No result depends on it.
  public func predictor(threads: Int = 1) throws -> Predictor {
    let trace = NetworkTrace(network: network, inputCount: inputCount, loss: loss)
    try MemoryNeed.predictor(self).check()
    let state = try loadedState(trace)
    return try Predictor(trace, state: state, threads: threads, kernels: try .chosen)
  }

  /// A state that holds the model's numbers, laid out for its evaluation.
  func loadedState(_ trace: NetworkTrace) throws -> StateBlock {
    let state = try StateBlock(StateLayout(try trace.evaluation(rows: 1)))
    try load(into: state)
    return state
  }

  /// Writes parameters and states to an executor's state, in the orientation of memory.
  package func load(into state: StateBlock) throws {
    let specifications = try network.parameters(inputs: inputCount)
    for (specification, parameter) in zip(specifications, parameters) {
      state[specification.name] = specification.memoryValues(parameter.values)
    }
    for kept in states {
      state[kept.name] = kept.values.elements
    }
  }
}
