import EbbGraph

/// At a kink and beside it, the function replayed on the recorded side has the derivative that the
/// rule states: what the documentation promises where no difference of the true function exists.
enum KinkLaw {
  /// Every operation with kinks, from the rows.
  static let kinked = Op.samples.filter {
    guard !$0.kinks.isEmpty || $0.apart, Trial($0).hasDerivative else { return false }
    return $0.op.family != .indexing
  }

  static func kinks() throws -> [Finding] {
    try kinked.flatMap { sample in
      try (1...6 as ClosedRange<UInt64>).map { seed in
        // Of numbers −1, 0 and 1 most are at a kink; the odd seeds keep away from it.
        let trial = Trial(sample, seed: seed, wholeNumbers: seed % 2 == 0 ? -1...1 : nil)
        return Finding(
          operation: sample.op.name, error: try error(trial, seed: seed),
          what: "\(sample), seed \(seed)")
      }
    }
  }

  private static func error(_ trial: Trial, seed: UInt64) throws -> Double {
    let derivatives = try trial.derivatives()
    var draw = Draw(seed: seed + 400)
    let v = draw.array(try trial.resultShape())
    var worst = 0.0
    for u in [trial.direction(&draw)] + trial.basis {
      let recorded = try derivatives.recording(
        trial.inputs(along: u, ["v": v]), indices: trial.indices)
      func run(_ step: Double) throws -> [Interpreter<Double>.Value] {
        try derivatives.replaying(
          recorded.branches, trial.inputs(along: u, by: step, ["v": v]), indices: trial.indices
        ).values
      }
      // At the recorded point nothing changes.
      if try run(0) != recorded.values { return .infinity }
      let slope = try difference { try DerivativeLaws.finite(numbers(run($0))[0]) }
      let at = numbers(recorded.values)
      let along = NDArray(scalar: v.dot(slope))
      worst = max(worst, at[1].distance(to: slope), at[2].distance(to: along))
    }
    return worst
  }
}
