public import EbbData
internal import EbbEvaluation
public import EbbNetworks
public import EbbTraining

/// Which rows of a dataset stand out by their own gradients: likely wrong labels, rows that contradict
/// each other, rows that dominate. Every row is ranked, those that stand out first.
///
///     let audit = try model.audit(on: dataset)
///     for row in audit.standingOut { print(row.row, row.details) }
///
/// A network can learn a wrong label by heart, and then the row's gradient is small at the end. So the
/// audit trains networks of the model's own kind on other rows (``AuditOptions/folds``), and takes each
/// row's gradient under networks that have not seen it.
public struct Audit: Sendable {
  /// All rows, ranked.
  public let rows: [AuditedRow]
  /// The networks trained for the audit; 0: the model itself was asked.
  public let trainings: Int
  /// How many of them had not seen a given row; 0: the model itself was asked.
  public let opinions: Int
  /// Whether classes or numbers were audited.
  public let task: PredictionTask
  /// What one unit of a regression's score is, in the target's unit: the robust spread of the
  /// residuals. Nil for classes.
  public let spread: Double?
  /// Whether what the networks say goes along with the given labels or numbers more than chance gives.
  /// Where it does not, they cannot tell a wrong label, and no row stands out as one.
  public var isBetterThanGuessing: Bool { knowledge == .shown }
  /// The same with what keeps it from being known.
  let knowledge: AuditKnowledge
  /// Of the rows for which the networks are as sure of a class as they usually are of its own rows,
  /// the share that has it as the label: 0 to 1; nil for numbers, and where there are no such rows.
  public let agreement: Double?
  /// For classes: on how many rows the networks are right, and the most frequent label.
  let right: (networks: Int, mostFrequent: Int, label: Int)?

  /// The rows that stand out; the others are only ranked.
  public var standingOut: [AuditedRow] { rows.filter(\.standsOut) }

  /// How many rows stand out for a reason.
  public func count(of reason: AuditReason) -> Int { rows.count { $0.reasons.contains(reason) } }
}

/// Whether the networks know more of the target than chance gives.
enum AuditKnowledge: Equatable {
  /// They surely do.
  case shown
  /// They may; chance comes as far now and then.
  case open
  /// Nothing shows that they do.
  case notShown
  /// So few rows, or so few different targets, that perfect answers would not be sure to be no chance.
  case tooFewRows

  /// From how far what they say goes along with the truth, for each target, and how far perfect answers
  /// would.
  init(_ associations: [Association], perfect: [Association]) {
    if associations.contains(where: \.isSure) {
      self = .shown
    } else if !perfect.contains(where: \.isSure) {
      self = .tooFewRows
    } else {
      self = associations.allSatisfy(\.isAbsent) ? .notShown : .open
    }
  }
}

/// Why a row stands out.
public enum AuditReason: String, Sendable, CaseIterable {
  /// The networks find another class more probable than the label, and at least as probable as they
  /// find it on average for the rows that have it as their label (the rule of confident learning:
  /// Northcutt et al., 2021). Never where the networks know no better than guessing.
  case wrongLabel = "wrong-label"
  /// Another row has the same features and another label; in regression, a far value.
  case conflictingDuplicate = "conflicting-duplicate"
  /// The value is more than 3.5 spreads from what the networks predict.
  case farValue = "far-value"
  /// The square of the row's gradient is a quarter or more of that of all rows, and ten times an
  /// average row's.
  case dominates
}

/// What an audit says about one row.
public struct AuditedRow: Sendable, Equatable {
  /// The row in the dataset, from 0.
  public let row: Int
  /// Why it stands out; empty: it is only ranked.
  public let reasons: [AuditReason]
  /// What rows are ranked by. Classes: how strongly the loss pulls on the output of the given label,
  /// |∂L/∂a| = 1 − p(label), averaged over the networks; 0 to 1. Numbers: the distance from the
  /// prediction, in units of ``Audit/spread``.
  public let score: Double
  /// The mean loss.
  public let loss: Double
  /// The norm of the row's own gradient by all parameters: the root of the mean square.
  public let gradientNorm: Double
  /// The square of the norm as a part of that of all rows, 0 to 1.
  public let share: Double
  /// The cosine of the angle between the row's gradient and the mean gradient of the other rows with
  /// its label; nil for numbers, and where one of the two is zero.
  public let cosine: Double?
  /// The given class; nil for numbers.
  public let label: Int?
  /// The mean probability of the given class.
  public let labelProbability: Double?
  /// The most probable other class; nil for numbers.
  public let suggested: Int?
  /// Its mean probability.
  public let probability: Double?
  /// The given number, in the target's unit; nil for classes and for several numbers.
  public let value: Double?
  /// The mean prediction, in the target's unit.
  public let predicted: Double?
  /// The rows with the same features that contradict this one, at most the first 100.
  public let conflicts: [Int]

  /// Whether there is a reason to look at the row.
  public var standsOut: Bool { !reasons.isEmpty }
}

/// How an audit goes about it.
public struct AuditOptions: Sendable {
  /// How networks are trained for an audit.
  public struct Recipe: Sendable {
    /// The rule by which parameters change.
    public var optimizer: any Optimizer
    /// Epochs, rows per step and schedule; patience counts for nothing.
    public var fit: FitOptions
    /// Reductions, class weights, clipping; seed and threads are the audit's.
    public var options: TrainingOptions

    /// A recipe.
    public init(
      optimizer: any Optimizer, fit: FitOptions, options: TrainingOptions = TrainingOptions()
    ) {
      (self.optimizer, self.fit, self.options) = (optimizer, fit, options)
    }
  }

  /// Into how many parts the rows are divided; each is judged by a network trained on the others. At
  /// least 2, or 0: the model itself is asked, which is weak on rows that it was trained on.
  public var folds: Int
  /// How many times this is done, each time with another division and other initial numbers.
  public var repeats: Int
  /// The seed of divisions and trainings.
  public var seed: UInt64
  /// The most threads to use. No result depends on it.
  public var threads: Int
  /// How networks are trained; nil: as the model's record says.
  public var recipe: Recipe?

  /// Options with their defaults.
  public init(
    folds: Int = 5, repeats: Int = 4, seed: UInt64 = 0, threads: Int = 1, recipe: Recipe? = nil
  ) {
    (self.folds, self.repeats, self.seed) = (folds, repeats, seed)
    (self.threads, self.recipe) = (threads, recipe)
  }

  /// Throws if a setting is out of range for so many rows.
  func validate(rows: Int) throws(SettingsError) {
    guard folds == 0 || (2...1000).contains(folds) else {
      throw SettingsError("audit", setting: "folds", "expected 0, or 2 to 1000, got \(folds)")
    }
    guard (1...1000).contains(repeats) else {
      throw SettingsError("audit", setting: "repeats", "expected 1 to 1000, got \(repeats)")
    }
    guard folds <= rows else {
      throw SettingsError("audit", setting: "folds", "\(rows) rows cannot be divided into \(folds)")
    }
  }
}
