import Ebb
import EbbGraph

/// Ebb's side of the functions in `operations.json`, by name.
struct OperationTable {
  /// A function of operands and indices.
  typealias Body = (_ x: [Tensor], _ at: [Tensor]) -> Tensor

  private(set) var bodies: [String: Body] = [:]
  /// Names that were given twice.
  private(set) var repeated: [String] = []

  init() {
    addUnary()
    addBinary()
    addReductions()
    addProducts()
    addMovements()
    addLosses()
    addCompositions()
  }

  mutating func add(_ name: String, _ body: @escaping Body) {
    if bodies.updateValue(body, forKey: name) != nil { repeated.append(name) }
  }

  mutating func one(_ name: String, _ body: @escaping (Tensor) -> Tensor) {
    add(name) { x, _ in body(x[0]) }
  }

  mutating func two(_ name: String, _ body: @escaping (Tensor, Tensor) -> Tensor) {
    add(name) { x, _ in body(x[0], x[1]) }
  }

  mutating func three(_ name: String, _ body: @escaping (Tensor, Tensor, Tensor) -> Tensor) {
    add(name) { x, _ in body(x[0], x[1], x[2]) }
  }

  /// A function of one operand and one array of indices.
  mutating func indexed(_ name: String, _ body: @escaping (Tensor, Tensor) -> Tensor) {
    add(name) { x, at in body(x[0], at[0]) }
  }

  private mutating func addUnary() {
    one("negate") { -$0 }
    one("abs") { abs($0) }
    one("abs at 0") { abs($0) }
    one("sign") { sign($0) }
    one("reciprocal") { reciprocal($0) }
    one("sqrt") { sqrt($0) }
    one("rsqrt") { rsqrt($0) }
    one("exp") { exp($0) }
    one("expm1") { expm1($0) }
    one("log") { log($0) }
    one("log1p") { log1p($0) }
    one("sin") { sin($0) }
    one("cos") { cos($0) }
    one("tan") { sin($0) / cos($0) }
    one("sinh") { 0.5 * (exp($0) - exp(-$0)) }
    one("cosh") { 0.5 * (exp($0) + exp(-$0)) }
    one("atan") { atan($0) }
    one("tanh") { tanh($0) }
    one("sigmoid") { sigmoid($0) }
    one("sigmoid far out") { sigmoid($0) }
    one("log sigmoid") { -softplus(-$0) }
    one("softplus") { softplus($0) }
    one("softplus far out") { softplus($0) }
    one("erf") { erf($0) }
    one("relu") { relu($0) }
    one("relu at 0") { relu($0) }
    one("leaky relu") { leakyReLU($0) }
    one("leaky relu at 0") { leakyReLU($0) }
    one("elu") { elu($0) }
    one("elu scaled") { elu($0, scale: 0.7) }
    one("gelu") { gelu($0) }
    one("gelu by tanh") { x in
      let inner = 0.7978845608028654 * (x + 0.044715 * (x * x * x))
      return 0.5 * x * (1 + tanh(inner))
    }
    one("silu") { silu($0) }
    one("mish") { $0 * tanh(softplus($0)) }
    one("softsign") { $0 / (1 + abs($0)) }
    one("square") { $0 * $0 }
    one("cube") { power($0, 3) }
    one("power 1.5") { power($0, 1.5) }
    one("power -2") { power($0, -2) }
    one("power 0") { power($0, 0) }
    one("clip") { clip($0, to: -1...0.5) }
    one("clip at its ends") { clip($0, to: -1...1) }
    one("polynomial") { x in
      let cubic = 2 * (x * x * x)
      return cubic - 0.5 * (x * x) + x - 3
    }
  }

  private mutating func addBinary() {
    two("add") { $0 + $1 }
    two("subtract") { $0 - $1 }
    two("multiply") { $0 * $1 }
    two("divide") { $0 / $1 }
    two("power") { power($0, $1) }
    two("minimum") { minimum($0, $1) }
    two("maximum") { maximum($0, $1) }
    two("hypotenuse") { sqrt($0 * $0 + $1 * $1) }
    two("log add exp") { $0 + softplus($1 - $0) }
    two("where") { select($0 .> $1, $0 * $1, $0 - $1) }
    two("minimum at ties") { minimum($0, $1) }
    two("maximum at ties") { maximum($0, $1) }
    three("clip between tensors") { clip($0, $1, $2) }
    three("where of three") { select($0 .<= 0, $1, $2) }
    three("lerp") { $0 + $2 * ($1 - $0) }
  }

  private mutating func addReductions() {
    one("sum") { sum($0) }
    one("sum over 0") { sum($0, axes: [0]) }
    one("sum over 0 and 2") { sum($0, axes: [0, 2]) }
    one("sum over 1, kept") { sum($0, axes: [1], keepingAxes: true) }
    one("sum of nothing") { sum($0, axes: [1]) }
    one("mean") { mean($0) }
    one("mean over 2") { mean($0, axes: [2]) }
    one("mean over 0 and 1, kept") { mean($0, axes: [0, 1], keepingAxes: true) }
    one("product") { product($0) }
    one("product over 1") { product($0, axes: [1]) }
    one("product with zeros") { product($0, axes: [1]) }
    one("max") { max($0) }
    one("max over 1") { max($0, axes: [1]) }
    one("max over 0 and 2") { max($0, axes: [0, 2]) }
    one("max at ties") { max($0, axes: [1]) }
    one("min") { min($0) }
    one("min over 2, kept") { min($0, axes: [2], keepingAxes: true) }
    one("min at ties") { min($0, axes: [1, 2]) }
    one("variance over 2") { Self.variance($0, axes: [2]) }
    one("standard deviation") { sqrt(Self.variance($0, axes: [0, 1, 2])) }
    one("standard deviation over 1") { x in
      let count = Double(x.shape[1])
      return sqrt(Self.variance(x, axes: [1]) * (count / (count - 1)))
    }
    one("norm") { sqrt(sum($0 * $0)) }
    one("norm over 2") { sqrt(sum($0 * $0, axes: [2])) }
    one("absolute norm over 0") { sum(abs($0), axes: [0]) }
    one("norm of power 3") { power(sum(power(abs($0), 3), axes: [1]), 1 / 3) }
    one("log-sum-exp") { logSumExp($0) }
    one("log-sum-exp over 0, kept") { logSumExp($0, axis: 0, keepingAxes: true) }
    one("log-sum-exp far out") { logSumExp($0) }
    one("softmax") { softmax($0) }
    one("softmax over 0") { softmax($0, axis: 0) }
    one("softmax far out") { softmax($0) }
    one("log-softmax") { logSoftmax($0) }
    one("log-softmax over 1") { logSoftmax($0, axis: 1) }
    one("entropy of softmax") { -sum(softmax($0) * logSoftmax($0), axes: [-1]) }
  }

  /// The mean square of the distances from the mean.
  static func variance(_ x: Tensor, axes: [Int], keepingAxes: Bool = false) -> Tensor {
    let distances = x - mean(x, axes: axes, keepingAxes: true)
    return mean(distances * distances, axes: axes, keepingAxes: keepingAxes)
  }
}
