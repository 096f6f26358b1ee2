public import EbbData
internal import EbbEngine
internal import EbbEvaluation
public import EbbGraph
public import EbbNetworks
internal import EbbSystem

extension Trainer {
  /// The batches of one epoch in the order that `fit` takes: that of the trainer's seed. The epoch
  /// and the size go into the model's record.
  ///
  /// - Parameters:
  ///   - size: rows per batch, at least 1; the last batch of an epoch may have fewer.
  ///   - epoch: counted from 1; each has its own order.
  public func batches(
    of size: Int, from dataset: Dataset, epoch: Int
  ) throws(DataError) -> BatchSequence {
    let batches = try dataset.batches(of: size, epoch: epoch, seed: options.seed)
    batchSize = size
    epochAtHand = epoch
    return batches
  }
}

extension Evaluation: CustomStringConvertible {
  /// Loss and metrics in one line: `loss 0.1834, accuracy 0.9556`.
  public var description: String {
    let figures = metrics.figures.map { figure in
      "\(figure.name) "
        + (figure.value.map { NumberFormat.significant($0, digits: 4) } ?? "undefined")
    }
    return (["loss " + NumberFormat.significant(loss, digits: 4)] + figures)
      .joined(separator: ", ")
  }
}

extension Network {
  /// Writes the network down as it is evaluated: dropout is the identity.
  ///
  /// **Shapes**: x [rows, inputs] → [rows, outputs].
  public func callAsFunction(_ x: Tensor) -> Tensor {
    self(x, in: LayerContext(x.builder, mode: .evaluation))
  }
}

extension Model {
  /// A model with given weights, in the orientation of a = W h + b, trained by nobody.
  ///
  /// - Throws: `ModelError` that lists every mismatch with what the network declares.
  public init(
    _ network: Network, inputs: Int, loss: Loss, weights: [String: NDArray<Float>]
  ) throws {
    let declared = try network.parameters(inputs: inputs)
    let known = declared.compactMap { specification in
      weights[specification.name].map {
        Parameter(name: specification.name, role: specification.role, values: $0)
      }
    }
    let names = Set(declared.map(\.name))
    let unknown = weights.keys.filter { !names.contains($0) }.sorted().compactMap { name in
      weights[name].map { Parameter(name: name, role: .weight, values: $0) }
    }
    try self.init(
      network: network, inputCount: inputs, loss: loss, schema: nil,
      record: TrainingRecord(optimizer: "none", seed: 0, batchSize: 0, epochs: 0, steps: 0),
      parameters: known + unknown)
  }

  /// The parameters by name as a traced graph of the network takes them: a dense weight is
  /// [inputs, outputs] there.
  public func graphInputs() throws -> [String: NDArray<Double>] {
    let declared = try network.parameters(inputs: inputCount)
    let trained = zip(declared, parameters).map { specification, parameter in
      let values = specification.memoryValues(parameter.values)
      return (specification.name, NDArray(values, shape: specification.shape).map(Double.init))
    }
    let kept = states.map { ($0.name, $0.values.map(Double.init)) }
    return Dictionary(uniqueKeysWithValues: trained + kept)
  }

  /// What the model says about the rows of a table: class names, or numbers in the target's unit.
  ///
  /// - Parameter rows: which rows, from 0; all when left out.
  /// - Throws: `ModelError` if the model was trained on bare numbers, `DataError` if the table lacks
  ///   a column or has a text where the model knows numbers, `PredictionError` if what the network
  ///   gives for a row is no finite number.
  public func predict(_ table: Table, rows: [Int]? = nil) throws -> [Schema.Answer] {
    guard let schema else {
      throw ModelError("the model was trained on bare numbers and cannot read a table")
    }
    let rows = try schema.encode(table, rows: rows, target: .ignored).dataset
    let predictions = try predictor().predict(rows)
    return schema.task == .classification
      ? predictions.classes.map { .name(schema.classes[$0]) }
      : try predictions.originalTargets(schema, of: rows).map { .number($0) }
  }
}

extension Schema {
  /// A prediction in the words of the table.
  public enum Answer: Sendable, Hashable, CustomStringConvertible {
    /// A class.
    case name(String)
    /// A number in the target's unit.
    case number(Double)

    /// The class's name, or the number.
    public var description: String {
      switch self {
      case .name(let name): name
      case .number(let number): "\(number)"
      }
    }
  }
}
