public import EbbGraph

/// Where a minimization ended, and why.
public struct Minimum: Sendable {
  /// The best point found, in the start's shape.
  public let point: NDArray<Double>
  /// The function there. Of least squares: the sum of the squared residuals.
  public let value: Double
  /// The Euclidean norm of the value's gradient there.
  public let gradientNorm: Double
  /// Accepted steps.
  public let iterations: Int
  /// How many times the function was computed, of rejected steps too.
  public let evaluations: Int
  /// Why it ended.
  public let reason: StopReason

  /// Whether the end is a minimum as far as was asked or as double precision can tell.
  public var isConverged: Bool {
    reason == .tolerance || reason == .precision
  }
}

/// Why a minimization ended.
public enum StopReason: String, Hashable, Sendable, CustomStringConvertible {
  /// The criterion of the method was met.
  case tolerance
  /// The decrease that the derivatives still promise is lost in the value's rounding.
  case precision
  /// No step along the search direction decreases the value as its derivatives promise. They are
  /// wrong, or the function has a kink or is computed inaccurately.
  case lineSearchFailed
  /// As many steps as were allowed.
  case iterationLimit
  /// On its way, an unknown lost any effect of its own on the residuals.
  case rankDeficient
  /// The function or its derivatives are infinite or not a number, however short the step.
  case notFinite

  /// A few words for people.
  public var description: String {
    switch self {
    case .tolerance: "converged"
    case .precision: "converged as far as double precision can tell"
    case .lineSearchFailed: "the line search failed"
    case .iterationLimit: "the iteration limit was reached"
    case .rankDeficient: "an unknown has no effect of its own on the residuals"
    case .notFinite: "the function is not finite"
    }
  }
}

/// Why a minimization could not begin.
public enum MinimizeError: Error, Hashable, Sendable {
  /// The start holds no number.
  case emptyStart
  /// An element of the start is infinite or not a number.
  case startNotFinite(position: Int)
  /// The function, or a derivative of it, is not finite at the start.
  case notFiniteAtStart(value: Double)
  /// The residuals are not a vector.
  case residualsNotAVector(Shape)
  /// There are fewer residuals than unknowns.
  case tooFewResiduals(residuals: Int, unknowns: Int)
  /// A setting of the method is out of range; the message says which.
  case setting(String)
}

extension MinimizeError: CustomStringConvertible {
  /// One line for people.
  public var description: String {
    switch self {
    case .emptyStart: "the start is empty: give one number per unknown"
    case .startNotFinite(let position): "element \(position) of the start is not finite"
    case .notFiniteAtStart(let value):
      "the function or its gradient is not finite at the start (its value is \(value)): start"
        + " elsewhere"
    case .residualsNotAVector(let shape):
      "the residuals must be a vector (one axis), got the shape \(shape): reshape them"
    case .tooFewResiduals(let residuals, let unknowns):
      "\(residuals) residuals do not determine \(unknowns) unknowns: give at least as many"
    case .setting(let message): message
    }
  }
}
