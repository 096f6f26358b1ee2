internal import EbbGraph

/// Where the boxes and arrows of a ``GraphExplanation`` stand.
///
/// What depends on the features runs down the page, one row for each step of the way; what does not
/// (parameters, constants and what is made of them) stands to the left of the operation that uses it
/// first, on its row. Arrows between neighbouring rows are direct; longer ones leave the drawing's body
/// and run down a lane of their own, to the right for values on the way and to the left for parameters
/// that are used again.
struct GraphLayout {
  struct Point { var x, y: Double }

  struct Box {
    let id: NodeID
    /// The upper left corner.
    var origin: Point
    let width: Double
    let height: Double
    var center: Point { Point(x: origin.x + width / 2, y: origin.y + height / 2) }
  }

  /// How an arrow goes.
  enum Route {
    /// From a box's lower edge to the upper edge of one on the next row.
    case down
    /// From a box's right edge to the left edge of its neighbour.
    case across
    /// Out to a lane at the right, at this x, and back.
    case rightLane(Double)
    /// Out to a lane at the left, at this x, and back.
    case leftLane(Double)
  }

  struct Edge {
    let from: NodeID
    let to: NodeID
    let slot: Int
    let route: Route
    /// Where it leaves and where it arrives.
    let start: Point
    let end: Point
  }

  /// Rows of one layer.
  struct Band {
    let name: String
    let top: Double
    let height: Double
  }

  enum Measure {
    static let width = 236.0
    static let columnGap = 44.0
    static let rowGap = 46.0
    static let stackGap = 14.0
    static let laneGap = 22.0
    static let margin = 26.0
    /// To the right of an arrow's tip, for what it says.
    static let label = 136.0
    /// Above the boxes of a band, for its name.
    static let bandHead = 24.0
    /// Above everything, for the title.
    static let head = 58.0
    static let foot = 44.0
  }

  private(set) var boxes: [NodeID: Box] = [:]
  private(set) var edges: [Edge] = []
  private(set) var bands: [Band] = []
  private(set) var width = 0.0
  private(set) var height = 0.0

  private let graph: GraphExplanation
  /// What is drawn.
  private let nodes: [GraphExplanation.Node]
  private let heightOf: (GraphExplanation.Node) -> Double
  /// Nodes on the way from the features.
  private var main: Set<NodeID> = []
  /// By node that stands aside: the first node that uses it.
  private var owner: [NodeID: NodeID] = [:]
  private var rank: [NodeID: Int] = [:]

  init(_ graph: GraphExplanation, height: @escaping (GraphExplanation.Node) -> Double) {
    self.graph = graph
    nodes = graph.drawnNodes
    heightOf = height
    rankNodes()
    place()
    connect()
  }

  // MARK: Rows

  private mutating func rankNodes() {
    for node in nodes {
      let before = node.inputs.filter { main.contains($0) }
      if node.role == .features || !before.isEmpty {
        main.insert(node.id)
        rank[node.id] = before.isEmpty ? 0 : 1 + (before.compactMap { rank[$0] }.max() ?? 0)
      }
      for input in node.inputs where !main.contains(input) && owner[input] == nil {
        owner[input] = node.id
      }
    }
    // What nothing uses and does not come from the features heads a row of its own.
    for node in nodes where !main.contains(node.id) && owner[node.id] == nil {
      main.insert(node.id)
      rank[node.id] = 0
    }
  }

  /// The nodes aside that a node is the first to use, by slot.
  private func aside(_ node: GraphExplanation.Node) -> [GraphExplanation.Node] {
    var result: [GraphExplanation.Node] = []
    for input in node.inputs where owner[input] == node.id {
      if let found = graph[input], !result.contains(where: { $0.id == input }) {
        result.append(found)
      }
    }
    return result
  }

  private func asideHeight(_ node: GraphExplanation.Node) -> Double {
    let parts = aside(node).map(blockHeight)
    return parts.reduce(0, +) + Measure.stackGap * Double(max(0, parts.count - 1))
  }

