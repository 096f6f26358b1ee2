/// Elementwise operations on one operand.
public enum Unary: String, CaseIterable, Hashable, Sendable {
  case negate, abs, sign, reciprocal, sqrt, rsqrt
  case exp, expm1, log, log1p, sin, cos, atan
  case tanh, sigmoid, softplus, erf, normalCDF, normalDensity, relu
  case not, float, stopGradient
}

/// All that is to say about an elementwise operation of one operand.
package struct UnaryRow<Scalar: Real> {
  package let name: String
  package let value: (Scalar) -> Scalar
  package let rule: DerivativeRule
  /// Where tests sample the operand.
  package let samples: ClosedRange<Double>
  /// Where the operation has no derivative.
  package let kinks: [Double]

  init(
    _ name: String, _ value: @escaping (Scalar) -> Scalar, _ rule: DerivativeRule,
    on samples: ClosedRange<Double> = -2...2, kinks: [Double] = []
  ) {
    self.name = name
    self.value = value
    self.rule = rule
    self.samples = samples
    self.kinks = kinks
  }

  /// A row whose derivative is an expression in the operand x and the result y.
  init(
    _ name: String, _ value: @escaping (Scalar) -> Scalar,
    slope: @escaping (_ x: Tensor, _ y: Tensor) -> Tensor,
    on samples: ClosedRange<Double> = -2...2, kinks: [Double] = []
  ) {
    let derivative = LocalDerivative.slope { slope($0.x[0], $0.y) }
    self.init(name, value, .elementwise([derivative]), on: samples, kinks: kinks)
  }

  /// A row whose derivative can be infinite or undefined.
  init(
    _ name: String, _ value: @escaping (Scalar) -> Scalar,
    singular: @escaping (_ x: Tensor, _ y: Tensor) -> Tensor,
    on samples: ClosedRange<Double> = -2...2
  ) {
    let derivative = LocalDerivative.singular { singular($0.x[0], $0.y) }
    self.init(name, value, .elementwise([derivative]), on: samples, kinks: [])
  }
}

extension Unary {
  /// The operation's row: name, value, derivative, samples, kinks.
  package func row<S: Real>(_ m: ElementaryFunctions<S>) -> UnaryRow<S> {
    switch self {
    case .negate: UnaryRow("negate", { -$0 }, .linear { _, dy, _ in -dy })
    case .abs: UnaryRow("abs", { $0.magnitude }, slope: { x, _ in EbbGraph.sign(x) }, kinks: [0])
    case .sign:
      UnaryRow("sign", { $0 > 0 ? 1 : $0 < 0 ? -1 : $0 == 0 ? 0 : $0 }, .none, kinks: [0])
    case .reciprocal:
      UnaryRow(
        "reciprocal", { 1 / $0 }, singular: { _, y in -EbbGraph.chainProduct(y, y) }, on: 0.3...3)
    case .sqrt:
      UnaryRow("sqrt", { $0.squareRoot() }, singular: { _, y in 0.5 / y }, on: 0.2...3)
    case .rsqrt:
      UnaryRow(
        "rsqrt", { 1 / $0.squareRoot() }, singular: { x, y in -0.5 * y / x }, on: 0.3...3)
    case .exp: UnaryRow("exp", m.exp, singular: { _, y in y })
    case .expm1: UnaryRow("expm1", m.expm1, singular: { x, _ in EbbGraph.exp(x) })
    case .log: UnaryRow("log", m.log, singular: { x, _ in EbbGraph.reciprocal(x) }, on: 0.2...4)
    case .log1p:
      UnaryRow("log1p", m.log1p, singular: { x, _ in EbbGraph.reciprocal(1 + x) }, on: -0.7...3)
    case .sin: UnaryRow("sin", m.sin, slope: { x, _ in EbbGraph.cos(x) })
    case .cos: UnaryRow("cos", m.cos, slope: { x, _ in -EbbGraph.sin(x) })
    case .atan: UnaryRow("atan", m.atan, slope: { x, _ in EbbGraph.reciprocal(1 + x * x) })
    case .tanh: UnaryRow("tanh", m.tanh, slope: { _, y in 1 - y * y })
    case .sigmoid: UnaryRow("sigmoid", m.sigmoid, slope: { _, y in y * (1 - y) })
    case .softplus: UnaryRow("softplus", m.softplus, slope: { x, _ in EbbGraph.sigmoid(x) })
    case .erf:
      UnaryRow(
        "erf", m.erf, slope: { x, _ in 1.1283791670955126 * EbbGraph.exp(-(x * x)) })
    case .normalCDF:
      UnaryRow("normalCDF", m.normalCDF, slope: { x, _ in EbbGraph.normalDensity(x) })
    case .normalDensity:
      UnaryRow("normalDensity", m.normalDensity, slope: { x, y in -(x * y) })
    case .relu:
      UnaryRow(
        "relu", { $0 <= 0 ? 0 : $0 }, slope: { _, y in EbbGraph.float(y .> 0) }, kinks: [0])
    case .not: UnaryRow("not", { 1 - $0 }, .none)
    case .float: UnaryRow("float", { $0 }, .none)
    case .stopGradient: UnaryRow("stopGradient", { $0 }, .none)
    }
  }

