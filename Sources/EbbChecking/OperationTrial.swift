internal import EbbGradients
internal import EbbGraph
internal import EbbNetworks
internal import EbbSystem
internal import EbbTraining

/// One operation at one point, with what its laws need: a cotangent, and a tangent for each operand.
struct OperationTrial {
  private let operation: CustomOperation
  private let options: GradientCheck.Options
  private let shapes: [Shape]
  /// Operands, cotangents and tangents by the names below.
  private let numbers: [String: NDArray<Double>]
  private let resultCount: Int

  private static func operand(_ slot: Int) -> String { "operand \(slot)" }
  private static func tangent(_ slot: Int) -> String { "tangent \(slot)" }
  private static func gradient(_ slot: Int) -> String { "gradient \(slot)" }
  private static func second(_ slot: Int) -> String { "second \(slot)" }
  private static let cotangents = ["cotangent", "other cotangent", "cotangents' sum"]

  init(
    _ operation: CustomOperation, _ operands: [NDArray<Double>], _ options: GradientCheck.Options
  ) throws {
    (self.operation, self.options) = (operation, options)
    shapes = operands.map(\.shape)
    let shapes = self.shapes
    let graph = try trace { builder in
      ["y": builder.add(.custom(operation), Self.inputs(builder, shapes))]
    }
    let result = graph[graph.outputs[0].id].shape
    resultCount = result.count
    var numbers: [String: NDArray<Double>] = [:]
    for (slot, operand) in operands.enumerated() {
      numbers[Self.operand(slot)] = operand
      numbers[Self.tangent(slot)] = Self.random(
        operand.shape, seed: options.seed, stream: 16 + UInt32(slot))
    }
    let pair = (0..<2).map { Self.random(result, seed: options.seed, stream: $0) }
    let sum = zip(pair[0].elements, pair[1].elements).map { $0 + $1 }
    for (name, array) in zip(Self.cotangents, pair + [NDArray(sum, shape: result)]) {
      numbers[name] = array
    }
    self.numbers = numbers
  }

  private static func inputs(_ builder: GraphBuilder, _ shapes: [Shape]) -> [Tensor] {
    shapes.enumerated().map { builder.input(operand($0), shape: $1) }
  }

  /// Numbers between 1/2 and 3/2 of either sign, with few bits, so that sums of two are exact.
  private static func random(_ shape: Shape, seed: UInt64, stream: UInt32) -> NDArray<Double> {
    NDArray(
      (0..<shape.count).map { index in
        let word = Philox.words(
          seed: seed, stream: stream, step: 0, block: UInt32(truncatingIfNeeded: index))[0]
        let size = 0.5 + Double(word >> 16) * 0x1p-16
        return word & 1 == 0 ? size : -size
      }, shape: shape)
  }

  // MARK: Graphs

  /// The operation applied, and what comes of it, as named outputs.
  private func graph(
    _ body: (_ x: [Tensor], _ y: Tensor, _ builder: GraphBuilder) -> [(String, Tensor)]
  ) throws -> Graph {
    let builder = GraphBuilder()
    let x = Self.inputs(builder, shapes)
    let y = builder.add(.custom(operation), x)
    let results = body(x, y, builder)
    return try builder.finish(
      outputs: results.map { Graph.Output(name: $0.0, id: $0.1.id) })
  }

  private func gradients(
    _ x: [Tensor], _ y: Tensor, _ builder: GraphBuilder, cotangent: String
  ) -> [Tensor?] {
    backpropagate(
      from: y, to: x, cotangent: builder.input(cotangent, shape: y.shape)
    ).gradients
  }

  private func numbers(of graph: Graph) throws -> [String: NDArray<Double>] {
    try Interpreter<Double>(graph).numbers(numbers)
  }

  private func gradientGraph(cotangent: String) throws -> Graph {
    try graph { x, y, builder in
      gradients(x, y, builder, cotangent: cotangent).enumerated().compactMap { slot, gradient in
        gradient.map { (Self.gradient(slot), $0) }
      }
    }
  }

  /// The gradients by the operands; zeros where none comes.
  private func gradients(cotangent: String) throws -> [[Double]] {
    let found = try numbers(of: try gradientGraph(cotangent: cotangent))
    return shapes.enumerated().map { slot, shape in
      found[Self.gradient(slot)]?.elements ?? [Double](repeating: 0, count: shape.count)
    }
  }

