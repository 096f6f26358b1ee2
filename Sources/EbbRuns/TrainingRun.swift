internal import EbbData
internal import EbbNetworks
internal import EbbSystem
package import EbbTraining

/// A training whose state is kept in a directory, so that it can be stopped at any moment and gone on
/// with to the same bits.
///
/// A run has a checkpoint from its beginning, so a model without one has lost it, and is not trained
/// over. The best model and the checkpoint are written at most about once a second, the model first:
/// a checkpoint never speaks of a best model that is not on the disk. Killed between the two, the run
/// comes to the newer model again when it goes on.
package final class TrainingRun {
  /// Why training ended.
  package enum End: Hashable, Sendable {
    /// All epochs are done.
    case epochs
    /// No better epoch for as long as patience allows.
    case patience
    /// The caller asked to stop; the state is saved.
    case interrupted
  }

  package let directory: RunDirectory
  package let prepared: PreparedRun
  package var settings: RunSettings { prepared.settings }
  private let lock: RunLock
  private let trainer: Trainer
  private let events: LineLog
  private var recorder: TrainingRecorder?
  private var progress = FitProgress()
  private var best: Model?
  private var bestIsSaved = true
  /// The fingerprint of the model on the disk.
  private var savedModel: String?
  /// The epochs that `config.json` may still ask for, where they have just been raised.
  private var formerEpochs: Int?
  /// The settings that are others than before this resumption.
  package private(set) var changes: [SettingChange] = []
  /// Whether a run came back here that was to be replaced when the process was killed.
  package private(set) var cameBack = false
  /// Whether `split.csv` was not as the run had written it.
  package private(set) var splitIsNew = false
  private let splitChecksum: String
  private var secondsBefore = 0.0
  private var started: Double?
  private var lastSave = Machine.seconds()
  private var saveInterval = 1.0
  private var epochStart = 0.0

  private init(
    _ prepared: PreparedRun, _ directory: RunDirectory, _ lock: RunLock, _ trainer: Trainer
  ) throws {
    self.prepared = prepared
    self.directory = directory
    self.lock = lock
    self.trainer = trainer
    splitChecksum = SHA256.hexDigest(of: prepared.splitText)
    events = try LineLog(appendingTo: directory.events)
  }

  // MARK: Beginning

  /// Begins a run.
  ///
  /// - Parameters:
  ///   - output: its directory; nil: `runs/NAME-1`, or the first number that is free.
  ///   - name: the NAME; nil: the data file's.
  ///   - replacing: whether a run that is in `output` is replaced.
  package static func begin(
    _ prepared: PreparedRun, output: String?, name: String?, replacing: Bool
  ) throws -> TrainingRun {
    // Everything that can be refused is refused before anything is written.
    let trainer = try prepared.settings.trainer(for: prepared.data)
    try trainer.checkFileDescription()
    try trainer.prepareSteps(on: prepared.data.training, options: prepared.settings.fit)
    let (directory, lock) =
      try output.map { try RunDirectory.take($0, replacing: replacing) }
      ?? RunDirectory.create(named: name ?? Files.stem(of: prepared.settings.data.path))
    if directory.isRun { try directory.setAside() }
    do {
      try directory.clear()
      try Files.writeWhole(prepared.splitText, to: directory.split, ifExists: .replace)
      let run = try TrainingRun(prepared, directory, lock, trainer)
      try run.saveCheckpoint()
      // Last, because it is what makes the directory a run.
      try prepared.settings.write(to: directory)
      return run
    } catch {
      directory.abandon()
      throw error
    }
  }

  /// Takes up a run where its checkpoint stands; at the beginning if it has neither a checkpoint nor a
  /// model.
  ///
  /// - Parameters:
  ///   - epochs: a new, larger number of epochs; nil: as the run was begun.
  ///   - threads: a new number of threads; nil: as the run was begun.
  ///   - takingChanges: whether settings that were changed in `config.json` are taken, those that can
  ///     be.
  package static func resume(
    _ directory: RunDirectory, epochs: Int? = nil, threads: Int? = nil, takingChanges: Bool = false
  ) throws -> TrainingRun {
    // Only where there is a run: locking makes a file.
    if !directory.holdsRun { _ = try RunSettings(asWrittenIn: directory) }
    let lock = try directory.lock()
    let cameBack = try directory.recover()
    var settings = try RunSettings(asWrittenIn: directory)
    let written = settings.json
    let checkpoint = try directory.readCheckpoint()
    let kept = try checkpoint.map { try Self.readKept($0, directory) }
    if let kept, epochs != nil || settings.fit.epochs == kept.formerEpochs {
      // Killed while the epochs were raised, or another number is asked for now.
      settings.fit.epochs = kept.epochs ?? settings.fit.epochs
    }
    let changes = kept.map { settings.changes(since: $0.settings) } ?? []
    if let error = RunError.changed(changes, in: directory, taking: takingChanges) { throw error }
    let oldEpochs = settings.fit.epochs
    if let epochs {
      guard epochs >= oldEpochs else {
        throw RunError(
          .badSetting,
          "--epochs \(epochs) is less than the run's \(oldEpochs), and can only be raised")
      }
      settings.fit.epochs = epochs
    }
    if let threads { settings.options.threads = threads }
    let prepared = try PreparedRun(resuming: directory, settings: settings)
    let run = try TrainingRun(
      prepared, directory, lock, try settings.trainer(for: prepared.data, isResumed: true))
    (run.changes, run.cameBack) = (changes, cameBack)
    try run.restore(checkpoint, oldEpochs: oldEpochs, model: kept?.model)
    if (try? Files.read(directory.split)) != prepared.splitText {
      try Files.writeWhole(prepared.splitText, to: directory.split, ifExists: .replace)
      run.splitIsNew = true
    }
    if settings.fit.epochs != oldEpochs || !changes.isEmpty, checkpoint != nil {
      // The checkpoint first: it tells what config.json said until now.
      run.formerEpochs = oldEpochs
      try run.saveCheckpoint()
      run.formerEpochs = nil
    }
    if settings.json != written { try settings.write(to: directory) }
    return run
  }

  private func restore(_ checkpoint: Checkpoint?, oldEpochs: Int, model known: String?) throws {
    guard let checkpoint else {
      guard !Files.exists(directory.model) else {
        throw RunError(
          .unreadable, path: directory.checkpoint,
          "the file is gone, and without it the run cannot go on",
          advice: "put it back; or use the model \(directory.model) as it is; or move that away,"
            + " and train again from the beginning by \"ebb resume \(directory.path)\"")
      }
      return try events.keepLines(0)
    }
    do {
      try trainer.restore(checkpoint)
      (progress, secondsBefore) = try Self.read(JSONField(checkpoint.progress))
    } catch {
      throw RunError(
        .unreadable, path: directory.checkpoint, "the run cannot go on from it: \(error)",
        advice: "put the run's files back as they were, or start anew with \"ebb train\"")
    }
    if progress.bestEpoch > 0 {
      if let lost = directory.lostModel { throw lost }
      let model = try Model(contentsOf: directory.model)
      guard model.record.epochs >= progress.bestEpoch else {
        throw RunError(
          .unreadable, path: directory.model,
          "it is of epoch \(model.record.epochs), and the checkpoint knows a better one of epoch"
            + " \(progress.bestEpoch)", advice: "put the run's own model back")
      }
      let isAhead = model.record.epochs > progress.bestEpoch
      let isOwn = model.network == settings.network && model.record.seed == settings.options.seed
      let fingerprint = model.fingerprint
      guard known == nil || (isOwn && (isAhead || known == fingerprint)) else {
        throw RunError(
          .unreadable, path: directory.model, "this is not the model that the run wrote",
          advice: "put the run's own model back")
      }
      if isAhead && settings.fit.epochs != oldEpochs && settings.fit.schedule.dependsOnTotal {
        throw RunError(
          .badSetting, path: directory.path,
          "the run was killed while it was being saved, and its schedule depends on the number of"
            + " epochs", advice: "resume it without --epochs first")
      }
      if isAhead && !changes.isEmpty {
        throw RunError(
          .badSetting, path: directory.path,
          "the run was killed while it was being saved, and its model was made with the settings of"
            + " then", advice: "put config.json back as it was, and resume without --force first")
      }
      (best, savedModel) = (model, fingerprint)
    }
    if changes.contains(where: { $0.name == "batch" }) {
      // Places in an epoch are counted in batches: the epoch at hand begins anew.
      (progress.batches, progress.lossTotal, progress.rows) = (0, 0, 0)
    }
    try events.keepLines(trainer.epochCount)
  }

  // MARK: Where it stands

  /// Whether no step is done yet.
  package var isFresh: Bool { trainer.stepCount == 0 }

  /// Whether the result was written down.
  package var hasResult: Bool { Files.exists(directory.metrics) }

  /// Why there is nothing left to train; nil: there is.
  package var ending: End? {
    if trainer.epochCount >= settings.fit.epochs { return .epochs }
    if let patience = settings.fit.patience, progress.batches == 0,
      trainer.epochCount - progress.bestEpoch >= patience
    {
      return .patience
    }
    return nil
  }

  /// The epochs done.
  package var epochs: Int { trainer.epochCount }

  /// The steps done.
  package var steps: UInt64 { trainer.stepCount }

  /// The number of trained numbers.
  package var parameterCount: Int { trainer.parameterCount }

  /// The epoch of the best model; 0: none yet.
  package var bestEpoch: Int { progress.bestEpoch }

  private var seconds: Double { secondsBefore + (started.map { Machine.seconds() - $0 } ?? 0) }

  // MARK: Training

  /// Trains until the end, or until the caller asks to stop; saves on the way.
  ///
  /// - Parameters:
  ///   - shouldStop: asked after each step.
  ///   - observe: told of each epoch, and of the seconds it took.
  /// - Throws: `TrainingDiverged` after writing a report and the best model, if there is one, to the
  ///   run's directory.
  package func train(
    shouldStop: () -> Bool, observe: (EpochReport, _ seconds: Double) throws -> Void
  ) throws -> End {
    lastSave = Machine.seconds()
    started = lastSave
    do {
      while true {
        let end = try fit(shouldStop, observe)
        try save()
        switch end {
        case .epochs, .patience:
          try checkBest()
          try saveBest()
          return end == .epochs ? .epochs : .patience
        case .stopped:
          guard shouldStop() else { continue }
          try saveBest()
          return .interrupted
        }
      }
    } catch let error as TrainingDiverged {
      // The checkpoint stays as it is: the state is of no use any more.
      try saveBest()
      try CrashReport(diverged: error, run: prepared).write(to: directory)
      throw error
    }
  }

  private func fit(
    _ shouldStop: () -> Bool, _ observe: (EpochReport, Double) throws -> Void
  ) throws -> FitEnd {
    epochStart = Machine.seconds()
    let training = prepared.data.training
    let recorder = try self.recorder ?? TrainingRecorder(trainer, training: training)
    self.recorder = recorder
    return try trainer.fit(
      training, validation: prepared.data.validation, options: settings.fit,
      progress: &progress, recorder: recorder,
      best: {
        best = try trainer.model
        bestIsSaved = false
      },
      shouldStop: {
        if shouldStop() { return true }
        return Machine.seconds() - lastSave >= saveInterval
      },
      observe: { report in
        let now = Machine.seconds()
        try events.append(JSONWriter.text(report.event(seconds: now - self.epochStart)))
        try observe(report, now - self.epochStart)
        self.epochStart = now
      })
  }

  private func saveBest() throws {
    // Somebody may have removed it meanwhile.
    guard let best, !bestIsSaved || !Files.exists(directory.model) else { return }
    try best.write(to: directory.model, ifExists: .replace)
    (bestIsSaved, savedModel) = (true, best.fingerprint)
  }

  /// Writes the best model, then the checkpoint.
  private func save() throws {
    let begin = Machine.seconds()
    try saveBest()
    try events.synchronize()
    try saveCheckpoint()
    lastSave = Machine.seconds()
    // Large models take long to write: no more than a twentieth of the time goes there.
    saveInterval = max(1, 20 * (lastSave - begin))
  }

  private func saveCheckpoint() throws {
    try trainer.checkpoint(progress: progressJSON).write(to: directory.checkpoint)
  }

  /// Throws if no epoch had a finite loss.
  private func checkBest() throws {
    guard best == nil else { return }
    throw TrainingDiverged(
      step: trainer.stepCount, epoch: trainer.epochCount, rows: [],
      operation: "the validation loss of every epoch", layer: "", value: "no finite number")
  }

  // MARK: End

  /// Measures the best model on all parts, and writes `metrics.json` if training went on.
  package func finish() throws -> RunResult {
    guard let best else {
      throw RunError(.unreadable, path: directory.path, "there is no model yet")
    }
    let seconds = seconds
    let predictor = try best.predictor(threads: settings.options.threads)
    var evaluations: [Split.Part: Evaluation] = [:]
    let data = prepared.data
    let parts: [(Split.Part, Dataset)] = [
      (.training, data.training), (.validation, data.validation), (.test, data.test),
    ]
    for (part, rows) in parts where rows.rowCount > 0 {
      evaluations[part] = try predictor.evaluate(rows, schema: data.schema)
    }
    let samples = Double(trainer.epochCount) * Double(data.training.rowCount)
    let result = RunResult(
      settings: settings, directory: directory, classes: data.classes,
      parameters: trainer.parameterCount, epochs: trainer.epochCount,
      bestEpoch: progress.bestEpoch, seconds: seconds,
      samplesPerSecond: seconds > 0 ? samples / seconds : 0, evaluations: evaluations)
    if started != nil || !Files.exists(directory.metrics) {
      try Files.writeWhole(
        JSONWriter.bytes(result.json, layout: .pretty), to: directory.metrics, ifExists: .replace)
    }
    // The new run is whole. If this fails, the next command does it.
    try? directory.removeReplaced()
    return result
  }

  /// What became of the run that this one was to replace, after training ended by an error; nil: there
  /// is none. It comes back if this run has no model.
  package func giveBackReplaced() -> String? {
    guard directory.hasReplaced else { return nil }
    guard !Files.exists(directory.model) else { return replacedIsKept }
    directory.abandon()
    return directory.hasReplaced
      ? "the run that was to be replaced is in \(directory.replaced.path)"
      : "\(directory.path) holds the run that was to be replaced, as it was"
  }

  /// Where the run is that this one replaces; nil: there is none.
  package var replacedIsKept: String? {
    guard directory.hasReplaced else { return nil }
    return "the run before it stays in \(directory.replaced.path) until this one has its result"
  }
}

