package import EbbGraph
internal import EbbTraining

/// What rounding does to results, measured: every number that an operation rounds is moved at random by
/// a small share of itself, and the results are looked at again.
///
/// A bound from the number of operations would have to know what cancels in them; moved numbers show
/// it. (Known as stochastic arithmetic: J. Vignes, *A stochastic arithmetic for reliable scientific
/// computation*, 1993; D. S. Parker, *Monte Carlo arithmetic*, 1997.) The parameters and features are
/// moved too, so that the rounding of each term of a product counts and not only that of its sum.
/// Operations that only move, choose or compare numbers round nothing and are left alone.
///
/// To rounding in double precision a result itself is blind, so the numbers are moved 2⁹ times as far
/// and what comes of it is divided by 2⁹. What is measured is the size of an error, to a factor of a
/// few: limits that are made from it leave ``certainty``.
package struct RoundingJitter {
  /// The largest share of itself by which a parameter, or what an operation rounds, is moved.
  let size: Double
  /// The same for the inputs that are data.
  let inputSize: Double
  /// How many times as far as rounding would take them the numbers are moved.
  let amplification: Double
  /// The inputs that are data, and so were rounded before they came.
  package var inputs: Set<String> = [NetworkTrace.Port.features]

  /// The trials of a single number, of which one in 10¹⁰ is so lucky that ``certainty`` is not enough.
  package static let roundsOfOne = 8

  /// Rounding to double precision.
  package static let double = RoundingJitter(
    size: 0x1p-44, inputSize: 0x1p-44, amplification: 0x1p9)

  /// What another program that rounds to `unit` may make of the same data: it standardises features in
  /// its own precision, where Ebb's are rounded to single precision.
  package static func foreign(unit: Double) -> RoundingJitter {
    RoundingJitter(size: 2 * unit, inputSize: max(0x1p-24, unit), amplification: 1)
  }
  /// How often a result is looked at again: a single number may be lucky several times.
  package var rounds = 3
  /// How many times as far as measured two numbers may be apart before rounding does not explain it.
  package static let certainty = 16.0

  /// The outputs of a graph in trial after trial, by name.
  ///
  /// - Parameter branches: the decisions (a ReLU's side) that are kept; nil: each trial makes its own.
  package func trials(
    _ interpreter: Interpreter<Double>, _ branches: Branches?,
    _ numbers: [String: NDArray<Double>], indices: [String: NDArray<Int32>] = [:],
    seed: UInt64 = 0, step: UInt64 = 0
  ) throws -> [[String: NDArray<Double>]] {
    try (0..<rounds).map {
      try trial(
        $0, interpreter, branches, numbers, indices: indices, seed: seed, step: step)
    }
  }

  /// The outputs of one trial: each `round` is another, and the same is the same.
  package func trial(
    _ round: Int, _ interpreter: Interpreter<Double>, _ branches: Branches?,
    _ numbers: [String: NDArray<Double>], indices: [String: NDArray<Int32>] = [:],
    seed: UInt64 = 0, step: UInt64 = 0
  ) throws -> [String: NDArray<Double>] {
    func visit(_ id: NodeID, _ value: inout Interpreter<Double>.Value) {
      move(&value, of: id, in: interpreter.graph, round: round)
    }
    let values =
      if let branches {
        try interpreter.replaying(
          branches, numbers, indices: indices, seed: seed, step: step, visit: visit
        ).values
      } else {
        try interpreter.run(numbers, indices: indices, seed: seed, step: step, visit: visit)
      }
    return interpreter.named(values)
  }

  /// Moves what a node of a graph rounds.
  private func move(
    _ value: inout Interpreter<Double>.Value, of id: NodeID, in graph: Graph, round: Int
  ) {
    guard case .numbers(let array) = value, let size = size(for: graph[id].op) else { return }
    let inner = graph[id].op.innerSize
    var random = Philox.words(
      seed: 0, stream: UInt32(truncatingIfNeeded: id.index), step: UInt64(round), block: 0)[0]
    value = .numbers(
      array.map { number in
        random = random &* 1_664_525 &+ 1_013_904_223
        // −1 to 1.
        let share = Double(Int32(bitPattern: random)) * 0x1p-31
        let moved = number + share * size * (number.magnitude + inner)
        return moved.isFinite ? moved : number
      })
  }

  /// How far rounding may take a number, from how far it went when it was moved.
  package func rounding(_ distance: Double) -> Double { distance.magnitude / amplification }

  private func size(for op: Op) -> Double? {
    switch op {
    case .source(.input(let name, _, _)): inputs.contains(name) ? inputSize : nil
    case .source(.parameter): size
    default: op.rounds ? size : nil
    }
  }
}