  var samples: [OperationSample] {
    let row = row(.platform)
    let operand: SampleOperand =
      self == .not || self == .float ? .mask([2, 3]) : .numbers([2, 3], in: row.samples)
    return [OperationSample(.unary(self), [operand], kinks: row.kinks)]
  }

  func result(of operands: [OperandType]) throws -> OperandType {
    try expectCount(operands, 1)
    switch self {
    case .not:
      try expectType(operands[0], .mask, "the operand")
      return operands[0]
    case .float:
      try expectType(operands[0], .mask, "the operand")
      return OperandType(shape: operands[0].shape)
    default:
      try expectType(operands[0], .float, "the operand")
      return operands[0]
    }
  }
}

extension Tensor {
  private func apply(_ operation: Unary) -> Tensor { builder.add(.unary(operation), [self]) }

  fileprivate static func apply(_ operation: Unary, _ x: Tensor) -> Tensor { x.apply(operation) }

  /// −x.
  public static prefix func - (x: Tensor) -> Tensor { x.apply(.negate) }
  /// 1 − mask: true where the mask is false.
  public static prefix func .! (mask: Tensor) -> Tensor { mask.apply(.not) }
}

/// |x|; derivative sign(x), 0 at 0.
public func abs(_ x: Tensor) -> Tensor { .apply(.abs, x) }
/// −1, 0 or 1; no gradient passes.
public func sign(_ x: Tensor) -> Tensor { .apply(.sign, x) }
/// 1/x; derivative −1/x².
public func reciprocal(_ x: Tensor) -> Tensor { .apply(.reciprocal, x) }
/// √x; derivative 1/(2√x), infinite at 0 (times a zero cotangent: 0).
public func sqrt(_ x: Tensor) -> Tensor { .apply(.sqrt, x) }
/// 1/√x; derivative −1/(2x√x).
public func rsqrt(_ x: Tensor) -> Tensor { .apply(.rsqrt, x) }
/// e^x; derivative e^x.
public func exp(_ x: Tensor) -> Tensor { .apply(.exp, x) }
/// e^x − 1, exact near 0; derivative e^x.
public func expm1(_ x: Tensor) -> Tensor { .apply(.expm1, x) }
/// The natural logarithm; derivative 1/x.
public func log(_ x: Tensor) -> Tensor { .apply(.log, x) }
/// log(1 + x), exact near 0; derivative 1/(1 + x).
public func log1p(_ x: Tensor) -> Tensor { .apply(.log1p, x) }
/// sin x; derivative cos x.
public func sin(_ x: Tensor) -> Tensor { .apply(.sin, x) }
/// cos x; derivative −sin x.
public func cos(_ x: Tensor) -> Tensor { .apply(.cos, x) }
/// The arc tangent; derivative 1/(1 + x²).
public func atan(_ x: Tensor) -> Tensor { .apply(.atan, x) }
/// The hyperbolic tangent; derivative 1 − y².
public func tanh(_ x: Tensor) -> Tensor { .apply(.tanh, x) }
/// 1/(1 + e^−x); derivative y(1 − y).
public func sigmoid(_ x: Tensor) -> Tensor { .apply(.sigmoid, x) }
/// log(1 + e^x), without overflow; derivative sigmoid(x).
public func softplus(_ x: Tensor) -> Tensor { .apply(.softplus, x) }
/// The error function; derivative 2/√π · e^(−x²).
public func erf(_ x: Tensor) -> Tensor { .apply(.erf, x) }
/// Φ(x), the standard normal distribution function; derivative `normalDensity`. Its relative error
/// stays small far out on the left, where (1 + erf(x/√2))/2 loses all digits.
public func normalCDF(_ x: Tensor) -> Tensor { .apply(.normalCDF, x) }
/// φ(x) = e^(−x²/2)/√(2π), the standard normal density; derivative −x φ(x).
public func normalDensity(_ x: Tensor) -> Tensor { .apply(.normalDensity, x) }
/// max(x, 0); derivative 1 for x > 0, otherwise 0 (at 0 too).
public func relu(_ x: Tensor) -> Tensor { .apply(.relu, x) }
/// A mask as the numbers 0 and 1.
public func float(_ mask: Tensor) -> Tensor { .apply(.float, mask) }
/// The value, as if it were constant: no gradient passes.
public func stopGradient(_ x: Tensor) -> Tensor { .apply(.stopGradient, x) }

// Composites: functions of primitives, which need no rule of their own.

/// x for x > 0, otherwise slope · x; derivative at 0 is the slope.
public func leakyReLU(_ x: Tensor, slope: Double = 0.01) -> Tensor {
  select(x .> 0, x, slope * x)
}
/// x for x > 0, otherwise scale · (e^x − 1) (Clevert et al., 2015).
public func elu(_ x: Tensor, scale: Double = 1) -> Tensor {
  select(x .> 0, x, scale * expm1(select(x .> 0, 0, x)))
}
/// x · Φ(x), Φ the standard normal distribution (Hendrycks and Gimpel, 2016), exact form.
public func gelu(_ x: Tensor) -> Tensor { x * normalCDF(x) }
/// log sigmoid(x) as −softplus(−x), finite wherever x is; derivative sigmoid(−x).
public func logSigmoid(_ x: Tensor) -> Tensor { -softplus(-x) }
/// x · sigmoid(x) (Elfwing et al., 2017), also named swish.
public func silu(_ x: Tensor) -> Tensor { x * sigmoid(x) }