  // MARK: First order

  /// The derivative by each operand beside differences of the value.
  func derivatives() throws -> [GradientCheck.Tensor] {
    var function = try SmoothFunction(
      try graph { _, y, _ in [("y", y)] }, output: "y",
      weights: numbers[Self.cotangents[0]]?.elements ?? [], numbers: numbers, data: data)
    let graph = try gradientGraph(cotangent: Self.cotangents[0])
    return try gradients(cotangent: Self.cotangents[0]).enumerated().map { slot, gradient in
      let rounding = try rounding(gradient, Self.gradient(slot), in: graph)
      return try probe(slot, gradient, rounding, stream: UInt32(slot)).check(&function)
    }
  }

  private func probe(
    _ slot: Int, _ gradient: [Double], _ rounding: GradientRounding, stream: UInt32
  ) -> TensorProbe {
    TensorProbe(
      name: Self.operand(slot), shape: shapes[slot], isTurned: false, mode: .evaluation,
      gradient: gradient, rounding: rounding, stream: stream, options: options)
  }

  /// The names of the operands and of what they meet.
  private var data: Set<String> { Set(numbers.keys) }

  /// How far rounding may take a gradient that is a graph's output.
  private func rounding(
    _ gradient: [Double], _ output: String, in graph: Graph
  ) throws -> GradientRounding {
    var jitter = RoundingJitter.double
    jitter.inputs = data
    let interpreter = try Interpreter<Double>(graph)
    let branches = try interpreter.recording(numbers).branches
    let trials = try jitter.trials(interpreter, branches, numbers)
    return GradientRounding(gradient, trials: trials.compactMap { $0[output] }, jitter)
  }

  /// The derivative is linear in the cotangent.
  func linearity() throws -> GradientCheck.Law {
    let parts = try Self.cotangents.map { try gradients(cotangent: $0).flatMap { $0 } }
    let sum = zip(parts[0], parts[1]).map { $0 + $1 }
    return law(
      "linearity", "derivative along v + w = along v, plus along w",
      Self.relative(sum.distance(to: parts[2]), parts[0].norm + parts[1].norm, limit: 1e-12))
  }

  /// ⟨v, J u⟩ = ⟨Jᵀ v, u⟩.
  func adjoint() throws -> GradientCheck.Law {
    let name = "forward mode"
    let statement = "forward mode = backpropagation"
    let graph = try graph { x, y, builder in
      let tangents = x.enumerated().map { builder.input(Self.tangent($0), shape: $1.shape) }
      return [("tangent", pushForward([y], from: x, along: tangents)[0])]
    }
    guard let result = try? numbers(of: graph)["tangent"] else {
      return law(name, statement, .inconclusive("the derivative is not linear in the cotangent"))
    }
    let back = try gradients(cotangent: Self.cotangents[0])
    var (forward, backward, size) = (0.0, 0.0, 0.0)
    for (a, b) in zip(result.elements, numbers[Self.cotangents[0]]?.elements ?? []) {
      forward += a * b
      size += (a * b).magnitude
    }
    for (slot, gradient) in back.enumerated() {
      for (a, b) in zip(gradient, numbers[Self.tangent(slot)]?.elements ?? []) {
        backward += a * b
        size += (a * b).magnitude
      }
    }
    return law(
      name, statement, Self.relative((forward - backward).magnitude, size, limit: 1e-12))
  }

  // MARK: Precisions