extension Op {
  /// The size of numbers within the operation that may cancel before its result is rounded: the
  /// logarithm of a sum of exponentials, of which the largest is 1.
  fileprivate var innerSize: Double {
    switch self {
    case .rowwise(.softmaxCrossEntropy), .rowwise(.logSumExp): 1
    default: 0
    }
  }

  /// Whether the result is rounded.
  fileprivate var rounds: Bool {
    switch self {
    case .source: false
    case .unary(let unary):
      switch unary {
      case .negate, .abs, .sign, .relu, .not, .float, .stopGradient: false
      case .reciprocal, .sqrt, .rsqrt, .exp, .expm1, .log, .log1p, .sin, .cos, .atan, .tanh,
        .sigmoid, .softplus, .erf, .normalCDF, .normalDensity:
        true
      }
    case .binary(let binary):
      switch binary {
      case .add, .subtract, .multiply, .divide, .power, .chainProduct, .binaryCrossEntropy: true
      case .minimum, .maximum, .equal, .notEqual, .less, .lessEqual, .greater, .greaterEqual,
        .and, .or:
        false
      }
    case .reduction(let reduction, _): reduction == .sum || reduction == .product
    case .matmul, .rowwise, .custom: true
    case .indexing(.scatterAddRows): true
    case .ternary, .movement, .indexing, .random: false
    }
  }
}

extension Interpreter<Double> {
  /// A run's outputs that are numbers, by name.
  package func named(_ values: [Value]) -> [String: NDArray<Double>] {
    var found: [String: NDArray<Double>] = [:]
    for (output, value) in zip(graph.outputs, values) {
      if case .numbers(let array) = value { found[output.name] = array }
    }
    return found
  }
}

/// How far rounding may take the gradient by one tensor.
package struct GradientRounding {
  /// How far rounding may take it by each trial, element by element.
  let trials: [[Double]]

  /// From a gradient and what trials made of it.
  package init(_ gradient: [Double], trials: [NDArray<Double>], _ jitter: RoundingJitter) {
    self.trials = trials.map { zip($0.elements, gradient).map { jitter.rounding($0 - $1) } }
  }

  /// The norm of the furthest.
  package var norm: Double { trials.reduce(0) { max($0, $1.norm) } }

  /// How far rounding may take the gradient along a direction. One number may have been lucky in
  /// every trial, so none is taken for exacter than the tensor is on average.
  package func along(_ direction: [Double]) -> Double {
    var worst = 0.0
    let length = direction.norm
    for trial in trials {
      var (sum, squares) = (0.0, 0.0)
      for (moved, part) in zip(trial, direction) where part != 0 {
        sum += moved * part
        squares += moved * moved * part * part
      }
      let average = length * trial.norm / Double(max(trial.count, 1)).squareRoot()
      worst = max(worst, sum.magnitude, squares.squareRoot(), average)
    }
    return worst.isNaN ? .infinity : worst
  }
}

extension [Double] {
  /// The Euclidean norm.
  package var norm: Double { reduce(0) { $0 + $1 * $1 }.squareRoot() }
}
