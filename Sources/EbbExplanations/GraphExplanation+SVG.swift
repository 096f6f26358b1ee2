internal import EbbGraph
internal import EbbSystem

extension GraphExplanation {
  /// The graph as a picture that needs nothing else: one box per operation with its value and its
  /// gradient, layers as bands, values flowing down and gradients back up. Follows the reader's choice of
  /// light or dark, and has words for those who cannot see it.
  public var svg: String {
    let layout = GraphLayout(self) { $0.drawnHeight }
    let (width, height) = (Self.pixels(layout.width), Self.pixels(layout.height))
    let computed = nodes.count { $0.role == .operation }
    let title = "Computation graph of \(name)"
    var lines = [
      "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"ebb-graph\" viewBox=\"0 0 \(width) \(height)\""
        + " width=\"\(width)\" height=\"\(height)\" role=\"img\""
        + " aria-labelledby=\"ebb-graph-title ebb-graph-description\">",
      "<title id=\"ebb-graph-title\">\(Self.escaped(title))</title>",
      "<desc id=\"ebb-graph-description\">\(Self.escaped(alternative(computed)))</desc>",
      "<style>\(Self.style)</style>", Self.markers,
      "<rect class=\"page\" width=\"\(width)\" height=\"\(height)\"/>",
      "<text class=\"head\" x=\"26\" y=\"30\">\(Self.escaped(title))</text>",
      "<text class=\"sub\" x=\"26\" y=\"48\">loss \(Self.short(loss)): values flow down,"
        + " gradients ebb back up</text>",
    ]
    for band in layout.bands {
      lines.append(
        "<rect class=\"band\" x=\"10\" y=\"\(Self.pixels(band.top))\" rx=\"12\""
          + " width=\"\(Self.pixels(layout.width - 20))\" height=\"\(Self.pixels(band.height))\"/>"
          + "<text class=\"layer\" x=\"24\" y=\"\(Self.pixels(band.top + 17))\">"
          + "\(Self.escaped(band.name))</text>")
    }
    let used = Set(steps.map { Arrow(through: $0.through, slot: $0.slot) })
    for edge in layout.edges {
      let back = used.contains(Arrow(through: edge.to, slot: edge.slot))
      lines += self.lines(of: edge, carriesGradient: back)
    }
    for node in drawnNodes {
      if let box = layout.boxes[node.id] { lines += self.lines(of: node, in: box) }
    }
    lines.append(
      "<text class=\"sub\" x=\"26\" y=\"\(Self.pixels(layout.height - 14))\">"
        + "<tspan class=\"value\">&#9644; value</tspan>  <tspan class=\"gradient\">&#9644; gradient:"
        + " how fast the loss rises when the number is raised</tspan></text>")
    return (lines + ["</svg>"]).joined(separator: "\n") + "\n"
  }

  /// The nodes that the picture shows: of a fixed number that is brought into a shape, the last form.
  var drawnNodes: [Node] {
    var fixed: Set<NodeID> = []
    var shaped: Set<NodeID> = []
    for node in nodes {
      let isMoved = node.operation == "reshape" || node.operation == "expand"
      if node.role == .constant || isMoved && node.inputs.allSatisfy({ fixed.contains($0) }) {
        fixed.insert(node.id)
      }
    }
    for node in nodes where fixed.contains(node.id) { shaped.formUnion(node.inputs) }
    for node in nodes where !fixed.contains(node.id) { shaped.subtract(node.inputs) }
    return nodes.filter { !shaped.contains($0.id) }.map { node in
      fixed.contains(node.id) ? node.asConstant : node
    }
  }

  private struct Arrow: Hashable {
    let through: NodeID
    let slot: Int
  }

  private func alternative(_ computed: Int) -> String {
    var layers: [String] = []
    for node in nodes where !node.scope.isEmpty && layers.last != node.scope {
      if !layers.contains(node.scope) { layers.append(node.scope) }
    }
    return "\(NumberFormat.counted(computed, "operation")) from the features through "
      + layers.joined(separator: ", ")
      + ", down to a loss of \(Self.short(loss)). Each box names an operation, its value and the"
      + " gradient of the loss by it; arrows lead from operands to operations, and the gradient's arrows"
      + " back. The same in words: ebb explain --graph."
  }

  // MARK: Boxes

