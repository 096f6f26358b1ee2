internal import EbbGraph

/// Turns the nodes of a graph into instructions, in the order of the nodes, with places instead of
/// addresses.
struct Lowering {
  let graph: Graph
  let fusion: Fusion
  let options: CompilerOptions
  let state: StateLayout
  let users: [[NodeID]]
  /// Whether a node is a result of the graph.
  let isResult: [Bool]

  /// An instruction whose addresses are not fixed yet.
  struct Draft {
    var label: String
    var operations: Int
    var bytes: Int
    var chunks: Chunks
    var reads: [Place]
    var writes: [Place]
    /// Whether it runs on one thread while nothing else does: an operation of the user's.
    var isAlone: Bool
    var make: ((Place) -> Location) -> Instruction.Work
  }

  /// Elements of each entry of the state, by its offset.
  private let stateCounts: [Int: Int]
  private(set) var drafts: [Draft] = []
  private(set) var buffers: [Buffer] = []
  private(set) var constants: [UInt32] = []
  private(set) var customOperations: [Plan.CustomNode] = []
  /// Where each computed node lies.
  private var places: [Place?]
  private var views: [View?]
  private var copies: [NodeID: Place] = [:]
  private var constantPlaces: [UInt32: Int] = [:]
  /// Softmax cross-entropy gradients that their loss's instruction computes.
  let crossEntropy: CrossEntropyPatterns
  /// The parameter whose memory a node's result goes to.
  private var updated: [NodeID: Int] = [:]

  init(_ graph: Graph, state: StateLayout, options: CompilerOptions) {
    self.graph = graph
    self.options = options
    self.state = state
    users = graph.users()
    var isResult = [Bool](repeating: false, count: graph.nodes.count)
    for output in graph.outputs { isResult[output.id.index] = true }
    self.isResult = isResult
    stateCounts = Dictionary(
      state.entries.map { ($0.offset, $0.shape.count) }, uniquingKeysWith: { first, _ in first })
    crossEntropy = CrossEntropyPatterns(graph, users, enabled: options.contains(.patterns))
    fusion = Fusion(graph, except: crossEntropy.gradients, options: options)
    places = [Place?](repeating: nil, count: graph.nodes.count)
    views = [View?](repeating: nil, count: graph.nodes.count)
  }

  // MARK: Running over the graph

  mutating func run() {
    let live = crossEntropy.liveNodes(graph)
    placeSources()
    planUpdates()
    for (index, node) in graph.nodes.enumerated() where live[index] {
      lower(NodeID(index), node)
    }
  }

  private mutating func lower(_ id: NodeID, _ node: Node) {
    if places[id.index] != nil || fusion.tail[id] != nil { return }
    if crossEntropy.gradients.contains(id) { return }
    switch node.op {
    case .source: return
    case .unary, .binary, .ternary:
      if fusion.root[id.index] == id { lowerGroup(id) }
    case .movement(let movement): lowerMovement(id, node, movement)
    case .matmul: lowerProduct(id, place: newPlace(for: id), tail: nil)
    case .reduction(let reduction, let axes): lowerReduction(id, node, reduction, axes)
    case .rowwise(let rowwise): lowerRowwise(id, node, rowwise)
    case .indexing(let indexing): lowerIndexing(id, node, indexing)
    case .random(let distribution, let stream, let shape):
      let y = newPlace(for: id)
      emit(id, operations: 10 * shape.count, reads: [], writes: [y], chunks: Chunks()) { locate in
        .random(
          RandomFill(
            isNormal: distribution == .normal, stream: stream, y: locate(y), count: shape.count))
      }
    case .custom(let operation): lowerCustom(id, node, operation)
    }
  }

  // MARK: Places

