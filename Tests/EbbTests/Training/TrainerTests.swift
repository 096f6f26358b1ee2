import AllocationCount
import Ebb
import EbbSystem
import TestSupport
import Testing

private func network() -> Network {
  Network {
    Dense(12, activation: .relu)
    Dense(9, activation: .tanh)
    Dense(3)
  }
}

private func trainer(
  _ optimizer: any Optimizer = .adam(learningRate: 0.01),
  _ options: TrainingOptions = .init(seed: 5)
) throws -> Trainer {
  try Trainer(
    network(), loss: .softmaxCrossEntropy, optimizer: optimizer, inputs: 6, options: options)
}

@Suite(.serialized) struct TrainerTests {
  @Test("A warmed-up training step allocates nothing", arguments: [1, 2])
  func allocations(threads: Int) throws {
    let data = try threeClasses(rows: 96)
    let trainer = try trainer(.adam(), .init(threads: threads))
    let batches = try data.batches(of: 32, epoch: 1)
    for _ in 0..<500 { for batch in batches { try trainer.step(batch) } }
    let before = allocation_count()
    for _ in 0..<500 { for batch in batches { try trainer.step(batch) } }
    #expect(allocation_count() == before)
  }

  @Test("M1 a sum is B times the mean, for weights and biases each on its own, ragged batch of 7")
  func reductions() throws {
    let data = try threeClasses()
    let batch = try Batch(data, rows: [3, 50, 100, 7, 8, 9, 21])
    func change(_ weights: GradientReduction, _ biases: GradientReduction?) throws -> [[Float]] {
      let trainer = try trainer(
        .sgd(learningRate: 1), .init(seed: 5, reduction: weights, biasReduction: biases))
      let before = try trainer.model.parameters.map(\.values.elements)
      try trainer.step(batch)
      let after = try trainer.model.parameters.map(\.values.elements)
      return zip(before, after).map { zip($0, $1).map { $0 - $1 } }
    }
    let mean = try change(.mean, nil)
    let sum = try change(.sum, .sum)
    let mixed = try change(.mean, .sum)
    for (index, parameter) in try trainer().model.parameters.enumerated() {
      let isBias = parameter.role == .bias
      for entry in mean[index].indices {
        let scale = 7 * mean[index][entry]
        #expect(Swift.abs(sum[index][entry] - scale) <= 2e-6 * Swift.max(1, Swift.abs(scale)))
        let expected = isBias ? sum[index][entry] : mean[index][entry]
        #expect(Swift.abs(mixed[index][entry] - expected) <= 2e-6)
      }
    }
  }

  @Test("Class weights count rows as if they came several times")
  func classWeights() throws {
    let data = try threeClasses()
    guard case .classes(let labels, _) = data.targets else { return }
    let rows = Array(0..<30)
    let repeated = rows.flatMap { labels[$0] == 1 ? [$0, $0, $0] : [$0] }
    let weighted = try trainer(
      .sgd(learningRate: 0.05), .init(seed: 5, reduction: .sum, classWeights: [1, 3, 1]))
    let plain = try trainer(.sgd(learningRate: 0.05), .init(seed: 5, reduction: .sum))
    let first = try weighted.step(Batch(data, rows: rows))
    let second = try plain.step(Batch(data, rows: repeated))
    #expect(Swift.abs(first - second) < 1e-5)
    for (left, right) in zip(try weighted.model.parameters, try plain.model.parameters) {
      for (a, b) in zip(left.values.elements, right.values.elements) {
        #expect(Swift.abs(a - b) < 1e-6)
      }
    }
  }

  @Test("Balanced weights train towards the same optimum with any batch size")
  func balancedBatches() throws {
    // One feature, 8 rows of one class to 1 of the other: the balanced optimum is far from the plain.
    let data = try Dataset(
      features: (0..<90).map { [Float($0 % 9 == 0 ? 1 : 0) + Float($0 % 7) * 0.3] },
      labels: (0..<90).map { $0 % 9 == 0 ? 1 : 0 }, classCount: 2)
    func loss(batch: Int, epochs: Int) throws -> Double {
      let trainer = try Trainer(
        Network { Dense(2) }, loss: .softmaxCrossEntropy, optimizer: .sgd(learningRate: 0.002),
        inputs: 1,
        options: .init(seed: 1, classWeights: TrainingOptions.balancedWeights(for: data)))
      var progress = FitProgress()
      try trainer.fit(
        data, options: .init(epochs: epochs, batchSize: batch, patience: nil),
        progress: &progress)
      return try trainer.evaluate(data).loss
    }
    let single = try loss(batch: 1, epochs: 300)
    let whole = try loss(batch: 90, epochs: 300 * 90)
    #expect(Swift.abs(single - whole) < 0.01, "\(single), \(whole)")
  }

