import EbbGraph
import Synchronization

/// The laws of the protocol; each is one function over the table of cases.
enum Law: String, CaseIterable {
  case shape, difference, jacobian, exact, adjoint, second, float, again, kinks, random

  /// What the law says.
  var statement: String {
    switch self {
    case .shape: "the shape rule gives the shape of the value"
    case .difference: "forward and reverse mode equal a 4-point difference"
    case .jacobian: "the whole Jacobian, column by column, row by row"
    case .exact: "linear: equal on integers; bilinear: with step 1"
    case .adjoint: "<v, J u> = <J'v, u>; linear: exactly"
    case .second: "the gradient's gradient and tangent, by differences"
    case .float: "Float against Double, in units of the derived bound"
    case .again: "traced and run twice: the same bits"
    case .kinks: "replayed at and beside kinks: the documented value"
    case .random: "random graphs with fan-out: differences, forward mode"
    }
  }

  /// The largest error allowed; what it is relative to stands at the law's function.
  var gate: Double {
    switch self {
    case .shape, .again: 0
    case .difference, .jacobian, .kinks, .random: 1e-9
    case .second: 1e-8
    case .exact: 1e-13
    case .adjoint: 1e-12
    case .float: 1
    }
  }

  /// Whether the law says something about an operation.
  func applies(to op: Op) -> Bool {
    switch self {
    case .shape: return true
    case .difference, .jacobian, .adjoint, .second, .float, .again:
      if case .none = op.rule { return false }
      return true
    case .exact: return op.isLinear || op.isBilinear
    case .kinks:
      return KinkLaw.kinked.contains { $0.op.name == op.name }
    case .random: return false
    }
  }
}

extension Op {
  /// Whether the result is linear in all operands together.
  var isLinear: Bool {
    if case .linear = rule { return true }
    return false
  }

  /// Whether the result is linear in each operand of two.
  var isBilinear: Bool {
    if case .multilinear = rule { return true }
    return self == .binary(.multiply) || self == .binary(.chainProduct)
  }
}

/// What one case of one law measured.
struct Finding {
  let operation: String
  let error: Double
  let what: String
}

/// A rule made wrong, and whether the checks caught it.
struct Mutant {
  enum Kind: String, CaseIterable { case reverse, forward, edited }
  let operation: String
  let kind: Kind
  let name: String
  let killed: Bool
}

/// What ran, for the table; filled from tests on any thread.
final class ProtocolRecord: Sendable {
  static let shared = ProtocolRecord()

  struct Content {
    var findings: [Law: [Finding]] = [:]
    var mutants: [Mutant] = []
  }

  private let content = Mutex(Content())

  func add(_ findings: [Finding], of law: Law) {
    content.withLock { $0.findings[law, default: []] += findings }
  }

  func add(_ mutants: [Mutant]) { content.withLock { $0.mutants += mutants } }

  var all: Content { content.withLock { $0 } }
}
