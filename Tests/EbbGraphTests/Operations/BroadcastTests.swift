import EbbGraph
import Testing

/// Broadcasting over every pair of small shapes, exactly, against plain index arithmetic.
@Suite("Numbers: broadcasting") struct Broadcasting {
  /// Every shape up to rank 4 with extents 1, 2 and 3.
  static let shapes: [Shape] = {
    var result: [[Int]] = [[]]
    for rank in 0..<4 {
      result += result.filter { $0.count == rank }.flatMap { prefix in
        (1...3).map { prefix + [$0] }
      }
    }
    return result.map { Shape($0) }
  }()

  /// The common shape, or nil, by the rule as NumPy states it.
  static func common(_ a: Shape, _ b: Shape) -> [Int]? {
    let rank = max(a.rank, b.rank)
    let left = [Int](repeating: 1, count: rank - a.rank) + a.extents
    let right = [Int](repeating: 1, count: rank - b.rank) + b.extents
    for (x, y) in zip(left, right) where x != y && x != 1 && y != 1 { return nil }
    return zip(left, right).map { max($0, $1) }
  }

  /// The operand's element that stands at a position of the result.
  static func place(of position: Int, in extents: [Int], of shape: Shape) -> Int {
    var (rest, place, stride) = (position, 0, 1)
    for axis in Swift.stride(from: extents.count - 1, through: 0, by: -1) {
      let index = rest % extents[axis]
      rest /= extents[axis]
      let own = axis - (extents.count - shape.rank)
      if own >= 0 {
        place += (shape.extents[own] == 1 ? 0 : index) * stride
        stride *= shape.extents[own]
      }
    }
    return place
  }

  @Test("Numbers: broadcasting over every pair of shapes up to rank 4 with sizes 1, 2, 3, exactly")
  func everyPair() throws {
    #expect(Self.shapes.count == 121)
    var draw = Draw(seed: 12)
    var fitting = 0
    for left in Self.shapes {
      for right in Self.shapes {
        let (a, b) = (draw.integers(left), draw.integers(right))
        guard let extents = Self.common(left, right) else {
          #expect(throws: TraceError.self) { try evaluate(["a": a, "b": b]) { [$0[0] * $0[1]] } }
          continue
        }
        fitting += 1
        let v = draw.integers(Shape(extents))
        var value = NDArray(repeating: 0.0, shape: Shape(extents))
        var aSlope = NDArray(repeating: 0.0, shape: left)
        var bSlope = NDArray(repeating: 0.0, shape: right)
        for position in 0..<value.count {
          let i = Self.place(of: position, in: extents, of: left)
          let j = Self.place(of: position, in: extents, of: right)
          value.elements[position] = a.elements[i] * b.elements[j] - b.elements[j]
          aSlope.elements[i] += v.elements[position] * b.elements[j]
          bSlope.elements[j] += v.elements[position] * (a.elements[i] - 1)
        }
        let results = try evaluate(["a": a, "b": b, "v": v]) { x in
          let y = x[0] * x[1] - x[1]
          return [y] + gradients(of: sum(y * x[2]), with: [x[0], x[1]])
        }
        expectEqual(results[0], value, "value of \(left) with \(right)")
        expectEqual(results[1], aSlope, "gradient by \(left) with \(right)")
        expectEqual(results[2], bSlope, "gradient by \(right) with \(left)")
      }
    }
    #expect(fitting == 6821, "\(fitting) pairs fit")
  }

  @Test("three operands and a product of matrices broadcast too")
  func otherOperations() throws {
    let results = try evaluate(["x": [[1], [5]], "a": [2, 3], "b": 4]) { x in
      [clip(x[0], x[1], x[2]), select(x[0] .> 2, x[1], x[2])]
    }
    expectEqual(results[0], [[2, 3], [4, 4]])
    expectEqual(results[1], [[4, 4], [2, 3]])

    var draw = Draw(seed: 4)
    let (a, b) = (draw.integers([2, 1, 2, 3]), draw.integers([3, 3, 2]))
    let product = try evaluate(["a": a, "b": b]) { [matmul($0[0], $0[1])] }[0]
    #expect(product.shape == [2, 3, 2, 2])
    for n in 0..<2 {
      for m in 0..<3 {
        for i in 0..<2 {
          for j in 0..<2 {
            let expected = (0..<3).map { a[n, 0, i, $0] * b[m, $0, j] }.reduce(0, +)
            #expect(product[n, m, i, j] == expected)
          }
        }
      }
    }
  }
}
