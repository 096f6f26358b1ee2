/// One application of the chain rule: what one use of a value adds to its gradient.
public struct ChainStep: Sendable, Hashable {
  /// The operation through which the gradient flows back.
  public let through: NodeID
  /// The operand position that receives.
  public let slot: Int
  /// The operand that receives.
  public let operand: NodeID
  /// The gradient that arrives: the loss by the operation's result.
  public let cotangent: NodeID
  /// What this use of the operand adds: the transposed Jacobian times the cotangent.
  public let contribution: NodeID
  /// The operand's gradient after this step: the sum of the contributions so far.
  public let accumulated: NodeID
}

/// What a reverse sweep found.
public struct Backpropagation {
  /// The gradient by each wanted value, in the order asked; nil where the loss does not depend on it.
  public let gradients: [Tensor?]
  /// The applications of the chain rule, in the order in which they were done.
  public let steps: [ChainStep]
  /// The gradient by any node that the sweep passed.
  public let cotangents: [NodeID: Tensor]
}

/// Backpropagation: gradients of a scalar loss by any values it was computed from.
///
/// Walks the operations backwards from the loss. When a node is reached, all its uses have been seen,
/// so its cotangent is complete; the node's rule turns it into a contribution to each operand. Every
/// factor is computed once and shared by all parameters below (M9 to M11).
///
/// - Parameters:
///   - loss: where to start; any shape if `cotangent` is given, otherwise a single number.
///   - wanted: the values whose gradients are asked for.
///   - cotangent: the gradient of what is minimised by `loss`; 1 if not given.
///   - rules: the derivative of each operation; tests give wrong ones.
public func backpropagate(
  from loss: Tensor, to wanted: [Tensor], cotangent: Tensor? = nil,
  rules: (Op) -> DerivativeRule = \.rule
) -> Backpropagation {
  let builder = loss.builder
  if loss.type != .float {
    _ = builder.fail(
      "gradient", "the loss must be of type float, got \(loss.type.rawValue)", .scalar)
  }
  if cotangent == nil && loss.shape != .scalar {
    _ = builder.fail(
      "gradient",
      "the loss has the shape \(loss.shape); take its sum or mean, or give its cotangent", .scalar)
  }
  if let cotangent, cotangent.shape != loss.shape {
    _ = builder.fail(
      "gradient", "a cotangent of shape \(cotangent.shape) for a value of shape \(loss.shape)",
      loss.shape)
  }
  // Nothing before the first wanted value leads to one. A copy, so that the builder's own list can
  // grow in place.
  let first = Swift.min(wanted.map(\.id).min() ?? loss.id, loss.id).index
  let nodes = Array(builder.graph.nodes[first...loss.id.index])
  let leadsToWanted = dependents(of: wanted.map(\.id), in: nodes, from: first)
  var cotangents: [NodeID: Tensor] = [loss.id: cotangent ?? loss.filled(with: 1)]
  var steps: [ChainStep] = []

  for place in nodes.indices.reversed() {
    let id = NodeID(first + place)
    guard leadsToWanted[place], let dy = cotangents[id] else { continue }
    let node = nodes[place]
    let at = Application(
      x: node.inputs.map { Tensor(builder: builder, id: $0) }, y: Tensor(builder: builder, id: id))
    let rule = rules(node.op)
    for slot in node.inputs.indices {
      let operandPlace = node.inputs[slot].index - first
      guard operandPlace >= 0, leadsToWanted[operandPlace] else { continue }
      guard var contribution = rule.contribution(at: at, dy: dy, slot: slot) else { continue }
      if contribution.shape != at.x[slot].shape {
        contribution = builder.fail(
          node.op.name,
          "the derivative by operand \(slot) has the shape \(contribution.shape), the operand"
            + " \(at.x[slot].shape)", at.x[slot].shape)
      }
      let operand = node.inputs[slot]
      let accumulated = cotangents[operand].map { $0 + contribution } ?? contribution
      cotangents[operand] = accumulated
      steps.append(
        ChainStep(
          through: id, slot: slot, operand: operand, cotangent: dy.id,
          contribution: contribution.id, accumulated: accumulated.id))
    }
  }
  return Backpropagation(
    gradients: wanted.map { cotangents[$0.id] }, steps: steps, cotangents: cotangents)
}

/// The gradients alone; zeros where the loss does not depend on a value.
public func gradients(of loss: Tensor, with respect: [Tensor]) -> [Tensor] {
  zip(respect, gradients(of: loss, by: respect)).map { $1 ?? $0.filled(with: 0) }
}

/// The gradients alone; nil where the loss does not depend on a value.
func gradients(of loss: Tensor, by wanted: [Tensor]) -> [Tensor?] {
  backpropagate(from: loss, to: wanted).gradients
}

/// Which nodes of a part of a graph are among `ids` or computed from them, by float values.
///
/// - Parameter first: the index of the part's first node.
private func dependents(of ids: [NodeID], in nodes: [Node], from first: Int) -> [Bool] {
  var depends = [Bool](repeating: false, count: nodes.count)
  for id in ids where id.index - first < nodes.count { depends[id.index - first] = true }
  for (place, node) in nodes.enumerated() where !depends[place] && node.type == .float {
    depends[place] = node.inputs.contains { $0.index >= first && depends[$0.index - first] }
  }
  return depends
}

extension DerivativeRule {
  /// What the operand in `slot` receives: the transposed Jacobian times dy.
  package func contribution(at: Application, dy: Tensor, slot: Int) -> Tensor? {
    guard at.x[slot].type == .float else { return nil }
    switch self {
    case .elementwise(let derivatives): return derivatives[slot].times(dy, at: at)
    case .linear(let transpose), .multilinear(let transpose): return transpose(at, dy, slot)
    case .custom(let vjp, _): return vjp(at, dy, slot)
    case .none: return nil
    }
  }
}
