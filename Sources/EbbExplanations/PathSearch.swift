public import EbbData
internal import EbbGradients
public import EbbNetworks
public import EbbTraining

extension PathLattice {
  /// Goes along every path, the last unit running fastest; tells the units and what the path adds on
  /// each row. Products up to a unit are used for all paths through it.
  ///
  /// - Returns: how many multiplications were done.
  func walk(_ visit: (_ units: [Int], _ rowContributions: [Double]) -> Void) -> Int {
    var multiplications = 0
    func extend(_ products: [Double], _ units: [Int]) {
      let level = units.count - 1
      let below = units[level]
      if level == levels.count {
        multiplications += chain.rows
        visit(units, finished(products, at: below))
        return
      }
      for unit in 0..<levels[level].units {
        multiplications += chain.rows * (levels[level].slopes.isEmpty ? 1 : 2)
        extend(extended(products, to: level, unit, from: below), units + [unit])
      }
    }
    // As deep as the network has layers.
    extend(start, [unit])
    return multiplications
  }

  /// The most that a path from a level's unit down to the weight can multiply a row by, and the least:
  /// magnitudes, [rows, units] for each level.
  ///
  /// The largest product of magnitudes is found unit by unit, because the magnitude of a product
  /// along a path is the product of the magnitudes.
  private var reaches: [[Double]] {
    var own = [Double](repeating: 0, count: chain.rows * base.units)
    for row in 0..<chain.rows { own[row * base.units + unit] = 1 }
    var result = [own]
    for level in levels.indices {
      let (units, below) = (levels[level].units, levels[level].unitsBelow)
      let lower = result[level]
      var upper = [Double](repeating: 0, count: chain.rows * units)
      for row in 0..<chain.rows {
        for unit in 0..<units {
          let slope = slope(level, row, unit).magnitude
          if slope == 0 { continue }
          var largest = 0.0
          for origin in 0..<below {
            let product = edge(level, row, unit, origin).magnitude * lower[row * below + origin]
            largest = max(largest, product)
          }
          upper[row * units + unit] = largest * slope
        }
      }
      result.append(upper)
    }
    return result
  }

  /// The paths with the largest magnitudes, the largest first, without listing them all.
  ///
  /// Best first, from the loss down: what is extended next is the part of a path that could still
  /// become the largest. A part's bound is what it would give if on every row the best way on were
  /// taken. On one row such a way exists, and no more steps are taken than the result needs; on
  /// several rows the bound may be too high, which costs steps but never changes the result. Paths that
  /// add exactly nothing are not among the largest.
  ///
  /// - Parameter limit: the most parts to look at.
  func largest(_ count: Int, limit: Int) throws -> (paths: [WeightPath], multiplications: Int) {
    let reaches = reaches
    // On which side of zero a row ends up depends on weights alone, the same for all rows.
    let rowsAgree = levels.allSatisfy { level in
      level.edges.count == 1 && level.slopes.allSatisfy { $0 >= 0 }
    }
    var multiplications = 0
    var looks = 0
    var queue = Heap()
    var found: [WeightPath] = []

    func push(_ products: [Double], _ units: [Int]) throws {
      let level = levels.count - (units.count - 1)
      if level == 0 {
        let contribution = self.products(along: units.reversed()).reduce(0, +)
        multiplications += chain.rows * (2 * levels.count + 1)
        queue.push(Part(bound: contribution.magnitude, units: units, isWhole: true))
        return
      }
      let (unit, width) = (units[units.count - 1], levels[level - 1].units)
      let bound = Self.bound(products, rowsAgree: rowsAgree) { row in
        reaches[level][row * width + unit]
      }
      multiplications += chain.rows
      // Rounding must not let a bound fall below what it bounds.
      queue.push(Part(bound: bound * (1 + 1e-12), units: units, isWhole: false))
    }

    for unit in 0..<lastUnits where levels.count > 0 || unit == self.unit {
      try push(finished(start, at: unit), [unit])
    }
    while found.count < count, let part = queue.pop(), part.bound > 0 {
      if part.isWhole {
        let units = Array(part.units.reversed())
        found.append(path(units, rowContributions: products(along: units)))
        continue
      }
      looks += 1
      guard looks <= limit else {
        throw ExplanationError(
          .searchTooLong,
          "the \(count) largest paths of \(element) were not found in \(limit) steps; ask for fewer,"
            + " or for one row")
      }
      // The products so far, from both ends: the weight's own and those of the levels above.
      var products = finished(start, at: part.units[0])
      var level = levels.count - 1
      for (above, below) in zip(part.units, part.units.dropFirst()) {
        products = extended(products, to: level, above, from: below)
        level -= 1
      }
      multiplications += 2 * chain.rows * part.units.count
      let unit = part.units[part.units.count - 1]
      for origin in 0..<levels[level].unitsBelow where level > 0 || origin == self.unit {
        try push(
          extended(products, to: level, unit, from: origin), part.units + [origin])
      }
    }
    return (found, multiplications)
  }

