internal import EbbData
public import EbbGradients
public import EbbGraph
internal import EbbNetworks
internal import EbbSystem
internal import EbbTraining

/// The chain of factors from the loss to single weights or biases (M23, M29):
///
/// ∂L/∂W_{1,i,j} = ∂L/∂ŷ · ∂ŷ/∂a_3 · ∂a_3/∂h_2 · ∂h_2/∂a_2 · ∂a_2/∂h_1 · ∂h_1/∂a_1 · ∂a_1/∂W_{1,i,j}
///
/// Every factor is a Jacobian, beside differences of its own function. The products from the left,
/// ∂L/∂ŷ, ∂L/∂a_3, …, are stored and used by every weight below: only the last factor is a weight's
/// own.
public struct FactorChain: Sendable {
  /// A factor that all weights below it share.
  public struct Factor: Sendable {
    /// Such as `∂a3/∂h2`.
    public let name: String
    /// The Jacobian, m × n.
    public let matrix: NDArray<Double>
    /// What the product of all factors up to this one is, such as `∂L/∂h2`.
    public let productName: String
    /// That product: a row of n numbers.
    public let product: [Double]
    /// The same entries by differences of the factor's own function, row by row; nil where they were
    /// not measured: at a kink, or because there are many.
    public let differences: [Double?]
    /// The furthest that the two are apart, relative to the largest entry; nil if none was measured.
    public let differenceDeviation: Double?
    /// The layer whose weights are the first to need it, from 1; D for those of the loss.
    public let layer: Int
  }

  /// The chain of one weight or bias.
  public struct Chain: Sendable {
    /// Such as `hidden1.weight[0,0]`.
    public let element: ElementName
    /// The layer, from 1.
    public let layer: Int
    /// The names of all factors.
    public let names: [String]
    /// The last factor, the weight's own: a column.
    public let last: [Double]
    /// How many of the shared factors an earlier chain has computed already.
    public let reused: Int
    /// How many shared factors there are.
    public let shared: Int
    /// The product of all factors.
    public let product: Double
    /// Backpropagation's gradient of this weight.
    public let gradient: Double
  }

  /// The shared factors, from the loss down.
  public let factors: [Factor]
  /// The chains, in the order asked for.
  public let chains: [Chain]

  /// The chains of some weights or biases.
  ///
  /// - Parameter elements: such as `hidden1.weight[0,0]`, at least one.
  /// - Throws: ``ElementNameError`` if there is no such parameter or element, `ExplanationError` if
  ///   the network holds anything but dense layers, activations and dropout.
  public init(_ subject: ExplanationSubject, elements: [ElementName]) throws {
    let plans = try LayerPlan.ofEquations(subject.model.network)
    let shown = ShownNumbers(numbers: subject.numbers, unfused: subject.unfused)
    let layers = try plans.map { try EquationsExplanation.Layer($0, shown) }
    let elements = try elements.map { try subject.model.parameterElement($0.description) }
    let places = elements.map { element in
      layers.firstIndex { element.name.hasPrefix("\($0.name).") } ?? 0
    }
    let lowest = places.min() ?? 0
    let factors = try Self.shared(layers, subject, shown, downTo: lowest)
    self.factors = factors
    var deepest = 0
    var chains: [Chain] = []
    for (element, place) in zip(elements, places) {
      let layer = layers[place]
      let shared = factors.prefix { $0.layer >= place + 1 }
      let isBias = element.name.hasSuffix(".bias")
      var last = [Double](repeating: 0, count: layer.units)
      last[element.indices[0]] = isBias ? 1 : layer.input[element.indices[1]]
      let gradients = try shown.gradient(element.name)
      let indices = element.indices.map(String.init).joined(separator: ",")
      chains.append(
        Chain(
          element: element, layer: place + 1,
          names: shared.map(\.name)
            + ["∂a\(place + 1)/∂\(isBias ? "b" : "W")\(place + 1)[\(indices)]"],
          last: last, reused: min(deepest, shared.count), shared: shared.count,
          product: zip(shared.last?.product ?? [], last).reduce(0) { $0 + $1.0 * $1.1 },
          gradient: gradients.elements[try element.position(in: gradients.shape)]))
      deepest = max(deepest, shared.count)
    }
    self.chains = chains
  }

