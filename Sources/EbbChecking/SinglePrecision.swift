internal import EbbEngine
internal import EbbGradients
internal import EbbGraph
internal import EbbTraining

/// A graph's outputs as training computes them: by the executor, and by the interpreter.
struct SinglePrecision {
  private let plan: Plan
  private let numbers: [String: NDArray<Float>]
  private let indices: [String: NDArray<Int32>]
  /// By the interpreter: the bits of each output.
  let interpreted: [String: [Float]]
  /// By the executor with one thread.
  private(set) var alone: [String: [Float]] = [:]

  /// Runs a graph in both ways.
  init(
    _ graph: Graph, numbers: [String: NDArray<Float>], indices: [String: NDArray<Int32>] = [:]
  ) throws {
    (self.numbers, self.indices) = (numbers, indices)
    plan = try Plan(graph)
    interpreted = try Interpreter(inSinglePrecision: graph)
      .numbers(numbers, indices: indices, step: CheckSubject.step).mapValues(\.elements)
    alone = try executed(threads: 1)
  }

  /// The gradients and the rows' losses of a network.
  init(_ subject: CheckSubject) throws {
    let trace = subject.trace
    let wanted = trace.parameters.compactMap(\.gradient)
    let graph = Graph(
      nodes: trace.graph.nodes,
      outputs: trace.graph.outputs.filter {
        wanted.contains($0.id) || $0.name == NetworkTrace.Port.rowLosses
      })
    let (numbers, indices) = try trace.inputs(
      subject.model, subject.batch, factors: subject.factors, as: Float.self)
    try self.init(graph, numbers: numbers, indices: indices)
  }

  /// An output by the executor with one thread; empty if there is none of the name.
  subscript(name: String) -> [Float] { alone[name] ?? [] }

  /// The outputs by the executor.
  func executed(threads: Int) throws -> [String: [Float]] {
    let state = try StateBlock(plan.state)
    for entry in plan.state.entries { state[entry.name] = numbers[entry.name]?.elements ?? [] }
    let executor = try Executor(plan, state: state, threads: threads, kernels: try .chosen)
    for (index, port) in plan.inputs.enumerated() {
      if let values = numbers[port.name] { executor.setInput(index, values.elements) }
      if let values = indices[port.name] { executor.setInput(index, values.elements) }
    }
    executor.run(step: CheckSubject.step)
    var results: [String: [Float]] = [:]
    for (index, port) in plan.outputs.enumerated() { results[port.name] = executor.output(index) }
    return results
  }

  /// How many numbers are compared.
  var bitCount: Int { alone.values.reduce(0) { $0 + $1.count } }

  /// How many numbers have other bits than the executor's with one thread.
  func differing(_ other: [String: [Float]]) -> Int {
    alone.reduce(0) { total, entry in
      guard let found = other[entry.key], found.count == entry.value.count else {
        return total + entry.value.count
      }
      return total
        + zip(found, entry.value).filter { $0.0.bitPattern != $0.1.bitPattern }.count
    }
  }
}

/// The gradients in double precision with the decisions (a ReLU's side, a maximum) that single
/// precision made.
struct DoublePrecision {
  /// In the order of declaration.
  private(set) var gradients: [[Double]] = []
  private let subject: CheckSubject
  private let interpreter: Interpreter<Double>
  private let numbers: [String: NDArray<Double>]
  private let indices: [String: NDArray<Int32>]
  private let branches: Branches

  init(_ subject: CheckSubject) throws {
    self.subject = subject
    let wanted = subject.trace.parameters.compactMap(\.gradient)
    let graph = Graph(
      nodes: subject.trace.graph.nodes,
      outputs: subject.trace.graph.outputs.filter { wanted.contains($0.id) })
    let single = try subject.trace.inputs(
      subject.model, subject.batch, factors: subject.factors, as: Float.self)
    branches = try Interpreter(inSinglePrecision: graph).recording(
      single.numbers, indices: single.indices, seed: subject.seed, step: CheckSubject.step
    ).branches
    interpreter = try Interpreter(graph)
    (numbers, indices) = try subject.trace.inputs(
      subject.model, subject.batch, factors: subject.factors, as: Double.self)
    gradients = try run { _, _ in }
  }

  /// The gradients with every value on the way rounded to single precision, and before that moved by
  /// up to half a unit in its last place, so that each round is another trial. Parameters and features,
  /// which are in single precision, are moved only: so the terms of a sum round, and not only the sum.
  func rounded(seed: UInt64, round: Int) throws -> [[Double]] {
    try run { id, value in
      guard case .numbers(let array) = value else { return }
      let isSource = interpreter.graph[id].inputs.isEmpty
      if isSource && (round == 0 || !Self.isMoved(interpreter.graph[id].op)) { return }
      var random = Philox.words(
        seed: seed, stream: UInt32(truncatingIfNeeded: id.index), step: UInt64(round), block: 0)[0]
      value = .numbers(
        array.map { number in
          random = random &* 1_664_525 &+ 1_013_904_223
          let share = (Double(random >> 8) * 0x1p-24 - 0.5) * 0x1p-24
          let moved = round == 0 ? number : number * (1 + share)
          if isSource { return moved }
          // Beyond single precision's range nothing is to be learned about rounding.
          return Float(moved).isFinite ? Double(Float(moved)) : number
        })
    }
  }

  /// Whether a source is a factor in a sum of products; targets are compared, and stay as they are.
  private static func isMoved(_ op: Op) -> Bool {
    switch op {
    case .source(.parameter): true
    case .source(.input(let name, _, _)): name == NetworkTrace.Port.features
    default: false
    }
  }

  private func run(
    _ visit: (NodeID, inout Interpreter<Double>.Value) -> Void
  ) throws -> [[Double]] {
    let values = try interpreter.replaying(
      branches, numbers, indices: indices, seed: subject.seed, step: CheckSubject.step,
      visit: visit
    ).values
    let found = interpreter.named(values)
    return subject.trace.parameters.map { parameter in
      found[LossTrace.Port.gradient(parameter.name)]?.elements
        ?? [Double](repeating: 0, count: parameter.shape.count)
    }
  }
}
