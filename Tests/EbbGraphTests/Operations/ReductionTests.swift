import EbbGraph
import Testing

@Suite struct Reductions {
  @Test("Numbers: product over an axis with zeros in it: exact gradient, second derivative")
  func products() throws {
    let rows: [[Double]] = [
      [2, 3, 5, -7], [2, 0, 5, -7], [0, 3, 0, -7], [0, 0, 0, 4], [0], [3], [0, 2], [0, 0],
      [1, 2, 3, 4, 0, 6, 7],
    ]
    for row in rows {
      let point = NDArray<Double>(row)
      let n = row.count
      func others(_ skipped: Set<Int>) -> Double {
        (0..<n).reduce(1) { skipped.contains($1) ? $0 : $0 * row[$1] }
      }
      expectEqual(
        try gradient(at: point) { product($0) }, NDArray((0..<n).map { others([$0]) }), "\(row)")
      for i in 0..<n {
        let second = try gradient(at: point) { x in
          sum(gradients(of: product(x), with: [x])[0].sliced(axis: 0, from: i, to: i + 1))
        }
        let expected = (0..<n).map { $0 == i ? 0 : others([i, $0]) }
        expectEqual(second, NDArray(expected), "row \(i) of the second derivative at \(row)")
      }
    }
  }

  @Test("product over inner and outer axes, with zeros")
  func productAxes() throws {
    let point: NDArray<Double> = [[1, 0, 3], [4, 5, 0]]
    expectEqual(
      try gradient(at: point) { sum(product($0, axes: [0])) }, [[4, 5, 0], [1, 0, 3]])
    expectEqual(
      try gradient(at: point) { sum(product($0, axes: [1])) }, [[0, 3, 0], [0, 0, 20]])
    expectEqual(try gradient(at: point) { product($0) }, [[0, 0, 0], [0, 0, 0]])
  }

  @Test("nothing: sum 0, product 1, max −∞, min ∞")
  func nothing() throws {
    let empty = NDArray<Double>([], shape: [2, 0])
    let results = try evaluate(["x": empty]) { x in
      [sum(x[0], axes: [1]), product(x[0], axes: [1]), max(x[0]), min(x[0])]
    }
    expectEqual(results[0], [0, 0])
    expectEqual(results[1], [1, 1])
    #expect(results[2].scalar == -.infinity && results[3].scalar == .infinity)
  }

  @Test("against plain loops, over every set of axes, exactly on integers")
  func plainLoops() throws {
    var draw = Draw(seed: 3)
    let shape: Shape = [2, 3, 4]
    let x = draw.integers(shape)
    for choice in 1..<8 {
      let axes = (0..<3).filter { choice & (1 << $0) != 0 }
      var groups: [[Int]: [Double]] = [:]
      for i in 0..<2 {
        for j in 0..<3 {
          for k in 0..<4 {
            let index = [i, j, k]
            groups[index.indices.filter { !axes.contains($0) }.map { index[$0] }, default: []]
              .append(x[i, j, k])
          }
        }
      }
      let expected = groups.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.value)
      let results = try evaluate(["x": x]) { x in
        [
          sum(x[0], axes: axes), product(x[0], axes: axes), max(x[0], axes: axes),
          min(x[0], axes: axes), mean(x[0], axes: axes.map { $0 - 3 }, keepingAxes: true),
        ]
      }
      #expect(results[0].elements == expected.map { $0.reduce(0, +) })
      #expect(results[1].elements == expected.map { $0.reduce(1, *) })
      #expect(results[2].elements == expected.map { $0.max() })
      #expect(results[3].elements == expected.map { $0.min() })
      #expect(results[4].elements == expected.map { $0.reduce(0, +) / Double($0.count) })
      #expect(results[4].shape == Shape((0..<3).map { axes.contains($0) ? 1 : shape[$0] }))
    }
  }
}
