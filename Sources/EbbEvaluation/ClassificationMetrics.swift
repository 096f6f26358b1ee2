/// How well classes were predicted: whole numbers, and shares of them.
///
/// What is kept grows with the rows and the classes, never with the square of the classes.
public struct ClassificationMetrics: Hashable, Sendable {
  /// The classes' names.
  public let classes: [String]
  /// How many rows of which class were predicted as which class, for all pairs that occurred, in the
  /// order of the true class, then of the predicted one.
  public let confusionPairs: [ConfusionPair]

  /// Rows of one class that were predicted as one class.
  public struct ConfusionPair: Hashable, Sendable {
    /// The true class, an index into `classes`.
    public let truth: Int
    /// The predicted class, an index into `classes`.
    public let predicted: Int
    /// How many rows there are, at least 1.
    public let count: Int
  }

  /// With more classes than this, files and pages do not hold the confusion matrix in full.
  package static let mostClassesInMatrix = 100

  /// One class's share.
  public struct ClassAccuracy: Hashable, Sendable {
    /// The class's name.
    public let name: String
    /// How many rows are of the class.
    public let count: Int
    /// How many of them were predicted right.
    public let correct: Int
    /// How many rows, of whatever class, were predicted as this class.
    public let named: Int
    /// The share of the class's rows that was predicted right (its recall), 0 to 1; nil if the class
    /// has no rows.
    public var accuracy: Double? { count == 0 ? nil : Double(correct) / Double(count) }
  }

  /// Counts predictions.
  ///
  /// - Parameters:
  ///   - classes: the classes' names.
  ///   - truth: the true class of each row, an index into `classes`.
  ///   - predicted: the predicted class of each row.
  /// - Throws: `MetricsError` if there are no rows, the numbers of rows differ, or an index is not
  ///   that of a class.
  public init(classes: [String], truth: [Int], predicted: [Int]) throws(MetricsError) {
    guard truth.count == predicted.count else {
      throw MetricsError("\(truth.count) true classes but \(predicted.count) predictions")
    }
    guard !truth.isEmpty else { throw MetricsError("there are no rows to measure") }
    var counts: [Int: Int] = [:]
    for row in truth.indices {
      guard classes.indices.contains(truth[row]), classes.indices.contains(predicted[row]) else {
        throw MetricsError(
          "row \(row): classes \(truth[row]) and \(predicted[row]) must both lie in"
            + " 0 ..< \(classes.count)")
      }
      counts[truth[row] * classes.count + predicted[row], default: 0] += 1
    }
    self.classes = classes
    confusionPairs = counts.sorted { $0.key < $1.key }.map { place, count in
      ConfusionPair(
        truth: place / classes.count, predicted: place % classes.count, count: count)
    }
  }

  /// How many rows of each class were predicted as each class: `confusion[truth][predicted]`.
  ///
  /// Made anew at each call, and as large as the square of the number of classes; of many classes
  /// ``confusionPairs`` says the same.
  public var confusion: [[Int]] {
    var matrix = [[Int]](
      repeating: [Int](repeating: 0, count: classes.count), count: classes.count)
    for pair in confusionPairs { matrix[pair.truth][pair.predicted] = pair.count }
    return matrix
  }

  /// The pairs of different classes, the most frequent first.
  package var mistakes: [ConfusionPair] {
    confusionPairs.filter { $0.truth != $0.predicted }.sorted {
      ($1.count, $0.truth, $0.predicted) < ($0.count, $1.truth, $1.predicted)
    }
  }

  /// The classes with the most mistakes, in their own order: rows of theirs that were predicted as
  /// another class, and others' that were predicted as theirs. The first of equals come before others.
  package func mostConfused(_ count: Int) -> [Int] {
    guard count < classes.count else { return Array(classes.indices) }
    let wrong = perClass.map { $0.count + $0.named - 2 * $0.correct }
    return wrong.indices.sorted { (wrong[$1], $0) < (wrong[$0], $1) }.prefix(count).sorted()
  }

  /// The number of rows.
  public var count: Int { confusionPairs.reduce(0) { $0 + $1.count } }

  /// The number of rows that were predicted right.
  public var correct: Int {
    confusionPairs.reduce(0) { $0 + ($1.truth == $1.predicted ? $1.count : 0) }
  }

  /// The share of all rows that was predicted right, 0 to 1.
  public var accuracy: Double { Double(correct) / Double(count) }

  /// Each class's share.
  public var perClass: [ClassAccuracy] {
    var counts = [Int](repeating: 0, count: classes.count)
    var (rights, named) = (counts, counts)
    for pair in confusionPairs {
      counts[pair.truth] += pair.count
      named[pair.predicted] += pair.count
      if pair.truth == pair.predicted { rights[pair.truth] = pair.count }
    }
    return classes.indices.map { index in
      ClassAccuracy(
        name: classes[index], count: counts[index], correct: rights[index], named: named[index])
    }
  }
}

/// What does not fit when predictions are measured.
public struct MetricsError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What was expected and what came.
  public let message: String
  /// The message.
  public var description: String { message }

  init(_ message: String) { self.message = message }
}
