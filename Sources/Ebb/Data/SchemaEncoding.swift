import EbbSystem

extension Schema {
  /// Whether the target column is wanted when rows are encoded.
  public enum TargetUse: Sendable {
    /// It must be there, in every row: for evaluation.
    case required
    /// It is not looked at: for prediction.
    case ignored
  }

  /// Rows as numbers, and what was noticed.
  public struct Encoded: Sendable {
    /// The rows.
    public let dataset: Dataset
    /// Notes on texts that were not seen in training, and on missing numbers.
    public let notes: [String]
  }

  /// Turns rows of a table into numbers, as the training rows were.
  ///
  /// Columns are found by name, in any order; others are not looked at.
  ///
  /// - Parameters:
  ///   - table: The data.
  ///   - rows: Which rows, from 0; all when left out.
  ///   - target: Whether the target is needed.
  /// - Throws: ``DataError`` that names the column that is missing, or the line of a text where
  ///   a number is expected, of an unknown class or of a missing target.
  public func encode(
    _ table: Table, rows: [Int]? = nil, target use: TargetUse
  ) throws(DataError) -> Encoded {
    let (dataset, notes, missing) = try encodeCounting(table, rows: rows, target: use)
    return Encoded(dataset: dataset, notes: notes + MissingNumbers.notes(on: missing))
  }

  /// As ``encode(_:rows:target:)``, with the missing numbers apart from the other notes, so that
  /// those of several parts of a table can be added up.
  func encodeCounting(
    _ table: Table, rows: [Int]?, target use: TargetUse
  ) throws(DataError) -> (dataset: Dataset, notes: [String], missing: [MissingNumbers]) {
    let rows = rows ?? Array(0..<table.rowCount)
    if let row = rows.first(where: { $0 < 0 || $0 >= table.rowCount }) {
      throw DataError(
        .badValue, source: table.source, "row \(row) is outside 0..<\(table.rowCount)")
    }
    let width = featureCount
    let (size, overflow) = rows.count.multipliedReportingOverflow(by: width)
    guard !overflow else {
      throw DataError(.badValue, source: table.source, "the table is too large to encode")
    }
    try MemoryNeed.table(rows: rows.count, columns: width, bytesEach: 4, of: table.source)
    var values = [Float](repeating: 0, count: size)
    var notes: [String] = []
    var missing: [MissingNumbers] = []
    var offset = 0
    for feature in features {
      let column = try inputColumn(feature, of: table)
      switch feature.encoding {
      case .constant: break
      case .standardized(let mean, let scale):
        let count = try standardize(
          column, mean, scale, rows, table, into: &values, offset: offset, stride: width)
        missing.append(MissingNumbers(column: feature.name, mean: mean, count: count))
      case .oneHot(let categories):
        let note = Self.oneHot(
          column, categories, rows, table, into: &values, offset: offset, stride: width)
        if let note { notes.append(note) }
      }
      offset += feature.width
    }
    let targets: Dataset.Targets =
      use == .ignored ? .none : try targets(of: table, rows: rows)
    let dataset = try Dataset(
      features: values, featureCount: width, targets: targets, featureNames: featureNames)
    return (dataset, notes, missing)
  }

  private func inputColumn(_ feature: Feature, of table: Table) throws(DataError) -> Column {
    guard table.hasColumn(named: feature.name) else {
      throw table.unknownColumn(
        feature.name,
        "the column \(feature.name.quotedForMessage), which the model needs, is missing")
    }
    return try table.column(named: feature.name)
  }

  /// Sets the numbers of a column; how many were missing.
  private func standardize(
    _ column: Column, _ mean: Double, _ scale: Double, _ rows: [Int], _ table: Table,
    into values: inout [Float], offset: Int, stride: Int
  ) throws(DataError) -> Int {
    let numbers: [Double]
    switch column.values {
    case .numbers(let values): numbers = values
    case .texts(let texts)
    where texts.categories.allSatisfy({ MissingWords.meansNoNumber($0.utf8) }):
      return rows.count
    case .texts(let texts):
      let row = column.firstTextRow ?? texts.codes.firstIndex(where: { $0 >= 0 }) ?? 0
      throw DataError(
        .wrongColumnType, source: table.source, line: table.rowLines[row],
        "column \(column.name.quotedForMessage) holds \((texts[row] ?? "").quotedForMessage), and "
          + "the model expects numbers there",
        advice: "correct the value, or leave the field empty if it is missing")
    }
    var position = offset
    var missing = 0
    for row in rows {
      let number = numbers[row]
      if number.isNaN {
        missing += 1
      } else {
        let value = Float((number - mean) / scale)
        guard value.isFinite else {
          throw DataError(
            .numberOutOfRange, source: table.source, line: table.rowLines[row],
            "column \(column.name.quotedForMessage) holds \(NumberFormat.shortest(number)), too "
              + "far from the training rows' mean of \(NumberFormat.significant(mean, digits: 4))",
            advice: "correct the value, or leave the field empty if it is missing")
        }
        values[position] = value
      }
      position += stride
    }
    return missing
  }

