import EbbGraph

/// Derivative rules made wrong on purpose: the difference check must catch every one.
enum MutantLaws {
  /// A way to make a rule wrong; nil where it changes nothing.
  struct Mutation: Sendable {
    let name: String
    let reverse: @Sendable (DerivativeRule, Application, Tensor, Int) -> Tensor?
  }

  static let mutations: [Mutation] = [
    Mutation(name: "sign") { rule, at, dy, slot in
      rule.contribution(at: at, dy: dy, slot: slot).map { -$0 }
    },
    Mutation(name: "factor 2") { rule, at, dy, slot in
      rule.contribution(at: at, dy: dy, slot: slot).map { $0 * 2 }
    },
    Mutation(name: "zero") { _, _, _, _ in nil },
    Mutation(name: "no local derivative") { rule, at, dy, slot in
      at.x[slot].shape == dy.shape ? dy : rule.contribution(at: at, dy: dy, slot: slot)
    },
    Mutation(name: "slots exchanged") { rule, at, dy, slot in
      let other = at.x.indices.last { $0 != slot && at.x[$0].type == .float } ?? slot
      let wrong = rule.contribution(at: at, dy: dy, slot: other)
      return wrong?.shape == at.x[slot].shape
        ? wrong : rule.contribution(at: at, dy: dy, slot: slot)
    },
  ]

  /// The names of operations that have derivatives, and the samples of each.
  static let operations = Dictionary(
    grouping: Op.samples.filter { Trial($0).hasDerivative }, by: \.op.name
  ).sorted { $0.key < $1.key }.map { (name: $0.key, samples: $0.value) }

  /// Wrong rules in reverse mode.
  static func reverse() throws -> [Mutant] {
    var mutants: [Mutant] = []
    for (name, samples) in operations {
      for mutation in mutations {
        var changed = false
        var caught = false
        for sample in samples {
          let rules: (Op) -> DerivativeRule = { op in
            guard op == sample.op else { return op.rule }
            return .custom(
              vjp: { at, dy, slot in
                let right = op.rule.contribution(at: at, dy: dy, slot: slot)
                let wrong = mutation.reverse(op.rule, at, dy, slot)
                if wrong?.id != right?.id { changed = true }
                return wrong
              }, jvp: { _, _ in nil })
          }
          let disagrees = try disagreement(sample, reverse: rules, output: 2)
          caught = caught || disagrees
        }
        guard changed else { continue }
        mutants.append(
          Mutant(operation: name, kind: .reverse, name: mutation.name, killed: caught))
      }
    }
    return mutants
  }

  /// Wrong rules in forward mode.
  static func forward() throws -> [Mutant] {
    let wrong: [(name: String, change: (Tensor) -> Tensor?)] = [
      ("sign", { -$0 }), ("factor 2", { $0 * 2 }), ("zero", { _ in nil }),
    ]
    return try operations.flatMap { name, samples in
      try wrong.map { mutation, change in
        let caught = try samples.contains { sample in
          let rules: (Op) -> DerivativeRule = { op in
            guard op == sample.op else { return op.rule }
            return .custom(
              vjp: { _, _, _ in nil },
              jvp: { at, dx in op.rule.tangent(of: op, at: at, dx: dx).flatMap(change) })
          }
          return try disagreement(sample, forward: rules, output: 1)
        }
        return Mutant(operation: name, kind: .forward, name: mutation, killed: caught)
      }
    }
  }

  /// Edits of the derivatives' own nodes: a factor or a reduction dropped, a sign turned.
  static func edits() throws -> [Mutant] {
    var mutants: [Mutant] = []
    for (name, samples) in operations {
      // An edit is known by its place in the derivative's graph and what it does.
      var survivors: [String: Bool] = [:]
      for sample in samples {
        for slot in Trial(sample).slots {
          for place in 0..<24 {
            var edit: String?
            let rules: (Op) -> DerivativeRule = { op in
              guard op == sample.op else { return op.rule }
              return .custom(
                vjp: { at, dy, position in
                  let right = op.rule.contribution(at: at, dy: dy, slot: position)
                  guard position == slot, let right else { return right }
                  let (wrong, what) = Self.edited(right, after: at, dy, place: place)
                  edit = what
                  return wrong
                }, jvp: { _, _ in nil })
            }
            let caught = try disagreement(sample, reverse: rules, output: 2)
            guard let edit else { continue }
            let key = "slot \(slot) \(edit)"
            survivors[key] = (survivors[key] ?? true) && !caught
          }
        }
      }
      for (edit, survived) in survivors.sorted(by: { $0.key < $1.key }) {
        mutants.append(Mutant(operation: name, kind: .edited, name: edit, killed: !survived))
      }
    }
    return mutants
  }

