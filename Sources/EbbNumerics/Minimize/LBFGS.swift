/// L-BFGS (Nocedal, 1980): Newton's direction from the last few changes of point and gradient, with
/// a strong Wolfe line search.
///
/// Unknowns are measured in scales of their own, so that a start of (1000, 0.0001) is no harder than
/// one of (1, 1).
public struct LBFGS: Sendable {
  /// In what each unknown is measured.
  public enum Scales: Sendable, Hashable {
    /// The power of two at or below its start's magnitude, or 1 if that is zero.
    case start
    /// These, one per unknown, above zero.
    case given([Double])
  }

  /// How many changes are remembered.
  public var memory: Int
  /// It ends when the gradient's Euclidean norm is at most this.
  public var gradientTolerance: Double
  /// How many steps are allowed.
  public var iterationLimit: Int
  /// In what each unknown is measured.
  public var scales: Scales
  /// How step lengths are found.
  package var lineSearch = WolfeLineSearch()

  /// L-BFGS.
  public init(
    memory: Int = 20, gradientTolerance: Double = 1e-8, iterationLimit: Int = 1000,
    scales: Scales = .start
  ) {
    self.memory = memory
    self.gradientTolerance = gradientTolerance
    self.iterationLimit = iterationLimit
    self.scales = scales
  }

  /// Minimizes a function on plain numbers.
  ///
  /// - Parameters:
  ///   - evaluate: the value and its gradient at a point.
  ///   - observe: called with where each accepted step began, its end, and the search that found it,
  ///     in scaled unknowns.
  package func minimize(
    from start: [Double], evaluate: ([Double]) throws -> (value: Double, gradient: [Double]),
    observe: (WolfeLineSearch.Trial, WolfeLineSearch.Outcome, WolfeLineSearch) -> Void = {
      _, _, _ in
    }
  ) throws -> MinimizationEnd {
    try checkedStart(start)
    let scales = try checkedScales(start)
    var evaluations = 0
    func trial(at z: [Double], step: Double, along direction: [Double]) throws
      -> WolfeLineSearch.Trial
    {
      evaluations += 1
      let (value, gradient) = try evaluate(zip(z, scales).map { $0 * $1 })
      let scaled = zip(gradient, scales).map { $0 * $1 }
      return WolfeLineSearch.Trial(
        step: step, value: value, slope: LinearAlgebra.dot(scaled, direction), point: z,
        gradient: scaled)
    }
    func end(_ trial: WolfeLineSearch.Trial, _ iterations: Int, _ reason: StopReason)
      -> MinimizationEnd
    {
      MinimizationEnd(
        point: zip(trial.point, scales).map { $0 * $1 }, value: trial.value,
        gradient: zip(trial.gradient, scales).map { $0 / $1 }, iterations: iterations,
        evaluations: evaluations, reason: reason)
    }

    let zeros = [Double](repeating: 0, count: start.count)
    var current = try trial(at: zip(start, scales).map { $0 / $1 }, step: 0, along: zeros)
    guard current.isFinite else { throw MinimizeError.notFiniteAtStart(value: current.value) }
    var changes = Changes(limit: memory)
    var rounding = Rounding(ofValue: current.value)
    var plateau = Plateau()
    var iterations = 0
    while true {
      if norm(current.gradient, dividedBy: scales) <= gradientTolerance {
        return end(current, iterations, .tolerance)
      }
      if iterations == iterationLimit { return end(current, iterations, .iterationLimit) }
      var direction = changes.direction(current.gradient)
      if !(LinearAlgebra.dot(direction, current.gradient) < 0) {
        changes.forget()
        direction = changes.direction(current.gradient)
      }
      let slope = LinearAlgebra.dot(direction, current.gradient)
      // Half of the slope is what a quadratic loses over a full step.
      let isFlat = !changes.isEmpty && -slope / 2 <= rounding.size
      if plateau.isExhausted(at: current, isFlat: isFlat) {
        return end(plateau.best ?? current, iterations, .precision)
      }
      let from = WolfeLineSearch.Trial(
        step: 0, value: current.value, slope: slope, point: current.point,
        gradient: current.gradient)
      func along(_ step: Double) throws -> WolfeLineSearch.Trial {
        try trial(
          at: zip(from.point, direction).map { $0 + step * $1 }, step: step, along: direction)
      }
      var search = lineSearch
      search.rounding = rounding.size
      let first = changes.isEmpty ? min(1, 1 / LinearAlgebra.norm(current.gradient)) : 1
      let outcome = try search.search(from: from, first: first, evaluate: along)
      switch outcome {
      case .strong(let next), .approximate(let next):
        observe(from, outcome, search)
        changes.add(from: current, to: next)
        current = next
        iterations += 1
        rounding.allow(forValue: next.value)
      case .failed, .notFinite:
        if isFlat { return end(plateau.best ?? current, iterations, .precision) }
        let measured = try Rounding(measuring: { try along($0 * first).value })
        if measured.size > rounding.size {
          rounding = measured
        } else if !changes.isEmpty {
          // Old changes may mislead; the gradient itself may not.
          changes.forget()
        } else if case .notFinite = outcome {
          return end(current, iterations, .notFinite)
        } else {
          return end(current, iterations, .lineSearchFailed)
        }
      }
    }
  }

