import EbbGraph

/// Laws that hold derivatives against differences of the value and against each other.
enum DerivativeLaws {
  /// The shape rule, against the value's shape; the numbers are finite. Error 1 where not.
  static func shape() throws -> [Finding] {
    try ProtocolCase.all.map { item in
      let trial = item.trial()
      let graph = try trial.graph { _, _, y in ["y": y] }
      let expected = try item.sample.op.result(of: item.sample.operands.map(\.type))
      var inputs = trial.operands
      switch item.sample.op {
      case .source(.input(let name, let shape, _)), .source(.parameter(let name, let shape)):
        inputs[name] = NDArray(repeating: 1, shape: shape)
      default: break
      }
      let node = graph[graph.outputs[0].id]
      var holds = node.shape == expected.shape && node.type == expected.type
      switch try Interpreter(graph).run(inputs, indices: trial.indices)[0] {
      case .numbers(let array):
        // The extremes of nothing are infinite.
        let infinite = item.sample.operands.first?.type.shape.count == 0
        let finite = array.elements.allSatisfy { infinite || $0.isFinite }
        let truth = node.type != .mask || array.elements.allSatisfy { $0 == 0 || $0 == 1 }
        holds = holds && array.shape == node.shape && node.type != .index && finite && truth
      case .indices(let array):
        holds = holds && array.shape == node.shape && node.type == .index
      }
      return Finding(operation: item.sample.op.name, error: holds ? 0 : 1, what: "\(item)")
    }
  }

  /// Random directions, three of each case: |difference − derivative| / max(1, |difference|).
  static func differences() throws -> [Finding] {
    try over(ProtocolCase.all, seeds: 1...3) { trial, draw in
      try error(trial, along: trial.direction(&draw), v: draw.array(trial.resultShape()))
    }
  }

  /// Every basis direction of small cases, and every row of the transposed Jacobian on it.
  static func jacobian() throws -> [Finding] {
    try over(ProtocolCase.small, seeds: 9...9) { trial, _ in
      let shape = try trial.resultShape()
      let derivatives = try trial.derivatives()
      var worst = 0.0
      for u in trial.basis {
        let expected = try difference { step in
          try finite(trial.run(derivatives, u, step, NDArray(repeating: 0, shape: shape))[0])
        }
        let forward = try trial.run(derivatives, u, 0, NDArray(repeating: 0, shape: shape))[1]
        let reverse = try (0..<shape.count).map {
          try trial.run(derivatives, u, 0, .basis($0, shape: shape))[2].scalar
        }
        worst = max(
          worst, forward.distance(to: expected),
          NDArray(reverse, shape: shape).distance(to: expected))
      }
      return worst
    }
  }

  /// Linear operations: f(x + u) − f(x) = J u on whole numbers, to the last bit. Bilinear ones:
  /// (f(x + u) − f(x − u))/2 = J u, relative to the size of the products.
  static func exact() throws -> [Finding] {
    let linear = try over(
      ProtocolCase.all.filter { $0.sample.op.isLinear }, seeds: 1...3, wholeNumbers: true
    ) { trial, draw in
      let u = trial.direction(&draw, wholeNumbers: true)
      let v = draw.integers(try trial.resultShape())
      let derivatives = try trial.derivatives()
      let (at, moved) = try (
        trial.run(derivatives, u, 0, v), trial.run(derivatives, u, 1, v)
      )
      let change = moved[0].moved(along: at[0], by: -1)
      return change == at[1] && v.dot(change) == at[2].scalar ? 0 : .infinity
    }
    let bilinear = try over(
      ProtocolCase.all.filter { $0.sample.op.isBilinear }, seeds: 1...3
    ) { trial, draw in
      let u = trial.direction(&draw)
      let v = draw.array(try trial.resultShape())
      let derivatives = try trial.derivatives()
      let (before, at, after) = try (
        trial.run(derivatives, u, -1, v), trial.run(derivatives, u, 0, v),
        trial.run(derivatives, u, 1, v)
      )
      let change = after[0].moved(along: before[0], by: -1).map { $0 / 2 }
      let size = after[0].elements.map { $0.magnitude }.max() ?? 1
      let reverse = (at[2].scalar - v.dot(change)).magnitude
      return max(
        at[1].distance(to: change) / max(1, size), reverse / max(1, v.dot(v)))
    }
    return linear + bilinear
  }

