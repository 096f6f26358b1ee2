import EbbGraph

/// One operation sample with drawn operands, and its derivatives in every form.
struct Trial {
  let sample: OperationSample
  /// The operands that are numbers or truth values, by slot.
  let operands: [String: NDArray<Double>]
  let indices: [String: NDArray<Int32>]
  /// The slots of type float: those with derivatives.
  let slots: [Int]

  init(_ sample: OperationSample, seed: UInt64 = 1, wholeNumbers: Bool = false) {
    self.sample = sample
    var draw = Draw(seed: seed)
    var operands: [String: NDArray<Double>] = [:]
    var indices: [String: NDArray<Int32>] = [:]
    var taken: [Double] = []
    for (slot, operand) in sample.operands.enumerated() {
      switch operand {
      case .mask(let shape): operands["x\(slot)"] = draw.mask(shape)
      case .indices(let array): indices["x\(slot)"] = array
      case .numbers(let shape, _) where wholeNumbers: operands["x\(slot)"] = draw.integers(shape)
      case .numbers(let shape, let range):
        operands["x\(slot)"] = NDArray(
          (0..<shape.count).map { _ in
            while true {
              let number = draw.number(in: range)
              let avoided = sample.kinks + (sample.apart ? taken : [])
              if avoided.allSatisfy({ ($0 - number).magnitude > 0.01 }) {
                taken.append(number)
                return number
              }
            }
          }, shape: shape)
      }
    }
    (self.operands, self.indices) = (operands, indices)
    slots = sample.operands.indices.filter { sample.operands[$0].type.type == .float }
  }

  /// Whether a derivative can be asked for at all.
  var hasDerivative: Bool {
    if case .none = sample.op.rule { return false }
    return true
  }

  func declare(_ builder: GraphBuilder) -> [Tensor] {
    sample.operands.enumerated().map { slot, operand in
      builder.input("x\(slot)", shape: operand.type.shape, type: operand.type.type)
    }
  }

  /// Traces the application and what `body` makes of it.
  func graph(
    _ body: (GraphBuilder, _ x: [Tensor], _ y: Tensor) throws -> KeyValuePairs<String, Tensor>
  ) throws -> Graph {
    let graph = try trace { builder in
      let x = declare(builder)
      return try body(builder, x, builder.add(sample.op, x))
    }
    try graph.verify()
    return graph
  }

  /// The result and all its derivatives; `u` and `v` are the directions in the space of operands
  /// and of the result, `w` a second direction in the space of operands.
  func derivatives(
    reverse: @escaping (Op) -> DerivativeRule = \.rule,
    forward: @escaping (Op) -> DerivativeRule = \.rule
  ) throws -> Interpreter<Double> {
    try Interpreter(
      graph { builder, x, y in
        let points = slots.map { x[$0] }
        let u = slots.map { builder.input("u\($0)", shape: x[$0].shape) }
        let v = builder.input("v", shape: y.shape)
        let back = backpropagate(from: y, to: points, cotangent: v, rules: reverse).gradients
        let pushed = pushForward([y], from: points, along: u, rules: forward)[0]
        let zero = builder.constant(0.0)
        let along = zip(back, u).compactMap { back, u in back.map { sum($0 * u) } }
        return ["y": y, "jvp": pushed, "vjp·u": along.reduce(zero, +)]
      })
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
      let shape = sample.operands[slot].type.shape
      return wholeNumbers ? draw.integers(shape) : draw.array(shape)
    }
  }

  /// Every basis direction of the operands.
  var basis: [[NDArray<Double>]] {
    slots.indices.flatMap { position in
      (0..<sample.operands[slots[position]].type.shape.count).map { place in
        slots.enumerated().map { other, slot in
          let shape = sample.operands[slot].type.shape
          return other == position
            ? .basis(place, shape: shape) : NDArray(repeating: 0, shape: shape)
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
