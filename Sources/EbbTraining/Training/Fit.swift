public import EbbData
internal import EbbEngine
internal import EbbGraph
public import EbbNetworks
package import EbbSystem

/// How long `fit` goes on, and with what batches.
public struct FitOptions: Sendable, Hashable {
  /// The most passes over the data, at least 1.
  public var epochs: Int
  /// Rows per step, at least 1; nil: all rows (gradient descent).
  public var batchSize: Int?
  /// Epochs without a smaller validation loss after which training stops; nil: never.
  public var patience: Int?
  /// How the learning rate changes from epoch to epoch.
  public var schedule: Schedule

  /// Options with their defaults.
  public init(
    epochs: Int = 100, batchSize: Int? = 32, patience: Int? = 10, schedule: Schedule = .constant
  ) {
    self.epochs = epochs
    self.batchSize = batchSize
    self.patience = patience
    self.schedule = schedule
  }

  /// Throws if a setting is out of range.
  public func validate() throws(SettingsError) {
    func check(_ value: Int?, _ name: String) throws(SettingsError) {
      if let value, value < 1 {
        throw SettingsError("training", setting: name, "expected at least 1, got \(value)")
      }
    }
    try check(epochs, "epochs")
    try check(batchSize, "batch")
    try check(patience, "patience")
    try schedule.validate()
  }
}

/// What one epoch brought.
public struct EpochReport: Sendable {
  /// Counted from 1.
  public let epoch: Int
  /// Steps done since training began.
  public let steps: UInt64
  /// The mean loss of the epoch's rows, each as it was when its batch came.
  public let trainingLoss: Double
  /// Loss and metrics on the validation rows; nil if there are none.
  public let validation: Evaluation?
  /// The learning rate of the epoch.
  public let learningRate: Double
  /// Whether this is the best epoch so far: the smallest validation loss, or training loss if there
  /// are no validation rows.
  public let isBest: Bool
  /// How the layers stand after the epoch; nil if that was not asked for, or not in this epoch.
  public let statistics: TrainingStatistics?
}

/// Where `fit` stands; with the trainer's numbers, all it needs to go on.
package struct FitProgress: Sendable, Hashable {
  /// The smallest loss so far; infinity: none yet.
  package var bestLoss: Double
  /// The epoch of the smallest loss.
  package var bestEpoch: Int
  /// Batches of the epoch at hand that are done.
  package var batches: Int
  /// The sum of their rows' losses, class weights counted.
  package var lossTotal: Double
  /// How many rows they had.
  package var rows: Int

  /// Nothing done yet.
  package init() {
    bestLoss = .infinity
    bestEpoch = 0
    (batches, lossTotal, rows) = (0, 0, 0)
  }
}

/// Why `fit` came to its end.
package enum FitEnd: String, Sendable, Hashable {
  /// All epochs are done.
  case epochs
  /// The validation loss has not become smaller for as long as patience allows.
  case patience
  /// The observer asked to stop.
  case stopped
}

extension Trainer {
  /// Trains for several epochs: the plain loop, with batches, schedule, validation and early stopping.
  ///
  /// At its end the trainer holds the numbers of the last epoch; `best`, if given, was told the model
  /// of each epoch that was the best so far.
  ///
  /// - Parameters:
  ///   - training: the rows to learn from.
  ///   - validation: the rows that decide which epoch is best; nil or empty: the training loss does.
  ///   - progress: where to go on; changed as epochs end.
  ///   - recorder: what looks at the layers in some of the epochs; nil: nobody does.
  ///   - best: called when an epoch is the best so far.
  ///   - shouldStop: asked after each step; true ends training there. Called again with the same
  ///     progress, `fit` goes on with the next batch, to the same bits as if it had not stopped.
  ///   - observe: called when an epoch has ended.
  /// - Returns: why training ended.
  @discardableResult
  package func fit(
    _ training: Dataset, validation: Dataset? = nil, options fit: FitOptions = .init(),
    progress: inout FitProgress, recorder: TrainingRecorder? = nil,
    best: () throws -> Void = {}, shouldStop: () -> Bool = { false },
    observe: (EpochReport) throws -> Void = { _ in }
  ) throws -> FitEnd {
    try fit.validate()
    guard training.rowCount > 0 else { throw ModelError("there are no rows to train on") }
    let validation = validation.flatMap { $0.rowCount > 0 ? $0 : nil }
    let size = min(fit.batchSize ?? training.rowCount, training.rowCount)
    batchSize = size
    while epochCount < fit.epochs {
      if let patience = fit.patience, epochCount - progress.bestEpoch >= patience {
        return .patience
      }
      let epoch = epochCount + 1
      epochAtHand = epoch
      learningRateFactor = fit.schedule.factor(epoch: epoch, of: fit.epochs)
      let batches = try training.batches(of: size, epoch: epoch, seed: options.seed)
      let recording = TrainingRecorder.records(epoch: epoch) ? recorder : nil
      while progress.batches < batches.count {
        let batch = batches[progress.batches]
        // Nothing stops between the last step and the end of its epoch: no notes are ever lost.
        let watching = progress.batches + 1 == batches.count ? recording : nil
        watching?.beginStep()
        let loss = try step(batch)
        watching?.endStep()
        progress.lossTotal += options.reduction == .mean ? loss * Double(batch.count) : loss
        progress.rows += batch.count
        progress.batches += 1
        if shouldStop() && progress.batches < batches.count { return .stopped }
      }
      try checkFinite()
      epochCount = epoch
      let trainingLoss = progress.lossTotal / Double(progress.rows)
      (progress.batches, progress.lossTotal, progress.rows) = (0, 0, 0)
      let evaluation = try validation.map { try self.validation($0) }
      let loss = evaluation?.loss ?? trainingLoss
      let isBest = loss < progress.bestLoss
      if isBest {
        (progress.bestLoss, progress.bestEpoch) = (loss, epoch)
        try best()
      }
      try observe(
        EpochReport(
          epoch: epoch, steps: stepCount, trainingLoss: trainingLoss, validation: evaluation,
          learningRate: optimizer.learningRate * learningRateFactor, isBest: isBest,
          statistics: recording?.statistics()))
      if shouldStop() && epochCount < fit.epochs { return .stopped }
    }
    return .epochs
  }

