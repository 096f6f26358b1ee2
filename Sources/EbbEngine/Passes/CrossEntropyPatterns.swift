internal import EbbGraph

/// Softmax cross-entropy and its gradient, to be computed by one instruction:
/// softmaxCrossEntropy(x, labels) and (softmax(x) − one-hot(labels) · present) · scale, where `present`
/// is 0 for rows of −∞ and the scale is known before the loss is (a constant or an input).
struct CrossEntropyPatterns {
  struct Match {
    let gradient: NodeID
    let scale: NodeID
  }

  /// The gradient that goes with a loss, by the loss.
  private(set) var byLoss: [NodeID: Match] = [:]
  /// The gradients.
  private(set) var gradients: Set<NodeID> = []

  init(_ graph: Graph, _ users: [[NodeID]], enabled: Bool) {
    guard enabled else { return }
    for (index, node) in graph.nodes.enumerated() where node.op == .binary(.multiply) {
      // The loss's instruction computes the gradient at the loss's turn.
      guard let loss = Self.loss(of: node, graph, users), loss.index < index,
        byLoss[loss] == nil, Self.isFactorPerRow(node.inputs[1], graph)
      else { continue }
      byLoss[loss] = Match(gradient: NodeID(index), scale: node.inputs[1])
      gradients.insert(NodeID(index))
    }
  }

  private static func loss(of node: Node, _ graph: Graph, _ users: [[NodeID]]) -> NodeID? {
    let difference = graph[node.inputs[0]]
    guard difference.op == .binary(.subtract), difference.shape.rank == 2 else { return nil }
    let (soft, target) = (graph[difference.inputs[0]], graph[difference.inputs[1]])
    guard soft.op == .rowwise(.softmax), target.op == .binary(.multiply),
      isPresent(target.inputs[1], soft.inputs[0], graph)
    else { return nil }
    let hot = graph[target.inputs[0]]
    guard case .indexing(.oneHot) = hot.op else { return nil }
    return users[soft.inputs[0].index].first {
      graph[$0].op == .rowwise(.softmaxCrossEntropy) && graph[$0].inputs[0] == soft.inputs[0]
        && graph[$0].inputs[1] == hot.inputs[0]
    }
  }

  /// Whether a value is 1 for the rows of x that are not all −∞, and 0 for the others.
  private static func isPresent(_ id: NodeID, _ x: NodeID, _ graph: Graph) -> Bool {
    func unmoved(_ id: NodeID) -> Node {
      var node = graph[id]
      while case .movement(let movement) = node.op, node.inputs.count == 1 {
        switch movement {
        case .reshape, .expand: node = graph[node.inputs[0]]
        default: return node
        }
      }
      return node
    }
    let number = unmoved(id)
    guard number.op == .unary(.float) else { return false }
    let comparison = unmoved(number.inputs[0])
    guard comparison.op == .binary(.greater) else { return false }
    let (largest, bound) = (unmoved(comparison.inputs[0]), unmoved(comparison.inputs[1]))
    guard case .source(.constant(let least)) = bound.op, least.value == -.infinity else {
      return false
    }
    return largest.op == .reduction(.max, axes: [graph[x].shape.rank - 1])
      && largest.inputs[0] == x
  }

  /// Whether a value repeats a constant or an input, one number for each row or one for all.
  private static func isFactorPerRow(_ id: NodeID, _ graph: Graph) -> Bool {
    guard case .movement(.expand) = graph[id].op, graph[graph[id].inputs[0]].shape[1] == 1 else {
      return false
    }
    var source = graph[id].inputs[0]
    while case .movement(.reshape) = graph[source].op { source = graph[source].inputs[0] }
    if case .source = graph[source].op { return true }
    // One number in several steps of repetition.
    while case .movement(let movement) = graph[source].op, graph[source].inputs.count == 1 {
      switch movement {
      case .reshape, .expand: source = graph[source].inputs[0]
      default: return false
      }
    }
    if case .source = graph[source].op { return graph[source].shape == .scalar }
    return false
  }

  /// The nodes that must be computed: a gradient of the pattern needs its loss and its scale only.
  func liveNodes(_ graph: Graph) -> [Bool] {
    let losses = Dictionary(
      uniqueKeysWithValues: byLoss.map { ($0.value.gradient, $0.key) })
    return graph.liveNodes { id in losses[id].map { [$0, graph[id].inputs[1]] } }
  }
}
