internal import EbbData
internal import EbbGradients
internal import EbbGraph
internal import EbbNetworks
package import EbbSystem
internal import EbbTraining

/// What the next step of training was predicted to gain, and what it really gains, layer by layer.
///
/// Predicted is gradient · update: how the loss would move if it were a plane. Really: the loss is
/// computed again, in double precision, with the changed numbers of one layer or of all, and with a
/// tenth of the step and ten times it, so that the loss's curvature shows. Nothing is dropped by
/// dropout here, though the step was taken with it.
public struct WhatIfExplanation: Sendable {
  /// What is changed, by how much of the step, and what becomes of the loss.
  public struct Change: Sendable, Hashable {
    /// The layer whose parameters are changed; nil: all are.
    public let layer: String?
    /// Which part of the step is taken.
    public let scale: Double
    /// gradient · update: the change of the loss if it were a plane.
    public let predicted: Double
    /// The change of the loss.
    public let actual: Double
  }

  /// The loss on some rows, and how it changes.
  public struct Effect: Sendable, Hashable {
    /// What the rows are called.
    public let name: String
    /// How many there are.
    public let rows: Int
    /// The loss before the step.
    public let loss: Double
    /// All layers and each alone, at each scale.
    public let changes: [Change]

    /// The changes at one scale, the layers in order, all together last.
    public func changes(scale: Double) -> [Change] { changes.filter { $0.scale == scale } }
  }

  /// The optimizer's kind and settings.
  public let optimizer: String
  /// The step, counted from 1.
  public let step: UInt64
  /// How far each layer's parameters move: the length of their update beside that of the parameters.
  public let moves: [(layer: String, update: Double, parameters: Double)]
  /// On the rows that the step takes.
  public let batch: Effect
  /// On the subject's row; nil if the step takes it alone.
  public let row: Effect?
  /// Whether the network holds dropout.
  let hasDropout: Bool

  /// The parts of the step that are tried.
  public static let scales = [0.1, 1.0, 10.0]

  /// The next step of a subject.
  ///
  /// - Throws: `ModelError` if nothing is known of training.
  public init(_ subject: ExplanationSubject) throws {
    guard let step = try TrainingStep(subject) else {
      throw ModelError(
        "what the next step gains needs the optimizer's state, which a model does not hold; give the"
          + " directory of a run in its place")
    }
    let options = step.options
    optimizer = step.optimizer.summary
    self.step = step.number
    hasDropout = subject.model.network.layers.contains { $0 is Dropout }
    let layers = subject.model.network.names.filter { layer in
      step.changes.contains { $0.name.layerName == layer }
    }
    moves = layers.map { layer in
      let changes = step.changes.filter { $0.name.layerName == layer }
      let (old, new) = (changes.flatMap(\.old.elements), changes.flatMap(\.new.elements))
      return (
        layer, zip(old, new).reduce(0) { $0 + ($1.1 - $1.0) * ($1.1 - $1.0) }.squareRoot(),
        old.reduce(0) { $0 + $1 * $1 }.squareRoot()
      )
    }
    let gradients = try subject.model.numbers(
      on: step.batch, subject.precision, reduction: options.reduction,
      classWeights: options.classWeights)
    batch = try Self.effect(
      subject.model, step, on: step.batch, name: step.batchName, factors: step.factors,
      gradients: gradients, layers: layers)
    row =
      subject.batch == nil
      ? nil
      : try Self.effect(
        subject.model, step, on: subject.row, name: subject.name, factors: [1],
        gradients: subject.numbers, layers: layers)
  }

  /// The loss on some rows with parts of the step.
  private static func effect(
    _ model: Model, _ step: TrainingStep, on batch: Batch, name: String, factors: [Double],
    gradients: NetworkGradients<Double>, layers: [String]
  ) throws -> Effect {
    let trace = try LossTrace(model, rows: batch.count, backward: false)
    let (numbers, indices) = try trace.inputs(model, batch, factors: factors, as: Double.self)
    var graph = trace.graph
    graph.outputs.removeAll { $0.name != LossTrace.Port.loss }
    let interpreter = try Interpreter<Double>(graph)
    func loss(_ numbers: [String: NDArray<Double>]) throws -> Double {
      try interpreter.number(LossTrace.Port.loss, numbers, indices: indices).scalar
    }
    let before = try loss(numbers)
    var changes: [Change] = []
    for scale in scales {
      for layer in layers.map(Optional.some) + [nil] {
        var moved = numbers
        var predicted = 0.0
        for (specification, change) in zip(trace.specifications, step.changes)
        where layer == nil || change.name.layerName == layer {
          let update = zip(change.old.elements, change.new.elements).map { scale * ($1 - $0) }
          let values = NDArray(
            zip(change.old.elements, update).map { $0 + $1 }, shape: change.old.shape)
          moved[change.name] = specification.isTurned ? values.transposed() : values
          let gradient = gradients[change.name]?.elements ?? []
          predicted += zip(gradient, update).reduce(0) { $0 + $1.0 * $1.1 }
        }
        changes.append(
          Change(
            layer: layer, scale: scale, predicted: predicted, actual: try loss(moved) - before))
      }
    }
    return Effect(name: name, rows: batch.count, loss: before, changes: changes)
  }
}

