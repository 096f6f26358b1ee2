// The operations' values on arrays, as the numeric contract states them: plain loops, meant to be
// read beside it.

func mapped<S: Real>(_ x: [S], _ value: (S) -> S) -> [S] { x.map(value) }

func mapped<S: Real>(_ x: [S], _ y: [S], _ value: (S, S) -> S) -> [S] {
  x.indices.map { value(x[$0], y[$0]) }
}

func mapped<S: Real>(_ x: [S], _ y: [S], _ z: [S], _ value: (S, S, S) -> S) -> [S] {
  x.indices.map { value(x[$0], y[$0], z[$0]) }
}

/// The elements rearranged so that each result's operands lie side by side, in row-major order of
/// the reduced axes.
func gathered<E>(_ x: [E], _ shape: Shape, axes: [Int]) -> [E] {
  let kept = (0..<shape.rank).filter { !axes.contains($0) }
  return transposed(x, shape, order: kept + axes)
}

func transposed<E>(_ x: [E], _ shape: Shape, order: [Int]) -> [E] {
  if order == Array(0..<shape.rank) { return x }
  let strides = shape.strides
  return strided(x, extents: order.map { shape[$0] }, strides: order.map { strides[$0] })
}

/// Elements read with the given strides, in row-major order of the extents.
func strided<E>(_ x: [E], offset: Int = 0, extents: [Int], strides: [Int]) -> [E] {
  let count = extents.reduce(1, *)
  var result: [E] = []
  result.reserveCapacity(count)
  guard count > 0 else { return result }
  var position = [Int](repeating: 0, count: extents.count)
  var source = offset
  for _ in 0..<count {
    result.append(x[source])
    var axis = extents.count - 1
    while axis >= 0 {
      position[axis] += 1
      source += strides[axis]
      if position[axis] < extents[axis] { break }
      source -= strides[axis] * extents[axis]
      position[axis] = 0
      axis -= 1
    }
  }
  return result
}

extension Reduction {
  /// Neighbouring runs of `length` elements reduced, `count` of them: 16 lanes over chunks of 4,096,
  /// lanes joined in a tree, chunks in order.
  func values<S: Real>(_ x: [S], length: Int, count: Int) -> [S] {
    (0..<count).map { reduced(x[($0 * length)..<(($0 + 1) * length)]) }
  }

  /// The neutral element.
  package func identity<S: Real>(_: S.Type = S.self) -> S {
    switch self {
    case .sum: 0
    case .product: 1
    case .max: -S.infinity
    case .min: S.infinity
    }
  }

  private func joined<S: Real>(_ a: S, _ b: S) -> S {
    switch self {
    case .sum: a + b
    case .product: a * b
    case .max: a > b ? a : (a <= b ? b : a + b)
    case .min: a < b ? a : (a >= b ? b : a + b)
    }
  }

  func reduced<S: Real>(_ x: ArraySlice<S>) -> S {
    var total: S = identity()
    var start = x.startIndex
    while start < x.endIndex {
      let end = Swift.min(start + 4096, x.endIndex)
      var lanes = [S](repeating: identity(), count: 16)
      for index in start..<end {
        let lane = (index - start) & 15
        lanes[lane] = joined(lanes[lane], x[index])
      }
      var width = 8
      while width > 0 {
        for lane in 0..<width { lanes[lane] = joined(lanes[lane], lanes[lane + width]) }
        width /= 2
      }
      total = start == x.startIndex ? lanes[0] : joined(total, lanes[0])
      start = end
    }
    return total
  }
}

func firstLargest<S: Real>(_ x: [S], length: Int, count: Int) -> [Int32] {
  (0..<count).map { row in
    var best = 0
    for index in 1..<Swift.max(length, 1) {
      let (value, leader) = (x[row * length + index], x[row * length + best])
      if value > leader || (value.isNaN && !leader.isNaN) { best = index }
    }
    return Int32(best)
  }
}

