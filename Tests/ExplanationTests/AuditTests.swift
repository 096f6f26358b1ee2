import Ebb
import TestSupport
import Testing

@Suite("Audit") struct AuditTests {
  // MARK: What it finds

  @Test("Planted wrong labels come first, and are flagged") func wrongLabels() throws {
    let digits = try AuditSubjects.digits.get()
    let (dataset, changed) = try AuditSubjects.flipping(digits.data.training, share: 0.05, seed: 1)
    let model = try AuditSubjects.trained(on: dataset, schema: digits.data.schema)
    let audit = try model.audit(on: dataset, options: AuditOptions(repeats: 2))
    #expect(audit.trainings == 10 && audit.opinions == 2)
    let first = audit.rows.prefix(changed.count).filter { changed.contains($0.row) }
    #expect(first.count >= changed.count * 85 / 100, "\(first.count) of \(changed.count)")
    let flagged = audit.rows.filter { $0.reasons.contains(.wrongLabel) }
    let right = flagged.count { changed.contains($0.row) }
    #expect(right >= changed.count * 70 / 100, "\(right) of \(changed.count) are flagged")
    #expect(right >= flagged.count * 85 / 100, "\(right) of \(flagged.count) flagged were planted")
    // What is suggested in place of a planted label is nearly always the true one.
    guard case .classes(let truth, _) = digits.data.training.targets else { return }
    let mended = flagged.count {
      changed.contains($0.row) && $0.suggested == Int(truth[$0.row])
    }
    #expect(mended >= right * 90 / 100, "\(mended) of \(right) suggestions are the true class")
    #expect(audit.rows.map(\.row).sorted() == Array(0..<dataset.rowCount))
  }

  @Test(
    "Few rows of healthy data stand out",
    arguments: [
      ("digits", "digit", 0.03), ("iris", "species", 0.06), ("breast-cancer", "diagnosis", 0.06),
    ])
  func healthy(name: String, target: String, most: Double) throws {
    let data = try exampleData(name, target: target)
    let model = try AuditSubjects.trained(on: data.training, schema: data.schema)
    let audit = try model.audit(on: data.training, options: AuditOptions(repeats: 2))
    let share = Double(audit.standingOut.count) / Double(audit.rows.count)
    #expect(share <= most, "\(audit.standingOut.count) of \(audit.rows.count) rows stand out")
  }

  @Test("Two classes with one output") func binary() throws {
    let data = try exampleData("breast-cancer", target: "diagnosis")
    let (dataset, changed) = try AuditSubjects.flipping(data.training, share: 0.05, seed: 3)
    let model = try AuditSubjects.trained(on: dataset, schema: data.schema)
    #expect(model.loss == .binaryCrossEntropy)
    let audit = try model.audit(on: dataset)
    let first = audit.rows.prefix(changed.count).count { changed.contains($0.row) }
    #expect(first >= changed.count * 75 / 100, "\(first) of \(changed.count)")
    let sums = audit.rows.map { ($0.labelProbability ?? 0) + ($0.probability ?? 0) }
    #expect(sums.allSatisfy { ($0 - 1).magnitude < 1e-6 })
  }

  @Test("Values far from the prediction") func farValues() throws {
    let data = try exampleData("diabetes", target: "progression")
    guard case .values(var values, _) = data.training.targets else { return }
    let planted = [7, 70, 170]
    // The targets are standardized: six standard deviations.
    for row in planted { values[row] += values[row] < 0 ? 6 : -6 }
    let dataset = try Dataset(
      features: data.training.features, featureCount: data.training.featureCount,
      targets: .values(values, outputs: 1))
    let model = try AuditSubjects.trained(on: dataset, schema: data.schema)
    let audit = try model.audit(on: dataset)
    #expect(audit.task == .regression)
    #expect(Set(audit.rows.prefix(3).map(\.row)) == Set(planted))
    let reasons = audit.rows.prefix(3).map(\.reasons)
    #expect(reasons.allSatisfy { $0.contains(.farValue) })
    #expect(audit.count(of: .farValue) <= 3 + dataset.rowCount / 50)
    // Values are told in the target's unit.
    let expected = data.schema.originalTarget(Double(values[audit.rows[0].row]))
    #expect((try #require(audit.rows[0].value) - expected).magnitude < 1e-4)
  }