  /// Value and gradients in single precision beside those in double precision.
  func singlePrecision() throws -> GradientCheck.Law {
    let graph = try firstOrder()
    let rounded = numbers.mapValues { $0.map { Float($0) } }
    let single = try Interpreter(inSinglePrecision: graph).numbers(rounded)
    let exactly = rounded.mapValues { $0.map { Double($0) } }
    let double = try Interpreter<Double>(graph).numbers(exactly)
    // What rounding the operands alone would change.
    let moved = try Interpreter<Double>(graph).numbers(
      exactly.mapValues { $0.map { $0 * (1 + 0x1p-24) } })
    var (worst, reason, wrong): (Double, String?, Double?) = (0, nil, nil)
    for output in graph.outputs {
      let exact = double[output.name]?.elements ?? []
      let distance = exact.distance(to: single[output.name]?.elements.map { Double($0) } ?? [])
      let norm = exact.norm
      guard norm > 0 || distance > 0 else { continue }
      let relative = norm > 0 ? distance / norm : Double.infinity
      let expected = max(norm * 0x1p-24, exact.distance(to: moved[output.name]?.elements ?? []))
      if distance <= 64 * expected {
        worst = max(worst, relative)
      } else if relative > 0.01 {
        wrong = max(wrong ?? 0, relative)
      } else {
        let size = NumberFormat.significant(relative, digits: 2)
        reason = "in single precision the \(output.name) loses digits: right to \(size) only"
      }
    }
    let verdict: GradientCheck.Verdict =
      wrong.map { .disagrees(by: $0) } ?? reason.map { .inconclusive($0) } ?? .agrees(to: worst)
    return law("single precision", "value in single precision = in double precision", verdict)
  }

  /// The executor's bits beside the interpreter's, and those with several threads.
  func executor() throws -> GradientCheck.Law {
    let single = try SinglePrecision(
      try firstOrder(), numbers: numbers.mapValues { $0.map { Float($0) } })
    let many = try single.executed(threads: max(2, options.threads))
    let differing = single.differing(single.interpreted) + single.differing(many)
    return GradientCheck.Law(
      name: "executor", statement: "executor with 1 and more threads = interpreter",
      verdict: differing == 0
        ? .agrees(to: 0) : .disagrees(by: Double(differing) / Double(2 * single.bitCount)),
      isExact: true)
  }

  private func firstOrder() throws -> Graph {
    try graph { x, y, builder in
      let found = gradients(x, y, builder, cotangent: Self.cotangents[0])
      return [("value", y)]
        + found.enumerated().compactMap { slot, gradient in
          gradient.map { (Self.gradient(slot), $0) }
        }
    }
  }

  // MARK: Second order

  /// The derivative of the derivative beside differences of the derivative.
  func secondOrder() throws -> GradientCheck.Law {
    let (name, statement) = ("second derivative", "second derivative = differences of the first")
    let graph = try graph { x, y, builder in
      let first = gradients(x, y, builder, cotangent: Self.cotangents[0])
      var total: Tensor?
      for (slot, gradient) in first.enumerated() {
        guard let gradient else { continue }
        let term = sum(gradient * builder.input(Self.tangent(slot), shape: gradient.shape))
        total = total.map { $0 + term } ?? term
      }
      guard let total else { return [] }
      let second = backpropagate(from: total, to: x).gradients
      return [("slope", total)]
        + second.enumerated().compactMap { slot, gradient in
          gradient.map { (Self.second(slot), $0) }
        }
    }
    guard graph.outputs.count > 1 else {
      return law(
        name, statement, .inconclusive("the derivative has no derivative by the operands"))
    }
    let found = try numbers(of: graph)
    var function = try SmoothFunction(
      graph, output: "slope", weights: [1], numbers: numbers, data: data)
    let verdicts = try shapes.indices.map { slot in
      let gradient =
        found[Self.second(slot)]?.elements ?? [Double](repeating: 0, count: shapes[slot].count)
      let rounding = try rounding(gradient, Self.second(slot), in: graph)
      return try probe(slot, gradient, rounding, stream: 64 + UInt32(slot)).check(&function)
        .verdict
    }
    return law(name, statement, .joined(differences: verdicts, others: []))
  }

  // MARK: Verdicts

  private func law(
    _ name: String, _ statement: String, _ verdict: GradientCheck.Verdict
  ) -> GradientCheck.Law {
    GradientCheck.Law(name: name, statement: statement, verdict: verdict, isExact: false)
  }

  private static func relative(
    _ distance: Double, _ size: Double, limit: Double
  ) -> GradientCheck.Verdict {
    guard size.isFinite, !distance.isNaN else { return .inconclusive("not finite here") }
    if size == 0 { return .inconclusive("everything is zero") }
    let share = distance / size
    return share <= limit ? .agrees(to: share) : .disagrees(by: share)
  }
}
