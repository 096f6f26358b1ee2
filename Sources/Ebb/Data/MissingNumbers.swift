import EbbSystem

/// The missing numbers of one column that were replaced by its training mean.
struct MissingNumbers {
  let column: String
  let mean: Double
  var count: Int

  /// With more columns than this one note stands for all.
  private static let mostNotes = 10

  /// A note for each column with missing numbers, or one for all when there are many.
  ///
  /// - Parameters:
  ///   - columns: What is missing in each column.
  ///   - source: The data, where it is not clear which are meant.
  static func notes(on columns: [MissingNumbers], in source: String? = nil) -> [String] {
    let columns = columns.filter { $0.count > 0 }
    let place = source.map { "\($0): " } ?? ""
    guard columns.count > mostNotes else {
      return columns.map { missing in
        let mean = NumberFormat.significant(missing.mean, digits: 3)
        return "\(place)column \(missing.column.quotedForMessage): "
          + "\(NumberFormat.counted(missing.count, "missing value")) "
          + "\(missing.count == 1 ? "is" : "are") replaced by the training mean \(mean)"
      }
    }
    let total = columns.reduce(0) { $0 + $1.count }
    return [
      "\(place)\(NumberFormat.grouped(total)) missing values in \(columns.count) columns, such as "
        + "\(columns[0].column.quotedForMessage), are replaced by the training means of their "
        + "columns"
    ]
  }

  /// The sums of counts of the same columns.
  static func sum(_ first: [MissingNumbers], _ second: [MissingNumbers]) -> [MissingNumbers] {
    guard first.count == second.count else { return first.isEmpty ? second : first }
    return zip(first, second).map {
      MissingNumbers(column: $0.column, mean: $0.mean, count: $0.count + $1.count)
    }
  }
}
