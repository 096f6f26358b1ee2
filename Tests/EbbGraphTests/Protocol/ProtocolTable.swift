import EbbGraph
import Foundation

/// What ran, as plain text of at most 100 columns.
struct ProtocolTable {
  private let content: ProtocolRecord.Content
  private let operations: [(name: String, op: Op)]

  init(_ content: ProtocolRecord.Content) {
    self.content = content
    var seen: Set<String> = []
    operations = Op.samples.filter { seen.insert($0.op.name).inserted }.map { ($0.op.name, $0.op) }
  }

  /// What should have run and did not: laws, and laws of single operations.
  var missing: [String] {
    Law.allCases.flatMap { law -> [String] in
      guard let findings = content.findings[law], !findings.isEmpty else { return [law.rawValue] }
      let found = Set(findings.map(\.operation))
      return operations.filter { law.applies(to: $0.op) && !found.contains($0.name) }
        .map { "\(law.rawValue) of \($0.name)" }
    }
      + Mutant.Kind.allCases.filter { kind in !content.mutants.contains { $0.kind == kind } }
      .map { "mutants: \($0.rawValue)" }
  }

  var text: String {
    ([
      "THE PROTOCOL", "", laws, "",
      "Worst error of each operation. A point: the law says nothing about it.", "", matrix, "",
      "Wrong rules by operation, all of them; r: reverse mode, f: forward mode, e: an edit of the",
      "derivative's own graph. Survivors stand in capitals.", "",
    ] + mutants).joined(separator: "\n")
  }

  /// One line for each law.
  private var laws: String {
    let head =
      pad("law", 12) + left("cases", 7) + left("worst", 9) + left("gate", 8) + "  what it says"
    let lines = Law.allCases.map { law -> String in
      guard let findings = content.findings[law], let worst = findings.map(\.error).max() else {
        return pad(law.rawValue, 12) + left("not run", 24) + "  " + law.statement
      }
      return pad(law.rawValue, 12) + left("\(findings.count)", 7) + left(Self.short(worst), 9)
        + left(Self.short(law.gate), 8) + "  " + law.statement
    }
    let made = content.mutants.count
    let killed = content.mutants.count { $0.killed }
    let total =
      made == 0 ? "mutants     not run" : "mutants     \(killed) killed of \(made) wrong rules"
    return ([head] + lines + [total]).joined(separator: "\n")
  }

  /// Operations by laws.
  private var matrix: String {
    let columns = Law.allCases.filter { $0 != .random }
    let head =
      pad("operation", 19) + columns.map { left(String($0.rawValue.prefix(7)), 8) }.joined()
      + left("mutants", 8)
    let lines = operations.map { name, op -> String in
      let cells = columns.map { law -> String in
        let errors = (content.findings[law] ?? []).filter { $0.operation == name }.map(\.error)
        guard let worst = errors.max() else { return law.applies(to: op) ? "not run" : "." }
        return Self.short(worst)
      }
      let own = content.mutants.filter { $0.operation == name }
      let killed = own.count { $0.killed }
      return pad(String(name.prefix(18)), 19) + cells.map { left($0, 8) }.joined()
        + left(own.isEmpty ? "." : "\(killed)/\(own.count)", 8)
    }
    return ([head] + lines).joined(separator: "\n")
  }

  /// The list of mutants, grouped by operation and wrapped.
  private var mutants: [String] {
    operations.flatMap { name, _ -> [String] in
      let own = content.mutants.filter { $0.operation == name }
      guard !own.isEmpty else { return [] }
      var lines = [pad(name, 22)]
      for mutant in own {
        let kind = mutant.kind.rawValue.prefix(1)
        let word = "\(kind) " + (mutant.killed ? mutant.name : mutant.name.uppercased()) + ";"
        if lines[lines.count - 1].count + word.count + 1 > 100 { lines.append(pad("", 22)) }
        lines[lines.count - 1] += " " + word
      }
      return lines
    }
  }

  private func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: Swift.max(0, width - text.count))
  }

  private func left(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: Swift.max(0, width - text.count)) + text
  }

  private static func short(_ error: Double) -> String {
    if error == 0 { return "0" }
    return error >= 0.01 && error < 100
      ? String(format: "%.2f", error) : String(format: "%.0e", error)
  }
}