  private mutating func placeSources() {
    for (index, node) in graph.nodes.enumerated() {
      guard case .source(let source) = node.op else { continue }
      switch source {
      case .parameter(let name, _):
        if let entry = state[name] { places[index] = .state(entry.offset) }
      case .input:
        places[index] = newBuffer(node.shape.count, isInput: true)
      case .constant(let constant):
        places[index] = place(constant: Float(constant.value))
      case .array(let array):
        places[index] = .constant(constants.count)
        constants += array.elements.map { Float($0.value).bitPattern }
      case .indices(let array):
        places[index] = .constant(constants.count)
        constants += array.elements.map { UInt32(bitPattern: $0) }
      }
    }
  }

  mutating func place(constant: Float) -> Place {
    let bits = constant.bitPattern
    if let known = constantPlaces[bits] { return .constant(known) }
    constantPlaces[bits] = constants.count
    constants.append(bits)
    return .constant(constants.count - 1)
  }

  func knownPlace(ofConstant value: Float) -> Place? {
    constantPlaces[value.bitPattern].map(Place.constant)
  }

  mutating func newBuffer(_ count: Int, isInput: Bool = false) -> Place {
    buffers.append(Buffer(count: count, isInput: isInput))
    return .buffer(buffers.count - 1, offset: 0)
  }

  /// Memory for a node's result: its parameter's if it is an update that may be done in place.
  mutating func newPlace(for id: NodeID) -> Place {
    let place = updated[id].map(Place.state) ?? newBuffer(graph[id].shape.count)
    places[id.index] = place
    return place
  }

  /// The elements of a value without moving them, if that is possible.
  mutating func view(_ id: NodeID) -> View {
    if let known = views[id.index] { return known }
    let node = graph[id]
    var result = View(source: id, offset: 0, strides: node.shape.strides)
    if case .movement(let movement) = node.op, node.inputs.count == 1, copies[id] == nil {
      let operand = node.inputs[0]
      if let moved = view(operand).moved(
        by: movement, from: graph[operand].shape, to: node.shape)
      {
        result = moved
      } else if case .reshape = movement {
        // Strides cannot say it: the operand is put side by side, and then it is the same memory.
        places[id.index] = contiguous(operand)
      }
    }
    views[id.index] = result
    return result
  }

  /// Where a value's elements lie side by side; copies them there if they do not yet.
  mutating func contiguous(_ id: NodeID) -> Place {
    let view = view(id)
    if view.isContiguous(graph[id].shape), let place = places[view.source.index] {
      return place.advanced(by: view.offset)
    }
    return copies[id] ?? copied(id)
  }

  /// A fresh copy of a value, elements side by side.
  mutating func copied(_ id: NodeID) -> Place {
    let (view, node) = (view(id), graph[id])
    guard let source = places[view.source.index] else {
      preconditionFailure("\(view.source) is read before it is computed")
    }
    let y = newBuffer(node.shape.count)
    copies[id] = y
    emitCopy(
      id, from: source.advanced(by: view.offset), strides: view.strides, to: y,
      shape: node.shape, yStrides: node.shape.strides)
    return y
  }

  mutating func emitCopy(
    _ id: NodeID, from x: Place, strides: [Int], to y: Place, shape: Shape, yStrides: [Int]
  ) {
    // The kernel takes at most eight axes; axes of extent 1 need none.
    let axes = (0..<shape.rank).filter { shape[$0] != 1 }
    let extents = axes.map { shape[$0] }
    let rows = extents.dropLast().reduce(1, *)
    let (xStrides, yAxes) = (axes.map { strides[$0] }, axes.map { yStrides[$0] })
    emit(
      id, operations: 0, reads: [x], writes: [y],
      chunks: .rows(rows, elementsPerRow: extents.last ?? 1)
    ) { locate in
      .copy(
        StridedCopy(
          x: locate(x), y: locate(y), shape: extents, xStrides: xStrides, yStrides: yAxes))
    }
  }

  // MARK: Emitting

