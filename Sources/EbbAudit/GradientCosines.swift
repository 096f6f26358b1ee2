internal import EbbData
internal import EbbGradients
internal import EbbGraph
internal import EbbTraining

/// How well each row's gradient agrees with those of the other rows of its group.
///
/// With S the sum of the group's gradients, the mean of the others points along S − g, so that one
/// product g·S for each row is all it takes:
/// cos = (g·S − |g|²) / (|g| √(|S|² − 2 g·S + |g|²)).
/// A dense layer's gradient is an outer product, g·S = leftᵀ S right, and is never multiplied out.
/// Parameters whose gradients cannot be read off so are left out.
struct GradientCosines {
  /// The cosine of each row; nil where a gradient is zero, or the row alone in its group.
  let values: [Double?]

  /// - Parameter groups: the group of each row, from 0.
  init(_ model: Model, _ dataset: Dataset, groups: [Int], threads: Int) throws {
    let rows = min(max(2, dataset.rowCount), RowRunner.mostRows)
    let trace = try LossTrace(model, rows: rows)
    let factors = trace.rowFactors().filter { $0 != .alone }
    let nodes = Set(factors.flatMap(\.factorNodes)).sorted()
    guard !nodes.isEmpty, dataset.rowCount > 0 else {
      values = [Double?](repeating: nil, count: groups.count)
      return
    }
    let runner = try RowRunner(
      model, trace, reading: nodes, classWeights: nil, precision: .single, threads: threads)
    var columns: [NodeID: [Double]] = [:]
    try runner.run(try Batch(dataset, rows: Array(0..<dataset.rowCount))) { count, found in
      for node in nodes {
        let width = trace.graph.width(node)
        columns[node, default: []] += (found[RowRunner.name(of: node)] ?? []).prefix(count * width)
      }
    }
    let table = FactorTable(columns: columns, widths: { trace.graph.width($0) })
    var members = [[Int]](repeating: [], count: (groups.max() ?? 0) + 1)
    for (row, group) in groups.enumerated() { members[group].append(row) }
    var cosines = [Double?](repeating: nil, count: groups.count)
    for rows in members where rows.count > 1 {
      var products = [Double](repeating: 0, count: rows.count)
      var squares = products
      var sumSquare = 0.0
      for factor in factors {
        let sum = table.sum(factor, rows)
        sumSquare += sum.reduce(0) { $0 + $1 * $1 }
        for (place, row) in rows.enumerated() {
          products[place] += table.product(factor, row, sum)
          squares[place] += table.square(factor, row)
        }
      }
      for (place, row) in rows.enumerated() {
        let (product, square) = (products[place], squares[place])
        let others = sumSquare - 2 * product + square
        guard square > 0, others > 1e-12 * sumSquare else { continue }
        let cosine = (product - square) / (square * others).squareRoot()
        cosines[row] = min(1, max(-1, cosine))
      }
    }
    values = cosines
  }
}

/// The rows of the values that gradients are made from.
private struct FactorTable {
  let columns: [NodeID: [Double]]
  let widths: (NodeID) -> Int

  private func part(_ node: NodeID, _ row: Int) -> ArraySlice<Double> {
    let width = widths(node)
    return columns[node]?[row * width..<(row + 1) * width] ?? []
  }

  /// The sum of the rows' gradients, in memory order.
  func sum(_ factor: RowFactors, _ rows: [Int]) -> [Double] {
    switch factor {
    case .alone: return []
    case .rows(let nodes):
      var total = [Double](repeating: 0, count: nodes.first.map(widths) ?? 0)
      for node in nodes {
        for row in rows {
          for (place, number) in part(node, row).enumerated() { total[place] += number }
        }
      }
      return total
    case .products(let products):
      guard let first = products.first else { return [] }
      let width = widths(first.right)
      var total = [Double](repeating: 0, count: widths(first.left) * width)
      for product in products {
        for row in rows {
          let right = part(product.right, row)
          var start = 0
          for number in part(product.left, row) {
            if number != 0 {
              var place = start
              for other in right {
                total[place] += number * other
                place += 1
              }
            }
            start += width
          }
        }
      }
      return total
    }
  }

  /// The product of one row's gradient and a sum.
  func product(_ factor: RowFactors, _ row: Int, _ sum: [Double]) -> Double {
    var total = 0.0
    switch factor {
    case .alone: break
    case .rows(let nodes):
      for node in nodes {
        for (number, other) in zip(part(node, row), sum) { total += number * other }
      }
    case .products(let products):
      for product in products {
        let right = part(product.right, row)
        var place = 0
        for number in part(product.left, row) {
          if number == 0 {
            place += right.count
            continue
          }
          var inner = 0.0
          for other in right {
            inner += other * sum[place]
            place += 1
          }
          total += number * inner
        }
      }
    }
    return total
  }

  /// |g|² of one row.
  func square(_ factor: RowFactors, _ row: Int) -> Double {
    if case .products(let products) = factor, products.count == 1 {
      // |left rightᵀ|² = |left|² |right|².
      return square(part(products[0].left, row)) * square(part(products[0].right, row))
    }
    return product(factor, row, sum(factor, [row]))
  }

  private func square(_ numbers: ArraySlice<Double>) -> Double {
    numbers.reduce(0) { $0 + $1 * $1 }
  }
}

extension RowFactors {
  /// The values whose rows are needed.
  fileprivate var factorNodes: [NodeID] {
    switch self {
    case .products(let products): products.flatMap { [$0.left, $0.right] }
    case .rows(let nodes): nodes
    case .alone: []
    }
  }
}

extension Graph {
  /// How many numbers one row of a value has.
  fileprivate func width(_ node: NodeID) -> Int {
    self[node].shape.extents.dropFirst().reduce(1, *)
  }
}
