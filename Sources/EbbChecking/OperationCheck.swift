public import EbbGraph
internal import EbbSystem
internal import EbbTraining

/// What came out of holding an operation's own derivative to differences of its value (M14).
///
///     let check = try cube.check([0.5, -1.2, 2])
///     print(check)
///     precondition(check.verdict.isAgreement)
public struct OperationCheck: Sendable {
  /// The operation's name.
  public let operation: String
  /// The derivative by each operand, named `operand 0`, `operand 1`, …
  public let operands: [GradientCheck.Tensor]
  /// What else was compared.
  public let laws: [GradientCheck.Law]

  /// All verdicts together: the worst disagreement, or how well the derivatives agree with
  /// differences; inconclusive if none could be decided.
  public var verdict: GradientCheck.Verdict {
    .joined(differences: operands.map(\.verdict), others: laws.map(\.verdict))
  }
}

extension CustomOperation {
  /// Holds the operation's derivative to differences of its value at a point, and its other parts to
  /// each other: the single-precision value to the double one, forward mode to backpropagation, the
  /// executor to the interpreter, second derivatives to differences of the first.
  ///
  /// Decisions in the value's expression (comparisons, `relu`, `maximum`) stay as they are at the
  /// point. Those in functions on numbers cannot be held: choose operands away from their kinks.
  ///
  /// - Parameters:
  ///   - operands: where to check; at least one, in the order in which the operation takes them.
  ///   - options: tolerance, directions, elements, seed and threads count; rows and tensors do not.
  /// - Throws: `TraceError` if value or derivative do not fit the shapes, `InputError` if the value on
  ///   numbers has another shape than the shape rule says.
  public func check(
    _ operands: NDArray<Double>..., options: GradientCheck.Options = .forOperations
  ) throws -> OperationCheck {
    try check(at: operands, options: options)
  }

  /// The same for a list of operands.
  public func check(
    at operands: [NDArray<Double>], options: GradientCheck.Options = .forOperations
  ) throws -> OperationCheck {
    try options.validate()
    guard !operands.isEmpty else {
      throw InputError(message: "\(name): give the operands to check at")
    }
    let trial = try OperationTrial(self, operands, options)
    return OperationCheck(
      operation: name, operands: try trial.derivatives(),
      laws: [
        try trial.linearity(), try trial.adjoint(), try trial.singlePrecision(),
        try trial.executor(), try trial.secondOrder(),
      ])
  }
}

extension GradientCheck.Options {
  /// The defaults for single operations, whose operands are small: up to 32 elements one by one.
  public static var forOperations: GradientCheck.Options {
    var options = GradientCheck.Options()
    options.elements = 32
    return options
  }
}

extension OperationCheck: CustomStringConvertible {
  /// A line for each operand and each law, and the sentence.
  public var description: String {
    let lines =
      operands.map { "\($0.name): derivative \($0.verdict)\($0.example)" }
      + laws.map { "\($0.statement): \($0.outcome)" }
    return ([operation] + lines.map { "  " + $0 } + [sentence]).joined(separator: "\n")
  }

  /// What came out, in one sentence.
  public var sentence: String {
    let wrong =
      operands.filter(\.verdict.isDisagreement).map(\.name)
      + laws.filter(\.verdict.isDisagreement).map(\.name)
    switch verdict {
    case .agrees(let to):
      let size = to == 0 ? "exactly" : "to \(NumberFormat.significant(to, digits: 2))"
      return "\(operation): the derivative agrees \(size) with differences of the value"
    case .disagrees:
      return "\(operation): WRONG: \(wrong.joined(separator: ", "))"
    case .inconclusive(let reason): return "\(operation): inconclusive: \(reason)"
    }
  }
}
