import EbbGraph
import Testing

/// The protocol's own tests: each kind of law fails where something is wrong.
@Suite("Protocol: planted faults") struct ProtocolFaultTests {
  /// The rule of one operation, made twice as large.
  private func doubled(_ wrong: Op) -> (Op) -> DerivativeRule {
    { op in
      guard op == wrong else { return op.rule }
      return .custom(
        vjp: { at, dy, slot in op.rule.contribution(at: at, dy: dy, slot: slot).map { $0 * 2 } },
        jvp: { at, dx in op.rule.tangent(of: op, at: at, dx: dx).map { $0 * 2 } })
    }
  }

  @Test("a wrong rule in random graphs is found, and the graph is shrunk to little more than it")
  func shrinking() throws {
    let rules = doubled(.unary(.sigmoid))
    let failing = try RandomGraphLaw.seeds.prefix(100).lazy.map { RandomGraph(seed: $0) }
      .first { try !($0.error(rules: rules) <= 1e-6) }
    let graph = try #require(failing)
    let small = try graph.shrunk { try !($0.error(rules: rules) <= 1e-6) }
    #expect(small.steps.count == 1, "\(small)")
    #expect(small.steps.contains { $0.step == .sigmoid })
    #expect("\(small)".hasPrefix("seed \(graph.seed): %2 = sigmoid("))
  }

  @Test("Float functions with ten roundings' error are beyond the derived bound")
  func rough() throws {
    let rounded = FloatLaw.rounded
    let rough = ElementaryFunctions<Float>(
      unary: { operation in
        { operation.row(rounded).value($0) * (operation == .sigmoid ? 1.0000012 : 1) }
      }, power: { Binary.power.row(rounded).value($0, $1) })
    let findings = try FloatLaw.float(rough)
    let beyond = findings.filter { $0.error > 1 }
    #expect(!beyond.isEmpty)
    // softplus' slope is a sigmoid.
    #expect(
      Set(beyond.map(\.operation)).isSubset(of: ["sigmoid", "softplus", "binaryCrossEntropy"]))
  }

  @Test("a law that did not run stands in the table as not run") func missing() {
    let empty = ProtocolTable(ProtocolRecord.Content())
    #expect(empty.missing.count == Law.allCases.count + Mutant.Kind.allCases.count)
    #expect(empty.text.contains("not run"))
    var content = ProtocolRecord.Content()
    content.findings[.second] = [Finding(operation: "exp", error: 0, what: "")]
    let one = ProtocolTable(content)
    #expect(one.missing.contains("second of log") && !one.missing.contains("second of exp"))
    #expect(!one.missing.contains("second of equal"), "no derivative, no law")
  }
}
