public import EbbData
internal import EbbGraph
public import EbbTraining

/// How long each example's own gradient is: per parameter, and of all parameters together.
///
///     let norms = try model.perExampleGradientNorms(on: batch)
///     norms.total              // one number for each row
///     norms["hidden1.weight"]  // of one parameter
///
/// A long gradient marks an example from which the network would still learn much: a hard one, or one
/// with a wrong label.
public struct PerExampleGradientNorms: Sendable {
  /// The parameters in the order of declaration.
  public let parameterNames: [String]
  /// The loss of each row, without class weights, in the batch's order.
  public private(set) var losses: [Double] = []
  private var squares: [String: [Double]] = [:]

  fileprivate init(parameterNames: [String]) {
    self.parameterNames = parameterNames
    for name in parameterNames { squares[name] = [] }
  }

  fileprivate mutating func append(_ new: [Double], of name: String) {
    squares[name]?.append(contentsOf: new)
  }

  fileprivate mutating func append(losses new: some Sequence<Double>) {
    losses.append(contentsOf: new)
  }

  /// The norm of each row's gradient by one parameter; nil if there is none of the name.
  public subscript(name: String) -> [Double]? { squares[name]?.map { $0.squareRoot() } }

  /// The norm of each row's gradient by all parameters: of the whole vector ∇L.
  public var total: [Double] {
    var sums = [Double](repeating: 0, count: losses.count)
    for name in parameterNames {
      for (row, square) in (squares[name] ?? []).enumerated() { sums[row] += square }
    }
    return sums.map { $0.squareRoot() }
  }
}

extension Model {
  /// The norm of each example's own gradient, without making the gradients.
  ///
  /// For a dense layer, |δ hᵀ|² = |δ|² |h|²: the backward pass to δ is all it takes (Goodfellow,
  /// *Efficient per-example gradient computations*, 2015). With several uses of one weight,
  /// Σ_{s,t} (δ_s·δ_t)(h_s·h_t). A parameter used in another way is computed one example at a time.
  ///
  /// - Parameters:
  ///   - classWeights: a factor for the loss of each class's rows.
  ///   - precision: single by default, as training computes; the squares are added in Double in either.
  ///   - threads: the most threads to use in single precision. No result depends on it.
  /// - Throws: `ModelError` if the batch does not fit the network.
  public func perExampleGradientNorms(
    on batch: Batch, classWeights: [Double]? = nil, precision: GradientPrecision = .single,
    threads: Int = 1
  ) throws -> PerExampleGradientNorms {
    let trace = try LossTrace(self, rows: RowRunner.rows(for: batch))
    let factors = zip(trace.parameters, trace.rowFactors())
    var norms = PerExampleGradientNorms(parameterNames: trace.parameters.map(\.name))

    let together = factors.filter { $1 != .alone }
    let runner = try RowRunner(
      self, trace, reading: [trace.rowLosses] + together.flatMap(\.1.nodes),
      classWeights: classWeights, precision: precision, threads: threads)
    // The losses of layers that mix rows are those of the examples alone, as their gradients.
    let isSeparable = trace.isSeparable
    if !together.isEmpty || isSeparable {
      try runner.run(batch) { count, found in
        var rows = RowProducts(found, trace.graph)
        if isSeparable {
          norms.append(losses: (found[RowRunner.name(of: trace.rowLosses)] ?? []).prefix(count))
        }
        for (parameter, factors) in together {
          norms.append((0..<count).map { rows.square(factors, row: $0) }, of: parameter.name)
        }
      }
    }
    let alone = Set(factors.filter { $1 == .alone }.map(\.0.name))
    guard !alone.isEmpty || !isSeparable else { return norms }
    let single = try LossTrace(self, rows: 1)
    let others = single.parameters.filter { alone.contains($0.name) }
    let singleRunner = try RowRunner(
      self, single, reading: [single.rowLosses] + others.compactMap(\.gradient),
      classWeights: classWeights, precision: precision, threads: threads)
    try singleRunner.run(batch) { _, found in
      if !isSeparable { norms.append(losses: found[RowRunner.name(of: single.rowLosses)] ?? []) }
      for parameter in others {
        let gradient = parameter.gradient.flatMap { found[RowRunner.name(of: $0)] } ?? []
        norms.append([gradient.reduce(0) { $0 + $1 * $1 }], of: parameter.name)
      }
    }
    return norms
  }
}

extension LossTrace {
  /// Whether each row's loss depends on its own example alone.
  var isSeparable: Bool {
    RowDependence(graph, rows: rows).kinds[rowLosses.index] == .perRow
  }
}

extension RowFactors {
  /// The values whose rows are needed.
  fileprivate var nodes: [NodeID] {
    switch self {
    case .products(let products): products.flatMap { [$0.left, $0.right] }
    case .rows(let nodes): nodes
    case .alone: []
    }
  }
}

/// The inner products of rows of values.
private struct RowProducts {
  private let found: [String: [Double]]
  private let graph: Graph
  private var squares: [NodeID: [Double]] = [:]

  init(_ found: [String: [Double]], _ graph: Graph) {
    self.found = found
    self.graph = graph
  }

  /// |gradient|² of one example.
  mutating func square(_ factors: RowFactors, row: Int) -> Double {
    switch factors {
    case .products(let products):
      if products.count == 1 {
        return square(products[0].left)[row] * square(products[0].right)[row]
      }
      var total = 0.0
      for a in products {
        for b in products {
          total += dot(a.left, b.left, row) * dot(a.right, b.right, row)
        }
      }
      // Products that cancel can leave a rounding error below 0.
      return total < 0 ? 0 : total
    case .rows(let nodes):
      if nodes.count == 1 { return square(nodes[0])[row] }
      var total = 0.0
      for a in nodes { for b in nodes { total += dot(a, b, row) } }
      return total < 0 ? 0 : total
    case .alone: return .nan
    }
  }

  private func numbers(_ node: NodeID) -> [Double] { found[RowRunner.name(of: node)] ?? [] }

  private func width(_ node: NodeID) -> Int {
    graph[node].shape.extents.dropFirst().reduce(1, *)
  }

  /// Each row's sum of squares.
  private mutating func square(_ node: NodeID) -> [Double] {
    if let known = squares[node] { return known }
    let (numbers, width) = (numbers(node), width(node))
    let result = (0..<graph[node].shape[0]).map { row in
      var total = 0.0
      for place in row * width..<(row + 1) * width { total += numbers[place] * numbers[place] }
      return total
    }
    squares[node] = result
    return result
  }

  private func dot(_ a: NodeID, _ b: NodeID, _ row: Int) -> Double {
    let (x, y, width) = (numbers(a), numbers(b), width(a))
    var total = 0.0
    for place in row * width..<(row + 1) * width { total += x[place] * y[place] }
    return total
  }
}
