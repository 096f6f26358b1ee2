extension Graph: CustomStringConvertible {
  /// One line per node: `%4 [32, 10] = matmul(%2, %3)   output`.
  public var description: String {
    let heads = nodes.enumerated().map { "%\($0.offset) \($0.element.typeText)" }
    let width = heads.map(\.count).max() ?? 0
    var lines: [String] = []
    for (index, node) in nodes.enumerated() {
      let inputs = node.inputs.map(\.description).joined(separator: ", ")
      let head = heads[index] + String(repeating: " ", count: width - heads[index].count)
      var line = "\(head) = \(node.op.text)" + (node.inputs.isEmpty ? "" : "(\(inputs))")
      if !node.scope.isEmpty { line += "  # \(node.scope)" }
      lines.append(line)
    }
    for output in outputs { lines.append("return \(output.name) = \(output.id)") }
    return lines.joined(separator: "\n")
  }

  /// The graph in Graphviz's language: `dot -Tsvg` draws it.
  public var dot: String {
    var lines = [
      "digraph ebb {", "  rankdir=TB;",
      "  node [shape=box, style=rounded, fontname=\"Helvetica\"];",
    ]
    let live = liveNodes()
    for (index, node) in nodes.enumerated() where live[index] {
      let label = "\(node.op.text.escapedForDOT)\\n\(node.typeText)"
      let style = node.op.isSource ? ", style=\"rounded,filled\", fillcolor=\"#e8f0f8\"" : ""
      lines.append("  n\(index) [label=\"\(label)\"\(style)];")
      for input in node.inputs { lines.append("  n\(input.index) -> n\(index);") }
    }
    for (position, output) in outputs.enumerated() {
      lines.append("  out\(position) [label=\"\(output.name.escapedForDOT)\", shape=plaintext];")
      lines.append("  n\(output.id.index) -> out\(position);")
    }
    return (lines + ["}"]).joined(separator: "\n")
  }
}

extension Node {
  /// The shape, with the type where it is not float.
  fileprivate var typeText: String {
    type == .float ? "\(shape)" : "\(shape) \(type.rawValue)"
  }
}

extension Op {
  fileprivate var isSource: Bool {
    if case .source = self { return true }
    return false
  }

  /// The operation with its payload.
  package var text: String {
    switch self {
    case .source(.input(let name, _, _)): "input \"\(name)\""
    case .source(.parameter(let name, _)): "parameter \"\(name)\""
    case .source(.constant(let constant)): "constant \(constant.value)"
    case .source(.array(let array)): "constant array of \(array.count)"
    case .source(.indices(let array)): "constant indices, \(array.count)"
    case .reduction(_, let axes): "\(name) over \(axes)"
    case .movement(.transpose(let order)): "transpose \(order)"
    case .movement(.concatenate(let axis)): "concatenate along \(axis)"
    case .movement(.slice(let start, _)): "slice from \(start)"
    case .movement(.pad(let before, let after)): "pad \(before) \(after)"
    case .indexing(.argmax(let axis)): "argmax along \(axis)"
    case .random(_, let stream, _): "\(name) random, stream \(stream)"
    case .unary, .binary, .ternary, .movement, .matmul, .rowwise, .indexing, .custom: name
    }
  }
}

extension String {
  fileprivate var escapedForDOT: String {
    var result = ""
    for character in self {
      if character == "\"" || character == "\\" { result.append("\\") }
      result.append(character)
    }
    return result
  }
}
