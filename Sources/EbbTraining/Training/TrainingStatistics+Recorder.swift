package import EbbData
internal import EbbEngine
internal import EbbGraph
internal import EbbNetworks

/// Measures the layers of a network on its way through training, always on the same rows, with the
/// numbers that the trainer has at the moment. It only reads them: no bit of training depends on it.
package final class TrainingRecorder {
  /// A layer with the places of its numbers.
  private struct Layer {
    let name: String
    let parameters: [Parameter]
    let activation: Port
    let slope: (port: Port, isBounded: Bool)?
  }

  private struct Parameter {
    let entry: StateLayout.Entry
    let isCounted: Bool
    let gradient: Port?
    /// Where its numbers begin in `before`.
    let start: Int
  }

  /// An output of the plan.
  private struct Port {
    let index: Int
    let count: Int
  }

  private let batch: Batch
  private let classWeights: [Double]?
  private let state: StateBlock
  private let executor: Executor
  private let rowLosses: Int
  private let layers: [Layer]
  private let parameterCount: Int
  /// All parameters as they were before the step that is watched.
  private var before: [Float] = []
  /// ‖Δw‖/‖w‖ of the step that was watched, by layer; empty: none was.
  private var ratios: [Double?] = []
  /// The numbers of one output; keeps its memory.
  private var numbers: [Float] = []

  /// Rows of the sample: enough to tell a dead unit (64), and about
  /// the work of two steps of 32 rows.
  package static let sampleRows = 64
  /// Intervals of a histogram.
  package static let intervals = 24

  /// A recorder for a sample of rows.
  ///
  /// - Throws: `ModelError` if the rows do not fit the trainer's network.
  init(_ trainer: Trainer, sample batch: Batch) throws {
    let trace = try StatisticsTrace(trainer.trace, rows: batch.count)
    try check(batch.dataset, inputCount: trainer.inputCount)
    try trainer.loss.check(batch.dataset.targets, outputs: trace.outputCount)
    let plan = try Plan(trace.graph, state: trainer.state.layout)
    let outputs = Dictionary(
      plan.outputs.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    func port(_ name: String) throws -> Port {
      guard let index = outputs[name] else {
        throw ModelError("the statistics lack their output \(name)")
      }
      return Port(index: index, count: plan.outputs[index].shape.count)
    }
    guard let features = plan.input(NetworkTrace.Port.features),
      let targets = plan.input(NetworkTrace.Port.targets)
    else { throw ModelError("the statistics lack their inputs") }
    var start = 0
    layers = try trace.layers.map { layer in
      Layer(
        name: layer.name,
        parameters: try layer.parameters.map { parameter in
          guard let entry = trainer.state.layout[parameter.name] else {
            throw ModelError("the statistics lack the parameter \(parameter.name)")
          }
          defer { start += entry.shape.count }
          return Parameter(
            entry: entry, isCounted: parameter.isCounted,
            gradient: try parameter.gradient.map { try port($0) }, start: start)
        },
        activation: try port(layer.activation),
        slope: try layer.slope.map { (try port($0.output), $0.isBounded) })
    }
    parameterCount = start
    rowLosses = try port(NetworkTrace.Port.rowLosses).index
    (self.batch, classWeights, state) = (batch, trainer.options.classWeights, trainer.state)
    try plan.checkMemory("notes on the layers", rows: batch.count)
    executor = try Executor(
      plan, state: state, threads: trainer.options.threads, kernels: try .chosen)
    executor.gather(
      features, from: batch.dataset.features, width: trainer.inputCount, rows: batch.rows)
    executor.gatherTargets(
      targets, batch.dataset.targets, rows: batch.rows, loss: trainer.loss)
    // No row's loss may reach a parameter: then nobody asks for the factors.
    if let factors = plan.input(NetworkTrace.Port.rowWeights) {
      let values = try batch.factors(.mean, classWeights: classWeights)
      executor.setInput(factors, values.map { Float($0) })
    }
  }

  /// A recorder for the rows that training learns from: ``sampleRows`` of them, evenly spread, or all
  /// if there are fewer.
  ///
  /// - Throws: `ModelError` if the rows do not fit the trainer's network.
  package convenience init(_ trainer: Trainer, training: Dataset) throws {
    let count = min(training.rowCount, Self.sampleRows)
    let rows = (0..<count).map { $0 * training.rowCount / count }
    try self.init(trainer, sample: try Batch(training, rows: rows))
  }

  /// Whether an epoch is recorded: the first 16 are, and eight of the epochs up to each further power
  /// of two (18, 20, … 32, 36, 40, … 64, 72, …), so that a long run stays small, and no longer run
  /// changes what a shorter one notes.
  package static func records(epoch: Int) -> Bool {
    var distance = 1
    while (epoch - 1) / 16 >= distance { distance *= 2 }
    return epoch.isMultiple(of: distance)
  }

  // MARK: A step

  /// Notes the parameters before the step that is to be watched.
  func beginStep() {
    before.removeAll(keepingCapacity: true)
    before.reserveCapacity(parameterCount)
    for layer in layers {
      for parameter in layer.parameters { state.append(parameter.entry, to: &before) }
    }
  }

  /// Compares the parameters with what they were.
  func endStep() {
    ratios = layers.map { layer in
      var (moved, old) = (0.0, 0.0)
      for parameter in layer.parameters {
        let change = state.change(of: parameter.entry, from: before, at: parameter.start)
        moved += change.moved
        old += change.old
      }
      return old > 0 ? (moved / old).squareRoot() : nil
    }
  }

  // MARK: The numbers

  /// The statistics with the parameters of now, and the update of the last step that was watched.
  func statistics() -> TrainingStatistics {
    executor.run()
    let total = executor.sum(
      ofOutput: rowLosses, batch.rows, of: batch.dataset.targets, classWeights: classWeights)
    let records = layers.indices.map { record(layers[$0], ratios.isEmpty ? nil : ratios[$0]) }
    ratios = []
    return TrainingStatistics(
      rows: batch.count, loss: total / Double(batch.count), layers: records)
  }

  private func record(_ layer: Layer, _ updateRatio: Double?) -> LayerRecord {
    let counted = layer.parameters.filter(\.isCounted)
    var (weights, others) = (NumberSummary(), NumberSummary())
    for parameter in counted { state.add(parameter.entry, to: &weights) }
    for parameter in layer.parameters where !parameter.isCounted {
      state.add(parameter.entry, to: &others)
    }
    let weightNorm = (weights.squares + others.squares).squareRoot()
    let weightHistogram = histogram(weights) { counts in
      for parameter in counted { state.add(parameter.entry, to: &counts) }
    }
    read(layer.parameters.filter { !$0.isCounted })
    let otherSquares = NumberSummary(numbers).squares
    read(counted)
    let gradients = NumberSummary(numbers)
    let gradientNorm = (gradients.squares + otherSquares).squareRoot()
    let gradientHistogram = histogram(gradients) { $0.add(numbers) }
    let flat = layer.slope.map { slope in
      read(slope.port)
      return (share: shareOfFlatUnits, isBounded: slope.isBounded)
    }
    read(layer.activation)
    return LayerRecord(
      name: layer.name, gradientNorm: gradientNorm.isFinite ? gradientNorm : .nan,
      weightNorm: weightNorm.isFinite ? weightNorm : .nan, updateRatio: updateRatio,
      dead: flat.flatMap { $0.isBounded ? nil : $0.share },
      saturated: flat.flatMap { $0.isBounded ? $0.share : nil }, weights: weightHistogram,
      activations: histogram(NumberSummary(numbers)) { $0.add(numbers) },
      gradients: gradientHistogram)
  }

  /// The share of slopes below the limit among those that were read.
  private var shareOfFlatUnits: Double {
    let flat = numbers.count { Double($0) < LayerRecord.flatSlope }
    return Double(flat) / Double(numbers.count)
  }

  private func histogram(
    _ summary: NumberSummary, add: (inout NumberCounts) -> Void
  ) -> Histogram? {
    guard summary.count > 0 else { return nil }
    var counts = NumberCounts(summary, intervals: Self.intervals)
    add(&counts)
    return Histogram(
      lowest: Double(summary.lowest), highest: Double(summary.highest), counts: counts.counts)
  }

  /// Makes `numbers` those of an output.
  private func read(_ port: Port) {
    numbers.removeAll(keepingCapacity: true)
    executor.append(output: port.index, first: port.count, to: &numbers)
  }

  /// Makes `numbers` the gradients by parameters, one after the other; 0 where the loss does not
  /// depend on them.
  private func read(_ parameters: [Parameter]) {
    numbers.removeAll(keepingCapacity: true)
    for parameter in parameters {
      if let port = parameter.gradient {
        executor.append(output: port.index, first: port.count, to: &numbers)
      } else {
        numbers.append(contentsOf: repeatElement(0, count: parameter.entry.shape.count))
      }
    }
  }
}
