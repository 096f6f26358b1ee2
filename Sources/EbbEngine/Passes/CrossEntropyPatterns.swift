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
      guard let loss = Self.loss(of: node, graph, users), byLoss[loss] == nil,
        Self.isSource(node.inputs[1], graph)
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

  /// Whether a value is a constant or an input, perhaps seen through movements.
  private static func isSource(_ id: NodeID, _ graph: Graph) -> Bool {
    var id = id
    while case .movement = graph[id].op, graph[id].inputs.count == 1 { id = graph[id].inputs[0] }
    if case .source = graph[id].op { return true }
    return false
  }

  /// The nodes that must be computed: a gradient of the pattern needs its loss and its scale only.
  func liveNodes(_ graph: Graph) -> [Bool] {
    let losses = Dictionary(
      uniqueKeysWithValues: byLoss.map { ($0.value.gradient, $0.key) })
    var live = [Bool](repeating: false, count: graph.nodes.count)
    for output in graph.outputs { live[output.id.index] = true }
    for index in graph.nodes.indices.reversed() where live[index] {
      let inputs =
        losses[NodeID(index)].map { [$0, graph.nodes[index].inputs[1]] }
        ?? graph.nodes[index].inputs
      for input in inputs { live[input.index] = true }
    }
    return live
  }
}
