import EbbGraph
import Testing

/// Runs replayed on the side of each kink that a recorded run took.
@Suite("Protocol: branch replay") struct ProtocolBranchTests {
  @Test("what has no derivative keeps its result, wherever its operands go")
  func decisions() throws {
    let samples = Op.samples.filter {
      (!$0.kinks.isEmpty || $0.apart) && !Trial($0).hasDerivative
    }
    #expect(Set(samples.map(\.op.name)).count == 9)
    for sample in samples { try decided(sample) }
  }

  private func decided(_ sample: OperationSample) throws {
    let trial = Trial(sample, seed: 3)
    let interpreter = try Interpreter(trial.graph { _, _, y in ["y": y] })
    let recorded = try interpreter.recording(trial.operands, indices: trial.indices)
    let opposite = trial.operands.mapValues { $0.map { sample.operands.count == 1 ? -$0 : 0 } }
    let replayed = try interpreter.replaying(
      recorded.branches, opposite, indices: trial.indices)
    let other = try interpreter.run(opposite, indices: trial.indices)
    if case .indexing(.oneHot) = sample.op { return }
    #expect(replayed.values == recorded.values, "\(sample)")
    #expect(replayed.crossings.isEmpty == (other == recorded.values), "\(sample)")
  }

  @Test("crossings name node, count and first element")
  func crossings() throws {
    let graph = try trace { builder in
      let x = builder.input("x", shape: [2, 3])
      return [
        "relu": relu(x), "max": max(x, axes: [1]), "first": argmax(x, axis: 1),
        "clip": clip(x, to: -1...1),
      ]
    }
    let interpreter = try Interpreter(graph)
    let recorded = try interpreter.recording(["x": [[1, 2, -3], [0, 0.5, 0.25]]])
    let same = try interpreter.replaying(recorded.branches, ["x": [[0.5, 1.5, -2], [0, 1, 0.5]]])
    #expect(same.crossings.map { graph[$0.node].op.name } == [])
    #expect(numbers(same.values)[0] == [[0.5, 1.5, 0], [0, 1, 0.5]])
    let other = try interpreter.replaying(
      recorded.branches, ["x": [[-1, 2, -3], [0.25, -0.5, -0.25]]])
    let byName = Dictionary(
      uniqueKeysWithValues: other.crossings.map { (graph[$0.node].op.name, $0) })
    #expect(byName["relu"]?.count == 4 && byName["relu"]?.first == 0)
    #expect(byName["max"]?.count == 1 && byName["max"]?.first == 1)
    #expect(byName["clip"] == nil)
    #expect(numbers(other.values)[0] == [[-1, 2, 0], [0, -0.5, -0.25]], "smooth beyond the kink")
    #expect(numbers(other.values)[1] == [2, -0.5])
  }

  @Test("a network of ReLUs with a step that crosses kinks: the replayed difference is exact")
  func network() throws {
    let graph = try trace { builder in
      let x = builder.input("x", shape: [16, 5])
      let w1 = builder.input("w1", shape: [5, 12])
      let w2 = builder.input("w2", shape: [12, 3])
      let u1 = builder.input("u1", shape: [5, 12])
      let logits = matmul(relu(matmul(x, w1)), w2)
      let loss = mean(logSumExp(logits) - max(logits, axes: [1]))
      return ["loss": loss, "slope": pushForward([loss], from: [w1], along: [u1])[0]]
    }
    var draw = Draw(seed: 31)
    let given = [
      "x": draw.array([16, 5]), "w1": draw.array([5, 12]), "w2": draw.array([12, 3]),
      "u1": draw.array([5, 12]),
    ]
    let interpreter = try Interpreter(graph)
    let recorded = try interpreter.recording(given)
    func moved(_ step: Double) -> [String: NDArray<Double>] {
      var result = given
      if let w = given["w1"], let u = given["u1"] { result["w1"] = w.moved(along: u, by: step) }
      return result
    }
    let slope = numbers(recorded.values)[1]
    var crossed = 0
    let replayed = try difference(step: 4e-3) { step in
      let run = try interpreter.replaying(recorded.branches, moved(step))
      crossed += run.crossings.reduce(0) { $0 + $1.count }
      return numbers(run.values)[0]
    }
    let plain = try difference(step: 4e-3) { try interpreter.number("loss", moved($0)) }
    #expect(crossed > 0)
    expectEqual(slope, replayed, within: 1e-9)
    #expect(slope.distance(to: plain) > 1e-7, "a plain difference sees the kinks")
  }

  @Test("what stopGradient stops is held; another graph's branches are refused")
  func heldAndRefused() throws {
    let graph = try trace { builder in
      let x = builder.input("x", shape: [2])
      return ["y": x * stopGradient(x)]
    }
    let interpreter = try Interpreter(graph)
    let branches = try interpreter.recording(["x": [2, 3]]).branches
    let values = try interpreter.replaying(branches, ["x": [5, 7]]).values
    #expect(numbers(values) == [[10, 21]])
    let other = try Interpreter(
      trace { builder in ["y": relu(relu(builder.input("x", shape: [2])))] })
    #expect(throws: InputError.self) { try other.replaying(branches, ["x": [5, 7]]) }
  }

  @Test("later operations see what a visitor makes of a value")
  func visitor() throws {
    let graph = try trace { builder in
      let x = builder.input("x", shape: [2])
      return ["y": x + 1, "z": (x + 1) * 2]
    }
    let values = try Interpreter(graph).run(["x": [1, 2]]) { id, value in
      if graph[id].op.name == "add" { value = .numbers([10, 20]) }
    }
    #expect(numbers(values) == [[10, 20], [20, 40]])
  }
}
