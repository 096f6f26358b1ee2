import Ebb
import EbbRuns
import EbbSystem

/// What `ebb explain` is asked about: a model, the rows, and where training stands.
///
/// Which rows a step takes together with the row: of a run's last state those of the next step, of its
/// best model those of the batch of the following epoch that holds the row (its first batch, if the
/// row is no training row); of a model without a run, or without the run's own file, the row and those
/// after it, as many as a batch of its training had; of an example all rows.
struct ExplanationSource {
  /// Which of a run's two states.
  enum State: String, CaseIterable {
    /// The best model.
    case best
    /// The checkpoint, which has the optimizer's state.
    case last
  }

  /// Where the model comes from, in words and for programs.
  struct Origin {
    /// Such as `runs/digits-1: its best model, after epoch 33`.
    let text: String
    /// The file, the run's directory, or the example's name.
    let path: String
    /// `best`, `last`, `file` or `example`.
    let state: String
  }

  /// A row as its user knows it.
  struct RowName {
    /// From 1.
    let number: Int
    /// The line of the file; nil: there is no file.
    let line: Int?
    /// The file, or the example.
    let source: String
    /// The part of the run's rows; nil: not known.
    let part: Split.Part?

    /// Such as `row 42 (line 43 of digits.csv)`.
    var text: String {
      line.map { "row \(number) (line \($0) of \(source))" } ?? "row \(number) of \(source)"
    }
  }

  /// Rows that come from a table, or a dataset of bare numbers.
  private enum Rows {
    case table(Table, Schema)
    case dataset(Dataset)
  }

  /// The rows of a run that training takes, and how.
  fileprivate struct Training {
    let dataset: Dataset
    /// Their places in the table, in order.
    let places: [Int]
    let batches: BatchSequence
    /// The batch that the next step takes; nil: the one that holds the row.
    let next: Int?
    let epoch: Int
  }

  private(set) var model: Model
  let origin: Origin
  /// Where training stands; nil: only the model is known.
  let moment: ExplanationSubject.Moment?
  /// The learning rate of a run's next epoch; nil: not known.
  let learningRate: Double?
  /// What is to be known of how the data were read.
  private(set) var notes: [String] = []
  /// Such as `output.weight[0,0] = 2`.
  private(set) var changes: [String] = []
  private let rows: Rows
  private let name: String
  /// The part of each row; nil: not known.
  private let parts: [Split.Part]?
  private let training: Training?

  // MARK: Where it comes from

  /// A worked example.
  init(_ example: WorkedExample) throws {
    model = try example.model
    origin = Origin(
      text: "the example \(example.rawValue): \(example.title)", path: example.rawValue,
      state: "example")
    name = "the example \(example.rawValue)"
    rows = .dataset(try example.dataset)
    (moment, learningRate, parts, training) = (nil, nil, nil, nil)
  }

  /// A model file or a run, and a data file; without one, the run's own.
  init(_ path: String, data: String?, state: State) throws {
    guard try Files.kind(of: path) == .directory else {
      try self.init(file: path, data: data)
      return
    }
    try self.init(run: RunDirectory(path), data: data, state: state)
  }

  private init(file path: String, data: String?) throws {
    let source = try ModelSource(path)
    guard let schema = source.model.schema else { throw source.withoutSchema }
    guard let data else {
      throw CommandFailure.usage(
        "give the DATA that the row is in: \(path) is a model file, which holds no rows")
    }
    let table = try DataSource.table(data, schema: schema)
    model = source.model
    origin = Origin(
      text: "\(path)\(Self.after(model.record))", path: path, state: "file")
    name = Files.name(of: table.source)
    rows = .table(table, schema)
    (moment, learningRate, parts, training) = (nil, nil, nil, nil)
    notes = table.notes
    try checkTarget(schema, table)
  }

