/// Elementwise operations on two operands.
public enum Binary: String, CaseIterable, Hashable, Sendable {
  case add, subtract, multiply, divide, power, minimum, maximum
  case chainProduct, binaryCrossEntropy
  case equal, notEqual, less, lessEqual, greater, greaterEqual
  case and, or
}

/// All that is to say about an elementwise operation of two operands.
package struct BinaryRow<Scalar: Real> {
  package let name: String
  package let value: (Scalar, Scalar) -> Scalar
  package let rule: DerivativeRule
  /// Where tests sample each operand.
  package let samples: (ClosedRange<Double>, ClosedRange<Double>)
  /// Whether the operation has no derivative where its operands are equal.
  package let kinkAtEquality: Bool

  init(
    _ name: String, _ value: @escaping (Scalar, Scalar) -> Scalar, _ rule: DerivativeRule,
    on samples: (ClosedRange<Double>, ClosedRange<Double>) = (-2...2, -2...2),
    kinkAtEquality: Bool = false
  ) {
    self.name = name
    self.value = value
    self.rule = rule
    self.samples = samples
    self.kinkAtEquality = kinkAtEquality
  }
}

extension Binary {
  /// The operation's row: name, value, derivative, samples, kinks.
  package func row<S: Real>(_ m: ElementaryFunctions<S>) -> BinaryRow<S> {
    switch self {
    case .add: BinaryRow("add", { $0 + $1 }, .linear { _, dy, _ in dy })
    case .subtract:
      BinaryRow("subtract", { $0 - $1 }, .linear { _, dy, slot in slot == 0 ? dy : -dy })
    case .multiply:
      // A factor can be infinite, and then a zero cotangent must still stop everything.
      BinaryRow(
        "multiply", { $0 * $1 }, .elementwise([.singular { $0.x[1] }, .singular { $0.x[0] }]))
    case .divide:
      BinaryRow(
        "divide", { $0 / $1 },
        .elementwise([
          .singular { EbbGraph.reciprocal($0.x[1]) },
          .singular { -($0.y / $0.x[1]) },
        ]), on: (-2...2, 0.4...3))
    case .power:
      BinaryRow(
        "power", m.power,
        .elementwise([
          .singular { EbbGraph.chainProduct($0.x[1], EbbGraph.power($0.x[0], $0.x[1] - 1)) },
          .singular {
            let base = $0.x[0]
            return EbbGraph.chainProduct(
              $0.y, EbbGraph.select(base .> 0, EbbGraph.log(base), base.filled(with: 0)))
          },
        ]), on: (0.4...2.5, -2...2.5))
    case .minimum:
      BinaryRow(
        "minimum", { $0 < $1 ? $0 : ($0 >= $1 ? $1 : $0 + $1) },
        .elementwise([
          .slope { Self.share($0.x[0], below: $0.x[1]) },
          .slope { Self.share($0.x[1], below: $0.x[0]) },
        ]), kinkAtEquality: true)
    case .maximum:
      BinaryRow(
        "maximum", { $0 > $1 ? $0 : ($0 <= $1 ? $1 : $0 + $1) },
        .elementwise([
          .slope { Self.share($0.x[1], below: $0.x[0]) },
          .slope { Self.share($0.x[0], below: $0.x[1]) },
        ]), kinkAtEquality: true)
    case .chainProduct:
      BinaryRow(
        "chainProduct", { $0 == 0 || $1 == 0 ? 0 : $0 * $1 },
        .elementwise([.singular { $0.x[1] }, .singular { $0.x[0] }]))
    case .binaryCrossEntropy:
      BinaryRow(
        "binaryCrossEntropy",
        { x, y in ((x > 0 ? x : 0) - x * y) + m.log1p(m.exp(-x.magnitude)) },
        .elementwise([
          .slope { Self.residual(logits: $0.x[0], targets: $0.x[1]) }, .slope { -$0.x[0] },
        ]),
        on: (-4...4, 0...1))
    case .equal: BinaryRow("equal", { $0 == $1 ? 1 : 0 }, .none, kinkAtEquality: true)
    case .notEqual: BinaryRow("notEqual", { $0 != $1 ? 1 : 0 }, .none, kinkAtEquality: true)
    case .less: BinaryRow("less", { $0 < $1 ? 1 : 0 }, .none, kinkAtEquality: true)
    case .lessEqual: BinaryRow("lessEqual", { $0 <= $1 ? 1 : 0 }, .none, kinkAtEquality: true)
    case .greater: BinaryRow("greater", { $0 > $1 ? 1 : 0 }, .none, kinkAtEquality: true)
    case .greaterEqual:
      BinaryRow("greaterEqual", { $0 >= $1 ? 1 : 0 }, .none, kinkAtEquality: true)
    case .and: BinaryRow("and", { $0 * $1 }, .none)
    case .or: BinaryRow("or", { $0 > $1 ? $0 : $1 }, .none)
    }
  }

