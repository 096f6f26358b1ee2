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

  /// Measures a slope. Neighbouring steps are tried as long as they are better, and the error is
  /// above the goal.
  func slope(
    _ function: inout SmoothFunction, _ name: String, along direction: [Double]
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
      let isStill = try (exponent - 2...exponent + 1).allSatisfy { try rise($0).rise == 0 }
      let least = isStill ? max(floor, function.resolution) : floor
      let error = max(spread, least / length(exponent))
      return MeasuredSlope(
        value: value, error: error.isNaN ? .infinity : error, step: length(exponent),
        exponent: exponent, crossings: try rise(exponent - 1).crossings,
        isFlat: rises.values.allSatisfy { $0.rise == 0 })
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
