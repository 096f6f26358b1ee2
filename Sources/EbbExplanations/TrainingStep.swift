package import EbbData
internal import EbbGradients
package import EbbGraph
package import EbbNetworks
package import EbbTraining

/// The step that training would do next: every number it is made of, in the subject's precision.
///
/// In single precision these are the numbers of ``Trainer/step(_:)``, bit for bit, dropout included.
package struct TrainingStep: Sendable {
  /// What the step does to one parameter; arrays in the orientation of a = W h + b.
  package struct Change: Sendable {
    package let name: String
    package let role: ParameterRole
    package let old: NDArray<Double>
    package let new: NDArray<Double>
    /// The gradient of the batch's loss, before clipping.
    package let gradient: NDArray<Double>
    /// What the rule is given: the gradient after clipping.
    package let clipped: NDArray<Double>
    /// What of the gradient comes from the subject's row; nil if it is not in the batch.
    package let rowPart: NDArray<Double>?
    /// The rule's arrays.
    package let slots: [Slot]
  }

  /// One of the rule's arrays.
  package struct Slot: Sendable {
    package let name: String
    package let old: NDArray<Double>
    package let new: NDArray<Double>
  }

  /// Clipping by the norm of all gradients together.
  package struct Clipping: Sendable, Hashable {
    package let limit: Double
    package let norm: Double
    /// What the gradients are multiplied by; 1 if their norm is within the limit.
    package let factor: Double
  }

  package let optimizer: any Optimizer
  package let options: TrainingOptions
  package let precision: ExplanationSubject.Precision
  /// Counted from 1.
  package let number: UInt64
  /// After the schedule.
  package let learningRate: Double
  /// The rule's numbers of this step.
  package let scalars: [(name: String, value: Double)]
  /// The rows that the step takes.
  package let batch: Batch
  package let batchName: String
  /// By what each row's loss is multiplied before the losses are added.
  package let factors: [Double]
  /// Where the subject's row stands in the batch; nil: not in it.
  package let position: Int?
  package let clipping: Clipping?
  /// In the order of the parameters.
  package let changes: [Change]

  /// The next step; nil if the subject knows nothing of training.
  ///
  /// - Parameter withRowPart: whether the row's part of each gradient is wanted too.
  /// - Throws: `ModelError` if the rows or the optimizer's arrays do not fit the model.
  package init?(_ subject: ExplanationSubject, withRowPart: Bool = false) throws {
    guard let moment = subject.moment else { return nil }
    let (model, options) = (subject.model, moment.options)
    (optimizer, self.options, precision) = (moment.optimizer, options, subject.precision)
    batch = subject.batch ?? subject.row
    batchName = subject.batch == nil ? "this row alone" : subject.batchName
    number = moment.steps + 1
    learningRate = moment.learningRate
    scalars = moment.optimizer.scalars(step: moment.steps + 1, learningRate: moment.learningRate)
    factors = try batch.factors(options.reduction, classWeights: options.classWeights)
    position = batch.position(ofRowLike: subject.row)

    let trace = try Self.trace(model, rows: batch.count, moment.optimizer, options)
    var (numbers, indices) = try trace.inputs(model, batch, factors: factors, as: Double.self)
    for (name, value) in scalars {
      numbers[NetworkTrace.Port.scalar(name)] = NDArray(scalar: value)
    }
    for specification in trace.specifications {
      for slot in moment.optimizer.slots {
        let name = "\(specification.name).\(slot)"
        guard let array = moment.slots[name], array.shape == specification.fileShape else {
          throw ModelError(
            "the optimizer's state lacks \(name) of shape \(specification.fileShape)")
        }
        numbers[NetworkTrace.slotName(specification.name, slot)] = NDArray(
          specification.memoryValues(array).map { Double($0) }, shape: specification.shape)
      }
    }
    func run(_ numbers: [String: NDArray<Double>]) throws -> [String: NDArray<Double>] {
      try subject.precision.numbers(
        of: trace.graph, numbers, indices: indices, seed: options.seed, step: moment.steps + 1)
    }
    let found = try run(numbers)
    var ofRow: [String: NDArray<Double>]?
    if withRowPart, let position {
      var (others, alone) = (numbers, [Double](repeating: 0, count: factors.count))
      alone[position] = factors[position]
      others[NetworkTrace.Port.rowWeights] = NDArray(alone)
      ofRow = try run(others)
    }
    func array(_ port: String, _ specification: ParameterSpecification) throws -> NDArray<Double> {
      guard let array = found[port] ?? numbers[port] else {
        throw ModelError("the training step lacks \(port)")
      }
      return specification.inFileOrder(array)
    }
    let slotNames = moment.optimizer.slots
    let changes = try trace.specifications.map { specification in
      let name = specification.name
      return Change(
        name: name, role: specification.role, old: try array(name, specification),
        new: try array(Port.new(name), specification),
        gradient: try array(Port.joined(name), specification),
        clipped: try array(Port.clipped(name), specification),
        rowPart: ofRow?[Port.joined(name)].map { specification.inFileOrder($0) },
        slots: try slotNames.map { slot in
          let port = NetworkTrace.slotName(name, slot)
          return Slot(
            name: slot, old: try array(port, specification),
            new: try array(Port.new(port), specification))
        })
    }
    self.changes = changes
    clipping = options.gradientClipping.map { limit in
      let squares = changes.flatMap(\.gradient.elements).reduce(0) { $0 + $1 * $1 }
      let norm = squares.squareRoot()
      return Clipping(
        limit: limit, norm: norm, factor: norm.isFinite && norm > limit ? limit / norm : 1)
    }
  }

  /// The change of a parameter by its name.
  func change(of name: String) -> Change? { changes.first { $0.name == name } }

  /// The names of outputs in the step's graph.
  private enum Port {
    static func joined(_ name: String) -> String { "joined \(name)" }
    static func clipped(_ name: String) -> String { "clipped \(name)" }
    static func new(_ name: String) -> String { "new \(name)" }
  }

  /// Forward, backward and the rule's update, as ``NetworkTrace/step(rows:optimizer:options:)`` traces
  /// them, with names for what lies between.
  private static func trace(
    _ model: Model, rows: Int, _ optimizer: any Optimizer, _ options: TrainingOptions
  ) throws -> LossTrace {
    let roles = model.parameters.map { ($0.name, $0.role) }
    return try LossTrace(model, rows: rows, form: .init(mode: .training)) { parameters, gradients in
      guard let builder = parameters.first?.builder else { return }
      let scalars = Dictionary(
        optimizer.scalarNames.map { ($0, builder.input(NetworkTrace.Port.scalar($0), shape: [])) },
        uniquingKeysWith: { first, _ in first })
      let biases = options.biasReduction ?? options.reduction
      let joined = zip(parameters, gradients).enumerated().map { index, pair in
        let gradient = pair.1 ?? builder.constant(0.0).expanded(to: pair.0.shape)
        guard roles[index].1 == .bias, biases != options.reduction else { return gradient }
        return builder.constant(biases == .sum ? Double(rows) : 1 / Double(rows)) * gradient
      }
      let used =
        options.gradientClipping.map { GradientClipping.clipped(joined, limit: $0) } ?? joined
      for (index, parameter) in parameters.enumerated() {
        let (name, role) = roles[index]
        let slotNames = optimizer.slots.map { NetworkTrace.slotName(name, $0) }
        let slots = slotNames.map { builder.parameter($0, shape: parameter.shape) }
        let updated = optimizer.update(
          parameter, gradient: used[index], slots: slots, scalars: scalars, role: role)
        builder.output(Port.joined(name), joined[index])
        builder.output(Port.clipped(name), used[index])
        builder.output(Port.new(name), updated.parameter)
        for (slot, value) in zip(slotNames, updated.slots) {
          builder.output(Port.new(slot), value)
        }
      }
    }
  }
}

