import EbbGraph
import Testing

/// What holds for every operation, generated from the operations' rows.
@Suite struct OperationLaws {
  static let differentiable = Op.samples.filter {
    if case .none = $0.op.rule { return false }
    return true
  }

  @Test("every operation has a sample, and every sample stands in its family")
  func coverage() {
    for family in Op.Family.allCases {
      let samples = family.samples
      #expect(!samples.isEmpty, "\(family)")
      #expect(samples.allSatisfy { $0.op.family == family }, "\(family)")
    }
    let names = Set(Op.samples.map(\.op.name))
    let expected =
      Unary.allCases.map(\.rawValue) + Binary.allCases.map(\.rawValue)
      + Ternary.allCases.map(\.rawValue) + Reduction.allCases.map(\.rawValue)
      + Rowwise.allCases.map(\.rawValue) + Movement.Kind.allCases.map(\.rawValue)
      + Indexing.Kind.allCases.map(\.rawValue) + Distribution.allCases.map(\.rawValue)
    for name in expected { #expect(names.contains(name), "no sample of \(name)") }
    for kind in Movement.Kind.allCases {
      for sample in kind.samples {
        guard case .movement(let movement) = sample.op else { continue }
        #expect(movement.kind == kind)
      }
    }
    for kind in Indexing.Kind.allCases {
      for sample in kind.samples {
        guard case .indexing(let indexing) = sample.op else { continue }
        #expect(indexing.kind == kind)
      }
    }
  }

  @Test("shape rule and evaluated shape agree, finite numbers come out", arguments: Op.samples)
  func shapes(_ sample: OperationSample) throws {
    let trial = Trial(sample)
    let graph = try trial.graph { _, _, y in ["y": y] }
    let node = graph[graph.outputs[0].id]
    let expected = try sample.op.result(of: sample.operands.map(\.type))
    #expect(node.shape == expected.shape && node.type == expected.type)
    var inputs = trial.operands
    var indices = trial.indices
    switch sample.op {
    case .source(.input(let name, let shape, _)), .source(.parameter(let name, let shape)):
      inputs[name] = NDArray(repeating: 1, shape: shape)
    default: indices = trial.indices
    }
    let value = try Interpreter(graph).run(inputs, indices: indices)[0]
    switch value {
    case .numbers(let array):
      #expect(array.shape == node.shape && node.type != .index)
      let overNothing =
        array.elements.allSatisfy(\.isInfinite) && sample.operands[0].type.shape.count == 0
      #expect(array.elements.allSatisfy(\.isFinite) || overNothing, "\(array)")
      if node.type == .mask { #expect(array.elements.allSatisfy { $0 == 0 || $0 == 1 }) }
    case .indices(let array): #expect(array.shape == node.shape && node.type == .index)
    }
  }

  @Test("adjoint identity ⟨v, J u⟩ = ⟨Jᵀ v, u⟩", arguments: differentiable)
  func adjoint(_ sample: OperationSample) throws {
    let linear = if case .linear = sample.op.rule { true } else { false }
    for seed in 1...5 as ClosedRange<UInt64> {
      let trial = Trial(sample, seed: seed, wholeNumbers: linear)
      var draw = Draw(seed: seed + 100)
      let u = trial.direction(&draw, wholeNumbers: linear)
      let shape = try sample.op.result(of: sample.operands.map(\.type)).shape
      let v = linear ? draw.integers(shape) : draw.array(shape)
      let values = try numbers(
        trial.derivatives().run(trial.inputs(along: u, ["v": v]), indices: trial.indices))
      let (forward, reverse) = (v.dot(values[1]), values[2].scalar)
      let tolerance = linear ? 0 : 1e-12 * max(1, forward.magnitude)
      #expect((forward - reverse).magnitude <= tolerance, "⟨v, Ju⟩ \(forward), ⟨Jᵀv, u⟩ \(reverse)")
    }
  }

  @Test("forward mode equals a 4-point difference: random directions", arguments: differentiable)
  func differences(_ sample: OperationSample) throws {
    for seed in 1...3 as ClosedRange<UInt64> {
      let trial = Trial(sample, seed: seed)
      var draw = Draw(seed: seed + 200)
      try check(trial, along: trial.direction(&draw))
    }
  }

  @Test("the whole Jacobian, column by column and row by row", arguments: differentiable)
  func jacobian(_ sample: OperationSample) throws {
    let trial = Trial(sample, seed: 9)
    for u in trial.basis { try check(trial, along: u) }
  }

  /// Forward mode, and every row of the transposed Jacobian, against differences.
  private func check(_ trial: Trial, along u: [NDArray<Double>]) throws {
    let derivatives = try trial.derivatives()
    let shape = try trial.sample.op.result(of: trial.sample.operands.map(\.type)).shape
    func run(_ step: Double, _ v: NDArray<Double>) throws -> [NDArray<Double>] {
      try numbers(
        derivatives.run(trial.inputs(along: u, by: step, ["v": v]), indices: trial.indices))
    }
    let zero = NDArray(repeating: 0.0, shape: shape)
    // The largest of nothing is −∞ on both sides.
    let expected = try difference { try run($0, zero)[0].map { $0.isFinite ? $0 : 0 } }
    expectEqual(try run(0, zero)[1], expected, within: 1e-9, "J u")
    let reverse = try (0..<shape.count).map { try run(0, .basis($0, shape: shape))[2].scalar }
    expectEqual(NDArray(reverse, shape: shape), expected, within: 1e-9, "rows of Jᵀ on u")
  }

  @Test("second order: the gradient's gradient and tangent", arguments: differentiable)
  func secondOrder(_ sample: OperationSample) throws {
    for seed in 1...3 as ClosedRange<UInt64> {
      let trial = Trial(sample, seed: seed)
      var draw = Draw(seed: seed + 300)
      let (u, w) = (trial.direction(&draw), trial.direction(&draw))
      let graph = try trial.graph { builder, x, y in
        let points = trial.slots.map { x[$0] }
        let u = trial.slots.map { builder.input("u\($0)", shape: x[$0].shape) }
        let w = trial.slots.map { builder.input("w\($0)", shape: x[$0].shape) }
        let v = builder.input("v", shape: y.shape)
        let slopes = backpropagate(from: y, to: points, cotangent: v).gradients
        let slope = zip(slopes, w).compactMap { slope, w in slope.map { sum($0 * w) } }
          .reduce(builder.constant(0.0), +)
        let again = gradients(of: slope, with: points)
        let reverse = zip(again, u).map { sum($0 * $1) }.reduce(builder.constant(0.0), +)
        return [
          "slope": slope, "reverse": reverse,
          "forward": pushForward([slope], from: points, along: u)[0],
        ]
      }
      let interpreter = try Interpreter(graph)
      let shape = try sample.op.result(of: sample.operands.map(\.type)).shape
      var more = ["v": draw.array(shape)]
      for (slot, direction) in zip(trial.slots, w) { more["w\(slot)"] = direction }
      func run(_ step: Double) throws -> [NDArray<Double>] {
        try numbers(
          interpreter.run(trial.inputs(along: u, by: step, more), indices: trial.indices))
      }
      let expected = try difference { try run($0)[0] }
      let values = try run(0)
      expectEqual(values[1], expected, within: 1e-8, "reverse over reverse")
      expectEqual(values[2], expected, within: 1e-8, "forward over reverse")
    }
  }
}