  private func norm(_ gradient: [Double], dividedBy scales: [Double]) -> Double {
    LinearAlgebra.norm(zip(gradient, scales).map { $0 / $1 })
  }

  private func checkedScales(_ start: [Double]) throws(MinimizeError) -> [Double] {
    guard memory >= 1 else { throw .setting("memory must be 1 or more, got \(memory)") }
    guard iterationLimit >= 0 else {
      throw .setting("iterationLimit must be 0 or more, got \(iterationLimit)")
    }
    guard gradientTolerance >= 0 else {
      throw .setting("gradientTolerance must be 0 or more, got \(gradientTolerance)")
    }
    switch scales {
    case .start: return start.map { $0 == 0 ? 1 : LinearAlgebra.powerOfTwo(near: $0) }
    case .given(let scales):
      guard scales.count == start.count else {
        throw .setting("\(scales.count) scales for \(start.count) unknowns")
      }
      if let bad = scales.first(where: { !($0 > 0 && $0.isFinite) }) {
        throw .setting("scales must be above zero and finite, got \(bad)")
      }
      return scales
    }
  }
}

/// The last steps, where values no longer show progress: only gradients can.
private struct Plateau {
  private static let patience = 10
  private(set) var best: WolfeLineSearch.Trial?
  private var smallest = Double.infinity
  private var waited = 0

  /// Whether the gradient has not become smaller for so long that rounding must rule it too.
  mutating func isExhausted(at trial: WolfeLineSearch.Trial, isFlat: Bool) -> Bool {
    guard isFlat else {
      self = Plateau()
      return false
    }
    let norm = LinearAlgebra.norm(trial.gradient)
    if norm < smallest {
      (smallest, best, waited) = (norm, trial, 0)
    } else {
      waited += 1
    }
    return waited > Self.patience
  }
}

/// The last changes of point and gradient, and the inverse Hessian that they imply.
private struct Changes {
  private struct Change {
    let point: [Double]
    let gradient: [Double]
    /// 1 / (point · gradient).
    let weight: Double
  }

  private let limit: Int
  private var list: [Change] = []

  init(limit: Int) { self.limit = limit }

  var isEmpty: Bool { list.isEmpty }

  mutating func forget() { list = [] }

  mutating func add(from: WolfeLineSearch.Trial, to: WolfeLineSearch.Trial) {
    let point = zip(to.point, from.point).map { $0 - $1 }
    let gradient = zip(to.gradient, from.gradient).map { $0 - $1 }
    let product = LinearAlgebra.dot(point, gradient)
    // The curvature condition makes the product positive; rounding can undo that.
    guard product > 0x1p-52 * LinearAlgebra.norm(point) * LinearAlgebra.norm(gradient) else {
      return
    }
    if list.count == limit { list.removeFirst() }
    list.append(Change(point: point, gradient: gradient, weight: 1 / product))
  }

  /// The two-loop recursion (Nocedal and Wright, algorithm 7.4), negated.
  func direction(_ gradient: [Double]) -> [Double] {
    var result = gradient.map { -$0 }
    guard let last = list.last else { return result }
    var factors: [Double] = []
    for change in list.reversed() {
      let factor = change.weight * LinearAlgebra.dot(change.point, result)
      factors.append(factor)
      add(-factor, change.gradient, to: &result)
    }
    let scale = 1 / (last.weight * LinearAlgebra.dot(last.gradient, last.gradient))
    for index in result.indices { result[index] *= scale }
    for (change, factor) in zip(list, factors.reversed()) {
      let correction = change.weight * LinearAlgebra.dot(change.gradient, result)
      add(factor - correction, change.point, to: &result)
    }
    return result
  }

  private func add(_ factor: Double, _ vector: [Double], to result: inout [Double]) {
    for index in result.indices { result[index] += factor * vector[index] }
  }
}
