internal import EbbData
internal import EbbEngine
internal import EbbGraph
internal import EbbNetworks

/// The plan of a network's forward pass for one number of rows, and where its numbers go in and out.
struct EvaluationPlan {
  let plan: Plan
  let features: Int
  let targets: Int
  let rowLosses: Int
  let predictions: Int
  /// Numbers per row of predictions.
  var outputCount: Int { plan.outputs[predictions].shape[1] }

  init(_ trace: NetworkTrace, rows: Int, state: StateLayout) throws {
    plan = try Plan(try trace.evaluation(rows: rows), state: state)
    guard let features = plan.input(NetworkTrace.Port.features),
      let targets = plan.input(NetworkTrace.Port.targets),
      let rowLosses = plan.output(NetworkTrace.Port.rowLosses),
      let predictions = plan.output(NetworkTrace.Port.predictions)
    else { throw ModelError("the network's evaluation lacks its inputs or outputs") }
    (self.features, self.targets) = (features, targets)
    (self.rowLosses, self.predictions) = (rowLosses, predictions)
  }
}

/// The executor of a network's forward pass for one number of rows.
final class EvaluationExecutor {
  let rows: Int
  /// Numbers per row of predictions.
  let outputCount: Int
  private let loss: Loss
  private let inputCount: Int
  private let executor: Executor
  private let features: Int
  private let targets: Int
  private let rowLosses: Int
  private let predictions: Int

  init(
    _ trace: NetworkTrace, rows: Int, state: StateBlock, threads: Int, kernels: KernelSet
  ) throws {
    let evaluation = try EvaluationPlan(trace, rows: rows, state: state.layout)
    (features, targets) = (evaluation.features, evaluation.targets)
    (rowLosses, predictions) = (evaluation.rowLosses, evaluation.predictions)
    self.rows = rows
    outputCount = evaluation.outputCount
    loss = trace.loss
    inputCount = trace.inputCount
    try evaluation.plan.checkMemory("predictions", rows: rows)
    executor = try Executor(evaluation.plan, state: state, threads: threads, kernels: kernels)
  }

  /// Runs at most `rows` rows.
  func run(_ batch: Batch, withTargets: Bool) {
    executor.gather(features, from: batch.dataset.features, width: inputCount, rows: batch.rows)
    if withTargets {
      executor.gatherTargets(targets, batch.dataset.targets, rows: batch.rows, loss: loss)
    }
    executor.run()
  }

  /// The sum of the losses of the rows of the last run.
  func loss(
    _ rows: ArraySlice<Int32>, of targets: Dataset.Targets, classWeights: [Double]?
  ) -> Double {
    executor.sum(ofOutput: rowLosses, rows, of: targets, classWeights: classWeights)
  }

  /// Appends the predictions of the first rows of the last run.
  func appendPredictions(of rows: Int, to list: inout [Float]) {
    executor.append(output: predictions, first: rows * outputCount, to: &list)
  }
}
