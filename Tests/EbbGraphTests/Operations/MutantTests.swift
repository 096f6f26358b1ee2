import EbbGraph
import Testing

/// Derivative rules made wrong on purpose: the difference check must catch every one.
@Suite struct Mutants {
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
  static let operations = Dictionary(grouping: OperationLaws.differentiable, by: \.op.name)
    .sorted { $0.key < $1.key }.map { (name: $0.key, samples: $0.value) }

  /// Parts of rules that count only where operands are equal, where no difference can see them:
  /// the tests of kinks hold these by equality.
  static let onlyAtTies = [
    ("max", "divide"), ("min", "divide"), ("maximum", "add"), ("minimum", "add"),
  ]

  @Test("wrong rules in reverse mode are caught, for every operation")
  func reverse() throws {
    var killed = 0
    for (name, samples) in Self.operations {
      for mutation in Self.mutations {
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
        if changed {
          #expect(caught, "\(name), \(mutation.name): survived")
          killed += caught ? 1 : 0
        }
      }
    }
    print("reverse mode: \(killed) wrong rules caught")
    #expect(killed >= 170, "only \(killed) mutants were made")
  }

  @Test("wrong rules in forward mode are caught, for every operation")
  func forward() throws {
    let wrong: [(name: String, change: (Tensor) -> Tensor?)] = [
      ("sign", { -$0 }), ("factor 2", { $0 * 2 }), ("zero", { _ in nil }),
    ]
    var killed = 0
    for (name, samples) in Self.operations {
      for (mutation, change) in wrong {
        let caught = try samples.contains { sample in
          let rules: (Op) -> DerivativeRule = { op in
            guard op == sample.op else { return op.rule }
            return .custom(
              vjp: { _, _, _ in nil },
              jvp: { at, dx in op.rule.tangent(of: op, at: at, dx: dx).flatMap(change) })
          }
          return try disagreement(sample, forward: rules, output: 1)
        }
        #expect(caught, "\(name), \(mutation): survived")
        killed += caught ? 1 : 0
      }
    }
    print("forward mode: \(killed) wrong rules caught")
    #expect(killed == 3 * Self.operations.count)
  }

  @Test("edits of the derivatives' own nodes are caught, for every operation")
  func edits() throws {
    var killed = 0
    for (name, samples) in Self.operations {
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
            let key = "slot \(slot), \(edit)"
            survivors[key] = (survivors[key] ?? true) && !caught
          }
        }
      }
      for (edit, survived) in survivors.sorted(by: { $0.key < $1.key }) {
        if Self.onlyAtTies.contains(where: { $0 == name && edit.contains($1) }) { continue }
        #expect(!survived, "\(name), \(edit): survived")
        killed += survived ? 0 : 1
      }
    }
    print("edited derivatives: \(killed) caught")
    #expect(killed >= 90, "only \(killed) edits were made")
  }

  /// Whether the derivative (1: forward, 2: reverse) differs from the difference, or is refused.
  private func disagreement(
    _ sample: OperationSample, reverse: @escaping (Op) -> DerivativeRule = \.rule,
    forward: @escaping (Op) -> DerivativeRule = \.rule, output: Int
  ) throws -> Bool {
    let trial = Trial(sample, seed: 5)
    let derivatives: Interpreter<Double>
    do {
      derivatives = try trial.derivatives(reverse: reverse, forward: forward)
    } catch is TraceError {
      return true
    }
    var draw = Draw(seed: 55)
    let u = trial.direction(&draw)
    let v = draw.array(try sample.op.result(of: sample.operands.map(\.type)).shape)
    func run(_ step: Double) throws -> [NDArray<Double>] {
      try numbers(
        derivatives.run(trial.inputs(along: u, by: step, ["v": v]), indices: trial.indices))
    }
    let expected = try difference { try run($0)[0].map { $0.isFinite ? $0 : 0 } }
    let actual = try run(0)[output]
    return output == 1
      ? actual.distance(to: expected) > 1e-7
      : actual.distance(to: NDArray(scalar: v.dot(expected))) > 1e-7
  }

  /// The derivative with one of its nodes changed: a factor or a reduction dropped, a sign turned.
  private static func edited(
    _ derivative: Tensor, after at: Application, _ dy: Tensor, place: Int
  ) -> (Tensor, String?) {
    let builder = derivative.builder
    let nodes = builder.graph.nodes
    var replaced: [Int: Tensor] = [:]
    var found = 0
    var edit: String?
    let leads = cone(of: derivative, in: nodes)
    for index in nodes.indices where leads[index] && index > max(at.y.id, dy.id).index {
      let node = nodes[index]
      let inputs = node.inputs.map { replaced[$0.index] ?? Tensor(builder: builder, id: $0) }
      if let change = wrong(node.op, inputs) {
        if found == place {
          edit = "\(found): \(node.op.name) made wrong"
          replaced[index] = change
        }
        found += 1
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
