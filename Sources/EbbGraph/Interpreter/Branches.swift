/// Which side of each kink a run took.
///
/// A network of ReLUs is smooth only as long as no neuron changes sides, and a check that wiggles a
/// weight makes some of them do so. Recorded decisions, taken again at other inputs, make a smooth
/// function that touches the true one at the recorded point; its derivative there is the one that
/// the rules state, at kinks too.
///
/// What is recorded: comparisons, `relu`, `abs`, `sign`, `minimum`, `maximum`, `clip`, the extremes
/// over axes, `argmax`, one small integer for each element; and the values behind `stopGradient`,
/// which count as constants.
public struct Branches: Sendable, Equatable {
  /// By node of the interpreter's graph; nil where nothing was decided.
  fileprivate var decisions: [Decisions?]

  /// What one node decided.
  fileprivate enum Decisions: Sendable, Equatable {
    /// The side that each element of the result took.
    case sides([UInt8])
    /// 1 for each operand that is an extreme of its run, in the order in which runs are gathered.
    case extremes([UInt8])
    /// The place chosen for each element of the result.
    case places([Int32])
    /// The values, held.
    case held([Double])
  }
}

/// Where a replayed run would have decided otherwise.
public struct Crossing: Sendable, Hashable {
  /// The node that decides, in the interpreter's graph.
  public let node: NodeID
  /// How many elements of its result would have been decided otherwise.
  public let count: Int
  /// The first of them, in row-major order.
  public let first: Int
}

extension Interpreter {
  /// Computes the outputs, and records which side of each kink was taken.
  ///
  /// - Parameter visit: as of `run`.
  public func recording(
    _ inputs: [String: NDArray<Scalar>], indices: [String: NDArray<Int32>] = [:],
    seed: UInt64 = 0, step: UInt64 = 0,
    visit: (NodeID, inout Value) throws -> Void = { _, _ in }
  ) throws -> (values: [Value], branches: Branches) {
    let given = Given(inputs: inputs, indices: indices, seed: seed, step: step)
    var branches = Branches(decisions: Array(repeating: nil, count: graph.nodes.count))
    let values = try walk(visit) { id, node, values in
      branches.decisions[id.index] = decided(node, values)
      return try evaluate(node, values, given)
    }
    return (values, branches)
  }

  /// Computes the outputs with recorded decisions: a smooth function of the inputs, whose derivative
  /// at the recorded point is what the derivative rules state.
  ///
  /// On its recorded side `relu` is x or 0, `abs` is x, −x or 0, `maximum` and `minimum` are one
  /// operand or, at a tie, half the sum of both, `clip` is x or a bound, an extreme over axes is the
  /// mean of the elements that were equal, and comparisons, `sign` and `argmax` are what they were.
  ///
  /// - Parameter visit: as of `run`.
  /// - Returns: the outputs' values, and the nodes that would have decided otherwise, in order.
  /// - Throws: `InputError` if the branches are those of another graph.
  public func replaying(
    _ branches: Branches, _ inputs: [String: NDArray<Scalar>],
    indices: [String: NDArray<Int32>] = [:], seed: UInt64 = 0, step: UInt64 = 0,
    visit: (NodeID, inout Value) throws -> Void = { _, _ in }
  ) throws -> (values: [Value], crossings: [Crossing]) {
    guard branches.decisions.count == graph.nodes.count else {
      throw InputError(
        message: "the branches are of a graph with \(branches.decisions.count) nodes, this one has"
          + " \(graph.nodes.count)")
    }
    let given = Given(inputs: inputs, indices: indices, seed: seed, step: step)
    var crossings: [Crossing] = []
    let values = try walk(visit) { id, node, values in
      let (recorded, now) = (branches.decisions[id.index], decided(node, values))
      if recorded == nil && now == nil { return try evaluate(node, values, given) }
      guard let recorded, let now, let value = replayed(node, values, recorded) else {
        throw InputError(message: "the branches are of another graph: see \(id)")
      }
      if let crossing = Self.crossing(id, recorded, now, node.shape.count) {
        crossings.append(crossing)
      }
      return value
    }
    return (values, crossings)
  }