  @Test("Conflicting duplicates name each other") func duplicates() throws {
    var (features, labels) = AuditSubjects.blobs(60)
    features[41] = features[4]
    features[52] = features[4]
    (labels[4], labels[41], labels[52]) = (0, 1, 0)
    let dataset = try Dataset(features: features, labels: labels, classCount: 3)
    let model = try AuditSubjects.trained(on: dataset, schema: nil)
    for folds in [0, 5] {
      let audit = try model.audit(on: dataset, options: AuditOptions(folds: folds))
      func row(_ number: Int) throws -> AuditedRow {
        try #require(audit.rows.first { $0.row == number })
      }
      #expect(try row(4).conflicts == [41])
      #expect(try row(41).conflicts == [4, 52])
      #expect(try row(52).conflicts == [41])
      #expect(audit.count(of: .conflictingDuplicate) == 3)
      #expect(try row(41).reasons.contains(.conflictingDuplicate))
    }
  }

  @Test("A row that dominates") func dominating() throws {
    let count = 80
    let noise = uniform(count * 3, seed: 5)
    var features = (0..<count).map { row in noise[row * 3..<row * 3 + 3].map { Float($0) } }
    let values = features.map { [$0[0] - 2 * $0[1] + 0.1 * $0[2]] }
    features[33] = features[33].map { $0 * 50 }
    let dataset = try Dataset(features: features, values: values)
    let model = try AuditSubjects.trained(on: dataset, schema: nil)
    let audit = try model.audit(on: dataset)
    #expect(audit.rows[0].row == 33)
    #expect(audit.rows[0].reasons.contains(.dominates))
    #expect(audit.rows[0].share > 0.5)
    #expect(audit.count(of: .dominates) == 1)
  }

