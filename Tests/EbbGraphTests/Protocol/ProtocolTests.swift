import EbbGraph
import Testing

/// Every gradient right, and able to show it: `swift test -c release --filter Protocol` runs all
/// laws over all operations and prints the table of what was found.
///
/// One after the other, and the table last.
@Suite("Protocol", .serialized) struct ProtocolTests {
  /// Gates of their own, each with the reason.
  static let exceptions: [(law: Law, operation: String, gate: Double, reason: String)] = []

  /// Runs a law, keeps what it found for the table, and names every case beyond the gate.
  private func check(_ law: Law, _ run: () throws -> [Finding]) rethrows {
    let findings = try run()
    ProtocolRecord.shared.add(findings, of: law)
    #expect(!findings.isEmpty)
    for finding in findings {
      let exception = Self.exceptions.first {
        $0.law == law && $0.operation == finding.operation
      }
      let gate = exception?.gate ?? law.gate
      // A NaN is no error below the gate.
      #expect(
        finding.error <= gate,
        "\(law.rawValue): \(finding.what): \(finding.error), allowed \(gate)")
    }
  }

  @Test("shapes: the rule's are the values'") func shape() throws {
    try check(.shape, DerivativeLaws.shape)
  }

  @Test("differences along random directions") func difference() throws {
    try check(.difference, DerivativeLaws.differences)
  }

  @Test("whole Jacobians") func jacobian() throws {
    try check(.jacobian, DerivativeLaws.jacobian)
  }

  @Test("linear operations on integers, bilinear ones with step 1") func exact() throws {
    try check(.exact, DerivativeLaws.exact)
  }

  @Test("adjoints") func adjoint() throws { try check(.adjoint, DerivativeLaws.adjoint) }

  @Test("second order") func second() throws { try check(.second, DerivativeLaws.second) }

  @Test("Float gradients against Double ones") func float() throws {
    try check(.float) { try FloatLaw.float() }
  }

  @Test("the same bits again") func again() throws { try check(.again, DerivativeLaws.again) }

  @Test("kinks, by branch replay") func kinks() throws { try check(.kinks, KinkLaw.kinks) }

  @Test("random graphs") func random() throws {
    try check(.random) { try RandomGraphLaw.random() }
  }

  @Test("wrong rules are caught, for every operation") func mutants() throws {
    let mutants = try MutantLaws.reverse() + MutantLaws.forward() + MutantLaws.edits()
    ProtocolRecord.shared.add(mutants)
    for mutant in mutants {
      #expect(mutant.killed, "\(mutant.operation), \(mutant.kind), \(mutant.name): survived")
    }
    let made = Dictionary(grouping: mutants, by: \.kind).mapValues(\.count)
    #expect(made[.reverse, default: 0] >= 170 && made[.edited, default: 0] >= 90, "\(made)")
    #expect(made[.forward] == 3 * MutantLaws.operations.count)
  }

  @Test("the table: everything ran") func table() {
    let table = ProtocolTable(ProtocolRecord.shared.all)
    print(table.text)
    #expect(table.missing.isEmpty, "not run: \(table.missing.joined(separator: ", "))")
    let wide = table.text.split(separator: "\n").filter { $0.count > 100 }
    #expect(wide.isEmpty)
  }
}
