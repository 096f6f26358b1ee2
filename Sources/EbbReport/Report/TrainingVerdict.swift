internal import Ebb
internal import EbbRuns
internal import EbbSystem

/// What the epochs say about a training, apart from how gradient flows.
struct TrainingVerdict {
  /// Where numbers begin to count.
  enum Limits {
    /// An update of about 0.001 of the weights is usual; steps thirty times as long, in every epoch,
    /// jump over what they look for.
    static let updateRatio = 0.03
    /// Updates of less than a tenth of the usual, in every epoch, hardly move.
    static let slowRatio = 1e-4
    /// An update of this size moves enough for a loss to fall.
    static let movingRatio = 3e-3
    /// Losses of epochs vary; one that ends this many times above its beginning did not fall.
    static let rise = 1.1
    /// A loss so many times that of a network that knows nothing was thrown there by too long steps.
    static let far = 3.0
    /// A loss that is still this part of its beginning hardly fell.
    static let still = 0.98
    /// From so many epochs on, the halves of a training can be compared.
    static let epochs = 4
    /// A validation loss of fewer rows can be that of a single strange one.
    static let validationRows = 30
  }

  /// Why the learning rate is probably too large; nil if nothing speaks for it.
  let tooFast: String?
  /// Why the learning rate is probably too small; nil if nothing speaks for it.
  let tooSlow: String?
  /// What says that the training rows are learned by heart; nil if nothing does.
  let overfitting: String?

  /// - Parameters:
  ///   - isGood: whether the result is one that nothing can have kept from learning.
  ///   - hasFault: whether something keeps gradient from weights.
  ///   - validationRows: how many rows a validation loss is of.
  init(
    _ epochs: [EpochRecord], best: Int, settings: RunSettings, classes: Int, isGood: Bool,
    hasFault: Bool, validationRows: Int
  ) {
    tooFast = Self.tooFast(epochs, settings, classes: classes, isGood: isGood)
    tooSlow = isGood || hasFault || tooFast != nil ? nil : Self.tooSlow(epochs)
    let untrained = Self.untrainedLoss(settings, classes: classes) ?? .infinity
    overfitting =
      tooFast == nil && (epochs.last?.trainingLoss ?? 0) < untrained
      ? Self.overfitting(epochs, best: best, rows: validationRows) : nil
  }

  // MARK: The learning rate

  private static func tooFast(
    _ epochs: [EpochRecord], _ settings: RunSettings, classes: Int, isGood: Bool
  ) -> String? {
    guard epochs.count > 1, let first = epochs.first, let last = epochs.last else { return nil }
    let (start, end) = (Words.number(first.trainingLoss), Words.number(last.trainingLoss))
    let doesRise = hasRisen(epochs.map(\.trainingLoss))
    if last.trainingLoss > 2 * first.trainingLoss
      || (doesRise && last.trainingLoss > Limits.rise * first.trainingLoss)
    {
      return "the training loss rose from \(start) in the first epoch to \(end) in the last"
    }
    let ratios = updateRatios(epochs)
    // A network that has only begun is above it too, so the loss must have had time to fall, or have
    // been thrown far.
    if let untrained = untrainedLoss(settings, classes: classes) {
      let most = ratios.max() ?? 0
      let stays =
        doesRise && last.trainingLoss > Limits.rise * untrained && most > Limits.movingRatio
      let isFar = last.trainingLoss > Limits.far * untrained && most > Limits.updateRatio
      if stays || isFar {
        let constant =
          settings.task == .regression
          ? "always predicting the mean" : "taking all classes for equally likely"
        return "the training loss is \(end) at the end, where \(constant) has"
          + " \(Words.number(untrained))"
      }
    }
    if !isGood, ratios.count > 1, let least = ratios.min(), least > Limits.updateRatio {
      return "every step that was watched moved the weights by \(Words.percent(least)) or more of"
        + " their size, where about 0.1 % is usual"
    }
    return nil
  }

  private static func tooSlow(_ epochs: [EpochRecord]) -> String? {
    guard epochs.count > 1, let first = epochs.first, let last = epochs.last else { return nil }
    let ratios = updateRatios(epochs)
    guard let most = ratios.max(), most < Limits.slowRatio,
      last.trainingLoss > Limits.still * first.trainingLoss
    else { return nil }
    let moved =
      most == 0
      ? "no step that was watched moved the weights of most layers"
      : "every step that was watched moved the weights by"
        + " \(NumberFormat.significant(100 * most, digits: 2)) % or less of their size"
    return "\(moved), where about 0.1 % is usual, and the training loss hardly changed: from"
      + " \(Words.number(first.trainingLoss)) to \(Words.number(last.trainingLoss))"
  }

  /// Of each epoch that was watched, the median over the layers.
  private static func updateRatios(_ epochs: [EpochRecord]) -> [Double] {
    epochs.filter { !$0.layers.isEmpty }.compactMap { epoch in
      median(epoch.layers.compactMap(\.updateRatio))
    }
  }

  /// Whether a loss is as high in the later half of the epochs as in the earlier one: one epoch may be
  /// high by chance.
  private static func hasRisen(_ losses: [Double]) -> Bool {
    guard losses.count >= Limits.epochs else { return false }
    func mean(_ part: ArraySlice<Double>) -> Double { part.reduce(0, +) / Double(part.count) }
    let half = losses.count / 2
    return mean(losses.suffix(half)) >= mean(losses.prefix(half))
  }

