public import EbbData
public import EbbGradients
public import EbbGraph
public import EbbNetworks
package import EbbSystem
public import EbbTraining

/// A model and the row that is to be explained with it.
///
/// All explanations are made from one subject, so that they speak of the same numbers.
public struct ExplanationSubject: Sendable {
  /// Whose numbers are shown.
  public enum Precision: String, Sendable {
    /// Those of training: the interpreter in single precision, equal to the executor bit for bit.
    case single
    /// Those of the interpreter in double precision.
    case double
  }

  /// Where training stands: what is needed to do its next step.
  public struct Moment: Sendable {
    /// The rule.
    public let optimizer: any Optimizer
    /// The rule's arrays, `PARAMETER.SLOT`, in the orientation of files.
    public let slots: [String: NDArray<Float>]
    /// Steps done; the next one is one more.
    public let steps: UInt64
    /// The next step's learning rate, after the schedule.
    public let learningRate: Double
    /// How rows are joined, and the classes' weights.
    public let options: TrainingOptions

    package init(
      optimizer: any Optimizer, slots: [String: NDArray<Float>], steps: UInt64,
      learningRate: Double, options: TrainingOptions
    ) {
      self.optimizer = optimizer
      self.slots = slots
      self.steps = steps
      self.learningRate = learningRate
      self.options = options
    }
  }

  /// The model.
  public let model: Model
  /// The row, alone in its batch.
  public let row: Batch
  /// What the row is called, such as `row 42 (line 43 of digits.csv)`.
  public let name: String
  /// The rows that a step would take together, this one among them or not; nil: there is no other row.
  public let batch: Batch?
  /// What the batch is called, such as `the next step's 32 rows`.
  public let batchName: String
  /// Where training stands; nil: only the model is known.
  public let moment: Moment?
  /// Whose numbers are shown.
  public let precision: Precision
  /// Loss, values and gradients of the row; numbers of single precision are widened, which is exact.
  public let numbers: NetworkGradients<Double>
  /// The same with the loss computed from the predictions, so that there is ∂L/∂ŷ.
  public let unfused: NetworkGradients<Double>

  /// A subject.
  ///
  /// - Throws: `ModelError` if the rows do not fit the model; `PredictionError` if what the network
  ///   gives for the row is no finite number.
  public init(
    model: Model, row: Batch, name: String, batch: Batch? = nil, batchName: String = "the batch",
    moment: Moment? = nil, precision: Precision = .single
  ) throws {
    guard row.count == 1 else {
      throw ModelError("an explanation is of one row, not of \(row.count)")
    }
    try MemoryNeed.interpreter("explaining a row", model, rows: 1, copies: 8).check()
    (self.model, self.row, self.name) = (model, row, name)
    (self.batch, self.batchName, self.moment) = (batch, batchName, moment)
    self.precision = precision
    numbers = try model.numbers(on: row, precision)
    let outputs = numbers.value(NetworkTrace.Port.predictions)?.elements ?? []
    if let output = outputs.first(where: { !$0.isFinite }), let place = row.rows.first {
      try model.checkFinite()
      throw PredictionError(output: output, row: Int(place), of: row.dataset)
    }
    unfused = try model.numbers(on: row, precision, throughPredictions: true)
  }
}

extension Model {
  /// Throws if a parameter is not finite.
  func checkFinite() throws {
    for parameter in parameters {
      if let value = parameter.values.elements.first(where: { !$0.isFinite }) {
        throw PredictionError(parameter: parameter.name, holds: value)
      }
    }
  }

  /// Loss, values and gradients in one of the precisions, widened to Double.
  package func numbers(
    on batch: Batch, _ precision: ExplanationSubject.Precision, throughPredictions: Bool = false,
    reduction: GradientReduction = .mean, classWeights: [Double]? = nil
  ) throws -> NetworkGradients<Double> {
    switch precision {
    case .double:
      try gradients(
        on: batch, reduction: reduction, classWeights: classWeights,
        throughPredictions: throughPredictions)
    case .single:
      try gradientsInSinglePrecision(
        on: batch, reduction: reduction, classWeights: classWeights,
        throughPredictions: throughPredictions
      ).widened
    }
  }
}

/// A part of an explanation: text for people, JSON for programs, from the same numbers.
package protocol ExplanationPart {
  /// The member of the explanation's JSON object, such as `equations`.
  static var key: String { get }
  /// For a terminal of any width; lines end with line breaks, the last too.
  var text: String { get }
  /// Every number of the text, and more.
  var json: JSONValue { get }
}
