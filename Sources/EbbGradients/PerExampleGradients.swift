public import EbbData
public import EbbGraph
internal import EbbNetworks
public import EbbTraining

/// What each example of a batch wants, on its own (M24).
///
///     let examples = try model.perExampleGradients(on: batch)
///     examples[0]["hidden1.weight"]           // the first row's gradient, [outputs, inputs]
///     examples[0].wish("hidden1.activation")  // minus its gradient: where it wants the neurons
///     examples.average("hidden1.weight")      // what training follows: the batch's mean gradient
///
/// In double precision, in evaluation (nothing is dropped). A dense layer's gradient is kept as its two
/// factors, δ and h, and multiplied out when it is asked for; so is that of anything used as x W or
/// added to every row. A parameter used in another way, and all of a network whose layers mix rows, is
/// computed one example at a time and kept: then memory grows with rows times parameters.
public struct PerExampleGradients: Sendable, RandomAccessCollection {
  /// The parameters in the order of declaration.
  public let parameterNames: [String]
  /// The values from `features` to `predictions`, in the order of the forward pass.
  public let valueNames: [String]
  let storage: Storage

  /// The numbers of all examples, one row each.
  struct Storage: Sendable {
    /// The examples' rows in the dataset.
    var rows: [Int] = []
    /// Numbers by name, with the shape of one example's part.
    var columns: [String: (shape: Shape, numbers: [Double])] = [:]
    /// How each parameter's and value's gradient is made from columns.
    var gradients: [String: Source] = [:]
    /// The column of each value.
    var values: [String: String] = [:]
    var losses = ""
    var specifications: [ParameterSpecification] = []

    enum Source: Sendable {
      case column(String)
      case products([(left: String, right: String)], ParameterSpecification)
      case sum([String], Shape)
    }
  }

  /// 0.
  public var startIndex: Int { 0 }
  /// How many examples there are.
  public var endIndex: Int { storage.rows.count }
  /// An example by its place in the batch.
  public subscript(position: Int) -> ExampleGradients {
    precondition(position >= 0 && position < count, "example \(position) of \(count)")
    return ExampleGradients(
      parameterNames: parameterNames, valueNames: valueNames, storage: storage,
      position: position)
  }

  /// The average of the examples' gradients: the batch's mean gradient of a parameter. Nil if there is
  /// no parameter or value of the name.
  public func average(_ name: String) -> NDArray<Double>? {
    guard var total = first?[name] else { return nil }
    for example in dropFirst() {
      guard let next = example[name] else { return nil }
      total = NDArray(zip(total.elements, next.elements).map { $0 + $1 }, shape: total.shape)
    }
    let count = Double(count)
    return total.map { $0 / count }
  }
}

/// What one example wants: its loss, and how that changes with every parameter and every value.
public struct ExampleGradients: Sendable {
  /// The parameters in the order of declaration.
  public let parameterNames: [String]
  /// The values from `features` to `predictions`, in the order of the forward pass.
  public let valueNames: [String]
  private let storage: PerExampleGradients.Storage
  private let position: Int

  init(
    parameterNames: [String], valueNames: [String], storage: PerExampleGradients.Storage,
    position: Int
  ) {
    self.parameterNames = parameterNames
    self.valueNames = valueNames
    self.storage = storage
    self.position = position
  }

  /// The example's row in the dataset.
  public var row: Int { storage.rows[position] }

  /// The example's loss.
  public var loss: Double { column(storage.losses)?.elements.first ?? .nan }

  /// The gradient of the example's loss by a parameter, in the orientation of a = W h + b, or by a
  /// value [units]; nil if there is none of the name.
  public subscript(name: String) -> NDArray<Double>? {
    switch storage.gradients[name] {
    case .column(let column): return self.column(column)
    case .sum(let columns, let shape):
      var total = [Double](repeating: 0, count: shape.count)
      for part in columns.compactMap(column) {
        for index in total.indices { total[index] += part.elements[index] }
      }
      return NDArray(total, shape: shape)
    case .products(let products, let specification):
      var total = [Double](repeating: 0, count: specification.shape.count)
      for (left, right) in products {
        guard let left = column(left), let right = column(right) else { return nil }
        for (i, x) in left.elements.enumerated() {
          for (j, delta) in right.elements.enumerated() { total[i * right.count + j] += x * delta }
        }
      }
      return specification.inFileOrder(NDArray(total, shape: specification.shape))
    case nil: return nil
    }
  }

  /// What the example wants changed: minus its gradient. For an activation, the nudge it would give
  /// each neuron.
  public func wish(_ name: String) -> NDArray<Double>? { self[name]?.map { -$0 } }

  /// The numbers of a value for this example, such as `hidden1.activation` [units].
  public func value(_ name: String) -> NDArray<Double>? { storage.values[name].flatMap(column) }

  private func column(_ name: String) -> NDArray<Double>? {
    guard let (shape, numbers) = storage.columns[name] else { return nil }
    let width = shape.count
    return NDArray(Array(numbers[position * width..<(position + 1) * width]), shape: shape)
  }
}

