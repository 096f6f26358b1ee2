internal import EbbSystem

/// What training and evaluation eat: rows of numbers, with what is to be learned from them.
///
/// Copying is cheap: copies share their memory, which never changes.
///
/// ```swift
/// let xor = try Dataset(
///   features: [[0, 0], [0, 1], [1, 0], [1, 1]], labels: [0, 1, 1, 0], classCount: 2)
/// ```
public struct Dataset: Sendable {
  /// What is to be learned.
  public enum Targets: Sendable, Equatable {
    /// Nothing: rows to predict.
    case none
    /// A class for each row, from 0 up to but not including `count`.
    case classes([Int32], count: Int)
    /// Numbers for each row, row by row, `outputs` of them.
    case values([Float], outputs: Int)
  }

  /// One object, so that copying a dataset or a batch counts one reference, not one per array.
  private final class Storage: Sendable {
    let features: [Float]
    let featureCount: Int
    let rowCount: Int
    let targets: Targets
    let featureNames: [String]
    let origin: Origin?

    init(
      features: [Float], featureCount: Int, rowCount: Int, targets: Targets,
      featureNames: [String], origin: Origin?
    ) {
      self.features = features
      self.featureCount = featureCount
      self.rowCount = rowCount
      self.targets = targets
      self.featureNames = featureNames
      self.origin = origin
    }
  }

  /// Where rows come from, so that what is said of them can name their place.
  package struct Origin: Sendable {
    package let source: String
    /// The line of each row.
    package let lines: [Int]
    /// What made them numbers.
    package let schema: Schema

    package init(source: String, lines: [Int], schema: Schema) {
      self.source = source
      self.lines = lines
      self.schema = schema
    }
  }

  private let storage: Storage

  /// The features row by row.
  ///
  /// **Shape** [rowCount, featureCount].
  public var features: [Float] { storage.features }
  /// How many numbers describe a row.
  public var featureCount: Int { storage.featureCount }
  /// How many rows there are.
  public var rowCount: Int { storage.rowCount }
  /// What is to be learned.
  public var targets: Targets { storage.targets }
  /// The names of the features.
  public var featureNames: [String] { storage.featureNames }
  /// Where the rows come from; `nil` for bare numbers.
  package var origin: Origin? { storage.origin }

  /// A dataset of features that lie row by row in one array.
  ///
  /// - Parameters:
  ///   - features: Finite numbers, [rows, featureCount].
  ///   - featureCount: How many numbers describe a row, at least 1.
  ///   - targets: What is to be learned, for as many rows.
  ///   - featureNames: A name for each feature; `x1`, `x2` and so on when left out.
  /// - Throws: ``DataError`` of kind `badValue` when counts do not fit, a label is outside its
  ///   range or a number is not finite, with row and feature counted from 0.
  public init(
    features: [Float], featureCount: Int, targets: Targets, featureNames: [String]? = nil
  ) throws(DataError) {
    try self.init(
      features: features, featureCount: featureCount, targets: targets,
      featureNames: featureNames, origin: nil)
  }

  package init(
    features: [Float], featureCount: Int, targets: Targets, featureNames: [String]?,
    origin: Origin?
  ) throws(DataError) {
    guard featureCount > 0 else {
      throw DataError(.badValue, "a dataset needs at least one feature, got \(featureCount)")
    }
    let (rowCount, rest) = features.count.quotientAndRemainder(dividingBy: featureCount)
    guard rest == 0 else {
      throw DataError(
        .badValue, "\(features.count) numbers are not whole rows of \(featureCount) features")
    }
    guard rowCount <= Int(Int32.max) else {
      throw DataError(.badValue, "a dataset holds at most \(Int32.max) rows, got \(rowCount)")
    }
    let names = featureNames ?? (1...featureCount).map { "x\($0)" }
    guard names.count == featureCount else {
      throw DataError(.badValue, "\(names.count) names were given for \(featureCount) features")
    }
    if let index = features.firstIndex(where: { !$0.isFinite }) {
      throw DataError(
        .badValue,
        "feature \(index % featureCount) (\(names[index % featureCount].quotedForMessage)) of row "
          + "\(index / featureCount) is \(features[index]), expected a finite number")
    }
    try Self.check(targets, rowCount: rowCount)
    storage = Storage(
      features: features, featureCount: featureCount, rowCount: rowCount, targets: targets,
      featureNames: names, origin: origin)
  }

