public import EbbData
internal import EbbGraph
public import EbbNetworks
internal import EbbSystem
public import EbbTraining

/// A number of a network raised a little, and what the loss did: the reading of a gradient (M4).
///
///     print(try model.wiggle("hidden1[3]", by: 0.01, on: batch))
///     // raise hidden1.activation[3] by 0.01: the loss moves by -0.00018364; the gradient said
///     // -0.00018371
public struct Wiggle: Sendable, Hashable {
  /// What was raised. A value's name without a row, such as `hidden1.activation[3]`, is the neuron on
  /// every row of the batch.
  public let element: ElementName
  /// By how much; below 0, it was lowered.
  public let step: Double
  /// The loss's change per unit, by backpropagation.
  public let gradient: Double
  /// The loss before.
  public let lossBefore: Double
  /// The loss after.
  public let lossAfter: Double

  /// What the gradient says: gradient × step.
  public var predictedChange: Double { gradient * step }
  /// What the loss did.
  public var measuredChange: Double { lossAfter - lossBefore }
}

extension Wiggle: CustomStringConvertible {
  /// The sentence.
  public var description: String {
    func text(_ value: Double) -> String { NumberFormat.significant(value, digits: 5) }
    return "\(step < 0 ? "lower" : "raise") \(element) by"
      + " \(NumberFormat.shortest(step.magnitude)): the loss moves by \(text(measuredChange));"
      + " the gradient said \(text(predictedChange))"
  }
}

/// Raises numbers of a network one at a time and looks at a batch's loss, in double precision.
public struct Wiggler {
  private let model: Model
  private let batch: Batch
  private let reduction: GradientReduction
  private let classWeights: [Double]?
  /// Gradients and values of the ordinary loss, and of the loss computed from the predictions.
  private var found: [Bool: NetworkGradients<Double>] = [:]
  private var runs: [String: Run] = [:]

  /// The loss with a value or a parameter that can be changed.
  fileprivate struct Run {
    let interpreter: Interpreter<Double>
    var numbers: [String: NDArray<Double>]
    let indices: [String: NDArray<Int32>]
    /// The input that is changed, and whether it lies in memory's orientation.
    let port: String
    let specification: ParameterSpecification?
    let before: Double

    func loss() throws -> Double {
      try interpreter.number(LossTrace.Port.loss, numbers, indices: indices).scalar
    }
  }

  /// For the rows of a batch.
  ///
  /// - Parameters:
  ///   - reduction: how the rows' losses are joined.
  ///   - classWeights: a factor for the loss of each class's rows.
  public init(
    _ model: Model, on batch: Batch, reduction: GradientReduction = .mean,
    classWeights: [Double]? = nil
  ) {
    self.model = model
    self.batch = batch
    self.reduction = reduction
    self.classWeights = classWeights
  }

  /// What a trace of the batch is given.
  private func inputs(
    _ trace: LossTrace
  ) throws -> (numbers: [String: NDArray<Double>], indices: [String: NDArray<Int32>]) {
    try trace.inputs(
      model, batch, factors: try batch.factors(reduction, classWeights: classWeights))
  }

  /// Raises one number and looks at the loss.
  ///
  /// - Parameters:
  ///   - element: of a parameter, such as `hidden1.weight[3,7]`; of a value on one row of the batch,
  ///     such as `hidden1.activation[0,3]`, or on all of them, such as `hidden1[3]`. `predictions` are
  ///     raised in the loss computed from them.
  ///   - step: by how much.
  /// - Throws: ``ElementNameError`` if there is no such element, `ModelError` if the batch does not fit
  ///   the network or the class weights not its classes.
  public mutating func wiggle(_ element: ElementName, by step: Double = 0.01) throws -> Wiggle {
    let known = try gradients(throughPredictions: false)
    let element = try element.resolved(among: known.parameterNames + known.valueNames)
    let name = element.name
    let gradients = try gradients(throughPredictions: Self.isPrediction(name))
    guard let gradient = gradients[name] else {
      throw ElementNameError(.unknown, "there is no gradient by \(name)")
    }
    let places = try places(of: element, in: gradient.shape)
    var run = try run(name)
    if let specification = run.specification {
      guard var values = gradients.value(name) else {
        throw ElementNameError(.unknown, "there are no numbers of \(name)")
      }
      for place in places { values.elements[place] += step }
      run.numbers[run.port] = specification.isTurned ? values.transposed() : values
    } else {
      var nudge = NDArray(repeating: 0.0, shape: gradient.shape)
      for place in places { nudge.elements[place] = step }
      run.numbers[run.port] = nudge
    }
    return Wiggle(
      element: element, step: step,
      gradient: places.reduce(0) { $0 + gradient.elements[$1] }, lossBefore: run.before,
      lossAfter: try run.loss())
  }

