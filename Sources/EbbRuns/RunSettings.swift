package import EbbData
internal import EbbGraph
package import EbbNetworks
package import EbbSystem
package import EbbTraining

/// Every setting of a run: with the data, all that its numbers depend on.
package struct RunSettings: Sendable {
  /// How classes count.
  package enum ClassWeights: String, CaseIterable, Sendable {
    /// Each row counts alike.
    case none
    /// Each class counts alike.
    case balanced
  }

  /// The data, and files of their own for validation and test.
  package var data: DataFile
  package var validation: DataFile?
  package var test: DataFile?
  /// The column to predict.
  package var target: String
  /// What is predicted.
  package var task: PredictionTask
  /// Columns that are not used.
  package var ignored: [String]
  /// Training, validation and test rows in percent.
  package var split: Split
  package var network: Network
  package var loss: Loss
  package var optimizer: any Optimizer
  /// Epochs, rows per step, patience, schedule.
  package var fit: FitOptions
  /// Seed, threads, reductions, clipping; the weights of the classes come from the rows.
  package var options: TrainingOptions
  package var classWeights: ClassWeights
  /// The limits that the result must keep, such as `accuracy=0.9`.
  package var gates: [String]

  /// The version of the form of `config.json`.
  static let formatVersion = 1

  /// The settings as JSON.
  package var json: JSONValue {
    [
      "ebb": JSONValue(EbbVersion.text), "format": JSONValue(Self.formatVersion),
      "numericContract": JSONValue(ModelContainer.contractVersion),
      "data": data.json, "validation": validation?.json ?? .null, "test": test?.json ?? .null,
      "target": JSONValue(target), "task": JSONValue(task.rawValue),
      "ignore": JSONValue(ignored), "split": JSONValue(split.text),
      "network": network.json, "loss": JSONValue(loss.spelling), "optimizer": optimizer.json,
      "schedule": JSONValue(fit.schedule.spelling), "epochs": JSONValue(fit.epochs),
      "batch": fit.batchSize.map { JSONValue($0) } ?? "full",
      "patience": fit.patience.map { JSONValue($0) } ?? "none",
      "reduction": JSONValue(options.reduction.rawValue),
      "biasReduction": options.biasReduction.map { JSONValue($0.rawValue) } ?? .null,
      "gradientClipping": options.gradientClipping.map { JSONValue($0) } ?? .null,
      "classWeights": JSONValue(classWeights.rawValue), "seed": JSONValue(String(options.seed)),
      "threads": JSONValue(options.threads), "failUnder": JSONValue(gates),
    ]
  }

  private static let members = [
    "ebb", "format", "numericContract", "data", "validation", "test", "target", "task", "ignore",
    "split",
    "network", "loss", "optimizer", "schedule", "epochs", "batch", "patience", "reduction",
    "biasReduction", "gradientClipping", "classWeights", "seed", "threads", "failUnder",
  ]

  /// Writes the settings to the run's directory.
  package func write(to run: RunDirectory) throws {
    try Files.writeWhole(
      JSONWriter.bytes(json, layout: .pretty), to: run.configuration, ifExists: .replace)
  }

}

extension RunSettings {
  /// Reads the settings that a run was trained with.
  ///
  /// - Throws: `RunError` if there is no run, if its settings cannot be read, or if they or the parts of
  ///   its rows are others than the run's checkpoint knows.
  package init(of run: RunDirectory) throws {
    try self.init(asWrittenIn: run)
    // Without a checkpoint that can be read there is nothing to compare.
    guard let checkpoint = try? run.readCheckpoint() else { return }
    let kept = try TrainingRun.readKept(checkpoint, run)
    // Killed while the epochs were raised.
    if fit.epochs == kept.formerEpochs { fit.epochs = kept.epochs ?? fit.epochs }
    if let error = RunError.changed(changes(since: kept.settings), in: run) { throw error }
    if let error = RunSplit.changed(since: kept.split, in: run) { throw error }
  }