  @Test("Labels thrown by a coin: no label is called wrong, and it is said why")
  func coins() throws {
    for seed in 0..<6 as Range<UInt64> {
      let rows = [40, 80, 160][Int(seed % 3)]
      let noise = uniform(5 * rows, seed: 100 + seed)
      let features = (0..<rows).map { row in (0..<4).map { Float(noise[5 * row + $0]) } }
      let labels = (0..<rows).map { noise[5 * $0 + 4] > 0 ? 1 : 0 }
      let dataset = try Dataset(features: features, labels: labels, classCount: 2)
      let model = try AuditSubjects.trained(on: dataset, schema: nil, epochs: 20)
      let audit = try model.audit(on: dataset, options: AuditOptions(repeats: 2))
      #expect(!audit.isBetterThanGuessing, "seed \(seed)")
      #expect(audit.count(of: .wrongLabel) == 0)
      let table = AuditTable(
        audit, schema: nil, lines: Array(0..<rows), numbers: Array(0..<rows))
      let caution = try #require(table.caution)
      #expect(
        caution.contains("no better than guessing")
          || caution.contains("hardly better than guessing"),
        "\(caution)")
      #expect(!table.summary.contains("likely"))
    }
  }

  @Test("Rows too few to tell are not said to be guessed") func fewRows() throws {
    func caution(_ audit: Audit) -> String? {
      let rows = Array(audit.rows.indices)
      return AuditTable(audit, schema: nil, lines: rows, numbers: rows).caution
    }
    let numbers = uniform(40, seed: 3)
    let features = (0..<6).map { row in [Float(numbers[row])] }
    let values = features.map { [3 * $0[0]] }
    let few = try Dataset(features: features, values: values)
    let model = try AuditSubjects.trained(on: few, schema: nil)
    let audit = try model.audit(on: few, options: AuditOptions(folds: 2, repeats: 1))
    #expect(!audit.isBetterThanGuessing)
    #expect(
      try #require(caution(audit)).hasPrefix(
        "whether the networks know better than guessing, 6 rows"))
    let coins = try Dataset(features: features, labels: [0, 1, 0, 1, 0, 1], classCount: 2)
    let classes = try AuditSubjects.trained(on: coins, schema: nil, epochs: 20)
    let said = try #require(
      caution(try classes.audit(on: coins, options: AuditOptions(folds: 2, repeats: 1))))
    #expect(said.contains("cannot tell") && said.hasSuffix("no label is called wrong"), "\(said)")
  }

  @Test("Two numbers that stand for no data among the targets do not hide what the networks know")
  func sentinels() throws {
    let noise = uniform(40 * 3, seed: 8)
    let features = (0..<40).map { row in noise[row * 3..<row * 3 + 3].map { Float($0) } }
    let values = features.map { [$0[0] - 2 * $0[1] + 0.1 * $0[2]] }
    let predicted = values.map { Double($0[0]) + 0.1 }
    var truth = values.map { Double($0[0]) }
    (truth[4], truth[17]) = (-999, 9999)
    #expect(!Association(truth: truth, predicted: predicted).isSure)
    #expect(Association(ranksOf: truth, predicted: predicted).isSure)
    // Equal numbers share a rank, so a constant knows nothing.
    #expect(Association(ranksOf: truth, predicted: truth.map { _ in 1 }).score == 0)
  }

  @Test("Classes that overlap: what the networks contradict is only possibly wrong")
  func overlap() throws {
    let noise = uniform(6 * 400, seed: 12)
    let features = (0..<400).map { row in (0..<2).map { Float(noise[6 * row + $0]) } }
    let labels = (0..<400).map { row in
      // Right in about two thirds of the rows, however much is known of them.
      (features[row][0] > 0) == (noise[6 * row + 5] < 0.33) ? 1 : 0
    }
    let dataset = try Dataset(features: features, labels: labels, classCount: 2)
    let model = try AuditSubjects.trained(on: dataset, schema: nil, epochs: 20)
    let audit = try model.audit(on: dataset, options: AuditOptions(repeats: 2))
    #expect(audit.isBetterThanGuessing && audit.count(of: .wrongLabel) > 0)
    #expect(try #require(audit.agreement) < 0.8)
    let table = AuditTable(audit, schema: nil, lines: Array(0..<400), numbers: Array(0..<400))
    #expect(table.summary.contains("possibly wrong label") && !table.summary.contains("likely"))
    #expect(try #require(table.caution).contains("may overlap"))
    // A model that has seen the rows shows nothing by agreeing or not.
    let alone = try model.audit(on: dataset, options: AuditOptions(folds: 0))
    let own = AuditTable(alone, schema: nil, lines: Array(0..<400), numbers: Array(0..<400))
    #expect(!own.summary.contains("likely") && !own.summary.contains("possibly"))
  }

  // MARK: What the numbers are

  @Test("Numbers of the model itself are those of its gradients, row by row") func numbers() throws
  {
    let (features, labels) = AuditSubjects.blobs(45)
    let dataset = try Dataset(features: features, labels: labels, classCount: 3)
    // Hardly trained: where 1 − p is nearly 0, single precision has few digits left of it.
    let model = try AuditSubjects.trained(on: dataset, schema: nil, epochs: 3)
    let audit = try model.audit(on: dataset, options: AuditOptions(folds: 0))
    #expect(audit.trainings == 0 && audit.opinions == 0)
    let examples = try model.perExampleGradients(on: Batch(dataset, rows: Array(0..<45)))
    let names = model.parameters.map(\.name)
    let gradients = examples.map { example in names.flatMap { example[$0]?.elements ?? [] } }
    func dot(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } }
    let total = gradients.reduce(0) { $0 + dot($1, $1) }
    for row in audit.rows {
      let own = gradients[row.row]
      #expect(deviation([row.gradientNorm], [dot(own, own).squareRoot()]) < 1e-4)
      #expect(deviation([row.share], [dot(own, own) / total]) < 1e-3)
      let pull = try #require(examples[row.row]["output.preactivation"]?.elements[labels[row.row]])
      #expect((row.score - pull.magnitude).magnitude < 1e-6)
      let others = gradients.indices.filter { labels[$0] == labels[row.row] && $0 != row.row }
      var mean = [Double](repeating: 0, count: own.count)
      for other in others {
        for (place, number) in gradients[other].enumerated() { mean[place] += number }
      }
      let cosine = dot(own, mean) / (dot(own, own) * dot(mean, mean)).squareRoot()
      #expect((try #require(row.cosine) - cosine).magnitude < 1e-4)
    }
    let sum = audit.rows.reduce(0) { $0 + $1.share }
    #expect((sum - 1).magnitude < 1e-9)
  }

  @Test("The same seed gives the same audit, with any number of threads") func repeatable() throws {
    let (features, labels) = AuditSubjects.blobs(90)
    let dataset = try Dataset(features: features, labels: labels, classCount: 3)
    let model = try AuditSubjects.trained(on: dataset, schema: nil)
    func rows(_ seed: UInt64, _ threads: Int) throws -> [AuditedRow] {
      try model.audit(on: dataset, options: AuditOptions(repeats: 2, seed: seed, threads: threads))
        .rows
    }
    let first = try rows(4, 1)
    #expect(try rows(4, 1) == first)
    #expect(try rows(4, 3) == first)
    #expect(try rows(5, 1) != first)
  }

  @Test(
    "Without a recipe networks are trained as the model's record says",
    arguments: [
      .adam(learningRate: 0.01), .momentum(learningRate: 0.1), .sgd(learningRate: 0.2),
    ] as [any Optimizer])
  func recipe(_ optimizer: any Optimizer) throws {
    let (features, labels) = AuditSubjects.blobs(40)
    let dataset = try Dataset(features: features, labels: labels, classCount: 3)
    let trainer = try Trainer(
      AuditSubjects.network(3), loss: .softmaxCrossEntropy, optimizer: optimizer, inputs: 2)
    let fit = FitOptions(epochs: 7, batchSize: 8, patience: nil)
    try trainer.fit(dataset, options: fit)
    let model = try trainer.model
    let given = AuditOptions.Recipe(optimizer: optimizer, fit: fit)
    let rows = try model.audit(on: dataset, options: AuditOptions(repeats: 1, recipe: given)).rows
    #expect(try model.audit(on: dataset, options: AuditOptions(repeats: 1)).rows == rows)
  }

  // MARK: Divisions

  @Test("Parts hold each row once, classes evenly, and copies together") func folds() throws {
    var (features, labels) = AuditSubjects.blobs(100)
    for row in [20, 40, 60] { features[row] = features[3] }
    labels[60] = 2
    let dataset = try Dataset(features: features, labels: labels, classCount: 3)
    let duplicates = DuplicateRows(dataset)
    let classes = labels.map { Int32($0) }
    func folds(_ pass: Int) -> AuditFolds {
      AuditFolds(duplicates, classes: classes, count: 5, seed: 9, pass: pass)
    }
    let parts = folds(0).parts
    #expect(parts.flatMap(\.self).sorted() == Array(0..<100))
    let sizes = parts.map(\.count)
    #expect(sizes.max().map { $0 <= 24 } == true, "\(sizes)")
    let home = try #require(parts.first { $0.contains(3) })
    #expect([20, 40, 60].allSatisfy(home.contains))
    #expect(folds(1).parts != parts)
    #expect(folds(0).parts == parts)
  }

  // MARK: What it refuses

  @Test("Bad options and rows are refused with what is wrong") func refusals() throws {
    let (features, labels) = AuditSubjects.blobs(30)
    let dataset = try Dataset(features: features, labels: labels, classCount: 3)
    let model = try AuditSubjects.trained(on: dataset, schema: nil)
    for options in [
      AuditOptions(folds: 1), AuditOptions(folds: -2), AuditOptions(repeats: 0),
      AuditOptions(folds: 31),
    ] {
      #expect(throws: SettingsError.self) { try model.audit(on: dataset, options: options) }
    }
    let bare = try Dataset(features: [1, 2], featureCount: 2, targets: .none)
    #expect(throws: ModelError.self) { try model.audit(on: bare) }
    let wide = try Dataset(features: [[1, 2, 3], [3, 4, 5]], labels: [0, 1], classCount: 3)
    for folds in [0, 2] {
      #expect(throws: ModelError.self) {
        try model.audit(on: wide, options: AuditOptions(folds: folds))
      }
    }
    let copies = try Dataset(
      features: [[1, 2], [1, 2], [1, 2]], labels: [0, 1, 2], classCount: 3)
    #expect(throws: ModelError.self) {
      try model.audit(on: copies, options: AuditOptions(folds: 2))
    }
    let untrained = try Model(
      network: model.network, inputCount: 2, loss: model.loss, schema: nil,
      record: TrainingRecord(optimizer: "none", seed: 0, batchSize: 0, epochs: 0, steps: 0),
      parameters: model.parameters)
    #expect(throws: ModelError.self) { try untrained.audit(on: dataset) }
    #expect(try untrained.audit(on: dataset, options: AuditOptions(folds: 0)).rows.count == 30)
  }
}