  /// |⟨v, J u⟩ − ⟨Jᵀ v, u⟩| / max(1, Σ|v_i (J u)_i|); linear operations on whole numbers: 0.
  static func adjoint() throws -> [Finding] {
    func findings(linear: Bool) throws -> [Finding] {
      try over(
        ProtocolCase.all.filter { $0.sample.op.isLinear == linear }, seeds: 1...5,
        wholeNumbers: linear
      ) { trial, draw in
        let u = trial.direction(&draw, wholeNumbers: linear)
        let shape = try trial.resultShape()
        let v = linear ? draw.integers(shape) : draw.array(shape)
        let values = try trial.run(trial.derivatives(), u, 0, v)
        let distance = (v.dot(values[1]) - values[2].scalar).magnitude
        if linear { return distance == 0 ? 0 : .infinity }
        let size = v.map { $0.magnitude }.dot(values[1].map { $0.magnitude })
        return distance / max(1, size)
      }
    }
    return try findings(linear: true) + findings(linear: false)
  }

  /// The gradient along w, differentiated along u: reverse over reverse and forward over reverse,
  /// against differences.
  static func second() throws -> [Finding] {
    try over(ProtocolCase.all, seeds: 1...3) { trial, draw in
      let (u, w) = (trial.direction(&draw), trial.direction(&draw))
      let graph = try trial.graph { builder, x, y in
        let points = trial.slots.map { x[$0] }
        let u = trial.slots.map { builder.input("u\($0)", shape: x[$0].shape) }
        let w = trial.slots.map { builder.input("w\($0)", shape: x[$0].shape) }
        let v = builder.input("v", shape: y.shape)
        let slopes = backpropagate(from: y, to: points, cotangent: v).gradients
        let slope = zip(slopes, w).compactMap { slope, w in slope.map { sum($0 * w) } }
          .reduce(builder.constant(0.0), +)
        let reverse = zip(gradients(of: slope, with: points), u).map { sum($0 * $1) }
        return [
          "slope": slope, "reverse": reverse.reduce(builder.constant(0.0), +),
          "forward": pushForward([slope], from: points, along: u)[0],
        ]
      }
      let interpreter = try Interpreter(graph)
      var more = ["v": draw.array(try trial.resultShape())]
      for (slot, direction) in zip(trial.slots, w) { more["w\(slot)"] = direction }
      func run(_ step: Double) throws -> [NDArray<Double>] {
        try numbers(
          interpreter.run(trial.inputs(along: u, by: step, more), indices: trial.indices))
      }
      let (values, expected) = try (run(0), difference { try finite(run($0)[0]) })
      return max(values[1].distance(to: expected), values[2].distance(to: expected))
    }
  }

  /// Traced and run a second time, and the first run again: error 1 where a bit differs.
  static func again() throws -> [Finding] {
    try over(ProtocolCase.all, seeds: 1...1) { trial, draw in
      let u = trial.direction(&draw)
      let v = draw.array(try trial.resultShape())
      let first = try trial.derivatives()
      let runs = try [
        trial.run(first, u, 0, v), trial.run(first, u, 0, v),
        trial.run(trial.derivatives(), u, 0, v),
      ].map { $0.map { $0.elements.map(\.bitPattern) } }
      return runs[0] == runs[1] && runs[0] == runs[2] ? 0 : 1
    }
  }

  /// Forward and reverse mode along a direction, against a 4-point difference.
  private static func error(
    _ trial: Trial, along u: [NDArray<Double>], v: NDArray<Double>
  ) throws -> Double {
    let derivatives = try trial.derivatives()
    let expected = try difference { try finite(trial.run(derivatives, u, $0, v)[0]) }
    let values = try trial.run(derivatives, u, 0, v)
    let along = v.dot(expected)
    let size = max(1, v.map { $0.magnitude }.dot(expected.map { $0.magnitude }))
    return max(
      values[1].distance(to: expected), (values[2].scalar - along).magnitude / size)
  }

  /// Each differentiable case at each seed.
  static func over(
    _ cases: [ProtocolCase], seeds: ClosedRange<UInt64>, wholeNumbers: Bool = false,
    _ measure: (Trial, inout Draw) throws -> Double
  ) throws -> [Finding] {
    var findings: [Finding] = []
    for item in cases {
      for seed in seeds {
        let trial = item.trial(seed: seed, wholeNumbers: wholeNumbers ? -4...4 : nil)
        guard trial.hasDerivative else { continue }
        var draw = Draw(seed: seed + 100)
        findings.append(
          Finding(
            operation: item.sample.op.name, error: try measure(trial, &draw),
            what: "\(item), seed \(seed)"))
      }
    }
    return findings
  }

  /// The extremes of nothing are infinite on both sides of a difference.
  static func finite(_ array: NDArray<Double>) -> NDArray<Double> {
    array.map { $0.isFinite ? $0 : 0 }
  }
}

extension Trial {
  /// The value, J u and ⟨Jᵀ v, u⟩ at a step along u.
  func run(
    _ derivatives: Interpreter<Double>, _ u: [NDArray<Double>], _ step: Double,
    _ v: NDArray<Double>
  ) throws -> [NDArray<Double>] {
    try numbers(derivatives.run(inputs(along: u, by: step, ["v": v]), indices: indices))
  }
}