extension Movement {
  /// The elements in their new places.
  func moved<E>(_ x: [[E]], _ shapes: [Shape], _ result: Shape, fill: E) -> [E] {
    switch self {
    case .reshape: return x[0]
    case .transpose(let order): return transposed(x[0], shapes[0], order: order)
    case .expand:
      let strides = shapes[0].strides.enumerated().map {
        shapes[0][$0] == result[$0] ? $1 : 0
      }
      return strided(x[0], extents: result.extents, strides: strides)
    case .slice(let start, let extents):
      let strides = shapes[0].strides
      let offset = zip(start, strides).map { $0 * $1 }.reduce(0, +)
      return strided(x[0], offset: offset, extents: extents, strides: strides)
    case .concatenate(let axis):
      let outer = result.extents[..<axis].reduce(1, *)
      var moved: [E] = []
      moved.reserveCapacity(result.count)
      for row in 0..<outer {
        for (operand, shape) in zip(x, shapes) {
          let run = shape.extents[axis...].reduce(1, *)
          moved += operand[(row * run)..<((row + 1) * run)]
        }
      }
      return moved
    case .pad(let before, _):
      var moved = [E](repeating: fill, count: result.count)
      let strides = result.strides
      let offset = zip(before, strides).map { $0 * $1 }.reduce(0, +)
      let places = strided(
        Array(moved.indices), offset: x[0].isEmpty ? 0 : offset, extents: shapes[0].extents,
        strides: strides)
      for (place, element) in zip(places, x[0]) { moved[place] = element }
      return moved
    }
  }
}

/// Matrix products: fused multiply-adds from 0 in index order within blocks of 256 terms, the blocks'
/// sums added in order.
func products<S: Real>(_ a: [S], _ b: [S], _ aShape: Shape, _ bShape: Shape) -> [S] {
  let (m, k, n) = (aShape[-2], aShape[-1], bShape[-1])
  let matrices = aShape.extents.dropLast(2).reduce(1, *)
  var result = [S](repeating: 0, count: matrices * m * n)
  var block = [S](repeating: 0, count: n)
  for matrix in 0..<matrices {
    for row in 0..<m {
      let target = (matrix * m + row) * n
      for start in stride(from: 0, to: k, by: 256) {
        for column in 0..<n { block[column] = 0 }
        for term in start..<Swift.min(start + 256, k) {
          let factor = a[(matrix * m + row) * k + term]
          let source = (matrix * k + term) * n
          for column in 0..<n {
            block[column] = block[column].addingProduct(factor, b[source + column])
          }
        }
        for column in 0..<n {
          result[target + column] =
            start == 0 ? block[column] : result[target + column] + block[column]
        }
      }
    }
  }
  return result
}

extension Rowwise {
  /// The function of each row of `width` elements.
  func values<S: Real>(
    _ x: [S], _ labels: [Int32], rows: Int, width: Int, _ m: ElementaryFunctions<S>
  ) -> [S] {
    var result: [S] = []
    result.reserveCapacity(self == .softmax ? x.count : rows)
    for row in 0..<rows {
      let logits = x[(row * width)..<((row + 1) * width)]
      let largest = Reduction.max.reduced(logits)
      if largest == -S.infinity {
        switch self {
        case .softmax: result += logits.map { _ in 0 }
        case .logSumExp: result.append(-S.infinity)
        case .softmaxCrossEntropy: result.append(0)
        }
        continue
      }
      let exponentials = logits.map { m.exp($0 - largest) }
      let total = Reduction.sum.reduced(exponentials[...])
      switch self {
      case .softmax: result += exponentials.map { $0 / total }
      case .logSumExp: result.append(largest + m.log(total))
      case .softmaxCrossEntropy:
        let label = Int(labels[row])
        result.append(
          label >= 0 && label < width ? m.log(total) - (x[row * width + label] - largest) : 0)
      }
    }
    return result
  }
}

func gatheredRows<S: Real>(_ table: [S], _ shape: Shape, _ indices: [Int32]) -> [S] {
  let width = shape[1]
  return indices.flatMap { index -> [S] in
    guard index >= 0 && index < shape[0] else { return [S](repeating: 0, count: width) }
    return Array(table[(Int(index) * width)..<((Int(index) + 1) * width)])
  }
}

func scatteredRows<S: Real>(_ x: [S], _ indices: [Int32], rows: Int, width: Int) -> [S] {
  var result = [S](repeating: 0, count: rows * width)
  for (row, index) in indices.enumerated() where index >= 0 && index < rows {
    for column in 0..<width { result[Int(index) * width + column] += x[row * width + column] }
  }
  return result
}
