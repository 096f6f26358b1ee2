import EbbEngine
import EbbGraph
import Testing

/// Random numbers for inputs, the same at every run.
func numbers(_ count: Int, seed: UInt64, in range: ClosedRange<Float> = -1...1) -> [Float] {
  (0..<count).map { index in
    let words = Philox.words(seed: seed, stream: 7, step: 0, block: UInt32(index))
    let unit = Float(words[0] >> 8) * 0x1p-24
    return range.lowerBound + unit * (range.upperBound - range.lowerBound)
  }
}

/// Everything that a graph asks for, made at random.
struct GivenValues {
  var floats: [String: NDArray<Float>] = [:]
  var indices: [String: NDArray<Int32>] = [:]

  /// Operands within the sample's ranges; what else the graph asks for, between -1 and 1.
  init(_ graph: Graph, sample: OperationSample, seed: UInt64) {
    self.init(graph, seed: seed)
    for (slot, operand) in sample.operands.enumerated() {
      let name = "x\(slot)"
      switch operand {
      case .indices(let array): indices[name] = array
      case .mask(let shape):
        floats[name] = NDArray(
          numbers(shape.count, seed: seed &+ 50).map { $0 > 0 ? 1 : 0 }, shape: shape)
      case .numbers(let shape, let range):
        floats[name] = NDArray(
          numbers(
            shape.count, seed: seed &+ UInt64(slot) &* 31,
            in: Float(range.lowerBound)...Float(range.upperBound)), shape: shape)
      }
    }
  }

  init(_ graph: Graph, seed: UInt64 = 1, indexLimit: Int32 = 4, range: ClosedRange<Float> = -1...1)
  {
    for (position, entry) in (graph.inputs + graph.parameters).enumerated() {
      let node = graph[entry.id]
      let values = numbers(node.shape.count, seed: seed &+ UInt64(position) * 977, in: range)
      if node.type == .index {
        indices[entry.name] = NDArray(
          values.map { Int32(abs($0) * 1000) % indexLimit }, shape: node.shape)
      } else {
        floats[entry.name] = NDArray(values, shape: node.shape)
      }
    }
  }
}

/// Runs a plan and returns the bits of its outputs, updates included, by name.
func execute(
  _ graph: Graph, _ given: GivenValues, options: CompilerOptions = .all, threads: Int = 1,
  kernels: KernelSet = .best, seed: UInt64 = 3, step: UInt64 = 5
) throws -> [String: [UInt32]] {
  let plan = try Plan(graph, options: options)
  let state = try StateBlock(plan.state)
  let executor = try Executor(plan, state: state, threads: threads, kernels: kernels)
  var results: [String: [UInt32]] = [:]
  // Twice, so that what a first run leaves behind would show; parameters start anew.
  for _ in 0..<2 {
    executor.poison()
    for (index, port) in plan.inputs.enumerated() {
      if let values = given.floats[port.name] { executor.setInput(index, values.elements) }
      if let values = given.indices[port.name] { executor.setInput(index, values.elements) }
    }
    for entry in plan.state.entries {
      state[entry.name] = given.floats[entry.name]?.elements ?? []
    }
    executor.run(seed: seed, step: step)
    for (index, port) in plan.outputs.enumerated() {
      results[port.name] = executor.output(index).map(canonicalBits)
    }
    for output in graph.outputs {
      if let parameter = output.parameter,
        case .source(.parameter(let name, _)) = graph[parameter].op
      {
        results[output.name] = state[name].map(canonicalBits)
      }
    }
  }
  return results
}

/// The bits of a number, all NaNs alike.
func canonicalBits(_ value: Float) -> UInt32 {
  value.isNaN ? Float.nan.bitPattern : value.bitPattern
}

func interpret(
  _ graph: Graph, _ given: GivenValues, seed: UInt64 = 3, step: UInt64 = 5
) throws -> [String: [UInt32]] {
  let values = try Interpreter(graph, functions: .kernels).run(
    given.floats, indices: given.indices, seed: seed, step: step)
  var results: [String: [UInt32]] = [:]
  for (output, value) in zip(graph.outputs, values) {
    switch value {
    case .numbers(let array): results[output.name] = array.elements.map(canonicalBits)
    case .indices(let array): results[output.name] = array.elements.map { UInt32(bitPattern: $0) }
    }
  }
  return results
}

/// Every way to run a graph gives the interpreter's bits: each pass off in turn, all off, several
/// threads, each instruction set.
func expectAgreement(
  _ graph: Graph, _ given: GivenValues, _ label: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  try graph.verify()
  let expected = try interpret(graph, given)
  let variants: [CompilerOptions] = [
    .all, [], .all.subtracting(.simplify), .all.subtracting(.fuse), .all.subtracting(.tails),
    .all.subtracting(.inPlace), .all.subtracting(.patterns), .all.subtracting(.stages),
  ]
  for options in variants {
    compare(
      try execute(graph, given, options: options), expected, "\(label) options \(options.rawValue)",
      sourceLocation)
  }
  for threads in [2, 3] {
    compare(
      try execute(graph, given, threads: threads), expected, "\(label) \(threads) threads",
      sourceLocation)
  }
  for name in ["portable", "avx2"] {
    guard let kernels = KernelSet.named(name) else { continue }
    compare(
      try execute(graph, given, kernels: kernels), expected, "\(label) \(name)", sourceLocation)
  }
}

private func compare(
  _ actual: [String: [UInt32]], _ expected: [String: [UInt32]], _ label: String,
  _ sourceLocation: SourceLocation
) {
  for (name, bits) in expected.sorted(by: { $0.key < $1.key }) {
    guard let found = actual[name], found.count == bits.count else {
      Issue.record(
        "\(label): output \(name) is missing or of another size", sourceLocation: sourceLocation)
      continue
    }
    if let place = bits.indices.first(where: { found[$0] != bits[$0] }) {
      Issue.record(
        """
        \(label): output \(name), element \(place): expected \
        \(Float(bitPattern: bits[place])), got \(Float(bitPattern: found[place]))
        """, sourceLocation: sourceLocation)
    }
  }
}
