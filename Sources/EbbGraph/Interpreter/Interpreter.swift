/// The meaning of a graph: computes each node in order, one operation at a time.
///
/// In Double it is the oracle against which values and gradients are checked. In Float it follows the
/// numeric contract, with the kernels' elementary functions, and equals the executor bit for bit.
public struct Interpreter<Scalar: Real> {
  /// What is computed.
  public let graph: Graph
  private let functions: ElementaryFunctions<Scalar>
  private let live: [Bool]
  private let lastUse: [Int]

  /// The numbers of one node.
  public enum Value: Sendable, Equatable {
    /// Of type `.float` or `.mask`.
    case numbers(NDArray<Scalar>)
    /// Of type `.index`.
    case indices(NDArray<Int32>)
  }

  /// An interpreter of a graph.
  ///
  /// - Parameter functions: exp, log and the like.
  /// - Throws: `TraceError` if a custom operation's expression has a fault.
  public init(_ graph: Graph, functions: ElementaryFunctions<Scalar>) throws {
    self.graph = try graph.withCustomExpressionsInlined()
    self.functions = functions
    live = self.graph.liveNodes()
    var lastUse = Array(self.graph.nodes.indices)
    for (index, node) in self.graph.nodes.enumerated() where live[index] {
      for input in node.inputs { lastUse[input.index] = index }
    }
    for output in self.graph.outputs { lastUse[output.id.index] = self.graph.nodes.count }
    self.lastUse = lastUse
  }

  /// Computes the outputs.
  ///
  /// - Parameters:
  ///   - inputs: inputs and parameters by name.
  ///   - indices: inputs of type `.index` by name.
  ///   - seed: the seed of random operations.
  ///   - step: the step of random operations.
  ///   - visit: called with every node's value, in order; later operations see what it makes of it.
  /// - Returns: the outputs' values, in the graph's order of outputs.
  /// - Throws: `InputError` if an input is missing or has another shape.
  public func run(
    _ inputs: [String: NDArray<Scalar>], indices: [String: NDArray<Int32>] = [:],
    seed: UInt64 = 0, step: UInt64 = 0,
    visit: (NodeID, inout Value) throws -> Void = { _, _ in }
  ) throws -> [Value] {
    let given = Given(inputs: inputs, indices: indices, seed: seed, step: step)
    return try walk(visit) { _, node, values in try evaluate(node, values, given) }
  }

  /// Goes through the live nodes in order, and frees values after their last use.
  func walk(
    _ visit: (NodeID, inout Value) throws -> Void,
    _ evaluate: (NodeID, Node, [Value?]) throws -> Value
  ) throws -> [Value] {
    var values = [Value?](repeating: nil, count: graph.nodes.count)
    for (index, node) in graph.nodes.enumerated() where live[index] {
      var value = try evaluate(NodeID(index), node, values)
      try visit(NodeID(index), &value)
      values[index] = value
      for input in node.inputs where lastUse[input.index] == index { values[input.index] = nil }
    }
    return graph.outputs.compactMap { values[$0.id.index] }
  }

  /// Computes one output that is made of numbers.
  public func number(
    _ output: String, _ inputs: [String: NDArray<Scalar>], indices: [String: NDArray<Int32>] = [:],
    seed: UInt64 = 0, step: UInt64 = 0
  ) throws -> NDArray<Scalar> {
    let values = try run(inputs, indices: indices, seed: seed, step: step)
    for (candidate, value) in zip(graph.outputs, values) where candidate.name == output {
      if case .numbers(let array) = value { return array }
    }
    throw InputError(message: "there is no output of numbers named \"\(output)\"")
  }

  /// Computes all outputs that are made of numbers, by name.
  public func numbers(
    _ inputs: [String: NDArray<Scalar>], indices: [String: NDArray<Int32>] = [:],
    seed: UInt64 = 0, step: UInt64 = 0
  ) throws -> [String: NDArray<Scalar>] {
    var result: [String: NDArray<Scalar>] = [:]
    let values = try run(inputs, indices: indices, seed: seed, step: step)
    for (output, value) in zip(graph.outputs, values) {
      if case .numbers(let array) = value { result[output.name] = array }
    }
    return result
  }

  struct Given {
    let inputs: [String: NDArray<Scalar>]
    let indices: [String: NDArray<Int32>]
    let seed: UInt64
    let step: UInt64
  }

  // Callers in other modules get code made for their precision: 20 times faster than the general.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  func evaluate(_ node: Node, _ values: [Value?], _ given: Given) throws -> Value {
    func numbers(_ slot: Int) -> [Scalar] {
      guard case .numbers(let array)? = values[node.inputs[slot].index] else { return [] }
      return array.elements
    }
    func indices(_ slot: Int) -> [Int32] {
      guard case .indices(let array)? = values[node.inputs[slot].index] else { return [] }
      return array.elements
    }
    func shape(_ slot: Int) -> Shape { graph[node.inputs[slot]].shape }
    func result(_ elements: [Scalar]) -> Value { .numbers(NDArray(elements, shape: node.shape)) }

