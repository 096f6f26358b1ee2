/// How well classes were predicted: whole numbers, and shares of them.
public struct ClassificationMetrics: Hashable, Sendable {
  /// The classes' names.
  public let classes: [String]
  /// How many rows of each class were predicted as each class: `confusion[truth][predicted]`.
  public let confusion: [[Int]]

  /// One class's share.
  public struct ClassAccuracy: Hashable, Sendable {
    /// The class's name.
    public let name: String
    /// How many rows are of the class.
    public let count: Int
    /// How many of them were predicted right.
    public let correct: Int
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
    var confusion = [[Int]](
      repeating: [Int](repeating: 0, count: classes.count), count: classes.count)
    for row in truth.indices {
      guard classes.indices.contains(truth[row]), classes.indices.contains(predicted[row]) else {
        throw MetricsError(
          "row \(row): classes \(truth[row]) and \(predicted[row]) must both lie in"
            + " 0 ..< \(classes.count)")
      }
      confusion[truth[row]][predicted[row]] += 1
    }
    self.classes = classes
    self.confusion = confusion
  }

  /// The number of rows.
  public var count: Int { confusion.reduce(0) { $0 + $1.reduce(0, +) } }

  /// The number of rows that were predicted right.
  public var correct: Int { confusion.indices.reduce(0) { $0 + confusion[$1][$1] } }

  /// The share of all rows that was predicted right, 0 to 1.
  public var accuracy: Double { Double(correct) / Double(count) }

  /// Each class's share.
  public var perClass: [ClassAccuracy] {
    confusion.indices.map { index in
      ClassAccuracy(
        name: classes[index], count: confusion[index].reduce(0, +),
        correct: confusion[index][index])
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
