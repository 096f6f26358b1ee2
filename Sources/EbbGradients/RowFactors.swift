package import EbbGraph

/// How one example's gradient of a parameter is made from the example's rows of other values: read
/// off the applications of the chain rule, without the gradient of the batch.
///
/// Where a parameter W is used as x W, the example's contribution is the outer product of its row of
/// x and its row of the product's gradient; where it is added to every row, it is its row of the sum's
/// gradient.
package enum RowFactors: Equatable {
  /// The sum of outer products: entry [i, j] of the parameter in memory is Σ left_i · right_j.
  case products([Product])
  /// The sum of rows.
  case rows([NodeID])
  /// In another way: the example has to be taken alone.
  case alone

  /// One outer product's rows.
  package struct Product: Equatable {
    package let left: NodeID
    package let right: NodeID
  }
}

extension LossTrace {
  /// How one example's gradient of each parameter is read off; the trace must have at least 2 rows, so
  /// that what is repeated for each shows.
  package func rowFactors() -> [RowFactors] {
    let dependence = RowDependence(graph, rows: rows)
    guard rows > 1, dependence.kinds[rowLosses.index] == .perRow else {
      return parameters.map { _ in .alone }
    }
    return parameters.map { rowFactors(of: $0.value, dependence) ?? .alone }
  }

  /// The sum over all uses, or nil if one of them is of another kind.
  private func rowFactors(of value: NodeID, _ dependence: RowDependence) -> RowFactors? {
    var (products, sums): ([RowFactors.Product], [NodeID]) = ([], [])
    for step in steps where step.operand == value {
      let through = graph[step.through]
      let kind = dependence.kinds[step.through.index]
      let hasRows = kind == .perRow || kind == .repeated
      switch through.op {
      case .matmul where step.slot == 1 && through.shape.rank == 2 && hasRows:
        products.append(.init(left: through.inputs[0], right: step.cotangent))
      case .movement(.transpose([1, 0])) where kind == .shared:
        guard case .products(let parts)? = rowFactors(of: step.through, dependence) else {
          return nil
        }
        products += parts.map { .init(left: $0.right, right: $0.left) }
      case .movement(.reshape) where kind == .shared:
        guard case .rows(let parts)? = rowFactors(of: step.through, dependence) else { return nil }
        sums += parts
      case .movement(.expand) where kind == .repeated:
        guard through.shape.extents.dropFirst() == graph[value].shape.extents.dropFirst() else {
          return nil
        }
        sums.append(step.cotangent)
      default: return nil
      }
    }
    if sums.isEmpty { return .products(products) }
    return products.isEmpty ? .rows(sums) : nil
  }
}