  /// Whether the derivative (1: forward, 2: reverse) differs from the difference, beside kinks and at
  /// them, or from the documented value, or is refused.
  private static func disagreement(
    _ sample: OperationSample, reverse: @escaping (Op) -> DerivativeRule = \.rule,
    forward: @escaping (Op) -> DerivativeRule = \.rule, output: Int
  ) throws -> Bool {
    do {
      if try differs(
        Trial(sample, seed: 5), reverse: reverse, forward: forward, output: output)
      {
        return true
      }
      let hasKinks = KinkLaw.kinked.contains { $0.op == sample.op }
      if try hasKinks
        && differs(
          Trial(sample, seed: 6, wholeNumbers: -1...1), reverse: reverse, forward: forward,
          output: output)
      {
        return true
      }
      return try output == 2 && sample.op == .rowwise(.softmaxCrossEntropy)
        && countsMaskedRow(reverse)
    } catch is TraceError {
      return true
    }
  }

  private static func differs(
    _ trial: Trial, reverse: @escaping (Op) -> DerivativeRule,
    forward: @escaping (Op) -> DerivativeRule, output: Int
  ) throws -> Bool {
    let derivatives = try trial.derivatives(reverse: reverse, forward: forward)
    var draw = Draw(seed: 55)
    let u = trial.direction(&draw)
    let v = draw.array(try trial.resultShape())
    let recorded = try derivatives.recording(
      trial.inputs(along: u, ["v": v]), indices: trial.indices)
    let expected = try difference { step in
      let replayed = try derivatives.replaying(
        recorded.branches, trial.inputs(along: u, by: step, ["v": v]), indices: trial.indices)
      return DerivativeLaws.finite(numbers(replayed.values)[0])
    }
    let actual = numbers(recorded.values)[output]
    return output == 1
      ? actual.distance(to: expected) > 1e-7
      : actual.distance(to: NDArray(scalar: v.dot(expected))) > 1e-7
  }

  /// Whether a row of −∞ has a gradient, where no difference can be taken.
  private static func countsMaskedRow(_ rules: @escaping (Op) -> DerivativeRule) throws -> Bool {
    let slopes = try evaluate(["x": NDArray(repeating: -Double.infinity, shape: [1, 4])]) { x in
      let labels = x[0].builder.constant(indices: [1])
      let loss = sum(softmaxCrossEntropy(logits: x[0], labels: labels))
      return backpropagate(from: loss, to: [x[0]], rules: rules).gradients.compactMap { $0 }
        + [loss]
    }
    return slopes.count == 2 && slopes[0] != NDArray(repeating: 0, shape: [1, 4])
  }

  /// The derivative with one of its nodes changed: a factor or a reduction dropped, a sign turned.
  private static func edited(
    _ derivative: Tensor, after at: Application, _ dy: Tensor, place: Int
  ) -> (Tensor, String?) {
    let builder = derivative.builder
    let nodes = builder.graph.nodes
    var replaced: [Int: Tensor] = [:]
    var found = 0
    // An edit's name counts nodes of one kind, so that it is the same edit in every sample.
    var named: [String: Int] = [:]
    var edit: String?
    let leads = cone(of: derivative, in: nodes)
    for index in nodes.indices where leads[index] && index > max(at.y.id, dy.id).index {
      let node = nodes[index]
      let inputs = node.inputs.map { replaced[$0.index] ?? Tensor(builder: builder, id: $0) }
      if let change = wrong(node.op, inputs) {
        if found == place {
          edit = "\(node.op.name) \(named[node.op.name, default: 0])"
          replaced[index] = change
        }
        found += 1
        named[node.op.name, default: 0] += 1
      }
      if replaced[index] == nil, node.inputs.contains(where: { replaced[$0.index] != nil }) {
        replaced[index] = builder.add(node.op, inputs)
      }
    }
    return (replaced[derivative.id.index] ?? derivative, edit)
  }

  private static func wrong(_ op: Op, _ x: [Tensor]) -> Tensor? {
    switch op {
    case .unary(.negate): x[0]
    case .binary(.subtract): x[0] + x[1]
    case .binary(.add): x[0] - x[1]
    case .binary(.multiply), .binary(.chainProduct), .binary(.divide): x[0]
    case .reduction(.sum, let axes) where axes.contains(where: { x[0].shape[$0] > 1 }):
      axes.reduce(x[0]) { $0.sliced(axis: $1, from: 0, to: 1) }.reshaped(
        to: x[0].shape.removing(axes: axes))
    default: nil
    }
  }

  private static func cone(of tensor: Tensor, in nodes: [Node]) -> [Bool] {
    var leads = [Bool](repeating: false, count: nodes.count)
    leads[tensor.id.index] = true
    for index in stride(from: tensor.id.index, through: 0, by: -1) where leads[index] {
      for input in nodes[index].inputs { leads[input.index] = true }
    }
    return leads
  }
}
