import Ebb
import TestSupport
import Testing

/// Layers that declare parameters in every way that per-example gradients are read off, and in ways that
/// they cannot be.
private struct Own: Layer {
  enum Form: String, CaseIterable {
    /// Multiplies each feature: read off as rows.
    case scale
    /// x W, then back through Wᵀ: one weight, two uses.
    case tied
    /// x W twice in a row.
    case twice
    /// A weight divided by its norm: the parameter is not used as it is.
    case normalized
    /// The rows' mean is taken off: rows are mixed.
    case centered
    /// One number for all.
    case scalar
    /// A bias added twice, behind different slopes.
    case biasTwice
    /// A custom operation whose value is an expression.
    case expression
    /// A custom operation on numbers, which cannot be looked into.
    case numbers
  }
  static let kind = "own"
  let form: Form
  init(_ form: Form) { self.form = form }
  init(settings: Settings) throws { self.init(.scale) }
  var settings: Settings { [:] }

  private static let cube = CustomOperation(
    "cube", value: { x in x[0] * x[0] * x[0] },
    derivative: { at, dy, _ in dy * 3 * at.x[0] * at.x[0] })
  private static let cubeOnNumbers = CustomOperation(
    "cubeOnNumbers", shape: { $0[0] }, float: { $0[0].map { $0 * $0 * $0 } },
    double: { $0[0].map { $0 * $0 * $0 } }, derivative: { at, dy, _ in dy * 3 * at.x[0] * at.x[0] })

  func callAsFunction(_ x: Tensor, in context: LayerContext) -> Tensor {
    let width = x.shape[1]
    func weight(_ shape: Shape) -> Tensor {
      context.parameter(
        "weight", shape: shape, initializer: .uniform(low: -0.7, high: 0.7), role: .weight)
    }
    switch form {
    case .scale: return x * weight([width])
    case .tied:
      let w = weight([width, 5])
      return matmul(tanh(matmul(x, w)), w.transposed())
    case .twice:
      let w = weight([width, width])
      return matmul(sin(matmul(x, w)), w)
    case .normalized:
      let w = weight([width, 5])
      return matmul(x, w / (1 + sum(w * w)))
    case .centered:
      let h = matmul(x, weight([width, 5]))
      return h - mean(h, axes: [0])
    case .scalar: return x * weight([])
    case .biasTwice:
      let bias = context.parameter(
        "bias", shape: [width], initializer: .uniform(low: -0.7, high: 0.7), role: .bias)
      return tanh(x + bias) * 3 + bias
    case .expression: return Self.cube(x * weight([width]))
    case .numbers: return Self.cubeOnNumbers(x * weight([width]))
    }
  }
}

@Suite struct PerExampleTests {
  private static func model(
    _ middle: [any Layer], loss: Loss = .softmaxCrossEntropy, outputs: Int = 3
  ) throws -> Model {
    let layers: [any Layer] =
      [Dense(8, activation: .tanh, biases: .uniform(low: -0.3, high: 0.3))] + middle + [
        Dense(outputs)
      ]
    return try Trainer(
      Network(layers), loss: loss, optimizer: .sgd(), inputs: 6,
      options: TrainingOptions(seed: 9)
    ).model
  }

  private static func norm(_ array: NDArray<Double>) -> Double {
    array.elements.reduce(0) { $0 + $1 * $1 }.squareRoot()
  }

  /// Everything beside the batch-of-one, which shares no reading with it.
  private static func check(
    _ model: Model, _ batch: Batch, classWeights: [Double]? = nil, _ what: String
  ) throws {
    let examples = try model.perExampleGradients(on: batch, classWeights: classWeights)
    let exact = try model.perExampleGradientNorms(
      on: batch, classWeights: classWeights, precision: .double)
    let fast = try model.perExampleGradientNorms(on: batch, classWeights: classWeights)
    #expect(examples.count == batch.count && exact.total.count == batch.count)
    for (place, row) in batch.rows.enumerated() {
      let alone = try model.gradients(
        on: Batch(batch.dataset, rows: [Int(row)]), classWeights: classWeights)
      #expect(examples[place].row == Int(row))
      #expect(difference([exact.losses[place]], [alone.rowLosses[0]]) < 1e-13, "\(what)")
      #expect(difference([examples[place].loss], [alone.rowLosses[0]]) < 1e-13, "\(what)")
      #expect(difference([fast.losses[place]], [alone.rowLosses[0]]) < 1e-5, "\(what)")
      var total = 0.0
      for name in alone.parameterNames + alone.valueNames {
        let found = try #require(examples[place][name], "\(what), \(name)")
        let expected = try #require(alone[name])
        #expect(difference(found.elements, expected.elements) < 1e-13, "\(what), \(name)")
        guard alone.parameterNames.contains(name) else {
          #expect(
            examples[place].value(name)?.elements == alone.value(name)?.elements
              || difference(
                examples[place].value(name)?.elements ?? [], alone.value(name)?.elements ?? [1])
                < 1e-13,
            "\(what), \(name)")
          continue
        }
        #expect(found.shape == expected.shape, "\(what), \(name)")
        let length = norm(expected)
        total += length * length
        let norms = (try #require(exact[name])[place], try #require(fast[name])[place])
        #expect(difference([norms.0], [length]) < 1e-12, "\(what), \(name), row \(row)")
        #expect(difference([norms.1], [length]) < 2e-5, "\(what), \(name), row \(row)")
      }
      #expect(difference([exact.total[place]], [total.squareRoot()]) < 1e-12, "\(what)")
      #expect(difference([fast.total[place]], [total.squareRoot()]) < 2e-5, "\(what)")
    }
  }