  private func blockHeight(_ node: GraphExplanation.Node) -> Double {
    max(heightOf(node), asideHeight(node))
  }

  private func asideColumns(_ node: GraphExplanation.Node) -> Int {
    (aside(node).map { 1 + asideColumns($0) }).max() ?? 0
  }

  private mutating func place() {
    let column = Measure.width + Measure.columnGap
    let rows = Dictionary(grouping: nodes.filter { main.contains($0.id) }) {
      rank[$0.id] ?? 0
    }
    let count = (rows.keys.max() ?? -1) + 1
    let names = (0..<count).map { index in
      rows[index]?.last { !$0.scope.isEmpty }?.scope ?? ""
    }
    var y = Measure.head
    var open: (name: String, top: Double)?
    for index in 0..<count {
      // The anchor of a row's first box is 0, so that the way down is straight.
      let row = (rows[index] ?? []).sorted { left, right in
        (leadsToLoss(left) ? 0 : 1, abreast(left), left.id)
          < (leadsToLoss(right) ? 0 : 1, abreast(right), right.id)
      }
      if names[index] != open?.name || index == 0 {
        if let open, !open.name.isEmpty {
          bands.append(
            Band(name: open.name, top: open.top, height: y - Measure.rowGap + 14 - open.top))
        }
        if !names[index].isEmpty { y += Measure.bandHead }
        open = (names[index], y - Measure.bandHead)
      }
      let tallest = row.map(blockHeight).max() ?? 0
      var x = 0.0
      for (place, node) in row.enumerated() {
        if place > 0 { x += column * Double(1 + asideColumns(node)) }
        put(node, x: x, y: y, height: tallest)
      }
      y += tallest + Measure.rowGap
    }
    if let open, !open.name.isEmpty {
      bands.append(Band(name: open.name, top: open.top, height: y - Measure.rowGap + 14 - open.top))
    }
    height = y - Measure.rowGap + Measure.foot
  }

  /// Whether the gradient comes through a node; predictions beside the loss are led nowhere.
  private func leadsToLoss(_ node: GraphExplanation.Node) -> Bool { node.gradient != nil }

  /// Where a node's operands stand, from left to right.
  private func abreast(_ node: GraphExplanation.Node) -> Double {
    let places = node.inputs.compactMap { main.contains($0) ? boxes[$0]?.center.x : nil }
    return places.isEmpty ? 0 : places.reduce(0, +) / Double(places.count)
  }

  /// Puts a node in the middle of a strip, and what stands aside to its left.
  private mutating func put(_ node: GraphExplanation.Node, x: Double, y: Double, height: Double) {
    let own = heightOf(node)
    boxes[node.id] = Box(
      id: node.id, origin: Point(x: x, y: y + (height - own) / 2), width: Measure.width, height: own
    )
    let parts = aside(node)
    var top = y + (height - asideHeight(node)) / 2
    for part in parts {
      let block = blockHeight(part)
      put(part, x: x - Measure.width - Measure.columnGap, y: top, height: block)
      top += block + Measure.stackGap
    }
  }

  // MARK: Arrows

  private enum Way: Int { case leftLane, down, rightLane }

