import EbbGraph

/// A graph with one fault put in on purpose.
struct Mutant {
  let name: String
  let graph: Graph
}

extension Graph {
  /// Every graph that differs in one operation that the outputs depend on: another operation of the
  /// same kind, exchanged operands, or a dropped operand.
  func mutants() throws -> [Mutant] {
    let live = liveNodes()
    var result: [Mutant] = []
    for (index, node) in nodes.enumerated() where live[index] {
      for (name, edit) in node.op.faults {
        let graph = try rebuilt(changing: NodeID(index), edit)
        result.append(Mutant(name: "%\(index) \(node.op.name): \(name)", graph: graph))
      }
    }
    return result
  }

  /// The graph written down again, one operation in another way.
  private func rebuilt(changing id: NodeID, _ edit: ([Tensor]) -> Tensor) throws -> Graph {
    let builder = GraphBuilder()
    var tensors: [Tensor] = []
    for (index, node) in nodes.enumerated() {
      let operands = node.inputs.map { tensors[$0.index] }
      tensors.append(index == id.index ? edit(operands) : builder.add(node.op, operands))
    }
    return try builder.finish(
      outputs: outputs.map { Output(name: $0.name, id: tensors[$0.id.index].id) })
  }
}

extension Op {
  /// Wrong ways to do the operation.
  fileprivate var faults: [(String, ([Tensor]) -> Tensor)] {
    func apply(_ op: Op) -> ([Tensor]) -> Tensor { { $0[0].builder.add(op, $0) } }
    func exchanged(_ first: Int, _ second: Int) -> (String, ([Tensor]) -> Tensor) {
      (
        "exchanges \(first) and \(second)",
        { operands in
          var operands = operands
          operands.swapAt(first, second)
          return operands[0].builder.add(self, operands)
        }
      )
    }
    switch self {
    case .binary(.add):
      return [("subtracts", apply(.binary(.subtract))), ("drops the second", { $0[0] })]
    case .binary(.subtract): return [("adds", apply(.binary(.add))), exchanged(0, 1)]
    case .binary(.multiply):
      return [("drops the first", { $0[1] }), ("drops the second", { $0[0] })]
    case .binary(.divide):
      return [("multiplies", apply(.binary(.multiply))), exchanged(0, 1)]
    case .binary(.binaryCrossEntropy): return [exchanged(0, 1)]
    case .binary(.maximum): return [("becomes minimum", apply(.binary(.minimum)))]
    case .binary(.greater): return [("becomes less", apply(.binary(.less)))]
    case .binary(.less): return [("becomes greater", apply(.binary(.greater)))]
    case .unary(let unary):
      let wrong: Unary? =
        switch unary {
        case .sqrt: .abs
        case .abs: .relu
        case .negate: .abs
        case .sign: .abs
        case .sigmoid: .tanh
        default: nil
        }
      return wrong.map { [("becomes \($0)", apply(.unary($0)))] } ?? []
    case .reduction(.sum, let axes):
      return [("becomes max", apply(.reduction(.max, axes: axes)))]
    case .rowwise(.softmax): return [("is left out", { $0[0] })]
    case .rowwise(.logSumExp):
      return [("becomes max", { EbbGraph.max($0[0], axes: [-1]) })]
    case .rowwise(.softmaxCrossEntropy):
      return [("takes no label's logit off", { logSumExp($0[0]) })]
    case .indexing(.oneHot):
      return [("becomes ones", { $0[0].builder.constant(1.0).expanded(to: self.shape(of: $0)) })]
    case .ternary(.select): return [exchanged(1, 2)]
    case .ternary(.clip): return [exchanged(1, 2), ("is left out", { $0[0] })]
    default: return []
    }
  }

  /// The shape of the result on some operands.
  private func shape(of operands: [Tensor]) -> Shape {
    operands[0].builder.add(self, operands).shape
  }
}
