internal import EbbData
package import EbbEngine
internal import EbbGraph
internal import EbbNetworks
internal import EbbSystem

/// The executor of one training step for one number of rows.
package final class StepExecutor {
  let rows: Int
  private let loss: Loss
  private let executor: Executor
  private let featureCount: Int
  private let targetWidth: Int
  private let features: Int
  private let targets: Int
  private let rowWeights: Int?
  private let scalars: [Int]
  private let rowLosses: Int
  /// What each instruction took and at last what gathering the batch took, in nanoseconds, over all
  /// steps since `measure`; nil: not measured.
  package var times: [UInt64]?

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
    scalars = try scalarNames.map { name in
      guard let index = plan.input(NetworkTrace.Port.scalar(name)) else {
        throw ModelError("the training step lacks the optimizer's scalar \"\(name)\"")
      }
      return index
    }
    featureCount = dataset.featureCount
    targetWidth = dataset.targets.width
    try plan.checkMemory("training steps", rows: rows)
    executor = try Executor(
      plan, state: state, threads: threads, kernels: try .chosen, ahead: features)
  }

  /// The instructions of one step.
  package var plan: Plan { executor.plan }

  /// Begins to measure, from nothing.
  package func measure() {
    times = [UInt64](repeating: 0, count: executor.plan.instructions.count + 1)
  }

  /// Whether batches of a dataset fit without further checks.
  func accepts(_ dataset: Dataset) -> Bool {
    dataset.featureCount == featureCount && dataset.targets.width == targetWidth
  }

  /// Runs the step and returns the sum of the rows' losses, added in row order in Double.
  func run(
    _ batch: Batch, scalars values: [Double], step: UInt64, _ options: TrainingOptions
  ) -> Double {
    let start = times == nil ? 0 : Machine.seconds()
    executor.gather(
      features, from: batch.dataset.features, width: featureCount, rows: batch.rows,
      next: batch.next)
    executor.gatherTargets(targets, batch.dataset.targets, rows: batch.rows, loss: loss)
    if let weights = options.classWeights { setWeights(weights, batch, options.reduction) }
    for (index, value) in zip(scalars, values) { executor.setInput(index, Float(value)) }
    if var measured = times {
      times = nil
      measured[measured.count - 1] += UInt64((Machine.seconds() - start) * 1e9)
      executor.run(seed: options.seed, step: step, addingTimesTo: &measured)
      times = measured
    } else {
      executor.run(seed: options.seed, step: step)
    }
    return executor.sum(
      ofOutput: rowLosses, batch.rows, of: batch.dataset.targets, classWeights: options.classWeights
    )
  }

  /// The factors of the rows' losses: the class's weight, divided by the rows for a mean.
  private func setWeights(_ weights: [Double], _ batch: Batch, _ reduction: GradientReduction) {
    guard let rowWeights, case .classes(let labels, _) = batch.dataset.targets else { return }
    let divisor = reduction == .mean ? Double(rows) : 1
    for (position, row) in batch.rows.enumerated() {
      let weight = weights[Int(labels[Int(row)])]
      executor.setInput(rowWeights, element: position, Float(weight / divisor))
    }
  }

  /// What was given to the last run, for replaying it in the interpreter.
  func inputs() -> (numbers: [String: NDArray<Float>], indices: [String: NDArray<Int32>]) {
    executor.currentInputs()
  }
}

extension Executor {
  /// The rows' losses times their classes' weights, added in row order in Double.
  func sum(
    ofOutput index: Int, _ rows: ArraySlice<Int32>, of targets: Dataset.Targets,
    classWeights: [Double]?
  ) -> Double {
    guard let classWeights, case .classes(let labels, _) = targets else {
      return sum(ofOutput: index, first: rows.count)
    }
    var total = 0.0
    for (position, row) in rows.enumerated() {
      total += classWeights[Int(labels[Int(row)])] * Double(output(index, element: position))
    }
    return total
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
