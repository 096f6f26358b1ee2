internal import EbbGradients
internal import EbbGraph

/// The slope of a smooth function along a direction, by 4-point differences, with the step chosen by
/// what it does: long steps err by the function's curvature, short ones by rounding, and between them
/// lies a plateau on which neighbouring steps agree.
struct MeasuredSlope {
  /// (8 (f(h) − f(−h)) − (f(2h) − f(−2h))) / 12h, whose error is of the order of h⁴.
  let value: Double
  /// How far it may be off: from its neighbours, and at least by the rounding of the function itself.
  let error: Double
  /// h.
  let step: Double
  /// The halvings of the unit that make h.
  let exponent: Int
  /// What the point 2h away would have decided otherwise.
  let crossings: [Crossing]
  /// Whether no point differed from its mirror image at all.
  let isFlat: Bool
}

/// Where steps begin, and how many are tried.
struct StepSearch {
  /// The length that is halved.
  var unit: Double
  /// The halvings to begin with.
  var exponent: Int
  /// An error below which no better step is looked for.
  var goal: Double
  /// The range of halvings.
  static let exponents = -8...34
  /// A function that is not seen to move may have bent before: so many halvings of the unit are as far
  /// as that says anything of its slope.
  private static let leastOfStill = 4
  /// How many times its error a distance between slopes is, for which the shortest step is looked for.
  private static let clearly = 256.0

  /// Measures a slope. Neighbouring steps are tried as long as they are better, and the error is
  /// above the goal.
  ///
  /// - Parameter distance: nil, or that of two slopes of which the right one is asked for: the shortest
  ///   steps that tell them apart are taken, since longer ones may lie on another stretch of the
  ///   function, where neighbours agree as well.
  func slope(
    _ function: inout SmoothFunction, _ name: String, along direction: [Double],
    telling distance: Double? = nil
  ) throws -> MeasuredSlope {
    var rises: [Int: (rise: Double, crossings: [Crossing])] = [:]
    let floor = function.noise

    func length(_ exponent: Int) -> Double {
      unit * (exponent >= 0 ? 1 / Double(1 << exponent) : Double(1 << -exponent))
    }
    func rise(_ exponent: Int) throws -> (rise: Double, crossings: [Crossing]) {
      if let known = rises[exponent] { return known }
      let found = try function.rise(name, along: direction, by: length(exponent))
      rises[exponent] = found
      return found
    }
    func estimate(_ exponent: Int) throws -> Double {
      try (8 * rise(exponent).rise - rise(exponent - 1).rise) / (12 * length(exponent))
    }
    func measured(_ exponent: Int) throws -> MeasuredSlope {
      let value = try estimate(exponent)
      let (longer, shorter) = (try estimate(exponent - 1), try estimate(exponent + 1))
      // A shorter step rounds twice as much.
      let spread = max((value - longer).magnitude, (value - shorter).magnitude / 2)
      // Where it does not move at all, the function may only be too coarse to show it.
      let moved = try (exponent - 2...exponent + 1).map { try rise($0).rise.magnitude }
      let least = moved.allSatisfy { $0 == 0 } ? max(floor, function.resolution) : floor
      let isSeen = moved.contains { $0 > RoundingJitter.certainty * least }
      let reach = length(isSeen ? exponent : max(exponent, Self.leastOfStill))
      let error = max(spread, least / reach)
      return MeasuredSlope(
        value: value, error: error.isNaN ? .infinity : error, step: length(exponent),
        exponent: exponent, crossings: try rise(exponent - 1).crossings,
        isFlat: rises.values.allSatisfy { $0.rise == 0 })
    }

    if let distance {
      let short = Self.exponents.last { Self.clearly * floor <= distance * length($0) }
      return try measured(short ?? Self.exponents.lowerBound)
    }
    var best = try measured(exponent)
    // Towards longer steps first: a flat function shows by that it stays flat.
    for direction in [-1, 1] {
      var isFirst = true
      while best.error > goal, Self.exponents.contains(best.exponent + direction) {
        let next = try measured(best.exponent + direction)
        // One step over a ridge, so that a lucky neighbour does not end the search.
        let accepted =
          next.error < best.error
          ? next : isFirst ? try beyond(next, direction, best.error, measured) : nil
        guard let accepted else { break }
        (best, isFirst) = (accepted, false)
      }
      if !isFirst { break }
    }
    return best
  }

  /// The measurement one further, if it is better than the best so far.
  private func beyond(
    _ last: MeasuredSlope, _ direction: Int, _ best: Double,
    _ measured: (Int) throws -> MeasuredSlope
  ) throws -> MeasuredSlope? {
    guard Self.exponents.contains(last.exponent + direction) else { return nil }
    let further = try measured(last.exponent + direction)
    return further.error < best ? further : nil
  }
}
