package import EbbGraph

/// Gauss–Newton with step halving: the least-squares step of the residuals' linear model, by QR with
/// scaled columns, halved until the sum of squares decreases.
public struct GaussNewton: Sendable {
  /// It ends when the linear model promises to lower the residuals' norm by at most this part of it
  /// (the relative offset of Bates and Watts, 1981: |Qᵀ r| ≤ tolerance · |r|).
  public var tolerance: Double
  /// How many steps are allowed.
  public var iterationLimit: Int
  /// How many times a step may be halved.
  public var halvingLimit: Int

  /// Gauss–Newton.
  public init(tolerance: Double = 1e-10, iterationLimit: Int = 200, halvingLimit: Int = 40) {
    self.tolerance = tolerance
    self.iterationLimit = iterationLimit
    self.halvingLimit = halvingLimit
  }

  /// Minimizes a sum of squares on plain numbers.
  package func minimize(
    from start: [Double], residuals: ([Double]) throws -> [Double],
    jacobian: ([Double]) throws -> NDArray<Double>
  ) throws -> MinimizationEnd {
    try checkedStart(start)
    try checkSettings()
    var current = LinearModel(start, errors: try residuals(start), slopes: try jacobian(start))
    guard current.isFinite else {
      throw MinimizeError.notFiniteAtStart(value: current.value)
    }
    var (iterations, evaluations) = (0, 1)
    func trial(_ step: [Double], length: Double) throws -> LinearModel {
      evaluations += 1
      let point = zip(current.point, step).map { $0 + length * $1 }
      return LinearModel(point, errors: try residuals(point), slopes: current.slopes)
    }
    func end(_ reason: StopReason) -> MinimizationEnd {
      MinimizationEnd(
        point: current.point, value: current.value, gradient: current.gradient,
        iterations: iterations, evaluations: evaluations, reason: reason)
    }

    var rounding = Rounding(ofValue: current.value)
    var lastPromise = Double.infinity
    while true {
      let step: [Double]
      do {
        step = try current.step()
      } catch {
        guard iterations > 0, case .rankDeficient = error else { throw error }
        return end(.rankDeficient)
      }
      let promise = current.promise(of: step)
      if promise <= tolerance * tolerance * current.value { return end(.tolerance) }
      if iterations == iterationLimit { return end(.iterationLimit) }
      if promise <= rounding.size && promise > lastPromise / 2 { return end(.precision) }

      let accepted = try halved { length in
        let next = try trial(step, length: length)
        return (next, rounding.accepts(next.value, from: current.value, length, promise))
      }
      guard var next = accepted.model else {
        let measured = try Rounding(measuring: { try trial(step, length: $0).value })
        if measured.size > rounding.size {
          rounding = measured
          continue
        }
        let reason = accepted.sawFinite ? StopReason.lineSearchFailed : .notFinite
        return end(promise <= rounding.size ? .precision : reason)
      }
      next.slopes = try jacobian(next.point)
      guard next.isFinite else { return end(.notFinite) }
      rounding.allow(forValue: next.value)
      lastPromise = promise
      current = next
      iterations += 1
    }
  }

  /// The first of the lengths 1, 1/2, 1/4, … that is accepted.
  private func halved(
    _ attempt: (Double) throws -> (LinearModel, Bool)
  ) rethrows -> (model: LinearModel?, sawFinite: Bool) {
    var length = 1.0
    var sawFinite = false
    for _ in 0...halvingLimit {
      let (model, isAccepted) = try attempt(length)
      if isAccepted { return (model, true) }
      sawFinite = sawFinite || model.value.isFinite
      length /= 2
    }
    return (nil, sawFinite)
  }

  private func checkSettings() throws(MinimizeError) {
    guard tolerance >= 0 else { throw .setting("tolerance must be 0 or more, got \(tolerance)") }
    guard iterationLimit >= 0 && halvingLimit >= 0 else {
      throw .setting("iterationLimit and halvingLimit must be 0 or more")
    }
  }
}

/// The residuals r and their Jacobian J at a point: r + J p is what a step p is expected to leave.
private struct LinearModel {
  let point: [Double]
  let errors: [Double]
  var slopes: NDArray<Double>
  /// |r|².
  let value: Double

  init(_ point: [Double], errors: [Double], slopes: NDArray<Double>) {
    self.point = point
    self.errors = errors
    self.slopes = slopes
    value = LinearAlgebra.dot(errors, errors)
  }

  var isFinite: Bool { value.isFinite && slopes.elements.allSatisfy(\.isFinite) }

  /// 2 Jᵀ r.
  var gradient: [Double] {
    let columns = slopes.transposed().elements
    return point.indices.map { unknown in
      let column = columns[(unknown * errors.count)..<((unknown + 1) * errors.count)]
      return 2 * LinearAlgebra.dot(column, errors)
    }
  }

  /// The p for which |r + J p| is smallest.
  func step() throws(LinearAlgebraError) -> [Double] {
    try LinearAlgebra.leastSquares(slopes, errors.map { -$0 }).solution
  }

  /// |J p|², by which the step lowers the linear model's sum of squares.
  func promise(of step: [Double]) -> Double {
    let width = step.count
    let changes = errors.indices.map { row in
      LinearAlgebra.dot(slopes.elements[(row * width)..<((row + 1) * width)], step)
    }
    return LinearAlgebra.dot(changes, changes)
  }
}
