import EbbSystem

/// The target column once it is known what is to be predicted.
struct TargetColumn {
  enum Values {
    /// The class of each row, and the names of the classes.
    case classes([Int32], names: [String])
    case numbers([Double])
  }

  let name: String
  let values: Values

  /// More different whole numbers than this make a target a quantity rather than a class.
  static let mostNumericClasses = 20

  /// Examines a target column.
  ///
  /// Unless the task is given it is classification when the column is text, or whole numbers of
  /// two different values, or whole numbers of at most 20 different values each of which stands
  /// for ten rows or more on average. Otherwise it is regression. A text among values most of
  /// which are numbers is taken for a mistake, unless classification is asked for.
  ///
  /// Classes are ordered as numbers when all are numbers, otherwise by the bytes of their names.
  init(_ column: Column, task: PredictionTask?, table: Table) throws(DataError) {
    name = column.name
    let missing = column.missingRows
    guard missing.isEmpty else {
      let lines = missing.prefix(9).map { table.rowLines[$0] }
      throw DataError(
        .missingValues, source: table.source, line: lines.first,
        "the target \(name.quotedForMessage) is missing in "
          + "\(NumberFormat.counted(missing.count, "row")): line"
          + "\(missing.count == 1 ? "" : "s") \(missing.map { table.rowLines[$0] }.listedForMessage())",
        advice: "fill them in or remove these rows")
    }
    switch column.values {
    case .numbers(let numbers):
      if (task ?? Self.likelyTask(numbers)) == .regression {
        values = .numbers(numbers)
        return
      }
      values = Self.classes(ofNumbers: numbers)
    case .texts(let texts):
      let row = column.firstTextRow ?? texts.firstRowWithoutNumber ?? 0
      if task == nil, texts.areMostlyNumbers {
        let others = texts.categories.count { !TextValues.isNumber($0) } - 1
        throw DataError(
          .badTarget, source: table.source, line: table.rowLines[row],
          "the target \(name.quotedForMessage) holds numbers except "
            + "\((texts[row] ?? "").quotedForMessage) in line \(table.rowLines[row])"
            + (others > 0 ? " and \(NumberFormat.counted(others, "other text"))" : ""),
          advice: "mend the value, or ask for classification")
      }
      guard task != .regression else {
        throw DataError(
          .badTarget, source: table.source, line: table.rowLines[row],
          "the target \(name.quotedForMessage) is text (\((texts[row] ?? "").quotedForMessage)), "
            + "and regression needs numbers",
          advice: "correct the value, or ask for classification")
      }
      values = Self.classes(ofTexts: texts)
    }
    if case .classes(_, let names) = values, names.count < 2 {
      throw DataError(
        .badTarget, source: table.source,
        "the target \(name.quotedForMessage) has one class only, "
          + "\(names.first?.quotedForMessage ?? "none")",
        advice: "there is nothing to learn; choose another target or add rows of other classes")
    }
  }

  private static func likelyTask(_ numbers: [Double]) -> PredictionTask {
    var distinct: Set<Double> = []
    for number in numbers {
      guard number == number.rounded() else { return .regression }
      distinct.insert(number)
      if distinct.count > mostNumericClasses { return .regression }
    }
    return distinct.count <= 2 || distinct.count * 10 <= numbers.count
      ? .classification : .regression
  }

  private static func classes(ofNumbers numbers: [Double]) -> Values {
    let distinct = Set(numbers).sorted()
    let positions = Dictionary(
      distinct.enumerated().map { ($1, Int32($0)) }, uniquingKeysWith: { first, _ in first })
    return .classes(
      numbers.map { positions[$0] ?? 0 }, names: distinct.map { className(of: $0) })
  }

  private static func classes(ofTexts texts: TextValues) -> Values {
    let values = texts.categories.map { text -> Double? in
      if case .value(let number) = NumberParser.double(text) { number } else { nil }
    }
    let areNumbers = values.allSatisfy { $0 != nil }
    let order = texts.categories.indices.sorted { left, right in
      if areNumbers, let first = values[left], let second = values[right], first != second {
        return first < second
      }
      return texts.categories[left].utf8.lexicographicallyPrecedes(texts.categories[right].utf8)
    }
    var positions = [Int32](repeating: 0, count: order.count)
    for (position, category) in order.enumerated() { positions[category] = Int32(position) }
    return .classes(
      texts.codes.map { positions[Int($0)] }, names: order.map { texts.categories[$0] })
  }

  /// The name of a class that is a number: `3`, `0.5`.
  static func className(of number: Double) -> String {
    if let whole = Int64(exactly: number) { return String(whole) }
    return NumberFormat.shortest(number)
  }
}