extension WhatIfExplanation: CustomStringConvertible, ExplanationPart {
  /// `whatIf`.
  package static var key: String { "whatIf" }

  /// The text.
  public var description: String { text }

  /// A table for the batch, one for the row, and what they show.
  package var text: String {
    var text = PartText()
    text.paragraph(
      "What if the next step is done? Step \(NumberFormat.grouped(Int(clamping: step))), \(optimizer)"
    )
    text.line()
    text.paragraph(
      "Predicted: gradient · update, as if the loss were a plane. Really: the loss computed again"
        + " with the new numbers.")
    for effect in [batch] + (row.map { [$0] } ?? []) {
      text.line()
      effect.add(to: &text)
    }
    text.line()
    text.line("How far the parameters move: the length of the update beside their own")
    text.table(
      [["", "update", "parameters", "ratio"]]
        + moves.map { move in
          [
            move.layer, PartText.number(move.update), PartText.number(move.parameters),
            move.parameters == 0 ? "" : PartText.deviation(move.update / move.parameters),
          ]
        }, indent: 2)
    if hasDropout {
      text.line()
      text.paragraph("Dropout drops nothing in these losses; in the step itself it did.")
    }
    return text.text
  }

  /// Everything as JSON.
  package var json: JSONValue {
    let moves = moves.map { move -> JSONValue in
      [
        "layer": JSONValue(move.layer), "update": JSONValue(move.update),
        "parameters": JSONValue(move.parameters),
        "ratio": move.parameters == 0 ? .null : JSONValue(move.update / move.parameters),
      ]
    }
    return [
      "optimizer": JSONValue(optimizer), "step": JSONValue(Int(clamping: step)),
      "batch": batch.json, "row": row?.json ?? .null, "moves": JSONValue(moves),
    ]
  }
}

extension WhatIfExplanation.Effect {
  fileprivate func add(to text: inout PartText) {
    func number(_ value: Double) -> String { PartText.number(value) }
    text.paragraph("On \(name): loss \(number(loss))")
    let whole = changes(scale: 1)
    var rows = [["", "predicted", "really", "apart"]]
    func row(_ name: String, _ change: WhatIfExplanation.Change) -> [String] {
      [
        name, number(change.predicted), number(change.actual),
        number(change.actual - change.predicted),
      ]
    }
    let layers = whole.filter { $0.layer != nil }
    if layers.count > 1 { rows += layers.map { row("\($0.layer ?? "") alone", $0) } }
    for scale in WhatIfExplanation.scales {
      guard let all = changes(scale: scale).last else { continue }
      let name = "all, \(PartText.plain(scale)) × the step"
      rows.append(row(scale == 1 ? "the step" : name, all))
    }
    text.table(rows, indent: 2)
    if let verdict { text.paragraph(verdict, indent: 2) }
  }

  /// What of the predicted gain the step really gains, in percent; nil if it was not predicted to gain.
  private var gainedPercent: Double? {
    guard let step = changes(scale: 1).last, step.predicted < 0 else { return nil }
    return 100 * step.actual / step.predicted
  }

  /// What the numbers say.
  private var verdict: String? {
    guard let step = changes(scale: 1).last, let ten = changes(scale: 10).last else { return nil }
    if step.predicted == 0 && step.actual == 0 { return "The step does not move this loss." }
    var words: [String] = []
    if let gainedPercent {
      let share = PartText.deviation(gainedPercent)
      words.append(
        step.actual < 0
          ? "The step gains \(share) % of what was predicted."
          : "The step loses, though it was predicted to gain: the loss curves up within it.")
    } else {
      words.append(
        "The step goes against this loss's own gradient"
          + (step.actual > 0 ? " and raises it." : ", and still lowers it."))
    }
    if step.actual < 0 && ten.actual > 0 { words.append("Ten times as long, it would lose.") }
    return words.joined(separator: " ")
  }

  fileprivate var json: JSONValue {
    let changes = changes.map { change -> JSONValue in
      [
        "layer": change.layer.map { JSONValue($0) } ?? .null, "scale": JSONValue(change.scale),
        "predicted": JSONValue(change.predicted), "actual": JSONValue(change.actual),
        "apart": JSONValue(change.actual - change.predicted),
      ]
    }
    return [
      "name": JSONValue(name), "rows": JSONValue(rows), "loss": JSONValue(loss),
      "gainedPercent": JSONValue(optional: gainedPercent), "changes": JSONValue(changes),
    ]
  }
}
