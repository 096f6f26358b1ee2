/// Where a computation is written down while user code runs.
///
/// Equal nodes are the same node (operation, payload and inputs alike), so a shared factor is
/// computed once by construction. A builder lives only while one function is traced.
public final class GraphBuilder {
  package private(set) var graph = Graph()
  private var known: [Key: NodeID] = [:]
  private var names: Set<String> = []
  private var scopes: [String] = []
  private var scopePath = ""
  private var randomCount: UInt32 = 0
  private var firstError: TraceError?
  private var extraOutputs: [Graph.Output] = []
  private var updates: [Graph.Output] = []
  /// The parameters that have an update.
  private var updated: Set<NodeID> = []

  /// What makes two nodes the same.
  private struct Key: Hashable {
    let op: Op
    let inputs: [NodeID]
  }

  package init() {}

  // MARK: Declaring

  /// A value that is given at each run.
  ///
  /// - Parameters:
  ///   - name: unique among inputs and parameters.
  ///   - type: `.float` for numbers, `.index` for class or row indices.
  public func input(_ name: String, shape: Shape, type: ElementType = .float) -> Tensor {
    declare(name, .input(name: name, shape: shape, type: type))
  }

  /// A value that training changes.
  ///
  /// - Parameters:
  ///   - name: permanent: it stands in files and commands. Declaring it twice is an error unless
  ///     `shared` is true, which gives the same parameter again.
  public func parameter(_ name: String, shape: Shape, shared: Bool = false) -> Tensor {
    let op = Op.source(.parameter(name: name, shape: shape))
    if shared, let id = known[Key(op: op, inputs: [])] { return Tensor(builder: self, id: id) }
    return declare(name, .parameter(name: name, shape: shape))
  }

  private func declare(_ name: String, _ source: Source) -> Tensor {
    if !names.insert(name).inserted {
      let guess = add(.source(source), [])
      return fail(
        "parameter",
        "the name \"\(name)\" is declared twice; give each its own name, or ask for"
          + " sharing", guess.shape)
    }
    return add(.source(source), [])
  }

  /// A number.
  public func constant(_ value: Double) -> Tensor { add(.source(.constant(.init(value))), []) }

  /// Fixed numbers in a shape.
  public func constant(array: NDArray<Double>) -> Tensor {
    add(.source(.array(array.map(ExactDouble.init))), [])
  }

  /// Fixed indices in a shape.
  public func constant(indices: NDArray<Int32>) -> Tensor { add(.source(.indices(indices)), []) }

  /// Fresh random numbers, other ones at each step; the same for the same seed, step and stream.
  ///
  /// Each call is a stream of its own, numbered in the order of the calls.
  public func random(_ distribution: Distribution, shape: Shape) -> Tensor {
    randomCount += 1
    return add(.random(distribution, stream: randomCount - 1, shape: shape), [])
  }

  /// Labels all nodes that `body` adds with a layer's name, within the names around it.
  public func scope<Result>(_ name: String, _ body: () throws -> Result) rethrows -> Result {
    scopes.append(name)
    scopePath = scopes.joined(separator: ".")
    defer {
      scopes.removeLast()
      scopePath = scopes.joined(separator: ".")
    }
    return try body()
  }

  /// Names a result, beside those that the traced function returns: for results that come in a loop.
  public func output(_ name: String, _ value: Tensor) {
    extraOutputs.append(Graph.Output(name: name, id: value.id))
  }

  /// Makes a parameter take a new value when the step is over; until then its old value is read.
  ///
  /// The update is an output of the graph, named `update NAME`.
  public func update(_ parameter: Tensor, to value: Tensor) {
    guard case .source(.parameter(let name, let shape)) = parameter.op else {
      _ = fail("update", "only a parameter can be updated", parameter.shape)
      return
    }
    guard value.shape == shape && value.type == .float else {
      _ = fail(
        "update",
        "the parameter \"\(name)\" has the shape \(shape), its new value"
          + " \(value.shape)", shape)
      return
    }
    if !updated.insert(parameter.id).inserted {
      _ = fail("update", "the parameter \"\(name)\" is updated twice", shape)
      return
    }
    updates.append(
      Graph.Output(name: "update \(name)", id: value.id, parameter: parameter.id))
  }