extension ExplanationSubject.Precision {
  /// A graph's outputs in this precision, widened to Double; what is given is rounded first.
  func numbers(
    of graph: Graph, _ inputs: [String: NDArray<Double>],
    indices: [String: NDArray<Int32>] = [:], seed: UInt64 = 0, step: UInt64 = 0
  ) throws -> [String: NDArray<Double>] {
    switch self {
    case .double:
      return try Interpreter<Double>(graph)
        .numbers(inputs, indices: indices, seed: seed, step: step)
    case .single:
      let rounded = inputs.mapValues { $0.map { Float($0) } }
      return try Interpreter(inSinglePrecision: graph)
        .numbers(rounded, indices: indices, seed: seed, step: step)
        .mapValues { $0.map { Double($0) } }
    }
  }
}

extension Batch {
  /// The first row of the batch with the features and the target of another's only row.
  func position(ofRowLike other: Batch) -> Int? {
    guard let row = other.rows.first.map({ Int($0) }),
      dataset.featureCount == other.dataset.featureCount
    else { return nil }
    let features = other.dataset.features(ofRow: row)
    return rows.enumerated().first { _, candidate in
      dataset.features(ofRow: Int(candidate)).elementsEqual(features)
        && dataset.targets.areEqual(Int(candidate), other.dataset.targets, row)
    }?.offset
  }
}

extension Dataset.Targets {
  /// Whether a row is to give what a row of other targets is to give.
  fileprivate func areEqual(_ row: Int, _ other: Dataset.Targets, _ otherRow: Int) -> Bool {
    switch (self, other) {
    case (.none, .none): true
    case (.classes(let mine, _), .classes(let others, _)): mine[row] == others[otherRow]
    case (.values(let mine, let width), .values(let others, let otherWidth)):
      width == otherWidth
        && mine[row * width..<(row + 1) * width].elementsEqual(
          others[otherRow * width..<(otherRow + 1) * width])
    default: false
    }
  }
}