  /// The factors from the loss down to the sums of a layer.
  private static func shared(
    _ layers: [EquationsExplanation.Layer], _ subject: ExplanationSubject, _ shown: ShownNumbers,
    downTo lowest: Int
  ) throws -> [Factor] {
    let loss = subject.model.loss
    let names = NetworkTrace.Port.self
    let predictions = try shown.value(names.predictions)
    let byPredictions = shown.unfused[names.predictions]?.elements ?? []
    let last = layers.count
    var product = byPredictions
    var factors: [Factor] = []
    func add(
      _ name: String, _ matrix: NDArray<Double>, gives productName: String, _ layer: Int,
      _ measured: FactorDifference?
    ) {
      if !factors.isEmpty {
        let columns = matrix.shape[1]
        var next = [Double](repeating: 0, count: columns)
        for (row, value) in product.enumerated() where value != 0 {
          for column in 0..<columns {
            next[column] += value * matrix.elements[row * columns + column]
          }
        }
        product = next
      }
      factors.append(
        Factor(
          name: name, matrix: matrix, productName: productName, product: product,
          differences: measured?.values ?? [Double?](repeating: nil, count: matrix.count),
          differenceDeviation: measured?.deviation, layer: layer))
    }
    let hasSlope = !layers[last - 1].activations.isEmpty
    let argument = hasSlope ? "h\(last)" : "a\(last)"
    let top = NDArray(byPredictions, shape: [1, byPredictions.count])
    let isLost = loss.losesGradient(
      at: predictions.elements,
      targets: loss.targets(of: subject.row, outputs: predictions.count),
      smallest: subject.precision.smallest)
    if !isLost {
      let row = try loss.targetSource(subject.row, outputs: predictions.count)
      add(
        "∂L/∂ŷ", top, gives: "∂L/∂ŷ", last,
        try FactorDifference(
          from: top, at: predictions.elements, steps: loss.steps(at: predictions.elements, row)
        ) { y in
          loss.perRow(predictions: y.reshaped(to: top.shape), targets: row.tensor(in: y.builder))
        })
      if loss.outputFunction != .identity {
        let jacobian = loss.outputFunction.jacobian(at: predictions.elements)
        let outputs = try shown.value(layers[last - 1].outputName).elements
        add(
          "∂ŷ/∂\(argument)", jacobian, gives: "∂L/∂\(argument)", last,
          try FactorDifference(from: jacobian, at: outputs) { a in
            loss.outputFunction(a.reshaped(to: top.shape)).reshaped(to: a.shape)
          })
      }
    } else {
      // A prediction is 0 or 1 to the last digit: the chain begins behind it, with loss and output
      // function fused, as training computes them.
      product = try shown.gradient(layers[last - 1].outputName).elements
      add(
        "∂L/∂\(argument)", NDArray(product, shape: top.shape), gives: "∂L/∂\(argument)", last, nil)
    }
    for index in (lowest..<last).reversed() {
      let (layer, k) = (layers[index], index + 1)
      if !layer.activations.isEmpty {
        let diagonal = NDArray(
          (0..<layer.units * layer.units).map { place in
            place / layer.units == place % layer.units ? layer.slopes[place % layer.units] : 0
          }, shape: [layer.units, layer.units])
        // ŷ itself is h_D where there is no output function.
        let top = k == last && loss.outputFunction == .identity ? "ŷ" : "h\(k)"
        add(
          "∂\(top)/∂a\(k)", diagonal, gives: "∂L/∂a\(k)", k,
          try FactorDifference(
            from: diagonal, at: layer.sums, steps: FactorDifference.stepsBesideKinks(layer.sums)
          ) { a in layer.activations.reduce(a) { $1($0) } })
      }
      guard index > lowest else { continue }
      let top =
        k == last && loss.outputFunction == .identity && layer.activations.isEmpty ? "ŷ" : "a\(k)"
      let weight = layer.weight
      add(
        "∂\(top)/∂h\(index)", weight, gives: "∂L/∂h\(index)", index,
        try FactorDifference(from: weight, at: layer.input) { h in
          matmul(h.builder.constant(array: weight), h.reshaped(to: [layer.inputs, 1]))
            .reshaped(to: [layer.units])
        })
    }
    return factors
  }
}

