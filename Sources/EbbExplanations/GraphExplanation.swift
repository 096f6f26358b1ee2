internal import EbbGradients
public import EbbGraph
internal import EbbTraining

/// The computation graph of one row, with every operation's value and gradient, and every application
/// of the chain rule (M9, M10, M11).
///
///     let graph = try GraphExplanation(subject)
///     print(graph)          // every operation in order, and every step of the way back
///     graph.dot             // for Graphviz: dot -Tpdf
///     graph.svg             // drawn by Ebb
///
/// A step takes the gradient of an operation's result (the cotangent), multiplies it by the operation's
/// transposed Jacobian for one operand slot, and adds the contribution to the operand's gradient. With
/// the values that stand at the operands, anybody can do each step again.
///
/// Parameters stand as in memory: a dense weight is [inputs, outputs], and a = h W + b.
public struct GraphExplanation: Sendable {
  /// An operation of the forward pass, or a value that is given to it.
  public struct Node: Sendable {
    /// What a node is for.
    public enum Role: String, Sendable {
      /// The row's features.
      case features
      /// What is to be learned.
      case targets
      /// Numbers that training changes.
      case parameter
      /// Fixed numbers.
      case constant
      /// Something computed.
      case operation
    }

    /// Its place in the graph.
    public let id: NodeID
    /// What is computed, such as `matmul` or `sum over [1]`.
    public let operation: String
    /// What it is for.
    public let role: Role
    /// The operands by slot.
    public let inputs: [NodeID]
    /// The layer that it was traced in; empty outside of layers.
    public let scope: String
    /// What the value is called elsewhere, such as `hidden1.activation`; none, one or several.
    public let names: [String]
    /// The arithmetic operations that it takes (``OperationCounts``).
    public let operations: Int
    /// The numbers.
    public let value: NDArray<Double>
    /// The loss by each of the numbers; nil if the loss does not come from them, and for constants and
    /// targets.
    public let gradient: NDArray<Double>?
  }

  /// One application of the chain rule.
  public struct Step: Sendable {
    /// The operation that the gradient flows back through.
    public let through: NodeID
    /// The operand position that receives.
    public let slot: Int
    /// The operand that receives.
    public let operand: NodeID
    /// The gradient of the operation's result.
    public let cotangent: NDArray<Double>
    /// What this use adds: the transposed Jacobian times the cotangent.
    public let contribution: NDArray<Double>
    /// The operand's gradient so far: the contributions up to this one, added.
    public let accumulated: NDArray<Double>
    /// The arithmetic operations of the step.
    public let operations: Int
  }

  /// What the row is called.
  public let name: String
  /// The row's loss.
  public let loss: Double
  /// The operation whose result is the loss.
  public let lossNode: NodeID
  /// Whether the loss is computed from the predictions, so that they have a gradient.
  public let isThroughPredictions: Bool
  /// The forward pass in order; operands stand before their users.
  public let nodes: [Node]
  /// The way back, in the order in which it was gone.
  public let steps: [Step]
  private let positions: [NodeID: Int]

  /// The graph of a row.
  ///
  /// - Parameters:
  ///   - throughPredictions: computes the loss from the predictions, −log ŷ, as textbooks write it. The
  ///     default is what training does: one operation from the outputs to the loss.
  /// - Throws: `ModelError` or `TraceError` if the row does not fit the model.
  public init(_ subject: ExplanationSubject, throughPredictions: Bool = false) throws {
    let trace = try LossTrace(
      subject.model, rows: 1, form: .init(throughPredictions: throughPredictions))
    let numbers =
      switch subject.precision {
      case .double:
        try trace.everyNumber(subject, as: Double.self) { try Interpreter<Double>($0) }
      case .single:
        try trace.everyNumber(subject, as: Float.self) { try Interpreter(inSinglePrecision: $0) }
      }
    try self.init(trace, numbers, name: subject.name)
  }