  /// The elements of an operand of numbers.
  private func numbers(_ slot: Int, of node: Node, _ values: [Value?]) -> [Scalar] {
    guard case .numbers(let array)? = values[node.inputs[slot].index] else { return [] }
    return array.elements
  }

  /// What the node decides on these operands; nil if it has nothing to decide.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  private func decided(_ node: Node, _ values: [Value?]) -> Branches.Decisions? {
    if let kink = node.op.kink(of: Scalar.self) {
      let x = node.inputs.indices.map { numbers($0, of: node, values) }
      let (first, second, last) = (x[0], x[Swift.min(1, x.count - 1)], x[x.count - 1])
      return .sides(first.indices.map { kink.side(first[$0], second[$0], last[$0]) })
    }
    switch node.op {
    case .reduction(let reduction, let axes) where reduction == .max || reduction == .min:
      let shape = graph[node.inputs[0]].shape
      let lists = gathered(numbers(0, of: node, values), shape, axes: axes)
      let length = axes.map { shape[$0] }.reduce(1, *)
      let extremes = reduction.values(lists, length: length, count: node.shape.count)
      return .extremes(lists.indices.map { lists[$0] == extremes[$0 / length] ? 1 : 0 })
    case .indexing(.argmax(let axis)):
      let shape = graph[node.inputs[0]].shape
      let lists = gathered(numbers(0, of: node, values), shape, axes: [axis])
      return .places(firstLargest(lists, length: shape[axis], count: node.shape.count))
    case .unary(.stopGradient):
      return .held(numbers(0, of: node, values).map { Double($0) })
    default: return nil
    }
  }

  /// The node's value on the recorded side; nil if the record does not fit.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  private func replayed(
    _ node: Node, _ values: [Value?], _ recorded: Branches.Decisions
  ) -> Value? {
    switch recorded {
    case .sides(let sides):
      guard let kink = node.op.kink(of: Scalar.self), sides.count == node.shape.count else {
        return nil
      }
      let x = node.inputs.indices.map { numbers($0, of: node, values) }
      let (first, second, last) = (x[0], x[Swift.min(1, x.count - 1)], x[x.count - 1])
      return .numbers(
        NDArray(
          sides.indices.map { kink.value(sides[$0], first[$0], second[$0], last[$0]) },
          shape: node.shape))
    case .extremes(let chosen):
      guard case .reduction(let reduction, let axes) = node.op else { return nil }
      let shape = graph[node.inputs[0]].shape
      let lists = gathered(numbers(0, of: node, values), shape, axes: axes)
      guard chosen.count == lists.count else { return nil }
      let length = axes.map { shape[$0] }.reduce(1, *)
      let results = (0..<node.shape.count).map { row in
        let run = (row * length)..<((row + 1) * length)
        return meanOfChosen(lists[run], chosen[run]) ?? reduction.reduced(lists[run])
      }
      return .numbers(NDArray(results, shape: node.shape))
    case .places(let places):
      guard case .indexing(.argmax) = node.op, places.count == node.shape.count else {
        return nil
      }
      return .indices(NDArray(places, shape: node.shape))
    case .held(let held):
      guard case .unary(.stopGradient) = node.op, held.count == node.shape.count else {
        return nil
      }
      return .numbers(NDArray(held.map { Scalar($0) }, shape: node.shape))
    }
  }

  /// Where two records of one node differ, by elements of the result.
  private static func crossing(
    _ id: NodeID, _ recorded: Branches.Decisions, _ now: Branches.Decisions, _ count: Int
  ) -> Crossing? {
    var differing: [Int] = []
    switch (recorded, now) {
    case (.sides(let before), .sides(let after)):
      if before == after { return nil }
      differing = before.indices.filter { before[$0] != after[$0] }
    case (.places(let before), .places(let after)):
      if before == after { return nil }
      differing = before.indices.filter { before[$0] != after[$0] }
    case (.extremes(let before), .extremes(let after)):
      if before == after { return nil }
      let length = before.count / Swift.max(count, 1)
      differing = (0..<count).filter { row in
        let run = (row * length)..<((row + 1) * length)
        return before[run] != after[run]
      }
    default: return nil
    }
    return differing.first.map { Crossing(node: id, count: differing.count, first: $0) }
  }
}

