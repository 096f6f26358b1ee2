internal import EbbData
internal import EbbEngine
internal import EbbGraph
internal import EbbNetworks

/// Training left the finite numbers.
public struct TrainingDiverged: Error, Hashable, Sendable, CustomStringConvertible {
  /// The step, counted from 1.
  public let step: UInt64
  /// The epoch, counted from 1; 0 if the caller drives the steps.
  public let epoch: Int
  /// The batch's rows in the training data, from 0.
  public let rows: [Int]
  /// The first operation whose result was not finite, such as `exp [32, 10]`, and its layer.
  public let operation: String
  /// The layer, such as `hidden1`; empty at the top level.
  public let layer: String
  /// What came out first: `nan`, `inf` or `-inf`.
  public let value: String

  package init(
    step: UInt64, epoch: Int, rows: [Int], operation: String, layer: String, value: String
  ) {
    self.step = step
    self.epoch = epoch
    self.rows = rows
    self.operation = operation
    self.layer = layer
    self.value = value
  }

  /// One line for people.
  public var description: String {
    let place = layer.isEmpty ? operation : "\(operation) in \(layer)"
    let when = epoch > 0 ? "step \(step) (epoch \(epoch))" : "step \(step)"
    // Where no step is to blame, there are no rows to look at.
    let others = rows.isEmpty ? "" : ", or look for extreme values in the rows named in the report"
    return "training diverged at \(when): \(place) gave \(value); try a smaller learning rate"
      + others
  }
}

/// The steps since the last snapshot of the state, so that they can be done again with every number
/// looked at.
final class ReplayLog {
  /// One step: its rows lie in the log's list.
  struct Step {
    let dataset: Dataset
    let rows: Range<Int>
    let factor: Double
  }

  private let snapshot = StateSnapshot()
  private var rows: [Int32] = []
  private(set) var steps: [Step] = []
  private(set) var firstStep: UInt64 = 0

  /// Steps and rows between snapshots, at most.
  private static let mostSteps = 1024
  private static let mostRows = 1 << 20

  init() { steps.reserveCapacity(Self.mostSteps) }

  /// Keeps the state as it is after `step` steps.
  func take(_ state: StateBlock, step: UInt64) {
    snapshot.take(state)
    steps.removeAll(keepingCapacity: true)
    rows.removeAll(keepingCapacity: true)
    firstStep = step
  }

  /// Notes a step that went well.
  func note(_ batch: Batch, factor: Double, _ state: StateBlock, step: UInt64) {
    // A state that is no longer finite is no place to begin from.
    let isFull = steps.count == Self.mostSteps || rows.count + batch.count > Self.mostRows
    if isFull && state.isFinite {
      take(state, step: step)
    } else {
      let start = rows.count
      rows.append(contentsOf: batch.rows)
      steps.append(Step(dataset: batch.dataset, rows: start..<rows.count, factor: factor))
    }
  }

  /// The batches and learning-rate factors of the steps.
  var batches: [(batch: Batch, factor: Double)] {
    steps.map { (Batch(checked: $0.dataset, rows: rows[$0.rows]), $0.factor) }
  }

  /// Puts the state back to the snapshot.
  func restore(_ state: StateBlock) throws { try snapshot.restore(state) }
}

extension Trainer {
  /// Throws if a parameter or an optimizer's number is no longer finite: the loss shows it only one
  /// step later.
  func checkFinite() throws {
    if !state.isFinite { throw divergence(at: nil) }
  }

  /// Finds the first step since the snapshot, or at last the given one, in which a number is not
  /// finite; the state goes back to what it was before that step.
  func divergence(at last: Batch?) -> any Error {
    do {
      let steps = replay.batches + (last.map { [($0, learningRateFactor)] } ?? [])
      try replay.restore(state)
      stepCount = replay.firstStep
      replay.take(state, step: stepCount)
      let before = StateSnapshot()
      for (batch, factor) in steps {
        before.take(state)
        learningRateFactor = factor
        let total = try run(batch)
        if !total.isFinite || !state.isFinite {
          try before.restore(state)
          return try blame(batch)
        }
        stepCount += 1
        replay.note(batch, factor: factor, state, step: stepCount)
      }
      return ModelError("training left the finite numbers, but not when it was done again")
    } catch {
      return error
    }
  }

  /// Names the first operation of the next step whose result is not finite.
  private func blame(_ batch: Batch) throws -> TrainingDiverged {
    let graph = try trace.step(rows: batch.count, optimizer: optimizer, options: options)
    let step = try StepExecutor(
      graph, rows: batch.count, dataset: batch.dataset, loss: loss, state: try StateBlock(state),
      scalarNames: optimizer.scalarNames, threads: 1)
    var scalars: [Double] = []
    optimizer.appendScalars(
      step: stepCount + 1, learningRate: optimizer.learningRate * learningRateFactor, to: &scalars)
    _ = step.run(batch, scalars: scalars, step: stepCount + 1, options)
    var (numbers, indices) = step.inputs()
    for entry in state.layout.entries {
      numbers[entry.name] = NDArray(state[entry.name], shape: entry.shape)
    }
    return try firstFault(graph, numbers, indices, batch)
  }

  private func firstFault(
    _ graph: Graph, _ numbers: [String: NDArray<Float>], _ indices: [String: NDArray<Int32>],
    _ batch: Batch
  ) throws -> TrainingDiverged {
    var found: (node: Node, value: Float)?
    let interpreter = try Interpreter(inSinglePrecision: graph)
    _ = try interpreter.run(
      numbers, indices: indices, seed: options.seed, step: stepCount + 1
    ) { id, value in
      guard found == nil, case .numbers(let array) = value else { return }
      if let bad = array.elements.first(where: { !$0.isFinite }) {
        found = (interpreter.graph[id], bad)
      }
    }
    return TrainingDiverged(
      step: stepCount + 1, epoch: epochAtHand,
      rows: batch.rows.map(Int.init),
      operation: found.map { "\($0.node.op.text) \($0.node.shape)" } ?? "the loss",
      layer: found?.node.scope ?? "",
      value: found.map { "\($0.value)" } ?? "nan")
  }
}