  private init(_ trace: LossTrace, _ numbers: [NodeID: NDArray<Double>], name: String) throws {
    func number(_ id: NodeID) throws -> NDArray<Double> {
      guard let found = numbers[id] else {
        throw ExplanationError(.unknownElement, "the node \(id) has no numbers")
      }
      return found
    }
    let counts = Dictionary(
      uniqueKeysWithValues: trace.countedNodes.map { ($0.node.index, $0.total) })
    var gradients: [NodeID: NodeID] = [:]
    if let first = trace.steps.first { gradients[first.through] = first.cotangent }
    // What a step made is what the trace added since the step before.
    var made = trace.rowLosses.index
    if let first = trace.steps.first { made = max(made, first.cotangent.index) }
    steps = try trace.steps.map { step in
      gradients[step.operand] = step.accumulated
      let last = max(made, step.contribution.index, step.accumulated.index)
      let operations = ((made + 1)..<(last + 1)).reduce(0) { $0 + (counts[$1] ?? 0) }
      made = last
      return Step(
        through: step.through, slot: step.slot, operand: step.operand,
        cotangent: try number(step.cotangent), contribution: try number(step.contribution),
        accumulated: try number(step.accumulated), operations: operations)
    }
    nodes = try trace.forwardNodes.map { id in
      let node = trace.graph[id]
      let names = (trace.parameters + trace.values).filter { $0.value == id }.map(\.name)
      return Node(
        id: id, operation: node.op.text, role: Node.Role(node.op), inputs: node.inputs,
        scope: node.scope, names: names, operations: counts[id.index] ?? 0, value: try number(id),
        gradient: try gradients[id].map(number))
    }
    positions = Dictionary(uniqueKeysWithValues: nodes.enumerated().map { ($1.id, $0) })
    self.name = name
    lossNode = trace.rowLosses
    loss = try number(trace.rowLosses).elements.first ?? 0
    isThroughPredictions = trace.form.throughPredictions
  }

  /// A node by its place; nil if it is not part of the forward pass.
  public subscript(id: NodeID) -> Node? { positions[id].map { nodes[$0] } }

  /// What each use of a node adds to its gradient, in the order of the way back.
  public func contributions(to id: NodeID) -> [Step] { steps.filter { $0.operand == id } }

  /// The arithmetic operations of the forward pass, from the features to the loss and the predictions.
  public var forwardOperations: Int { nodes.reduce(0) { $0 + $1.operations } }
  /// The arithmetic operations of the way back, beyond those that it shares with the forward pass.
  public var backwardOperations: Int { steps.reduce(0) { $0 + $1.operations } }
  /// The part of them that finds the gradient by the features, which training leaves out.
  public var featureOperations: Int {
    let features = nodes.first { $0.role == .features }?.id
    return steps.reduce(0) { $0 + ($1.operand == features ? $1.operations : 0) }
  }
}

extension GraphExplanation.Node.Role {
  fileprivate init(_ op: Op) {
    guard case .source(let source) = op else {
      self = .operation
      return
    }
    switch source {
    case .input(let name, _, _):
      self = name == NetworkTrace.Port.features ? .features : .targets
    case .parameter: self = .parameter
    case .constant, .array, .indices: self = .constant
    }
  }
}

extension LossTrace {
  /// What the loss, the predictions and the named values are computed from, in order.
  fileprivate var forwardNodes: [NodeID] {
    var forward = graph
    forward.outputs =
      [Graph.Output(name: Port.loss, id: rowLosses)]
      + values.map { Graph.Output(name: $0.name, id: $0.value) }
    let live = forward.liveNodes()
    return graph.nodes.indices.filter { live[$0] }.map { NodeID($0) }
  }

  /// The operations of every node that a value or a gradient needs.
  fileprivate var countedNodes: [OperationCount] { graph.operationCounts.nodes }

  /// The numbers of all nodes of the forward pass and of all steps.
  fileprivate func everyNumber<Scalar: Real>(
    _ subject: ExplanationSubject, as _: Scalar.Type,
    interpreter: (Graph) throws -> Interpreter<Scalar>
  ) throws -> [NodeID: NDArray<Double>] {
    var wanted = Set(forwardNodes)
    for step in steps {
      wanted.formUnion([step.cotangent, step.contribution, step.accumulated])
    }
    let ids = wanted.sorted()
    var all = graph
    all.outputs = ids.map { Graph.Output(name: "\($0)", id: $0) }
    let (numbers, indices) = try inputs(subject.model, subject.row, factors: [1], as: Scalar.self)
    let found = try interpreter(all).run(numbers, indices: indices)
    var result: [NodeID: NDArray<Double>] = [:]
    for (id, value) in zip(ids, found) {
      switch value {
      case .numbers(let array): result[id] = array.map { Double($0) }
      case .indices(let array): result[id] = array.map { Double($0) }
      }
    }
    return result
  }
}
