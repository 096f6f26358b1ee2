public import EbbData
internal import EbbGraph
package import EbbSystem
public import EbbTraining

/// Which weights get no gradient on some rows, and why (M5).
///
///     let diagnosis = try model.diagnosis(on: data.training)
///     print(diagnosis)
///     for finding in diagnosis.faults { print(finding.layer, finding.cause, finding.places) }
///
/// Row i of ∂L/∂W_k is δ_{k,i} times the layer's inputs, so nothing arrives where either is 0; in a batch a
/// zero may also be a sum of opposite wishes. A healthy network has no faults; notes are properties of
/// the rows (a pixel that is always 0), what too few rows cannot decide, single units that are out of
/// use beside many that are not, and consequences of faults elsewhere.
public struct Diagnosis: Sendable {
  /// Where numbers begin to count as a finding.
  public enum Limits {
    /// A unit whose slope is below this on all rows learns a thousand times slower than one of slope
    /// 1, and some hundred times slower than the steepest sigmoid, whose slope is ¼.
    public static let flatSlope = LayerRecord.flatSlope
    /// Fewer rows than this do not show that a unit is dead: a healthy relu is active on some tenth of
    /// all rows or more, and then off on 32 rows with a chance below 4 %.
    public static let conclusiveRows = 32
    /// A layer of which a smaller share than this is out of use has others that do its work: that is a
    /// note. Trained networks that are right on every row often have some such units.
    public static let lostShare = 0.5
    /// A neuron whose outgoing weights are shorter than this share of the layer's median passes on
    /// what rounding to single precision would lose beside the others.
    public static let tinyColumn = 1e-6
    /// Weights of variance 1/n keep a gradient's size; a layer that makes it a thousand times smaller
    /// is none that an initializer gives or training asks for.
    public static let tinyGain = 1e-3
    /// What is left of the rows' gradients in their sum. Training in single precision stops at shares
    /// of about 1e-4, where rounding moves the loss as much as a step does; below this rows are each
    /// other's mirror images.
    public static let cancellation = 1e-6
    /// The ratio of δ in a layer to δ at the outputs below which gradient vanishes: one learning rate
    /// cannot serve both. Networks that learned pass a third of it or more through seven layers of any
    /// activation; untrained sigmoids pass about 0.23 each, so that five of them in a row are beyond
    /// it, and stay untrained by plain gradient descent.
    public static let vanishingRatio = 2e-3
    /// The ratio below which a layer is counted among those that learn too slowly, once gradient
    /// vanishes.
    public static let slowRatio = 1e-2
    /// The ratio of δ in a layer to δ at the outputs above which gradient explodes: the one diverges or
    /// the other stands still.
    public static let explodingRatio = 1e4
  }

  /// The rows that were looked at.
  public let rows: Int
  /// The mean loss of these rows.
  public let loss: Double
  /// How gradient reaches each dense layer, in order.
  public let layers: [LayerDiagnosis]
  /// What was found, from the outputs down, faults first in each layer.
  public let findings: [Finding]

  /// The findings that keep the network from learning.
  public var faults: [Finding] { findings.filter { $0.severity == .fault } }
  /// Whether there is no fault.
  public var isHealthy: Bool { faults.isEmpty }
}

extension Diagnosis: CustomStringConvertible {
  /// A line for the network, one for each layer and one for each finding.
  public var description: String {
    func short(_ value: Double) -> String { NumberFormat.significant(value, digits: 3) }
    let count = faults.count
    var lines = [
      "\(isHealthy ? "no fault" : NumberFormat.counted(count, "fault")) on"
        + " \(NumberFormat.counted(rows, "row")), loss \(short(loss))"
    ]
    for layer in layers {
      var line =
        "\(layer.name): \(NumberFormat.grouped(layer.withoutGradient)) of"
        + " \(NumberFormat.counted(layer.parameters, "parameter")) without gradient, inputs"
        + " \(short(layer.inputScale)), gradient by the sums \(short(layer.gradientScale)), slopes ×"
        + short(layer.slopeGain)
      if let gain = layer.weightGain { line += ", weights ×\(short(gain))" }
      lines.append(line)
    }
    return (lines + findings.map(\.description)).joined(separator: "\n")
  }
}

