import Ebb
import EbbGraph
import EbbSystem
import Foundation
import Testing

/// Adds a running mean that it keeps by itself.
private struct Undeclared: Layer {
  static let kind = "undeclared"
  var onlyInTraining = false
  var name: String? { "smooth" }
  var declaresParameters: Bool { onlyInTraining }
  var settings: Settings { [:] }

  init(onlyInTraining: Bool = false) { self.onlyInTraining = onlyInTraining }
  init(settings: Settings) {}

  func callAsFunction(_ x: Tensor, in context: LayerContext) -> Tensor {
    if onlyInTraining {
      guard context.mode == .training else { return x }
      return x + sum(context.state("scale", shape: [1]))
    }
    let mean = context.builder.parameter("mean", shape: [])
    context.builder.update(mean, to: 0.9 * mean + 0.1 * sum(x))
    return x + mean
  }
}

/// Normalisation by the batch's mean and variance in training, by running ones in evaluation.
private struct RunningNormalization: Layer {
  static let kind = "running-normalization"
  static let keep = 0.9
  var declaresParameters: Bool { false }
  var settings: Settings { [:] }

  init() {}
  init(settings: Settings) throws { _ = try settings.reader(for: Self.kind, known: []) }

  func callAsFunction(_ x: Tensor, in context: LayerContext) -> Tensor {
    let mean = context.state("mean", shape: [x.shape[1]])
    let variance = context.state("variance", shape: [x.shape[1]], start: 1)
    guard context.mode == .training else { return (x - mean) * rsqrt(variance + 1e-5) }
    let batchMean = Ebb.mean(x, axes: [0])
    let centred = x - batchMean
    let batchVariance = Ebb.mean(centred * centred, axes: [0])
    context.advance(mean, to: Self.keep * mean + (1 - Self.keep) * batchMean)
    context.advance(variance, to: Self.keep * variance + (1 - Self.keep) * batchVariance)
    return centred * rsqrt(batchVariance + 1e-5)
  }
}

/// A table of numbers for classes 0 and 1, one of which is taken by the sign of the first input: a
/// matrix that is no dense weight.
private struct Lookup: Layer {
  static let kind = "lookup"
  var settings: Settings { [:] }
  init() {}
  init(settings: Settings) {}
  func callAsFunction(_ x: Tensor, in context: LayerContext) -> Tensor {
    let table = context.parameter(
      "table", shape: [x.shape[1], 3], initializer: .uniform(low: -1, high: 1), role: .weight)
    return matmul(x, table)
  }
}

@Suite("A layer's own state")
struct LayerStateTests {
  private static let network = Network {
    RunningNormalization()
    Dense(4, activation: .tanh)
    RunningNormalization()
    Dense(1)
  }

  private static func dataset(_ rows: Int = 40) throws -> Dataset {
    var word: UInt64 = 3
    let numbers = (0..<3 * rows).map { _ -> Float in
      word = word &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(word >> 40) / 0x1p24 * 4 - 1
    }
    let features = (0..<rows).map { Array(numbers[3 * $0..<3 * $0 + 3]) }
    return try Dataset(features: features, values: features.map { [$0[0] * $0[1] - $0[2]] })
  }

  private static func trainer(threads: Int = 1) throws -> Trainer {
    try Trainer(
      network, loss: .squaredError, optimizer: .adam(learningRate: 0.01), inputs: 3,
      options: TrainingOptions(seed: 5, threads: threads))
  }

  private static func steps(_ trainer: Trainer, _ epochs: ClosedRange<Int>) throws {
    for epoch in epochs {
      for batch in try trainer.batches(of: 7, from: dataset(), epoch: epoch) {
        try trainer.step(batch)
      }
    }
  }

  /// A model's file, byte for byte.
  private static func bytes(_ model: Model) throws -> Data {
    let path = NSTemporaryDirectory() + "state-\(UUID().uuidString).ebb"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try model.write(to: path)
    return try Data(contentsOf: URL(filePath: path))
  }