  private static func isPrediction(_ name: String) -> Bool {
    name == NetworkTrace.Port.predictions
  }

  /// One place, or that of a unit on each row.
  private func places(
    of element: ElementName, in shape: Shape
  ) throws(ElementNameError) -> [Int] {
    let isValue = model[element.name] == nil
    guard isValue, shape.rank > 0, shape[0] == batch.count,
      element.indices.count == shape.rank - 1
    else { return [try element.position(in: shape)] }
    let row = Shape(Array(shape.extents.dropFirst()))
    let place = try element.position(in: row)
    return (0..<batch.count).map { $0 * row.count + place }
  }

  private mutating func gradients(
    throughPredictions: Bool
  ) throws -> NetworkGradients<Double> {
    if let known = found[throughPredictions] { return known }
    let form = LossTrace.Form(throughPredictions: throughPredictions)
    let trace = try LossTrace(model, rows: batch.count, form: form)
    let (numbers, indices) = try inputs(trace)
    let results = try Interpreter(trace.graph).numbers(numbers, indices: indices)
    let made = trace.gradients(results, parameters: numbers)
    found[throughPredictions] = made
    return made
  }

  private mutating func run(_ name: String) throws -> Run {
    let specification = try model.network.parameters(inputs: model.inputCount)
      .first { $0.name == name }
    // One trace serves all parameters.
    let key = specification == nil ? name : ""
    if let known = runs[key] { return known.changing(specification) }
    let form = LossTrace.Form(
      throughPredictions: Self.isPrediction(name), nudged: specification == nil ? name : nil)
    let trace = try LossTrace(model, rows: batch.count, form: form, backward: false)
    var (numbers, indices) = try inputs(trace)
    if specification == nil, let shape = trace.values.first(where: { $0.name == name })?.shape {
      numbers[LossTrace.Port.nudge] = NDArray(repeating: 0, shape: shape)
    }
    var graph = trace.graph
    graph.outputs.removeAll { $0.name != LossTrace.Port.loss }
    let interpreter = try Interpreter(graph)
    let before = try interpreter.number(LossTrace.Port.loss, numbers, indices: indices).scalar
    let made = Run(
      interpreter: interpreter, numbers: numbers, indices: indices, port: LossTrace.Port.nudge,
      specification: nil, before: before)
    runs[key] = made
    return made.changing(specification)
  }
}

extension Wiggler.Run {
  /// The same run, made to change a parameter.
  fileprivate func changing(_ parameter: ParameterSpecification?) -> Self {
    guard let parameter else { return self }
    return Self(
      interpreter: interpreter, numbers: numbers, indices: indices, port: parameter.name,
      specification: parameter, before: before)
  }
}

extension Model {
  /// Raises one number of the network a little and looks at a batch's loss: the measured change beside
  /// what the gradient said.
  ///
  /// - Parameters:
  ///   - element: such as `hidden1.weight[3,7]`, `hidden1[3]`, `predictions[2]`; see
  ///     ``Wiggler/wiggle(_:by:)``.
  ///   - step: by how much.
  /// - Throws: ``ElementNameError`` if there is no such element, `ModelError` if the batch does not fit
  ///   the network.
  public func wiggle(
    _ element: String, by step: Double = 0.01, on batch: Batch,
    reduction: GradientReduction = .mean
  ) throws -> Wiggle {
    var wiggler = Wiggler(self, on: batch, reduction: reduction)
    return try wiggler.wiggle(try ElementName(parsing: element), by: step)
  }
}
