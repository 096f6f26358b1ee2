/// A node's place in its graph.
public struct NodeID: Hashable, Comparable, Sendable {
  /// The position in `Graph.nodes`.
  public let index: Int

  package init(_ index: Int) { self.index = index }

  /// Whether one node stands before another. A node stands after all its inputs.
  public static func < (left: NodeID, right: NodeID) -> Bool { left.index < right.index }
}

extension NodeID: CustomStringConvertible {
  /// The name under which printers show the node, such as `%12`.
  public var description: String { "%\(index)" }
}

/// One operation applied to earlier nodes.
public struct Node: Sendable {
  /// What is computed.
  public let op: Op
  /// The operands, in order; each stands earlier in the graph.
  public let inputs: [NodeID]
  /// The extents of the result.
  public let shape: Shape
  /// What the elements of the result are.
  public let type: ElementType
  /// The layer that was being traced, such as `hidden1`; a label for people, not part of identity.
  public let scope: String
}

/// A computation: a list of operations in an order in which they can be run.
///
/// A node's inputs stand before it, so **index order is topological order**: whoever walks the graph
/// forwards or backwards is a loop, never a recursion.
public struct Graph: Sendable {
  /// The operations.
  public package(set) var nodes: [Node]
  /// The results, by name, in the order given.
  public package(set) var outputs: [Output]

  /// A named result.
  public struct Output: Sendable, Hashable {
    /// The name under which it is asked for.
    public let name: String
    /// The node that computes it.
    public let id: NodeID
    /// The parameter that takes this value when the step is over, if it is an update.
    public let parameter: NodeID?

    package init(name: String, id: NodeID, parameter: NodeID? = nil) {
      self.name = name
      self.id = id
      self.parameter = parameter
    }

    /// The same output in a rewritten graph.
    package func moved(to places: [NodeID]) -> Output {
      Output(name: name, id: places[id.index], parameter: parameter.map { places[$0.index] })
    }
  }

  package init(nodes: [Node] = [], outputs: [Output] = []) {
    self.nodes = nodes
    self.outputs = outputs
  }

  /// A node.
  public subscript(id: NodeID) -> Node { nodes[id.index] }

  /// The node that computes a named output, if there is one.
  public func output(named name: String) -> NodeID? { outputs.first { $0.name == name }?.id }

  /// The parameters in the order of declaration.
  public var parameters: [(name: String, id: NodeID)] {
    nodes.indices.compactMap { index in
      guard case .source(.parameter(let name, _)) = nodes[index].op else { return nil }
      return (name, NodeID(index))
    }
  }

  /// The inputs in the order of declaration, without the stand-ins that derivatives of custom
  /// operations leave behind, which no result depends on.
  public var inputs: [(name: String, id: NodeID)] {
    nodes.indices.compactMap { index in
      guard case .source(.input(let name, _, _)) = nodes[index].op,
        !name.hasPrefix(Source.standInPrefix)
      else { return nil }
      return (name, NodeID(index))
    }
  }

  /// Which nodes the outputs depend on.
  ///
  /// - Parameter needs: what a node is computed from where that is not its inputs; nil: its inputs.
  package func liveNodes(needs: (NodeID) -> [NodeID]? = { _ in nil }) -> [Bool] {
    var live = [Bool](repeating: false, count: nodes.count)
    for output in outputs {
      live[output.id.index] = true
      if let parameter = output.parameter { live[parameter.index] = true }
    }
    for index in nodes.indices.reversed() where live[index] {
      for input in needs(NodeID(index)) ?? nodes[index].inputs { live[input.index] = true }
    }
    return live
  }

  /// The nodes that use each node, ascending; a node that uses it in two slots stands twice.
  package func users() -> [[NodeID]] {
    var users = [[NodeID]](repeating: [], count: nodes.count)
    for (index, node) in nodes.enumerated() {
      for input in node.inputs { users[input.index].append(NodeID(index)) }
    }
    return users
  }
}
