public import EbbData
public import EbbGradients
public import EbbGraph
public import EbbNetworks
public import EbbTraining

/// A way to a gradient; all give the same number (M15).
public enum GradientMethod: String, CaseIterable, Hashable, Sendable {
  /// Forward passes only: move the number a little, see what the loss does. Four passes for each
  /// number, so about 4 P for all P parameters.
  case wiggling
  /// The chain rule path by path: as many products as there are paths from the weight to the loss, the
  /// product of the widths of the layers above.
  case paths
  /// Backpropagation: all gradients for about three forward passes.
  case backpropagation
}

/// What a gradient cost.
public struct GradientCost: Hashable, Sendable {
  /// How often the network was run forward.
  public let forwardPasses: Int
  /// Arithmetic operations, as ``Graph/operationCounts`` counts them: of the forward passes, of the
  /// products along paths and their sum, of the backward pass.
  public let operations: Int
}

/// The gradient of one number, and how it was found.
public struct ElementGradient: Sendable {
  /// The parameter's or value's element.
  public let element: ElementName
  /// ∂L/∂element.
  public let value: Double
  /// How it was found.
  public let method: GradientMethod
  /// What it cost.
  public let cost: GradientCost
  /// By wiggling: the most neurons that a step took over a kink; they were held on their side.
  public let kinksCrossed: Int
  /// By paths: every path with its factors.
  public let paths: PathSum?
}

/// The gradient by a whole parameter or value, and how it was found.
public struct TensorGradient: Sendable {
  /// The parameter or value.
  public let name: String
  /// In the orientation of a = W h + b for parameters, [rows, units] for values.
  public let values: NDArray<Double>
  /// How it was found.
  public let method: GradientMethod
  /// What it cost.
  public let cost: GradientCost
  /// By wiggling: the most neurons that a step took over a kink.
  public let kinksCrossed: Int
}

extension Model {
  /// The gradient of a batch's loss by one number, in one of three ways.
  ///
  ///     for method in GradientMethod.allCases {
  ///       print(try model.gradient(of: "hidden1.weight[3,7]", on: batch, by: method).value)
  ///     }
  ///
  /// - Parameters:
  ///   - element: a parameter's element, such as `hidden1.weight[3,7]` for unit 3 and input 7, or a
  ///     value's, such as `hidden1.activation[0,3]` for row 0 of the batch and unit 3.
  ///   - reduction: how the rows' losses are joined.
  /// - Throws: `ElementNameError` for a name or index that does not fit; by paths `ExplanationError`
  ///   for values, for layers that are not dense and for more than 100,000 paths; `ModelError` if the
  ///   batch does not fit.
  public func gradient(
    of element: String, on batch: Batch, by method: GradientMethod,
    reduction: GradientReduction = .mean
  ) throws -> ElementGradient {
    var name = try ElementName(parsing: element)
    if method == .paths {
      let sum = try paths(of: element, on: batch, reduction: reduction)
      return ElementGradient(
        element: name, value: sum.total, method: method,
        cost: try cost(
          along: sum.multiplications + sum.paths.count * batch.count, rows: batch.count),
        kinksCrossed: 0, paths: sum)
    }
    name = try name.resolved(among: knownNames)
    if method == .wiggling {
      var wiggling = try Wiggling(
        self, batch, name.name, factors: try batch.factors(reduction))
      let value = try wiggling.slope(at: try name.position(in: wiggling.shape)).value
      return ElementGradient(
        element: name, value: value, method: method, cost: wiggling.cost,
        kinksCrossed: wiggling.kinksCrossed, paths: nil)
    }
    let whole = try gradient(ofAll: name.name, on: batch, by: method, reduction: reduction)
    let position = try name.position(in: whole.values.shape)
    return ElementGradient(
      element: name, value: whole.values.elements[position],
      method: method, cost: whole.cost, kinksCrossed: 0, paths: nil)
  }

  /// The gradient of a batch's loss by all numbers of a parameter or value, in one of three ways.
  ///
  /// - Parameter name: such as `hidden1.weight`, `hidden1.activation`, `predictions`.
  /// - Throws: as ``gradient(of:on:by:reduction:)``.
  public func gradient(
    ofAll name: String, on batch: Batch, by method: GradientMethod,
    reduction: GradientReduction = .mean
  ) throws -> TensorGradient {
    switch method {
    case .wiggling:
      let name = try ElementName(name, []).resolved(among: knownNames).name
      var wiggling = try Wiggling(
        self, batch, name, factors: try batch.factors(reduction))
      let values = try (0..<wiggling.shape.count).map { try wiggling.slope(at: $0).value }
      return TensorGradient(
        name: name, values: NDArray(values, shape: wiggling.shape), method: method,
        cost: wiggling.cost, kinksCrossed: wiggling.kinksCrossed)
    case .paths:
      guard let shape = self[name]?.shape else {
        throw ExplanationError(
          .unknownElement, LossTrace.unknown(name, among: parameters.map(\.name)))
      }
      let chain = try LayerChain(self, batch, reduction: reduction)
      var (values, along) = ([Double](), 0)
      for offset in 0..<shape.count {
        let lattice = try PathLattice(
          ElementName(name, offset: offset, in: shape), chain, outputs: nil)
        try lattice.check(limit: PathLattice.defaultLimit)
        var value = 0.0
        along += lattice.walk { value += $1.reduce(0, +) }
        along += Int(lattice.pathCount) * batch.count
        values.append(value)
      }
      return TensorGradient(
        name: name, values: NDArray(values, shape: shape), method: method,
        cost: try cost(along: along, rows: batch.count), kinksCrossed: 0)
    case .backpropagation:
      let name = try ElementName(name, []).resolved(among: knownNames).name
      let found = try gradients(
        on: batch, reduction: reduction,
        throughPredictions: name == NetworkTrace.Port.predictions)
      guard let values = found[name] else {
        throw ExplanationError(.unknownElement, "the trace has no gradient by \(name)")
      }
      let counts = try operationCounts(rows: batch.count)
      return TensorGradient(
        name: name, values: values, method: method,
        cost: GradientCost(
          forwardPasses: 1, operations: counts.forward.total + counts.backward.total),
        kinksCrossed: 0)
    }
  }

  /// One forward pass gives all factors; then come the products, and an addition for each.
  private func cost(along: Int, rows: Int) throws -> GradientCost {
    GradientCost(
      forwardPasses: 1, operations: try operationCounts(rows: rows).forward.total + along)
  }

  /// The parameters, and the values from `features` to `predictions`.
  private var knownNames: [String] {
    get throws {
      parameters.map(\.name) + (try LossTrace(self, rows: 1, backward: false).values.map(\.name))
    }
  }
}

extension Wiggling {
  fileprivate var cost: GradientCost {
    GradientCost(forwardPasses: passes, operations: passes * operationsPerPass)
  }
}
