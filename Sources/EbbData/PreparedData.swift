internal import EbbSystem

/// A table made ready for training: three parts as numbers, and how they were made.
public struct PreparedData: Sendable {
  /// How columns become numbers; belongs to the model.
  public let schema: Schema
  /// The rows to learn from.
  public let training: Dataset
  /// The rows that decide when to stop; may be empty.
  public let validation: Dataset
  /// The rows for the final figures; may be empty.
  public let test: Dataset
  /// Which row of the table went to which part.
  public let split: SplitRows
  /// What may be a mistake in the data but is no error.
  public let notes: [String]

  /// Whether a class or a number is predicted.
  public var task: PredictionTask { schema.task }
  /// The names of the classes in order; empty for regression.
  public var classes: [String] { schema.classes }
}

extension Table {
  /// Chooses the task, splits the rows and turns them into numbers.
  ///
  /// The task is classification when the target is text, or whole numbers of two different
  /// values, or whole numbers of at most 20 different values each of which stands for ten rows or
  /// more on average. Otherwise it is regression. All other columns are used as inputs. Means,
  /// scales and categories are learned from the training rows alone.
  ///
  /// - Parameters:
  ///   - target: The column to predict.
  ///   - task: What to predict, when the rule above chooses wrongly.
  ///   - split: How to divide the rows.
  ///   - validation: A table of its own for validation; its share of the split is training then.
  ///   - test: A table of its own for the test; likewise.
  ///   - ignored: Columns that are not to be used.
  /// - Throws: ``DataError``: an unknown column; a target with missing values or one class, or
  ///   with a text among numbers when the task is not given; a class with fewer rows than there
  ///   are parts; an input column without values, or of text with more than 100 different values,
  ///   or more than 20 and in more than half of the rows different ones.
  public func prepared(
    target: String, task: PredictionTask? = nil, split: Split = .init(),
    validation: Table? = nil, test: Table? = nil, ignoring ignored: [String] = []
  ) throws(DataError) -> PreparedData {
    var own: [Split.Part: OwnRows] = [:]
    own[.validation] = validation.map { .table($0) }
    own[.test] = test.map { .table($0) }
    return try prepared(target: target, task: task, split: split, own: own, ignoring: ignored)
  }

  /// The rows of a part that has a table of its own.
  package enum OwnRows: Sendable {
    case table(Table)
    /// A CSV file that is read when the schema is known, which tells how.
    case file([UInt8], source: String)

    func table(for schema: Schema) throws(DataError) -> Table {
      switch self {
      case .table(let table): table
      case .file(let bytes, let source):
        try Table(csvBytes: bytes, source: source, schema: schema, target: .required)
      }
    }
  }

  /// The same, with parts that are read when the schema is known.
  package func prepared(
    target: String, task: PredictionTask?, split: Split, own: [Split.Part: OwnRows],
    ignoring ignored: [String]
  ) throws(DataError) -> PreparedData {
    for name in ignored {
      _ = try column(named: name)
      guard name != target else {
        throw DataError(
          .badTarget, source: source, "the target \(target.quotedForMessage) cannot be left out")
      }
    }
    let targetColumn = try TargetColumn(try column(named: target), task: task, table: self)
    let ownSplit = split.taking(validation: own[.validation] == nil, test: own[.test] == nil)
    let parts = try divide(targetColumn, ownSplit)
    let (schema, fittingNotes) = try Schema.fitted(
      to: self, rows: parts.training, target: targetColumn, ignoring: Set(ignored))
    var notes = self.notes + fittingNotes
    if let note = manyClasses(of: targetColumn, rows: parts.training.count) { notes.append(note) }
    var findings = Schema.Findings()
    func encoded(_ part: Split.Part, _ rows: [Int]) throws(DataError) -> Dataset {
      if let own = try own[part]?.table(for: schema) {
        let (dataset, found) = try schema.encodeFinding(own, rows: nil, target: .required)
        notes += found.notes(in: own, source: own.source)
        return dataset
      }
      let (dataset, all) = try schema.encodeFinding(self, rows: rows, target: .required)
      var found = all
      // Of these the fitting has told.
      if part == .training { found.far = [] }
      findings.add(found)
      return dataset
    }
    let training = try encoded(.training, parts.training)
    let validation = try encoded(.validation, parts.validation)
    let test = try encoded(.test, parts.test)
    return PreparedData(
      schema: schema, training: training, validation: validation, test: test, split: parts,
      notes: notes + findings.notes(in: self))
  }

  /// A question about a target with so many classes that it may be meant otherwise: more than a
  /// hundred, of fewer than ten training rows each on average.
  private func manyClasses(of target: TargetColumn, rows: Int) -> String? {
    guard case .classes(_, let names) = target.values, names.count > 100, rows < 10 * names.count
    else { return nil }
    let mean = NumberFormat.significant(Double(rows) / Double(names.count), digits: 2)
    return "the target \(target.name.quotedForMessage) has \(NumberFormat.grouped(names.count)) "
      + "classes, such as \(names[0].quotedForMessage) and \(names[1].quotedForMessage), with "
      + "\(mean) training rows each on average: a column of names or identifiers is no target, "
      + "since nothing can be learned of a class from so few rows; choose another column, merge "
      + "classes, or ask for regression if they are quantities"
  }

  private func divide(_ target: TargetColumn, _ split: Split) throws(DataError) -> SplitRows {
    guard case .classes(let labels, let names) = target.values else {
      do throws(DataError) {
        return try split.rows(count: rowCount)
      } catch {
        throw error.naming(source)
      }
    }
    var sizes = [Int](repeating: 0, count: names.count)
    for label in labels { sizes[Int(label)] += 1 }
    if let label = sizes.firstIndex(where: { $0 < split.partCount }) {
      let few = sizes.indices.filter { sizes[$0] < split.partCount }
      let others = few.count == 1 ? "" : " (and \(few.count - 1) more classes likewise)"
      throw DataError(
        .badTarget, source: source,
        "class \(names[label].quotedForMessage) of the target \(target.name.quotedForMessage) has "
          + "\(NumberFormat.counted(sizes[label], "row"))\(others), and the split "
          + "\(split.text) needs at least \(split.partCount) of each",
        advice: "add rows, remove or merge these classes; if the target is a quantity, ask for "
          + "regression")
    }
    do throws(DataError) {
      return try split.rows(classOfRow: labels, classCount: names.count)
    } catch {
      throw error.naming(source)
    }
  }
}

extension DataError {
  /// The same error with the name of the data.
  func naming(_ source: String) -> DataError {
    DataError(kind, source: source, line: line, column: column, message, advice: advice)
  }
}
