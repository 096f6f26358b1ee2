internal import EbbEngine
internal import EbbGraph

/// The executor of one training step for one number of rows.
final class StepExecutor {
  let rows: Int
  /// What the losses of the last batch are divided by for a mean: its rows, or their weights' sum.
  private(set) var weightSum = 0.0
  private let loss: Loss
  private let executor: Executor
  private let featureCount: Int
  private let targetWidth: Int
  private let features: Int
  private let targets: Int
  private let rowWeights: Int?
  private let biasFactor: Int?
  private let scalars: [Int]
  private let rowLosses: Int

  init(
    _ graph: Graph, rows: Int, dataset: Dataset, loss: Loss, state: StateBlock,
    scalarNames: [String], threads: Int
  ) throws {
    let plan = try Plan(graph, state: state.layout)
    guard let features = plan.input(NetworkTrace.Port.features),
      let targets = plan.input(NetworkTrace.Port.targets),
      let rowLosses = plan.output(NetworkTrace.Port.rowLosses)
    else { throw ModelError("the training step lacks its inputs or outputs") }
    self.rows = rows
    self.loss = loss
    (self.features, self.targets, self.rowLosses) = (features, targets, rowLosses)
    rowWeights = plan.input(NetworkTrace.Port.rowWeights)
    biasFactor = plan.input(NetworkTrace.Port.biasFactor)
    scalars = try scalarNames.map { name in
      guard let index = plan.input(NetworkTrace.Port.scalar(name)) else {
        throw ModelError("the training step lacks the optimizer's scalar \"\(name)\"")
      }
      return index
    }
    featureCount = dataset.featureCount
    targetWidth = dataset.targets.width
    executor = Executor(plan, state: state, threads: threads, kernels: try .chosen)
  }

  /// Whether batches of a dataset fit without further checks.
  func accepts(_ dataset: Dataset) -> Bool {
    dataset.featureCount == featureCount && dataset.targets.width == targetWidth
  }

  /// Runs the step and returns the sum of the rows' losses, added in row order in Double.
  func run(
    _ batch: Batch, scalars values: [Double], step: UInt64, _ options: TrainingOptions
  ) -> Double {
    executor.gather(
      features, from: batch.dataset.features, width: featureCount, rows: batch.rows)
    executor.gatherTargets(targets, batch.dataset.targets, rows: batch.rows, loss: loss)
    weightSum = Double(rows)
    if options.classWeights != nil { setWeights(batch, options) }
    for (index, value) in zip(scalars, values) { executor.setInput(index, Float(value)) }
    executor.run(seed: options.seed, step: step)
    if options.classWeights == nil {
      return executor.sum(ofOutput: rowLosses, first: rows)
    }
    var total = 0.0
    for (position, row) in batch.rows.enumerated() {
      total +=
        weight(ofRow: row, batch, options) * Double(executor.output(rowLosses, element: position))
    }
    return total
  }

  private func weight(ofRow row: Int32, _ batch: Batch, _ options: TrainingOptions) -> Double {
    guard let weights = options.classWeights,
      case .classes(let labels, _) = batch.dataset.targets
    else { return 1 }
    return weights[Int(labels[Int(row)])]
  }

  /// The class weights of the rows, and what joins them as the reductions say.
  private func setWeights(_ batch: Batch, _ options: TrainingOptions) {
    weightSum = 0
    for row in batch.rows { weightSum += weight(ofRow: row, batch, options) }
    let divisor = options.reduction == .mean && weightSum > 0 ? weightSum : 1
    if let rowWeights {
      for (position, row) in batch.rows.enumerated() {
        executor.setInput(
          rowWeights, element: position, Float(weight(ofRow: row, batch, options) / divisor))
      }
    }
    if let biasFactor {
      let factor =
        options.reduction == .mean ? weightSum : 1 / max(weightSum, .leastNormalMagnitude)
      executor.setInput(biasFactor, Float(factor))
    }
  }

  /// What was given to the last run, for replaying it in the interpreter.
  func inputs() -> (numbers: [String: NDArray<Float>], indices: [String: NDArray<Int32>]) {
    executor.currentInputs()
  }
}

extension Dataset.Targets {
  /// Classes, or numbers per row.
  var width: Int {
    switch self {
    case .none: 0
    case .classes(_, let count): -count
    case .values(_, let outputs): outputs
    }
  }
}
