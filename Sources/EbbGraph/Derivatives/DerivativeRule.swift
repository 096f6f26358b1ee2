/// One application of an operation: its operands and its result.
public struct Application {
  /// The operands.
  public let x: [Tensor]
  /// The result.
  public let y: Tensor
}

/// How gradients pass through an operation, as expressions on tensors.
///
/// A rule writes nodes, never closes over numbers: gradients can be printed, fused, exported and
/// differentiated again. dy is the cotangent of the result, dx that of an operand; a tangent is a
/// small change travelling forward. `slot` is the operand's position.
public enum DerivativeRule {
  /// The local derivatives ∂y/∂x_k, one for each operand: dx_k = dy · ∂y/∂x_k, and forward
  /// dy = Σ_k ∂y/∂x_k · dx_k.
  case elementwise([LocalDerivative])
  /// Linear in all float operands together: the transpose, as dy ↦ dx of one slot. Forward mode is
  /// the operation itself on the tangents.
  case linear(transpose: (_ at: Application, _ dy: Tensor, _ slot: Int) -> Tensor)
  /// Linear in each operand while the others are fixed: the transposes. Forward mode is the sum
  /// over the operands of the operation with that one replaced by its tangent.
  case multilinear(transpose: (_ at: Application, _ dy: Tensor, _ slot: Int) -> Tensor)
  /// Both directions written out. `vjp` gives dx of one slot or nil for none; `jvp` gives dy from
  /// the operands' tangents, nil where an operand has none.
  case custom(
    vjp: (_ at: Application, _ dy: Tensor, _ slot: Int) -> Tensor?,
    jvp: (_ at: Application, _ dx: [Tensor?]) -> Tensor?)
  /// No gradient passes: comparisons, indices, random numbers.
  case none
}

/// ∂y/∂x of an elementwise operation with respect to one operand.
public struct LocalDerivative {
  /// How the derivative meets the cotangent.
  enum Kind { case product, chainProduct, zero }

  let kind: Kind
  let value: (Application) -> Tensor

  /// A derivative that is finite wherever the operands are.
  public static func slope(_ value: @escaping (Application) -> Tensor) -> LocalDerivative {
    LocalDerivative(kind: .product, value: value)
  }

  /// A derivative that can be infinite or undefined (√x at 0, log x at 0, e^x that overflows). It
  /// meets the cotangent in `chainProduct`, so that a zero cotangent gives zero and never NaN.
  public static func singular(_ value: @escaping (Application) -> Tensor) -> LocalDerivative {
    LocalDerivative(kind: .chainProduct, value: value)
  }

  /// No dependence.
  public static var zero: LocalDerivative { LocalDerivative(kind: .zero, value: { $0.y }) }

  /// The derivative times a cotangent or a tangent, or nil where it is zero.
  func times(_ change: Tensor, at application: Application) -> Tensor? {
    switch kind {
    case .product: change * value(application)
    case .chainProduct: chainProduct(change, value(application))
    case .zero: nil
    }
  }
}
