public import EbbData
public import EbbGraph
public import EbbNetworks
internal import EbbSystem

/// A trained network: what it is, its numbers, and how data become its inputs. A plain value.
///
///     let model = try Model(contentsOf: "digits.ebb")
///     let predictions = try model.predictor().predict(dataset)
public struct Model: Sendable {
  /// The layers.
  public let network: Network
  /// The number of features that the network takes.
  public let inputCount: Int
  /// What the network was trained to minimise; says what its outputs mean.
  public let loss: Loss
  /// How columns of a table become features, and predictions words or units again; nil for networks
  /// trained on bare numbers.
  public let schema: Schema?
  /// How it was trained; nothing in it depends on time, host, threads or paths.
  public var record: TrainingRecord
  /// The numbers, in the order of declaration.
  public package(set) var parameters: [Parameter]

  /// What its layers keep beside the parameters, such as running means, in the order of declaration.
  public package(set) var states: [State]

  /// The numbers that a layer keeps beside its parameters.
  public struct State: Sendable, Equatable {
    /// The permanent name, such as `norm1.mean`.
    public let name: String
    /// The numbers, as the layer declared them.
    public var values: NDArray<Float>

    /// A state's numbers.
    public init(name: String, values: NDArray<Float>) {
      self.name = name
      self.values = values
    }
  }

  /// The numbers of one parameter.
  public struct Parameter: Sendable, Equatable {
    /// The permanent name, such as `hidden1.weight`.
    public let name: String
    /// Weight or bias.
    public let role: ParameterRole
    /// The numbers as in a = W h + b: a dense weight is [outputs, inputs].
    public var values: NDArray<Float>

    /// A parameter's numbers, in the orientation of files.
    public init(name: String, role: ParameterRole, values: NDArray<Float>) {
      self.name = name
      self.role = role
      self.values = values
    }
  }

  /// A model from its parts.
  ///
  /// - Parameter states: what the layers keep beside the parameters; nil: as before the first step.
  /// - Throws: `ModelError` if the parameters or states are not those that the network declares.
  public init(
    network: Network, inputCount: Int, loss: Loss, schema: Schema?, record: TrainingRecord,
    parameters: [Parameter], states: [State]? = nil
  ) throws {
    self.network = network
    self.inputCount = inputCount
    self.loss = loss
    self.schema = schema
    self.record = record
    self.parameters = parameters
    let declared = try network.states(inputs: inputCount)
    self.states = states ?? declared.map(\.first)
    try checkParameters()
    try checkStates(declared)
    try checkClasses()
  }

  /// Whether the outputs are as many as the schema's target needs.
  private func checkClasses() throws {
    guard let schema, let outputs = try network.summary(inputs: inputCount).last?.outputShape.count
    else { return }
    let isSingle = schema.task == .regression || loss == .binaryCrossEntropy
    let expected = isSingle ? 1 : schema.classes.count
    guard outputs == expected else {
      throw ModelError(
        "the network has \(outputs) outputs, the target \(schema.target.name.quotedForMessage)"
          + " needs \(expected)"
      )
    }
  }

  /// The numbers of a parameter by name, as in a = W h + b; nil if there is none of the name.
  public subscript(name: String) -> NDArray<Float>? {
    parameters.first { $0.name == name }?.values
  }

  /// Throws if the states are not those declared.
  private func checkStates(_ declared: [StateSpecification]) throws {
    let fits = states.elementsEqual(declared) { $0.name == $1.name && $0.values.shape == $1.shape }
    guard fits else {
      let wanted = MessageText.list(declared.map { "\($0.name) \($0.shape)" })
      let found = MessageText.list(states.map { "\($0.name) \($0.values.shape)" })
      throw ModelError("the states do not fit the network: expected \(wanted), got \(found)")
    }
  }

  /// The number of trained numbers.
  public var parameterCount: Int { parameters.map(\.values.count).reduce(0, +) }

  /// Every mismatch between what the network declares and what there is, in one error.
  private func checkParameters() throws {
    let declared = try network.parameters(inputs: inputCount)
    let given = Dictionary(
      parameters.map { ($0.name, $0.values.shape) }, uniquingKeysWith: { first, _ in first })
    var faults: [String] = []
    for specification in declared {
      let shape = specification.fileShape
      switch given[specification.name] {
      case nil: faults.append("\(specification.name) \(shape) is missing")
      case let found? where found != shape:
        faults.append("\(specification.name) is \(found), expected \(shape)")
      case _?: break
      }
    }
    let names = Set(declared.map(\.name))
    for parameter in parameters where !names.contains(parameter.name) {
      faults.append("\(parameter.name) \(parameter.values.shape) belongs to no layer")
    }
    if faults.isEmpty && parameters.map(\.name) != declared.map(\.name) {
      faults.append("the parameters are not in the order of the layers")
    }
    guard faults.isEmpty else {
      throw ModelError(
        "the parameters do not fit the network: " + MessageText.list(faults, separator: "; "))
    }
  }
}

/// How a model was trained: everything that its numbers depend on, and nothing else.
public struct TrainingRecord: Sendable, Hashable {
  /// The optimizer's kind and settings, such as `adam: learningRate 0.001, …`.
  public var optimizer: String
  /// The seed of initial parameters, order of rows, and dropout.
  public var seed: UInt64
  /// The rows per step.
  public var batchSize: Int
  /// The epochs done when these numbers were taken.
  public var epochs: Int
  /// The steps done when these numbers were taken.
  public var steps: UInt64

  /// A record from its parts.
  public init(optimizer: String, seed: UInt64, batchSize: Int, epochs: Int, steps: UInt64) {
    self.optimizer = optimizer
    self.seed = seed
    self.batchSize = batchSize
    self.epochs = epochs
    self.steps = steps
  }
}

/// What is wrong with a model, or with what it is asked to do.
public struct ModelError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What was expected, what came, what to do.
  public let message: String
  /// The message.
  public var description: String { message }

  package init(_ message: String) { self.message = message }
}

extension StateSpecification {
  /// The state before the first step.
  package var first: Model.State {
    Model.State(name: name, values: NDArray(repeating: start, shape: shape))
  }
}

extension ParameterSpecification {
  /// The shape in files and explanations: matrices of weights are turned to [outputs, inputs].
  package var fileShape: Shape { isTurned ? [shape[1], shape[0]] : shape }

  /// Whether memory and file differ.
  package var isTurned: Bool { layout == .transposed }

  /// Numbers in memory order as they stand in files.
  package func fileValues(_ values: [Float]) -> NDArray<Float> {
    let array = NDArray(values, shape: shape)
    return isTurned ? array.transposed() : array
  }

  /// Numbers from a file in memory order.
  package func memoryValues(_ values: NDArray<Float>) -> [Float] {
    isTurned ? values.transposed().elements : values.elements
  }
}
