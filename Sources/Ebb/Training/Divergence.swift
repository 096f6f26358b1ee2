internal import EbbEngine
internal import EbbGraph

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

  /// One line for people.
  public var description: String {
    let place = layer.isEmpty ? operation : "\(operation) in \(layer)"
    let when = epoch > 0 ? "step \(step) (epoch \(epoch))" : "step \(step)"
    return "training diverged at \(when): \(place) gave \(value); try a smaller learning rate, or"
      + " look for extreme values in the rows named in the report"
  }
}

/// The steps since the last snapshot of the state, so that a step that diverged can be done again
/// with every number looked at.
final class ReplayLog {
  private var snapshot: [Float] = []
  private(set) var batches: [Batch] = []
  private(set) var factors: [Double] = []
  private(set) var firstStep: UInt64 = 0

  /// Steps between snapshots, at most.
  private static let length = 1024

  init() {
    batches.reserveCapacity(Self.length)
    factors.reserveCapacity(Self.length)
  }

  /// Keeps the state as it is after `step` steps.
  func take(_ state: StateBlock, step: UInt64) {
    state.copy(to: &snapshot)
    batches.removeAll(keepingCapacity: true)
    factors.removeAll(keepingCapacity: true)
    firstStep = step
  }

  /// Notes a step that went well.
  func note(_ batch: Batch, factor: Double, _ state: StateBlock, step: UInt64) {
    if batches.count == Self.length {
      take(state, step: step)
    } else {
      batches.append(batch)
      factors.append(factor)
    }
  }

  /// Puts the state back to the snapshot.
  func restore(_ state: StateBlock) { state.copy(from: snapshot) }
}

extension Trainer {
  /// Finds the first operation of the step at hand whose result is not finite; the state goes back
  /// to what it was before the step.
  func diverged(_ batch: Batch) -> any Error {
    do {
      try goBack()
      let graph = try trace.step(rows: batch.count, optimizer: optimizer, options: options)
      let step = try StepExecutor(
        graph, rows: batch.count, dataset: batch.dataset, loss: loss, state: StateBlock(state),
        scalarNames: optimizer.scalarNames, threads: 1)
      var scalars: [Double] = []
      optimizer.appendScalars(
        step: stepCount + 1, learningRate: optimizer.learningRate * learningRateFactor,
        to: &scalars)
      _ = step.run(batch, scalars: scalars, step: stepCount + 1, options)
      var (numbers, indices) = step.inputs()
      for entry in state.layout.entries {
        numbers[entry.name] = NDArray(state[entry.name], shape: entry.shape)
      }
      return try firstFault(graph, numbers, indices, batch)
    } catch {
      return error
    }
  }

  /// Does the steps since the snapshot again, up to the one that diverged.
  private func goBack() throws {
    let (batches, factors, target) = (replay.batches, replay.factors, stepCount)
    let factor = learningRateFactor
    replay.restore(state)
    stepCount = replay.firstStep
    replay.take(state, step: stepCount)
    for (batch, factor) in zip(batches, factors) {
      learningRateFactor = factor
      try step(batch)
    }
    learningRateFactor = factor
    if stepCount != target {
      throw ModelError("replaying ended at step \(stepCount), expected \(target)")
    }
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
