/// Elementwise operations on three operands.
public enum Ternary: String, CaseIterable, Hashable, Sendable {
  case select, clip
}

/// All that is to say about an elementwise operation of three operands.
package struct TernaryRow<Scalar: Real> {
  package let name: String
  package let value: (Scalar, Scalar, Scalar) -> Scalar
  package let rule: DerivativeRule
}

extension Ternary {
  /// The operation's row: name, value, derivative.
  package func row<S: Real>(_ m: ElementaryFunctions<S>) -> TernaryRow<S> {
    switch self {
    case .select:
      TernaryRow(
        name: "select", value: { $0 != 0 ? $1 : $2 },
        rule: .custom(
          vjp: { at, dy, slot in
            let zero = dy.filled(with: 0)
            return slot == 1
              ? EbbGraph.select(at.x[0], dy, zero)
              : slot == 2 ? EbbGraph.select(at.x[0], zero, dy) : nil
          },
          jvp: { at, dx in
            let zero = at.y.filled(with: 0)
            return dx[1] == nil && dx[2] == nil
              ? nil : EbbGraph.select(at.x[0], dx[1] ?? zero, dx[2] ?? zero)
          }))
    case .clip:
      TernaryRow(
        name: "clip", value: { $0 < $1 ? $1 : ($0 > $2 ? $2 : $0) },
        rule: .elementwise([
          .slope { EbbGraph.float(($0.x[0] .>= $0.x[1]) .& ($0.x[0] .<= $0.x[2])) },
          .slope { EbbGraph.float($0.x[0] .< $0.x[1]) },
          .slope { EbbGraph.float(($0.x[0] .> $0.x[2]) .& ($0.x[0] .>= $0.x[1])) },
        ]))
    }
  }

  var samples: [OperationSample] {
    switch self {
    case .select:
      [OperationSample(.ternary(self), [.mask([2, 3]), .numbers([2, 3]), .numbers([2, 3])])]
    case .clip:
      [
        OperationSample(
          .ternary(self),
          [
            .numbers([3, 4]), .numbers([3, 4], in: -1.5 ... -0.2), .numbers([3, 4], in: 0.2...1.5),
          ],
          apart: true)
      ]
    }
  }

  func result(of operands: [OperandType]) throws -> OperandType {
    try expectCount(operands, 3)
    try expectType(
      operands[0], self == .select ? .mask : .float,
      self == .select ? "the condition" : "the operand")
    for operand in operands.dropFirst() { try expectType(operand, .float, "each operand") }
    try expect(
      operands[0].shape == operands[1].shape && operands[1].shape == operands[2].shape,
      "shapes \(operands.map(\.shape.description).joined(separator: ", ")) do not fit")
    return OperandType(shape: operands[0].shape)
  }
}

extension Tensor {
  fileprivate static func apply(
    _ operation: Ternary, _ a: Tensor, _ b: Tensor, _ c: Tensor
  ) -> Tensor {
    guard let first = Shape.broadcast(a.shape, b.shape),
      let shape = Shape.broadcast(first, c.shape)
    else {
      return a.builder.fail(
        operation.rawValue, "shapes \(a.shape), \(b.shape) and \(c.shape) do not fit", b.shape)
    }
    return a.builder.add(
      .ternary(operation),
      [a.expanded(to: shape), b.expanded(to: shape), c.expanded(to: shape)])
  }
}

/// a where the mask is true, b elsewhere; the gradient goes where the value came from.
public func select(_ mask: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor {
  .apply(.select, mask, a, b)
}
/// a where the mask is true, a number elsewhere.
public func select(_ mask: Tensor, _ a: Tensor, _ b: Double) -> Tensor {
  select(mask, a, mask.constant(b))
}
/// A number where the mask is true, b elsewhere.
public func select(_ mask: Tensor, _ a: Double, _ b: Tensor) -> Tensor {
  select(mask, mask.constant(a), b)
}
/// x held within lower...upper; derivative 1 on the closed interval, 0 outside.
public func clip(_ x: Tensor, _ lower: Tensor, _ upper: Tensor) -> Tensor {
  .apply(.clip, x, lower, upper)
}
/// x held within a fixed interval; derivative 1 on the closed interval, 0 outside.
public func clip(_ x: Tensor, to range: ClosedRange<Double>) -> Tensor {
  clip(x, x.constant(range.lowerBound), x.constant(range.upperBound))
}
