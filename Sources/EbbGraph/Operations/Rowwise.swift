/// Functions of whole rows: of the last axis.
///
/// They are primitives, not composites, because each shifts by the row's largest value (so that
/// logits of ±10⁶ are harmless), gives 0 for a row of −∞, and has one kernel.
public enum Rowwise: String, CaseIterable, Hashable, Sendable {
  /// e^x_i / Σ_j e^x_j.
  case softmax
  /// log Σ_j e^x_j.
  case logSumExp
  /// log Σ_j e^x_j − x_label, from logits and class indices.
  case softmaxCrossEntropy
}

extension Rowwise {
  var rule: DerivativeRule {
    switch self {
    case .softmax:
      // The Jacobian diag(y) − y yᵀ is symmetric: both directions are the same expression.
      .custom(
        vjp: { at, dy, _ in Self.throughSoftmax(at.y, dy) },
        jvp: { at, dx in dx[0].map { Self.throughSoftmax(at.y, $0) } })
    case .logSumExp:
      .custom(
        vjp: { at, dy, _ in Self.perRow(dy, at.x[0].shape) * EbbGraph.softmax(at.x[0]) },
        jvp: { at, dx in dx[0].map { sum(EbbGraph.softmax(at.x[0]) * $0, axes: [-1]) } })
    case .softmaxCrossEntropy:
      .custom(
        vjp: { at, dy, slot in
          slot == 0 ? Self.residual(at) * Self.perRow(dy, at.x[0].shape) : nil
        },
        jvp: { at, dx in dx[0].map { sum(Self.residual(at) * $0, axes: [-1]) } })
    }
  }

  var samples: [OperationSample] {
    switch self {
    case .softmax, .logSumExp:
      [[2, 3], [4], [2, 2, 3], [3, 1]].map { OperationSample(.rowwise(self), [.numbers($0)]) }
    case .softmaxCrossEntropy:
      [
        OperationSample(.rowwise(self), [.numbers([3, 4]), .indices([2, 0, 2])]),
        OperationSample(.rowwise(self), [.numbers([5]), .indices(4)]),
      ]
    }
  }

  private static func throughSoftmax(_ y: Tensor, _ change: Tensor) -> Tensor {
    y * (change - sum(y * change, axes: [-1], keepingAxes: true))
  }

  /// ŷ − y: the gradient of one row's loss by its logits; 0 for a row of −∞, which counts nothing.
  private static func residual(_ at: Application) -> Tensor {
    let present = max(at.x[0], axes: [-1], keepingAxes: true) .> -.infinity
    return EbbGraph.softmax(at.x[0])
      - oneHot(at.x[1], classes: at.x[0].shape[-1]) * EbbGraph.float(present)
  }

  private static func perRow(_ value: Tensor, _ shape: Shape) -> Tensor {
    value.spread(over: [shape.rank - 1], to: shape)
  }

  func result(of operands: [OperandType]) throws -> OperandType {
    try expectCount(operands, self == .softmaxCrossEntropy ? 2 : 1)
    let logits = operands[0]
    try expectType(logits, .float, "the operand")
    try expect(logits.shape.rank >= 1, "a single number has no rows")
    let rows = logits.shape.removing(axes: [logits.shape.rank - 1])
    switch self {
    case .softmax: return logits
    case .logSumExp: return OperandType(shape: rows)
    case .softmaxCrossEntropy:
      try expectType(operands[1], .index, "the class labels")
      try expect(
        operands[1].shape == rows,
        "logits \(logits.shape) need labels of shape \(rows), got \(operands[1].shape)")
      return OperandType(shape: rows)
    }
  }
}

extension Tensor {
  /// Applies a function of rows along any axis.
  fileprivate func alongLast(
    _ axis: Int, _ name: String, _ body: (Tensor) -> Tensor
  ) -> (result: Tensor, axis: Int, order: [Int])? {
    guard let axis = normalized(axis: axis, name) else { return nil }
    var order = Array(0..<shape.rank)
    order.swapAt(axis, shape.rank - 1)
    return (body(transposed(order)), axis, order)
  }
}

/// e^x_i / Σ_j e^x_j along an axis: probabilities that sum to 1; a row of −∞ gives zeros.
///
/// Derivative: diag(y) − y yᵀ.
public func softmax(_ x: Tensor, axis: Int = -1) -> Tensor {
  guard
    let (result, _, order) = x.alongLast(
      axis, "softmax", { $0.builder.add(.rowwise(.softmax), [$0]) })
  else { return x }
  return result.transposed(order)
}

/// log Σ_j e^x_j along an axis, without overflow; derivative softmax(x).
public func logSumExp(_ x: Tensor, axis: Int = -1, keepingAxes: Bool = false) -> Tensor {
  guard
    let (result, axis, order) = x.alongLast(
      axis, "logSumExp", { $0.builder.add(.rowwise(.logSumExp), [$0]) })
  else { return x }
  var exchanged = x.shape.extents
  exchanged.swapAt(axis, exchanged.count - 1)
  exchanged[exchanged.count - 1] = 1
  let kept = result.reshaped(to: Shape(exchanged)).transposed(order)
  return keepingAxes ? kept : kept.reshaped(to: x.shape.removing(axes: [axis]))
}

/// log softmax(x) along an axis, as (x − max) − log Σ e^(x − max), which is exact for large logits; a
/// row of −∞ gives zeros with gradient 0, so that it counts nothing.
public func logSoftmax(_ x: Tensor, axis: Int = -1) -> Tensor {
  let largest = stopGradient(max(x, axes: [axis], keepingAxes: true))
  let present = largest .> -.infinity
  let shifted = x - select(present, largest, 0)
  return select(present, shifted - logSumExp(shifted, axis: axis, keepingAxes: true), 0)
}

/// −log softmax(logits)[label] for each row.
///
/// **Shapes**: logits [..., classes], labels [...] → [...]. Labels must lie in 0 ..< classes: data are
/// checked before they get here. Derivative by the logits: softmax(logits) − one-hot(label). A row of
/// −∞ has loss 0 and gradient 0.
public func softmaxCrossEntropy(logits: Tensor, labels: Tensor) -> Tensor {
  logits.builder.add(.rowwise(.softmaxCrossEntropy), [logits, labels])
}

/// −Σ_j p_j log softmax(logits)_j for each row.
///
/// **Shapes**: logits and probabilities [..., classes] → [...]. A probability of 0 counts nothing,
/// whatever the logit. Derivative by the logits: softmax(logits) · Σp − p.
public func softmaxCrossEntropy(logits: Tensor, probabilities: Tensor) -> Tensor {
  -sum(chainProduct(probabilities, logSoftmax(logits)), axes: [-1])
}