  /// The most that a sum over rows can be when each row's product is multiplied by at most its reach.
  private static func bound(
    _ products: [Double], rowsAgree: Bool, reach: (Int) -> Double
  ) -> Double {
    var (positive, negative) = (0.0, 0.0)
    for (row, product) in products.enumerated() {
      let most = product * reach(row)
      if most > 0 { positive += most } else { negative -= most }
    }
    return rowsAgree ? max(positive, negative) : positive + negative
  }

  /// A path, or its upper part.
  private struct Part {
    let bound: Double
    /// From the top down.
    let units: [Int]
    let isWhole: Bool

    /// Whether this one is to be looked at before another: the higher bound first; of equals, the one
    /// that a listing names first.
    func precedes(_ other: Part) -> Bool {
      bound != other.bound
        ? bound > other.bound
        : isWhole == other.isWhole
          ? units.reversed().lexicographicallyPrecedes(other.units.reversed()) : other.isWhole
    }
  }

  /// The parts in an order in which the first is found fast.
  private struct Heap {
    private var parts: [Part] = []

    mutating func push(_ part: Part) {
      parts.append(part)
      var index = parts.count - 1
      while index > 0, parts[index].precedes(parts[(index - 1) / 2]) {
        parts.swapAt(index, (index - 1) / 2)
        index = (index - 1) / 2
      }
    }

    mutating func pop() -> Part? {
      guard let first = parts.first else { return nil }
      let last = parts.removeLast()
      if parts.isEmpty { return first }
      parts[0] = last
      var index = 0
      while true {
        var best = index
        for child in [2 * index + 1, 2 * index + 2]
        where child < parts.count && parts[child].precedes(parts[best]) {
          best = child
        }
        if best == index { return first }
        parts.swapAt(index, best)
        index = best
      }
    }
  }
}

extension PathLattice {
  /// Throws if there are more paths than are to be listed.
  func check(limit: Int) throws {
    guard pathCount <= Double(limit) else {
      throw ExplanationError(
        .tooManyPaths,
        "\(element) has \(pathCount.asCount) paths to the loss, the most to list is \(limit); ask for the"
          + " largest ones, or raise the limit")
    }
  }

  /// The most paths that are listed unasked.
  static let defaultLimit = 100_000
}

extension Model {
  /// The gradient of one weight or bias as the sum over all its paths to the loss, each with its
  /// factors (M15).
  ///
  ///     let sum = try model.paths(of: "hidden1.weight[3,7]", on: batch)
  ///     print(sum)        // every path, its factors and their product
  ///
  /// A path runs from the weight's unit through one unit of each layer above: there are as many as the
  /// product of those layers' widths. The network may hold dense layers, activations and dropout,
  /// which lets everything pass here.
  ///
  /// - Parameters:
  ///   - element: such as `hidden1.weight[3,7]`: unit 3, input 7.
  ///   - batch: the rows; one row gives one number per factor.
  ///   - reduction: how the rows' losses are joined.
  ///   - throughPredictions: whether paths go on through the output function, ∂ŷ/∂a, to ∂L/∂ŷ; otherwise
  ///     they end at the loss by the outputs, ŷ − y for softmax with cross-entropy.
  ///   - limit: the most paths to list.
  /// - Throws: `ExplanationError` for other layers, unknown names and too many paths; `ModelError` if
  ///   the batch does not fit.
  public func paths(
    of element: String, on batch: Batch, reduction: GradientReduction = .mean,
    throughPredictions: Bool = false, limit: Int = 100_000
  ) throws -> PathSum {
    let lattice = try PathLattice(
      try ElementName(parsing: element), self, batch, reduction: reduction,
      throughPredictions: throughPredictions)
    try lattice.check(limit: limit)
    var paths: [WeightPath] = []
    let multiplications = lattice.walk { units, rows in
      paths.append(lattice.path(units, rowContributions: rows))
    }
    return PathSum(
      element: lattice.element, total: paths.reduce(0) { $0 + $1.contribution },
      pathCount: lattice.pathCount, paths: paths, rest: 0, multiplications: multiplications)
  }

  /// The paths that add most to the gradient of a weight or bias, by magnitude, the largest first; of
  /// equals, the one that a listing names first. Paths that add exactly nothing are left out.
  ///
  /// Found without listing all paths, and still exactly those; the sum over the others is told too.
  ///
  /// - Parameters:
  ///   - count: how many paths at most.
  ///   - limit: the most steps of the search; one row needs few.
  /// - Throws: as ``paths(of:on:reduction:throughPredictions:limit:)``, and `ExplanationError` of kind
  ///   `searchTooLong`.
  public func largestPaths(
    _ count: Int, of element: String, on batch: Batch, reduction: GradientReduction = .mean,
    throughPredictions: Bool = false, limit: Int = 1_000_000
  ) throws -> PathSum {
    let lattice = try PathLattice(
      try ElementName(parsing: element), self, batch, reduction: reduction,
      throughPredictions: throughPredictions)
    let (paths, multiplications) = try lattice.largest(count, limit: limit)
    let total = lattice.total
    return PathSum(
      element: lattice.element, total: total, pathCount: lattice.pathCount, paths: paths,
      rest: total - paths.reduce(0) { $0 + $1.contribution }, multiplications: multiplications)
  }
}
