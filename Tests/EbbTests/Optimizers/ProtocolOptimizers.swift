import Ebb
import EbbGraph
import Foundation
import Testing

/// Optimizers against PyTorch's over 1,000 steps, and made wrong on purpose: the part of the gradient
/// protocol that `swift test -c release --filter Protocol` runs for them.
@Suite struct ProtocolOptimizers {
  /// The largest error allowed, relative to 1 + |expected|; a mutant's must be larger. 1e-9 would do
  /// for the trajectories, but not to tell that Adagrad's ε of 1e-10 has the wrong sign.
  static let gate = 1e-12

  @Test("Trajectories over 1,000 steps equal PyTorch's, and every mutant is caught")
  func equalsPyTorchAndMutantsAreCaught() throws {
    let file = try Reference(file: "optimizers")
    let problem = try OptimizerProblem(file)
    #expect(problem.kept.last == 1000)
    var (worst, made, killed) = (0.0, 0, 0)
    var kinds: Set<String> = []
    var lists: [String] = []
    var report = ["optimizer                      worst error   mutants   caught"]
    for reference in try file["cases"].list {
      let item = try OptimizerCase(reference)
      kinds.insert(type(of: item.optimizer).kind)
      let graph = try OptimizerTests.graph(item.optimizer, count: problem.initial.count)
      var isSame = true
      let own = try item.error(graph, problem, gate: .infinity, isSame: &isSame)
      #expect(own < Self.gate, "\(item.name)")
      worst = max(worst, own)
      var (caught, missed): ([String], [String]) = ([], [])
      for mutant in try graph.mutants() {
        let error = try item.error(mutant.graph, problem, gate: Self.gate, isSame: &isSame)
        if error < Self.gate { missed.append(mutant.name) } else { caught.append(mutant.name) }
      }
      for fault in OptimizerCase.ScalarFault.all(of: item.optimizer) {
        let error = try item.error(graph, problem, gate: Self.gate, fault: fault, isSame: &isSame)
        // What is constant from step to step is not changed by taking another step's.
        if isSame && error < Self.gate { continue }
        if error < Self.gate { missed.append(fault.name) } else { caught.append(fault.name) }
      }
      let count = caught.count + missed.count
      (made, killed) = (made + count, killed + caught.count)
      report.append(
        row(item.name, own, made: count, killed: caught.count)
          + (missed.isEmpty ? "" : "   missed: \(missed.joined(separator: "; "))"))
      lists.append("\(item.name): \(caught.joined(separator: "; "))")
      #expect(missed.isEmpty, "\(item.name)")
      #expect(caught.count >= 4, "\(item.name)")
    }
    report.append(row("all, gate \(Self.gate)", worst, made: made, killed: killed))
    report.append("caught mutants, by optimizer:")
    report += lists.map { "  \($0)" }
    report.append(
      "reference \(try file["source"].text), optimizers: \(lists.count) cases of 1000 steps,"
        + " gate \(Self.gate), worst \(worst)")
    let lacking = try file["leftOut"].list.map { try $0.text }
    report.append("  PyTorch's options that Ebb lacks: \(lacking.joined(separator: ", "))")
    // At once, so that no other suite's lines come between.
    print(report.joined(separator: "\n"))
    #expect(kinds == Set(OptimizerChoice.standardOptimizers.map { $0.kind }))
  }
}

/// A line of a protocol's table.
func row(_ name: String, _ error: Double, made: Int, killed: Int) -> String {
  func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }
  let digits = error == 0 ? "0" : String(format: "%.1e", error)
  let left = name + String(repeating: " ", count: max(0, 31 - name.count))
  return left + right(digits, 11) + right("\(made)", 10) + right("\(killed)", 9)
}
