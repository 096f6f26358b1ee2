internal import EbbData
internal import EbbGradients
internal import EbbGraph
internal import EbbNetworks
internal import EbbSystem
internal import EbbTraining

/// All paths from one weight to the loss: layers of units with an edge for each weight between them.
///
/// Level 0 is the unit that the weight feeds; each level above is a dense layer, and a last one the
/// predictions where paths go through them.
struct PathLattice {
  /// The edges from the level below, and the slopes behind them.
  struct Level {
    let units: Int
    let unitsBelow: Int
    /// An edge's factor, [unit, unit below]: one matrix, or one for each row.
    let edges: [NDArray<Double>]
    /// The slopes' product, [rows, units]; empty where there is no function.
    let slopes: [Double]
    let link: LayerChain.Link?
  }

  let element: ElementName
  let chain: LayerChain
  /// The layer that holds the weight.
  let base: LayerChain.Link
  let unit: Int
  /// The input of the weight; nil for a bias.
  let inputIndex: Int?
  let levels: [Level]
  /// ∂L/∂ of the last level's values: [rows, units].
  let ends: NDArray<Double>
  /// The row's share, times the weight's input, times the slopes of its unit.
  let start: [Double]

  /// The width of the last level.
  var lastUnits: Int { levels.last?.units ?? base.units }

  /// How many paths there are.
  var pathCount: Double {
    levels.isEmpty ? 1 : levels.reduce(1) { $0 * Double($1.units) }
  }

  /// The paths from an element of a chain's network.
  ///
  /// - Parameter outputs: the output function's level and the loss by the predictions; nil: paths end
  ///   at the outputs.
  init(
    _ element: ElementName, _ chain: LayerChain, outputs: (level: Level, ends: NDArray<Double>)?
  ) throws {
    let place = try Self.place(element, chain)
    let base = chain.links[place.link]
    let unit = place.unit
    start = (0..<chain.rows).map { row in
      let input = place.input.map { base.input.elements[row * base.inputs + $0] } ?? 1
      return chain.factors[row] * input * base.slope(row, unit)
    }
    let dense = chain.links[(place.link + 1)...].map { link in
      Level(
        units: link.units, unitsBelow: link.inputs, edges: [link.weight],
        slopes: link.slopes.isEmpty
          ? []
          : (0..<chain.rows).flatMap { row in (0..<link.units).map { link.slope(row, $0) } },
        link: link)
    }
    levels = dense + (outputs.map { [$0.level] } ?? [])
    ends = outputs?.ends ?? chain.links[chain.links.count - 1].gradientByOutputs
    (self.element, self.chain, self.base, self.unit) = (element, chain, base, unit)
    inputIndex = place.input
  }

  init(
    _ element: ElementName, _ model: Model, _ batch: Batch, reduction: GradientReduction,
    throughPredictions: Bool
  ) throws {
    let chain = try LayerChain(model, batch, reduction: reduction)
    try self.init(
      element, chain,
      outputs: throughPredictions ? try Self.outputs(model, batch, chain) : nil)
  }

  /// The output function's Jacobian, and each row's loss by its predictions.
  private static func outputs(
    _ model: Model, _ batch: Batch, _ chain: LayerChain
  ) throws -> (level: Level, ends: NDArray<Double>) {
    let trace = try LossTrace(model, rows: batch.count, form: .init(throughPredictions: true))
    let alone = [Double](repeating: 1, count: batch.count)
    let (numbers, indices) = try trace.inputs(model, batch, factors: alone, as: Double.self)
    let found = trace.gradients(
      try Interpreter<Double>(trace.graph).numbers(numbers, indices: indices), parameters: numbers)
    guard let outputs = found.value(chain.links[chain.links.count - 1].outputName),
      let ends = found[NetworkTrace.Port.predictions]
    else { throw ExplanationError(.unknownElement, "there are no predictions") }
    return (try outputLevel(model.loss.outputFunction, at: outputs), ends)
  }

  /// The output function as a level: its Jacobian on each row.
  private static func outputLevel(
    _ function: OutputFunction, at outputs: NDArray<Double>
  ) throws -> Level {
    let (rows, width) = (outputs.shape[0], outputs.shape[1])
    var jacobians = [NDArray<Double>](
      repeating: NDArray(repeating: 0, shape: [width, width]), count: rows)
    for unit in 0..<width {
      let slopes = try gradient(at: outputs) {
        sum(function($0).sliced(axis: 1, from: unit, to: unit + 1))
      }
      for row in 0..<rows {
        for below in 0..<width {
          jacobians[row].elements[unit * width + below] = slopes.elements[row * width + below]
        }
      }
    }
    return Level(units: width, unitsBelow: width, edges: jacobians, slopes: [], link: nil)
  }

