public import EbbData
internal import EbbGraph
internal import EbbNetworks
internal import EbbSystem
public import EbbTraining

extension Model {
  /// Ranks the rows of a dataset by how much their own gradients stand out.
  ///
  /// With ``AuditOptions/folds`` networks of the model's kind are trained, each on the rows of all
  /// parts but one, and asked about that part; with none the model itself is asked.
  ///
  /// Rows are ranked by the mean of 1 − p(label). Of 5 % changed labels of the digits, this finds 94 %
  /// among the first 5 % of the rows (median of five seeds, `Benchmarks/audit.py`); the model itself
  /// finds 84 %. Tried beside it and no better: the mean loss (92 %), the margin to the most probable
  /// other class (92 %), 12 networks for each row (94 %), a second pass without the rows found in the
  /// first. The norm of the whole gradient (79 %) and its direction beside the label's other rows
  /// (58 %) are worse: they tell unusual features from usual ones, too.
  ///
  /// - Parameters:
  ///   - dataset: rows with targets.
  ///   - observe: told how many trainings are done, and of how many.
  /// - Throws: `ModelError` if the rows do not fit the network, or if the model does not say how it was
  ///   trained; `SettingsError` for an option out of range; `TrainingDiverged`.
  public func audit(
    on dataset: Dataset, options: AuditOptions = AuditOptions(),
    observe: (_ done: Int, _ of: Int) -> Void = { _, _ in }
  ) throws -> Audit {
    guard dataset.rowCount > 0 else { throw ModelError("there are no rows to audit") }
    if case .none = dataset.targets { throw ModelError("these data have no targets") }
    try options.validate(rows: dataset.rowCount)
    try EbbTraining.check(dataset, inputCount: inputCount)
    let width = AuditEvidence.width(of: self, dataset.targets)
    try memoryNeed(ofAuditing: dataset, folds: options.folds, width: width).check()
    let duplicates = DuplicateRows(dataset)
    var evidence = AuditEvidence(dataset, width: width)
    if options.folds == 0 {
      try evidence.ask(
        self, about: Array(0..<dataset.rowCount), withCosines: true, threads: options.threads)
      return Audit(self, evidence, duplicates, trainings: 0, opinions: 0)
    }
    guard duplicates.groups.count >= options.folds else {
      throw ModelError(
        "\(duplicates.groups.count) different rows cannot be divided into \(options.folds) parts; ask"
          + " for fewer folds, or for 0, which judges by the model alone")
    }
    let recipe = try options.recipe ?? usualRecipe()
    let count = options.folds * options.repeats
    for pass in 0..<options.repeats {
      let folds = AuditFolds(
        duplicates, classes: dataset.targets.labels, count: options.folds, seed: options.seed,
        pass: pass)
      for part in folds.parts.indices {
        let done = pass * options.folds + part
        observe(done, count)
        let network = try trained(
          on: try dataset.rows(folds.others(part)), recipe,
          seed: options.seed &+ UInt64(done + 1), threads: options.threads)
        try evidence.ask(
          network, about: folds.parts[part], withCosines: pass == 0, threads: options.threads)
      }
    }
    observe(count, count)
    return Audit(self, evidence, duplicates, trainings: count, opinions: options.repeats)
  }

  /// What an audit takes, most of it for the rows that are asked about together. Counted on tables of
  /// 3 to 30 columns and networks of 64 to 1,024 units.
  private func memoryNeed(ofAuditing dataset: Dataset, folds: Int, width: Int) throws -> MemoryNeed
  {
    let rows = Double(dataset.rowCount)
    let widths = try network.numbersPerRow(inputs: inputCount)
    return MemoryNeed(
      "auditing these rows",
      advice: folds == 0
        ? "audit fewer rows at a time, or in more parts (folds)" : "audit fewer rows at a time"
    )
    .adding("what is said of each class", 2 * rows * Double(width), bytesEach: 8)
    .adding("what is found of each row", rows, bytesEach: 600)
    .adding("what the layers give", rows / Double(max(folds, 1)) * widths, bytesEach: 16)
    .adding("the rows that are trained on", folds == 0 ? 0 : rows * Double(inputCount))
  }

  /// A network of the model's kind, trained on other rows.
  private func trained(
    on dataset: Dataset, _ recipe: AuditOptions.Recipe, seed: UInt64, threads: Int
  ) throws -> Model {
    var options = recipe.options
    (options.seed, options.threads) = (seed, threads)
    var fit = recipe.fit
    fit.patience = nil
    let trainer = try Trainer(
      network, loss: loss, optimizer: recipe.optimizer, inputs: inputCount, options: options,
      schema: schema)
    var progress = FitProgress()
    try trainer.fit(dataset, options: fit, progress: &progress)
    return try trainer.model
  }

  /// How the model was trained, as far as its record says: the optimizer with its settings, rows per
  /// step, and the epochs after which its numbers were taken.
  ///
  /// - Throws: `ModelError` if the record says nothing.
  private func usualRecipe() throws -> AuditOptions.Recipe {
    guard record.epochs > 0, record.batchSize > 0, let optimizer = record.rule else {
      throw ModelError(
        "the model's record does not say how it was trained, so no others can be trained like it;"
          + " give a recipe, or audit with 0 folds")
    }
    return AuditOptions.Recipe(
      optimizer: optimizer,
      fit: FitOptions(epochs: record.epochs, batchSize: record.batchSize, patience: nil))
  }
}

extension TrainingRecord {
  /// The optimizer, read from its summary; nil if it is none of Ebb's own.
  var rule: (any Optimizer)? {
    let parts = optimizer.split(separator: ":", maxSplits: 1).map(String.init)
    guard let kind = parts.first, !kind.isEmpty else { return nil }
    var settings = JSONObject()
    for entry in parts.dropFirst().flatMap({ $0.split(separator: ",") }) {
      let words = entry.split(separator: " ").map(String.init)
      guard words.count == 2 else { return nil }
      if case .value(let number) = NumberParser.double(words[1]) {
        settings[words[0]] = JSONValue(number)
      } else if words[1] == "yes" || words[1] == "no" {
        settings[words[0]] = JSONValue(words[1] == "yes")
      } else {
        settings[words[0]] = JSONValue(words[1])
      }
    }
    let json: JSONValue = ["kind": JSONValue(kind), "settings": .object(settings)]
    return try? readOptimizer(json: JSONField(json))
  }
}
