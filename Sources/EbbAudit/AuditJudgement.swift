internal import EbbData
internal import EbbEvaluation
internal import EbbTraining

/// Where an audit draws its lines.
enum AuditLimits {
  /// A regression's row stands out if its residual is so many times the robust spread (Iglewicz and
  /// Hoaglin, *How to detect and handle outliers*, 1993).
  static let spreads = 3.5
  /// The median of |x| of a normal distribution, by which the median becomes a standard deviation.
  static let medianOfNormal = 0.6744897501960817
  /// A row dominates with such a part of the gradient's square, and
  static let share = 0.25
  /// so many times the part of an average row.
  static let averageShares = 10.0
  /// Labels that networks contradict are likely wrong if so large a share of the labels that they are
  /// as sure of agrees with them. With less it may be the classes that overlap.
  static let agreement = 0.8
}

extension Audit {
  /// Judges the rows.
  init(
    _ model: Model, _ evidence: AuditEvidence, _ duplicates: DuplicateRows, trainings: Int,
    opinions: Int
  ) {
    let judge = AuditJudge(model: model, evidence: evidence, duplicates: duplicates)
    (self.trainings, self.opinions) = (trainings, opinions)
    task = evidence.dataset.targets.labels == nil ? .regression : .classification
    spread = judge.spread.map { $0 * (model.schema?.targetScale ?? 1) }
    (knowledge, agreement) = (judge.knowledge, judge.agreement)
    right = judge.right
    rows = judge.rows.sorted { left, right in
      if left.standsOut != right.standsOut { return left.standsOut }
      return left.score == right.score ? left.row < right.row : left.score > right.score
    }
  }
}

/// Judges each row by what the networks say of it.
private struct AuditJudge {
  let model: Model
  let evidence: AuditEvidence
  let duplicates: DuplicateRows
  /// The robust spread of a regression's residuals, standardised; nil for classes.
  let spread: Double?
  /// Whether the networks know more than chance gives.
  let knowledge: AuditKnowledge
  private let residuals: [Double]
  private let expected: [Double]
  private let totalSquare: Double

  init(model: Model, evidence: AuditEvidence, duplicates: DuplicateRows) {
    (self.model, self.evidence, self.duplicates) = (model, evidence, duplicates)
    let rows = 0..<evidence.dataset.rowCount
    totalSquare = rows.reduce(0) { $0 + evidence.square(of: $1) }
    switch evidence.dataset.targets {
    case .none:
      (spread, residuals, expected) = (nil, [], [])
      knowledge = .tooFewRows
    case .classes(let labels, let count):
      (spread, residuals) = (nil, [])
      expected = Self.selfConfidence(evidence, labels, count)
      let truth = labels.map(Int.init)
      let association = Association(labels: truth, classes: count) { evidence.said(of: $0, $1) }
      knowledge = AuditKnowledge(
        [association], perfect: [.perfect(labels: truth, classes: count)])
    case .values(let values, let outputs):
      let distances = rows.map { row in
        let squares = evidence.said(of: row).enumerated().map { column, said in
          let difference = said - Double(values[row * outputs + column])
          return difference * difference
        }
        return squares.reduce(0, +).squareRoot()
      }
      residuals = distances
      expected = []
      let middle = Self.median(distances) / AuditLimits.medianOfNormal
      // If more than half of the rows are met exactly, the mean distance has to do.
      let usual = middle > 0 ? middle : distances.reduce(0, +) / Double(distances.count)
      spread = usual > 0 ? usual : nil
      let truths = (0..<outputs).map { column in
        rows.map { Double(values[$0 * outputs + column]) }
      }
      knowledge = AuditKnowledge(
        truths.enumerated().map { column, truth in
          Association(ranksOf: truth, predicted: rows.map { evidence.said(of: $0, column) })
        }, perfect: truths.map { Association(ranksOf: $0, predicted: $0) })
    }
  }

  /// How probable each class is for the rows that have it as their label, on average.
  private static func selfConfidence(
    _ evidence: AuditEvidence, _ labels: [Int32], _ count: Int
  ) -> [Double] {
    var sums = [Double](repeating: 0, count: count)
    var rows = [Int](repeating: 0, count: count)
    for (row, label) in labels.enumerated() {
      sums[Int(label)] += evidence.said(of: row)[Int(label)]
      rows[Int(label)] += 1
    }
    return zip(sums, rows).map { $1 == 0 ? 1 : $0 / Double($1) }
  }

