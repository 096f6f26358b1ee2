import Ebb
import EbbGraph
import Testing

/// Losses against plain loops in Double, and made wrong on purpose: the part of the gradient protocol
/// that `swift test -c release --filter Protocol` runs for them.
@Suite struct ProtocolLosses {
  /// The largest error allowed, relative to 1 + |expected|; a mutant's must be larger.
  static let gate = 1e-13

  /// How a loss's mutants fared.
  struct Count {
    var worst = 0.0
    var caught: [String] = []
    var missed: [String] = []
    /// Mutants that are no faults: they give the same results on other data as well (a factor of 1
    /// left out).
    var same: [String] = []

    /// Tries each mutant of a graph.
    ///
    /// - Parameters:
    ///   - error: a graph's error on the data of the reference.
    ///   - others: its errors on other data.
    mutating func add(
      _ graph: Graph, prefix: String, error: (Graph) throws -> Double,
      others: [(Graph) throws -> Double]
    ) throws {
      worst = max(worst, try error(graph))
      for mutant in try graph.mutants() {
        let name = "\(prefix)\(mutant.name)"
        if try error(mutant.graph) >= gate {
          caught.append(name)
        } else if try others.allSatisfy({ try $0(mutant.graph) < gate }) {
          same.append(name)
        } else {
          missed.append(name)
        }
      }
    }
  }

  /// The losses of rows, then those of rows joined with class weights and ignored labels.
  static func counts() throws -> [(name: String, count: Count)] {
    var result: [(String, Count)] = []
    for loss in LossTests.all {
      var count = Count()
      for width in [2, 5] {
        let example = LossTests.Example(loss, rows: 24, outputs: width)
        let others = [0.7, 1.9, 2.6].map {
          LossTests.Example(loss, rows: 24, outputs: width, phase: $0)
        }
        try count.add(
          try LossTests.graph(loss, outputs: [24, width]), prefix: "\(width) outputs ",
          error: example.difference, others: others.map { $0.difference })
      }
      result.append((loss.spelling, count))
    }
    for smoothing in [0, 0.2] {
      var count = Count()
      func example(_ phase: Double) -> JoinedLossExample {
        JoinedLossExample(
          rows: 7, classes: 3, smoothing: smoothing, classWeights: [0.5, 1.25, 2], phase: phase,
          ignored: { $0 % 3 == 1 })
      }
      try count.add(
        try example(0.3).graph, prefix: "", error: example(0.3).difference,
        others: [0.7, 1.9, 2.6].map { example($0).difference })
      result.append((smoothing == 0 ? "joined" : "joined, smoothed", count))
    }
    return result
  }

  @Test("Losses and gradients equal plain loops, and every mutant is caught")
  func equalLoopsAndMutantsAreCaught() throws {
    let counts = try Self.counts()
    var report = ["loss                           worst error   mutants   caught   (no faults)"]
    for (name, count) in counts {
      report.append(
        row(
          name, count.worst, made: count.caught.count + count.missed.count,
          killed: count.caught.count) + "   (\(count.same.count))")
      #expect(count.worst < Self.gate, "\(name)")
      #expect(count.missed.isEmpty, "\(name): \(count.missed)")
      #expect(count.caught.count >= 6 && count.same.count * 4 <= count.caught.count, "\(name)")
    }
    let all = counts.map(\.count)
    report.append(
      row(
        "all, gate \(Self.gate)", all.map(\.worst).max() ?? .infinity,
        made: all.map { $0.caught.count + $0.missed.count }.reduce(0, +),
        killed: all.map(\.caught.count).reduce(0, +)))
    report.append("caught mutants, by loss:")
    for (name, count) in counts {
      report.append("  \(name): \(count.caught.joined(separator: "; "))")
      if !count.same.isEmpty {
        report.append("    no faults: \(count.same.joined(separator: "; "))")
      }
    }
    // At once, so that no other suite's lines come between.
    print(report.joined(separator: "\n"))
  }
}
