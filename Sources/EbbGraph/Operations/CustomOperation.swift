/// An operation defined outside Ebb: its value and its derivative, written by hand.
///
/// There are two ways to say the value: as an expression on tensors, which the engine takes apart and
/// fuses like its own, or as functions on numbers, one for each precision. The derivative is always
/// an expression on tensors; it may apply further custom operations.
///
///     let cube = CustomOperation(
///       "cube", value: { x in x[0] * x[0] * x[0] },
///       derivative: { at, dy, _ in dy * 3 * at.x[0] * at.x[0] })
///     let y = cube(x)
///
/// An operation is its registration: two values made by two calls of `init` are two operations, even
/// if they are written alike.
public final class CustomOperation: Sendable {
  /// The operation's name in printouts and messages.
  public let name: String
  /// What is computed.
  let body: Body
  private let vjp: @Sendable (_ at: Application, _ dy: Tensor, _ slot: Int) -> Tensor?

  /// The value in one of the two ways.
  enum Body: Sendable {
    case expression(@Sendable ([Tensor]) -> Tensor)
    case numbers(NumericBody)
  }

  /// The value as functions on numbers.
  package struct NumericBody: Sendable {
    package let shape: @Sendable ([Shape]) -> Shape
    package let float: @Sendable ([NDArray<Float>]) -> NDArray<Float>
    package let double: @Sendable ([NDArray<Double>]) -> NDArray<Double>
  }

  /// An operation whose value is an expression on tensors.
  ///
  /// - Parameters:
  ///   - value: the result from the operands.
  ///   - derivative: the operand's cotangent dx from the result's cotangent dy, for the operand in
  ///     the given slot; nil where no gradient passes.
  public init(
    _ name: String, value: @escaping @Sendable ([Tensor]) -> Tensor,
    derivative: @escaping @Sendable (_ at: Application, _ dy: Tensor, _ slot: Int) -> Tensor?
  ) {
    self.name = name
    body = .expression(value)
    vjp = derivative
  }

  /// An operation whose value is computed on numbers.
  ///
  /// - Parameters:
  ///   - shape: the result's shape from the operands' shapes.
  ///   - float: the value in single precision, as training uses it.
  ///   - double: the value in double precision, against which the other is checked.
  ///   - derivative: as above; often another operation of this kind, applied to (operands, dy).
  public init(
    _ name: String, shape: @escaping @Sendable ([Shape]) -> Shape,
    float: @escaping @Sendable ([NDArray<Float>]) -> NDArray<Float>,
    double: @escaping @Sendable ([NDArray<Double>]) -> NDArray<Double>,
    derivative: @escaping @Sendable (_ at: Application, _ dy: Tensor, _ slot: Int) -> Tensor?
  ) {
    self.name = name
    body = .numbers(NumericBody(shape: shape, float: float, double: double))
    vjp = derivative
  }

  /// Applies the operation.
  public func callAsFunction(_ operands: Tensor...) -> Tensor {
    precondition(!operands.isEmpty, "\(name) takes at least one operand")
    return operands[0].builder.add(.custom(self), operands)
  }

  /// The functions on numbers, if that is how the value is said.
  package var numericBody: NumericBody? {
    if case .numbers(let body) = body { return body }
    return nil
  }

  /// The value's expression traced on its own, with inputs named 0, 1, …
  package func expression(shapes: [Shape]) throws -> Graph? {
    guard case .expression(let value) = body else { return nil }
    let graph = try trace { builder in
      ["y": value(shapes.enumerated().map { builder.input("\($0)", shape: $1) })]
    }
    // What comes from outside must come through the operands: an input would be lost, and a random
    // stream would be another one's.
    for node in graph.nodes.dropFirst(shapes.count) {
      switch node.op {
      case .source(.input), .source(.parameter), .random:
        throw ShapeFault("its value declares \(node.op.text); make that an operand")
      default: break
      }
    }
    return graph
  }

  var rule: DerivativeRule {
    let vjp = self.vjp
    // y is linear in dx, and vjp is linear in dy: forward mode is the vjp's own transpose, found by
    // backpropagating through it.
    return .custom(vjp: { vjp($0, $1, $2) }, jvp: { Self.transposed(vjp, $0, $1) })
  }

  private static func transposed(
    _ vjp: (Application, Tensor, Int) -> Tensor?, _ at: Application, _ dx: [Tensor?]
  ) -> Tensor? {
    var total: Tensor?
    // Its gradient does not depend on dy, so this stand-in never needs a value.
    let dy = at.y.builder.standIn(shape: at.y.shape)
    for (slot, tangent) in dx.enumerated() {
      guard let tangent, let back = vjp(at, dy, slot) else { continue }
      let inner = sum(back * tangent)
      guard let part = gradients(of: inner, by: [dy])[0] else { continue }
      total = total.map { $0 + part } ?? part
    }
    return total
  }

  func result(of operands: [OperandType]) throws -> OperandType {
    for operand in operands { try expectType(operand, .float, "each operand") }
    switch body {
    case .numbers(let body): return OperandType(shape: body.shape(operands.map(\.shape)))
    case .expression:
      guard let graph = try expression(shapes: operands.map(\.shape)) else { return operands[0] }
      let result = graph[graph.outputs[0].id]
      return OperandType(shape: result.shape, type: result.type)
    }
  }
}

extension CustomOperation {
  /// x² y as an expression, and the same on numbers.
  static var samples: [OperationSample] {
    let derivative: @Sendable (Application, Tensor, Int) -> Tensor? = { at, dy, slot in
      slot == 0 ? dy * 2 * at.x[0] * at.x[1] : dy * at.x[0] * at.x[0]
    }
    let expression = CustomOperation(
      "squareTimes", value: { $0[0] * $0[0] * $0[1] }, derivative: derivative)
    let numbers = CustomOperation(
      "squareTimesOnNumbers", shape: { $0[0] }, float: squareTimes, double: squareTimes,
      derivative: derivative)
    return [expression, numbers].map {
      OperationSample(.custom($0), [.numbers([2, 3]), .numbers([2, 3])])
    }
  }

  private static func squareTimes<S: Real>(_ x: [NDArray<S>]) -> NDArray<S> {
    NDArray(
      zip(x[0].elements, x[1].elements).map { $0 * $0 * $1 }, shape: x[0].shape)
  }
}

extension CustomOperation: Hashable {
  /// The same registration.
  public static func == (left: CustomOperation, right: CustomOperation) -> Bool { left === right }
  /// Hashes the identity.
  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