  private init(run: RunDirectory, data: String?, state: State) throws {
    let checkpoint: Checkpoint?
    switch state {
    case .best:
      model = try ModelSource(run.path).model
      checkpoint = nil
    case .last:
      guard run.isRun, Files.exists(run.checkpoint) else {
        // Says what is missing, in the words of all commands.
        _ = try ModelSource(run.path)
        throw CommandFailure.failed(
          "\(run.checkpoint): the file is gone, and with it the optimizer's state; look at the best"
            + " model instead with --state best")
      }
      let read = try Checkpoint(contentsOf: run.checkpoint)
      (model, checkpoint) = (read.model, read)
    }
    guard let schema = model.schema else { throw try ModelSource(run.path).withoutSchema }
    let what = state == .best ? "its best model" : "its last state"
    origin = Origin(
      text: "\(run.path): \(what)\(Self.after(model.record))", path: run.path,
      state: state.rawValue)

    let settings = try RunSettings(of: run)
    let (table, own) = try Self.tables(data, settings.data, of: run, state, schema)
    name = Files.name(of: table.source)
    rows = .table(table, schema)
    learningRate = Self.learningRate(settings, after: checkpoint?.epoch ?? model.record.epochs)
    notes = table.notes
    if let own {
      let places = try RunSplit.rows(of: .training, in: run, table: own.table)
      let training = try Training(
        own.table, schema, places, settings: settings, record: model.record,
        checkpoint: checkpoint)
      self.training = training
      parts = own.isAsked ? try Self.parts(of: own.table, in: run, training: places) : nil
      moment = try checkpoint.map {
        try Self.moment($0, settings: settings, training: training.dataset)
      }
    } else {
      (moment, parts, training) = (nil, nil, nil)
      notes.append(
        "the file that the run was made from, \(settings.data.path), is gone or has changed, so"
          + " this row's batch is made of the rows after it")
    }
    try checkTarget(schema, table)
  }

  /// The table that the rows are chosen from, and the run's own, if it is still to be had.
  ///
  /// - Throws: `CommandFailure` if the own one is gone and the state cannot do without it.
  private static func tables(
    _ data: String?, _ file: DataFile, of run: RunDirectory, _ state: State, _ schema: Schema
  ) throws -> (asked: Table, own: (table: Table, isAsked: Bool)?) {
    guard let data else {
      let own = try file.readAgain(for: run, schema: schema)
      return (own, (table: own, isAsked: true))
    }
    let table = try DataSource.table(data, schema: schema)
    // The same file under another name will do: a run may have been moved, or its data.
    if try isSame(data, as: file) { return (table, (table: table, isAsked: true)) }
    do {
      return (table, (table: try file.readAgain(for: run, schema: schema), isAsked: false))
    } catch let error as RunError where error.kind == .changedData {
      guard state == .last else { return (table, nil) }
      throw CommandFailure.failed(
        "\(file.absolutePath): the last state of \(run.path) is shown with the rows of its next step,"
          + " which come from this file, and it is gone or has changed; put it back, give it as DATA"
          + " under its new name, or look at the best model instead with --state best")
    }
  }

  /// Whether a path leads to the file that a run was made from.
  private static func isSame(_ path: String, as own: DataFile) throws -> Bool {
    guard path != "-", try Files.kind(of: path) == .regular else { return false }
    return SHA256.hexDigest(of: try Files.read(path)) == own.checksum
  }

  private static func parts(
    of table: Table, in run: RunDirectory, training: [Int]
  ) throws -> [Split.Part] {
    var parts = [Split.Part](repeating: .test, count: table.rowCount)
    for row in training { parts[row] = .training }
    for row in try RunSplit.rows(of: .validation, in: run, table: table) {
      parts[row] = .validation
    }
    return parts
  }

  private static func after(_ record: TrainingRecord) -> String {
    guard record.epochs > 0 else { return "" }
    return ", after epoch \(NumberFormat.grouped(record.epochs))"
      + " (\(NumberFormat.grouped(Int(clamping: record.steps))) steps)"
  }

  /// By what the schedule multiplies the learning rate in the epoch after `epochs`. Training that has
  /// ended would go on with its last epoch's.
  private static func factor(_ settings: RunSettings, after epochs: Int) -> Double {
    let epoch = min(epochs + 1, settings.fit.epochs)
    return settings.fit.schedule.factor(epoch: epoch, of: settings.fit.epochs)
  }

  private static func learningRate(_ settings: RunSettings, after epochs: Int) -> Double {
    settings.optimizer.learningRate * factor(settings, after: epochs)
  }

  private static func moment(
    _ checkpoint: Checkpoint, settings: RunSettings, training: Dataset
  ) throws -> ExplanationSubject.Moment {
    return ExplanationSubject.Moment(
      optimizer: checkpoint.optimizer,
      slots: Dictionary(
        checkpoint.slots.map { ($0.name, $0.values) }, uniquingKeysWith: { first, _ in first }),
      steps: checkpoint.step,
      learningRate: checkpoint.optimizer.learningRate * factor(settings, after: checkpoint.epoch),
      options: try settings.options(for: training))
  }

  private func checkTarget(_ schema: Schema, _ table: Table) throws {
    guard !table.hasColumn(named: schema.target.name) else { return }
    throw CommandFailure.failed(
      "\(table.source): there is no column \(MessageText.quoted(schema.target.name)), the target; without a row's"
        + " true answer there is no loss, and so no gradient to explain. Add the column, or use"
        + " \"ebb predict\" for rows without an answer")
  }

