#if canImport(Glibc)
  private import Glibc
#elseif canImport(Musl)
  private import Musl
#elseif canImport(Darwin)
  private import Darwin
#endif

/// A scalar that the interpreter computes in: Float or Double.
public protocol Real: BinaryFloatingPoint, Sendable where RawSignificand: FixedWidthInteger {}
extension Float: Real {}
extension Double: Real {}

/// The functions that have no exact value, which an interpreter is given.
///
/// In Double they are the platform's; in Float the kernels' own, so that the interpreter and the
/// executor give the same bits.
public struct ElementaryFunctions<Scalar: Real>: Sendable {
  let exp: @Sendable (Scalar) -> Scalar
  let expm1: @Sendable (Scalar) -> Scalar
  let log: @Sendable (Scalar) -> Scalar
  let log1p: @Sendable (Scalar) -> Scalar
  let sin: @Sendable (Scalar) -> Scalar
  let cos: @Sendable (Scalar) -> Scalar
  let atan: @Sendable (Scalar) -> Scalar
  let tanh: @Sendable (Scalar) -> Scalar
  let sigmoid: @Sendable (Scalar) -> Scalar
  let softplus: @Sendable (Scalar) -> Scalar
  let erf: @Sendable (Scalar) -> Scalar
  let normalCDF: @Sendable (Scalar) -> Scalar
  let normalDensity: @Sendable (Scalar) -> Scalar
  let power: @Sendable (Scalar, Scalar) -> Scalar

  /// Functions from elsewhere.
  package init(
    unary: @escaping @Sendable (Unary) -> @Sendable (Scalar) -> Scalar,
    power: @escaping @Sendable (Scalar, Scalar) -> Scalar
  ) {
    exp = unary(.exp)
    expm1 = unary(.expm1)
    log = unary(.log)
    log1p = unary(.log1p)
    sin = unary(.sin)
    cos = unary(.cos)
    atan = unary(.atan)
    tanh = unary(.tanh)
    sigmoid = unary(.sigmoid)
    softplus = unary(.softplus)
    erf = unary(.erf)
    normalCDF = unary(.normalCDF)
    normalDensity = unary(.normalDensity)
    self.power = power
  }
}

extension ElementaryFunctions<Double> {
  /// The platform's functions in double precision.
  public static let platform = ElementaryFunctions(
    unary: platformFunction, power: { platformPower($0, $1) })
}

private func platformPower(_ x: Double, _ y: Double) -> Double { pow(x, y) }

private func platformFunction(_ operation: Unary) -> @Sendable (Double) -> Double {
  switch operation {
  case .exp: { exp($0) }
  case .expm1: { expm1($0) }
  case .log: { log($0) }
  case .log1p: { log1p($0) }
  case .sin: { sin($0) }
  case .cos: { cos($0) }
  case .atan: { atan($0) }
  case .tanh: { tanh($0) }
  case .erf: { erf($0) }
  case .normalCDF: { 0.5 * erfc(-0.7071067811865476 * $0) }
  case .normalDensity: { 0.3989422804014327 * exp(-0.5 * $0 * $0) }
  case .sigmoid:
    { x in
      let e = exp(-x.magnitude)
      return x >= 0 ? 1 / (1 + e) : e / (1 + e)
    }
  case .softplus: { x in (x > 0 ? x : 0) + log1p(exp(-x.magnitude)) }
  case .negate, .abs, .sign, .reciprocal, .sqrt, .rsqrt, .relu, .not, .float, .stopGradient: { $0 }
  }
}
