public import EbbData
internal import EbbSystem

/// How the layers of a network stand in training, measured on a few rows: the lengths of gradients,
/// dead and saturated units, histograms.
///
///     let statistics = try trainer.statistics(on: Batch(data.training, rows: Array(0..<64)))
///     for layer in statistics.layers { print(layer.name, layer.gradientNorm, layer.dead ?? 0) }
public struct TrainingStatistics: Hashable, Sendable {
  /// How many rows were looked at.
  public let rows: Int
  /// Their mean loss, class weights counted.
  public let loss: Double
  /// The layers that have parameters, in order.
  public let layers: [LayerRecord]
}

extension TrainingStatistics: CustomStringConvertible {
  /// A line for the rows and one for each layer.
  public var description: String {
    func short(_ value: Double) -> String { NumberFormat.significant(value, digits: 3) }
    func share(_ value: Double) -> String { "\(NumberFormat.fixed(100 * value, decimals: 1)) %" }
    let lines = layers.map { layer in
      var parts = [
        "gradient \(short(layer.gradientNorm))", "parameters \(short(layer.weightNorm))",
      ]
      if let ratio = layer.updateRatio { parts.append("update ratio \(short(ratio))") }
      if let dead = layer.dead { parts.append("\(share(dead)) of units dead") }
      if let saturated = layer.saturated { parts.append("\(share(saturated)) of units saturated") }
      return "\(layer.name): " + parts.joined(separator: ", ")
    }
    return (["\(NumberFormat.counted(rows, "row")), loss \(short(loss))"] + lines)
      .joined(separator: "\n")
  }
}

extension Trainer {
  /// How each layer stands now, on the rows of a batch; nothing in the trainer changes. Update ratios
  /// are nil: there is no step.
  ///
  /// Gradients are those of the rows' mean loss in single precision, without dropout. The plan is made
  /// anew for each call, which takes some milliseconds.
  ///
  /// - Throws: `ModelError` if the batch does not fit the network.
  public func statistics(on batch: Batch) throws -> TrainingStatistics {
    try TrainingRecorder(self, sample: batch).statistics()
  }
}