/// What is audited.
private enum AuditSubjects {
  struct Digits: Sendable {
    let data: PreparedData
  }

  static let digits = Result { Digits(data: try exampleData("digits", target: "digit")) }

  static func network(_ outputs: Int) -> Network {
    Network {
      Dense(64, activation: .relu)
      Dense(outputs)
    }
  }

  /// A network trained as `ebb train` does, for a few epochs.
  static func trained(
    on dataset: Dataset, schema: Schema?, epochs: Int? = nil
  ) throws -> Model {
    let (loss, outputs): (Loss, Int) =
      switch dataset.targets {
      case .classes(_, 2): (.binaryCrossEntropy, 1)
      case .classes(_, let count): (.softmaxCrossEntropy, count)
      case .values(_, let outputs): (.squaredError, outputs)
      case .none: (.squaredError, 1)
      }
    let trainer = try Trainer(
      network(outputs), loss: loss, optimizer: .adam(learningRate: 0.003),
      inputs: dataset.featureCount, options: TrainingOptions(seed: 7), schema: schema)
    let epochs = epochs ?? max(10, 8_000 / dataset.rowCount)
    return try trainer.fit(dataset, options: FitOptions(epochs: epochs, patience: nil))
  }

  /// The rows with some labels changed to another class.
  static func flipping(
    _ dataset: Dataset, share: Double, seed: UInt64
  ) throws -> (dataset: Dataset, changed: Set<Int>) {
    guard case .classes(var labels, let count) = dataset.targets else { return (dataset, []) }
    var order = Array(labels.indices)
    SplitRandom.shuffle(&order, seed: seed, purpose: .split, stream: 1 << 50)
    let changed = order.prefix(Int((share * Double(labels.count)).rounded()))
    for (place, row) in changed.enumerated() {
      labels[row] = (labels[row] + 1 + Int32(place % (count - 1))) % Int32(count)
    }
    let flipped = try Dataset(
      features: dataset.features, featureCount: dataset.featureCount,
      targets: .classes(labels, count: count))
    return (flipped, Set(changed))
  }

  /// Points in the plane around three centres, one for each class in turn.
  static func blobs(_ count: Int) -> (features: [[Float]], labels: [Int]) {
    let noise = uniform(2 * count, seed: 21)
    let centres: [(Double, Double)] = [(0, 2), (-2, -1), (2, -1)]
    let labels = (0..<count).map { $0 % 3 }
    let features = labels.indices.map { row in
      let centre = centres[labels[row]]
      return [Float(centre.0 + noise[2 * row]), Float(centre.1 + noise[2 * row + 1])]
    }
    return (features, labels)
  }
}
