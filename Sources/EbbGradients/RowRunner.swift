package import EbbData
internal import EbbEngine
package import EbbGraph
internal import EbbNetworks
package import EbbTraining

/// In what precision gradients are computed.
public enum GradientPrecision: Hashable, Sendable {
  /// By the executor, as in training: fast.
  case single
  /// By the interpreter: exact to about 15 digits.
  case double
}

/// Runs a trace over any number of examples, as many at a time as it has rows; what is left over is
/// filled up with rows whose results are dropped.
package struct RowRunner {
  private let model: Model
  private let trace: LossTrace
  private let classWeights: [Double]?
  private let names: [String]
  private let way: Way

  private enum Way {
    case interpreter(Interpreter<Double>)
    case executor(Executor, features: Int?, targets: Int?, factors: Int?, outputs: [Int])
  }

  /// The most examples computed at a time.
  package static let mostRows = 256

  /// A runner for some nodes of a trace; each is read under ``name(of:)``.
  ///
  /// - Parameters:
  ///   - classWeights: a factor for the loss of each class's rows.
  ///   - threads: the most threads to use in single precision. No result depends on it.
  package init(
    _ model: Model, _ trace: LossTrace, reading nodes: [NodeID], classWeights: [Double]?,
    precision: GradientPrecision, threads: Int = 1
  ) throws {
    var graph = trace.graph
    let outputs = Set(nodes).sorted().map { Graph.Output(name: Self.name(of: $0), id: $0) }
    graph.outputs = outputs
    (self.model, self.trace, self.classWeights) = (model, trace, classWeights)
    names = outputs.map(\.name)
    switch precision {
    case .double: way = .interpreter(try Interpreter(graph))
    case .single:
      let state = try StateBlock(StateLayout(graph))
      try model.load(into: state)
      let plan = try Plan(graph, state: state.layout)
      try plan.checkMemory("gradients", rows: trace.rows)
      let port = NetworkTrace.Port.self
      way = .executor(
        try Executor(plan, state: state, threads: threads, kernels: try .chosen),
        features: plan.input(port.features), targets: plan.input(port.targets),
        factors: plan.input(port.rowWeights), outputs: names.compactMap { plan.output($0) })
    }
  }

  /// The name of a node's numbers.
  package static func name(of node: NodeID) -> String { "row \(node)" }

  /// Computes the examples of a batch, and hands over each node's numbers of a few at a time.
  ///
  /// - Parameter body: is given how many examples there are, and each node's numbers, theirs first.
  package func run(
    _ batch: Batch, _ body: (_ count: Int, _ found: [String: [Double]]) throws -> Void
  ) throws {
    try check(batch.dataset, inputCount: model.inputCount)
    try model.loss.check(
      batch.dataset.targets, outputs: trace.values.last.map { $0.shape[1] } ?? 0)
    var start = batch.rows.startIndex
    while start < batch.rows.endIndex {
      let part = batch.rows[start..<min(start + trace.rows, batch.rows.endIndex)]
      let missing = trace.rows - part.count
      let filled = part + [Int32](repeating: part[part.startIndex], count: missing)
      try body(part.count, try run(Batch(checked: batch.dataset, rows: filled)))
      start = part.endIndex
    }
  }

  private func run(_ batch: Batch) throws -> [String: [Double]] {
    // The sum's factors: each example counts as if it were alone.
    let factors = try batch.factors(.sum, classWeights: classWeights)
    switch way {
    case .interpreter(let interpreter):
      let (numbers, indices) = try trace.inputs(
        model, batch, factors: factors, as: Double.self)
      return try interpreter.numbers(numbers, indices: indices).mapValues(\.elements)
    case .executor(let executor, let features, let targets, let weights, let outputs):
      let data = batch.dataset
      if let features {
        executor.gather(
          features, from: data.features, width: model.inputCount, rows: batch.rows)
      }
      if let targets {
        executor.gatherTargets(targets, data.targets, rows: batch.rows, loss: model.loss)
      }
      if let weights { executor.setInput(weights, factors.map { Float($0) }) }
      executor.run()
      return Dictionary(
        uniqueKeysWithValues: zip(names, outputs).map { name, output in
          (name, executor.output(output).map { Double($0) })
        })
    }
  }
}