  @Test("Balanced weights let every class count alike")
  func balanced() throws {
    let data = try Dataset(
      features: [[0], [1], [2], [3]], labels: [0, 0, 0, 1], classCount: 2)
    #expect(try TrainingOptions.balancedWeights(for: data) == [4.0 / 6, 2])
  }

  @Test("The same seed gives the same bits for any number of threads")
  func threads() throws {
    func run(_ threads: Int) throws -> Model {
      let trainer = try trainer(.adam(), .init(seed: 9, threads: threads))
      return try trainer.fit(
        try threeClasses(), options: .init(epochs: 4, batchSize: 17, patience: nil))
    }
    let first = try run(1)
    for threads in [1, 2, 3, 4] {
      #expect(try run(threads).parameters == first.parameters)
    }
    #expect(try trainer(.adam(), .init(seed: 10)).model.parameters != first.parameters)
  }

  @Test("Training that stops within an epoch goes on to the same bits")
  func stopAndGoOn() throws {
    let data = try threeClasses()
    let fit = FitOptions(epochs: 6, batchSize: 10, patience: nil, schedule: .cosine())
    func losses(stopEvery: Int?) throws -> ([Double], [Model.Parameter]) {
      var current = try trainer()
      var progress = FitProgress()
      var losses: [Double] = []
      var steps = 0
      while true {
        let end = try current.fit(
          data, validation: try threeClasses(rows: 20), options: fit, progress: &progress,
          shouldStop: {
            steps += 1
            return stopEvery.map { steps.isMultiple(of: $0) } ?? false
          }, observe: { losses.append($0.trainingLoss) })
        guard end == .stopped else { return (losses, try current.model.parameters) }
        let checkpoint = try current.checkpoint(progress: .null)
        current = try trainer()
        try current.restore(checkpoint)
      }
    }
    let whole = try losses(stopEvery: nil)
    for stop in [1, 3, 7, 11] {
      let pieces = try losses(stopEvery: stop)
      #expect(pieces.0 == whole.0)
      #expect(pieces.1 == whole.1)
    }
  }

  @Test("Early stopping keeps the best epoch's numbers")
  func earlyStopping() throws {
    let data = try threeClasses(rows: 40)
    let validation = try threeClasses(rows: 101)
    let trainer = try trainer(.adam(learningRate: 0.05))
    var reports: [EpochReport] = []
    let best = try trainer.fit(
      data, validation: validation, options: .init(epochs: 300, batchSize: 8, patience: 5)
    ) { reports.append($0) }
    #expect(reports.count < 300)
    let smallest = reports.compactMap { $0.validation?.loss }.min()
    let evaluation = try best.predictor().evaluate(validation)
    #expect(evaluation.loss == smallest)
    #expect(best.record.epochs == reports.last { $0.isBest }?.epoch)
  }

  @Test("Divergence names step, rows, operation and value, and leaves the numbers before the step")
  func divergence() throws {
    let data = try threeClasses()
    let trainer = try trainer(.sgd(learningRate: 3e38))
    var states: [[Model.Parameter]] = []
    var thrown: TrainingDiverged?
    do {
      for batch in try data.batches(of: 10, epoch: 1) {
        states.append(try trainer.model.parameters)
        try trainer.step(batch)
      }
    } catch let error as TrainingDiverged { thrown = error }
    let error = try #require(thrown)
    // The loss shows it a step after the update that left the finite numbers.
    #expect(error.step == trainer.stepCount + 1 && Int(error.step) <= states.count)
    #expect(error.rows.count == 10 && !error.operation.isEmpty)
    #expect(["nan", "inf", "-inf", "-nan"].contains(error.value))
    #expect(try trainer.model.parameters == states[Int(trainer.stepCount)])
    for parameter in try trainer.model.parameters {
      let isFinite = parameter.values.elements.allSatisfy(\.isFinite)
      #expect(isFinite)
    }
  }