  private func lines(of node: Node, in box: GraphLayout.Box) -> [String] {
    let (x, y) = (box.origin.x, box.origin.y)
    let (left, right) = (Self.pixels(x + 12), Self.pixels(x + box.width - 12))
    func line(_ place: Int) -> String { Self.pixels(y + 19 + 17 * Double(place)) }
    let kind = node.id == lossNode ? "loss" : node.role.rawValue
    var lines = [
      "<g class=\"node \(kind)\"><title>\(Self.escaped(tooltip(node)))</title>",
      "<rect x=\"\(Self.pixels(x))\" y=\"\(Self.pixels(y))\" rx=\"8\""
        + " width=\"\(Self.pixels(box.width))\" height=\"\(Self.pixels(box.height))\"/>",
      "<text class=\"title\" x=\"\(left)\" y=\"\(line(0))\">"
        + "\(Self.escaped(Self.clipped(node.heading, to: 25)))</text>",
      "<text class=\"id\" x=\"\(right)\" y=\"\(line(0))\">\(node.id)</text>",
    ]
    var place = 1
    if !node.isBrief {
      let shape = node.value.shape.description
      lines += [
        "<text class=\"sub\" x=\"\(left)\" y=\"\(line(place))\">"
          + "\(Self.escaped(Self.clipped(node.subheading, to: 36 - shape.count)))</text>",
        "<text class=\"id\" x=\"\(right)\" y=\"\(line(place))\">\(shape)</text>",
      ]
      place += 1
    }
    func number(_ kind: String, _ array: NDArray<Double>) {
      lines += [
        "<text class=\"label\" x=\"\(left)\" y=\"\(line(place))\">\(kind)</text>",
        "<text class=\"number \(kind)\" x=\"\(right)\" y=\"\(line(place))\">"
          + "\(Self.escaped(Self.brief(array)))</text>",
      ]
      place += 1
    }
    number("value", node.value)
    if let gradient = node.gradient { number("gradient", gradient) }
    return lines + ["</g>"]
  }

  private func tooltip(_ node: Node) -> String {
    var words = ["\(node.id) \(node.operation) \(node.value.shape)"]
    if node.role == .operation { words += node.names }
    words.append("value: \(Self.summary(node.value))")
    if let gradient = node.gradient { words.append("gradient: \(Self.summary(gradient))") }
    let uses = contributions(to: node.id)
    for use in uses {
      words.append(
        "from \(use.through) \(self[use.through]?.operation ?? ""), slot \(use.slot):"
          + " \(Self.summary(use.contribution))")
    }
    if node.operations > 0 { words.append(NumberFormat.counted(node.operations, "operation")) }
    return words.joined(separator: "\n")
  }

  // MARK: Arrows

  private func lines(of edge: GraphLayout.Edge, carriesGradient: Bool) -> [String] {
    // The gradient's arrow runs beside the value's.
    let offset = carriesGradient ? 4.0 : 0
    var lines = [
      "<path class=\"flow\" marker-end=\"url(#ebb-graph-value)\" d=\"\(Self.path(edge, by: -offset))\"/>"
    ]
    guard carriesGradient else { return lines }
    lines.append(
      "<path class=\"ebb\" marker-start=\"url(#ebb-graph-gradient)\""
        + " d=\"\(Self.path(edge, by: offset))\"/>")
    let uses = contributions(to: edge.from)
    if uses.count > 1,
      let use = uses.first(where: { $0.through == edge.to && $0.slot == edge.slot })
    {
      let words = "slot \(edge.slot): \(Self.brief(use.contribution))"
      let x = edge.end.x + 12
      lines.append(
        "<text class=\"share\" x=\"\(Self.pixels(x))\" y=\"\(Self.pixels(edge.end.y - 9))\">"
          + "\(Self.escaped(words))</text>")
    }
    return lines
  }

  private static func path(_ edge: GraphLayout.Edge, by offset: Double) -> String {
    let (start, end) = (edge.start, edge.end)
    func at(_ x: Double, _ y: Double) -> String { "\(pixels(x)) \(pixels(y))" }
    switch edge.route {
    case .down:
      let middle = (start.y + end.y) / 2
      return "M\(at(start.x + offset, start.y + 2)) C\(at(start.x + offset, middle))"
        + " \(at(end.x + offset, middle)) \(at(end.x + offset, end.y - 2))"
    case .across:
      let middle = (start.x + end.x) / 2
      return "M\(at(start.x + 2, start.y + offset)) C\(at(middle, start.y + offset))"
        + " \(at(middle, end.y + offset)) \(at(end.x - 2, end.y + offset))"
    case .rightLane(let lane), .leftLane(let lane):
      let side: Double = start.x < lane ? 1 : -1
      let (x, y) = (lane + offset * side, end.y - 22 - offset)
      let corner = 10.0
      let into = end.x < x ? -1.0 : 1.0
      return "M\(at(start.x + 2 * side, start.y + offset))"
        + " L\(at(x - corner * side, start.y + offset))"
        + " Q\(at(x, start.y + offset)) \(at(x, start.y + offset + corner))"
        + " L\(at(x, y - corner)) Q\(at(x, y)) \(at(x + corner * into, y))"
        + " L\(at(end.x - offset * into - corner * into, y))"
        + " Q\(at(end.x - offset * into, y)) \(at(end.x - offset * into, y + corner))"
        + " L\(at(end.x - offset * into, end.y - 2))"
    }
  }

