internal import EbbGraph

/// Which nodes are computed together.
///
/// Elementwise nodes of one shape form groups; a group becomes one chain. Some groups ride on a matrix
/// product as its tail, run on each piece of the product while that is in the cache.
struct Fusion {
  /// The group of each node, by the group's root: the last node of the group. Nil for others.
  private(set) var root: [NodeID?]
  /// The members of each group, ascending, by root.
  private(set) var members: [NodeID: [NodeID]] = [:]
  /// The product that a group rides on, by the group's root.
  private(set) var product: [NodeID: NodeID] = [:]
  /// The group that rides on a product, by the product.
  private(set) var tail: [NodeID: NodeID] = [:]

  /// At most this many registers in a chain, counted as one per node and one per operand slot.
  private static let mostRegisters = 60

  /// - Parameter except: nodes that another instruction computes.
  init(_ graph: Graph, except: Set<NodeID>, options: CompilerOptions) {
    root = [NodeID?](repeating: nil, count: graph.nodes.count)
    let users = graph.users()
    var size: [NodeID: Int] = [:]

    // From the results backwards: a node joins the group of a user if whatever else uses it comes
    // after that whole group. Then no path leaves the group and comes back.
    for index in graph.nodes.indices.reversed() where graph.nodes[index].op.isElementwise {
      let id = NodeID(index)
      if except.contains(id) { continue }
      let node = graph.nodes[index]
      let weight = 1 + node.inputs.count
      let candidates = Set(users[index].compactMap { root[$0.index] }).sorted()
      let choice = candidates.first { candidate in
        options.contains(.fuse) && graph[candidate].shape == node.shape
          && size[candidate, default: 0] + weight <= Self.mostRegisters
          && users[index].allSatisfy { root[$0.index] == candidate || $0 > candidate }
      }
      let group = choice ?? id
      root[index] = group
      size[group, default: 0] += weight
      members[group, default: []].append(id)
    }
    for group in members.keys { members[group]?.reverse() }
    if options.contains(.tails) { findTails(graph, users) }
  }

  private mutating func findTails(_ graph: Graph, _ users: [[NodeID]]) {
    for group in members.keys.sorted() where graph[group].shape.rank == 2 {
      var found: NodeID?
      for member in members[group] ?? [] {
        for input in graph[member].inputs {
          let node = graph[input]
          guard node.op == .matmul, node.shape == graph[group].shape, tail[input] == nil,
            users[input.index].allSatisfy({ root[$0.index] == group || $0 > group })
          else { continue }
          found = max(found ?? input, input)
        }
      }
      if let found {
        product[group] = found
        tail[found] = group
      }
    }
  }

  /// The node at whose turn another node is computed.
  func turn(of id: NodeID) -> NodeID { root[id.index] ?? tail[id] ?? id }
}

/// Which passes run: tests switch each off in turn and compare the bits.
package struct CompilerOptions: OptionSet, Sendable {
  package let rawValue: Int

  package init(rawValue: Int) { self.rawValue = rawValue }

  /// Graph simplification and constant folding.
  package static let simplify = CompilerOptions(rawValue: 1)
  /// Elementwise nodes into chains.
  package static let fuse = CompilerOptions(rawValue: 2)
  /// Chains as tails of matrix products.
  package static let tails = CompilerOptions(rawValue: 4)
  /// Results over the memory of operands that are no longer needed.
  package static let inPlace = CompilerOptions(rawValue: 8)
  /// Kernels of their own for softmax cross-entropy and Adam.
  package static let patterns = CompilerOptions(rawValue: 16)

  /// Several instructions in a stage.
  package static let stages = CompilerOptions(rawValue: 32)

  /// All of them.
  package static let all: CompilerOptions = [
    .simplify, .fuse, .tails, .inPlace, .patterns, .stages,
  ]
}
