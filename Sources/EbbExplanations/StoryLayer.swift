internal import EbbGradients
internal import EbbGraph
internal import EbbNetworks
internal import EbbTraining

/// A layer as the story sees it: what has parameters, with the functions up to the next such layer,
/// and one row's numbers.
struct StoryLayer {
  /// The layer's name, such as `hidden1`.
  let name: String
  /// Such as `dense`.
  let kind: String
  /// Whether the sums are named, as those of dense layers are.
  let isDense: Bool
  /// What is applied to the sums, the first first; the identity is left out.
  private(set) var functions: [Activation] = []
  /// What each function is applied to, by name.
  private var arguments: [String] = []
  /// What else stands before the next layer with parameters, such as `dropout`.
  private(set) var others: [String] = []
  /// The value that the layer is given, by name.
  let inputName: String
  /// The value after the functions, by name.
  private(set) var outputName: String

  /// The layers that have parameters, in order.
  static func layers(of network: Network) -> [StoryLayer] {
    var result: [StoryLayer] = []
    var current = NetworkTrace.Port.features
    for (layer, name) in zip(network.layers, network.names) {
      let output = "\(name).activation"
      if layer.declaresParameters {
        var entry = StoryLayer(
          name: name, kind: type(of: layer).kind, isDense: layer is Dense, inputName: current,
          outputName: output)
        if let dense = layer as? Dense {
          entry.apply(dense.activation, to: "\(name).preactivation")
        }
        result.append(entry)
      } else if !result.isEmpty {
        let last = result.count - 1
        result[last].outputName = output
        if let layer = layer as? ActivationLayer {
          result[last].apply(layer.activation, to: current)
        } else {
          result[last].others.append(type(of: layer).kind)
        }
      }
      current = output
    }
    return result
  }

  private init(
    name: String, kind: String, isDense: Bool, inputName: String, outputName: String
  ) {
    (self.name, self.kind, self.isDense) = (name, kind, isDense)
    (self.inputName, self.outputName) = (inputName, outputName)
  }

  private mutating func apply(_ function: Activation, to argument: String) {
    guard function != .identity else { return }
    functions.append(function)
    arguments.append(argument)
  }

  /// The sums' name, if the layer names them.
  var sumsName: String? { isDense ? "\(name).preactivation" : nil }

  /// `relu`, `relu, then tanh`.
  var functionWords: String { functions.map(\.spelling).joined(separator: ", then ") }

  /// Whether a function holds its results between two ends, where it is flat.
  var isBounded: Bool { functions.contains { $0 == .sigmoid || $0 == .tanh } }

  /// The slope of the functions at each neuron on the row: how much of what arrives passes through.
  func slopes(_ numbers: NetworkGradients<Double>) throws -> [Double] {
    let units = numbers.value(outputName)?.count ?? 0
    var product = [Double](repeating: 1, count: units)
    for (function, argument) in zip(functions, arguments) {
      guard let values = numbers.value(argument) else { continue }
      let own = try gradient(at: values) { sum(function($0)) }.elements
      for (index, slope) in own.enumerated() where index < units { product[index] *= slope }
    }
    return product
  }
}

/// Numbers of one value or parameter with their gradients.
struct StoryNumbers {
  let name: String
  let shape: Shape
  let values: [Double]
  let gradients: [Double]

  /// The numbers under a name; nil if there are none.
  init?(_ name: String, in numbers: NetworkGradients<Double>) {
    guard let values = numbers.value(name), let gradients = numbers[name] else { return nil }
    (self.name, shape) = (name, values.shape)
    (self.values, self.gradients) = (values.elements, gradients.elements)
  }

  /// The element whose gradient is largest in magnitude, the first of equal ones; nil if all are 0.
  var mostBlamed: Int? { mostBlamed { _ in true } }

  /// The place of the gradient of the largest magnitude among some; nil: all of them are 0.
  func mostBlamed(among isMeant: (Int) -> Bool) -> Int? {
    var best: Int?
    for (index, gradient) in gradients.enumerated() where gradient != 0 && isMeant(index) {
      if gradient.magnitude > (best.map { gradients[$0].magnitude } ?? 0) { best = index }
    }
    return best
  }

  /// The largest magnitude of a gradient.
  var largest: Double { mostBlamed.map { gradients[$0].magnitude } ?? 0 }

  /// How many gradients are 0.
  var silent: Int { gradients.count { $0 == 0 } }

  /// What an element is called: `hidden1.weight[3,7]`; of a value without the row: `hidden1[3]`.
  func element(_ index: Int, ofValue layer: String? = nil) -> String {
    if let layer { return "\(layer)[\(index)]" }
    return ElementName(name, offset: index, in: shape).description
  }
}
