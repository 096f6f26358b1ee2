public import EbbData
public import EbbGraph
public import EbbNetworks
public import EbbTraining

/// The loss of a network on some rows, and how it changes with each parameter and with each value in
/// between (M4).
///
///     let found = try model.gradients(on: Batch(dataset, rows: [0, 1, 2]))
///     found["hidden1.weight"]      // [outputs, inputs], as the parameter stands in files
///     found["hidden1.activation"]  // [rows, units]: raise this neuron, and the loss moves so much
///
/// Computed by backpropagation in double precision, or as training computes it: then the numbers are
/// those of a training step, bit for bit.
public struct NetworkGradients<Scalar: Real>: Sendable {
  /// The loss of the rows joined.
  public let loss: Double
  /// The loss of each row.
  public let rowLosses: [Scalar]
  /// The parameters in the order of declaration, such as `hidden1.weight`.
  public let parameterNames: [String]
  /// The values from `features` over `hidden1.preactivation`, `hidden1.activation`, … to
  /// `predictions`.
  public let valueNames: [String]
  private let values: [String: NDArray<Scalar>]
  private let gradients: [String: NDArray<Scalar>]

  init(
    loss: Double, rowLosses: [Scalar], parameterNames: [String], valueNames: [String],
    values: [String: NDArray<Scalar>], gradients: [String: NDArray<Scalar>]
  ) {
    self.loss = loss
    self.rowLosses = rowLosses
    self.parameterNames = parameterNames
    self.valueNames = valueNames
    self.values = values
    self.gradients = gradients
  }

  /// The gradient by a parameter, in the orientation of a = W h + b, or by a value [rows, units]; nil
  /// if there is none of the name.
  public subscript(name: String) -> NDArray<Scalar>? { gradients[name] }

  /// The numbers of a parameter or a value by name, in the orientation of its gradient.
  public func value(_ name: String) -> NDArray<Scalar>? { values[name] }
}

extension NetworkGradients<Float> {
  /// The same numbers in double precision: exact.
  package var widened: NetworkGradients<Double> {
    NetworkGradients<Double>(
      loss: loss, rowLosses: rowLosses.map { Double($0) }, parameterNames: parameterNames,
      valueNames: valueNames, values: values.mapValues { $0.map { Double($0) } },
      gradients: gradients.mapValues { $0.map { Double($0) } })
  }
}

extension Model {
  /// The gradients of the loss by everything it was computed from, in double precision.
  ///
  /// - Parameters:
  ///   - reduction: how the rows' losses are joined.
  ///   - classWeights: a factor for the loss of each class's rows.
  ///   - throughPredictions: whether the loss is computed from the predictions, so that there is a
  ///     gradient by them: ∂L/∂ŷ. The other gradients are the same but for rounding.
  /// - Throws: `ModelError` if the batch does not fit the network.
  public func gradients(
    on batch: Batch, reduction: GradientReduction = .mean, classWeights: [Double]? = nil,
    throughPredictions: Bool = false
  ) throws -> NetworkGradients<Double> {
    try gradients(
      on: batch, reduction, classWeights, throughPredictions: throughPredictions
    ) { try Interpreter<Double>($0) }
  }

  /// The same by derivative rules that may be wrong.
  package func gradients(
    on batch: Batch, rules: (Op) -> DerivativeRule
  ) throws -> NetworkGradients<Double> {
    let trace = try LossTrace(
      network, inputCount: inputCount, loss: loss, rows: batch.count, rules: rules)
    let (numbers, indices) = try trace.inputs(
      self, batch, factors: try batch.factors(.mean), as: Double.self)
    let found = try Interpreter<Double>(trace.graph).numbers(numbers, indices: indices)
    return trace.gradients(found, parameters: numbers)
  }

  /// The operations of a forward pass with its loss, each once.
  package func operations() throws -> [Op] {
    var found: [Op] = []
    for node in try LossTrace(self, rows: 1, backward: false).graph.nodes
    where !found.contains(node.op) {
      found.append(node.op)
    }
    return found
  }

  /// The same in single precision by the numeric contract: the numbers that training uses.
  public func gradientsInSinglePrecision(
    on batch: Batch, reduction: GradientReduction = .mean, classWeights: [Double]? = nil,
    throughPredictions: Bool = false
  ) throws -> NetworkGradients<Float> {
    try gradients(
      on: batch, reduction, classWeights, throughPredictions: throughPredictions
    ) { try Interpreter(inSinglePrecision: $0) }
  }

  private func gradients<Scalar: Real>(
    on batch: Batch, _ reduction: GradientReduction, _ classWeights: [Double]?,
    throughPredictions: Bool, interpreter: (Graph) throws -> Interpreter<Scalar>
  ) throws -> NetworkGradients<Scalar> {
    let trace = try LossTrace(
      self, rows: batch.count, form: .init(throughPredictions: throughPredictions))
    let factors = try batch.factors(reduction, classWeights: classWeights)
    let (numbers, indices) = try trace.inputs(self, batch, factors: factors, as: Scalar.self)
    let found = try interpreter(trace.graph).numbers(numbers, indices: indices)
    return trace.gradients(found, parameters: numbers)
  }
}

extension LossTrace {
  /// The numbers of a run by name, parameters in the orientation of files.
  @_specialize(where Scalar == Double)
  package func gradients<Scalar: Real>(
    _ found: [String: NDArray<Scalar>], parameters numbers: [String: NDArray<Scalar>]
  ) -> NetworkGradients<Scalar> {
    var values: [String: NDArray<Scalar>] = [:]
    var gradients: [String: NDArray<Scalar>] = [:]
    for (specification, entry) in zip(specifications, parameters) {
      values[entry.name] = numbers[entry.name].map { specification.inFileOrder($0) }
      let gradient =
        found[Port.gradient(entry.name)] ?? NDArray(repeating: 0, shape: specification.shape)
      gradients[entry.name] = specification.inFileOrder(gradient)
    }
    for entry in self.values {
      values[entry.name] = found[Port.value(entry.name)]
      gradients[entry.name] =
        found[Port.gradient(entry.name)] ?? NDArray(repeating: 0, shape: entry.shape)
    }
    // As training adds it: in row order, in Double.
    let rowLosses = found[NetworkTrace.Port.rowLosses]?.elements ?? []
    let factors = numbers[NetworkTrace.Port.rowWeights]?.elements ?? []
    return NetworkGradients(
      loss: zip(rowLosses, factors).reduce(0) { $0 + Double($1.0) * Double($1.1) },
      rowLosses: rowLosses, parameterNames: self.parameters.map(\.name),
      valueNames: self.values.map(\.name), values: values, gradients: gradients)
  }
}

extension ParameterSpecification {
  /// Numbers in memory order as they stand in files: [outputs, inputs].
  @_specialize(where Scalar == Double)
  @_specialize(where Scalar == Float)
  package func inFileOrder<Scalar: Real>(_ values: NDArray<Scalar>) -> NDArray<Scalar> {
    isTurned ? values.transposed() : values
  }
}
