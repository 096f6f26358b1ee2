extension Graph {
  /// The graph with each custom operation whose value is an expression replaced by that expression.
  package func withCustomExpressionsInlined() throws -> Graph {
    let needsWork = nodes.contains { node in
      guard case .custom(let operation) = node.op else { return false }
      return operation.numericBody == nil
    }
    guard needsWork else { return self }
    var rewriter = GraphRewriter()
    var places: [NodeID] = []
    for node in nodes {
      let inputs = node.inputs.map { places[$0.index] }
      if case .custom(let operation) = node.op,
        let body = try operation.expression(shapes: inputs.map { rewriter.graph[$0].shape })
      {
        let inlined = try body.withCustomExpressionsInlined()
        places.append(rewriter.insert(inlined, operands: inputs, scope: node.scope))
      } else {
        places.append(rewriter.add(node, inputs: inputs))
      }
    }
    rewriter.graph.outputs = outputs.map { $0.moved(to: places) }
    return rewriter.graph
  }
}

/// Writes a new graph from an old one, node by node; equal nodes stay one node.
package struct GraphRewriter {
  package var graph = Graph()
  private var known: [Key: NodeID] = [:]

  private struct Key: Hashable {
    let op: Op
    let inputs: [NodeID]
  }

  package init() {}

  /// The node with other inputs, new or found.
  package mutating func add(_ node: Node, inputs: [NodeID]) -> NodeID {
    add(node.op, inputs, shape: node.shape, type: node.type, scope: node.scope)
  }

  /// A node, new or found.
  package mutating func add(
    _ op: Op, _ inputs: [NodeID], shape: Shape, type: ElementType, scope: String
  ) -> NodeID {
    let key = Key(op: op, inputs: inputs)
    if let id = known[key] { return id }
    let id = NodeID(graph.nodes.count)
    graph.nodes.append(Node(op: op, inputs: inputs, shape: shape, type: type, scope: scope))
    known[key] = id
    return id
  }

  /// A whole graph, whose inputs named 0, 1, … are the given operands; returns its first output.
  mutating func insert(_ body: Graph, operands: [NodeID], scope: String) -> NodeID {
    var places: [NodeID] = []
    for node in body.nodes {
      if case .source(.input(let name, _, _)) = node.op, let position = Int(name) {
        places.append(operands[position])
      } else {
        places.append(
          add(
            node.op, node.inputs.map { places[$0.index] }, shape: node.shape, type: node.type,
            scope: scope))
      }
    }
    return places[body.outputs[0].id.index]
  }
}
