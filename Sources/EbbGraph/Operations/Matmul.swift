// The matrix product: [..., m, k] × [..., k, n] → [..., m, n], equal leading extents.

/// dA = dY Bᵀ and dB = Aᵀ dY.
var matmulRule: DerivativeRule {
  .multilinear { at, dy, slot in
    slot == 0 ? matmul(dy, at.x[1].transposed()) : matmul(at.x[0].transposed(), dy)
  }
}

/// Plain, batched, a single row, an inner extent of 0.
var matmulSamples: [OperationSample] {
  let shapes: [(Shape, Shape)] = [
    ([2, 3], [3, 4]), ([2, 2, 3], [2, 3, 1]), ([1, 5], [5, 2]), ([2, 0], [0, 3]),
  ]
  return shapes.map { OperationSample(.matmul, [.numbers($0), .numbers($1)]) }
}

func matmulResult(of operands: [OperandType]) throws -> OperandType {
  try expectCount(operands, 2)
  for operand in operands { try expectType(operand, .float, "each operand") }
  let (a, b) = (operands[0].shape, operands[1].shape)
  try expect(a.rank >= 2 && b.rank == a.rank, "\(a) × \(b): both must be matrices")
  try expect(
    a[-1] == b[-2],
    "\(a) × \(b): the columns of the first (\(a[-1])) must be the rows of the second (\(b[-2]))")
  let leading = a.extents.dropLast(2)
  try expect(leading == b.extents.dropLast(2), "\(a) × \(b): leading extents differ")
  return OperandType(shape: Shape(Array(leading) + [a[-2], b[-1]]))
}

/// The matrix product over the last two axes; a vector counts as a row on the left and as a column
/// on the right; leading axes broadcast.
///
/// **Shapes**: [..., m, k] × [..., k, n] → [..., m, n].
/// Derivative: dA = dY Bᵀ, dB = Aᵀ dY.
public func matmul(_ a: Tensor, _ b: Tensor) -> Tensor {
  guard a.shape.rank > 0 && b.shape.rank > 0 else {
    return a.builder.fail(
      "matmul", "\(a.shape) × \(b.shape): use * for a product with a single number", a.shape)
  }
  if a.shape.rank == 1 {
    let product = matmul(a.reshaped(to: [1, a.shape[0]]), b)
    return product.shape.rank < 2
      ? product.reshaped(to: .scalar) : product.reshaped(to: product.shape.removing(rowAxis: ()))
  }
  if b.shape.rank == 1 {
    let product = matmul(a, b.reshaped(to: [b.shape[0], 1]))
    return product.reshaped(to: Shape(Array(product.shape.extents.dropLast())))
  }
  let (aLeading, bLeading) = (
    Shape(Array(a.shape.extents.dropLast(2))), Shape(Array(b.shape.extents.dropLast(2)))
  )
  guard let leading = Shape.broadcast(aLeading, bLeading) else {
    return a.builder.fail("matmul", "\(a.shape) × \(b.shape): leading extents differ", a.shape)
  }
  func stretched(_ x: Tensor) -> Tensor {
    x.expanded(to: Shape(leading.extents + [x.shape[-2], x.shape[-1]]))
  }
  return a.builder.add(.matmul, [stretched(a), stretched(b)])
}

extension Shape {
  /// Without the second axis from the end.
  fileprivate func removing(rowAxis: Void) -> Shape { removing(axes: [rank - 2]) }
}
