import Ebb
import Foundation
import TestSupport
import Testing

/// M19's running example: the notes' sample network, two sigmoid hidden layers, softmax over two
/// outputs, cross-entropy; class 1 is right. The numbers were computed by hand in another language.
@Suite struct NotesSampleNetworkTests {
  static func model() throws -> Model {
    let network = Network {
      Dense(3, activation: .sigmoid)
      Dense(2, activation: .sigmoid)
      Dense(2)
    }
    let values: [NDArray<Float>] = [
      [[0.5, -0.25], [0.75, 1], [-1, 0.125]], [0.25, -0.5, 0],
      [[1, -0.5, 0.25], [-0.75, 0.5, 1.5]], [0.125, -0.25],
      [[1.5, -1], [-0.5, 0.75]], [0, 0.25],
    ]
    return try Model(
      network: network, inputCount: 2, loss: .softmaxCrossEntropy, schema: nil,
      record: TrainingRecord(optimizer: "none", seed: 0, batchSize: 1, epochs: 0, steps: 0),
      parameters: zip(try network.parameters(inputs: 2), values).map {
        Model.Parameter(name: $0.name, role: $0.role, values: $1)
      })
  }

  static let steps: KeyValuePairs<String, [Double]> = [
    "a1": [0.75, -1.125, -0.625],
    "h1": [0.679178699175393, 0.24508501313237172, 0.34864513533394575],
    "a2": [0.7687974764426936, -0.1138738148144402],
    "h2": [0.6832607063533879, 0.4715622695768626],
    "a3": [0.5533287899532191, 0.262041349005953],
    "prediction": [0.5723112905356348, 0.42768870946436527],
    "loss": [0.5580722214100572],
    "da3": [-0.4276887094643652, 0.42768870946436527],
    "dW3": [
      -0.29222288972799104, -0.20168185850741546, 0.2922228897279911, 0.2016818585074155,
    ],
    "db3": [-0.4276887094643652, 0.42768870946436527],
    "dh2": [-0.8553774189287304, 0.7484552415626391],
    "da2": [-0.18511694335963141, 0.18650853126006314],
    "dW2": [
      -0.12572748478631937, -0.045369388494319776, -0.06454012177022507, 0.1266726216463228,
      0.04571044583317194, 0.06502529212210016,
    ],
    "db2": [-0.18511694335963141, 0.18650853126006314],
    "dh1": [-0.3249983418046788, 0.18581273730984726, 0.23348356105018686],
    "da1": [-0.07081551166013038, 0.03437876596762208, 0.053022179954797896],
    "dW1": [
      -0.03540775583006519, 0.07081551166013038, 0.01718938298381104, -0.03437876596762208,
      0.026511089977398948, -0.053022179954797896,
    ],
    "db1": [-0.07081551166013038, 0.03437876596762208, 0.053022179954797896],
    "dh0": [-0.06264586130914652, 0.05871041637700441],
  ]

  @Test("M19 the sample network, numbers at every step: engine and loop")
  func numbersAtEveryStep() throws {
    let model = try Self.model()
    let traced = try TracedSubject(
      model.network, inputs: 2, rows: 1, loss: .softmaxCrossEntropy)
    var values: [(String, Tensor)] = [("loss", traced.rowLosses)]
    values.append(("prediction", softmax(traced.outputs)))
    let slopes = gradients(
      of: sum(traced.rowLosses), with: traced.weights + traced.biases + traced.h + traced.a)
    for k in 1...3 {
      values.append(("a\(k)", traced.a[k - 1]))
      if k < 3 { values.append(("h\(k)", traced.h[k])) }
      values.append(("dW\(k)", slopes[k - 1].transposed()))
      values.append(("db\(k)", slopes[k + 2]))
      values.append(("dh\(k - 1)", slopes[k + 5]))
      values.append(("da\(k)", slopes[k + 8]))
    }
    var inputs = model.numbers
    inputs["features"] = [[0.5, -1]]
    let found = try evaluate(try traced.graph(values), inputs, indices: ["targets": [0]])
    #expect(found.count == Self.steps.count)

    let loop = try LayerwiseLoop(model)
    let forward = loop.forward([0.5, -1])
    let backward = loop.gradients([0.5, -1], label: 0)
    var byLoop = [
      "prediction": LayerwiseLoop.softmax(forward.a[2]), "loss": [loop.loss([0.5, -1], label: 0)],
    ]
    for k in 1...3 {
      byLoop["a\(k)"] = forward.a[k - 1]
      byLoop["h\(k)"] = forward.h[k]
      byLoop["dW\(k)"] = backward.weights[k - 1].flatMap { $0 }
      byLoop["db\(k)"] = backward.biases[k - 1]
      byLoop["dh\(k - 1)"] = backward.h[k - 1]
      byLoop["da\(k)"] = backward.a[k - 1]
    }
    for (name, numbers) in Self.steps {
      #expect(deviation(try #require(found[name]).elements, numbers) < 1e-14, "engine, \(name)")
      #expect(deviation(try #require(byLoop[name]), numbers) < 1e-14, "loop, \(name)")
    }
    let data = try Dataset(features: [[0.5, -1]], labels: [0], classCount: 2)
    let predicted = try model.predictor().predict(data).values.map { Double($0) }
    #expect(deviation(predicted, [0.5723112905356348, 0.42768870946436527]) < 1e-6)
  }