  /// σ(x) − y as (1 − y) σ(x) − y σ(−x): for a target of 1 the difference of σ(x) and 1 has no digits
  /// left where the network is right, and −σ(−x) has all of them.
  private static func residual(logits x: Tensor, targets y: Tensor) -> Tensor {
    (1 - y) * EbbGraph.sigmoid(x) - y * EbbGraph.sigmoid(-x)
  }

  /// 1 where a < b, one half where they are equal, otherwise 0: the derivative of min(a, b) by a.
  private static func share(_ a: Tensor, below b: Tensor) -> Tensor {
    EbbGraph.float(a .< b) + 0.5 * EbbGraph.float(a .== b)
  }

  var samples: [OperationSample] {
    let row = row(.platform)
    let operands: [SampleOperand] =
      self == .and || self == .or
      ? [.mask([2, 3]), .mask([2, 3])]
      : [.numbers([2, 3], in: row.samples.0), .numbers([2, 3], in: row.samples.1)]
    return [OperationSample(.binary(self), operands, apart: row.kinkAtEquality)]
  }

  private var isComparison: Bool {
    switch self {
    case .equal, .notEqual, .less, .lessEqual, .greater, .greaterEqual: true
    default: false
    }
  }

  func result(of operands: [OperandType]) throws -> OperandType {
    try expectCount(operands, 2)
    try expect(
      operands[0].shape == operands[1].shape,
      "shapes \(operands[0].shape) and \(operands[1].shape) do not fit")
    let operandType: ElementType = self == .and || self == .or ? .mask : .float
    for operand in operands { try expectType(operand, operandType, "each operand") }
    return OperandType(shape: operands[0].shape, type: isComparison ? .mask : operandType)
  }
}

extension Tensor {
  /// Broadcasts both operands to their common shape and applies the operation.
  fileprivate static func apply(_ operation: Binary, _ a: Tensor, _ b: Tensor) -> Tensor {
    guard let shape = Shape.broadcast(a.shape, b.shape) else {
      return a.builder.fail(
        operation.rawValue,
        "shapes \(a.shape) and \(b.shape) do not fit: aligned at the last axis, extents must be"
          + " equal or 1", a.shape)
    }
    return a.builder.add(.binary(operation), [a.expanded(to: shape), b.expanded(to: shape)])
  }

  /// a + b.
  public static func + (a: Tensor, b: Tensor) -> Tensor { apply(.add, a, b) }
  /// a − b.
  public static func - (a: Tensor, b: Tensor) -> Tensor { apply(.subtract, a, b) }
  /// a · b, element by element.
  public static func * (a: Tensor, b: Tensor) -> Tensor { apply(.multiply, a, b) }
  /// a / b, element by element.
  public static func / (a: Tensor, b: Tensor) -> Tensor { apply(.divide, a, b) }
  /// True where a = b.
  public static func .== (a: Tensor, b: Tensor) -> Tensor { apply(.equal, a, b) }
  /// True where a ≠ b.
  public static func .!= (a: Tensor, b: Tensor) -> Tensor { apply(.notEqual, a, b) }
  /// True where a < b.
  public static func .< (a: Tensor, b: Tensor) -> Tensor { apply(.less, a, b) }
  /// True where a ≤ b.
  public static func .<= (a: Tensor, b: Tensor) -> Tensor { apply(.lessEqual, a, b) }
  /// True where a > b.
  public static func .> (a: Tensor, b: Tensor) -> Tensor { apply(.greater, a, b) }
  /// True where a ≥ b.
  public static func .>= (a: Tensor, b: Tensor) -> Tensor { apply(.greaterEqual, a, b) }
  /// True where both masks are.
  public static func .& (a: Tensor, b: Tensor) -> Tensor { apply(.and, a, b) }
  /// True where either mask is.
  public static func .| (a: Tensor, b: Tensor) -> Tensor { apply(.or, a, b) }

