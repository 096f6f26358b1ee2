import EbbGraph

/// One operation sample with drawn operands, and its derivatives in every form.
struct Trial {
  let sample: OperationSample
  /// What is given; an operand that broadcasts is given in its own shape and expanded.
  let shapes: [Shape]
  /// The operands that are numbers or truth values, by slot.
  let operands: [String: NDArray<Double>]
  let indices: [String: NDArray<Int32>]
  /// The slots of type float: those with derivatives.
  let slots: [Int]

  /// - Parameters:
  ///   - given: the operands' own shapes, where they broadcast to the sample's.
  ///   - whole: draws whole numbers of this range.
  init(
    _ sample: OperationSample, seed: UInt64 = 1, given: [Shape]? = nil,
    wholeNumbers whole: ClosedRange<Int>? = nil
  ) {
    self.sample = sample
    let shapes = given ?? sample.operands.map(\.type.shape)
    var draw = Draw(seed: seed)
    var operands: [String: NDArray<Double>] = [:]
    var indices: [String: NDArray<Int32>] = [:]
    var taken: [[Double]] = []
    for (slot, operand) in sample.operands.enumerated() {
      switch operand {
      case .mask: operands["x\(slot)"] = draw.mask(shapes[slot])
      case .indices(let array): indices["x\(slot)"] = array
      case .numbers(_, let range):
        let numbers =
          whole.map { draw.integers(shapes[slot], in: $0) }
          ?? Self.numbers(sample, shapes[slot], range, apartFrom: taken, &draw)
        operands["x\(slot)"] = numbers
        taken.append(numbers.elements)
      }
    }
    (self.shapes, self.operands, self.indices) = (shapes, operands, indices)
    slots = sample.operands.indices.filter { sample.operands[$0].type.type == .float }
  }

  /// Numbers that keep away from kinks.
  private static func numbers(
    _ sample: OperationSample, _ shape: Shape, _ range: ClosedRange<Double>,
    apartFrom others: [[Double]], _ draw: inout Draw
  ) -> NDArray<Double> {
    if sample.apart && !sample.op.isElementwise && shape.count > 100 {
      // Too many for chance: steps of 0.02 in random order.
      let order = (0..<shape.count).map { (draw.unit(), $0) }.sorted { $0.0 < $1.0 }.map(\.1)
      return NDArray(order.map { 0.02 * Double($0 - shape.count / 2) }, shape: shape)
    }
    var own: [Double] = []
    for place in 0..<shape.count {
      var avoided = sample.kinks
      if sample.apart {
        // Of many operands' elements only those that meet need to be apart.
        avoided +=
          shape.count > 100 ? others.map { $0[place % $0.count] } : own + others.flatMap { $0 }
      }
      var number = draw.number(in: range)
      while !avoided.allSatisfy({ ($0 - number).magnitude > 0.01 }) {
        number = draw.number(in: range)
      }
      own.append(number)
    }
    return NDArray(own, shape: shape)
  }

  /// Whether a derivative can be asked for at all.
  var hasDerivative: Bool {
    if case .none = sample.op.rule { return false }
    return true
  }

  /// The result's shape.
  func resultShape() throws -> Shape {
    try sample.op.result(of: sample.operands.map(\.type)).shape
  }

  /// Traces the application and what `body` makes of it.
  func graph(
    _ body: (GraphBuilder, _ x: [Tensor], _ y: Tensor) throws -> KeyValuePairs<String, Tensor>
  ) throws -> Graph {
    let graph = try trace { builder in
      let x = sample.operands.enumerated().map { slot, operand in
        builder.input("x\(slot)", shape: shapes[slot], type: operand.type.type)
      }
      let operands = zip(x, sample.operands).map { $0.expanded(to: $1.type.shape) }
      return try body(builder, x, builder.add(sample.op, operands))
    }
    try graph.verify()
    return graph
  }

  /// The result and all its derivatives; `u` and `v` are the directions in the space of operands
  /// and of the result.
  func derivatives(
    reverse: @escaping (Op) -> DerivativeRule = \.rule,
    forward: @escaping (Op) -> DerivativeRule = \.rule
  ) throws -> Interpreter<Double> {
    try Interpreter(derivativeGraph(reverse: reverse, forward: forward))
  }

  func derivativeGraph(
    reverse: @escaping (Op) -> DerivativeRule = \.rule,
    forward: @escaping (Op) -> DerivativeRule = \.rule
  ) throws -> Graph {
    try graph { builder, x, y in
      let points = slots.map { x[$0] }
      let u = slots.map { builder.input("u\($0)", shape: x[$0].shape) }
      let v = builder.input("v", shape: y.shape)
      let back = backpropagate(from: y, to: points, cotangent: v, rules: reverse).gradients
      let pushed = pushForward([y], from: points, along: u, rules: forward)[0]
      let zero = builder.constant(0.0)
      let along = zip(back, u).compactMap { back, u in back.map { sum($0 * u) } }
      return ["y": y, "jvp": pushed, "vjp·u": along.reduce(zero, +)]
    }
  }

  /// Operands moved along directions, with further inputs.
  func inputs(
    along u: [NDArray<Double>], by step: Double = 0, _ more: [String: NDArray<Double>] = [:]
  ) -> [String: NDArray<Double>] {
    var result = operands
    for (slot, direction) in zip(slots, u) {
      result["x\(slot)"] = operands["x\(slot)"]?.moved(along: direction, by: step)
      result["u\(slot)"] = direction
    }
    return result.merging(more) { $1 }
  }

  /// A random direction for each float operand.
  func direction(_ draw: inout Draw, wholeNumbers: Bool = false) -> [NDArray<Double>] {
    slots.map { slot in
      if wholeNumbers { return draw.integers(shapes[slot]) }
      let direction = draw.array(shapes[slot])
      // A product of n factors near 1 grows like e^(s √n): a shorter way, the same relative change.
      guard case .reduction(.product, _) = sample.op, shapes[slot].count > 40 else {
        return direction
      }
      let scale = 3 / Double(shapes[slot].count).squareRoot()
      return direction.map { $0 * scale }
    }
  }

  /// Every basis direction of the operands.
  var basis: [[NDArray<Double>]] {
    slots.indices.flatMap { position in
      (0..<shapes[slots[position]].count).map { place in
        slots.enumerated().map { other, slot in
          other == position
            ? .basis(place, shape: shapes[slot]) : NDArray(repeating: 0, shape: shapes[slot])
        }
      }
    }
  }
}

extension OperationSample: CustomStringConvertible {
  /// The operation with its payload, and the operands' shapes.
  public var description: String {
    "\(op.text) on \(operands.map(\.type.shape.description).joined(separator: ", "))"
  }
}
