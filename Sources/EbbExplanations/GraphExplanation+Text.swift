internal import EbbGraph
package import EbbSystem

extension GraphExplanation: ExplanationPart, CustomStringConvertible {
  /// `graph`.
  package static var key: String { "graph" }

  /// Every operation in order with its value and its gradient, then every step of the way back.
  package var text: String {
    let computed = nodes.count { $0.role == .operation }
    var lines = [
      "The computation graph of \(name), loss \(Self.short(loss))", "",
    ]
    lines +=
      ("\(NumberFormat.counted(computed, "operation")) forward,"
      + " \(NumberFormat.counted(steps.count, "step")) back. The gradient of a number says how fast the"
      + " loss rises when the number is raised. Parameters stand as in memory: weights are [inputs,"
      + " outputs].").wrapped()
    lines += ["", "FORWARD, AND THE GRADIENT THAT CAME BACK"]
    var scope: String?
    for node in nodes {
      if node.scope != scope {
        lines += ["", node.scope.isEmpty ? "outside of layers" : node.scope]
        scope = node.scope
      }
      lines += self.lines(of: node)
    }
    lines += ["", "BACK, ONE STEP FOR EACH USE OF A VALUE", ""]
    lines += "The gradient of the loss by itself is 1; it starts at \(lossNode).".wrapped()
    for step in steps { lines += self.lines(of: step) }
    lines.append("")
    lines +=
      ("Operations: \(NumberFormat.grouped(forwardOperations)) forward,"
      + " \(NumberFormat.grouped(backwardOperations)) back, of which"
      + " \(NumberFormat.grouped(featureOperations)) are for the gradient by the features, which training"
      + " leaves out.").wrapped()
    return lines.joined(separator: "\n") + "\n"
  }

  /// ``text``.
  public var description: String { text }

  private func lines(of node: Node) -> [String] {
    let inputs = node.inputs.map(\.description).joined(separator: ", ")
    let call = node.operation + (inputs.isEmpty ? "" : "(\(inputs))")
    var head = "  \(node.id.description.paddedRight(to: 4)) \(call)  \(node.value.shape)"
    if node.operations > 0 {
      head += "  \(NumberFormat.counted(node.operations, "operation"))"
    }
    var lines = [head]
    func add(_ title: String, _ words: String) {
      lines += words.wrapped(first: "       " + title.paddedRight(to: 10))
    }
    if node.role == .operation && !node.names.isEmpty {
      add("is", node.names.joined(separator: " = "))
    }
    add("value", Self.summary(node.value))
    let uses = contributions(to: node.id)
    if let gradient = node.gradient {
      add("gradient", Self.summary(gradient))
      if uses.count > 1 {
        for (order, use) in uses.enumerated() {
          add(
            order == 0 ? "= sum of" : "+",
            "\(place(use)): \(Self.summary(use.contribution))")
        }
      } else if let use = uses.first {
        add("", "by \(place(use))")
      }
    } else if node.role != .constant && node.role != .targets {
      add("gradient", "none: the loss does not come from it")
    }
    return lines
  }

  /// `%7 matmul, slot 1`.
  private func place(_ step: Step) -> String {
    "\(step.through) \(self[step.through]?.operation ?? ""), slot \(step.slot)"
  }

  private func lines(of step: Step) -> [String] {
    let target = self[step.operand]
    let isFirst = step.contribution.elements == step.accumulated.elements
    let name = target?.names.first ?? target?.operation ?? ""
    let cost =
      step.operations > 0 ? ", \(NumberFormat.counted(step.operations, "operation"))" : ""
    var lines = "through \(place(step)), to \(step.operand) \(name)\(cost)".wrapped(first: "  ")
    lines += Self.summary(step.contribution).wrapped(first: "       adds      ")
    if !isFirst { lines += Self.summary(step.accumulated).wrapped(first: "       sum now   ") }
    return lines
  }

  /// Few numbers as they are, many in short: how many, from where to where, how long, how many zeros.
  static func summary(_ array: NDArray<Double>) -> String {
    if array.count <= 4 { return array.elements.map(short).joined(separator: ", ") }
    let facts = GraphNumbers(array)
    var text =
      "\(NumberFormat.grouped(array.count)) numbers, \(short(facts.lowest)) to"
      + " \(short(facts.highest)), length \(short(facts.length))"
    if facts.zeros > 0 { text += ", \(NumberFormat.counted(facts.zeros, "zero"))" }
    return text
  }

  static func short(_ value: Double) -> String {
    NumberFormat.significant(value, digits: 4).withoutTrailingZeros
  }
}

/// An array in four numbers.
struct GraphNumbers {
  let lowest: Double
  let highest: Double
  /// The root of the sum of the squares.
  let length: Double
  let zeros: Int

  init(_ array: NDArray<Double>) {
    lowest = array.elements.min() ?? 0
    highest = array.elements.max() ?? 0
    // Scaled, so that no square overflows or vanishes.
    let scale = max(lowest.magnitude, highest.magnitude)
    let sum = array.elements.reduce(0) { $0 + ($1 / scale) * ($1 / scale) }
    length = scale > 0 && scale.isFinite ? scale * sum.squareRoot() : scale
    zeros = array.elements.count { $0 == 0 }
  }
}

extension GraphExplanation {
  /// Arrays of up to this many numbers stand whole in JSON.
  package static let wholeUpTo = 512

  /// Nodes and steps; arrays whole up to ``wholeUpTo`` numbers.
  package var json: JSONValue { json(wholeUpTo: Self.wholeUpTo) }

  /// Nodes and steps. Each step can be done again from it: the operation, its operands' values and the
  /// cotangent are there.
  ///
  /// - Parameter wholeUpTo: how many numbers an array may have to be listed whole; of longer ones there
  ///   are shape, lowest, highest, length and zeros, as of all.
  package func json(wholeUpTo: Int) -> JSONValue {
    func numbers(_ array: NDArray<Double>) -> JSONValue {
      let facts = GraphNumbers(array)
      return [
        "shape": JSONValue(array.shape.extents), "lowest": JSONValue(facts.lowest),
        "highest": JSONValue(facts.highest), "length": JSONValue(facts.length),
        "zeros": JSONValue(facts.zeros),
        "elements": array.count <= wholeUpTo ? JSONValue(array.elements) : .null,
      ]
    }
    let listed = nodes.map { node -> JSONValue in
      [
        "id": JSONValue(node.id.description), "operation": JSONValue(node.operation),
        "role": JSONValue(node.role.rawValue),
        "inputs": JSONValue(node.inputs.map(\.description)), "scope": JSONValue(node.scope),
        "names": JSONValue(node.names), "operations": JSONValue(node.operations),
        "value": numbers(node.value), "gradient": node.gradient.map(numbers) ?? .null,
      ]
    }
    let back = steps.map { step -> JSONValue in
      [
        "through": JSONValue(step.through.description), "slot": JSONValue(step.slot),
        "operand": JSONValue(step.operand.description), "operations": JSONValue(step.operations),
        "cotangent": numbers(step.cotangent), "contribution": numbers(step.contribution),
        "accumulated": numbers(step.accumulated),
      ]
    }
    return [
      "row": JSONValue(name), "loss": JSONValue(loss), "lossNode": JSONValue(lossNode.description),
      "throughPredictions": JSONValue(isThroughPredictions), "wholeUpTo": JSONValue(wholeUpTo),
      "operations": [
        "forward": JSONValue(forwardOperations), "backward": JSONValue(backwardOperations),
        "features": JSONValue(featureOperations),
      ],
      "nodes": JSONValue(listed), "steps": JSONValue(back),
    ]
  }
}
