internal import EbbSystem

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

  /// What is to be known of how rows were read, column by column, so that parts of one table can be
  /// added up.
  struct Findings {
    /// What is said of each part alone.
    var notes: [String] = []
    var missing: [MissingValues] = []
    var far: [FarNumbers] = []

    mutating func add(_ other: Findings) {
      notes += other.notes
      missing = MissingValues.sum(missing, other.missing)
      far = FarNumbers.sum(far, other.far)
    }

    /// All as notes.
    ///
    /// - Parameter source: the data, where it is not clear which are meant.
    func notes(in table: Table, source: String? = nil) -> [String] {
      notes.map { (source.map { "\($0): " } ?? "") + $0 }
        + FarNumbers.notes(on: far, in: table, source: source)
        + MissingValues.notes(on: missing, in: source)
    }
  }

  /// Turns rows of a table into numbers, as the training rows were.
  ///
  /// Columns are found by name, in any order; others are not looked at. They are read as the types
  /// that they had in training, whatever the other rows look like: a text is taken byte for byte.
  ///
  /// - Parameters:
  ///   - table: The data.
  ///   - rows: Which rows, from 0; all when left out.
  ///   - target: Whether the target is needed.
  /// - Throws: ``DataError`` that names the column that is missing, or the place of a text where
  ///   a number is expected, of an unknown class or of a missing target.
  public func encode(
    _ table: Table, rows: [Int]? = nil, target use: TargetUse
  ) throws(DataError) -> Encoded {
    let (dataset, findings) = try encodeFinding(table, rows: rows, target: use)
    return Encoded(dataset: dataset, notes: findings.notes(in: table))
  }

  /// As ``encode(_:rows:target:)``, with what was found instead of notes.
  func encodeFinding(
    _ table: Table, rows: [Int]?, target use: TargetUse
  ) throws(DataError) -> (dataset: Dataset, findings: Findings) {
    let chosen = rows
    let rows = chosen ?? Array(0..<table.rowCount)
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
    let table = try table.reading(columnTypes(target: use))
    var values = [Float](repeating: 0, count: size)
    var findings = Findings()
    var offset = 0
    for feature in features {
      let column = try inputColumn(feature, of: table)
      switch (feature.encoding, column.values) {
      case (.constant(let value), .numbers(let numbers)):
        var other = FarNumbers(column: feature.name, range: value...value)
        for row in rows where numbers[row] != value && !numbers[row].isNaN {
          other.note(numbers[row], row: row)
        }
        findings.far.append(other)
      case (.standardized(let mean, let scale), .numbers(let numbers)):
        var far = FarNumbers(
          column: feature.name, range: feature.range ?? -.infinity ... .infinity)
        let count = try standardize(
          numbers, of: feature.name, mean, scale, rows, table, into: &values, offset: offset,
          stride: width, far: &far)
        findings.far.append(far)
        findings.missing.append(
          MissingValues(
            column: feature.name, replacement: .mean(mean), count: count,
            words: column.missingWords))
      case (.oneHot(let categories), .texts(let texts)):
        let (count, note) = Self.oneHot(
          texts, of: feature.name, categories, rows, table, into: &values, offset: offset,
          stride: width)
        if let note { findings.notes.append(note) }
        findings.missing.append(
          MissingValues(
            column: feature.name, replacement: .noCategory, count: count,
            words: column.missingWords))
      default: throw Self.unread(column, of: table)
      }
      offset += feature.width
    }
    let targets: Dataset.Targets =
      use == .ignored ? .none : try targets(of: table, rows: rows, findings: &findings)
    let dataset = try Dataset(
      features: values, featureCount: width, targets: targets, featureNames: featureNames,
      origin: Dataset.Origin(
        source: table.source,
        lines: chosen == nil ? table.rowLines : rows.map { table.rowLines[$0] }, schema: self))
    return (dataset, findings)
  }

  /// The error for a column of another type than was asked for.
  private static func unread(_ column: Column, of table: Table) -> DataError {
    DataError(
      .wrongColumnType, source: table.source,
      "column \(column.name.quotedForMessage) cannot be read as the model expects")
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
    _ numbers: [Double], of name: String, _ mean: Double, _ scale: Double, _ rows: [Int],
    _ table: Table, into values: inout [Float], offset: Int, stride: Int, far: inout FarNumbers
  ) throws(DataError) -> Int {
    let (least, most) = (far.range.lowerBound, far.range.upperBound)
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
            "column \(name.quotedForMessage) holds \(table.written([(name, row, number)])[0]), too "
              + "far from the training rows' mean of \(NumberFormat.significant(mean, digits: 4))",
            advice: "correct the value, or leave the field empty if it is missing")
        }
        if (number < least || number > most) && FarNumbers.isFar(number, from: far.range) {
          far.note(number, row: row)
        }
        values[position] = value
      }
      position += stride
    }
    return missing
  }

  /// Sets the ones; how many texts were missing, and a note when some were never seen in training.
  private static func oneHot(
    _ texts: TextValues, of name: String, _ categories: [String], _ rows: [Int], _ table: Table,
    into values: inout [Float], offset: Int, stride: Int
  ) -> (missing: Int, note: String?) {
    let positions = ExactText.positions(of: categories)
    let place = texts.categories.map { positions[ExactText($0)] }
    var unseen: [Int] = []
    var missing = 0
    for (index, row) in rows.enumerated() {
      if texts.codes[row] < 0 {
        missing += 1
      } else if let position = place[Int(texts.codes[row])] {
        values[index * stride + offset + position] = 1
      } else {
        unseen.append(row)
      }
    }
    guard let first = unseen.first else { return (missing, nil) }
    let note =
      "column \(name.quotedForMessage): \(NumberFormat.counted(unseen.count, "row")) "
      + "with a text that no training row has, such as \((texts[first] ?? "").quotedForMessage) in "
      + "line \(table.rowLines[first]); it counts as none of the known ones"
    return (missing, note)
  }

  private func targets(
    of table: Table, rows: [Int], findings: inout Findings
  ) throws(DataError) -> Dataset.Targets {
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
          + "\(missing.count == 1 ? "" : "s") \(missing.map { table.rowLines[$0] }.listedForMessage())"
          + MissingWords.explanation(column.missingWords),
        advice: "fill them in or remove these rows")
    }
    switch (target.kind, column.values) {
    case (.classes(let classes), .texts(let texts)):
      return try labels(texts, classes, rows, table, notes: &findings.notes)
    case (.number(let mean, let scale), .numbers(let numbers)):
      var values = [Float](repeating: 0, count: rows.count)
      var far = FarNumbers(
        column: target.name, range: target.range ?? -.infinity ... .infinity, areTargets: true)
      _ = try standardize(
        numbers, of: target.name, mean, scale, rows, table, into: &values, offset: 0, stride: 1,
        far: &far)
      findings.far.append(far)
      return .values(values, outputs: 1)
    default: throw Self.unread(column, of: table)
    }
  }

  /// The class of each row: the one whose name is the label, byte for byte. A label that is only
  /// another spelling of a whole number that is a class counts as that class, with a note.
  private func labels(
    _ texts: TextValues, _ classes: [String], _ rows: [Int], _ table: Table,
    notes: inout [String]
  ) throws(DataError) -> Dataset.Targets {
    let positions = ExactText.positions(of: classes)
    let place = texts.categories.map { positions[ExactText($0)] }
    let respelled = texts.categories.map { text in
      NumberForm.wholeNumber(text).flatMap { positions[ExactText($0)] }
    }
    var labels: [Int32] = []
    labels.reserveCapacity(rows.count)
    var unknown: [Int] = []
    var others: [Int] = []
    for row in rows {
      let code = Int(texts.codes[row])
      if let label = place[code] {
        labels.append(Int32(label))
      } else if let label = respelled[code] {
        others.append(row)
        labels.append(Int32(label))
      } else {
        unknown.append(row)
      }
    }
    if let first = others.first, let label = respelled[Int(texts.codes[first])] {
      notes.append(
        "the target \(target.name.quotedForMessage) is spelled otherwise than in training in "
          + "\(NumberFormat.counted(others.count, "row")), such as "
          + "\((texts[first] ?? "").quotedForMessage) in line \(table.rowLines[first]), which counts "
          + "as the class \(classes[label].quotedForMessage)")
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
