internal import Ebb
internal import EbbRuns
internal import EbbSystem

/// What comes first: the result in words.
extension RunReport {
  var overview: Section {
    var text: HTML =
      "<p class=\"lead\">\(sentences.joined(separator: " "))</p>\n<dl class=\"tiles\">"
    for tile in tiles {
      text += """
        <div\(tile.isBad ? HTML(" class=\"bad\"") : "")><dt>\(tile.name)</dt><dd>\(tile.value)</dd>\
        <dd class="note">\(tile.note)</dd></div>
        """
    }
    text += "</dl>\n<h3>What to do next</h3>\n<ul class=\"advice\">"
    for item in advice { text += "<li>\(item)</li>\n" }
    text += "</ul>\n"
    return Section(id: "overview", name: "In short", content: text)
  }

  private struct Tile {
    let name: String
    let value: String
    let note: String
    var isBad = false
  }

  private var tiles: [Tile] {
    var tiles: [Tile] = []
    let part = "\(judged.part.rawValue) rows"
    switch evaluation?.metrics {
    case .classification(let metrics):
      let counts =
        "\(NumberFormat.grouped(metrics.correct)) of \(NumberFormat.grouped(metrics.count))"
      tiles.append(
        Tile(name: "Accuracy", value: Words.percent(metrics.accuracy), note: "\(counts) \(part)"))
    case .regression(let metrics):
      tiles.append(
        Tile(
          name: "R²", value: Words.metric(metrics.r2, of: "r2"),
          note: "1 is perfect, 0 the mean; \(part)"))
      tiles.append(
        Tile(
          name: "Typical error", value: Words.number(metrics.rmse),
          note: "root mean square, unit of \(settings.target)"))
    case nil: break
    }
    let epochs = NumberFormat.counted(history.epochs.count, "epoch")
    tiles.append(Tile(name: "Best epoch", value: "\(bestEpoch)", note: "of \(epochs) trained"))
    let faults = health.faults
    let (isTooFast, isTooSlow) = (verdict.tooFast != nil, verdict.tooSlow != nil)
    tiles.append(
      Tile(
        name: "Gradients",
        value: health.diagnosis == nil
          ? "unknown"
          : !faults.isEmpty
            ? NumberFormat.counted(faults.count, "fault")
            : isTooFast ? "large steps" : isTooSlow ? "small steps" : "no fault",
        note: faults.first.map { "in \($0.layer)" }
          ?? (isTooFast
            ? "lower the learning rate"
            : isTooSlow ? "raise the learning rate" : "found in how they reach the layers"),
        isBad: isAlarming || isTooFast || isTooSlow))
    tiles.append(
      Tile(
        name: "Training time", value: NumberFormat.duration(seconds: seconds),
        note: NumberFormat.counted(model.parameterCount, "parameter")))
    return tiles
  }

  // MARK: Words

  /// What was trained on what, how good it is, and whether it is healthy.
  private var sentences: [String] {
    var sentences = [
      "A network with \(NumberFormat.counted(model.parameterCount, "parameter")) was trained on"
        + " \(NumberFormat.counted(data.training.rowCount, "row")) to predict \(settings.target)\(kind)"
        + " from \(NumberFormat.counted(schema.features.count, "column")) of"
        + " \(Files.name(of: settings.data.path))."
    ]
    if let quality { sentences.append(quality) }
    if let knownRows { sentences.append("\(Words.capitalized(knownRows)).") }
    if let nothingShown { sentences.append("\(Words.capitalized(nothingShown)).") }
    sentences.append(ending)
    switch health {
    case .known(let diagnosis) where diagnosis.isHealthy:
      if verdict.tooFast == nil && verdict.tooSlow == nil {
        sentences.append(
          "In how gradient reaches its layers no fault was found on"
            + " \(NumberFormat.counted(diagnosis.rows, "row")).")
      }
    case .known(let diagnosis):
      guard isAlarming else {
        let faults = NumberFormat.counted(diagnosis.faults.count, "fault")
        sentences.append("Gradient flow tells of \(faults) below, which the result does not show.")
        break
      }
      let causes = diagnosis.faults.prefix(2).map { "\($0.layer): \($0.explanation)" }
      sentences.append("Gradient does not reach all weights: \(causes.joined(separator: "; ")).")
    case .unknown: break
    }
    if let check { sentences.append("Checked: \(check.sentence).") }
    return sentences
  }

  private var kind: String {
    settings.task == .regression
      ? "" : ", one of \(NumberFormat.counted(schema.classes.count, "class", plural: "classes")),"
  }

  private var quality: String? {
    let seen =
      judged.part == .training
      ? "rows it was trained on"
      : judged.part == .validation
        ? "validation rows, by which the best epoch was chosen,"
        : "test rows that were kept from training"
    switch evaluation?.metrics {
    case .classification(let metrics):
      let most = metrics.perClass.map(\.count).max() ?? 0
      let share = Double(most) / Double(max(1, metrics.count))
      return "On \(NumberFormat.grouped(metrics.count)) \(seen) it is right"
        + " \(Words.percent(metrics.accuracy)) of the time; always naming the most frequent class"
        + " would be right \(Words.percent(share)) of the time."
    case .regression(let metrics):
      let share = metrics.r2.map { r2 in
        r2 > 0 ? " It explains \(Words.percent(r2)) of the spread." : ""
      }
      return "On \(NumberFormat.grouped(metrics.count)) \(seen) it is off by"
        + " \(Words.number(metrics.mae)) on average.\(share ?? "")"
    case nil: return nil
    }
  }

