package import EbbGraph

extension Graph {
  /// A graph that computes the same bits with fewer nodes.
  ///
  /// Only identities that hold for every Float are used: x · 1, x / 1, −(−x), x + (−y), movements of
  /// movements, and elementwise operations on repeated single numbers, which are done once and then
  /// repeated.
  package func simplified() -> Graph {
    var rewriter = GraphRewriter()
    var places: [NodeID] = []
    let live = liveNodes()
    for (index, node) in nodes.enumerated() {
      guard live[index] else {
        places.append(NodeID(0))
        continue
      }
      places.append(rewriter.simplify(node, inputs: node.inputs.map { places[$0.index] }))
    }
    rewriter.graph.outputs = outputs.map { $0.moved(to: places) }
    return rewriter.graph.withoutDeadNodes()
  }

  /// Without the nodes that no output depends on. Inputs stay, so that they can still be given.
  package func withoutDeadNodes() -> Graph {
    let live = liveNodes()
    var rewriter = GraphRewriter()
    var places = [NodeID](repeating: NodeID(0), count: nodes.count)
    for (index, node) in nodes.enumerated() where live[index] || node.isInput {
      places[index] = rewriter.add(node, inputs: node.inputs.map { places[$0.index] })
    }
    rewriter.graph.outputs = outputs.map { $0.moved(to: places) }
    return rewriter.graph
  }
}

extension Node {
  fileprivate var isInput: Bool {
    if case .source(.input(let name, _, _)) = op { return !name.hasPrefix(Source.standInPrefix) }
    return false
  }
}

extension GraphRewriter {
  fileprivate mutating func simplify(_ node: Node, inputs: [NodeID]) -> NodeID {
    if let simpler = identity(node, inputs) { return simpler }
    if let single = onSingleNumbers(node, inputs) { return single }
    return add(node, inputs: inputs)
  }

  /// The existing node, or the simpler new one, that gives the same bits.
  private mutating func identity(_ node: Node, _ inputs: [NodeID]) -> NodeID? {
    func operand(_ slot: Int) -> Node { graph[inputs[slot]] }
    switch node.op {
    case .unary(.stopGradient): return inputs[0]
    case .unary(.negate):
      return operand(0).op == .unary(.negate) ? operand(0).inputs[0] : nil
    case .binary(.multiply):
      if constant(inputs[1]) == 1 { return inputs[0] }
      return constant(inputs[0]) == 1 ? inputs[1] : nil
    case .binary(.divide): return constant(inputs[1]) == 1 ? inputs[0] : nil
    case .binary(.add):
      guard operand(1).op == .unary(.negate) else { return nil }
      return add(
        .binary(.subtract), [inputs[0], operand(1).inputs[0]], shape: node.shape, type: node.type,
        scope: node.scope)
    case .binary(.subtract):
      guard operand(1).op == .unary(.negate) else { return nil }
      return add(
        .binary(.add), [inputs[0], operand(1).inputs[0]], shape: node.shape, type: node.type,
        scope: node.scope)
    case .movement(let movement): return moved(node, movement, inputs[0])
    default: return nil
    }
  }

  /// A movement of a movement as one, a movement that moves nothing as none.
  private mutating func moved(_ node: Node, _ movement: Movement, _ input: NodeID) -> NodeID? {
    let operand = graph[input]
    switch (movement, operand.op) {
    case (.reshape, _) where operand.shape == node.shape: return input
    case (.expand, _) where operand.shape == node.shape: return input
    case (.reshape, .movement(.reshape)), (.expand, .movement(.expand)):
      return moved(node, movement, operand.inputs[0])
        ?? add(node, inputs: [operand.inputs[0]])
    case (.transpose(let outer), .movement(.transpose(let inner))):
      let order = outer.map { inner[$0] }
      if order == Array(0..<order.count) { return operand.inputs[0] }
      return add(
        .movement(.transpose(order)), [operand.inputs[0]], shape: node.shape, type: node.type,
        scope: node.scope)
    default: return nil
    }
  }

