package import EbbGraph

/// The largest difference of two arrays, relative to 1 + |expected|; infinite if sizes differ or a
/// difference is not a number.
package func difference(_ found: [Double], _ expected: [Double]) -> Double {
  guard found.count == expected.count else { return .infinity }
  return found.indices.reduce(0) { largest, index in
    let difference = abs(found[index] - expected[index]) / (1 + abs(expected[index]))
    return difference.isNaN ? .infinity : max(largest, difference)
  }
}

/// Results of a graph in double precision, by output name.
package func evaluate(
  _ graph: Graph, _ inputs: [String: NDArray<Double>], indices: [String: NDArray<Int32>] = [:],
  seed: UInt64 = 0, step: UInt64 = 0
) throws -> [String: NDArray<Double>] {
  let values = try Interpreter(graph).run(inputs, indices: indices, seed: seed, step: step)
  var result: [String: NDArray<Double>] = [:]
  for (output, value) in zip(graph.outputs, values) {
    if case .numbers(let array) = value { result[output.name] = array }
  }
  return result
}