  /// a + b.
  public static func + (a: Tensor, b: Double) -> Tensor { a + a.constant(b) }
  /// a + b.
  public static func + (a: Double, b: Tensor) -> Tensor { b.constant(a) + b }
  /// a − b.
  public static func - (a: Tensor, b: Double) -> Tensor { a - a.constant(b) }
  /// a − b.
  public static func - (a: Double, b: Tensor) -> Tensor { b.constant(a) - b }
  /// a · b.
  public static func * (a: Tensor, b: Double) -> Tensor { a * a.constant(b) }
  /// a · b.
  public static func * (a: Double, b: Tensor) -> Tensor { b.constant(a) * b }
  /// a / b.
  public static func / (a: Tensor, b: Double) -> Tensor { a / a.constant(b) }
  /// a / b.
  public static func / (a: Double, b: Tensor) -> Tensor { b.constant(a) / b }
  /// True where a = b.
  public static func .== (a: Tensor, b: Double) -> Tensor { a .== a.constant(b) }
  /// True where a < b.
  public static func .< (a: Tensor, b: Double) -> Tensor { a .< a.constant(b) }
  /// True where a ≤ b.
  public static func .<= (a: Tensor, b: Double) -> Tensor { a .<= a.constant(b) }
  /// True where a > b.
  public static func .> (a: Tensor, b: Double) -> Tensor { a .> a.constant(b) }
  /// True where a ≥ b.
  public static func .>= (a: Tensor, b: Double) -> Tensor { a .>= a.constant(b) }
}

/// x^y; derivatives y · x^(y−1) and x^y · log x (0 where x ≤ 0: the exponent is then taken as fixed).
public func power(_ x: Tensor, _ y: Tensor) -> Tensor { .apply(.power, x, y) }
/// x^y for a fixed exponent.
public func power(_ x: Tensor, _ y: Double) -> Tensor { power(x, x.constant(y)) }
/// The smaller of two numbers; where they are equal each gets half the gradient.
public func minimum(_ a: Tensor, _ b: Tensor) -> Tensor { .apply(.minimum, a, b) }
/// The smaller of two numbers; where they are equal each gets half the gradient.
public func minimum(_ a: Tensor, _ b: Double) -> Tensor { minimum(a, a.constant(b)) }
/// The larger of two numbers; where they are equal each gets half the gradient.
public func maximum(_ a: Tensor, _ b: Tensor) -> Tensor { .apply(.maximum, a, b) }
/// The larger of two numbers; where they are equal each gets half the gradient.
public func maximum(_ a: Tensor, _ b: Double) -> Tensor { maximum(a, a.constant(b)) }
/// a · b, but 0 where either factor is 0, even if the other is infinite or NaN: how a cotangent
/// meets a local derivative that may be infinite. Its derivative is the same product, so second
/// derivatives stay right.
public func chainProduct(_ a: Tensor, _ b: Tensor) -> Tensor { .apply(.chainProduct, a, b) }
/// −y log σ(x) − (1 − y) log(1 − σ(x)) for logits x and targets y in 0...1, computed as
/// max(x, 0) − xy + log(1 + e^−|x|); derivative σ(x) − y, computed as (1 − y) σ(x) − y σ(−x).
public func binaryCrossEntropy(logits x: Tensor, targets y: Tensor) -> Tensor {
  .apply(.binaryCrossEntropy, x, y)
}
