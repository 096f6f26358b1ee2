internal import EbbGradients
internal import EbbGraph
internal import EbbNetworks
internal import EbbSystem
internal import EbbTraining

/// Holds the gradient by one tensor to differences: along random directions first, so that a million
/// weights cost a few passes; then element by element where a direction is suspicious, and at a few
/// places anyway.
struct TensorProbe {
  /// Such as `hidden1.weight`; the name under which the function's numbers are moved.
  let name: String
  /// The extents in memory.
  let shape: Shape
  /// Whether names of elements have the axes exchanged: [outputs, inputs].
  let isTurned: Bool
  let mode: LayerContext.Mode
  /// The gradient by backpropagation, in memory order.
  let gradient: [Double]
  /// How far rounding may take it.
  let rounding: GradientRounding
  /// A number of its own for each tensor, from which directions are drawn.
  let stream: UInt32
  let options: GradientCheck.Options

  /// How much larger than its estimated error a distance must be to be called wrong.
  private static let certainty = RoundingJitter.certainty
  /// The same for elements far below the tolerance, whose own sign or size is wrong.
  private static let strictCertainty = 100.0

  /// Squares of smaller numbers are no numbers of full precision any more.
  private static let leastScale = 1e-140

  private var norm: Double { gradient.norm }

  /// Compares.
  func check(_ function: inout SmoothFunction) throws -> GradientCheck.Tensor {
    let before = function.evaluations
    let norm = self.norm
    guard norm.isFinite, function.value.isFinite else {
      return result(
        .inconclusive("the loss or the gradient is not finite here"), .infinity, [], [:], nil,
        function, before)
    }
    var search = StepSearch(
      unit: unit(function), exponent: 8, goal: norm * min(options.tolerance * 1e-3, 1e-10))
    var slopes: [(direction: [Double], slope: MeasuredSlope)] = []
    for number in 0..<max(1, options.directions) {
      let direction = direction(number)
      let slope = try search.slope(&function, name, along: direction)
      // A flat stretch leads to the longest steps, from which no way leads back.
      if !slope.isFlat { search.exponent = slope.exponent }
      slopes.append((direction, try confirmed(slope, search, &function, along: direction)))
      // Once a plateau is known, neighbours are tried only where it has gone.
      search.goal = max(search.goal, slope.error.isFinite ? 2 * slope.error : 0)
    }
    let comparisons = slopes.map { comparison(along: $0.direction, $0.slope) }
    let scale = comparisons.reduce(norm) { max($0, $1.difference.magnitude) }
    if scale == 0 && slopes.allSatisfy(\.slope.isFlat) {
      return result(
        .inconclusive("no gradient, and none measured"), 0, comparisons, [:], slopes.first?.slope,
        function, before)
    }
    guard scale >= Self.leastScale else {
      return result(
        .inconclusive("the gradient is below what double precision resolves"), .infinity,
        comparisons, [:], slopes.first?.slope, function, before)
    }
    var elements: [Int: GradientCheck.Comparison] = [:]
    var places = chosenElements
    let suspect = slopes.indices.filter { isWrong(comparisons[$0], scale) }
      .max { comparisons[$0].distance < comparisons[$1].distance }
    if let suspect {
      places.append(
        try worstElement(&function, slopes[suspect].direction, slopes[suspect].slope))
    }
    var elementSearch = StepSearch(
      unit: search.unit, exponent: max(search.exponent - 2, StepSearch.exponents.lowerBound + 2),
      goal: scale * min(options.tolerance * 1e-3, 1e-10))
    for place in places where elements[place] == nil {
      var direction = [Double](repeating: 0, count: gradient.count)
      direction[place] = 1
      let slope = try elementSearch.slope(&function, name, along: direction)
      elementSearch.goal = max(elementSearch.goal, slope.error.isFinite ? 2 * slope.error : 0)
      elements[place] = comparison(
        along: direction, try confirmed(slope, elementSearch, &function, along: direction))
    }
    let all = comparisons + elements.values.sorted { $0.distance < $1.distance }
    return result(
      verdict(all, scale), all.reduce(0) { max($0, $1.error) } / scale, comparisons, elements,
      slopes.first?.slope, function, before)
  }

  // MARK: Judging

  private func isWrong(_ pair: GradientCheck.Comparison, _ scale: Double) -> Bool {
    guard pair.error.isFinite else { return false }
    return pair.distance > options.tolerance * scale
      && pair.distance > Self.certainty * pair.error
  }

  /// Whether an element is wrong in itself, however small it is beside the others.
  private func isClearlyWrong(_ pair: GradientCheck.Comparison) -> Bool {
    guard pair.error.isFinite else { return false }
    let size = max(pair.gradient.magnitude, pair.difference.magnitude)
    return pair.distance > 1e-3 * size && pair.distance > Self.strictCertainty * pair.error
  }

  /// A slope that contradicts the gradient is measured again, as near to the point as the two can be
  /// told apart.
  private func confirmed(
    _ slope: MeasuredSlope, _ search: StepSearch, _ function: inout SmoothFunction,
    along direction: [Double]
  ) throws -> MeasuredSlope {
    let pair = comparison(along: direction, slope)
    let scale = max(norm, pair.difference.magnitude)
    guard isWrong(pair, scale) || isClearlyWrong(pair) else { return slope }
    return try search.slope(&function, name, along: direction, telling: pair.distance)
  }

