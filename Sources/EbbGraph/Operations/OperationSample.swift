/// One way to try an operation: its payload and the operands. The laws of the test suite are
/// generated from these.
package struct OperationSample: Sendable {
  package let op: Op
  package let operands: [SampleOperand]
  /// Numbers that no operand comes near.
  package let kinks: [Double]
  /// Whether no two numbers of the operands may be near each other.
  package let apart: Bool

  package init(_ op: Op, _ operands: [SampleOperand], kinks: [Double] = [], apart: Bool = false) {
    self.op = op
    self.operands = operands
    self.kinks = kinks
    self.apart = apart
  }
}

/// What an operation is tried on.
package enum SampleOperand: Sendable {
  /// Random numbers of a range.
  case numbers(Shape, in: ClosedRange<Double> = -2...2)
  /// Random truth values.
  case mask(Shape)
  /// The given indices.
  case indices(NDArray<Int32>)

  package var type: OperandType {
    switch self {
    case .numbers(let shape, _): OperandType(shape: shape)
    case .mask(let shape): OperandType(shape: shape, type: .mask)
    case .indices(let array): OperandType(shape: array.shape, type: .index)
    }
  }
}