  @Test("An update to infinity in the last step of an epoch is divergence, not the best model")
  func infiniteWeights() throws {
    let data = try Dataset(features: [[1e5], [2e5]], values: [[-1e5], [3e5]])
    let trainer = try Trainer(
      Network { Dense(1) }, loss: .squaredError, optimizer: .sgd(learningRate: 1e30), inputs: 1)
    #expect {
      try trainer.fit(data, options: .init(epochs: 1, batchSize: nil, patience: nil))
    } throws: { ($0 as? TrainingDiverged)?.step == 1 }
  }

  @Test("fit goes on for as many epochs more when it is called again")
  func fitAgain() throws {
    let data = try threeClasses()
    let trainer = try trainer()
    let options = FitOptions(epochs: 20, batchSize: 50, patience: 10)
    try trainer.fit(data, options: options)
    #expect(trainer.epochCount == 20)
    try trainer.fit(data, options: options)
    #expect(trainer.epochCount == 40 && trainer.stepCount == 120)
  }

  @Test("The most epochs that there are, called twice")
  func mostEpochs() throws {
    let data = try threeClasses()
    let trainer = try trainer(.sgd(learningRate: 100))
    let options = FitOptions(epochs: .max, batchSize: .max, patience: 2)
    try trainer.fit(data, validation: data, options: options)
    let before = trainer.epochCount
    try trainer.fit(data, validation: data, options: options)
    #expect(trainer.epochCount > before)
  }

  @Test("One class, one output, and outputs that do not fit the classes")
  func outputs() throws {
    let one = try Dataset(features: [[1], [2]], labels: [0, 0], classCount: 1)
    let single = try Trainer(
      Network { Dense(1) }, loss: .softmaxCrossEntropy, optimizer: .adam(), inputs: 1)
    #expect(try single.evaluate(one).accuracy == 1)
    let wide = try Trainer(
      Network { Dense(5) }, loss: .softmaxCrossEntropy, optimizer: .adam(), inputs: 1)
    #expect { _ = try wide.evaluate(one) } throws: { "\($0)".contains("the outputs are 5") }
  }

  @Test("Settings out of range are refused", arguments: [[0.0, 0], [-1, 2], [.nan, 1]])
  func badWeights(weights: [Double]) throws {
    #expect(throws: SettingsError.self) {
      _ = try self.refused(.init(classWeights: weights))
    }
    #expect(throws: SettingsError.self) { _ = try self.refused(.init(threads: 100_000)) }
  }

  private func refused(_ options: TrainingOptions) throws -> Trainer {
    try trainer(.adam(), options)
  }

  @Test("Data that do not fit are refused with both numbers")
  func misfits() throws {
    let trainer = try trainer()
    let wide = try threeClasses(features: 7)
    #expect {
      try trainer.step(Batch(wide, rows: [0]))
    } throws: { "\($0)" == "the network takes 6 features, the data have 7" }
    let regression = try Dataset(features: [[0, 0, 0, 0, 0, 0]], values: [[1]])
    #expect {
      try trainer.step(Batch(regression, rows: [0]))
    } throws: { "\($0)".contains("needs classes") }
    let many = try Dataset(
      features: [[0, 0, 0, 0, 0, 0]], labels: [3], classCount: 4)
    #expect {
      _ = try trainer.evaluate(many)
    } throws: { "\($0)".contains("4 classes but the outputs are 3") }
    let none = try Dataset(features: [0, 0, 0, 0, 0, 0], featureCount: 6, targets: .none)
    #expect { _ = try trainer.evaluate(none) } throws: { "\($0)".contains("no targets") }
    #expect(try trainer.predict(none).count == 1)
  }

  @Test("A model that is saved and loaded predicts the same bits, on several threads too")
  func predictions() throws {
    let data = try threeClasses(rows: 700)
    let trainer = try trainer()
    try trainer.step(Batch(data, rows: Array(0..<50)))
    let expected = try trainer.predict(data).values
    let model = try trainer.model
    #expect(try model.predictor().predict(data).values == expected)
    #expect(try model.predictor(threads: 3).predict(data).values == expected)
    // A batch of one gives the same as many: padding changes nothing.
    let one = try Dataset(
      features: Array(data.features(ofRow: 500)), featureCount: 6, targets: .none)
    #expect(try model.predictor().predict(one).values == Array(expected[1500..<1503]))
  }

  @Test("Dropout is the identity in evaluation and the same for any number of threads")
  func dropout() throws {
    let dropping = Network {
      Dense(12, activation: .relu)
      Dropout(0.5)
      Dense(3)
    }
    let data = try threeClasses()
    func run(_ threads: Int) throws -> Model {
      let trainer = try Trainer(
        dropping, loss: .softmaxCrossEntropy, optimizer: .sgd(learningRate: 0.1), inputs: 6,
        options: .init(seed: 2, threads: threads))
      for batch in try data.batches(of: 25, epoch: 1) { try trainer.step(batch) }
      let first = try trainer.predict(data).values
      #expect(try trainer.predict(data).values == first)
      return try trainer.model
    }
    #expect(try run(1).parameters == run(3).parameters)
  }
}