  private func verdict(
    _ comparisons: [GradientCheck.Comparison], _ scale: Double
  ) -> GradientCheck.Verdict {
    let wrong = comparisons.filter { isWrong($0, scale) || isClearlyWrong($0) }
    let distance = comparisons.reduce(0) { max($0, $1.distance) }
    if !wrong.isEmpty { return .disagrees(by: wrong.reduce(0) { max($0, $1.distance) } / scale) }
    let error = comparisons.reduce(0) { max($0, $1.error) }
    guard error.isFinite else {
      return .inconclusive("the loss is not finite at the points around")
    }
    if error > options.tolerance * scale || distance > options.tolerance * scale {
      let (size, share, limit) = (
        NumberFormat.significant(norm, digits: 2),
        NumberFormat.significant(max(error, distance) / scale, digits: 2),
        NumberFormat.significant(options.tolerance, digits: 2)
      )
      return .inconclusive(
        "differences resolve \(share) of the gradient's norm (\(size)) here, the tolerance asks for"
          + " \(limit)")
    }
    return .agrees(to: distance / scale)
  }

  private func comparison(
    along direction: [Double], _ slope: MeasuredSlope
  ) -> GradientCheck.Comparison {
    GradientCheck.Comparison(
      gradient: product(direction), difference: slope.value,
      error: slope.error + rounding.along(direction), step: slope.step)
  }

  // MARK: Directions and elements

  /// The size of the tensor's numbers: the scale of steps.
  private func unit(_ function: SmoothFunction) -> Double {
    let point = function.point(name)
    let square = point.reduce(0) { $0 + $1 * $1 } / Double(max(point.count, 1))
    return square > 0 && square.isFinite ? square.squareRoot() : 0.125
  }

  /// Elements of either sign between 1/2 and 3/2, divided so that their mean square is 1: none can
  /// vanish, and two errors of the same size do not cancel.
  private func direction(_ number: Int) -> [Double] {
    var direction: [Double] = []
    direction.reserveCapacity(gradient.count + 3)
    for block in 0..<UInt32((gradient.count + 3) / 4) {
      let words = words(UInt64(number), block)
      for lane in 0..<4 {
        let size = 0.5 + Double(words[lane] >> 1) * 0x1p-31
        direction.append(words[lane] & 1 == 0 ? size : -size)
      }
    }
    direction.removeLast(direction.count - gradient.count)
    let square = direction.reduce(0) { $0 + $1 * $1 } / Double(max(direction.count, 1))
    return direction.map { $0 / square.squareRoot() }
  }

  private func words(_ number: UInt64, _ block: UInt32) -> SIMD4<UInt32> {
    Philox.words(seed: options.seed, stream: stream, step: number, block: block)
  }

  /// The gradient along a direction.
  private func product(_ direction: [Double]) -> Double {
    zip(gradient, direction).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// The element with the largest gradient, and some at random; all if there are no more.
  private var chosenElements: [Int] {
    if gradient.count <= options.elements { return Array(gradient.indices) }
    guard
      let largest = gradient.indices.max(by: {
        gradient[$0].magnitude < gradient[$1].magnitude
      })
    else { return [] }
    let random = (0..<max(0, options.elements)).map { number in
      let word = words(1 << 32, UInt32(truncatingIfNeeded: number))[0]
      return Int((UInt64(word) * UInt64(gradient.count)) >> 32)
    }
    return [largest] + random
  }

  /// Halves the set of elements again and again, and goes on where the gradient's error along the
  /// direction is larger: one wrong element among n is found in log₂ n slopes.
  private func worstElement(
    _ function: inout SmoothFunction, _ direction: [Double], _ slope: MeasuredSlope
  ) throws -> Int {
    var range = 0..<gradient.count
    var excess = product(direction) - slope.value
    while range.count > 1 {
      let middle = range.lowerBound + range.count / 2
      var half = [Double](repeating: 0, count: gradient.count)
      for place in range.lowerBound..<middle { half[place] = direction[place] }
      let near = try function.rise(name, along: half, by: slope.step).rise
      let far = try function.rise(name, along: half, by: 2 * slope.step).rise
      let first = product(half) - (8 * near - far) / (12 * slope.step)
      let isFirst = first.magnitude >= (excess - first).magnitude
      range = isFirst ? range.lowerBound..<middle : middle..<range.upperBound
      excess = isFirst ? first : excess - first
    }
    return range.lowerBound
  }

  // MARK: The result

  private func result(
    _ verdict: GradientCheck.Verdict, _ resolution: Double,
    _ directions: [GradientCheck.Comparison], _ elements: [Int: GradientCheck.Comparison],
    _ first: MeasuredSlope?, _ function: SmoothFunction, _ before: Int
  ) -> GradientCheck.Tensor {
    let worst = elements.max { ($0.value.distance, $1.key) < ($1.value.distance, $0.key) }
    return GradientCheck.Tensor(
      name: name, shape: isTurned ? [shape[1], shape[0]] : shape, mode: mode, norm: norm,
      verdict: verdict, resolution: resolution, directions: directions,
      worst: worst.map { element($0.key, $0.value) }, step: first?.step ?? 0,
      kinks: function.kinks(first?.crossings ?? []), evaluations: function.evaluations - before)
  }

  private func element(
    _ place: Int, _ comparison: GradientCheck.Comparison
  ) -> GradientCheck.Element {
    var index: [Int] = []
    var rest = place
    for extent in shape.extents.reversed() {
      index.append(rest % extent)
      rest /= extent
    }
    if !isTurned { index.reverse() }
    return GradientCheck.Element(
      name: ElementName(name, index).description, index: index, comparison: comparison)
  }
}