  /// A dataset for classification, one array per row.
  ///
  /// - Throws: ``DataError`` as ``init(features:featureCount:targets:featureNames:)``, and when
  ///   rows differ in length.
  public init(
    features rows: [[Float]], labels: [Int], classCount: Int, featureNames: [String]? = nil
  ) throws(DataError) {
    try Self.check(labels, classCount: classCount)
    let (flat, featureCount) = try Self.flattened(rows, what: "features")
    try self.init(
      features: flat, featureCount: featureCount,
      targets: .classes(labels.map { Int32(truncatingIfNeeded: $0) }, count: classCount),
      featureNames: featureNames)
  }

  /// A dataset for regression, one array per row.
  ///
  /// - Throws: ``DataError`` as ``init(features:featureCount:targets:featureNames:)``, and when
  ///   rows differ in length.
  public init(
    features rows: [[Float]], values: [[Float]], featureNames: [String]? = nil
  ) throws(DataError) {
    let (flat, featureCount) = try Self.flattened(rows, what: "features")
    let (flatValues, outputs) = try Self.flattened(values, what: "values")
    try self.init(
      features: flat, featureCount: featureCount, targets: .values(flatValues, outputs: outputs),
      featureNames: featureNames)
  }

  /// The features of one row.
  public func features(ofRow row: Int) -> ArraySlice<Float> {
    precondition(row >= 0 && row < rowCount, "row \(row) is outside 0..<\(rowCount)")
    return features[row * featureCount..<(row + 1) * featureCount]
  }

  private static func check(_ targets: Targets, rowCount: Int) throws(DataError) {
    switch targets {
    case .none: return
    case .classes(let labels, let count):
      guard labels.count == rowCount else {
        throw DataError(.badValue, "\(labels.count) labels were given for \(rowCount) rows")
      }
      guard count > 0, count <= Int(Int32.max) else {
        throw DataError(.badValue, "the number of classes must be positive, got \(count)")
      }
      if let row = labels.firstIndex(where: { $0 < 0 || Int($0) >= count }) {
        throw badLabel(Int(labels[row]), row: row, classCount: count)
      }
    case .values(let values, let outputs):
      guard outputs > 0 else {
        throw DataError(.badValue, "the number of outputs must be positive, got \(outputs)")
      }
      let (expected, overflow) = rowCount.multipliedReportingOverflow(by: outputs)
      guard !overflow, values.count == expected else {
        throw DataError(
          .badValue,
          "\(values.count) target values were given for \(rowCount) rows of \(outputs) outputs")
      }
      if let index = values.firstIndex(where: { !$0.isFinite }) {
        throw DataError(
          .badValue,
          "target \(index % outputs) of row \(index / outputs) is \(values[index]), expected a "
            + "finite number")
      }
    }
  }

  private static func check(_ labels: [Int], classCount: Int) throws(DataError) {
    if let row = labels.firstIndex(where: { $0 < 0 || $0 >= classCount }) {
      throw badLabel(labels[row], row: row, classCount: classCount)
    }
  }

  private static func badLabel(_ label: Int, row: Int, classCount: Int) -> DataError {
    DataError(
      .badValue, "the label of row \(row) is \(label), expected 0 to \(classCount - 1)",
      advice: "number the classes from 0")
  }

  private static func flattened(
    _ rows: [[Float]], what: String
  ) throws(DataError) -> (values: [Float], width: Int) {
    guard let width = rows.first?.count, width > 0 else {
      throw DataError(.badValue, "the \(what) are empty")
    }
    if let row = rows.firstIndex(where: { $0.count != width }) {
      throw DataError(
        .badValue, "row \(row) has \(rows[row].count) \(what), the first row has \(width)")
    }
    return (rows.flatMap { $0 }, width)
  }
}

extension Dataset.Targets {
  /// The classes of the rows; nil for numbers.
  package var labels: [Int32]? {
    if case .classes(let labels, _) = self { labels } else { nil }
  }
}

extension Dataset {
  /// Some of the rows as a dataset of their own.
  package func rows(_ rows: [Int]) throws(DataError) -> Dataset {
    var part: [Float] = []
    part.reserveCapacity(rows.count * featureCount)
    for row in rows { part += features(ofRow: row) }
    let targets: Targets =
      switch self.targets {
      case .none: .none
      case .classes(let labels, let count): .classes(rows.map { labels[$0] }, count: count)
      case .values(let values, let outputs):
        .values(
          rows.flatMap { values[$0 * outputs..<($0 + 1) * outputs] }, outputs: outputs)
      }
    return try Dataset(
      features: part, featureCount: featureCount, targets: targets, featureNames: featureNames,
      origin: origin.map { origin in
        Origin(
          source: origin.source, lines: rows.map { origin.lines[$0] }, schema: origin.schema)
      })
  }
}
