public import EbbGraph
public import EbbNetworks

/// What came out of holding a network's gradients to differences of its loss, on the rows that it is
/// to be trained on.
///
///     let check = try model.check(on: dataset)
///     print(check)                          // … agrees to 4e-10
///     check.tensors[0].verdict              // .agrees(to: 1.2e-11)
///
/// Differences do not prove: they agree to some number of digits, they disagree, or they cannot tell.
public struct GradientCheck: Sendable {
  /// What a comparison came to.
  public enum Verdict: Hashable, Sendable {
    /// Both sides are equal up to this much of their size.
    case agrees(to: Double)
    /// Both sides differ by this much of their size, and rounding does not explain it.
    case disagrees(by: Double)
    /// Nothing can be said, and why.
    case inconclusive(String)
  }

  /// A number that was computed in two ways.
  public struct Comparison: Hashable, Sendable {
    /// By backpropagation.
    public let gradient: Double
    /// By differences of the loss.
    public let difference: Double
    /// How far both may be apart with neither wrong: what steps of other lengths give, and how far
    /// rounding takes the loss and the gradient, measured by moving every number on the way.
    public let error: Double
    /// By how much the numbers were moved for it.
    public let step: Double
  }

  /// One element of a tensor.
  public struct Element: Hashable, Sendable {
    /// Such as `hidden1.weight[3,7]`, counted from 0, in the orientation [outputs, inputs].
    public let name: String
    /// The place in each axis.
    public let index: [Int]
    /// Both sides.
    public let comparison: Comparison
  }

  /// Decisions (a ReLU's side, a maximum) that a step would have made otherwise.
  public struct Kinks: Hashable, Sendable {
    /// Where, such as `hidden1`.
    public let layer: String
    /// How many elements, over all rows.
    public let count: Int
  }

  /// What was found out about one parameter.
  public struct Tensor: Sendable {
    /// Such as `hidden1.weight`.
    public let name: String
    /// The extents, in the orientation of files: [outputs, inputs].
    public let shape: Shape
    /// Whether dropout dropped.
    public let mode: LayerContext.Mode
    /// The Euclidean norm of the gradient.
    public let norm: Double
    /// Relative to the gradient's norm.
    public let verdict: Verdict
    /// What the differences could have resolved, relative to the gradient's norm.
    public let resolution: Double
    /// The slopes along random directions, whose elements are 1 in the mean square.
    public let directions: [Comparison]
    /// Of the elements looked at one by one, the one that is the furthest off.
    public let worst: Element?
    /// The step of the first direction: by how much an element was moved, in the mean square.
    public let step: Double
    /// The most decisions that one of the first direction's points would have made otherwise. The
    /// recorded ones were taken instead, so they do not disturb the differences.
    public let kinks: [Kinks]
    /// Forward passes used.
    public let evaluations: Int
  }

  /// Something else that must hold for gradients on these rows.
  public struct Law: Sendable {
    /// A short permanent name, such as `micro-batches`.
    public let name: String
    /// What was compared with what.
    public let statement: String
    /// What came out.
    public let verdict: Verdict
    /// Whether every bit must be the same.
    public let isExact: Bool
  }

  /// What is checked, and how strictly.
  public struct Options: Sendable {
    /// The most rows to use; of more, evenly spread ones are taken.
    public var rows = 256
    /// How far both sides may be apart, relative to the gradient's norm.
    ///
    /// A 4-point difference in double precision is right to about ε^(4/5) = 3e-13 of the loss's own
    /// scale; where the gradient is 10,000 times smaller than the loss, that is 3e-9 of the gradient.
    /// The default leaves a factor of 30 above that.
    public var tolerance = 1e-7
    /// Random directions for each parameter.
    public var directions = 3
    /// Single elements of each parameter, drawn at random, besides the one with the largest gradient.
    public var elements = 2
    /// Of directions, elements, and dropout's masks.
    public var seed: UInt64 = 0
    /// The most threads of the executor that is compared with one of one thread.
    public var threads = 3
    /// The parameters to check; all if nil.
    public var tensors: [String]?

    /// The defaults.
    public init() {}
  }

  /// One entry per parameter; a second round follows for networks that drop units in training.
  public let tensors: [Tensor]
  /// What else was compared.
  public let laws: [Law]
  /// How many rows were used.
  public let rows: Int
  /// How many rows there were to choose from.
  public let rowsGiven: Int
  /// The mean loss of the rows.
  public let loss: Double
  /// Forward passes used for differences.
  public let evaluations: Int
  /// How far both sides may be apart, relative to the gradient's norm.
  public let tolerance: Double
  /// What is to be known about how the check was done.
  public let notes: [String]

  /// All verdicts together: the worst disagreement; otherwise the weakest agreement of the
  /// parameters' gradients with differences; inconclusive if no parameter could be decided.
  public var verdict: Verdict {
    Verdict.joined(differences: tensors.map(\.verdict), others: laws.map(\.verdict))
  }

  /// The entries that could not be decided, by name.
  public var undecided: [String] {
    tensors.filter(\.verdict.isInconclusive).map(\.label)
      + laws.filter(\.verdict.isInconclusive).map(\.name)
  }
}

extension GradientCheck.Verdict {
  /// Whether both sides agree.
  public var isAgreement: Bool { if case .agrees = self { true } else { false } }
  /// Whether both sides disagree.
  public var isDisagreement: Bool { if case .disagrees = self { true } else { false } }
  /// Whether nothing can be said.
  public var isInconclusive: Bool { if case .inconclusive = self { true } else { false } }

  /// One verdict for many.
  ///
  /// - Parameters:
  ///   - differences: of gradients held to differences: at least one must be decided.
  ///   - others: of other laws: they may spoil, not carry.
  static func joined(
    differences: [GradientCheck.Verdict], others: [GradientCheck.Verdict]
  ) -> GradientCheck.Verdict {
    var (wrong, weakest): (Double?, Double?) = (nil, nil)
    var reason = "nothing was compared"
    for verdict in differences + others {
      if case .disagrees(let by) = verdict { wrong = max(wrong ?? 0, by) }
    }
    for verdict in differences {
      switch verdict {
      case .agrees(let to): weakest = max(weakest ?? 0, to)
      case .inconclusive(let text): reason = text
      case .disagrees: break
      }
    }
    if let wrong { return .disagrees(by: wrong) }
    return weakest.map { .agrees(to: $0) } ?? .inconclusive(reason)
  }
}

extension GradientCheck.Tensor {
  /// The name, with the mode if it is not evaluation's.
  public var label: String { mode == .training ? "\(name) (training)" : name }
}

extension GradientCheck.Comparison {
  /// How far the two sides are apart.
  public var distance: Double { (gradient - difference).magnitude }
}