  // MARK: Adding

  /// The node that applies an operation, new or found.
  package func add(_ op: Op, _ inputs: [Tensor]) -> Tensor {
    for input in inputs where input.builder !== self {
      return fail(op.name, "its operands come from two traces", input.shape)
    }
    let key = Key(op: op, inputs: inputs.map(\.id))
    if let id = known[key] { return Tensor(builder: self, id: id) }
    do {
      let result = try op.result(of: inputs.map { OperandType(shape: $0.shape, type: $0.type) })
      guard result.shape.checkedCount != nil else {
        throw ShapeFault("\(result.shape) has more than 2^31 - 1 elements")
      }
      guard result.shape.rank <= 8 else {
        throw ShapeFault("\(result.shape) has \(result.shape.rank) axes, the most is 8")
      }
      return append(op, key, result)
    } catch let fault as ShapeFault {
      return fail(op.name, fault.message, inputs.first?.shape ?? .scalar)
    } catch {
      return fail(op.name, "\(error)", inputs.first?.shape ?? .scalar)
    }
  }

  private func append(_ op: Op, _ key: Key, _ result: OperandType) -> Tensor {
    let id = NodeID(graph.nodes.count)
    graph.nodes.append(
      Node(op: op, inputs: key.inputs, shape: result.shape, type: result.type, scope: scopePath))
    known[key] = id
    return Tensor(builder: self, id: id)
  }

  /// Records a fault and returns a stand-in with the best guess at the shape, so that user code
  /// runs on.
  package func fail(
    _ operation: String, _ message: String, _ shape: Shape, type: ElementType = .float
  ) -> Tensor {
    if firstError == nil {
      firstError = TraceError(scope: scopePath, operation: operation, message: message)
    }
    let guess =
      shape.checkedCount == nil ? Shape([Int](repeating: 1, count: shape.rank)) : shape
    let op = Op.source(.input(name: "(fault)", shape: guess, type: type))
    let key = Key(op: op, inputs: [])
    if let id = known[key] { return Tensor(builder: self, id: id) }
    return append(op, key, OperandType(shape: guess, type: type))
  }

  /// The first parameter until now that is none of these, and the layer that declared it.
  package func parameter(besides names: [String]) -> (name: String, scope: String)? {
    let known = Set(names)
    for node in graph.nodes {
      guard case .source(.parameter(let name, _)) = node.op, !known.contains(name) else { continue }
      return (name, node.scope)
    }
    return nil
  }

  /// Whether a fault was recorded: what is traced from then on is only run through.
  var hasFault: Bool { firstError != nil }

  /// A value that is only differentiated by, never computed.
  func standIn(shape: Shape) -> Tensor {
    add(
      .source(
        .input(name: "\(Source.standInPrefix)\(graph.nodes.count))", shape: shape, type: .float)),
      [])
  }

  /// The graph as traced, or the first fault.
  package func finish(outputs: [Graph.Output]) throws(TraceError) -> Graph {
    if let firstError { throw firstError }
    var result = graph
    result.outputs = outputs + extraOutputs + updates
    return result
  }
}

/// Writes down a computation as a graph.
///
///     let graph = try trace { builder in
///       let x = builder.input("x", shape: [2])
///       return ["f": sum(x * x)]
///     }
///
/// - Parameter body: declares inputs and parameters on the builder and returns the named results.
/// - Throws: `TraceError`, the first fault found: layer, operation, shapes and what to do.
public func trace(_ body: (GraphBuilder) throws -> KeyValuePairs<String, Tensor>) throws -> Graph {
  let builder = GraphBuilder()
  let results = try body(builder)
  for (name, value) in results where value.builder !== builder {
    _ = builder.fail("output", "\"\(name)\" comes from another trace", value.shape)
  }
  return try builder.finish(
    outputs: results.map { Graph.Output(name: $0.key, id: $0.value.id) })
}
