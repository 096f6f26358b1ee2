import Ebb
import EbbGraph
import TestSupport
import Testing

/// A layer of a user's own: a factor for each feature.
private struct Scale: Layer {
  static let kind = "scale"
  var settings: Settings { [:] }
  init() {}
  init(settings: Settings) throws { _ = try settings.reader(for: Self.kind, known: []) }

  func callAsFunction(_ x: Tensor, in context: LayerContext) -> Tensor {
    x
      * context.parameter(
        "weight", shape: [x.shape[-1]], initializer: .constant(1), role: .weight)
  }
}

/// One hidden layer and three outputs on `threeClasses`.
private func trainer(
  _ hidden: [any Layer], options: TrainingOptions = .init(seed: 5),
  optimizer: any Optimizer = .adam(learningRate: 0.02)
) throws -> Trainer {
  try Trainer(
    Network(hidden + [Dense(3)]), loss: .softmaxCrossEntropy, optimizer: optimizer, inputs: 6,
    options: options)
}

private func norm(_ values: [Float]) -> Double {
  values.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
}

/// The histogram by its definition.
private func counted(_ values: [Float]) -> Histogram? {
  guard let lowest = values.min(), let highest = values.max() else { return nil }
  let (low, high) = (Double(lowest), Double(highest))
  guard low < high else { return Histogram(lowest: low, highest: high, counts: [values.count]) }
  var counts = [Int](repeating: 0, count: TrainingRecorder.intervals)
  let scale = Double(TrainingRecorder.intervals) / (high - low)
  for value in values {
    counts[min(Int((Double(value) - low) * scale), counts.count - 1)] += 1
  }
  return Histogram(lowest: low, highest: high, counts: counts)
}

