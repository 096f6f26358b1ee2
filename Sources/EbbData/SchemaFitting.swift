internal import EbbSystem

extension Schema {
  /// More different texts than this in a column are refused: it would become as many inputs.
  static let mostCategories = 100

  /// Learns means, scales and categories from some rows of a table.
  ///
  /// - Parameters:
  ///   - table: The data.
  ///   - rows: The training rows; no other row has any influence.
  ///   - target: The target as it was examined.
  ///   - ignored: Names of columns that are not to be used.
  /// - Returns: The schema, and notes on columns that may be mistakes.
  static func fitted(
    to table: Table, rows: [Int], target: TargetColumn, ignoring ignored: Set<String>
  ) throws(DataError) -> (schema: Schema, notes: [String]) {
    var features: [Feature] = []
    var notes = target.notes
    var sentinels: [FarNumbers] = []
    for column in table.columns where column.name != target.name && !ignored.contains(column.name) {
      let encoding: Feature.Encoding
      var range: ClosedRange<Double>?
      switch column.values {
      case .numbers(let numbers):
        let values = rows.map { numbers[$0] }
        let (mean, scale) = try statistics(values, column, table)
        encoding = scale == 0 ? .constant(mean) : .standardized(mean: mean, scale: scale)
        let far = FarNumbers.among(
          values, rows: rows, mean: mean, scale: scale, of: column.name)
        // Later rows are held to what is usual, not to what the training rows' own mistakes are.
        range = scale == 0 ? mean...mean : far.first?.range ?? FarNumbers.range(of: values)
        sentinels += far
        if scale == 0 { notes.append(constantNote(column.name, mean, values, rows, table)) }
      case .texts(let texts):
        let categories = try categories(texts, rows: rows, column, table)
        encoding = .oneHot(categories: categories)
        if let note = ExactText.note(onLookAlikesAmong: categories) {
          notes.append("column \(column.name.quotedForMessage) \(note)")
        }
        if categories.count == 1 && !rows.contains(where: { texts.codes[$0] < 0 }) {
          notes.append(
            "column \(column.name.quotedForMessage) is \(categories[0].quotedForMessage) in every "
              + "training row and teaches nothing")
        } else if texts.areMostlyDates {
          notes.append(
            "column \(column.name.quotedForMessage) looks like dates; each becomes a category of "
              + "its own; leave it out with --ignore \(column.name.asArgument), or make numeric "
              + "columns of it")
        }
      }
      features.append(Feature(name: column.name, encoding: encoding, range: range))
    }
    guard !features.isEmpty else {
      throw DataError(
        .unusableColumn, source: table.source, "no column is left to learn from",
        advice: "the table needs at least one column besides the target")
    }
    let kind: Target.Kind
    var range: ClosedRange<Double>?
    switch target.values {
    case .classes(_, let names): kind = .classes(names)
    case .numbers(let numbers):
      let values = rows.map { numbers[$0] }
      let (mean, scale) = centreAndScale(values)
      guard scale > 0 else {
        throw DataError(
          .badTarget, source: table.source,
          "the target \(target.name.quotedForMessage) is \(NumberFormat.shortest(mean)) in every "
            + "training row", advice: "there is nothing to learn; choose another target")
      }
      kind = .number(mean: mean, scale: scale)
      let far = FarNumbers.among(
        values, rows: rows, mean: mean, scale: scale, of: target.name, areTargets: true)
      range = far.first?.range ?? FarNumbers.range(of: values)
      sentinels += far
    }
    notes += FarNumbers.notes(on: sentinels, in: table, areTraining: true)
    return (
      Schema(features: features, target: Target(name: target.name, kind: kind, range: range)), notes
    )
  }

  /// A note on a column of one number, as it stands in the file.
  private static func constantNote(
    _ name: String, _ number: Double, _ values: [Double], _ rows: [Int], _ table: Table
  ) -> String {
    let place = values.firstIndex { !$0.isNaN } ?? 0
    let text = table.written([(name, rows[place], number)])[0]
    // From here on whole numbers that differ may be one number in double precision.
    let isExact = number.magnitude < 0x1p53
    return "column \(name.quotedForMessage) is "
      + (isExact ? text : "one number in double precision, such as \(text),")
      + " in every training row and teaches nothing"
  }

  private static func statistics(
    _ values: [Double], _ column: Column, _ table: Table
  ) throws(DataError) -> (mean: Double, scale: Double) {
    let present = values.filter { !$0.isNaN }
    guard !present.isEmpty else { throw allMissing(column, table) }
    return centreAndScale(present)
  }

  /// Mean and standard deviation in two passes; a scale of 0 means that all values are equal.
  static func centreAndScale(_ values: [Double]) -> (mean: Double, scale: Double) {
    guard let least = values.min(), let most = values.max(), least < most else {
      return (values.first ?? 0, 0)
    }
    let (mean, scale) = moments(values)
    // Squares of very large or very small numbers leave the range of a Double.
    if mean.isFinite && scale.isFinite && scale > 1e-140 { return (mean, scale) }
    let unit = max(abs(least), abs(most))
    let (smallMean, smallScale) = moments(values.map { $0 / unit })
    let result = (mean: smallMean * unit, scale: smallScale * unit)
    return result.scale >= .leastNormalMagnitude ? result : (result.mean, 0)
  }

  private static func moments(_ values: [Double]) -> (mean: Double, scale: Double) {
    let count = Double(values.count)
    let mean = values.reduce(0, +) / count
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
    return (mean, variance.squareRoot())
  }

  private static func categories(
    _ texts: TextValues, rows: [Int], _ column: Column, _ table: Table
  ) throws(DataError) -> [String] {
    let count = texts.categories.count
    let isLikeAnIdentifier = count > 20 && count > table.rowCount / 2
    guard count <= mostCategories && !isLikeAnIdentifier else {
      if texts.areMostlyNumbers,
        let row = column.firstTextRow ?? texts.firstRowWithoutNumber, let text = texts[row]
      {
        throw DataError(
          .unusableColumn, source: table.source, line: table.rowLines[row],
          "column \(column.name.quotedForMessage) holds mostly numbers, but here "
            + "\(text.quotedForMessage); as text it has \(NumberFormat.grouped(count)) different "
            + "values",
          advice: "correct the value, or \(leavingOut(column))")
      }
      throw DataError(
        .unusableColumn, source: table.source,
        "column \(column.name.quotedForMessage) has \(NumberFormat.grouped(count)) different texts "
          + "in \(NumberFormat.counted(table.rowCount, "row")), such as "
          + "\(texts.categories[0].quotedForMessage)",
        advice: "if it is a name, a date or a number of the row, \(leavingOut(column)); otherwise "
          + "merge its categories to at most \(mostCategories)")
    }
    var isPresent = [Bool](repeating: false, count: count)
    for row in rows where texts.codes[row] >= 0 { isPresent[Int(texts.codes[row])] = true }
    let present = texts.categories.indices.filter { isPresent[$0] }.map { texts.categories[$0] }
    guard !present.isEmpty else { throw allMissing(column, table) }
    return present.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  private static func allMissing(_ column: Column, _ table: Table) -> DataError {
    let everywhere = column.missingRows.count == table.rowCount
    return DataError(
      .unusableColumn, source: table.source,
      "column \(column.name.quotedForMessage) has no value in any "
        + (everywhere ? "row" : "training row"),
      advice: leavingOut(column))
  }

  /// How a column is left out, by the command and in a program.
  private static func leavingOut(_ column: Column) -> String {
    "leave the column out with --ignore \(column.name.asArgument) (the library's `ignoring:`)"
  }
}