// MARK: The checkpoint's progress

extension TrainingRun {
  private var progressJSON: JSONValue {
    [
      "bestLoss": progress.bestLoss.isFinite ? JSONValue(progress.bestLoss) : .null,
      "bestEpoch": JSONValue(progress.bestEpoch), "batches": JSONValue(progress.batches),
      "lossTotal": JSONValue(progress.lossTotal), "rows": JSONValue(progress.rows),
      "seconds": JSONValue(seconds), "settings": .object(settings.kept),
      "split": JSONValue(splitChecksum),
      "model": savedModel.map { JSONValue($0) } ?? .null,
      "formerEpochs": formerEpochs.map { JSONValue($0) } ?? .null,
    ]
  }

  static func read(
    _ json: JSONField
  ) throws(JSONError) -> (progress: FitProgress, seconds: Double) {
    try json.allowOnly(
      ["bestLoss", "bestEpoch", "batches", "lossTotal", "rows", "seconds"] + Self.keptMembers)
    var progress = FitProgress()
    let loss = try json.member("bestLoss")
    progress.bestLoss = loss.isNull ? .infinity : try loss.number()
    progress.bestEpoch = try json.member("bestEpoch").count()
    progress.batches = try json.member("batches").count()
    progress.lossTotal = try json.member("lossTotal").number()
    progress.rows = try json.member("rows").count()
    return (progress, try json.member("seconds").number())
  }
}