@Suite struct TrainingStatisticsTests {
  @Test("Every number is that of the interpreter's gradients in single precision")
  func gradients() throws {
    let data = try threeClasses(rows: 150)
    for weights in [nil, [0.5, 2, 1]] {
      let trainer = try trainer(
        [
          Dense(13, activation: .relu), Dropout(0.3), Dense(9),
          ActivationLayer(.sigmoid), Dense(7, activation: .leakyReLU),
        ], options: .init(seed: 5, classWeights: weights))
      try trainer.fit(data, options: .init(epochs: 6, batchSize: 16, patience: nil))
      let batch = try Batch(data, rows: (0..<64).map { 2 * $0 + 1 })
      let statistics = try trainer.statistics(on: batch)
      let model = try trainer.model
      let expected = try model.gradientsInSinglePrecision(on: batch, classWeights: weights)
      #expect(statistics.rows == 64)
      #expect(abs(statistics.loss - expected.loss) <= 1e-6 * expected.loss)
      #expect(statistics.layers.map(\.name) == ["hidden1", "hidden2", "hidden3", "output"])
      let outputs = [
        "hidden1": "hidden1.activation", "hidden2": "activation1.activation",
        "hidden3": "hidden3.activation", "output": "output.activation",
      ]
      for layer in statistics.layers {
        let names = ["weight", "bias"].map { "\(layer.name).\($0)" }
        let gradients = try names.map { try #require(expected[$0]).elements }
        let numbers = try names.map { try #require(model[$0]).elements }
        let length = norm(gradients[0] + gradients[1])
        #expect(abs(layer.gradientNorm - length) <= 1e-12 * length)
        let size = norm(numbers[0] + numbers[1])
        #expect(abs(layer.weightNorm - size) <= 1e-12 * size)
        #expect(layer.updateRatio == nil)
        #expect(layer.gradients == counted(gradients[0]))
        #expect(layer.weights == counted(numbers[0]))
        let activation = try #require(outputs[layer.name])
        #expect(layer.activations == counted(try #require(expected.value(activation)).elements))
        #expect(layer.gradients?.counts.reduce(0, +) == gradients[0].count)
      }
      // A relu is flat where its sum is not above 0.
      let sums = try #require(expected.value("hidden1.preactivation"))
      let dead = (0..<13).count { unit in (0..<64).allSatisfy { sums[$0, unit] <= 0 } }
      #expect(statistics.layers[0].dead == Double(dead) / 13)
      #expect(statistics.layers[0].saturated == nil)
      #expect(statistics.layers[1].dead == nil)
      #expect(statistics.layers[1].saturated == 0)
      for layer in statistics.layers[2...] {
        #expect(layer.dead == nil && layer.saturated == nil)
      }
    }
  }

  @Test(
    "Dead and saturated units show",
    arguments: [
      (Activation.relu, -100.0, 1.0, nil), (.relu, 100, 0, nil), (.gelu, -100, 1, nil),
      (.elu, -100, 1, nil), (.softplus, -100, 1, nil), (.silu, -100, 1, nil),
      (.tanh, 20, nil, 1), (.sigmoid, -20, nil, 1), (.tanh, 0, nil, 0),
      (.leakyReLU, -100, nil, nil), (.identity, 100, nil, nil),
    ] as [(Activation, Double, Double?, Double?)])
  func flat(_ activation: Activation, _ bias: Double, _ dead: Double?, _ saturated: Double?) throws
  {
    let data = try threeClasses()
    let batch = try Batch(data, rows: Array(0..<40))
    let inside = Dense(8, activation: activation, biases: .constant(bias))
    let apart: [any Layer] = [Dense(8, biases: .constant(bias)), ActivationLayer(activation)]
    for hidden in [[inside], apart] {
      let layer = try trainer(hidden).statistics(on: batch).layers[0]
      #expect(layer.dead == dead)
      #expect(layer.saturated == saturated)
      if dead == 1 && activation == .relu {
        #expect(layer.gradientNorm == 0)
        #expect(layer.gradients == Histogram(lowest: 0, highest: 0, counts: [48]))
        #expect(layer.activations == Histogram(lowest: 0, highest: 0, counts: [320]))
      }
    }
  }

  @Test("A layer of a user's own has its weights and gradients, and functions after it count")
  func ownLayer() throws {
    let batch = try Batch(try threeClasses(), rows: Array(0..<40))
    let plain = try trainer([Scale(), Dense(4)]).statistics(on: batch).layers[0]
    #expect(plain.name == "hidden1")
    #expect(plain.gradientNorm > 0)
    #expect(plain.weights == Histogram(lowest: 1, highest: 1, counts: [6]))
    #expect(plain.gradients?.counts.reduce(0, +) == 6)
    #expect(plain.activations?.counts.reduce(0, +) == 240)
    #expect(plain.dead == nil && plain.saturated == nil)
    // All features are positive.
    let followed = try trainer([Scale(), ActivationLayer(.relu), Dense(4)])
    #expect(try followed.statistics(on: batch).layers[0].dead == 0)
  }

  @Test("Recording changes no bit of training, and says which epochs it saw")
  func bits() throws {
    let data = try threeClasses()
    func train(recording: Bool) throws -> (model: Model, recorded: [Int]) {
      let trainer = try trainer([Dense(12, activation: .relu), Dropout(0.5)])
      var recorded: [Int] = []
      let model = try trainer.fit(
        data, options: .init(epochs: 40, batchSize: 16, patience: nil), recording: recording
      ) { if $0.statistics != nil { recorded.append($0.epoch) } }
      return (model, recorded)
    }
    let (with, without) = (try train(recording: true), try train(recording: false))
    for (left, right) in zip(with.model.parameters, without.model.parameters) {
      #expect(left == right)
    }
    #expect(without.recorded == [])
    #expect(with.recorded == Array(1...16) + [18, 20, 22, 24, 26, 28, 30, 32, 36, 40])
  }

  @Test("Eight epochs are recorded up to each power of two, so that long runs stay small")
  func epochs() {
    #expect((1...16).allSatisfy { TrainingRecorder.records(epoch: $0) })
    for power in 4..<20 {
      let recorded = ((1 << power) + 1...(2 << power)).count { TrainingRecorder.records(epoch: $0) }
      #expect(recorded == 8)
    }
    #expect((1...100).count { TrainingRecorder.records(epoch: $0) } == 36)
    #expect(TrainingRecorder.records(epoch: 1 << 40))
    #expect(!TrainingRecorder.records(epoch: .max))
  }

  @Test("The update ratio is that of the epoch's last step", arguments: [101, 32])
  func updateRatio(batchSize: Int) throws {
    let data = try threeClasses()
    let trainer = try trainer([Dense(12, activation: .relu)], optimizer: .sgd(learningRate: 0.5))
    var ratios: [Double?] = []
    try trainer.fit(
      data, options: .init(epochs: 1, batchSize: batchSize, patience: nil), recording: true
    ) { ratios = $0.statistics?.layers.map(\.updateRatio) ?? [] }
    let twin = try self.twin(batchSize)
    let batches = try twin.batches(of: batchSize, from: data, epoch: 1)
    for batch in batches.dropLast() { try twin.step(batch) }
    let before = try twin.model
    try twin.step(try #require(batches.last))
    let after = try twin.model
    for (layer, ratio) in zip(["hidden1", "output"], ratios) {
      let numbers = try ["weight", "bias"].map { name in
        let old = try #require(before["\(layer).\(name)"]).elements
        let new = try #require(after["\(layer).\(name)"]).elements
        return (old: old, moved: zip(old, new).map { Double($1) - Double($0) })
      }
      let moved = numbers.flatMap(\.moved).reduce(0) { $0 + $1 * $1 }.squareRoot()
      let expected = moved / norm(numbers.flatMap(\.old))
      #expect(expected > 1e-4)
      #expect(abs(try #require(ratio) - expected) <= 1e-12 * expected)
    }
    #expect(ratios.count == 2)
  }

  private func twin(_ batchSize: Int) throws -> Trainer {
    try trainer([Dense(12, activation: .relu)], optimizer: .sgd(learningRate: 0.5))
  }

  @Test("Numbers that are not finite are left out of histograms; norms are nan")
  func notFinite() throws {
    let data = try Dataset(features: [[1, 2], [3, -4]], values: [[1], [2]])
    let trainer = try Trainer(
      Network([Dense(2, weights: .constant(1e25)), Dense(1, weights: .constant(1e25))]),
      loss: .squaredError, optimizer: .sgd(learningRate: 1), inputs: 2)
    let statistics = try trainer.statistics(on: try Batch(data, rows: [0, 1]))
    #expect(statistics.loss.isInfinite || statistics.loss.isNaN)
    let layer = statistics.layers[0]
    #expect(layer.gradientNorm.isNaN)
    #expect(layer.gradients == nil)
    #expect(layer.weightNorm.isFinite)
    #expect(layer.weights?.counts == [4])
    #expect(layer.activations?.counts.reduce(0, +) == 4)
    #expect("\(statistics)".contains("hidden1: gradient nan, parameters 2.00e+25"))
  }

  @Test("A wrong batch is refused")
  func refused() throws {
    let other = try Dataset(features: [[1, 2], [3, -4]], values: [[1], [2]])
    let trainer = try trainer([Dense(4)])
    #expect(throws: ModelError.self) {
      try trainer.statistics(on: try Batch(other, rows: [0, 1]))
    }
  }
}
