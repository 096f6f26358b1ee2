internal import Ebb
internal import EbbRuns
internal import EbbSystem

/// What is known of whether a network predicts better than one that does not look at the row, and how
/// sure that is.
struct Learning {
  enum Level {
    /// Surely better than chance on rows that training did not see.
    case shown
    /// On rows that training did not see it may be better, or they are too few to tell.
    case open
    /// Nothing shows on rows that training did not see, though it does on training rows.
    case notShown
    /// Nothing shows on training rows either.
    case nothing
    /// There are no rows but those that training saw.
    case trainingOnly
  }

  /// Where numbers begin to count.
  enum Limits {
    /// Fewer rows cannot be sure of anything: perfect predictions of n rows reach a score of √(n − 1).
    static let fewest = 10
    /// A lead over the constant prediction that chance gives once in forty.
    static let lead = 2.0
    /// A model that makes half of the constant prediction's errors, or explains half of the spread, is
    /// none that something keeps from learning.
    static let good = 0.5
  }

  let level: Level
  /// How sure it is that the judged rows are predicted better than by the same answer for each, in
  /// standard deviations.
  let lead: Double
  /// The part of the constant prediction's errors that is gone, or of the spread that is explained;
  /// nil where there is no such error.
  let skill: Double?
  /// Whether training rows, where they were looked at, are surely predicted better than so.
  let isAheadInTraining: Bool
  /// How many of the judged rows have the very inputs of a training row.
  let copies: Int

  /// Whether the result is one that nothing can have kept from learning.
  var isGood: Bool {
    guard let skill, skill >= Limits.good, lead >= Limits.lead else { return false }
    return level == .shown || level == .open || level == .trainingOnly
  }

  /// Whether the judged rows are surely predicted better than by the same answer for each.
  var isAhead: Bool { lead >= Limits.lead }

  init(_ judged: JudgedRows, _ metrics: Metrics?, _ data: PreparedData, _ predictor: Predictor)
    throws
  {
    lead = Self.lead(judged.dataset.targets, judged.firstOutputs, metrics)
    skill = Self.skill(metrics)
    copies = judged.part == .training ? 0 : judged.dataset.rowsAlso(in: data.training)
    (level, isAheadInTraining) = try Self.level(judged, lead: lead, data, predictor)
  }

  /// How much shows, and whether training rows are surely ahead, if they had to be asked.
  private static func level(
    _ judged: JudgedRows, lead: Double, _ data: PreparedData, _ predictor: Predictor
  ) throws -> (Level, isAheadInTraining: Bool) {
    let own = judged.association
    if judged.part == .training {
      return (own.isAbsent && lead < Limits.lead ? .nothing : .trainingOnly, lead >= Limits.lead)
    }
    if own.isSure { return (.shown, false) }
    var unseen = own
    if judged.part == .test && data.validation.rowCount > 0 {
      unseen = own + (try predictor.association(on: data.validation))
    }
    if unseen.isSure { return (.shown, false) }
    guard unseen.isAbsent && lead < Limits.lead else { return (.open, false) }
    var outputs: [Float] = []
    let seen = try predictor.association(on: data.training) { piece, rows in
      outputs += (0..<rows.count).map { piece.values[$0 * piece.outputs] }
    }
    let evaluation = try predictor.evaluate(data.training)
    let ahead = Self.lead(data.training.targets, outputs, evaluation.metrics) >= Limits.lead
    if seen.isAbsent && !ahead { return (.nothing, false) }
    return (unseen.rows < Limits.fewest ? .open : .notShown, ahead)
  }

  /// - Parameter predicted: of each row the first output.
  private static func lead(
    _ targets: Dataset.Targets, _ predicted: [Float], _ metrics: Metrics?
  ) -> Double {
    if let lead = metrics?.leadOverConstant { return lead }
    guard case .values(let values, let width) = targets, predicted.count > 1 else { return 0 }
    // How much nearer than the mean each prediction comes, and how much that varies.
    let truth = predicted.indices.map { Double(values[$0 * width]) }
    let count = Double(truth.count)
    let centre = truth.reduce(0, +) / count
    let gains = truth.indices.map { row in
      let error = Double(predicted[row]) - truth[row]
      return (truth[row] - centre) * (truth[row] - centre) - error * error
    }
    let mean = gains.reduce(0, +) / count
    let squares = gains.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    guard squares > 0, squares.isFinite else { return 0 }
    return mean / (squares / (count - 1) / count).squareRoot()
  }