  /// Reads the settings of a run, which may have been changed since it was trained.
  ///
  /// - Throws: `RunError` if there is no run, or if its settings cannot be read.
  package init(asWrittenIn run: RunDirectory) throws {
    guard run.isRun else {
      let exists = Files.exists(run.path)
      if run.isUnfinishedBeginning {
        throw RunError(
          .unreadable, path: run.path,
          "a run was begun here and stopped before anything was trained, so there is nothing to go"
            + " on with",
          advice: "begin it again: \"ebb train\" with --output \(run.path) takes the directory")
      }
      throw RunError(
        .unreadable, path: run.path,
        exists ? "this is no run: it holds no config.json" : "there is no such run",
        advice: "give a directory that \"ebb train\" made, such as runs/NAME-1")
    }
    do {
      let bytes = try Files.read(run.configuration, limit: 1 << 26)
      try self.init(json: JSONField(try JSONReader.read(bytes)))
    } catch let error as FileError {
      throw error
    } catch {
      throw RunError(
        .unreadable, path: run.configuration, "\(error)",
        advice: "put the file back as it was, or start anew with \"ebb train\"")
    }
  }

  init(json: JSONField) throws {
    let format = try json.member("format").integer(in: 1...Int.max)
    guard format <= Self.formatVersion else {
      throw json.error("the run was made by a newer Ebb (format \(format))")
    }
    try json.allowOnly(Self.members)
    let contract = try json.member("numericContract").integer()
    guard contract == ModelContainer.contractVersion else {
      throw json.error(
        "the run's numbers follow version \(contract) of the numeric contract, this Ebb computes by"
          + " version \(ModelContainer.contractVersion)")
    }
    data = try DataFile(json: json.member("data"))
    validation = try DataFile.optional(json: json.member("validation"))
    test = try DataFile.optional(json: json.member("test"))
    target = try json.member("target").string()
    task = try json.member("task").choice(
      of: ["classification": .classification, "regression": .regression])
    ignored = try json.member("ignore").elements().map { try $0.string() }
    options = TrainingOptions(
      seed: try json.member("seed").unsigned(),
      threads: try json.member("threads").integer(in: 1...CountLimit.threads),
      reduction: try GradientReduction(spelling: json.member("reduction").string()))
    split = try Split(try json.member("split").string(), seed: options.seed)
    network = try Network(json: json.member("network"))
    loss = try Loss(spelling: json.member("loss").string())
    optimizer = try readOptimizer(json: json.member("optimizer"))
    let (batch, patience) = (try json.member("batch"), try json.member("patience"))
    fit = FitOptions(
      epochs: try json.member("epochs").integer(in: 1...CountLimit.most),
      batchSize: batch.value == "full" ? nil : try batch.integer(in: 1...CountLimit.most),
      patience: patience.value == "none" ? nil : try patience.integer(in: 1...CountLimit.most),
      schedule: try Schedule(spelling: json.member("schedule").string()))
    let biases = try json.member("biasReduction")
    options.biasReduction = biases.isNull ? nil : try GradientReduction(spelling: biases.string())
    // Older runs do not have it.
    if let clipping = try json.optionalMember("gradientClipping"), !clipping.isNull {
      options.gradientClipping = try clipping.number()
      do {
        try options.validate()
      } catch {
        throw clipping.error("\(error)")
      }
    }
    classWeights = try json.member("classWeights").choice(of: [
      "none": .none, "balanced": .balanced,
    ])
    gates = try json.member("failUnder").elements().map { try $0.string() }
  }
}

extension RunSettings {
  /// The options with the weights of the classes among these training rows.
  package func options(for training: Dataset) throws -> TrainingOptions {
    var options = options
    if classWeights == .balanced {
      options.classWeights = try TrainingOptions.balancedWeights(for: training)
    }
    return options
  }

  /// A trainer with the initial numbers.
  ///
  /// - Parameter isResumed: whether a checkpoint is going to be read.
  /// - Throws: `MemoryError` if there is less memory than the run will need.
  package func trainer(for data: PreparedData, isResumed: Bool = false) throws -> Trainer {
    let inputs = data.training.featureCount
    try MemoryNeed.run(
      network, inputs: inputs, slots: optimizer.slots.count,
      batch: min(fit.batchSize ?? .max, max(1, data.training.rowCount)),
      threads: options.threads, isResumed: isResumed
    ).check()
    let trainer = try Trainer(
      network, loss: loss, optimizer: optimizer, inputs: inputs,
      options: try options(for: data.training), schema: data.schema)
    let outputs = try network.summary(inputs: inputs).last?.outputShape.count
    try loss.check(data.training.targets, outputs: outputs ?? 0)
    return trainer
  }
}
