internal import EbbGraph

/// Softmax cross-entropy and its gradient, to be computed by one instruction:
/// softmaxCrossEntropy(x, labels) and (softmax(x) − one-hot(labels)) · scale, where the scale is known
/// before the loss is (a constant or an input).
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
    let (soft, hot) = (graph[difference.inputs[0]], graph[difference.inputs[1]])
    guard soft.op == .rowwise(.softmax), case .indexing(.oneHot) = hot.op else { return nil }
    return users[soft.inputs[0].index].first {
      graph[$0].op == .rowwise(.softmaxCrossEntropy) && graph[$0].inputs[0] == soft.inputs[0]
        && graph[$0].inputs[1] == hot.inputs[0]
    }
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
