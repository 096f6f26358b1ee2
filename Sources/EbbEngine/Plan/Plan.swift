package import EbbGraph

/// A compiled graph: a flat list of instructions over three blocks of memory. Immutable; many
/// executors may share one.
package struct Plan: Sendable {
  /// A named place that the caller fills or reads.
  package struct Port: Sendable {
    package let name: String
    package let shape: Shape
    package let type: ElementType
    package let location: Location
  }

  package let instructions: [Instruction]
  package let inputs: [Port]
  package let outputs: [Port]
  /// The bits of the constants block.
  package let constants: [UInt32]
  package let arenaCount: Int
  package let state: StateLayout
  package let customOperations: [CustomNode]

  /// A user's operation on numbers and the shapes it meets.
  package struct CustomNode: Sendable {
    package let operation: CustomOperation
    package let shapes: [Shape]
    package let result: Shape
  }

  /// The position of an input.
  package func input(_ name: String) -> Int? { inputs.firstIndex { $0.name == name } }

  /// The position of an output.
  package func output(_ name: String) -> Int? { outputs.firstIndex { $0.name == name } }

  /// Floating-point operations of one run.
  package var operations: Int { instructions.map(\.operations).reduce(0, +) }
}

extension Plan: CustomStringConvertible {
  /// One line per instruction: what, sizes, where, operations and bytes.
  package var description: String {
    var lines = instructions.enumerated().map { index, instruction in
      "\(index)  stage \(instruction.stage)  \(instruction.work.text)  -> \(instruction.label)"
        + "  \(instruction.operations) op, \(instruction.bytes) B, \(instruction.chunks.count)"
        + (instruction.chunks.count == 1 ? " chunk" : " chunks")
    }
    for port in inputs { lines.append("input \(port.name) \(port.shape) at \(port.location)") }
    for port in outputs { lines.append("output \(port.name) \(port.shape) at \(port.location)") }
    lines.append(
      "arena \(arenaCount * 4) B, state \(state.count * 4) B, constants \(constants.count * 4) B")
    return lines.joined(separator: "\n")
  }
}

extension Instruction {
  /// What it does to what sizes, without places: `matmul 32x128x784 + chain of 2 -> hidden1`.
  package var summary: String { "\(work.summary) -> \(label)" }
}

extension Instruction.Work {
  fileprivate var summary: String {
    switch self {
    case .matmul(let product):
      let tail =
        switch product.tail {
        case .chain(let chain): " + chain of \(chain.steps.count)"
        case .ending(let ending): " + \(ending.kind.name)"
        case .adam: " + adam"
        case nil: ""
        }
      return "matmul \(product.m)x\(product.n)x\(product.k)\(tail)"
    case .chain(let chain): return "chain of \(chain.steps.count)"
    case .sgd: return "sgd"
    case .adam: return "adam"
    case .reduce(let reduce): return "reduce \(reduce.outer)x\(reduce.length)x\(reduce.inner)"
    default: return text.split(separator: " ").first.map(String.init) ?? text
    }
  }
}

extension Location: CustomStringConvertible {
  package var description: String { "\(region.rawValue)+\(offset)" }
}

extension Chain {
  fileprivate var text: String {
    let operands = operands.map { "\($0.location) \($0.access)" }.joined(separator: ", ")
    let outputs = outputs.map { "\($0.location)" }.joined(separator: ", ")
    return "chain \(rows)x\(inner), \(steps.count) steps (\(operands)) to \(outputs)"
  }
}

extension Matmul.Tail {
  fileprivate var text: String {
    switch self {
    case .chain(let chain): chain.text
    case .ending(let ending): "\(ending.kind.name) (\(ending.operand)) to \(ending.y)"
    case .adam(let update): update.text
    }
  }
}

extension Matmul.Ending.Kind {
  fileprivate var name: String {
    switch self {
    case .descend: "sgd"
    case .add: "bias"
    case .addRelu: "bias, relu"
    case .gate: "gate"
    }
  }
}

extension AdamUpdate {
  fileprivate var text: String { "adam \(count) (\(w))" }
}

extension Instruction.Work {
  fileprivate var text: String {
    switch self {
    case .chain(let chain): chain.text
    case .matmul(let product):
      "matmul \(product.m)x\(product.n)x\(product.k)"
        + (product.batch == 1 ? "" : " times \(product.batch)")
        + " (\(product.a) [\(product.aRow),\(product.aColumn)], \(product.b)"
        + " [\(product.bRow),\(product.bColumn)])"
        + (product.c.map { " to \($0)" } ?? "")
        + (product.tail.map { ", then \($0.text)" } ?? "")
    case .reduce(let reduce):
      "reduce \(reduce.outer)x\(reduce.length)x\(reduce.inner) (\(reduce.x)) to \(reduce.y)"
    case .argmax(let reduce):
      "argmax \(reduce.outer)x\(reduce.length)x\(reduce.inner) (\(reduce.x)) to \(reduce.y)"
    case .softmax(let rows): "softmax \(rows.rows)x\(rows.width) (\(rows.x)) to \(rows.y)"
    case .logSumExp(let rows): "logSumExp \(rows.rows)x\(rows.width) (\(rows.x)) to \(rows.y)"
    case .crossEntropy(let rows):
      "softmaxCrossEntropy \(rows.rows)x\(rows.width) (\(rows.x), \(rows.labels)) to \(rows.loss)"
        + (rows.gradient.map { ", gradient to \($0.location)" } ?? "")
    case .gatherRows(let table):
      "gatherRows \(table.rows)x\(table.width) (\(table.x)) to \(table.y)"
    case .scatterAddRows(let table):
      "scatterAddRows \(table.rows)x\(table.width) (\(table.x)) to \(table.y)"
    case .oneHot(let table): "oneHot \(table.rows)x\(table.width) to \(table.y)"
    case .copy(let copy): "copy \(copy.shape) (\(copy.x) \(copy.xStrides)) to \(copy.y)"
    case .fill(let fill): "fill \(fill.count) with \(fill.value) to \(fill.y)"
    case .random(let random): "random \(random.count), stream \(random.stream), to \(random.y)"
    case .sgd(let update): "sgd \(update.count) (\(update.gradient)) to \(update.w)"
    case .custom(let call): "custom (\(call.operands)) to \(call.y)"
    case .adam(let update): update.text
    }
  }
}