  @Test(
    "Gradients and norms equal the batch-of-one's, with any layer in between",
    arguments: ["", "dropout", "activation", "nine"] + Own.Form.allCases.map(\.rawValue))
  func layers(_ middle: String) throws {
    let data = try threeClasses()
    let layers: [any Layer]
    switch middle {
    case "": layers = []
    case "dropout": layers = [Dropout(0.4), Dense(7, activation: .gelu)]
    case "activation": layers = [ActivationLayer(.softplus), Dense(7, hasBias: false)]
    case "nine": layers = Activation.allCases.map { Dense(8, activation: $0) }
    default: layers = [Own(try #require(Own.Form(rawValue: middle)))]
    }
    let batch = try Batch(data, rows: [3, 50, 100, 7, 8, 9, 21])
    try Self.check(try Self.model(layers), batch, middle)
    try Self.check(try Self.model(layers), batch, classWeights: [0.5, 2, 7], "weighted \(middle)")
  }

  @Test("One row, rows that come twice, and more rows than are computed at a time")
  func counts() throws {
    let data = try threeClasses(rows: 300)
    let model = try Self.model([Own(.tied)])
    for rows in [[5], [5, 5], Array(0..<255), Array(0..<256), Array(0..<257), Array(0..<300)] {
      try Self.check(model, try Batch(data, rows: rows), "\(rows.count) rows")
    }
    try Self.check(try Self.model([Own(.centered)]), try Batch(data, rows: [1]), "centered")
  }

  @Test("Losses of numbers, and of yes or no")
  func losses() throws {
    let features = (0..<20).map { row in uniform(6, seed: UInt64(row)).map { Float($0) } }
    let values = (0..<20).map { [Float($0 % 3), Float($0 % 5) / 2] }
    let numbers = try Dataset(features: features, values: values)
    for loss in [Loss.squaredError, .absoluteError, .huber(delta: 0.7)] {
      try Self.check(
        try Self.model([], loss: loss, outputs: 2), try Batch(numbers, rows: Array(0..<20)),
        loss.spelling)
    }
    let binary = try Dataset(
      features: features, labels: (0..<20).map { $0 % 2 }, classCount: 2)
    try Self.check(
      try Self.model([], loss: .binaryCrossEntropy, outputs: 1),
      try Batch(binary, rows: Array(0..<20)), "binary")
  }

  @Test("Through the predictions there is a gradient by ŷ, and the others stay")
  func throughPredictions() throws {
    let batch = try Batch(try threeClasses(), rows: [4, 2, 60])
    let model = try Self.model([])
    let plain = try model.perExampleGradients(on: batch)
    let through = try model.perExampleGradients(on: batch, throughPredictions: true)
    for (a, b) in zip(plain, through) {
      #expect(a["predictions"]?.elements == [0, 0, 0])
      #expect(b["predictions"]?.elements.filter { $0 < -1 }.count == 1)
      for name in plain.parameterNames {
        #expect(difference(try #require(b[name]).elements, try #require(a[name]).elements) < 1e-13)
      }
    }
  }

  @Test("No bit depends on threads; what does not fit is a typed error")
  func threadsAndFaults() throws {
    let data = try threeClasses(rows: 300)
    let model = try Self.model([Dense(70, activation: .relu)])
    let batch = try Batch(data, rows: Array(0..<300))
    let one = try model.perExampleGradientNorms(on: batch)
    let three = try model.perExampleGradientNorms(on: batch, threads: 3)
    #expect(one.total == three.total && one.losses == three.losses)
    #expect(throws: ModelError.self) {
      try model.perExampleGradientNorms(on: batch, classWeights: [1, 2])
    }
    let narrow = try Batch(try threeClasses(features: 5), rows: [0])
    #expect(throws: ModelError.self) { try model.perExampleGradientNorms(on: narrow) }
    #expect(throws: ModelError.self) { try model.perExampleGradients(on: narrow) }
    #expect(try model.perExampleGradients(on: batch)[0]["hiden1.weight"] == nil)
  }
}
