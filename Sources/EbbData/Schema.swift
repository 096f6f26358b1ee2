/// What a model expects of a table and how its columns become numbers.
///
/// A schema is fitted on training rows only and is kept with the model, so that other rows are
/// treated as the training rows were.
///
/// - A column of numbers is standardized: (x − mean) / scale, with the training rows' mean and
///   standard deviation (of the population: divided by n). A missing number counts as the mean.
/// - A column that was constant in the training rows gives 0, always.
/// - A column of texts gives one number per category of the training rows, sorted by their bytes:
///   1 for the row's own, 0 for the others. A missing or never seen text gives zeros throughout.
/// - A regression target is standardized too; predictions are turned back.
///
/// A column of texts is read as text and a column of numbers as numbers wherever the schema is
/// applied, also where the other rows of a table look otherwise.
public struct Schema: Sendable, Equatable {
  /// One input column.
  public struct Feature: Sendable, Equatable {
    /// How the column becomes numbers.
    public enum Encoding: Sendable, Equatable {
      /// One number: (x − mean) / scale.
      case standardized(mean: Double, scale: Double)
      /// One number, always 0: all training rows had this value.
      case constant(Double)
      /// One number for each category.
      case oneHot(categories: [String])
    }

    /// The name of the column.
    public let name: String
    /// How the column becomes numbers.
    public let encoding: Encoding
    /// The smallest and the largest number of the training rows; `nil` for texts, and where a model
    /// of an older version of Ebb does not tell.
    public let range: ClosedRange<Double>?

    init(name: String, encoding: Encoding, range: ClosedRange<Double>? = nil) {
      (self.name, self.encoding, self.range) = (name, encoding, range)
    }

    /// How many numbers the column becomes.
    public var width: Int {
      if case .oneHot(let categories) = encoding { categories.count } else { 1 }
    }

    /// The names of those numbers: the column's, or `column=category`.
    public var names: [String] {
      if case .oneHot(let categories) = encoding {
        categories.map { "\(name)=\($0)" }
      } else {
        [name]
      }
    }
  }

  /// The column that is predicted.
  public struct Target: Sendable, Equatable {
    /// What is predicted.
    public enum Kind: Sendable, Equatable {
      /// One of these classes; a class's number is its position.
      case classes([String])
      /// A number, learned as (y − mean) / scale.
      case number(mean: Double, scale: Double)
    }

    /// The name of the column.
    public let name: String
    /// What is predicted.
    public let kind: Kind
    /// The smallest and the largest number of the training rows; `nil` for classes, and where a model
    /// of an older version of Ebb does not tell.
    public let range: ClosedRange<Double>?

    init(name: String, kind: Kind, range: ClosedRange<Double>? = nil) {
      (self.name, self.kind, self.range) = (name, kind, range)
    }
  }

  /// The input columns in the order of the training table.
  public let features: [Feature]
  /// The column that is predicted.
  public let target: Target

  /// How many numbers a row becomes: the inputs of the network.
  public var featureCount: Int { features.reduce(0) { $0 + $1.width } }

  /// The names of those numbers.
  public var featureNames: [String] { features.flatMap(\.names) }

  /// The names of the classes in order; empty for regression.
  public var classes: [String] {
    if case .classes(let classes) = target.kind { classes } else { [] }
  }

  /// Whether a class or a number is predicted.
  public var task: PredictionTask {
    if case .classes = target.kind { .classification } else { .regression }
  }

  /// A prediction in the unit of the data.
  ///
  /// - Parameter standardized: What a network trained for regression gives.
  public func originalTarget(_ standardized: Double) -> Double {
    guard case .number(let mean, let scale) = target.kind else { return standardized }
    return mean + scale * standardized
  }

  /// How many units of the data one unit of a network's output is; 1 for classification.
  public var targetScale: Double {
    guard case .number(_, let scale) = target.kind else { return 1 }
    return scale
  }
}

/// What is predicted.
public enum PredictionTask: String, Sendable, CaseIterable {
  /// One of several classes.
  case classification
  /// A number.
  case regression
}