  // MARK: Rows

  /// How many rows there are to choose from.
  var rowCount: Int {
    switch rows {
    case .table(let table, _): table.rowCount
    case .dataset(let dataset): dataset.rowCount
    }
  }

  /// A row's name.
  ///
  /// - Parameter number: from 1.
  func rowName(_ number: Int) throws -> RowName {
    guard number >= 1, number <= rowCount else {
      throw CommandFailure.usage(
        "--row \(number): \(name) has \(NumberFormat.counted(rowCount, "row")); give 1"
          + (rowCount > 1 ? " to \(rowCount)" : ""))
    }
    var line: Int?
    if case .table(let table, _) = rows { line = table.rowLines[number - 1] }
    return RowName(number: number, line: line, source: name, part: parts?[number - 1])
  }

  /// What is to be known of how a row was read, such as a text that no training row has.
  func notes(row number: Int) throws -> [String] {
    _ = try rowName(number)
    guard case .table(let table, let schema) = rows else { return [] }
    return try schema.encode(table, rows: [number - 1], target: .required).notes
  }

  /// The model with a number changed.
  mutating func set(_ element: ElementName, to value: Float) throws {
    model = try model.setting(element, to: value)
    changes.append("\(element) = \(NumberFormat.shortest(value))")
  }

  /// Everything that an explanation of a row is made from.
  ///
  /// - Parameter number: from 1.
  func subject(
    row number: Int, _ precision: ExplanationSubject.Precision
  ) throws -> ExplanationSubject {
    let rowName = try rowName(number)
    let (batch, batchName) = try batch(around: number - 1)
    return try ExplanationSubject(
      model: model, row: try rowAlone(number - 1), name: rowName.text, batch: batch,
      batchName: batchName, moment: moment, precision: precision)
  }

  private func rowAlone(_ place: Int) throws -> Batch {
    switch rows {
    case .dataset(let dataset): return try Batch(dataset, rows: [place])
    case .table(let table, let schema):
      let encoded = try schema.encode(table, rows: [place], target: .required)
      return try Batch(encoded.dataset, rows: [0])
    }
  }

  private func batch(around place: Int) throws -> (Batch?, name: String) {
    if let training { return training.batch(around: parts == nil ? nil : place) }
    switch rows {
    case .dataset(let dataset):
      let all = try Batch(dataset, rows: Array(0..<dataset.rowCount))
      let count = dataset.rowCount
      return (all, count == 1 ? "the example's only row" : "the example's \(count) rows")
    case .table(let table, let schema):
      let size = min(model.record.batchSize, table.rowCount - place)
      guard size > 1 else { return (nil, "the row alone") }
      let missing = Set(try table.column(named: schema.target.name).missingRows)
      let chosen = (place..<place + size).filter { !missing.contains($0) }
      let encoded = try schema.encode(table, rows: chosen, target: .required)
      return (
        try Batch(encoded.dataset, rows: Array(0..<chosen.count)),
        "rows \(place + 1) to \(place + size) of \(name)"
      )
    }
  }
}

extension ExplanationSource.Training {
  fileprivate init(
    _ table: Table, _ schema: Schema, _ places: [Int], settings: RunSettings,
    record: TrainingRecord, checkpoint: Checkpoint?
  ) throws {
    dataset = try schema.encode(table, rows: places, target: .required).dataset
    self.places = places
    epoch = (checkpoint?.epoch ?? record.epochs) + 1
    let size = min(settings.fit.batchSize ?? places.count, places.count)
    batches = try dataset.batches(of: size, epoch: epoch, seed: settings.options.seed)
    next = try checkpoint.map {
      try JSONField($0.progress).member("batches").integer(in: 0...Int.max)
    }
  }

  /// The rows of a step.
  ///
  /// - Parameter place: the row's place in the run's own table; nil: it is from elsewhere.
  fileprivate func batch(around place: Int?) -> (Batch?, name: String) {
    guard !batches.isEmpty else { return (nil, "the row alone") }
    if let next {
      let batch = batches[min(next, batches.count - 1)]
      return (batch, "the next step's \(NumberFormat.counted(batch.count, "row"))")
    }
    let number = place.flatMap { places.firstIndex(of: $0) }
    let holder = number.flatMap { number in
      batches.firstIndex { $0.rows.contains(Int32(truncatingIfNeeded: number)) }
    }
    let batch = batches[holder ?? 0]
    let count = NumberFormat.counted(batch.count, "row")
    return (
      batch,
      holder == nil
        ? "the first \(count) of epoch \(epoch)"
        : "the \(count) that epoch \(epoch) takes together with this one"
    )
  }
}
