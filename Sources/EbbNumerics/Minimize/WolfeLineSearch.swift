/// A step length along a descent direction that satisfies the strong Wolfe conditions: bracketing,
/// then cubic interpolation within the bracket (Nocedal and Wright, Numerical Optimization, second
/// edition, algorithms 3.5 and 3.6).
///
/// With φ(α) the value at step length α:
/// - sufficient decrease: φ(α) ≤ φ(0) + c₁ α φ′(0)
/// - curvature: |φ′(α)| ≤ c₂ |φ′(0)|
///
/// Where φ is flat within its rounding, values cannot show a decrease. There the first condition is
/// asked of the slopes, which can (Hager and Zhang, 2005, the approximate Wolfe conditions):
/// c₂ φ′(0) ≤ φ′(α) ≤ (2 c₁ − 1) φ′(0), and φ(α) ≤ φ(0) within rounding.
package struct WolfeLineSearch: Sendable {
  /// c₁.
  package var sufficientDecrease = 1e-4
  /// c₂.
  package var curvature = 0.9
  /// How often the function may be computed.
  package var trialLimit = 40
  /// Differences of values up to this may be rounding.
  package var rounding = 0.0

  package init() {}

  /// The function at one step length.
  package struct Trial {
    package let step: Double
    package let value: Double
    /// φ′, the gradient along the direction.
    package let slope: Double
    package let point: [Double]
    package let gradient: [Double]

    package init(
      step: Double, value: Double, slope: Double, point: [Double], gradient: [Double]
    ) {
      self.step = step
      self.value = value
      self.slope = slope
      self.point = point
      self.gradient = gradient
    }

    var isFinite: Bool { value.isFinite && slope.isFinite && gradient.allSatisfy(\.isFinite) }
  }

  /// How a step was found good, or why none was.
  package enum Outcome {
    /// Both strong Wolfe conditions hold.
    case strong(Trial)
    /// The curvature condition holds, and the decrease by its slopes.
    case approximate(Trial)
    /// No step length is good.
    case failed
    /// However short the step, the function is not finite.
    case notFinite
  }

  /// Finds a step length.
  ///
  /// - Parameters:
  ///   - start: φ at 0, with a slope below zero.
  ///   - first: the step length to try first.
  ///   - evaluate: φ at a step length.
  package func search(
    from start: Trial, first: Double, evaluate: (Double) throws -> Trial
  ) rethrows -> Outcome {
    var low = start
    var high: Trial?
    var step = first
    var sawFinite = false
    for _ in 0..<trialLimit {
      guard step > 0 && step.isFinite && step != low.step && step != high?.step else { break }
      let trial = try evaluate(step)
      sawFinite = sawFinite || trial.isFinite
      if let accepted = accepted(trial, start) { return accepted }
      if !trial.isFinite || isTooHigh(trial, low: low, start: start) {
        high = trial
      } else {
        // The trial is the best so far; the minimum lies where its slope points.
        let towardsHigh = high.map { $0.step > trial.step } ?? true
        if (trial.slope < 0) != towardsHigh { high = low }
        low = trial
      }
      step = high.map { within(low, $0) } ?? low.step * 4
    }
    return sawFinite ? .failed : .notFinite
  }

  private func accepted(_ trial: Trial, _ start: Trial) -> Outcome? {
    guard trial.isFinite, trial.slope.magnitude <= -curvature * start.slope else { return nil }
    if hasSufficientDecrease(trial, start) { return .strong(trial) }
    let isFlat = trial.value <= start.value + rounding
    return isFlat && trial.slope <= (2 * sufficientDecrease - 1) * start.slope
      ? .approximate(trial) : nil
  }

  package func hasSufficientDecrease(_ trial: Trial, _ start: Trial) -> Bool {
    trial.value <= start.value + sufficientDecrease * trial.step * start.slope
  }

  private func isTooHigh(_ trial: Trial, low: Trial, start: Trial) -> Bool {
    if trial.value > low.value + rounding { return true }
    let allowed = start.value + sufficientDecrease * trial.step * start.slope
    return trial.value > allowed + rounding
  }

  /// A step inside the bracket: the cubic's minimum, or where the slope vanishes between equal
  /// values, kept off the ends.
  private func within(_ low: Trial, _ high: Trial) -> Double {
    let width = high.step - low.step
    guard high.isFinite else { return low.step + width * 0.1 }
    var fraction = 0.5
    if (high.value - low.value).magnitude <= 2 * rounding {
      // Values say nothing: a secant through the slopes.
      if low.slope * high.slope < 0 { fraction = low.slope / (low.slope - high.slope) }
    } else {
      fraction = (cubicMinimum(low, high) - low.step) / width
    }
    return low.step + width * (fraction.isFinite ? min(max(fraction, 0.1), 0.9) : 0.5)
  }

  /// Where the cubic through two values and slopes is smallest.
  private func cubicMinimum(_ a: Trial, _ b: Trial) -> Double {
    let width = b.step - a.step
    let chord = 3 * (a.value - b.value) / width + a.slope + b.slope
    let discriminant = chord * chord - a.slope * b.slope
    guard discriminant >= 0 else { return .nan }
    let root = width > 0 ? discriminant.squareRoot() : -discriminant.squareRoot()
    return b.step - width * (b.slope + root - chord) / (b.slope - a.slope + 2 * root)
  }
}