  private static func skill(_ metrics: Metrics?) -> Double? {
    switch metrics {
    case .classification(let metrics):
      let most = metrics.perClass.map(\.count).max() ?? 0
      guard most < metrics.count else { return nil }
      return 1 - Double(metrics.count - metrics.correct) / Double(metrics.count - most)
    case .regression(let metrics): return metrics.r2
    case nil: return nil
    }
  }
}

// MARK: In words

extension RunReport {
  /// `always naming the most frequent class`.
  private var constant: String {
    settings.task == .regression
      ? "always predicting the mean" : "always naming the most frequent class"
  }

  private var judgedRows: String {
    NumberFormat.counted(judged.dataset.rowCount, "\(judged.part.rawValue) row")
  }

  /// That nothing shows, as a part of a sentence; nil: something does.
  var nothingShown: String? {
    switch knowledge.level {
    case .nothing where judged.part == .training:
      return "the network has learned nothing yet: on its \(judgedRows) it is not measurably better"
        + " than \(constant)"
    case .nothing:
      return "the network has learned nothing yet: neither on training rows nor on"
        + " \(judged.part.rawValue) rows is it measurably better than \(constant)"
    case .notShown:
      return "on \(judgedRows), which training did not see, it is not measurably better than"
        + " \(constant), though "
        + (knowledge.isAheadInTraining
          ? "it is on its training rows"
          : "on training rows its predictions go along with the truth")
    case .shown, .open, .trainingOnly: return nil
    }
  }

  /// What to know of a model that goes along with the truth and yet has no better answers; nil: they
  /// are, or nothing shows at all.
  var noBetterAnswers: String? {
    guard knowledge.level == .shown || knowledge.level == .open, !knowledge.isAhead,
      settings.classWeights == .none
    else { return nil }
    switch evaluation?.metrics {
    case .classification(let metrics):
      let most = metrics.mostFrequent
      guard most.count < metrics.count, metrics.correct <= most.count else { return nil }
      let start =
        "on \(judgedRows) its answers are right no more often than always naming"
        + " \(most.name)"
      return knowledge.level == .shown
        ? "\(start), though its probabilities go along with the truth: with --class-weights balanced,"
          + " or a threshold of your own on the --probabilities of ebb predict, it can name the others"
        : "\(start); whether its probabilities say more, so few rows cannot tell"
    case .regression(let metrics):
      guard let r2 = metrics.r2, r2 <= 0 else { return nil }
      return knowledge.level == .shown
        ? "on \(judgedRows) its numbers go along with the truth, but are no nearer to it than the mean"
        : "on \(judgedRows) its numbers are no nearer to the truth than the mean; so few rows cannot"
          + " tell whether they go along with it"
    case nil: return nil
    }
  }

  /// That the judged rows are not as new as they seem; nil: they are.
  var knownRows: String? {
    let (copies, rows) = (knowledge.copies, judged.dataset.rowCount)
    guard copies > 0 else { return nil }
    let are = copies == 1 ? "row has" : "rows have"
    return "\(NumberFormat.grouped(copies)) of the \(NumberFormat.grouped(rows))"
      + " \(judged.part.rawValue) \(are) the very inputs of a training row"
  }

  /// The same where it is more than an accident.
  var manyKnownRows: String? {
    let (copies, rows) = (knowledge.copies, judged.dataset.rowCount)
    guard copies >= 3, copies * 10 >= rows else { return nil }
    return knownRows.map { "\($0), so the figures say less about new ones" }
  }

  /// What to do where nothing shows and nothing else says why.
  var learningAdvice: String {
    let epochs = 2 * max(history.epochs.count, settings.fit.epochs)
    switch knowledge.level {
    case .notShown where couldLearnMore:
      return "Nothing of it shows on rows that training did not see, but the network still got"
        + " better when training ended: see first what more epochs do (ebb resume \(path) --epochs"
        + " \(epochs)). On \(judgedRows) a small effect cannot be seen."
    case .notShown:
      return "Nothing of it shows on rows that training did not see: look for columns that say more"
        + " about \(settings.target), or for more rows. On \(judgedRows) a small effect cannot be seen."
    default:
      return "Before anything else, get it to learn: train longer (ebb resume \(path) --epochs"
        + " \(epochs)), try other learning rates and another network, and see whether the columns say"
        + " anything about \(settings.target)."
    }
  }

  /// What the rows cannot tell, or nothing.
  var openQuestion: String? {
    switch knowledge.level {
    case .open where noBetterAnswers == nil:
      return
        "\(Words.capitalized(judgedRows)) are few for a judgement: with others the figures can be"
        + " quite different."
    case .trainingOnly:
      return
        "Training saw all rows, so nothing here says how it does on others: leave some out with"
        + " --split 70/15/15, or give them with --test FILE."
    default: return nil
    }
  }
}