/// Differences of one factor's function, apart from everything else.
struct FactorDifference {
  /// Row by row; nil: not measured.
  let values: [Double?]
  /// The furthest from the Jacobian, relative to its largest entry; nil: nothing was measured.
  let deviation: Double?

  /// The most columns that are measured.
  private static let mostColumns = 64
  private static let step = 1e-3

  /// Steps that do not cross a kink at 0.
  static func stepsBesideKinks(_ point: [Double]) -> [Double] {
    point.map { $0 == 0 ? 0 : min(step, $0.magnitude / 4) }
  }

  /// 4-point differences beside a Jacobian.
  ///
  /// - Parameter steps: how far each number is moved; 0: it is at a kink, and not measured.
  init(
    from jacobian: NDArray<Double>, at point: [Double], steps: [Double]? = nil,
    of function: (Tensor) -> Tensor
  ) throws {
    let (rows, columns) = (jacobian.shape[0], jacobian.shape[1])
    let traced = TracedFunction({ function($0[0]) }, of: [[columns]], for: "difference")
    let compiled = try traced.compiled([traced.value])
    let scale = jacobian.elements.reduce(0) { max($0, $1.magnitude) }
    var slopes = [Double?](repeating: nil, count: rows * columns)
    var worst: Double?
    for column in stride(from: 0, to: columns, by: max(1, columns / Self.mostColumns)) {
      let step = steps?[column] ?? Self.step
      guard step > 0 else { continue }
      let values = try [1.0, -1, 2, -2].map { factor in
        var moved = point
        moved[column] += factor * step
        return try compiled(at: [NDArray(moved)])[0].elements
      }
      for row in 0..<rows {
        let near = 8 * (values[0][row] - values[1][row])
        let slope = (near - (values[2][row] - values[3][row])) / (12 * step)
        slopes[row * columns + column] = slope
        let off = (slope - jacobian.elements[row * columns + column]).magnitude
        worst = max(worst ?? 0, scale > 0 ? off / scale : off)
      }
    }
    (self.values, deviation) = (slopes, worst)
  }
}

/// The targets of a row as a traced loss takes them.
private enum TargetSource {
  case labels(NDArray<Int32>)
  case numbers(NDArray<Double>)

  func tensor(in builder: GraphBuilder) -> Tensor {
    switch self {
    case .labels(let labels): builder.constant(indices: labels)
    case .numbers(let numbers): builder.constant(array: numbers)
    }
  }
}

extension Loss {
  fileprivate func targetSource(_ row: Batch, outputs: Int) throws -> TargetSource {
    if targetType == .index {
      guard case .classes(let labels, _) = row.dataset.targets, let place = row.rows.first else {
        throw ModelError("the loss needs labels")
      }
      return .labels(NDArray([labels[Int(place)]]))
    }
    return .numbers(NDArray(targets(of: row, outputs: outputs), shape: [1, outputs]))
  }

  /// How far each prediction may be moved: probabilities stay between 0 and 1, and no residual
  /// changes its side.
  fileprivate func steps(at predictions: [Double], _ source: TargetSource) -> [Double] {
    let step = 1e-3
    switch (self, source) {
    case (.absoluteError, .numbers(let targets)):
      return FactorDifference.stepsBesideKinks(
        zip(predictions, targets.elements).map { $0 - $1 })
    case (.huber(let delta), .numbers(let targets)):
      return zip(predictions, targets.elements).map { prediction, target in
        let distance = ((prediction - target).magnitude - delta).magnitude
        return distance == 0 ? 0 : min(step, distance / 4)
      }
    case (.squaredError, _): return predictions.map { _ in step }
    default: return predictions.map { step * max(min($0, 1 - $0), 1e-290) }
    }
  }
}
