internal import EbbGraph
internal import EbbSystem

extension GraphExplanation {
  /// The graph in Graphviz's language: `dot -Tpdf` draws it. One box per operation, grouped by layer,
  /// with value and gradient; the way back is drawn in dashes, with slots where a value has several uses.
  public var dot: String {
    var lines = [
      "digraph ebb {", "  rankdir=TB;",
      "  label=\(Self.quoted("\(name), loss \(Self.short(loss))"));",
      "  labelloc=t;", "  fontname=\"Helvetica\";",
      "  node [shape=box, style=\"rounded,filled\", fillcolor=white, fontname=\"Helvetica\","
        + " fontsize=10];",
      "  edge [fontname=\"Helvetica\", fontsize=9, color=\"#4a5a6a\"];",
    ]
    var scopes: [String] = []
    for node in nodes where !scopes.contains(node.scope) { scopes.append(node.scope) }
    for (position, scope) in scopes.enumerated() {
      let isLayer = !scope.isEmpty
      if isLayer {
        lines.append("  subgraph cluster_\(position) {")
        lines.append("    label=\(Self.quoted(scope)); style=\"rounded,filled\";")
        lines.append("    color=\"#d5dde5\"; fillcolor=\"#f4f7fa\";")
      }
      for node in nodes where node.scope == scope {
        lines.append((isLayer ? "    " : "  ") + declaration(node))
      }
      if isLayer { lines.append("  }") }
    }
    for node in nodes {
      for (slot, input) in node.inputs.enumerated() {
        lines.append("  n\(input.index) -> n\(node.id.index)\(Self.slot(slot, of: node));")
      }
    }
    for step in steps {
      let isOneOfSeveral = contributions(to: step.operand).count > 1
      let words =
        isOneOfSeveral
        ? ", label=\(Self.quoted("slot \(step.slot): \(Self.brief(step.contribution))"))" : ""
      lines.append(
        "  n\(step.through.index) -> n\(step.operand.index) [style=dashed, color=\"#b4560a\","
          + " fontcolor=\"#b4560a\", constraint=false\(words)];")
    }
    return (lines + ["}"]).joined(separator: "\n") + "\n"
  }

  private func declaration(_ node: Node) -> String {
    var words = ["\(node.operation)  \(node.id)  \(node.value.shape)"]
    if node.role == .operation { words += node.names }
    words.append("value \(Self.brief(node.value))")
    if let gradient = node.gradient { words.append("gradient \(Self.brief(gradient))") }
    let fill =
      switch node.role {
      case .parameter: ", fillcolor=\"#e3effb\""
      case .features, .targets: ", fillcolor=\"#e8f3e4\""
      case .constant, .operation: node.id == lossNode ? ", fillcolor=\"#fbe9dc\"" : ""
      }
    return "n\(node.id.index) [label=\(Self.quoted(words.joined(separator: "\n")))\(fill)];"
  }

  /// The slot, where an operation has several and their order matters to a reader.
  private static func slot(_ slot: Int, of node: Node) -> String {
    node.inputs.count > 1
      ? " [headlabel=\"\(slot)\", labelfontsize=8, labelfontcolor=\"#6a7a8a\"]" : ""
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for character in text {
      switch character {
      case "\"", "\\": result += "\\\(character)"
      case "\n": result += "\\n"
      default: result.append(character)
      }
    }
    return result + "\""
  }

  /// Up to two numbers as they are, more as a range; three digits.
  static func brief(_ array: NDArray<Double>) -> String {
    func short(_ value: Double) -> String {
      NumberFormat.significant(value, digits: 3).withoutTrailingZeros
    }
    if array.count <= 2 { return array.elements.map(short).joined(separator: ", ") }
    let facts = GraphNumbers(array)
    if facts.lowest == facts.highest { return "all \(short(facts.lowest))" }
    return "\(short(facts.lowest)) to \(short(facts.highest))"
  }
}