  /// The loss of a network that takes all classes for equally likely, or gives the mean of the
  /// standardized target; nil where that is not known.
  private static func untrainedLoss(_ settings: RunSettings, classes: Int) -> Double? {
    guard settings.classWeights == .none else { return nil }
    switch settings.loss {
    case .softmaxCrossEntropy: return PortableMath.log(Double(max(2, classes)))
    case .binaryCrossEntropy: return PortableMath.log(2)
    case .squaredError: return 1
    case .smoothedCrossEntropy, .absoluteError, .huber: return nil
    }
  }

  private static func median(_ numbers: [Double]) -> Double? {
    let known = numbers.filter(\.isFinite).sorted()
    return known.isEmpty ? nil : known[known.count / 2]
  }

  // MARK: Overfitting

  private static func overfitting(_ epochs: [EpochRecord], best: Int, rows: Int) -> String? {
    guard let kept = epochs.first(where: { $0.epoch == best }), let last = epochs.last,
      let validation = kept.validationLoss, let end = last.validationLoss
    else { return nil }
    let hasFallen = last.trainingLoss < kept.trainingLoss && last.trainingLoss < 0.5 * end
    // Losses of single rows differ by about as much as they are; their mean by √rows less.
    let rise = max(1.2, 1 + 2 / Double(max(1, rows)).squareRoot())
    guard end > rise * validation, hasFallen else { return nil }
    return "the validation loss rose from \(Words.number(validation)) to \(Words.number(end)) while"
      + " the training loss fell from \(Words.number(kept.trainingLoss)) to"
      + " \(Words.number(last.trainingLoss))"
  }
}

// MARK: In words

extension RunReport {
  /// The run's verdict.
  var verdict: TrainingVerdict {
    TrainingVerdict(
      history.epochs, best: bestEpoch, settings: settings, classes: schema.classes.count,
      isGood: knowledge.isGood, hasFault: !health.faults.isEmpty,
      validationRows: data.validation.rowCount)
  }

  /// Whether faults of the gradient's way are told before anything else: a result that is good all the
  /// same shows that they kept nothing from learning.
  var isAlarming: Bool { !health.faults.isEmpty && !knowledge.isGood }

  /// What whoever trains should know before using the model, in one line; nil if there is nothing.
  package var warning: String? {
    let verdict = verdict
    var parts: [String] = []
    if let nothingShown { parts.append(nothingShown) }
    if let reason = verdict.tooFast {
      parts.append("the learning rate is probably too large: \(reason)")
    }
    if let reason = verdict.tooSlow {
      parts.append("the learning rate is probably too small: \(reason)")
    }
    if isAlarming, let fault = health.faults.first {
      let more = health.faults.count - 1
      let others = more > 0 ? " (and \(NumberFormat.counted(more, "more fault")))" : ""
      parts.append("\(fault.layer): \(fault.explanation)\(others)")
    }
    return parts.isEmpty ? nil : parts.joined(separator: "; ")
  }

  /// What is worth knowing beside that.
  package var notes: [String] { [noBetterAnswers, manyKnownRows].compactMap(\.self) }

  /// What to set instead of a rate that is a thousand times from the optimizer's default, or more; nil:
  /// it is nearer.
  private func usualRate(insteadOf rate: Double) -> String? {
    let kind = type(of: settings.optimizer).kind
    let rules = OptimizerChoice.allCases.lazy.compactMap { try? $0.optimizer() }
    guard let usual = rules.first(where: { type(of: $0).kind == kind })?.learningRate,
      rate > 1000 * usual || rate < usual / 1000
    else { return nil }
    return "the usual one: --learning-rate \(Words.plain(usual))"
  }

  /// What to do about a learning rate that is too large.
  var slower: String? {
    verdict.tooFast.map { reason in
      let rate = settings.optimizer.learningRate
      let advice =
        usualRate(insteadOf: rate)
        ?? "a tenth of it or less: --learning-rate \(Words.plain(rate / 10))"
      return "The learning rate, \(Words.plain(rate)), is probably too large: \(reason)."
        + " Train anew with \(advice)."
    }
  }

  /// What to do about a learning rate that is too small.
  var faster: String? {
    verdict.tooSlow.map { reason in
      let rate = settings.optimizer.learningRate
      let advice =
        usualRate(insteadOf: rate)
        ?? "ten times as much or more: --learning-rate \(Words.plain(10 * rate))"
      return "The learning rate, \(Words.plain(rate)), is probably too small: \(reason)."
        + " Train anew with \(advice)."
    }
  }

  /// That the training rows seem to be learned by heart, with what the validation rows can tell.
  var byHeart: String? {
    verdict.overfitting.map { reason in
      let rows = data.validation.rowCount
      let isFew = rows < TrainingVerdict.Limits.validationRows
      let what =
        "that looks like learning the training rows by heart"
        + (isFew ? ", as far as \(NumberFormat.counted(rows, "validation row")) can tell" : "")
      return "\(Words.capitalized(reason)): \(what). The best epoch was kept; --dropout 0.2,"
        + " --weight-decay or more rows may help."
    }
  }

  /// What the output layer's activation forbids; nil: nothing.
  var outputContradiction: String? {
    OutputRange(model.network)?.contradiction(model.loss, data.training.targets, schema: schema)
  }
}