  private var ending: String {
    let count = history.epochs.count
    if hasDiverged {
      return "Training diverged after \(NumberFormat.counted(count, "epoch")); the best until then"
        + " was \(bestEpoch)."
    }
    if let patience = settings.fit.patience, count - bestEpoch >= patience {
      return "Training stopped after \(count) epochs, \(patience) after the best one."
    }
    if count < settings.fit.epochs {
      return "Training is not finished: \(count) of \(settings.fit.epochs) epochs are done."
    }
    return "All \(NumberFormat.counted(count, "epoch")) were used; epoch \(bestEpoch) was the best."
  }

  // MARK: Advice

  private var advice: [String] {
    let verdict = verdict
    var advice = [slower, faster].compactMap(\.self)
    if let outputContradiction { advice.append("\(Words.capitalized(outputContradiction)).") }
    if isAlarming { advice += health.faults.prefix(3).map { "\($0.layer): \($0.advice)." } }
    let isInOrder = advice.isEmpty && nothingShown == nil
    let hasRateToMend = verdict.tooFast != nil || verdict.tooSlow != nil
    if nothingShown != nil
      && (advice.isEmpty || (knowledge.level == .notShown && !hasRateToMend))
    {
      advice.append(learningAdvice)
    }
    let count = history.epochs.count
    if count < settings.fit.epochs && !stoppedEarly && !hasDiverged {
      advice.append("Go on: ebb resume \(path).")
    } else if isInOrder && bestEpoch == count && count > 0 && data.validation.rowCount > 0 {
      advice.append(
        "The last epoch was the best, so more may help: ebb resume \(path) --epochs \(2 * count).")
    }
    if let byHeart { advice.append(byHeart) }
    advice += [noBetterAnswers, manyKnownRows, openQuestion].compactMap(\.self).map { text in
      Words.capitalized(text.hasSuffix(".") ? text : text + ".")
    }
    if nothingShown == nil && !hasRateToMend {
      if case .classification(let metrics) = evaluation?.metrics { advice += classAdvice(metrics) }
      if case .regression(let metrics) = evaluation?.metrics, let r2 = metrics.r2, r2 < 0.2,
        !couldLearnMore
      {
        advice.append(
          "Little of these rows' spread is explained: look for columns that say more, or for rows that do"
            + " not belong.")
      }
    }
    if advice.isEmpty && knowledge.isAhead {
      advice.append("Nothing stands in the way: use it with ebb predict \(path) DATA.csv.")
    }
    if advice.isEmpty {
      advice.append(
        "Its answers are not surely better than the same one for every row: judge it on more rows"
          + " before using it, by ebb evaluate \(path) DATA.csv.")
    }
    return advice
  }

  /// Whether training ended while it still got better: then it is too early to speak of the columns.
  var couldLearnMore: Bool { bestEpoch == history.epochs.count && !stoppedEarly }

  /// Whether patience ended training.
  private var stoppedEarly: Bool {
    settings.fit.patience.map { history.epochs.count - bestEpoch >= $0 } ?? false
  }

  private func classAdvice(_ metrics: ClassificationMetrics) -> [String] {
    var advice: [String] = []
    let weak = metrics.perClass.filter { part in
      // Further below the whole than chance takes so many rows.
      let chance = metrics.accuracy * (1 - metrics.accuracy) / Double(max(1, part.count))
      let far = max(0.15, 2 * chance.squareRoot())
      return part.count >= 5 && (part.accuracy ?? 1) < metrics.accuracy - far
    }
    if let worst = weak.min(by: { ($0.accuracy ?? 1) < ($1.accuracy ?? 1) }) {
      let balanced =
        settings.classWeights == .none
        && Double(worst.count) < 0.5 * Double(metrics.count) / Double(metrics.classes.count)
      advice.append(
        "Class \(worst.name) is predicted worst: \(Words.percent(worst.accuracy ?? 0)) of its rows are"
          + " right." + (balanced ? " It has few rows; --class-weights balanced may help." : ""))
    }
    if settings.classWeights != .none {
      advice.append(
        "With class weights, look at the share found of each class below rather than at the accuracy."
      )
    }
    // Among many mistakes, few are the file's.
    if metrics.count - metrics.correct >= 3 && knowledge.isGood {
      advice.append(
        "Look at the mistakes below: if labels are wrong in the file, they show there first; ebb audit"
          + " \(path) searches for them.")
    }
    return advice
  }
}

extension RunReport.Health {
  /// The diagnosis, if there is one.
  var diagnosis: Diagnosis? { if case .known(let diagnosis) = self { diagnosis } else { nil } }
  /// What keeps the network from learning.
  var faults: [Finding] { diagnosis?.faults ?? [] }
}