    switch node.op {
    case .source(let source): return try given.value(of: source)
    case .unary(let unary): return result(mapped(numbers(0), unary.row(functions).value))
    case .binary(let binary):
      return result(mapped(numbers(0), numbers(1), binary.row(functions).value))
    case .ternary(let ternary):
      return result(mapped(numbers(0), numbers(1), numbers(2), ternary.row(functions).value))
    case .reduction(let reduction, let axes):
      let lists = gathered(numbers(0), shape(0), axes: axes)
      return result(
        reduction.values(
          lists, length: axes.map { shape(0)[$0] }.reduce(1, *),
          count: node.shape.count))
    case .movement(let movement):
      let shapes = node.inputs.indices.map(shape)
      if node.type == .index {
        let moved = movement.moved(node.inputs.indices.map(indices), shapes, node.shape, fill: 0)
        return .indices(NDArray(moved, shape: node.shape))
      }
      return result(movement.moved(node.inputs.indices.map(numbers), shapes, node.shape, fill: 0))
    case .matmul:
      return result(products(numbers(0), numbers(1), shape(0), shape(1)))
    case .rowwise(let rowwise):
      let labels = rowwise == .softmaxCrossEntropy ? indices(1) : []
      return result(
        rowwise.values(
          numbers(0), labels, rows: shape(0).extents.dropLast().reduce(1, *),
          width: shape(0)[-1], functions))
    case .indexing(let indexing):
      switch indexing {
      case .gatherRows: return result(gatheredRows(numbers(0), shape(0), indices(1)))
      case .scatterAddRows(let rows):
        return result(scatteredRows(numbers(0), indices(1), rows: rows, width: node.shape[1]))
      case .oneHot(let classes):
        return result(
          indices(0).flatMap { label in (0..<classes).map { $0 == Int(label) ? 1 : 0 } })
      case .argmax(let axis):
        let lists = gathered(numbers(0), shape(0), axes: [axis])
        let chosen = firstLargest(lists, length: shape(0)[axis], count: node.shape.count)
        return .indices(NDArray(chosen, shape: node.shape))
      }
    case .random(let distribution, let stream, let shape):
      return result(
        distribution.numbers(
          count: shape.count, seed: given.seed, stream: stream, step: given.step, functions))
    case .custom(let operation):
      let operands = node.inputs.indices.map { NDArray(numbers($0), shape: shape($0)) }
      return .numbers(try operation.value(operands, shape: node.shape))
    }
  }
}

extension Interpreter<Double> {
  /// An interpreter in double precision with the platform's functions.
  public init(_ graph: Graph) throws { try self.init(graph, functions: .platform) }
}

/// What was given to a run does not fit the graph.
public struct InputError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What was expected and what came.
  public let message: String
  /// The message.
  public var description: String { message }

  package init(message: String) { self.message = message }
}

extension Interpreter.Given {
  fileprivate func value(of source: Source) throws -> Interpreter.Value {
    switch source {
    case .constant(let constant): return .numbers(NDArray(scalar: Scalar(constant.value)))
    case .array(let array): return .numbers(array.map { Scalar($0.value) })
    case .indices(let array): return .indices(array)
    case .parameter(let name, let shape):
      return .numbers(try checked(inputs[name], name, shape))
    case .input(let name, let shape, .index):
      return .indices(try checked(indices[name], name, shape))
    case .input(let name, let shape, _): return .numbers(try checked(inputs[name], name, shape))
    }
  }

  private func checked<E>(_ array: NDArray<E>?, _ name: String, _ shape: Shape) throws -> NDArray<
    E
  > {
    guard let array else { throw InputError(message: "the input \"\(name)\" is missing") }
    guard array.shape == shape else {
      throw InputError(
        message: "the input \"\(name)\" has the shape \(array.shape), expected \(shape)")
    }
    return array
  }
}

extension CustomOperation {
  /// The value on numbers of either precision.
  fileprivate func value<S: Real>(_ operands: [NDArray<S>], shape: Shape) throws -> NDArray<S> {
    guard let body = numericBody else {
      throw InputError(message: "\(name) has no value on numbers")
    }
    let result: NDArray<S>?
    if let floats = operands as? [NDArray<Float>] {
      result = body.float(floats) as? NDArray<S>
    } else if let doubles = operands as? [NDArray<Double>] {
      result = body.double(doubles) as? NDArray<S>
    } else {
      result = nil
    }
    guard let result, result.shape == shape else {
      throw InputError(
        message:
          "\(name) gave the shape \(result?.shape.description ?? "none"), its shape rule says"
          + " \(shape)")
    }
    return result
  }
}
