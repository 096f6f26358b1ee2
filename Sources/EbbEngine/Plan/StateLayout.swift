package import EbbGraph

/// Where each parameter and optimizer slot lies in the state block, by name. Plans for training and
/// evaluation share one layout, and so one block.
package struct StateLayout: Sendable, Hashable {
  package struct Entry: Sendable, Hashable {
    package let name: String
    package let shape: Shape
    package let offset: Int
  }

  /// Each array, here and in the arena, starts on a boundary of this many elements (64 bytes).
  static let alignment = 16

  /// The entries in order of declaration.
  package private(set) var entries: [Entry] = []
  /// Elements in all.
  package private(set) var count = 0
  private var positions: [String: Int] = [:]

  /// A layout for the parameters of a graph, in order of declaration.
  package init(_ graph: Graph) {
    for (name, id) in graph.parameters { append(name, graph[id].shape) }
  }

  private mutating func append(_ name: String, _ shape: Shape) {
    positions[name] = entries.count
    entries.append(Entry(name: name, shape: shape, offset: count))
    count +=
      (shape.count + Self.alignment - 1) / Self.alignment * Self.alignment
  }

  /// The entry of a name.
  package subscript(name: String) -> Entry? { positions[name].map { entries[$0] } }
}