  /// Which layer, unit and input an element is.
  private static func place(
    _ element: ElementName, _ chain: LayerChain
  ) throws -> (link: Int, unit: Int, input: Int?) {
    for (index, link) in chain.links.enumerated() {
      let extents: [Int]
      if element.name == "\(link.name).weight" {
        extents = [link.units, link.inputs]
      } else if element.name == "\(link.name).bias" && link.hasBias {
        extents = [link.units]
      } else {
        continue
      }
      _ = try element.position(in: Shape(extents))
      return (index, element.indices[0], extents.count == 2 ? element.indices[1] : nil)
    }
    let known = chain.links.flatMap { link in
      ["\(link.name).weight"] + (link.hasBias ? ["\(link.name).bias"] : [])
    }
    throw ExplanationError(
      .unknownElement,
      "paths lead from a weight or bias to the loss, and there is none named \(element.name.quotedForMessage); "
        + NameSuggestion.advice(for: element.name, among: known))
  }

  // MARK: Going up

  /// An edge's factor on a row.
  func edge(_ level: Int, _ row: Int, _ unit: Int, _ below: Int) -> Double {
    let edges = levels[level].edges
    return edges[edges.count == 1 ? 0 : row].elements[unit * levels[level].unitsBelow + below]
  }

  /// The slopes' product on a row.
  func slope(_ level: Int, _ row: Int, _ unit: Int) -> Double {
    let slopes = levels[level].slopes
    return slopes.isEmpty ? 1 : slopes[row * levels[level].units + unit]
  }

  /// The products along a path up to a level, taken one unit further.
  func extended(_ products: [Double], to level: Int, _ unit: Int, from below: Int) -> [Double] {
    products.indices.map { row in
      products[row] * edge(level, row, unit, below) * slope(level, row, unit)
    }
  }

  /// The products along a whole path, by rows.
  func finished(_ products: [Double], at unit: Int) -> [Double] {
    products.indices.map { products[$0] * ends.elements[$0 * lastUnits + unit] }
  }

  /// The products along the path through some units, by rows, in the order in which a listing
  /// multiplies.
  func products(along units: [Int]) -> [Double] {
    var products = start
    for level in levels.indices {
      products = extended(products, to: level, units[level + 1], from: units[level])
    }
    return finished(products, at: units[units.count - 1])
  }

  /// The sum over all paths without listing them: sums of products, level by level from the loss.
  var total: Double {
    var sums = ends.elements
    for level in levels.indices.reversed() {
      let (units, below) = (levels[level].units, levels[level].unitsBelow)
      var next = [Double](repeating: 0, count: chain.rows * below)
      for row in 0..<chain.rows {
        for unit in 0..<units {
          let through = slope(level, row, unit) * sums[row * units + unit]
          if through == 0 { continue }
          for origin in 0..<below {
            next[row * below + origin] += edge(level, row, unit, origin) * through
          }
        }
      }
      sums = next
    }
    return (0..<chain.rows).reduce(0) { $0 + start[$1] * sums[$1 * base.units + unit] }
  }

  // MARK: Naming

  /// A path with its factors named.
  func path(_ units: [Int], rowContributions: [Double]) -> WeightPath {
    var factors: [PathFactor] = []
    func add(_ kind: PathFactor.Kind, _ name: String, _ values: [Double]) {
      factors.append(PathFactor(kind: kind, name: name, values: values))
    }
    func addSlopes(_ link: LayerChain.Link, _ unit: Int) {
      for slope in link.slopes {
        add(
          .slope, "\(slope.activation.spelling)'(\(slope.argument)[\(unit)])",
          (0..<chain.rows).map { slope.values.elements[$0 * link.units + unit] })
      }
    }
    if let inputIndex {
      add(
        .input, "\(base.inputName)[\(inputIndex)]",
        (0..<chain.rows).map { base.input.elements[$0 * base.inputs + inputIndex] })
    }
    addSlopes(base, unit)
    for (index, level) in levels.enumerated() {
      let (above, below) = (units[index + 1], units[index])
      if let link = level.link {
        add(.weight, "\(link.name).weight[\(above),\(below)]", [edge(index, 0, above, below)])
        addSlopes(link, above)
      } else {
        let output = chain.links[chain.links.count - 1].outputName
        add(
          .outputFunction, "∂predictions[\(above)]/∂\(output)[\(below)]",
          (0..<chain.rows).map { edge(index, $0, above, below) })
      }
    }
    let last = units[units.count - 1]
    let end =
      levels.last.map { $0.link?.outputName ?? NetworkTrace.Port.predictions } ?? base.outputName
    add(
      .loss, "∂L/∂\(end)[\(last)]",
      (0..<chain.rows).map { ends.elements[$0 * lastUnits + last] })
    return WeightPath(
      units: units, factors: factors, rowContributions: rowContributions,
      contribution: rowContributions.reduce(0, +))
  }
}