  /// On how many rows the networks are right, and always naming the most frequent label would be.
  var right: (networks: Int, mostFrequent: Int, label: Int)? {
    guard let labels = evidence.dataset.targets.labels else { return nil }
    var counts = [Int](repeating: 0, count: evidence.width)
    for label in labels { counts[Int(label)] += 1 }
    guard let most = counts.indices.max(by: { (counts[$0], $1) < (counts[$1], $0) }) else {
      return nil
    }
    let right = labels.indices.count { first(of: evidence.said(of: $0)) == Int(labels[$0]) }
    return (right, counts[most], most)
  }

  /// The share of agreement where the networks are sure.
  var agreement: Double? {
    guard let labels = evidence.dataset.targets.labels else { return nil }
    var (sure, agreeing) = (0, 0)
    for row in labels.indices {
      let said = evidence.said(of: row)
      let named = first(of: said)
      guard said[named] >= expected[named] else { continue }
      sure += 1
      if named == Int(labels[row]) { agreeing += 1 }
    }
    return sure == 0 ? nil : Double(agreeing) / Double(sure)
  }

  /// The most probable class; the first of equals.
  private func first(of said: [Double]) -> Int {
    said.indices.max { (said[$0], $1) < (said[$1], $0) } ?? 0
  }

  private static func median(_ numbers: [Double]) -> Double {
    let sorted = numbers.sorted()
    guard !sorted.isEmpty else { return 0 }
    let middle = sorted.count / 2
    guard sorted.count.isMultiple(of: 2) else { return sorted[middle] }
    return (sorted[middle - 1] + sorted[middle]) / 2
  }

  var rows: [AuditedRow] {
    switch evidence.dataset.targets {
    case .none: return []
    case .classes(let labels, _):
      let conflicts = duplicates.conflicts { labels[$0] != labels[$1] }
      return labels.indices.map { classified($0, Int(labels[$0]), conflicts[$0]) }
    case .values(let values, let outputs):
      let limit = (spread ?? .infinity) * AuditLimits.spreads
      let conflicts = duplicates.conflicts { first, second in
        let squares = (0..<outputs).map { column in
          let difference = values[first * outputs + column] - values[second * outputs + column]
          return Double(difference) * Double(difference)
        }
        // The difference of two values spreads √2 times as much as one.
        return squares.reduce(0, +) > 2 * limit * limit
      }
      return residuals.indices.map { row in
        measured(row, outputs == 1 ? Double(values[row]) : nil, conflicts[row])
      }
    }
  }

  private func classified(_ row: Int, _ label: Int, _ conflicts: [Int]) -> AuditedRow {
    let said = evidence.said(of: row)
    let others = said.indices.filter { $0 != label }
    let suggested = others.max { (said[$0], $1) < (said[$1], $0) }
    let probability = suggested.map { said[$0] } ?? 0
    var reasons: [AuditReason] = []
    if knowledge == .shown, let suggested, probability > said[label],
      probability >= expected[suggested]
    {
      reasons.append(.wrongLabel)
    }
    if !conflicts.isEmpty { reasons.append(.conflictingDuplicate) }
    if dominates(row) { reasons.append(.dominates) }
    return AuditedRow(
      row: row, reasons: reasons, score: 1 - said[label], loss: evidence.loss(of: row),
      gradientNorm: evidence.square(of: row).squareRoot(), share: share(row),
      cosine: evidence.cosine(of: row), label: label, labelProbability: said[label],
      suggested: suggested, probability: suggested.map { said[$0] }, value: nil, predicted: nil,
      conflicts: conflicts)
  }

  private func measured(_ row: Int, _ value: Double?, _ conflicts: [Int]) -> AuditedRow {
    let score = spread.map { residuals[row] / $0 } ?? 0
    var reasons: [AuditReason] = []
    if score > AuditLimits.spreads { reasons.append(.farValue) }
    if !conflicts.isEmpty { reasons.append(.conflictingDuplicate) }
    if dominates(row) { reasons.append(.dominates) }
    func original(_ number: Double) -> Double { model.schema?.originalTarget(number) ?? number }
    func given(_ number: Double) -> Double { model.schema?.givenTarget(Float(number)) ?? number }
    let predicted = value == nil ? nil : original(evidence.said(of: row)[0])
    return AuditedRow(
      row: row, reasons: reasons, score: score, loss: evidence.loss(of: row),
      gradientNorm: evidence.square(of: row).squareRoot(), share: share(row), cosine: nil,
      label: nil, labelProbability: nil, suggested: nil, probability: nil,
      value: value.map(given), predicted: predicted,
      conflicts: conflicts)
  }

  private func share(_ row: Int) -> Double {
    totalSquare > 0 ? evidence.square(of: row) / totalSquare : 0
  }

  private func dominates(_ row: Int) -> Bool {
    let share = share(row)
    let average = 1 / Double(evidence.dataset.rowCount)
    return share >= AuditLimits.share && share >= AuditLimits.averageShares * average
  }
}
