internal import EbbSystem

/// The target column once it is known what is to be predicted.
struct TargetColumn {
  enum Values {
    /// The class of each row, and the names of the classes.
    case classes([Int32], names: [String])
    case numbers([Double])
  }

  let name: String
  let values: Values
  /// What may be a mistake in the target but is no error.
  private(set) var notes: [String] = []

  /// More different whole numbers than this make a target a quantity rather than a class.
  static let mostNumericClasses = 20

  /// Examines a target column.
  ///
  /// Unless the task is given it is classification when the column is text, or whole numbers of
  /// two different values, or whole numbers of at most 20 different values each of which stands
  /// for ten rows or more on average. Otherwise it is regression. A text among values most of
  /// which are numbers is taken for a mistake, unless classification is asked for.
  ///
  /// Classes are called what stands in the file, also where that are numbers: `1.0`, `007`, `1.10`.
  /// They are ordered as numbers when all are numbers, otherwise by the bytes of their names.
  init(_ column: Column, task: PredictionTask?, table: Table) throws(DataError) {
    name = column.name
    let missing = column.missingRows
    guard missing.isEmpty else {
      let lines = missing.prefix(9).map { table.rowLines[$0] }
      throw DataError(
        .missingValues, source: table.source, line: lines.first,
        "the target \(name.quotedForMessage) is missing in "
          + "\(NumberFormat.counted(missing.count, "row")): line"
          + "\(missing.count == 1 ? "" : "s") \(missing.map { table.rowLines[$0] }.listedForMessage())"
          + MissingWords.explanation(column.missingWords),
        advice: "fill them in or remove these rows")
    }
    switch column.values {
    case .numbers(let numbers):
      if (task ?? Self.likelyTask(numbers)) == .regression {
        values = .numbers(numbers)
        return
      }
      let column = try table.reading([name: .texts]).column(named: name)
      guard case .texts(let texts) = column.values else {
        throw DataError(.badTarget, source: table.source, "the target cannot be read as text")
      }
      // So large numbers are names that a Double may merge: there are as many as there are texts.
      let isLarge = numbers.contains { $0.magnitude >= 0x1p53 }
      let areFew = Self.areFew(texts.categories.count, rows: numbers.count)
      values =
        task == nil && isLarge && !areFew ? .numbers(numbers) : Self.classes(ofTexts: texts)
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
    if case .classes(_, let names) = values { notes = Self.notes(on: names, of: name) }
  }

  private static func likelyTask(_ numbers: [Double]) -> PredictionTask {
    var distinct: Set<Double> = []
    for number in numbers {
      guard number == number.rounded() else { return .regression }
      distinct.insert(number)
      if distinct.count > mostNumericClasses { return .regression }
    }
    return areFew(distinct.count, rows: numbers.count) ? .classification : .regression
  }

  /// Whether so many different whole numbers are classes rather than quantities.
  private static func areFew(_ count: Int, rows: Int) -> Bool {
    count <= 2 || (count <= mostNumericClasses && count * 10 <= rows)
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

  /// Notes on classes that are one number in two spellings: taken for one they would not be what
  /// stands in the file, and taken for two without a word they may not be what is meant.
  private static func notes(on names: [String], of target: String) -> [String] {
    var spellings: [String: [String]] = [:]
    for name in names {
      if let number = NumberForm.plain(name) { spellings[number, default: []].append(name) }
    }
    let lookAlikes = ExactText.note(onLookAlikesAmong: names).map {
      ["the target \(target.quotedForMessage) \($0)"]
    }
    return (lookAlikes ?? [])
      + names.compactMap { name in
        guard let number = NumberForm.plain(name), let all = spellings[number], all.count > 1,
          all.first == name
        else { return nil }
        return "the target \(target.quotedForMessage) has the classes "
          + all.prefix(4).map(\.quotedForMessage).joined(separator: " and ")
          + ", which are one number in different spellings; classes are what stands in the file, so "
          + "write them alike if they are meant as one"
      }
  }
}
