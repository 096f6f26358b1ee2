import Ebb
import Testing

@Suite struct OperationCheckTests {
  typealias Derivative = @Sendable (Application, Tensor, Int) -> Tensor?

  /// x² y on numbers or as an expression, with a derivative.
  static func product(onNumbers: Bool, _ derivative: @escaping Derivative) -> CustomOperation {
    onNumbers
      ? CustomOperation(
        "x²y", shape: { $0[0] }, float: { squareTimes($0) }, double: { squareTimes($0) },
        derivative: derivative)
      : CustomOperation("x²y", value: { $0[0] * $0[0] * $0[1] }, derivative: derivative)
  }

  private static func squareTimes<Scalar: BinaryFloatingPoint & Sendable>(
    _ x: [NDArray<Scalar>]
  ) -> NDArray<Scalar> {
    NDArray(
      zip(x[0].elements, x[1].elements).map { $0 * $0 * $1 }, shape: x[0].shape)
  }

  static let right: Derivative = { at, dy, slot in
    slot == 0 ? dy * 2 * at.x[0] * at.x[1] : dy * at.x[0] * at.x[0]
  }
  static let x: NDArray<Double> = [[0.3, -1.5, 2], [0, 0.7, -0.2]]
  static let y: NDArray<Double> = [[1, 0.25, -2], [0.5, 3, 1.25]]

  @Test(arguments: [true, false])
  func theRightDerivativeAgrees(_ onNumbers: Bool) throws {
    let check = try Self.product(onNumbers: onNumbers, Self.right).check(Self.x, Self.y)
    #expect(check.verdict.isAgreement, "\(check)")
    let laws = check.laws.map(\.verdict).allSatisfy(\.isAgreement)
    #expect(laws, "\(check)")
    #expect(
      check.laws.map(\.name) == [
        "linearity", "forward mode", "single precision", "executor", "second derivative",
      ])
    #expect(check.operands.map(\.name) == ["operand 0", "operand 1"])
  }

  static let wrong: [(String, slots: [Int], Derivative)] = [
    ("sign", [0], { at, dy, slot in slot == 0 ? -(right(at, dy, 0) ?? dy) : right(at, dy, 1) }),
    ("factor", [0], { at, dy, slot in slot == 0 ? dy * at.x[0] * at.x[1] : right(at, dy, 1) }),
    ("swapped", [0, 1], { at, dy, slot in right(at, dy, 1 - slot) }),
    ("forgotten", [1], { at, dy, slot in slot == 0 ? right(at, dy, 0) : nil }),
    ("without the cotangent", [0, 1], { at, dy, slot in right(at, dy.filled(with: 1), slot) }),
    (
      "one element", [1],
      { at, dy, slot in
        let spoiled = NDArray([1, 1, 1, 1, 1.001, 1], shape: [2, 3])
        return slot == 0
          ? right(at, dy, 0) : dy * at.x[0] * at.x[0] * dy.builder.constant(array: spoiled)
      }
    ),
  ]

  @Test(arguments: OperationCheckTests.wrong.indices, [true, false])
  func wrongDerivativesAreCaught(_ index: Int, _ onNumbers: Bool) throws {
    let (name, slots, derivative) = Self.wrong[index]
    let check = try Self.product(onNumbers: onNumbers, derivative).check(Self.x, Self.y)
    #expect(check.verdict.isDisagreement, "\(name)\n\(check)")
    let found = check.operands.indices.filter { check.operands[$0].verdict.isDisagreement }
    #expect(found == slots, "\(name)\n\(check)")
    #expect(check.sentence.contains("WRONG"))
    if name == "one element" { #expect(check.operands[1].worst?.name == "operand 1[1,1]") }
    if name == "without the cotangent" {
      #expect(check.laws.first?.verdict.isDisagreement == true, "\(check)")
    }
  }

  @Test func aWrongBodyInSinglePrecisionIsCaught() throws {
    let operation = CustomOperation(
      "cube", shape: { $0[0] }, float: { $0[0].map { $0 * $0 * $0 * 1.05 } },
      double: { $0[0].map { $0 * $0 * $0 } },
      derivative: { at, dy, _ in dy * 3 * at.x[0] * at.x[0] })
    let check = try operation.check(Self.x)
    #expect(check.operands[0].verdict.isAgreement)
    #expect(
      check.laws.filter(\.verdict.isDisagreement).map(\.name) == ["single precision"], "\(check)")
    #expect(check.verdict.isDisagreement)
  }

  @Test func aDerivativeThatIsNoneAgainIsCaughtInItsSecond() throws {
    // Right where it stands, but stopGradient hides what it depends on.
    let operation = CustomOperation(
      "square", value: { $0[0] * $0[0] },
      derivative: { at, dy, _ in dy * (at.x[0] + stopGradient(at.x[0])) })
    let check = try operation.check(Self.x)
    #expect(check.operands[0].verdict.isAgreement, "\(check)")
    // stopGradient is held while differences are taken, so both sides see the same half.
    #expect(check.laws.last?.verdict.isAgreement == true, "\(check)")
    let opaque = CustomOperation(
      "slope", shape: { $0[0] }, float: { $0[0].map { 2 * $0 } },
      double: { $0[0].map { 2 * $0 } }, derivative: { _, dy, _ in dy })
    let wrong = CustomOperation(
      "square", value: { $0[0] * $0[0] }, derivative: { at, dy, _ in dy * opaque(at.x[0]) })
    let second = try wrong.check(Self.x)
    #expect(second.operands[0].verdict.isAgreement, "\(second)")
    #expect(second.laws.last?.verdict.isDisagreement == true, "\(second)")
  }

  @Test func kinksInExpressionsAreHeld() throws {
    let operation = CustomOperation(
      "hinge", value: { relu($0[0]) + abs($0[1]) },
      derivative: { at, dy, slot in
        slot == 0 ? select(at.x[0] .> 0, dy, 0) : dy * sign(at.x[1])
      })
    let check = try operation.check([0, 1, -1, 1e-9], [0, -1e-12, 2, -3])
    #expect(check.verdict.isAgreement, "\(check)")
  }

  @Test func misfitsAreErrors() throws {
    let operation = CustomOperation(
      "sums", shape: { $0[0] }, float: { NDArray(scalar: $0[0].elements.reduce(0, +)) },
      double: { NDArray(scalar: $0[0].elements.reduce(0, +)) }, derivative: { _, dy, _ in dy })
    let error = #expect(throws: InputError.self) { try operation.check(Self.x) }
    #expect(error?.message.contains("shape rule") == true)
    let misshapen = CustomOperation(
      "sum", value: { sum($0[0]) }, derivative: { _, dy, _ in dy })
    #expect(throws: TraceError.self) { try misshapen.check(Self.x) }
    #expect(throws: InputError.self) { try misshapen.check(at: []) }
  }
}