  /// Sets the ones; a note when texts were never seen in training.
  private static func oneHot(
    _ column: Column, _ categories: [String], _ rows: [Int], _ table: Table,
    into values: inout [Float], offset: Int, stride: Int
  ) -> String? {
    let texts = textValues(column)
    let positions = Dictionary(
      categories.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    let place: [Int?] = texts.categories.map { positions[$0] }
    var unseen: [Int] = []
    for (index, row) in rows.enumerated() where texts.codes[row] >= 0 {
      if let position: Int = place[Int(texts.codes[row])] {
        values[index * stride + offset + position] = 1
      } else {
        unseen.append(row)
      }
    }
    guard let first = unseen.first else { return nil }
    return "column \(column.name.quotedForMessage): \(NumberFormat.counted(unseen.count, "row")) "
      + "with a text that no training row has, such as \((texts[first] ?? "").quotedForMessage) in "
      + "line \(table.rowLines[first]); it counts as none of the known ones"
  }

  /// A column's values as texts; numbers as they would be named.
  private static func textValues(_ column: Column) -> TextValues {
    switch column.values {
    case .texts(let texts): texts
    case .numbers(let numbers):
      TextValues(numbers.map { $0.isNaN ? nil : TargetColumn.className(of: $0) })
    }
  }

  private func targets(of table: Table, rows: [Int]) throws(DataError) -> Dataset.Targets {
    guard table.hasColumn(named: target.name) else {
      throw table.unknownColumn(
        target.name, "the target column \(target.name.quotedForMessage) is missing")
    }
    let column = try table.column(named: target.name)
    let isMissing = Set(column.missingRows)
    let missing = rows.filter { isMissing.contains($0) }
    guard missing.isEmpty else {
      throw DataError(
        .missingValues, source: table.source, line: table.rowLines[missing[0]],
        "the target \(target.name.quotedForMessage) is missing in "
          + "\(NumberFormat.counted(missing.count, "row")): line"
          + "\(missing.count == 1 ? "" : "s") \(missing.map { table.rowLines[$0] }.listedForMessage())",
        advice: "fill them in or remove these rows")
    }
    switch target.kind {
    case .classes(let classes): return try labels(column, classes, rows, table)
    case .number(let mean, let scale):
      var values = [Float](repeating: 0, count: rows.count)
      let missing = try standardize(
        column, mean, scale, rows, table, into: &values, offset: 0, stride: 1)
      guard missing == 0 else {
        throw DataError(
          .missingValues, source: table.source,
          "the target \(target.name.quotedForMessage) has no number in any row",
          advice: "fill in the values")
      }
      return .values(values, outputs: 1)
    }
  }

  private func labels(
    _ column: Column, _ classes: [String], _ rows: [Int], _ table: Table
  ) throws(DataError) -> Dataset.Targets {
    let texts = Self.textValues(column)
    let positions = Dictionary(
      classes.enumerated().map { ($1, Int32($0)) }, uniquingKeysWith: { first, _ in first })
    let place = texts.categories.map { positions[$0] }
    var labels: [Int32] = []
    labels.reserveCapacity(rows.count)
    var unknown: [Int] = []
    for row in rows {
      if let label = place[Int(texts.codes[row])] {
        labels.append(label)
      } else {
        unknown.append(row)
      }
    }
    if let first = unknown.first {
      throw DataError(
        .unknownClass, source: table.source, line: table.rowLines[first],
        "the target \(target.name.quotedForMessage) holds \((texts[first] ?? "").quotedForMessage), "
          + "a class the model does not know (line\(unknown.count == 1 ? "" : "s") "
          + "\(unknown.map { table.rowLines[$0] }.listedForMessage()))",
        advice: "the classes are "
          + classes.prefix(20).map { $0.quotedForMessage }.joined(separator: ", ")
          + (classes.count > 20 ? " and \(classes.count - 20) more" : ""))
    }
    return .classes(labels, count: classes.count)
  }
}