extension Model {
  /// The gradient of each example's own loss by every parameter and every value in between.
  ///
  /// - Parameters:
  ///   - classWeights: a factor for the loss of each class's rows.
  ///   - throughPredictions: whether the loss is computed from the predictions, so that there is a
  ///     gradient by them.
  /// - Throws: `ModelError` if the batch does not fit the network.
  public func perExampleGradients(
    on batch: Batch, classWeights: [Double]? = nil, throughPredictions: Bool = false
  ) throws -> PerExampleGradients {
    let form = LossTrace.Form(throughPredictions: throughPredictions)
    let trace = try LossTrace(self, rows: RowRunner.rows(for: batch), form: form)
    var reading = PerExampleReading(trace, rows: batch.rows.map { Int($0) })
    try reading.readTogether(self, batch, classWeights)
    if !reading.alone.isEmpty {
      try reading.readAlone(
        self, try LossTrace(self, rows: 1, form: form), batch, classWeights)
    }
    return PerExampleGradients(
      parameterNames: trace.parameters.map(\.name), valueNames: trace.values.map(\.name),
      storage: reading.storage)
  }
}

extension RowRunner {
  /// The rows of the trace for a batch; at least 2, so that what belongs to rows shows.
  static func rows(for batch: Batch) -> Int { max(2, min(mostRows, batch.count)) }
}

/// Fills the storage of per-example gradients.
private struct PerExampleReading {
  let trace: LossTrace
  var storage = PerExampleGradients.Storage()
  /// The parameters and values that have to be computed one example at a time.
  var alone: Set<String> = []
  private var nodes: [(node: NodeID, shape: Shape)] = []

  init(_ trace: LossTrace, rows: [Int]) {
    self.trace = trace
    storage.rows = rows
    let dependence = RowDependence(trace.graph, rows: trace.rows)
    let isSeparable = dependence.kinds[trace.rowLosses.index] == .perRow
    storage.losses = isSeparable ? column(trace.rowLosses, .scalar) : ""
    for (entry, factors) in zip(trace.parameters, trace.rowFactors()) {
      let shape = entry.shape
      switch factors {
      case .alone: alone.insert(entry.name)
      case .rows(let parts):
        storage.gradients[entry.name] = .sum(parts.map { column($0, shape) }, shape)
      case .products(let parts):
        guard let specification = trace.specifications.first(where: { $0.name == entry.name })
        else { continue }
        storage.gradients[entry.name] = .products(
          parts.map { (left: column($0.left, [shape[0]]), right: column($0.right, [shape[1]])) },
          specification)
      }
    }
    for entry in trace.values {
      guard isSeparable, dependence.kinds[entry.value.index] == .perRow else {
        alone.insert(entry.name)
        continue
      }
      let shape = Shape(Array(entry.shape.extents.dropFirst()))
      storage.values[entry.name] = column(entry.value, shape)
      storage.gradients[entry.name] =
        entry.gradient.map { .column(column($0, shape)) } ?? .sum([], shape)
    }
  }

  /// The column that a node's rows go to.
  private mutating func column(_ node: NodeID, _ shape: Shape) -> String {
    let name = RowRunner.name(of: node)
    if storage.columns[name] == nil {
      storage.columns[name] = (shape, [])
      nodes.append((node, shape))
    }
    return name
  }

  /// Many examples at a time.
  mutating func readTogether(_ model: Model, _ batch: Batch, _ classWeights: [Double]?) throws {
    guard !nodes.isEmpty else { return }
    let runner = try RowRunner(
      model, trace, reading: nodes.map(\.node), classWeights: classWeights, precision: .double)
    try runner.run(batch) { count, found in
      for (node, shape) in nodes {
        let name = RowRunner.name(of: node)
        let numbers = found[name] ?? []
        storage.columns[name]?.numbers += numbers.prefix(count * shape.count)
      }
    }
  }

  /// One example at a time.
  mutating func readAlone(
    _ model: Model, _ single: LossTrace, _ batch: Batch, _ classWeights: [Double]?
  ) throws {
    var targets: [(node: NodeID, column: String)] = []
    func add(_ node: NodeID, _ column: String, _ shape: Shape) -> String {
      storage.columns[column] = (shape, [])
      targets.append((node, column))
      return column
    }
    var turned: [String: ParameterSpecification] = [:]
    for (entry, specification) in zip(single.parameters, single.specifications)
    where alone.contains(entry.name) {
      let shape = specification.fileShape
      let name = "alone gradient \(entry.name)"
      if specification.isTurned { turned[name] = specification }
      storage.gradients[entry.name] =
        entry.gradient.map { .column(add($0, name, shape)) } ?? .sum([], shape)
    }
    for (entry, many) in zip(single.values, trace.values) where alone.contains(entry.name) {
      // With its rows, of which there is one.
      let hasRows = entry.shape.extents.first == 1 && many.shape.extents.first == trace.rows
      let shape = hasRows ? Shape(Array(entry.shape.extents.dropFirst())) : entry.shape
      storage.values[entry.name] = add(entry.value, "alone value \(entry.name)", shape)
      storage.gradients[entry.name] =
        entry.gradient.map { .column(add($0, "alone gradient \(entry.name)", shape)) }
        ?? .sum([], shape)
    }
    if storage.losses.isEmpty { storage.losses = add(single.rowLosses, "alone losses", .scalar) }
    let runner = try RowRunner(
      model, single, reading: targets.map(\.node), classWeights: classWeights, precision: .double)
    try runner.run(batch) { _, found in
      for (node, column) in targets {
        var numbers = found[RowRunner.name(of: node)] ?? []
        if let specification = turned[column] {
          numbers = specification.inFileOrder(NDArray(numbers, shape: specification.shape)).elements
        }
        storage.columns[column]?.numbers += numbers
      }
    }
  }
}
