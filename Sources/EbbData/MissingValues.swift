internal import EbbSystem

/// The missing values of one column: numbers that were replaced by its training mean, or texts that
/// are of no category.
struct MissingValues {
  /// What stands for them.
  enum Replacement {
    case mean(Double)
    case noCategory
  }

  let column: String
  let replacement: Replacement
  var count: Int
  /// Some of the words that count as missing, as they stand in the file.
  var words: [String] = []

  /// With more columns than this one note stands for all.
  private static let mostNotes = 10

  /// A note for each column with missing values, or one for all when there are many.
  ///
  /// - Parameters:
  ///   - columns: What is missing in each column.
  ///   - source: The data, where it is not clear which are meant.
  static func notes(on columns: [MissingValues], in source: String? = nil) -> [String] {
    let columns = columns.filter { $0.count > 0 }
    let place = source.map { "\($0): " } ?? ""
    guard columns.count > mostNotes else { return columns.map { place + $0.note } }
    let total = columns.reduce(0) { $0 + $1.count }
    let haveTexts = columns.contains {
      if case .noCategory = $0.replacement { true } else { false }
    }
    var words: [String] = []
    for word in columns.flatMap(\.words) where !words.contains(word) { words.append(word) }
    return [
      "\(place)\(NumberFormat.grouped(total)) missing values in \(columns.count) columns, such as "
        + "\(columns[0].column.quotedForMessage), are replaced by the training means of their "
        + "columns" + (haveTexts ? ", or are of no category" : "")
        + MissingWords.explanation(Array(words.prefix(4)))
    ]
  }

  private var note: String {
    let head = "column \(column.quotedForMessage): "
    switch replacement {
    case .mean(let mean):
      return head + "\(NumberFormat.counted(count, "missing value")) "
        + "\(count == 1 ? "is" : "are") replaced by the training mean "
        + NumberFormat.significant(mean, digits: 3) + MissingWords.explanation(words)
    case .noCategory:
      return head + "\(NumberFormat.counted(count, "missing text")) "
        + "\(count == 1 ? "is" : "are") of no category" + MissingWords.explanation(words)
    }
  }

  /// The sums of counts of the same columns.
  static func sum(_ first: [MissingValues], _ second: [MissingValues]) -> [MissingValues] {
    guard first.count == second.count else { return first.isEmpty ? second : first }
    return zip(first, second).map { one, other in
      var sum = one
      sum.count += other.count
      return sum
    }
  }
}