  // MARK: Looks

  private static let markers =
    "<defs><marker id=\"ebb-graph-value\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\""
    + " markerHeight=\"7\" orient=\"auto-start-reverse\"><path class=\"tip\" d=\"M0 0 8 4 0 8z\"/></marker>"
    + "<marker id=\"ebb-graph-gradient\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\""
    + " markerHeight=\"7\" orient=\"auto-start-reverse\"><path class=\"back\" d=\"M0 0 8 4 0 8z\"/></marker>"
    + "</defs>"

  /// Each pair of text and ground has a contrast of 4.5 or more, light and dark.
  private static let style = """
    .ebb-graph{--page:#fff;--ink:#17212b;--soft:#566573;--box:#fff;--edge:#b9c5d0;--band:#f3f6f9;\
    --parameter:#eaf3fd;--data:#edf7ea;--loss:#fdf0e6;--value:#14609e;--gradient:#a8480a;\
    font-family:system-ui,"Segoe UI",Helvetica,Arial,sans-serif;font-size:12px}
    @media screen and (prefers-color-scheme:dark){.ebb-graph{--page:#10161c;\
    --ink:#e8edf2;--soft:#a3b1bf;--box:#1a232c;--edge:#4a5866;--band:#151d25;--parameter:#152a40;--data:#182d1b;--loss:#38230f;\
    --value:#7cbcf5;--gradient:#f5a768}}
    .ebb-graph .page{fill:var(--page)}.ebb-graph .band{fill:var(--band)}
    .ebb-graph text{fill:var(--ink)}.ebb-graph .head{font-size:16px;font-weight:600}
    .ebb-graph .layer{font-weight:600;fill:var(--soft)}.ebb-graph .title{font-weight:600}
    .ebb-graph .sub,.ebb-graph .label{fill:var(--soft);font-size:11px}
    .ebb-graph .id{fill:var(--soft);font-size:11px;text-anchor:end}
    .ebb-graph .number{font:11px ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;\
    text-anchor:end}
    .ebb-graph .value{fill:var(--value)}.ebb-graph .gradient{fill:var(--gradient)}
    .ebb-graph .node rect{fill:var(--box);stroke:var(--edge)}
    .ebb-graph .parameter rect{fill:var(--parameter)}
    .ebb-graph .features rect,.ebb-graph .targets rect{fill:var(--data)}
    .ebb-graph .loss rect{fill:var(--loss);stroke:var(--gradient)}
    .ebb-graph path.flow{fill:none;stroke:var(--value);stroke-width:1.4;opacity:.75}
    .ebb-graph path.ebb{fill:none;stroke:var(--gradient);stroke-width:1.4;opacity:.85}
    .ebb-graph .tip{fill:var(--value)}.ebb-graph .back{fill:var(--gradient)}
    .ebb-graph .share{fill:var(--gradient);font-size:10px;stroke:var(--band);stroke-width:3px;\
    paint-order:stroke}
    """

  private static func clipped(_ text: String, to length: Int) -> String {
    text.count <= length ? text : text.prefix(max(1, length - 1)) + "…"
  }

  private static func pixels(_ value: Double) -> String {
    let tenths = (value * 10).rounded() / 10
    return tenths == tenths.rounded() ? "\(Int(tenths))" : NumberFormat.fixed(tenths, decimals: 1)
  }

  private static func escaped(_ text: String) -> String {
    var result = ""
    for character in text {
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      default: result.append(character)
      }
    }
    return result
  }
}

extension GraphExplanation.Node {
  /// The same numbers as something given.
  fileprivate var asConstant: Self {
    Self(
      id: id, operation: operation, role: .constant, inputs: [], scope: scope, names: names,
      operations: operations, value: value, gradient: gradient)
  }

  /// Constants take little room.
  fileprivate var isBrief: Bool { role == .constant }

  /// The box's height.
  fileprivate var drawnHeight: Double {
    let lines = (isBrief ? 2 : 3) + (gradient == nil ? 0 : 1)
    return Double(lines) * 17 + 12
  }

  /// The name of what is given, otherwise the operation.
  fileprivate var heading: String {
    switch role {
    case .operation: operation
    case .constant: "constant"
    case .features, .targets, .parameter:
      // input "features": the name alone.
      String(operation.drop { $0 != "\"" }.dropFirst().dropLast())
    }
  }

  /// What it is called elsewhere, otherwise its operands.
  fileprivate var subheading: String {
    switch role {
    case .parameter: "parameter"
    case .features, .targets: "given"
    case .constant: ""
    case .operation: names.first ?? "of \(inputs.map(\.description).joined(separator: ", "))"
    }
  }
}