  /// How well the rows are predicted that decide which epoch is best.
  ///
  /// - Throws: `TrainingDiverged` if the parameters have become so large that ordinary rows give no
  ///   finite numbers any more.
  private func validation(_ rows: Dataset) throws -> Evaluation {
    do {
      return try evaluate(rows)
    } catch let error as PredictionError where error.cause == .model {
      throw TrainingDiverged(
        step: stepCount, epoch: epochCount, rows: [],
        operation: "the output for a validation row", layer: "", value: "nan")
    }
  }

  /// Trains for several epochs and returns the best epoch's model: that of the smallest validation
  /// loss, or training loss if there are no validation rows. The trainer itself holds the numbers of
  /// the last epoch.
  ///
  ///     let model = try trainer.fit(data.training, validation: data.validation)
  ///
  /// Called again, it goes on where it stopped, for as many epochs more.
  ///
  /// - Parameters:
  ///   - training: the rows to learn from.
  ///   - validation: the rows that decide which epoch is best; nil or empty: the training loss does.
  ///   - options: how long, and with what batches.
  ///   - recording: whether the reports of the first 16 epochs, and of fewer and fewer after them, have
  ///     ``EpochReport/statistics``, measured on 64 of the training rows.
  ///   - observe: called when an epoch has ended.
  /// - Throws: `TrainingDiverged` if a number is no longer finite; `ModelError` if the data do not fit.
  @discardableResult
  public func fit(
    _ training: Dataset, validation: Dataset? = nil, options: FitOptions = .init(),
    recording: Bool = false, observe: (EpochReport) throws -> Void = { _ in }
  ) throws -> Model {
    var progress = FitProgress()
    progress.bestEpoch = epochCount
    var options = options
    let (epochs, overflow) = options.epochs.addingReportingOverflow(epochCount)
    options.epochs = overflow ? .max : epochs
    var best: Model?
    let recorder = recording ? try TrainingRecorder(self, training: training) : nil
    try fit(
      training, validation: validation, options: options, progress: &progress,
      recorder: recorder, best: { best = try model }, observe: observe)
    guard let best else { throw ModelError("no epoch had a finite validation loss") }
    return best
  }
}

extension Trainer {
  /// Takes the memory that the steps of `fit` will need, so that it is known whether there is enough
  /// before anything is begun.
  ///
  /// - Throws: `MemoryError` if there is not.
  package func prepareSteps(on training: Dataset, options fit: FitOptions) throws {
    let size = min(fit.batchSize ?? training.rowCount, training.rowCount)
    guard size > 0 else { return }
    _ = try stepExecutor(for: try Batch(training, rows: Array(0..<size)))
  }

  /// Everything needed to go on from here.
  package func checkpoint(progress: JSONValue) throws -> Checkpoint {
    Checkpoint(
      model: try model, optimizer: optimizer,
      slots: specifications.flatMap { specification in
        optimizer.slots.map { slot in
          let values = state[NetworkTrace.slotName(specification.name, slot)]
          return ("\(specification.name).\(slot)", specification.fileValues(values))
        }
      }, step: stepCount, epoch: epochCount, progress: progress)
  }

  /// Goes on from a checkpoint.
  ///
  /// - Throws: `ModelError` if the checkpoint is of another network or optimizer; nothing is changed
  ///   then.
  package func restore(_ checkpoint: Checkpoint) throws {
    guard checkpoint.model.network == network, checkpoint.model.inputCount == inputCount else {
      throw ModelError("the checkpoint is of another network")
    }
    guard checkpoint.optimizer.summary == optimizer.summary else {
      throw ModelError(
        "the checkpoint's optimizer is \(checkpoint.optimizer.summary), expected"
          + " \(optimizer.summary)")
    }
    let slots = Dictionary(
      checkpoint.slots.map { ($0.name, $0.values) }, uniquingKeysWith: { first, _ in first })
    var values: [(String, [Float])] = []
    for (specification, parameter) in zip(specifications, checkpoint.model.parameters) {
      values.append((specification.name, specification.memoryValues(parameter.values)))
      for slot in optimizer.slots {
        let name = "\(specification.name).\(slot)"
        guard let array = slots[name], array.shape == specification.fileShape else {
          throw ModelError("the checkpoint lacks \(name) of shape \(specification.fileShape)")
        }
        values.append(
          (
            NetworkTrace.slotName(specification.name, slot), specification.memoryValues(array)
          ))
      }
    }
    for kept in checkpoint.model.states { values.append((kept.name, kept.values.elements)) }
    for (name, numbers) in values { state[name] = numbers }
    stepCount = checkpoint.step
    epochCount = checkpoint.epoch
    epochAtHand = checkpoint.model.record.epochs
    batchSize = checkpoint.model.record.batchSize
    replay.take(state, step: stepCount)
  }
}