extension Diagnosis {
  /// Everything as JSON: rows, loss, healthy, layers and findings.
  package var json: JSONValue {
    [
      "rows": JSONValue(rows), "loss": JSONValue(loss), "healthy": JSONValue(isHealthy),
      "layers": JSONValue(layers.map(\.json)), "findings": JSONValue(findings.map(\.json)),
    ]
  }
}

extension LayerDiagnosis {
  /// The layer's numbers; a gain that does not exist is null.
  package var json: JSONValue {
    [
      "layer": JSONValue(name), "parameters": JSONValue(parameters),
      "withoutGradient": JSONValue(withoutGradient), "cancelled": JSONValue(cancelled),
      "neverTogether": JSONValue(neverTogether), "inputScale": JSONValue(inputScale),
      "gradientScale": JSONValue(gradientScale),
      "weightGain": weightGain.map { JSONValue($0) } ?? .null, "slopeGain": JSONValue(slopeGain),
    ]
  }
}

extension Finding {
  /// Cause, severity, layer, places with their numbers, and the words.
  package var json: JSONValue {
    let places = places.map { place -> JSONValue in
      [
        "index": JSONValue(place.index), "name": JSONValue(place.name),
        "value": JSONValue(place.value),
      ]
    }
    return [
      "cause": JSONValue(cause.rawValue), "severity": JSONValue(severity.rawValue),
      "layer": JSONValue(layer), "places": JSONValue(places), "measure": JSONValue(measure),
      "value": JSONValue(value), "limit": JSONValue(limit),
      "explanation": JSONValue(explanation), "advice": JSONValue(advice),
    ]
  }
}

extension Model {
  /// Which weights get no gradient on the rows of a batch, and why.
  ///
  /// Rows are looked at one by one: what is told does not depend on how their losses are joined.
  ///
  /// - Throws: `ExplanationError` if the network holds anything but dense layers, activations and
  ///   dropout; `ModelError` if the rows do not fit.
  public func diagnosis(on batch: Batch) throws -> Diagnosis {
    let most = min(batch.count, Self.rowsAtOnce)
    try MemoryNeed.interpreter("looking for what gets no gradient", self, rows: most, copies: 4)
      .check()
    var statistics: [LayerStatistics] = []
    var loss = 0.0
    var trace: LayerChainTrace?
    let rows = batch.rows
    for start in stride(from: rows.startIndex, to: rows.endIndex, by: Self.rowsAtOnce) {
      let part = Batch(
        checked: batch.dataset, rows: rows[start..<min(start + Self.rowsAtOnce, rows.endIndex)])
      let used: LayerChainTrace
      if let trace, trace.rows == part.count {
        used = trace
      } else {
        used = try LayerChainTrace(self, rows: part.count)
        trace = used
      }
      let chain = try used.chain(part, factors: [Double](repeating: 1, count: part.count))
      if statistics.isEmpty { statistics = chain.links.map { LayerStatistics($0) } }
      for (index, link) in chain.links.enumerated() {
        statistics[index].add(link, rows: part.count)
      }
      loss += chain.rowLosses.reduce(0, +)
    }
    guard !statistics.isEmpty else {
      throw ExplanationError(.noRows, "there are no rows to look at")
    }
    return Diagnosis(
      rows: batch.count, loss: loss / Double(batch.count), layers: statistics,
      featureNames: batch.dataset.featureNames)
  }

  /// Which weights get no gradient on the rows of a dataset, and why.
  ///
  /// - Throws: as ``diagnosis(on:)-(Batch)``; `DataError` if there are no rows.
  public func diagnosis(on dataset: Dataset) throws -> Diagnosis {
    try diagnosis(on: try Batch(dataset, rows: Array(0..<dataset.rowCount)))
  }

  /// Rows of one run of the trace: enough to make its cost that of the arithmetic.
  private static let rowsAtOnce = 256
}
