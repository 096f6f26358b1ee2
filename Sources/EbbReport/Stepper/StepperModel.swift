internal import Ebb
internal import EbbSystem

/// What the page holds of the model: layers, weights, names. The same for all rows.
struct StepperModel {
  /// The most weights that the page holds; of a larger network only those between drawn neurons.
  static let mostWeights = 30_000

  let subject: ExplanationSubject
  let layers: [NeuronChain.Layer]
  let numbers: StepperNumbers
  let picture: PixelLayout?
  /// Whether every weight is in the page.
  let isWhole: Bool

  init(_ subject: ExplanationSubject, _ chain: NeuronChain) {
    self.subject = subject
    layers = chain.layers
    numbers = StepperNumbers(precision: subject.precision)
    let layout = PixelLayout(names: subject.row.dataset.featureNames)
    picture = layout?.features.count == chain.layers.first?.inputs ? layout : nil
    isWhole = layers.reduce(0) { $0 + $1.units * $1.inputs } <= Self.mostWeights
  }

  /// The model as JSON.
  ///
  /// - Parameter shown: the drawn units of the inputs and of each layer, for a network that is not
  ///   whole.
  func json(shown: [[Int]]) -> JSONObject {
    let model = subject.model
    var object: JSONObject = [
      "precision": JSONValue(subject.precision.rawValue),
      "task": JSONValue(model.schema?.task.rawValue ?? ""),
      "loss": loss,
      "outputFunction": JSONValue(model.loss.outputFunction.rawValue),
      "classes": JSONValue(model.schema?.classes ?? []),
      "inputNames": JSONValue(inputNames),
      "inputValue": JSONValue(layers.first?.inputName ?? ""),
      "layers": .array(layers.map(layer)),
      "weights": .array(layers.indices.map { weights($0, shown: shown) }),
    ]
    object["target"] = model.schema.map { JSONValue($0.target.name) }
    if case .number(let mean, let scale)? = model.schema?.target.kind {
      object["targetMean"] = numbers.rounded(mean)
      object["targetScale"] = numbers.rounded(scale)
    }
    if let picture {
      object["picture"] = [
        "height": JSONValue(picture.height), "width": JSONValue(picture.width),
        "features": JSONValue(picture.features),
      ]
    }
    return object
  }

  private var loss: JSONValue {
    var object: JSONObject = ["kind": JSONValue(subject.model.loss.spelling)]
    switch subject.model.loss {
    case .huber(let delta): object["delta"] = numbers.rounded(delta)
    case .smoothedCrossEntropy(let smoothing): object["smoothing"] = numbers.rounded(smoothing)
    default: break
    }
    return .object(object)
  }

  private var inputNames: [String] {
    let names = subject.row.dataset.featureNames
    return names.count == layers.first?.inputs ? names : []
  }

  private func layer(_ layer: NeuronChain.Layer) -> JSONValue {
    [
      "name": JSONValue(layer.name), "units": JSONValue(layer.units),
      "inputs": JSONValue(layer.inputs), "input": JSONValue(layer.inputName),
      "output": JSONValue(layer.outputName),
      "functions": JSONValue(layer.functions.map(\.spelling)),
      "bias": layer.hasBias
        ? numbers.json(subject.numbers.value("\(layer.name).bias")?.elements ?? []) : .null,
    ]
  }

  private func weights(_ index: Int, shown: [[Int]]) -> JSONValue {
    let layer = layers[index]
    let values = subject.numbers.value("\(layer.name).weight")?.elements ?? []
    if isWhole { return ["values": numbers.json(values)] }
    let (rows, columns) = (shown[index + 1], shown[index])
    return [
      "rows": JSONValue(rows), "columns": JSONValue(columns),
      "values": numbers.json(
        rows.flatMap { row in columns.map { values[row * layer.inputs + $0] } }),
    ]
  }
}
