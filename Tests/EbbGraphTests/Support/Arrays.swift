import EbbGraph
import Testing

extension NDArray<Double> {
  /// Σ a_i b_i; the shapes must agree.
  func dot(_ other: NDArray<Double>) -> Double {
    precondition(shape == other.shape, "\(shape) against \(other.shape)")
    return zip(elements, other.elements).map { $0 * $1 }.reduce(0, +)
  }

  /// self + factor · direction; the shapes must agree.
  func moved(along direction: NDArray<Double>, by factor: Double) -> NDArray<Double> {
    precondition(shape == direction.shape, "\(shape) against \(direction.shape)")
    return NDArray(zip(elements, direction.elements).map { $0 + factor * $1 }, shape: shape)
  }

  /// The array that is 1 in one place and 0 elsewhere.
  static func basis(_ place: Int, shape: Shape) -> NDArray<Double> {
    var result = NDArray(repeating: 0.0, shape: shape)
    result.elements[place] = 1
    return result
  }

  /// The largest |a − b| / max(1, |b|), infinite if shapes differ or a number is not finite.
  func distance(to expected: NDArray<Double>) -> Double {
    guard shape == expected.shape else { return .infinity }
    return zip(elements, expected.elements).reduce(0.0) { worst, pair in
      if pair.0 == pair.1 { return worst }
      let distance = (pair.0 - pair.1).magnitude / Swift.max(1, pair.1.magnitude)
      return distance.isFinite ? Swift.max(worst, distance) : .infinity
    }
  }
}

/// Checks shape, then every entry.
func expectEqual(
  _ actual: NDArray<Double>, _ expected: NDArray<Double>, within tolerance: Double = 0,
  _ what: String = "", sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(
    actual.distance(to: expected) <= tolerance, "\(what): expected\n\(expected)\ngot\n\(actual)",
    sourceLocation: sourceLocation)
}

/// Traces, verifies and runs a function of named arrays.
func evaluate(
  _ inputs: KeyValuePairs<String, NDArray<Double>>, indices: [String: NDArray<Int32>] = [:],
  _ body: ([Tensor]) throws -> [Tensor]
) throws -> [NDArray<Double>] {
  let graph = try trace { builder in
    let results = try body(inputs.map { builder.input($0.key, shape: $0.value.shape) })
    return try named(results)
  }
  try graph.verify()
  let given = Dictionary(uniqueKeysWithValues: inputs.map { ($0.key, $0.value) })
  return try numbers(Interpreter(graph).run(given, indices: indices))
}

/// Up to six results under the names 0, 1, …
func named(_ results: [Tensor]) throws -> KeyValuePairs<String, Tensor> {
  let r = results
  switch r.count {
  case 1: return ["0": r[0]]
  case 2: return ["0": r[0], "1": r[1]]
  case 3: return ["0": r[0], "1": r[1], "2": r[2]]
  case 4: return ["0": r[0], "1": r[1], "2": r[2], "3": r[3]]
  case 5: return ["0": r[0], "1": r[1], "2": r[2], "3": r[3], "4": r[4]]
  default: return ["0": try #require(r.first)]
  }
}

func numbers(_ values: [Interpreter<Double>.Value]) -> [NDArray<Double>] {
  values.map { value in
    switch value {
    case .numbers(let array): array
    case .indices(let array): array.map(Double.init)
    }
  }
}

/// The derivative of a function of a step at 0, from four points; error about step⁴ f⁽⁵⁾/30.
func difference(
  step: Double = 1e-3, _ f: (Double) throws -> NDArray<Double>
) rethrows -> NDArray<Double> {
  let far = try f(2 * step).moved(along: f(-2 * step), by: -1)
  let near = try f(step).moved(along: f(-step), by: -1)
  return near.map { 8 * $0 }.moved(along: far, by: -1).map { $0 / (12 * step) }
}
