public import EbbData
public import EbbGradients
internal import EbbGraph
public import EbbNetworks
public import EbbTraining

/// Small networks that can be followed by hand, with fixed weights: ordinary models with ordinary rows.
///
///     let example = WorkedExample.sample
///     let found = try example.model.gradients(on: try Batch(example.dataset, rows: [0]))
///     print(found["hidden1.weight"]!)
public enum WorkedExample: String, CaseIterable, Sendable {
  /// Two inputs, three outputs, all weights 1, no activation; the loss is Σ_j |ŷ_j| (M2).
  case twoThree = "two-three"
  /// Five sigmoids in a row, one neuron per layer, squared error (M23).
  case chain
  /// Two sigmoid hidden layers, softmax over two outputs, cross-entropy: the network on which the
  /// study notes run the algorithm (M29).
  case sample
  /// Exclusive or: two hidden sigmoids, one sigmoid output, its four rows (M30).
  case xor

  /// What it is, in a line.
  public var title: String {
    switch self {
    case .twoThree: "two inputs, three outputs, all weights 1; the loss is the sum of |outputs|"
    case .chain: "five sigmoids in a row, squared error"
    case .sample: "two sigmoid hidden layers, softmax over two outputs, cross-entropy"
    case .xor: "exclusive or, by two hidden sigmoids and one at the output"
    }
  }

  /// The layers.
  public var network: Network {
    switch self {
    case .twoThree: Network([Dense(3, hasBias: false)])
    case .chain: Network([Dense](repeating: Dense(1, activation: .sigmoid), count: 5))
    case .sample:
      Network([Dense(3, activation: .sigmoid), Dense(2, activation: .sigmoid), Dense(2)])
    case .xor: Network([Dense(2, activation: .sigmoid), Dense(1)])
    }
  }

  /// What the network is to make small.
  public var loss: Loss {
    switch self {
    case .twoThree: .absoluteError
    case .chain: .squaredError
    case .sample: .softmaxCrossEntropy
    case .xor: .binaryCrossEntropy
    }
  }

  /// Weights and biases in the order of the layers, as in a = W h + b.
  private var numbers: [NDArray<Float>] {
    switch self {
    case .twoThree: [[[1, 1], [1, 1], [1, 1]]]
    case .chain:
      [
        [[1.5]], [-0.25], [[-2]], [0.5], [[1.25]], [-0.5], [[2.5]], [-1], [[-1.75]], [0.75],
      ]
    case .sample:
      [
        [[0.5, -0.25], [0.75, 1], [-1, 0.125]], [0.25, -0.5, 0],
        [[1, -0.5, 0.25], [-0.75, 0.5, 1.5]], [0.125, -0.25],
        [[1.5, -1], [-0.5, 0.75]], [0, 0.25],
      ]
    case .xor:
      // The first hidden neuron says "or", the second "and".
      [[[4, 4], [4, 4]], [-2, -6], [[6, -7]], [-2.5]]
    }
  }

  /// The network with its numbers.
  public var model: Model {
    get throws {
      let dataset = try dataset
      let declared = try network.parameters(inputs: dataset.featureCount)
      return try Model(
        network: network, inputCount: dataset.featureCount, loss: loss, schema: nil,
        record: TrainingRecord(
          optimizer: "none", seed: 0, batchSize: dataset.rowCount, epochs: 0, steps: 0),
        parameters: zip(declared, numbers).map {
          Model.Parameter(name: $0.name, role: $0.role, values: $1)
        })
    }
  }

  /// The rows.
  public var dataset: Dataset {
    get throws {
      switch self {
      case .twoThree: try Dataset(features: [[0.5, 0.5]], values: [[0, 0, 0]])
      case .chain: try Dataset(features: [[0.5]], values: [[1]])
      case .sample: try Dataset(features: [[0.5, -1]], labels: [0], classCount: 2)
      case .xor:
        try Dataset(
          features: [[0, 0], [0, 1], [1, 0], [1, 1]], labels: [0, 1, 1, 0], classCount: 2)
      }
    }
  }
}

extension Model {
  /// The same model with one number of a parameter set to another: what if this weight were 2?
  ///
  /// - Parameter element: such as `output.weight[0,0]`.
  /// - Throws: ``ElementNameError`` if there is no such parameter or element, `ModelError` if the
  ///   number is not finite.
  public func setting(_ element: ElementName, to value: Float) throws -> Model {
    let element = try parameterElement(element.description)
    guard value.isFinite else { throw ModelError("\(element) cannot be \(value)") }
    var model = self
    for index in model.parameters.indices where model.parameters[index].name == element.name {
      let place = try element.position(in: model.parameters[index].values.shape)
      model.parameters[index].values.elements[place] = value
    }
    return model
  }
}