  private mutating func connect() {
    var lanes: [Lane] = []
    var found: [Edge] = []
    for node in nodes {
      guard let target = boxes[node.id] else { continue }
      let slots = Array(node.inputs.indices)
      let beside = slots.filter { isBeside(node.inputs[$0], node.id) }
      let above = slots.filter { !beside.contains($0) }
      for (order, slot) in beside.enumerated() {
        guard let source = boxes[node.inputs[slot]] else { continue }
        let share = Double(order + 1) / Double(beside.count + 1)
        found.append(
          Edge(
            from: source.id, to: node.id, slot: slot, route: .across,
            start: Point(x: source.origin.x + source.width, y: source.center.y),
            end: Point(x: target.origin.x, y: target.origin.y + target.height * share)))
      }
      for slot in above {
        guard let source = boxes[node.inputs[slot]] else { continue }
        let way = way(node.inputs[slot], node.id)
        let alike = above.filter { self.way(node.inputs[$0], node.id) == way }
        let order = alike.firstIndex(of: slot) ?? 0
        let share = Self.share(way, Double(order + 1) / Double(alike.count + 1))
        let end = Point(x: target.origin.x + target.width * share, y: target.origin.y)
        let route: Route
        let start: Point
        switch way {
        case .down:
          route = .down
          start = Point(x: source.center.x, y: source.origin.y + source.height)
        case .leftLane:
          route = .leftLane(lane(from: source, to: target, isLeft: true, among: &lanes))
          start = Point(x: source.origin.x, y: source.center.y)
        case .rightLane:
          route = .rightLane(lane(from: source, to: target, isLeft: false, among: &lanes))
          start = Point(x: source.origin.x + source.width, y: source.center.y)
        }
        found.append(
          Edge(from: source.id, to: node.id, slot: slot, route: route, start: start, end: end))
      }
    }
    edges = found
    let left = min(boxes.values.map(\.origin.x).min() ?? 0, lanes.map(\.x).min() ?? .infinity)
    let right = max(
      boxes.values.map { $0.origin.x + $0.width }.max() ?? 0, lanes.map(\.x).max() ?? -.infinity,
      found.map { $0.end.x + Measure.label }.max() ?? 0)
    move(by: Measure.margin - left)
    width = right - left + 2 * Measure.margin
  }

  /// How an arrow comes to a node from above.
  private func way(_ input: NodeID, _ node: NodeID) -> Way {
    if !main.contains(input) { return .leftLane }
    return (rank[node] ?? 0) - (rank[input] ?? 0) > 1 ? .rightLane : .down
  }

  /// Where on a box's upper edge arrows of a way arrive: direct ones around the middle, the others on
  /// their side.
  private static func share(_ way: Way, _ place: Double) -> Double {
    switch way {
    case .leftLane: 0.32 * place
    case .down: 0.35 + 0.3 * place
    case .rightLane: 0.68 + 0.32 * place
    }
  }

  /// The place of a long arrow's vertical part.
  private struct Lane {
    let x: Double
    let top: Double
    let bottom: Double
  }

  /// The first free place beside all boxes between two.
  private func lane(
    from source: Box, to target: Box, isLeft: Bool, among lanes: inout [Lane]
  ) -> Double {
    let (top, bottom) = (source.origin.y, target.origin.y)
    let passed = boxes.values.filter { $0.origin.y + $0.height > top && $0.origin.y < bottom }
    let step = isLeft ? -Measure.laneGap : Measure.laneGap
    let edge =
      isLeft
      ? passed.map(\.origin.x).min() ?? source.origin.x
      : passed.map { $0.origin.x + $0.width }.max() ?? source.origin.x + source.width
    var x = edge + step
    while lanes.contains(where: {
      ($0.x - x).magnitude < Measure.laneGap && $0.top < bottom && top < $0.bottom
    }) {
      x += step
    }
    lanes.append(Lane(x: x, top: top, bottom: bottom))
    return x
  }

  /// Whether a node stands aside, next to the one that uses it.
  private func isBeside(_ input: NodeID, _ user: NodeID) -> Bool {
    !main.contains(input) && owner[input] == user
  }

  private mutating func move(by x: Double) {
    for id in boxes.keys { boxes[id]?.origin.x += x }
    edges = edges.map { edge in
      let route: Route =
        switch edge.route {
        case .rightLane(let lane): .rightLane(lane + x)
        case .leftLane(let lane): .leftLane(lane + x)
        case .down, .across: edge.route
        }
      return Edge(
        from: edge.from, to: edge.to, slot: edge.slot, route: route,
        start: Point(x: edge.start.x + x, y: edge.start.y),
        end: Point(x: edge.end.x + x, y: edge.end.y))
    }
  }
}