/// The mean of the elements that were equal, exact where they still are; nil if there is none.
private func meanOfChosen<S: Real>(_ x: ArraySlice<S>, _ chosen: ArraySlice<UInt8>) -> S? {
  guard let first = x.indices.first(where: { chosen[$0] == 1 }) else { return nil }
  var (distance, count) = (S(0), 0)
  for index in x.indices where chosen[index] == 1 {
    if x[index] != x[first] { distance += x[index] - x[first] }
    count += 1
  }
  return x[first] + distance / S(count)
}

/// The sides of an elementwise operation's kinks, and the smooth function on each. Operations with
/// fewer operands than three get their last one in the free places.
private struct Kink<Scalar: Real> {
  let side: (Scalar, Scalar, Scalar) -> UInt8
  let value: (UInt8, Scalar, Scalar, Scalar) -> Scalar

  /// A result that is the same all over a side: a truth value.
  static func truth(_ holds: @escaping (Scalar, Scalar) -> Bool) -> Kink {
    Kink(side: { a, b, _ in holds(a, b) ? 1 : 0 }, value: { side, _, _, _ in Scalar(side) })
  }

  /// The chosen one of two operands; half of each where they were equal.
  static func choice(_ first: @escaping (Scalar, Scalar) -> Bool) -> Kink {
    Kink(
      side: { a, b, _ in first(a, b) ? 0 : first(b, a) ? 1 : a == b ? 2 : 3 },
      value: { side, a, b, _ in
        switch side {
        case 0: a
        case 1: b
        case 2: a == b ? b : b + (a - b) / 2
        default: a + b
        }
      })
  }

  /// Below, at and above zero, and not a number.
  static func sign(_ value: @escaping (UInt8, Scalar) -> Scalar) -> Kink {
    Kink(
      side: { x, _, _ in x < 0 ? 0 : x == 0 ? 1 : x > 0 ? 2 : 3 },
      value: { side, x, _, _ in value(side, x) })
  }
}

extension Op {
  /// The operation's kinks, if it works element by element and has any.
  fileprivate func kink<S: Real>(of _: S.Type) -> Kink<S>? {
    switch self {
    case .unary(let unary): unary.kink()
    case .binary(let binary): binary.kink()
    case .ternary(let ternary): ternary.kink()
    case .source, .reduction, .movement, .matmul, .rowwise, .indexing, .random, .custom: nil
    }
  }
}

extension Unary {
  fileprivate func kink<S: Real>() -> Kink<S>? {
    switch self {
    case .abs: .sign { side, x in side == 0 ? -x : side == 1 ? 0 : x }
    case .sign: .sign { side, x in side < 3 ? S(Int(side) - 1) : x }
    case .relu:
      Kink(side: { x, _, _ in x <= 0 ? 0 : 1 }, value: { side, x, _, _ in side == 0 ? 0 : x })
    case .negate, .reciprocal, .sqrt, .rsqrt, .exp, .expm1, .log, .log1p, .sin, .cos, .atan,
      .tanh, .sigmoid, .softplus, .erf, .normalCDF, .normalDensity, .not, .float, .stopGradient:
      nil
    }
  }
}

extension Binary {
  fileprivate func kink<S: Real>() -> Kink<S>? {
    switch self {
    case .minimum: .choice { $0 < $1 }
    case .maximum: .choice { $0 > $1 }
    case .equal: .truth { $0 == $1 }
    case .notEqual: .truth { $0 != $1 }
    case .less: .truth { $0 < $1 }
    case .lessEqual: .truth { $0 <= $1 }
    case .greater: .truth { $0 > $1 }
    case .greaterEqual: .truth { $0 >= $1 }
    // The zeros at which chainProduct stops are no side to stay on: it is smooth where it is finite.
    case .add, .subtract, .multiply, .divide, .power, .chainProduct, .binaryCrossEntropy, .and, .or:
      nil
    }
  }
}

extension Ternary {
  fileprivate func kink<S: Real>() -> Kink<S>? {
    switch self {
    case .clip:
      Kink(
        side: { x, lower, upper in x < lower ? 1 : x > upper ? 2 : 0 },
        value: { side, x, lower, upper in side == 1 ? lower : side == 2 ? upper : x })
    case .select: nil
    }
  }
}
