internal import EbbSystem

/// How far predictions go along with the truth, beyond what chance gives.
///
/// Predictions that know nothing of the truth would be as good with the truths of the rows dealt out
/// anew. Over all such deals, the sum of what each row gives to its own truth has a mean and a variance
/// that are known exactly (Hoeffding, *A combinatorial central limit theorem*, 1951); ``score`` is how
/// many standard deviations the real sum is above that mean. With rare classes this sees what accuracy
/// does not: a model that gives the rare rows a larger share than others, though never the largest.
package struct Association: Sendable {
  /// The sum of what the rows give to their truths, above its mean over all deals.
  private let excess: Double
  /// The variance of the sum over all deals.
  private let variance: Double
  /// What the excess would be for perfect predictions.
  private let perfect: Double
  /// The number of rows.
  package let rows: Int

  private init(excess: Double, variance: Double, perfect: Double, rows: Int) {
    (self.excess, self.variance, self.perfect, self.rows) = (excess, variance, perfect, rows)
  }

  /// From here on it is no chance: one deal in about 700 comes so far, and as many in a row of looks.
  package static let surely = 3.0
  /// Below this it may well be chance: one deal in twenty comes so far.
  package static let hardly = 1.645
  /// A smaller part of what perfect predictions give is next to nothing, however sure.
  package static let least = 0.005

  /// How many standard deviations the sum is above the mean of chance; 0 where nothing varies.
  package var score: Double {
    // What rounding leaves of nothing is nothing.
    variance > 0 && excess.magnitude > 1e-12 * perfect ? excess / variance.squareRoot() : 0
  }

  /// The excess as a part of what perfect predictions give, at most 1.
  package var strength: Double { perfect > 0 ? excess / perfect : 0 }

  /// Whether the predictions surely know something of the truth.
  package var isSure: Bool { score >= Self.surely && strength >= Self.least }

  /// Whether nothing shows that they know anything.
  package var isAbsent: Bool { score < Self.hardly || strength < Self.least }

  /// Two parts of the data, each with its own deals.
  package static func + (left: Association, right: Association) -> Association {
    Association(
      excess: left.excess + right.excess, variance: left.variance + right.variance,
      perfect: left.perfect + right.perfect, rows: left.rows + right.rows)
  }

  /// The shares that rows give to classes beside their labels.
  ///
  /// - Parameters:
  ///   - labels: the class of each row.
  ///   - share: what a row gives to a class, 0 to 1.
  package init(labels: [Int], classes: Int, share: (_ row: Int, _ class: Int) -> Double) {
    var sums = Sums(labels: labels, classes: classes)
    for row in labels.indices { sums.add(row) { share(row, $0) } }
    self = sums.association
  }

  /// What is kept of the rows while their shares come by: rows times classes may be more than fits.
  package struct Sums {
    private let labels: [Int]
    private let counts: [Double]
    private let present: [Int]
    /// Of each class, the shares given to it.
    private var columns: [Double]
    /// Of the rows, what each gives to its own truth, the mean of that over all deals, and
    /// Σ f (a − e)² for a share a of a class with the frequency f and the row's mean e.
    private var (given, expected, squares) = (0.0, 0.0, 0.0)

    package init(labels: [Int], classes: Int) {
      self.labels = labels
      var counts = [Double](repeating: 0, count: classes)
      for label in labels { counts[label] += 1 }
      self.counts = counts
      present = counts.indices.filter { counts[$0] > 0 }
      columns = [Double](repeating: 0, count: classes)
    }

    /// Takes in what a row gives to each class.
    package mutating func add(_ row: Int, _ share: (_ class: Int) -> Double) {
      let n = Double(labels.count)
      let mean = present.reduce(0) { $0 + counts[$1] / n * share($1) }
      for column in present {
        let value = share(column)
        columns[column] += value / n
        squares += counts[column] * (value - mean) * (value - mean)
      }
      given += share(labels[row])
      expected += mean
    }

    package var association: Association {
      let n = Double(labels.count)
      guard labels.count > 1 else {
        return Association(excess: 0, variance: 0, perfect: 0, rows: labels.count)
      }
      // Over all deals a row gets e, and the variance is Σ n f (a − e − (mean of a − mean of e))² over
      // rows and classes, divided by n − 1.
      let mean = expected / n
      let between = present.reduce(0) {
        $0 + counts[$1] * (columns[$1] - mean) * (columns[$1] - mean)
      }
      let rest = max(0, squares - n * between)
      let purity = present.reduce(0) { $0 + (counts[$1] / n) * (counts[$1] / n) }
      let isKnown = given.isFinite && rest.isFinite
      return Association(
        excess: isKnown ? given - expected : 0, variance: isKnown ? rest / (n - 1) : 0,
        perfect: n * (1 - purity), rows: labels.count)
    }
  }

  /// What perfect predictions of these truths would be: where they are not sure, nothing is.
  package static func perfect(labels: [Int], classes: Int) -> Association {
    Association(labels: labels, classes: classes) { labels[$0] == $1 ? 1 : 0 }
  }

  /// The ranks of predicted numbers beside those of true ones (Spearman, 1904): a few numbers that are
  /// far from all others do not hide the rest.
  package init(ranksOf truth: [Double], predicted: [Double]) {
    self.init(truth: Self.ranks(truth), predicted: Self.ranks(predicted))
  }

  /// The place of each number in the order, from 0; equal numbers share the mean of theirs.
  private static func ranks(_ numbers: [Double]) -> [Double] {
    let order = numbers.indices.sorted { numbers[$0] < numbers[$1] }
    var ranks = [Double](repeating: .nan, count: numbers.count)
    // What is no number has no place.
    guard !numbers.contains(where: \.isNaN) else { return ranks }
    var first = 0
    while first < order.count {
      var end = first + 1
      while end < order.count, numbers[order[end]] == numbers[order[first]] { end += 1 }
      for place in first..<end { ranks[order[place]] = Double(first + end - 1) / 2 }
      first = end
    }
    return ranks
  }

  /// Predicted numbers beside true ones: the covariance.
  package init(truth: [Double], predicted: [Double]) {
    let rows = truth.count
    let n = Double(rows)
    guard rows > 1, truth.count == predicted.count else {
      self.init(excess: 0, variance: 0, perfect: 0, rows: rows)
      return
    }
    let (centre, middle) = (truth.reduce(0, +) / n, predicted.reduce(0, +) / n)
    var (both, own, other) = (0.0, 0.0, 0.0)
    for (x, y) in zip(truth, predicted) {
      both += (x - centre) * (y - middle)
      own += (x - centre) * (x - centre)
      other += (y - middle) * (y - middle)
    }
    let isKnown = both.isFinite && own.isFinite && other.isFinite
    self.init(
      excess: isKnown ? both : 0, variance: isKnown ? own * other / (n - 1) : 0,
      perfect: isKnown ? own : 0, rows: rows)
  }
}

extension ClassificationMetrics {
  /// The most frequent class of these rows, in quotes, and how many rows are of it.
  package var mostFrequent: (name: String, count: Int) {
    let parts = perClass
    guard let most = parts.max(by: { $0.count < $1.count }) else { return ("", 0) }
    return (most.name.quotedForMessage, most.count)
  }
}

extension Metrics {
  /// How sure it is that the predictions are better than one that is the same for every row: the most
  /// frequent class of these rows. In standard deviations of what the rows that decide would give by
  /// chance; nil for numbers, of which the metrics do not know enough.
  package var leadOverConstant: Double? {
    guard case .classification(let metrics) = self else { return nil }
    let parts = metrics.perClass
    guard let most = parts.indices.max(by: { parts[$0].count < parts[$1].count }) else {
      return nil
    }
    // Only rows on which one is right and the other wrong decide (McNemar, 1947).
    let won = metrics.correct - parts[most].correct
    let lost = parts[most].count - parts[most].correct
    return won + lost == 0 ? 0 : Double(won - lost) / Double(won + lost).squareRoot()
  }
}
