internal import Ebb
internal import EbbSystem

/// What the page holds of one row: every value and gradient, and the largest paths.
struct StepperRow {
  /// How many paths of a neuron are told.
  static let pathsPerNeuron = 3
  /// Networks with more neurons have paths for the drawn ones only.
  static let mostNeuronsWithPaths = 200

  let subject: ExplanationSubject
  let chain: NeuronChain
  /// The drawn units of the inputs and of each layer.
  let shown: [[Int]]
  private let numbers: StepperNumbers

  init(_ subject: ExplanationSubject, _ model: StepperModel, shown given: [[Int]]?) throws {
    self.subject = subject
    chain = try NeuronChain(subject)
    numbers = model.numbers
    shown = given ?? Self.shown(subject, chain)
  }

  /// The neurons that stand out on this row.
  private static func shown(_ subject: ExplanationSubject, _ chain: NeuronChain) -> [[Int]] {
    func elements(_ name: String) -> (values: [Double], gradients: [Double]) {
      (subject.numbers.value(name)?.elements ?? [], subject.numbers[name]?.elements ?? [])
    }
    let inputs = elements(chain.layers.first?.inputName ?? "")
    // An input matters as its value and its gradient together do.
    let products = zip(inputs.values, inputs.gradients).map { $0 * $1 }
    let first = StepperUnits.shown(values: products, gradients: products)
    return [first]
      + chain.layers.enumerated().map { index, layer in
        let found = elements(layer.outputName)
        let isLast = index == chain.layers.count - 1
        return StepperUnits.shown(
          values: found.values, gradients: elements("\(layer.name).preactivation").gradients,
          wanted: isLast ? subject.outstandingOutputs : [])
      }
  }

  /// The row as JSON.
  func json() throws -> JSONValue {
    let inputName = chain.layers.first?.inputName ?? ""
    var object: JSONObject = [
      "name": JSONValue(subject.name),
      "loss": .number(subject.numbers.loss),
      "targets": .array(subject.targets.map { numbers.rounded($0) }),
      "inputs": values(inputName), "inputGradients": gradients(inputName),
      "layers": .array(try chain.layers.map(layer)),
      "predictions": values("predictions"),
      "predictionGradients": numbers.json(subject.unfused["predictions"]?.elements ?? []),
      "shown": .array(shown.map { JSONValue($0) }),
      "paths": .array(try chain.layers.indices.map(paths)),
      "productsAgree": JSONValue(productsAgree),
    ]
    if let original = subject.originalInputs, original.count == chain.layers.first?.inputs {
      object["original"] = .array(original.map { numbers.rounded($0) })
    }
    if let schema = subject.model.schema, schema.task == .regression {
      let given = subject.targets.map { schema.givenTarget(Float($0)) }
      object["givenTargets"] = .array(given.map { numbers.rounded($0) })
    }
    if let label = subject.label { object["label"] = JSONValue(label) }
    if let predicted = subject.predictedClass { object["predicted"] = JSONValue(predicted) }
    return .object(object)
  }

  private func values(_ name: String) -> JSONValue {
    numbers.json(subject.numbers.value(name)?.elements ?? [])
  }

  private func gradients(_ name: String) -> JSONValue {
    numbers.json(subject.numbers[name]?.elements ?? [])
  }

  private func layer(_ layer: NeuronChain.Layer) throws -> JSONValue {
    var object: JSONObject = [
      "a": values("\(layer.name).preactivation"), "da": gradients("\(layer.name).preactivation"),
    ]
    if !layer.functions.isEmpty {
      object["h"] = values(layer.outputName)
      object["dh"] = gradients(layer.outputName)
      object["slopes"] = .array(layer.slopes.map { numbers.rounded($0) })
    }
    return .object(object)
  }

  /// The largest paths of each neuron by its index: units, factors, contribution; and how many there
  /// are.
  private func paths(_ index: Int) throws -> JSONValue {
    let layer = chain.layers[index]
    let neurons = chain.layers.reduce(0) { $0 + $1.units }
    let units = neurons <= Self.mostNeuronsWithPaths ? Array(0..<layer.units) : shown[index + 1]
    var count = 1.0
    var object = JSONObject()
    for unit in units {
      let found = try chain.largestPaths(Self.pathsPerNeuron, from: layer.name, unit: unit)
      count = found.pathCount
      object["\(unit)"] = .array(
        found.paths.map { path in
          [
            JSONValue(path.units),
            .array(path.factors.map { numbers.rounded($0.value(row: 0)) }),
            numbers.rounded(path.contribution),
          ]
        })
    }
    return ["count": JSONValue(count), "of": .object(object)]
  }

  /// Whether the gradient of each weight is the product that the page shows, δ_i h_j, to the last bit.
  var productsAgree: Bool {
    chain.layers.allSatisfy { layer in
      guard let gradient = subject.numbers["\(layer.name).weight"]?.elements,
        let blame = subject.numbers["\(layer.name).preactivation"]?.elements,
        let carried = subject.numbers.value(layer.inputName)?.elements
      else { return false }
      return blame.indices.allSatisfy { unit in
        carried.indices.allSatisfy { input in
          gradient[unit * carried.count + input] == numbers.product(blame[unit], carried[input])
        }
      }
    }
  }
}

extension ExplanationSubject {
  /// The row in its dataset.
  private var rowIndex: Int { row.rows.first.map(Int.init) ?? 0 }

  /// The number of the row's class; nil for numbers.
  var label: Int? {
    guard case .classes(let labels, _) = row.dataset.targets else { return nil }
    return Int(labels[rowIndex])
  }

  /// The class that the network decides for; nil for numbers. The first of equals, and class 1 of two
  /// above one half, as predictions go.
  var predictedClass: Int? {
    guard label != nil, let values = numbers.value("predictions")?.elements else { return nil }
    if values.count == 1 { return model.loss == .binaryCrossEntropy && values[0] > 0.5 ? 1 : 0 }
    return values.indices.max { (values[$0], $1) < (values[$1], $0) }
  }

  /// The outputs that are drawn in any case: the truth, and what was predicted.
  var outstandingOutputs: [Int] { [label, predictedClass].compactMap { $0 } }

  /// What each output should be.
  var targets: [Double] {
    let outputs = numbers.value("predictions")?.count ?? 0
    switch row.dataset.targets {
    case .none: return []
    case .values(let values, let count):
      return values[rowIndex * count..<(rowIndex + 1) * count].map(Double.init)
    case .classes(let labels, _):
      let label = Int(labels[rowIndex])
      guard model.loss.targetType == .index else { return [Double(label)] }
      var smoothing = 0.0
      if case .smoothedCrossEntropy(let share) = model.loss { smoothing = share }
      return (0..<outputs).map {
        smoothing / Double(outputs) + ($0 == label ? 1 - smoothing : 0)
      }
    }
  }

  /// The row's inputs in the units of the data; nil without a schema.
  var originalInputs: [Double]? {
    guard let schema = model.schema, schema.featureCount == row.dataset.featureCount else {
      return nil
    }
    var values = row.dataset.features(ofRow: rowIndex).map(Double.init)
    var place = 0
    for feature in schema.features {
      switch feature.encoding {
      case .standardized(let mean, let scale):
        values[place] = GivenNumber.of(Float(values[place]), mean: mean, scale: scale)
      case .constant(let value): values[place] = value
      case .oneHot: break
      }
      place += feature.width
    }
    return values
  }
}