  mutating func emit(
    _ id: NodeID, operations: Int, reads: [Place], writes: [Place], chunks: Chunks,
    isAlone: Bool = false, _ make: @escaping ((Place) -> Location) -> Instruction.Work
  ) {
    let elements =
      reads.map { extent(of: $0) }.reduce(0, +) + writes.map { extent(of: $0) }.reduce(0, +)
    let node = graph[id]
    let label = "\(node.op.name) \(node.shape)" + (node.scope.isEmpty ? "" : " in \(node.scope)")
    drafts.append(
      Draft(
        label: label, operations: operations, bytes: 4 * elements, chunks: chunks, reads: reads,
        writes: writes, isAlone: isAlone, make: make))
  }

  /// Elements of the value at a place, for the count of bytes.
  private func extent(of place: Place) -> Int {
    switch place {
    case .buffer(let number, _): buffers[number].count
    case .constant: 1
    case .state(let offset): stateCounts[offset] ?? 0
    }
  }

  /// Marks a buffer as one whose memory another may take over at the instruction that comes next.
  mutating func allow(_ place: Place, toReplace other: Int) {
    if let number = place.buffer { buffers[number].mayReplace.append(other) }
  }

  mutating func keepToEnd(_ place: Place) {
    if let number = place.buffer { buffers[number].isKept = true }
  }

  func place(of id: NodeID) -> Place? { places[id.index] }

  mutating func add(_ custom: Plan.CustomNode) -> Int {
    customOperations.append(custom)
    return customOperations.count - 1
  }

  // MARK: Updates of parameters

  /// Finds the updates whose result may go straight to the parameter: those after which nothing reads
  /// the old value.
  private mutating func planUpdates() {
    for output in graph.outputs {
      guard let parameter = output.parameter, let entry = entry(of: parameter),
        fusion.root[output.id.index] != nil, updated[output.id] == nil
      else { continue }
      let turn = fusion.turn(of: output.id)
      if isRead(parameter, onlyUntil: turn) { updated[output.id] = entry.offset }
    }
  }

  func entry(of parameter: NodeID) -> StateLayout.Entry? {
    guard case .source(.parameter(let name, _)) = graph[parameter].op else { return nil }
    return state[name]
  }

  /// Whether all reading of a parameter is done before an instruction, or is the very chain's own,
  /// element by element.
  private func isRead(_ parameter: NodeID, onlyUntil turn: NodeID) -> Bool {
    if isResult[parameter.index] { return false }
    var pending = users[parameter.index]
    while let user = pending.popLast() {
      let node = graph[user]
      if case .movement = node.op {
        // A view may be read later, or in another order.
        if isResult[user.index] { return false }
        if users[user.index].contains(where: { fusion.turn(of: $0) >= turn }) { return false }
        pending += users[user.index]
      } else if node.op.isElementwise {
        if fusion.turn(of: user) > turn { return false }
      } else if fusion.turn(of: user) >= turn {
        return false
      }
    }
    return true
  }

  /// The outputs' places; values for parameters that could not be written in place are copied last.
  mutating func finish() -> [(output: Graph.Output, place: Place)] {
    var results: [(Graph.Output, Place)] = []
    var late: [(id: NodeID, from: Place, to: Place)] = []
    for output in graph.outputs {
      guard let parameter = output.parameter, let entry = entry(of: parameter) else {
        var place = contiguous(output.id)
        if case .state = place { place = copied(output.id) }
        keepToEnd(place)
        results.append((output, place))
        continue
      }
      if updated[output.id] == entry.offset, places[output.id.index] == .state(entry.offset) {
        continue
      }
      var from = contiguous(output.id)
      if case .state = from { from = copied(output.id) }
      late.append((output.id, from, .state(entry.offset)))
    }
    for (id, from, to) in late {
      let strides = graph[id].shape.strides
      emitCopy(id, from: from, strides: strides, to: to, shape: graph[id].shape, yStrides: strides)
    }
    return results
  }
}
