import Ebb
import EbbSystem

/// The optimizers that the benchmark knows.
enum BenchOptimizer: String, CaseIterable {
  case sgd, adam

  var choice: OptimizerChoice { self == .sgd ? .sgd : .adam }
}

/// Widths of all layers: `784-128-10`.
struct BenchWidths: Sendable, Equatable, CustomStringConvertible {
  var widths: [Int]

  init(_ widths: [Int]) { self.widths = widths }

  init(parsing text: String) throws {
    widths = try text.split(separator: "-", omittingEmptySubsequences: false).map { part in
      guard case .value(let width) = NumberParser.integer(part), (1...1_000_000).contains(width)
      else { throw FlagError("expected widths of at least 1, such as 784-128-10") }
      return Int(width)
    }
    guard widths.count >= 2 else {
      throw FlagError("expected at least inputs and classes, such as 784-128-10")
    }
  }

  var description: String { widths.map(String.init).joined(separator: "-") }
}

/// One or several numbers of threads: `2`, or `1,2`.
struct BenchThreads: Sendable, Equatable, CustomStringConvertible {
  /// Never empty.
  let counts: [Int]

  init(_ counts: [Int]) { self.counts = counts }

  init(parsing text: String) throws {
    counts = try text.split(separator: ",", omittingEmptySubsequences: false).map {
      try FlagValue.threads(String($0))
    }
  }

  var description: String { counts.map(String.init).joined(separator: ",") }
}
