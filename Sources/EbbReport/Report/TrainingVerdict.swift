package import Ebb
internal import EbbSystem

/// What the epochs and the result say about a training, apart from how gradient flows.
struct TrainingVerdict {
  /// Where numbers begin to count.
  enum Limits {
    /// An update of about 0.001 of the weights is usual; steps thirty times as long, in every epoch,
    /// jump over what they look for.
    static let updateRatio = 0.03
    /// Losses of epochs vary; one that ends this many times above its beginning did not fall.
    static let rise = 1.1
  }

  /// Whether the model predicts no better than one that does not look at the row.
  let hasLearnedNothing: Bool
  /// Why the learning rate is probably too large; nil if nothing speaks for it.
  let tooFast: String?
  /// What says that the training rows are learned by heart; nil if nothing does.
  let overfitting: String?

  init(
    _ epochs: [EpochRecord], best: Int, metrics: Metrics?, settings: RunSettings, classes: Int
  ) {
    hasLearnedNothing = metrics?.isNoBetterThanGuessing ?? false
    tooFast = Self.tooFast(epochs, settings, classes: classes)
    overfitting = tooFast == nil ? Self.overfitting(epochs, best: best) : nil
  }

  // MARK: The learning rate

  private static func tooFast(
    _ epochs: [EpochRecord], _ settings: RunSettings, classes: Int
  ) -> String? {
    guard epochs.count > 1, let first = epochs.first, let last = epochs.last else { return nil }
    let (start, end) = (Words.number(first.trainingLoss), Words.number(last.trainingLoss))
    if last.trainingLoss > Limits.rise * first.trainingLoss {
      return "the training loss rose from \(start) in the first epoch to \(end) in the last"
    }
    if let untrained = untrainedLoss(settings, classes: classes),
      last.trainingLoss > Limits.rise * untrained
    {
      return "the training loss, \(end) at the end, is above the \(Words.number(untrained)) of a"
        + " network that takes all classes for equally likely"
    }
    let ratios = epochs.filter { !$0.layers.isEmpty }.compactMap { epoch in
      median(epoch.layers.compactMap(\.updateRatio))
    }
    if ratios.count > 1, let least = ratios.min(), least > Limits.updateRatio {
      return "every step that was watched moved the weights by \(Words.percent(least)) or more of"
        + " their size, where about 0.1 % is usual"
    }
    return nil
  }

  /// The loss of a network that takes all classes for equally likely; nil where that is not known.
  private static func untrainedLoss(_ settings: RunSettings, classes: Int) -> Double? {
    guard settings.classWeights == .none else { return nil }
    switch settings.loss {
    case .softmaxCrossEntropy: return PortableMath.log(Double(max(2, classes)))
    case .binaryCrossEntropy: return PortableMath.log(2)
    case .smoothedCrossEntropy, .squaredError, .absoluteError, .huber: return nil
    }
  }

  private static func median(_ numbers: [Double]) -> Double? {
    let known = numbers.filter(\.isFinite).sorted()
    return known.isEmpty ? nil : known[known.count / 2]
  }

  // MARK: Overfitting

  private static func overfitting(_ epochs: [EpochRecord], best: Int) -> String? {
    guard let kept = epochs.first(where: { $0.epoch == best }), let last = epochs.last,
      let validation = kept.validationLoss, let end = last.validationLoss
    else { return nil }
    let hasFallen = last.trainingLoss < kept.trainingLoss && last.trainingLoss < 0.5 * end
    guard end > 1.2 * validation, hasFallen else { return nil }
    return "the validation loss rose from \(Words.number(validation)) to \(Words.number(end)) while"
      + " the training loss fell from \(Words.number(kept.trainingLoss)) to"
      + " \(Words.number(last.trainingLoss))"
  }
}

extension Metrics {
  /// Whether the predictions are no better than one that is the same for every row: the most frequent
  /// class, or the mean. A model that misses the accuracy of the most frequent class but finds rows of
  /// the others, as class weights ask for, has learned something.
  package var isNoBetterThanGuessing: Bool {
    switch self {
    case .classification(let metrics):
      let most = metrics.perClass.map(\.count).max() ?? 0
      guard most < metrics.count, metrics.correct <= most else { return false }
      let found = metrics.perClass.compactMap(\.accuracy)
      let mean = found.reduce(0, +) / Double(max(1, found.count))
      let chance = 1 / Double(max(1, found.count))
      return mean < chance + 0.1 * (1 - chance)
    case .regression(let metrics): return metrics.r2.map { $0 <= 0 } ?? false
    }
  }
}

// MARK: In words

extension RunReport {
  /// The run's verdict.
  var verdict: TrainingVerdict {
    TrainingVerdict(
      history.epochs, best: bestEpoch, metrics: evaluation?.metrics, settings: settings,
      classes: schema.classes.count)
  }

  /// What whoever trains should know before using the model, in one line; nil if there is nothing.
  package var warning: String? {
    let verdict = verdict
    var parts: [String] = []
    if verdict.hasLearnedNothing { parts.append("the network has learned nothing yet: \(guess)") }
    if let reason = verdict.tooFast {
      parts.append("the learning rate is probably too large: \(reason)")
    }
    if let fault = health.faults.first {
      let more = health.faults.count - 1
      let others = more > 0 ? " (and \(NumberFormat.counted(more, "more fault")))" : ""
      parts.append("\(fault.layer): \(fault.explanation)\(others)")
    }
    return parts.isEmpty ? nil : parts.joined(separator: "; ")
  }

  /// What the model is no better than.
  private var guess: String {
    let rows = "on \(judged.part.rawValue) rows it is no better than always"
    return settings.task == .regression
      ? "\(rows) predicting the mean" : "\(rows) naming the most frequent class"
  }

  /// That nothing was learned, as a sentence.
  var nothingLearned: String? {
    verdict.hasLearnedNothing ? "The network has learned nothing yet: \(guess)." : nil
  }

  /// What to do about the learning rate.
  var slower: String? {
    verdict.tooFast.map { reason in
      let rate = settings.optimizer.learningRate
      return "The learning rate, \(Words.plain(rate)), is probably too large: \(reason)."
        + " Train anew with a tenth of it or less: --learning-rate \(Words.plain(rate / 10))."
    }
  }

  /// What to do if nothing was learned and nothing else says why.
  var learningAdvice: String {
    "Before anything else, get it to learn: train longer (ebb resume \(path) --epochs"
      + " \(2 * max(history.epochs.count, settings.fit.epochs))), try other learning rates and a"
      + " smaller network, and see whether the columns say anything about \(settings.target)."
  }
}
