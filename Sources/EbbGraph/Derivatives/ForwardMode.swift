/// Forward mode: how results change when values are changed in given directions (the Jacobian times
/// the tangents).
///
/// - Parameters:
///   - results: what is observed.
///   - points: the values that change.
///   - tangents: the direction of each, in its shape.
///   - rules: the derivative of each operation; tests give wrong ones.
/// - Returns: the tangent of each result; zeros where it does not depend on the points.
public func pushForward(
  _ results: [Tensor], from points: [Tensor], along tangents: [Tensor],
  rules: (Op) -> DerivativeRule = \.rule
) -> [Tensor] {
  precondition(
    points.count == tangents.count, "\(points.count) points but \(tangents.count) tangents")
  guard let last = results.map(\.id).max() else { return [] }
  let builder = results[0].builder
  let nodes = builder.graph.nodes
  var known: [NodeID: Tensor] = [:]
  for (point, tangent) in zip(points, tangents) {
    known[point.id] =
      tangent.shape == point.shape
      ? tangent
      : builder.fail(
        "tangent", "a tangent of shape \(tangent.shape) for a value of shape \(point.shape)",
        point.shape)
  }
  for index in 0...last.index where known[NodeID(index)] == nil {
    let node = nodes[index]
    guard node.inputs.contains(where: { known[$0] != nil }) else { continue }
    let at = Application(
      x: node.inputs.map { Tensor(builder: builder, id: $0) },
      y: Tensor(builder: builder, id: NodeID(index)))
    known[NodeID(index)] = rules(node.op).tangent(
      of: node.op, at: at, dx: node.inputs.map { known[$0] })
  }
  return results.map { known[$0.id] ?? $0.filled(with: 0) }
}

extension DerivativeRule {
  /// The result's tangent from the operands' tangents, nil for those that do not change.
  package func tangent(of op: Op, at: Application, dx: [Tensor?]) -> Tensor? {
    switch self {
    case .elementwise(let derivatives):
      return zip(derivatives, dx).reduce(nil) { total, part in
        guard let change = part.1, let term = part.0.times(change, at: at) else { return total }
        return total.map { $0 + term } ?? term
      }
    case .linear:
      return at.y.builder.add(
        op,
        zip(at.x, dx).map { x, tangent in tangent ?? (x.type == .float ? x.filled(with: 0) : x) })
    case .multilinear:
      return dx.indices.reduce(nil) { total, slot in
        guard let change = dx[slot] else { return total }
        var operands = at.x
        operands[slot] = change
        let term = at.y.builder.add(op, operands)
        return total.map { $0 + term } ?? term
      }
    case .custom(_, let jvp): return jvp(at, dx)
    case .none: return nil
    }
  }
}