  @Test("is refused with the layer's name where it is not declared, or not in both modes")
  func refused() throws {
    for layer in [Undeclared(), Undeclared(onlyInTraining: true)] {
      let network = Network([layer, Dense(1)])
      let error = #expect(throws: TraceError.self) {
        try Trainer(network, loss: .squaredError, optimizer: .sgd(), inputs: 2)
      }
      #expect(error?.scope == "smooth")
      #expect(error?.message.contains("would not be saved") == true)
    }
    let builder = GraphBuilder()
    let context = LayerContext(builder, mode: .training)
    let weight = context.parameter("w", shape: [2], initializer: .zeros, role: .weight)
    context.advance(weight, to: weight)
    #expect(throws: TraceError.self) { try builder.finish(outputs: []) }
  }

  @Test("follows what the layer says, step by step")
  func running() throws {
    let (trainer, dataset) = (try Self.trainer(), try Self.dataset())
    var (mean, variance) = ([Double](repeating: 0, count: 3), [Double](repeating: 1, count: 3))
    for batch in try trainer.batches(of: 7, from: dataset, epoch: 1) {
      try trainer.step(batch)
      let rows = batch.rows.map { row in
        (0..<3).map { Double(dataset.features[3 * Int(row) + $0]) }
      }
      for column in 0..<3 {
        let values = rows.map { $0[column] }
        let middle = values.reduce(0, +) / Double(values.count)
        let square = values.reduce(0) { $0 + ($1 - middle) * ($1 - middle) } / Double(values.count)
        mean[column] = 0.9 * mean[column] + 0.1 * middle
        variance[column] = 0.9 * variance[column] + 0.1 * square
      }
    }
    let model = try trainer.model
    #expect(
      model.states.map(\.name) == [
        "running-normalization1.mean", "running-normalization1.variance",
        "running-normalization2.mean", "running-normalization2.variance",
      ])
    for column in 0..<3 {
      #expect((Double(model.states[0].values[column]) - mean[column]).magnitude < 1e-6)
      #expect((Double(model.states[1].values[column]) - variance[column]).magnitude < 1e-6)
    }
    #expect(model.states[3].values.elements.allSatisfy { $0 > 0 && $0 != 1 })
  }

  @Test("is the same for any number of threads, and evaluation reads it")
  func threads() throws {
    var found: Set<Data> = []
    for threads in 1...3 {
      let trainer = try Self.trainer(threads: threads)
      try Self.steps(trainer, 1...3)
      found.insert(try Self.bytes(try trainer.model))
    }
    #expect(found.count == 1)
    let trainer = try Self.trainer()
    try Self.steps(trainer, 1...3)
    let (model, dataset) = (try trainer.model, try Self.dataset())
    let predicted = try trainer.predict(dataset).values
    #expect(try model.predictor().predict(dataset).values == predicted)
    // Each row alone: no row's answer depends on the others.
    for row in 0..<5 {
      #expect(try model.predictor().predict(dataset.rows([row])).values == [predicted[row]])
    }
    var other = model
    other.states[0].values = other.states[0].values.map { $0 + 1 }
    #expect(try other.predictor().predict(dataset).values != predicted)
  }

  @Test("is in files, and going on from a checkpoint comes to the same bytes")
  func files() throws {
    let whole = try Self.trainer()
    try Self.steps(whole, 1...4)
    let half = try Self.trainer()
    try Self.steps(half, 1...2)
    let path = NSTemporaryDirectory() + "state-\(UUID().uuidString).ebb"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try half.checkpoint(progress: .null).write(to: path)
    let own: [any Layer.Type] = [RunningNormalization.self]
    let resumed = try Self.trainer()
    try resumed.restore(Checkpoint(contentsOf: path, ownLayers: own))
    try Self.steps(resumed, 3...4)
    #expect(try Self.bytes(try resumed.model) == Self.bytes(try whole.model))

    let saved = try whole.model
    try saved.write(to: path, ifExists: .replace)
    let read = try Model(contentsOf: path, ownLayers: own)
    #expect(read.states == saved.states && read.parameters == saved.parameters)
    #expect(try read.graphInputs()["running-normalization1.mean"] != nil)
    let summary = try saved.network.summary(inputs: 3)
    #expect(summary.map(\.stateCount) == [6, 0, 8, 0])
    #expect(saved.parameterCount == 3 * 4 + 4 + 4 + 1)
    #expect(try saved.network.table(inputs: 3).contains("kept beside them"))
  }

  @Test("the best model of fit has the state of its epoch, and a divergence is done again with it")
  func fitting() throws {
    let dataset = try Self.dataset()
    let trainer = try Self.trainer()
    var losses: [Double] = []
    let best = try trainer.fit(
      dataset, validation: dataset.rows(Array(0..<10)),
      options: FitOptions(epochs: 6, batchSize: 7, patience: nil)
    ) { losses.append($0.validation?.loss ?? .nan) }
    let loss = try best.predictor().evaluate(dataset.rows(Array(0..<10))).loss
    #expect(loss == losses.min())
    let wild = try Trainer(
      Self.network, loss: .squaredError, optimizer: .sgd(learningRate: 1e30), inputs: 3)
    let error = #expect(throws: TrainingDiverged.self) { try Self.steps(wild, 1...5) }
    #expect(error?.operation.isEmpty == false)
  }

  @Test("gradients are checked, wiggled and explained with the state as it is")
  func gradients() throws {
    let trainer = try Self.trainer()
    try Self.steps(trainer, 1...3)
    let (model, dataset) = (try trainer.model, try Self.dataset())
    let batch = try Batch(dataset, rows: Array(0..<8))
    let check = try model.check(on: batch)
    guard case .agrees = check.verdict else {
      Issue.record("\(check)")
      return
    }
    let gradients = try model.gradients(on: batch)
    let single = try model.gradientsInSinglePrecision(on: batch)
    #expect(gradients["hidden1.weight"]?.shape == [4, 3] && single.loss.isFinite)
    #expect(
      (gradients.loss - (try model.predictor().evaluate(dataset.rows(Array(0..<8))).loss)).magnitude
        < 1e-5)
    #expect(gradients["running-normalization1.mean"] == nil)
  }

  @Test("a matrix lies in files as it was declared, unless the layer says that it is transposed")
  func layout() throws {
    let network = Network {
      Lookup()
      Dense(2)
    }
    let model = try Trainer(network, loss: .squaredError, optimizer: .sgd(), inputs: 5).model
    #expect(model["hidden1.table"]?.shape == [5, 3])
    #expect(model["output.weight"]?.shape == [2, 3])
    let specifications = try network.parameters(inputs: 5)
    #expect(specifications.map(\.layout) == [.asDeclared, .transposed, .asDeclared])
    #expect(
      model["hidden1.table"]?.elements == specifications[0].values(seed: 0, index: 0))
  }
}
