import Ebb
import EbbSystem
import TestSupport
import Testing

/// M5: each cause is planted, and named with its place; healthy networks have no fault.
@Suite struct NotesDiagnosisTests {
  /// A network trained on an example file, with its training rows.
  static func trained(
    _ name: String, target: String, _ activation: Activation, epochs: Int
  ) throws -> (model: Model, data: Dataset) {
    let data = try exampleData(name, target: target)
    let network = Network {
      Dense(24, activation: activation)
      Dense(16, activation: activation)
      Dense(data.classes.count)
    }
    let trainer = try Trainer(
      network, loss: .softmaxCrossEntropy, optimizer: .adam(learningRate: 0.005), on: data, seed: 7)
    _ = try trainer.fit(data.training, options: FitOptions(epochs: epochs, patience: nil))
    return (try trainer.model, data.training)
  }

  static func finding(
    _ cause: Finding.Cause, _ layer: String, in diagnosis: Diagnosis
  ) throws -> Finding {
    try #require(
      diagnosis.findings.first { $0.cause == cause && $0.layer == layer },
      "no \(cause.rawValue) of \(layer) in:\n\(diagnosis)")
  }

  @Test(
    "M5 healthy networks have no fault: digits with several activations",
    arguments: [Activation.relu, .tanh, .gelu, .sigmoid, .silu])
  func healthyDigits(_ activation: Activation) throws {
    let (model, data) = try Self.trained("digits", target: "digit", activation, epochs: 8)
    let diagnosis = try model.diagnosis(on: data)
    print("M5 digits \(activation.rawValue)\n\(diagnosis)")
    #expect(diagnosis.isHealthy, "\(diagnosis)")
    #expect(diagnosis.rows == data.rowCount)
    try Self.checkNumbers(diagnosis, model, data)
  }

  @Test("M5 healthy networks have no fault: iris, and untrained ones", arguments: [0, 30])
  func healthyIris(_ epochs: Int) throws {
    let (model, data) =
      epochs == 0
      ? try Self.trained("digits", target: "digit", .relu, epochs: 1)
      : try Self.trained("iris", target: "species", .tanh, epochs: epochs)
    let diagnosis = try model.diagnosis(on: data)
    #expect(diagnosis.isHealthy, "\(diagnosis)")
  }

  /// Nobody planted it: training on iris with relu leaves a unit dead, and the gradients confirm it.
  @Test("M5 a dead unit that training made is found where it is")
  func deadByTraining() throws {
    let (model, data) = try Self.trained("iris", target: "species", .relu, epochs: 30)
    let batch = try Batch(data, rows: Array(0..<data.rowCount))
    let slopes = try #require(try model.gradients(on: batch)["hidden2.preactivation"])
    let silent = (0..<16).filter { unit in
      (0..<data.rowCount).allSatisfy { slopes[$0, unit] == 0 }
    }
    let dead = try model.diagnosis(on: batch).findings.filter { $0.layer == "hidden2" }
    #expect(!silent.isEmpty && dead.flatMap(\.places).map(\.index) == silent)
  }

  @Test("M5 the random network of nine activations has no fault")
  func healthyRandom() throws {
    let subject = try NoteSubject.of(.random)
    let diagnosis = try subject.model.diagnosis(on: try subject.batch())
    #expect(diagnosis.isHealthy, "\(diagnosis)")
  }

  /// The counts against the gradients of each row, by backpropagation.
  static func checkNumbers(_ diagnosis: Diagnosis, _ model: Model, _ data: Dataset) throws {
    let rows = 40
    let part = try model.diagnosis(on: try Batch(data, rows: Array(0..<rows)))
    let gradients = try (0..<rows).map { try model.gradients(on: try Batch(data, rows: [$0])) }
    for layer in part.layers {
      var without = 0
      for name in ["\(layer.name).weight", "\(layer.name).bias"] {
        let arrays = try gradients.map { try #require($0[name]).elements }
        without += arrays[0].indices.count { index in arrays.allSatisfy { $0[index] == 0 } }
      }
      #expect(layer.withoutGradient == without, "\(layer.name)")
    }
    // Every weight without gradient has a cause: its input, its neuron, or that the two never meet.
    for (k, layer) in diagnosis.layers.enumerated() {
      let zero = diagnosis.findings.filter { $0.layer == layer.name && $0.cause == .zeroInput }
      let inputs = zero.flatMap(\.places).count
      let units = model[layer.name + ".bias"]?.count ?? 0
      #expect(k > 0 || layer.withoutGradient == inputs * units + layer.neverTogether)
    }
  }

  @Test("M5 a pixel that is always 0 is a note of kind input, not a fault")
  func inputs() throws {
    let subject = try NoteSubject.of(.digits)
    let data = try NoteSubject.digitsData.get().training
    var features = data.features
    for row in 0..<data.rowCount {
      features[row * data.featureCount + 20] = 0
      features[row * data.featureCount + 30] = 1.5
    }
    let changed = try Dataset(
      features: features, featureCount: data.featureCount, targets: data.targets,
      featureNames: data.featureNames)
    let diagnosis = try subject.model.diagnosis(on: changed)
    let zero = try Self.finding(.zeroInput, "hidden1", in: diagnosis)
    #expect(zero.places.contains { $0.index == 20 && $0.name == data.featureNames[20] })
    #expect(zero.severity == .note)
    let constant = try Self.finding(.constantInput, "hidden1", in: diagnosis)
    #expect(constant.places.contains { $0.index == 30 && $0.value == 1.5 })
    #expect(diagnosis.isHealthy, "\(diagnosis)")
  }

  @Test("M5 dead relu units are named: few of them in a note, half of a layer is a fault")
  func dead() throws {
    let (model, data) = try Self.trained("digits", target: "digit", .relu, epochs: 4)
    let bias = try #require(model["hidden2.bias"])
    func silencing(_ units: [Int]) throws -> Model {
      var bias = bias
      for unit in units { bias.elements[unit] = -1e4 }
      return try model.replacing("hidden2.bias", bias)
    }
    let half = try silencing(Array(0..<8)).diagnosis(on: data)
    #expect(try Self.finding(.deadUnit, "hidden2", in: half).severity == .fault)
    #expect(half.faults.count == 1, "\(half)")
    let broken = try silencing([3, 11])
    let diagnosis = try broken.diagnosis(on: data)
    let found = try Self.finding(.deadUnit, "hidden2", in: diagnosis)
    #expect(found.places.map(\.index) == [3, 11] && found.severity == .note)
    #expect(found.value == 0 && diagnosis.isHealthy, "\(diagnosis)")
    #expect(found.description.contains("hidden2[3], hidden2[11]"))
    #expect(found.advice.contains("no harm while the other units do the work"))
    let layer = try #require(diagnosis.layers.first { $0.name == "hidden2" })
    #expect(layer.withoutGradient >= 2 * 25)
    // Few rows do not show it: then it is a note.
    let few = try broken.diagnosis(on: try Batch(data, rows: [0, 1, 2]))
    #expect(few.isHealthy)
    #expect(try Self.finding(.deadUnit, "hidden2", in: few).places.contains { $0.index == 11 })
  }

  @Test("M5 behind a dead layer nothing arrives, and the layer above is named")
  func deadLayer() throws {
    let (model, data) = try Self.trained("digits", target: "digit", .relu, epochs: 1)
    let bias = try #require(model["hidden2.bias"])
    let broken = try model.replacing("hidden2.bias", bias.map { _ in -1e4 })
    let diagnosis = try broken.diagnosis(on: data)
    #expect(try Self.finding(.deadUnit, "hidden2", in: diagnosis).places.count == 16)
    let below = try Self.finding(.nothingArrives, "hidden1", in: diagnosis)
    #expect(below.places.count == 24 && below.severity == .note)
    #expect(below.advice.contains("hidden2"))
    #expect(diagnosis.faults.map(\.cause) == [.deadUnit])
  }

  @Test("M5 saturated units are named", arguments: [Activation.tanh, .sigmoid])
  func saturated(_ activation: Activation) throws {
    let (model, data) = try Self.trained("digits", target: "digit", activation, epochs: 1)
    var bias = try #require(model["hidden1.bias"])
    bias.elements[5] = 60
    let diagnosis = try model.replacing("hidden1.bias", bias).diagnosis(on: data)
    let found = try Self.finding(.saturatedUnit, "hidden1", in: diagnosis)
    #expect(found.places.map(\.index) == [5] && found.severity == .note)
    for unit in 0..<12 { bias.elements[unit] = 60 }
    let half = try model.replacing("hidden1.bias", bias).diagnosis(on: data)
    #expect(try Self.finding(.saturatedUnit, "hidden1", in: half).severity == .fault)
    #expect(half.faults.count == 1)
  }

  @Test("M5 tiny weights above: a whole layer's, and those of one unit")
  func tinyWeights() throws {
    let (model, data) = try Self.trained("digits", target: "digit", .tanh, epochs: 2)
    let weight = try #require(model["hidden2.weight"])
    let shrunk = try model.replacing("hidden2.weight", weight.map { $0 * 1e-6 })
    let whole = try shrunk.diagnosis(on: data)
    let found = try Self.finding(.tinyWeights, "hidden2", in: whole)
    #expect(found.places.isEmpty && found.severity == .fault)
    #expect(!whole.findings.contains { $0.cause == .vanishing }, "told once")
    var column = weight
    for row in 0..<16 { column[row, 9] = 0 }
    let one = try model.replacing("hidden2.weight", column).diagnosis(on: data)
    let place = try Self.finding(.tinyWeights, "hidden1", in: one)
    #expect(place.places.map(\.index) == [9] && place.severity == .note && one.isHealthy)
    let expected = "lead on from unit hidden1[9]"
    #expect(place.explanation.contains(expected), "\(place.explanation)")
  }

  @Test("M5 weights that start at 0 give zeros to the layer above")
  func zeroActivations() throws {
    let (model, data) = try Self.trained("digits", target: "digit", .tanh, epochs: 0 + 1)
    var weight = try #require(model["hidden1.weight"])
    var bias = try #require(model["hidden1.bias"])
    for input in 0..<weight.shape[1] { weight[7, input] = 0 }
    bias.elements[7] = 0
    let broken = try model.replacing("hidden1.weight", weight).replacing("hidden1.bias", bias)
    let found = try Self.finding(.zeroInput, "hidden2", in: try broken.diagnosis(on: data))
    #expect(found.places.map(\.name) == ["hidden1.activation[7]"] && found.severity == .note)
    let none = try model.replacing("hidden1.weight", weight.map { _ in 0 })
      .replacing("hidden1.bias", bias.map { _ in 0 })
    let all = try Self.finding(.zeroInput, "hidden2", in: try none.diagnosis(on: data))
    #expect(all.places.count == 24 && all.severity == .fault)
  }

  @Test("M5 a training that has come to its minimum is no fault, though its gradient is nothing")
  func minimum() throws {
    let x = uniform(60, seed: 3).map { Float($0) }
    let noise = uniform(60, seed: 4)
    let values = zip(x, noise).map { [2 * $0 + Float($1)] }
    let data = try Dataset(features: x.map { [$0] }, values: values)
    let trainer = try Trainer(
      Network { Dense(1) }, loss: .squaredError, optimizer: .sgd(learningRate: 0.3), inputs: 1)
    let model = try trainer.fit(
      data, options: FitOptions(epochs: 300, batchSize: nil, patience: nil))
    let diagnosis = try model.diagnosis(on: data)
    #expect(diagnosis.loss > 0.1 && diagnosis.isHealthy, "\(diagnosis)")
    let found = try Self.finding(.cancellation, "output", in: diagnosis)
    #expect(found.advice.contains("if training has come to its end"))
  }

  @Test("M5 a batch that is zero by cancellation: every row pulls, and the sum is nothing")
  func cancellation() throws {
    let subject = try NoteSubject.of(.digits)
    // All classes once for the same row, and outputs that do not prefer any.
    let output = try #require(subject.model["output.weight"])
    let bias = try #require(subject.model["output.bias"])
    let model = try subject.model.replacing("output.weight", output.map { $0 * 1e-3 })
      .replacing("output.bias", bias.map { _ in 0 })
    let even = try model.replacing("output.weight", output.map { _ in 0 })
    let x = subject.features(ofRow: 2).map { Float($0) }
    let data = try Dataset(
      features: (0..<10).flatMap { _ in x }, featureCount: x.count,
      targets: .classes((0..<10).map { Int32($0) }, count: 10))
    let found = try Self.finding(.cancellation, "output", in: try even.diagnosis(on: data))
    #expect(found.places.isEmpty && found.severity == .note && found.value < 1e-12)
    #expect(found.advice.contains("targets contradict"))
    // Two rows with opposite wishes in a network of one output: every layer's sum is nothing.
    let network = Network {
      Dense(9, activation: .tanh)
      Dense(1)
    }
    let regression = try Trainer(
      network, loss: .squaredError, optimizer: .sgd(), inputs: x.count,
      options: TrainingOptions(seed: 2)
    ).model
    let row = try Dataset(features: [x], values: [[0]])
    let y = try regression.predictor().predict(row).values[0]
    let opposed = try Dataset(features: [x, x], values: [[y + 1], [y - 1]])
    let diagnosis = try regression.diagnosis(on: opposed)
    // The targets are single numbers: the wishes are opposite to about 1e-7.
    for layer in ["hidden1", "output"] {
      #expect(try Self.finding(.cancellation, layer, in: diagnosis).places.isEmpty)
    }
    let first = diagnosis.layers[0]
    #expect(first.cancelled == 9 * (x.count + 1) - first.withoutGradient)
    #expect(try regression.diagnosis(on: try Batch(opposed, rows: [0])).isHealthy)
  }

  @Test("M5 ten sigmoids let the gradient vanish, large weights make it explode")
  func scales() throws {
    func model(_ activation: Activation, _ size: Double) throws -> Model {
      let hidden = (0..<9).map { _ in
        Dense(12, activation: activation, weights: .uniform(low: -size, high: size)) as any Layer
      }
      return try Trainer(
        Network(hidden + [Dense(4)]), loss: .softmaxCrossEntropy, optimizer: .sgd(), inputs: 6,
        options: TrainingOptions(seed: 4)
      ).model
    }
    let data = try Dataset(
      features: uniform(40 * 6, seed: 8).map { Float($0) }, featureCount: 6,
      targets: .classes((0..<40).map { Int32($0 % 4) }, count: 4))
    let small = try model(.sigmoid, 0.5).diagnosis(on: data)
    let vanishing = try #require(small.faults.first { $0.cause == .vanishing }, "\(small)")
    #expect(vanishing.value < 1e-4 && vanishing.layer.hasPrefix("hidden"))
    #expect(vanishing.explanation.contains("slopes by"))
    let large = try model(.leakyReLU, 6).diagnosis(on: data)
    #expect(large.faults.contains { $0.cause == .exploding }, "\(large)")
  }

  /// Layers of one activation on the digits, untrained.
  static func deep(
    _ activation: Activation, layers: Int, units: Int, weights: Initializer? = nil
  ) throws -> (model: Model, data: Dataset) {
    let data = try exampleData("digits", target: "digit").training
    let hidden = (0..<layers).map { _ in
      weights.map { Dense(units, activation: activation, weights: $0) }
        ?? Dense(units, activation: activation)
    }
    let trainer = try Trainer(
      Network(hidden.map { $0 as any Layer } + [Dense(10)]), loss: .softmaxCrossEntropy,
      optimizer: .sgd(), inputs: data.featureCount, options: TrainingOptions(seed: 5))
    return (try trainer.model, data)
  }

  @Test(
    "M5 sigmoid upon sigmoid: five in a row are a fault that names all slow layers",
    arguments: [3, 5, 7])
  func sigmoids(_ count: Int) throws {
    let (model, data) = try Self.deep(.sigmoid, layers: count, units: 16)
    let diagnosis = try model.diagnosis(on: try Batch(data, rows: Array(0..<200)))
    guard count > 3 else {
      #expect(diagnosis.isHealthy, "\(diagnosis)")
      return
    }
    #expect(diagnosis.faults.map(\.cause) == [.vanishing], "\(diagnosis)")
    let found = try Self.finding(.vanishing, "hidden1", in: diagnosis)
    #expect(found.explanation.hasPrefix("each of \(count) sigmoid layers passes about 0.2"))
    let slow = count == 5 ? "hidden1 and hidden2 get less" : "hidden1 to hidden4 get less"
    #expect(found.explanation.contains(slow), "\(found)")
    #expect(found.advice.contains("in place of sigmoid"))
  }

  @Test("M5 vanishing through small weights of relu layers: the advice is not about sigmoids")
  func smallWeights() throws {
    let (model, data) = try Self.deep(
      .relu, layers: 6, units: 12, weights: .uniform(low: -0.12, high: 0.12))
    let diagnosis = try model.diagnosis(on: try Batch(data, rows: Array(0..<200)))
    let found = try Self.finding(.vanishing, "hidden1", in: diagnosis)
    #expect(!found.advice.contains("sigmoid"), "\(found)")
    #expect(found.advice.contains("weights"))
  }

  @Test("M5 dead units that let the gradient vanish are told once")
  func deadAndVanishing() throws {
    let start = try Self.deep(.relu, layers: 6, units: 40)
    var model = start.model
    for layer in 2...6 {
      var bias = try #require(model["hidden\(layer).bias"])
      for unit in 1..<40 { bias.elements[unit] = -1e4 }
      bias.elements[0] = 1
      model = try model.replacing("hidden\(layer).bias", bias)
    }
    let diagnosis = try model.diagnosis(on: try Batch(start.data, rows: Array(0..<200)))
    let (bottom, top) = (diagnosis.layers[0], diagnosis.layers[6])
    let ratio = bottom.gradientScale / top.gradientScale
    #expect(ratio > 0 && ratio < Diagnosis.Limits.vanishingRatio, "\(ratio)")
    #expect(Set(diagnosis.faults.map(\.cause)) == [.deadUnit], "\(diagnosis)")
  }

  @Test("M5 predictions that equal the targets leave nothing to learn, which is no fault")
  func noError() throws {
    let network = Network { Dense(2) }
    let model = try Model(
      network, inputs: 2, loss: .squaredError,
      weights: ["output.weight": [[1, 0], [0, 1]], "output.bias": [0, 0]])
    let data = try Dataset(features: [[1, 2], [3, -4]], values: [[1, 2], [3, -4]])
    let diagnosis = try model.diagnosis(on: data)
    #expect(diagnosis.findings.map(\.cause) == [.noError] && diagnosis.isHealthy)
  }

  @Test("M5 the diagnosis as JSON holds what it says in words; chunks of rows do not matter")
  func json() throws {
    let (model, data) = try Self.trained("digits", target: "digit", .relu, epochs: 1)
    var bias = try #require(model["hidden1.bias"])
    for unit in 0..<13 { bias.elements[unit] = -1e4 }
    let diagnosis = try model.replacing("hidden1.bias", bias).diagnosis(on: data)
    guard case .object(let json) = diagnosis.json, case .array(let findings)? = json["findings"],
      case .array(let layers)? = json["layers"]
    else {
      Issue.record("no object")
      return
    }
    #expect(json.keys == ["rows", "loss", "healthy", "layers", "findings"])
    #expect(json["healthy"] == .bool(false) && layers.count == 3)
    #expect(findings.count == diagnosis.findings.count)
    let text = JSONWriter.text(diagnosis.json)
    #expect(text.contains("\"cause\":\"deadUnit\"") && text.contains("\"name\":\"hidden1[2]\""))
    // 1,258 rows are several chunks: the mean loss is the predictor's.
    let loss = try model.replacing("hidden1.bias", bias).predictor().evaluate(data).loss
    #expect((diagnosis.loss - loss).magnitude < 1e-5 * loss)
    #expect(diagnosis.description.contains("1 fault on"))
  }
}