  /// The number that fills the whole value, if it is a constant.
  private func constant(_ id: NodeID) -> Double? {
    if case .source(.constant(let constant)) = graph[single(id) ?? id].op { return constant.value }
    return nil
  }

  /// The single number that a value repeats.
  private func single(_ id: NodeID) -> NodeID? {
    var id = id
    while true {
      let node = graph[id]
      if node.shape == .scalar { return id }
      switch node.op {
      case .movement(.expand), .movement(.reshape): id = node.inputs[0]
      default: return nil
      }
    }
  }

  /// f(repeat a, repeat b) = repeat f(a, b).
  private mutating func onSingleNumbers(_ node: Node, _ inputs: [NodeID]) -> NodeID? {
    guard node.op.isElementwise, node.shape != .scalar else { return nil }
    let singles = inputs.compactMap { single($0) }
    guard singles.count == inputs.count else { return nil }
    let value = add(node.op, singles, shape: .scalar, type: node.type, scope: node.scope)
    let ones = Shape([Int](repeating: 1, count: node.shape.rank))
    let aligned = add(
      .movement(.reshape(ones)), [value], shape: ones, type: node.type, scope: node.scope)
    if ones == node.shape { return aligned }
    return add(
      .movement(.expand(node.shape)), [aligned], shape: node.shape, type: node.type,
      scope: node.scope)
  }
}

extension Graph {
  /// The graph with everything that depends on constants alone computed now, in Float.
  package func withConstantsFolded() throws -> Graph {
    var isFixed = [Bool](repeating: false, count: nodes.count)
    for (index, node) in nodes.enumerated() {
      switch node.op {
      case .source(.constant), .source(.array): isFixed[index] = true
      case .unary, .binary, .ternary, .reduction, .matmul, .rowwise:
        isFixed[index] = node.inputs.allSatisfy { isFixed[$0.index] } && node.shape.count <= 4096
      case .movement:
        isFixed[index] = node.inputs.allSatisfy { isFixed[$0.index] } && node.type != .index
      case .source, .indexing, .random, .custom: break
      }
    }
    // What is worth computing: fixed, not a source, not a mere movement, used by what is not fixed.
    var wanted: Set<NodeID> = []
    for (index, node) in nodes.enumerated() {
      for input in node.inputs where isFixed[input.index] {
        let isComputed = nodes[input.index].isFoldable
        if isComputed && (!isFixed[index] || !node.isFoldable) { wanted.insert(input) }
      }
    }
    for output in outputs where isFixed[output.id.index] && nodes[output.id.index].isFoldable {
      wanted.insert(output.id)
    }
    let order = wanted.filter { nodes[$0.index].type == .float }.sorted()
    guard !order.isEmpty else { return self }
    let part = Graph(nodes: nodes, outputs: order.map { Output(name: "", id: $0) })
    let values = try Interpreter(part, functions: .kernels).run([:])
    var folded: [NodeID: NDArray<Float>] = [:]
    for (id, value) in zip(order, values) {
      if case .numbers(let array) = value { folded[id] = array }
    }
    var rewriter = GraphRewriter()
    var places: [NodeID] = []
    for (index, node) in nodes.enumerated() {
      if let array = folded[NodeID(index)] {
        let op = Op.source(array.asSource)
        places.append(
          rewriter.add(op, [], shape: node.shape, type: .float, scope: node.scope))
      } else {
        places.append(rewriter.add(node, inputs: node.inputs.map { places[$0.index] }))
      }
    }
    var result = rewriter.graph
    result.outputs = outputs.map { $0.moved(to: places) }
    return result.withoutDeadNodes()
  }
}

extension Node {
  /// Whether computing the node ahead saves work: not for sources and movements.
  fileprivate var isFoldable: Bool {
    switch op {
    case .source, .movement: false
    default: true
    }
  }
}

extension NDArray<Float> {
  /// The numbers as a constant, exactly.
  fileprivate var asSource: Source {
    shape == .scalar
      ? .constant(ExactDouble(Double(scalar))) : .array(map { ExactDouble(Double($0)) })
  }
}
