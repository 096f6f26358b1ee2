public import EbbData
internal import EbbEngine
internal import EbbGraph
internal import EbbNetworks
internal import EbbSystem

/// What a model says about one row of a table.
public struct Prediction: Sendable, Hashable, CustomStringConvertible {
  /// A class's name, or a number in the target's unit.
  public let answer: Schema.Answer
  /// The probability of each class, in the order of ``Schema/classes``; nil for numbers.
  public let probabilities: [Float]?

  /// The class's name, or the number.
  public var description: String { answer.description }
}

/// Predicts single rows for any number of tasks at once: the model's numbers are there once, and each
/// call has working memory of its own, which the next call takes over.
///
///     let predictor = try Model(contentsOf: "iris.ebb").sharedPredictor()
///     let answer = try predictor.predict([
///       "sepal_length": "5.1", "sepal_width": "3.5", "petal_length": "1.4", "petal_width": "0.2",
///     ])
///     print(answer, answer.probabilities ?? [])
///
/// The numbers are, bit for bit, those of ``Predictor``, whoever else is asking.
public final class SharedPredictor: Sendable {
  /// The number of features that the network takes.
  public let inputCount: Int
  /// Numbers per row of predictions.
  public let outputCount: Int
  private let loss: Loss
  private let schema: Schema?
  private let encoder: RowEncoder?
  private let pool: ExecutorPool
  private let features: Int
  private let predictions: Int

  /// A predictor for a model.
  ///
  /// - Throws: `MemoryError` or `AllocationError` if there is no memory for its numbers.
  init(_ model: Model) throws {
    let trace = NetworkTrace(
      network: model.network, inputCount: model.inputCount, loss: model.loss)
    let state = try model.loadedState(trace)
    let evaluation = try EvaluationPlan(trace, rows: 1, state: state.layout)
    (features, predictions) = (evaluation.features, evaluation.predictions)
    (inputCount, outputCount) = (model.inputCount, evaluation.outputCount)
    (loss, schema) = (model.loss, model.schema)
    encoder = model.schema.map { RowEncoder($0) }
    pool = try ExecutorPool(evaluation.plan, copying: state, kernels: try .chosen)
  }

  // MARK: Numbers

  /// What the network gives for a row of its inputs: probabilities for classes (of the second of two,
  /// for a network with one output), otherwise the predicted numbers, standardised if the model was
  /// trained on a table.
  ///
  /// - Parameter features: as many as ``inputCount``, each finite; standardised as in training.
  /// - Throws: `ModelError` if they are not; `PredictionError` if what the network gives is no finite
  ///   number.
  public func predict(_ features: [Float]) throws -> [Float] {
    guard features.count == inputCount else {
      throw ModelError("the network takes \(inputCount) features, the row has \(features.count)")
    }
    if let place = features.firstIndex(where: { !$0.isFinite }) {
      throw ModelError("feature \(place) of the row is \(features[place]); it must be finite")
    }
    var values: [Float] = []
    values.reserveCapacity(outputCount)
    try pool.run { executor in
      executor.setInput(self.features, features)
      executor.run()
      executor.append(output: predictions, first: outputCount, to: &values)
    }
    if let value = values.first(where: { !$0.isFinite }) {
      throw PredictionError(
        output: Double(value), row: 0,
        of: try Dataset(
          features: features, featureCount: inputCount, targets: .none, featureNames: nil,
          origin: nil))
    }
    return values
  }

  // MARK: Rows of tables

  /// What the model says about a row: texts by column, as they would stand in quotes in a CSV file.
  ///
  /// - Throws: `ModelError` if the model was trained on bare numbers; `DataError` if a column is missing
  ///   or has a text where the model knows numbers; `PredictionError`.
  public func predict(_ fields: [String: String]) throws -> Prediction {
    guard let encoder else { throw bareNumbers }
    return try prediction(of: try predict(try encoder.encode(fields)))
  }

  /// What the model says about rows of a table.
  ///
  /// - Parameter rows: which rows, from 0; all when left out.
  /// - Throws: as ``predict(_:)-([String:String])``.
  public func predict(_ table: Table, rows: [Int]? = nil) throws -> [Prediction] {
    guard let schema else { throw bareNumbers }
    let dataset = try schema.encode(table, rows: rows, target: .ignored).dataset
    return try (0..<dataset.rowCount).map {
      try prediction(of: try predict(Array(dataset.features(ofRow: $0))))
    }
  }

  private var bareNumbers: ModelError {
    ModelError("the model was trained on bare numbers and cannot read a table")
  }

  private func prediction(of values: [Float]) throws -> Prediction {
    guard let schema else { throw bareNumbers }
    let said = Predictions(values: values, outputs: outputCount, loss: loss)
    guard schema.task == .regression else {
      return Prediction(
        answer: .name(schema.classes[said.classes[0]]),
        probabilities: said.probabilities(ofRow: 0))
    }
    let number = schema.originalTarget(Double(values[0]))
    guard number.isFinite else {
      throw ModelError("the predicted number is too large for the target's unit")
    }
    return Prediction(answer: .number(number), probabilities: nil)
  }
}

extension Model {
  /// A predictor of single rows that any number of tasks may use at once.
  public func sharedPredictor() throws -> SharedPredictor {
    try MemoryNeed.predictor(self).check()
    return try SharedPredictor(self)
  }
}