  @Test("M19 W and b start at random, by the seed")
  func randomStart() throws {
    func start(_ seed: UInt64) throws -> [Model.Parameter] {
      try Trainer(
        Network {
          Dense(9, activation: .sigmoid, biases: .normal(mean: 0, standardDeviation: 0.1))
          Dense(4, biases: .uniform(low: -1, high: 1))
        }, loss: .softmaxCrossEntropy, optimizer: .sgd(), inputs: 6,
        options: TrainingOptions(seed: seed)
      ).model.parameters
    }
    let first = try start(1)
    #expect(try start(1) == first)
    for (mine, other) in zip(first, try start(2)) {
      #expect(mine.name == other.name && mine.values != other.values)
      #expect(Set(mine.values.elements).count == mine.values.count)
    }
  }

  /// A network of a million weights: mean 0 within five standard errors, and the scheme's variance
  /// within 1 %, which is seven standard errors of a normal sample's.
  @Test(
    "M28 W and b start at random: moments and range over a million draws",
    arguments: [
      Initializer.glorotUniform, .glorotNormal, .heUniform, .heNormal, .leCunUniform,
      .leCunNormal, .uniform(low: -0.3, high: 0.5), .normal(mean: 0.2, standardDeviation: 0.7),
    ])
  func moments(_ initializer: Initializer) throws {
    let (inputs, units) = (800, 1250)
    let model = try Trainer(
      Network { Dense(units, weights: initializer, biases: initializer) }, loss: .squaredError,
      optimizer: .sgd(), inputs: inputs, options: TrainingOptions(seed: 28)
    ).model
    let fanSum = Double(inputs + units)
    let (mean, variance, limit): (Double, Double, Double?) =
      switch initializer {
      case .glorotUniform: (0, 2 / fanSum, (6 / fanSum).squareRoot())
      case .glorotNormal: (0, 2 / fanSum, nil)
      case .heUniform: (0, 2 / Double(inputs), (6 / Double(inputs)).squareRoot())
      case .heNormal: (0, 2 / Double(inputs), nil)
      case .leCunUniform: (0, 1 / Double(inputs), (3 / Double(inputs)).squareRoot())
      case .leCunNormal: (0, 1 / Double(inputs), nil)
      case .uniform(let low, let high):
        ((low + high) / 2, (high - low) * (high - low) / 12, (high - low) / 2)
      case .normal(let mean, let deviation): (mean, deviation * deviation, nil)
      case .zeros, .constant: (0, 0, 0)
      }
    for (name, count) in [("output.weight", 1_000_000), ("output.bias", units)] {
      let values = try #require(model[name]).elements.map { Double($0) }
      #expect(values.count == count)
      let found = values.reduce(0, +) / Double(count)
      let spread = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count)
      #expect(abs(found - mean) < 5 * (variance / Double(count)).squareRoot(), "\(name)")
      let tolerance = max(0.01, 5 * (2 / Double(count)).squareRoot())
      #expect(abs(spread / variance - 1) < tolerance, "\(name): \(spread), not \(variance)")
      if let limit {
        let furthest = values.map { abs($0 - mean) }.max() ?? 0
        #expect(furthest <= limit * (1 + 1e-6) && furthest > 0.99 * limit, "\(name)")
      }
    }
  }
}
