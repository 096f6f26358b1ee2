import Ebb
import EbbGraph
import TestSupport
import Testing

@Suite struct BatchNumbersTests {
  /// Rows of three features and a label, from a formula.
  static func example(rows: Range<Int>) -> (x: NDArray<Double>, y: NDArray<Int32>) {
    let places = (3 * rows.lowerBound)..<(3 * rows.upperBound)
    let values = places.map { Double((379 * $0 + 57) % 997) / 498.5 - 1 }
    let labels = rows.map { row -> Int32 in Int32((row * row + row / 5) % 3) }
    return (NDArray(values, shape: [rows.count, 3]), NDArray(labels))
  }

  /// Total, count, mean and the gradients of total and mean by all parameters, for some rows.
  static func results(_ network: Network, rows: Range<Int>) throws -> [String: [Double]] {
    let builder = GraphBuilder()
    let context = LayerContext(builder, mode: .training)
    let x = builder.input("x", shape: [rows.count, 3])
    let y = builder.input("y", shape: [rows.count], type: .index)
    let loss = Loss.softmaxCrossEntropy.joined(
      outputs: network(x, in: context), targets: y, classWeights: [0.5, 1, 1.75])
    let parameters = context.parameters.map {
      builder.parameter($0.name, shape: $0.shape, shared: true)
    }
    let names = context.parameters.map(\.name)
    let totals = zip(names.map { "total by \($0)" }, gradients(of: loss.total, with: parameters))
    let means = zip(names.map { "mean by \($0)" }, gradients(of: loss.mean, with: parameters))
    let outputs =
      [("total", loss.total), ("count", loss.count), ("mean", loss.mean)]
      + Array(totals) + Array(means)
    let graph = try builder.finish(outputs: outputs.map { .init(name: $0.0, id: $0.1.id) })
    let (features, labels) = example(rows: rows)
    var inputs = ["x": features]
    for (index, specification) in context.parameters.enumerated() {
      let values = specification.values(seed: 3, index: index).map(Double.init)
      inputs[specification.name] = NDArray(values, shape: specification.shape)
    }
    return try evaluate(graph, inputs, indices: ["y": labels]).mapValues(\.elements)
  }

  static let network = Network {
    Dense(7, activation: .tanh, biases: .uniform(low: -0.5, high: 0.5))
    Dense(3, biases: .uniform(low: -0.5, high: 0.5))
  }

  /// The batches of so many rows, the last one ragged.
  static func batches(of size: Int, rows: Int) -> [Range<Int>] {
    stride(from: 0, to: rows, by: size).map { $0..<min(rows, $0 + size) }
  }

  @Test(
    "Numbers: gradient accumulation: k micro-batches equal one batch, ragged ones too",
    arguments: [1, 4, 10, 34, 101])
  func accumulation(size: Int) throws {
    let whole = try Self.results(Self.network, rows: 0..<101)
    var sums: [String: [Double]] = [:]
    for rows in Self.batches(of: size, rows: 101) {
      for (name, values) in try Self.results(Self.network, rows: rows) {
        sums[name] = zip(sums[name] ?? values.map { _ in 0 }, values).map { $0 + $1 }
      }
    }
    let count = try #require(sums["count"])[0]
    #expect(count == 101)
    let names = whole.keys.filter { $0.hasPrefix("total") }
    #expect(names.count == 5)
    for name in names {
      let sum = try #require(sums[name])
      #expect(difference(sum, try #require(whole[name])) < 1e-12, "\(name)")
      // Divided once, by all rows.
      let mean = try #require(whole[name.replacing("total", with: "mean")])
      #expect(difference(sum.map { $0 / count }, mean) < 1e-12, "\(name), mean")
      // Dividing in each batch and then by the batches is another number when the last is ragged.
      if size == 10 && name != "total" {
        let wrong = try #require(sums[name.replacing("total", with: "mean")]).map { $0 / 11 }
        #expect(difference(wrong, mean) > 1e-6, "\(name)")
      }
    }
  }

  @Test("Numbers: mean over a ragged last batch; epoch mean: 101 rows by tens are one pass")
  func epochMean() throws {
    let (features, labels) = Self.example(rows: 0..<101)
    let data = try Dataset(
      features: features.elements.map(Float.init), featureCount: 3,
      targets: .classes(labels.elements, count: 3))
    func trainer() throws -> Trainer {
      // A learning rate of 0: the same parameters throughout.
      try Trainer(
        Self.network, loss: .softmaxCrossEntropy, optimizer: .sgd(learningRate: 0), inputs: 3,
        options: .init(seed: 4, classWeights: [0.5, 1, 1.75]))
    }
    let one = try trainer()
    let whole = try one.evaluate(data).loss
    #expect(abs(try one.step(Batch(data, rows: Array(0..<101))) - whole) < 1e-12)
    for size in [1, 10, 32, 100, 101] {
      var reported: [Double] = []
      let trainer = try trainer()
      try trainer.fit(data, options: .init(epochs: 1, batchSize: size, patience: nil)) {
        reported.append($0.trainingLoss)
      }
      #expect(reported.count == 1 && abs(reported[0] - whole) < 1e-12, "batches of \(size)")
    }
  }

  @Test("Numbers: an empty batch, one row, a batch larger than the data")
  func sizes() throws {
    let data = try Dataset(features: [[1, 2], [3, 4], [5, 6]], values: [[1], [2], [3]])
    #expect { _ = try Batch(data, rows: []) } throws: { "\($0)".contains("at least one row") }
    #expect { _ = try data.batches(of: 0, epoch: 1) } throws: {
      "\($0)".contains("at least 1, got 0")
    }
    #expect(try data.batches(of: 1000, epoch: 1).map(\.count) == [3])
    let none = try Dataset(features: [], featureCount: 2, targets: .values([], outputs: 1))
    #expect(try none.batches(of: 8, epoch: 1).isEmpty)
    func trainer() throws -> Trainer {
      try Trainer(
        Network { Dense(1) }, loss: .squaredError, optimizer: .sgd(learningRate: 0.01), inputs: 2)
    }
    #expect { try trainer().fit(none) } throws: { "\($0)".contains("no rows to train on") }
    #expect { _ = try trainer().evaluate(none) } throws: { "\($0)".contains("no rows to evaluate") }
    // One row is a batch like others: its mean is its own loss.
    let one = try trainer()
    let single = try Dataset(features: [[3, 4]], values: [[2]])
    let before = try one.evaluate(single).loss
    #expect(try one.step(Batch(data, rows: [1])) == before)
    // A batch larger than the data is the data.
    let (large, whole) = (try trainer(), try trainer())
    let sizes: [(Trainer, Int?)] = [(large, 1000), (whole, nil)]
    for (trainer, size) in sizes {
      try trainer.fit(data, options: .init(epochs: 3, batchSize: size, patience: nil))
    }
    #expect(try large.model.parameters == whole.model.parameters)
    #expect(large.stepCount == 3)
  }
}
