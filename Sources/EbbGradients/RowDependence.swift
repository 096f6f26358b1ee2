internal import EbbGraph

/// Which values of a graph hold one row per example, each computed from that example alone.
///
/// Where it is so from the features to the rows' losses, row i of a value's gradient belongs to
/// example i. A layer that mixes rows (one that normalises over the batch, say) is found here, and its
/// examples are then taken one at a time.
struct RowDependence {
  /// How a value depends on the rows of the batch.
  enum Kind {
    /// Not at all: made from parameters and constants.
    case shared
    /// Not at all, and given once per row: every entry along the first axis is the same.
    case repeated
    /// Entry i along the first axis depends on example i alone.
    case perRow
    /// In another way, or in one that cannot be seen.
    case mixed
  }

  /// Of each node of the graph.
  let kinds: [Kind]

  /// Looks through a graph whose inputs have a row per example.
  init(_ graph: Graph, rows: Int) {
    self.init(graph, rows: rows) { _, shape in
      shape.rank > 0 && shape[0] == rows ? .perRow : .mixed
    }
  }

  private init(_ graph: Graph, rows: Int, input: (_ name: String, _ shape: Shape) -> Kind) {
    var kinds: [Kind] = []
    kinds.reserveCapacity(graph.nodes.count)
    for node in graph.nodes {
      let operands = node.inputs.map { (kind: kinds[$0.index], shape: graph[$0].shape) }
      if case .source(.input(let name, let shape, _)) = node.op {
        kinds.append(input(name, shape))
      } else {
        kinds.append(Self.kind(of: node, operands, rows: rows))
      }
    }
    self.kinds = kinds
  }

  private static func kind(
    of node: Node, _ operands: [(kind: Kind, shape: Shape)], rows: Int
  ) -> Kind {
    let kinds = operands.map(\.kind)
    if kinds.contains(.mixed) { return .mixed }
    /// What comes of an operation that does something along the first axis. What is repeated must not
    /// go through one either, or its gradient's rows are no longer the examples'.
    let lost: Kind = kinds.allSatisfy { $0 == .shared } ? .shared : .mixed
    /// What comes of an operation that keeps the first axis apart.
    let kept: Kind =
      lost == .shared || kinds.contains(.shared)
      ? lost : kinds.contains(.perRow) ? .perRow : .repeated

    switch node.op {
    case .source: return .shared
    // Each row has random numbers of its own; alone it would have others.
    case .random: return .mixed
    case .unary, .binary, .ternary: return kept
    case .reduction(_, let axes): return axes.contains(0) ? lost : kept
    case .rowwise: return (operands.first?.shape.rank ?? 0) >= 2 ? kept : lost
    case .movement(let movement): return keepsRows(movement, node, operands, kept, lost, rows)
    case .matmul:
      // A plain product's rows come from the rows on the left; a product of stacks keeps the stack.
      if node.shape.rank > 2 { return kept }
      switch (kinds[0], kinds[1]) {
      case (.perRow, .shared): return .perRow
      case (.repeated, .shared): return .repeated
      default: return lost
      }
    case .indexing(let indexing):
      switch indexing {
      case .gatherRows:
        return kinds[0] == .shared && kinds[1] == .perRow ? .perRow : lost
      case .oneHot: return kept
      case .argmax(let axis): return axis == 0 ? lost : kept
      case .scatterAddRows: return lost
      }
    case .custom(let operation):
      guard let body = try? operation.expression(shapes: operands.map(\.shape)) else { return lost }
      let inner = RowDependence(body, rows: rows) { name, _ in
        Int(name).map { kinds[$0] } ?? .mixed
      }
      return inner.kinds[body.outputs[0].id.index]
    }
  }

  private static func keepsRows(
    _ movement: Movement, _ node: Node, _ operands: [(kind: Kind, shape: Shape)], _ kept: Kind,
    _ lost: Kind, _ rows: Int
  ) -> Kind {
    let shape = operands[0].shape
    switch movement {
    case .reshape:
      guard let first = shape.extents.first, node.shape.extents.first == first else { return lost }
      return kept
    case .transpose(let order): return order.first == 0 ? kept : lost
    case .expand:
      guard shape.rank == node.shape.rank, let first = shape.extents.first else { return lost }
      if first == node.shape[0] && kept != .shared { return kept }
      return kept == .shared && first == 1 && node.shape[0] == rows ? .repeated : lost
    case .concatenate(let axis): return axis == 0 ? lost : kept
    case .slice(let start, let extents):
      return start.first == 0 && extents.first == shape.extents.first ? kept : lost
    case .pad(let before, let after): return before.first == 0 && after.first == 0 ? kept : lost
    }
  }
}
