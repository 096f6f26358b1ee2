import Ebb
import TestSupport
import Testing

@Suite struct NotesOperationCountTests {
  static func model(_ widths: [Int], _ activation: Activation = .relu) throws -> Model {
    let network = Network(
      widths.dropFirst().dropLast().map { Dense($0, activation: activation) as any Layer }
        + [Dense(widths[widths.count - 1])])
    return try Trainer(
      network, loss: .softmaxCrossEntropy, optimizer: .sgd(), inputs: widths[0],
      options: TrainingOptions(seed: 1)
    ).model
  }

  @Test(
    "M11 matrix products take 2BΣn_k n_{k−1} forward and 4BΣn_k n_{k−1} − 2B n_1 n_0 backward",
    arguments: [
      [64, 32, 16, 10], [5, 3], [7, 1, 4], [13, 8, 17, 11, 6, 15], [784, 128, 10], [3, 2, 2],
    ], [1, 2, 7, 32])
  func formulas(_ widths: [Int], _ rows: Int) throws {
    let counts = try Self.model(widths).operationCounts(rows: rows)
    var (forward, backward) = (0, -2 * rows * widths[1] * widths[0])
    for k in 1..<widths.count {
      forward += 2 * rows * widths[k] * widths[k - 1]
      backward += 4 * rows * widths[k] * widths[k - 1]
    }
    #expect(counts.forward.matrixProducts == forward)
    #expect(counts.backward.matrixProducts == backward)
    let formula = NetworkOperationCounts.matrixProducts(widths: widths, rows: rows)
    #expect(formula.forward == forward && formula.backward == backward)
    #expect(counts.forward.total == counts.forward.nodes.reduce(0) { $0 + $1.total })
    #expect(counts.backward.total > backward && counts.backward.others > 0)
  }

  @Test("M11 the digits and the random network, node by node", arguments: NoteSubject.Kind.allCases)
  func subjects(_ kind: NoteSubject.Kind) throws {
    let subject = try NoteSubject.of(kind)
    let counts = try subject.model.operationCounts(rows: NoteSubject.rows)
    let formula = NetworkOperationCounts.matrixProducts(
      widths: subject.widths, rows: NoteSubject.rows)
    #expect(counts.forward.matrixProducts == formula.forward)
    #expect(counts.backward.matrixProducts == formula.backward)
    // One product per layer forward; two backward, but for the first layer's inputs.
    func products(_ counts: OperationCounts) -> Int {
      counts.nodes.count { $0.matrixProduct > 0 }
    }
    #expect(products(counts.forward) == subject.depth)
    #expect(products(counts.backward) == 2 * subject.depth - 1)
    // Each node by hand: 2 m k n from the shapes of its operands.
    for entry in counts.forward.nodes + counts.backward.nodes where entry.matrixProduct > 0 {
      let inputs = counts.graph[entry.node].inputs.map { counts.graph[$0].shape }
      #expect(entry.matrixProduct == 2 * inputs[0][0] * inputs[0][1] * inputs[1][1])
    }
    if kind == .digits { print("M11 forward\n\(counts.forward)\nM11 backward\n\(counts.backward)") }
  }

  @Test(
    "M11 neighbours share all factors but the last: ∇W_k and ∇b_k use the node δ_k",
    arguments: NoteSubject.Kind.allCases)
  func sharing(_ kind: NoteSubject.Kind) throws {
    let subject = try NoteSubject.of(kind)
    let counts = try subject.model.operationCounts(rows: NoteSubject.rows)
    let graph = counts.graph
    /// The node itself, without what only moves its elements.
    func unmoved(_ id: NodeID) -> NodeID {
      var id = id
      while case .movement = graph[id].op { id = graph[id].inputs[0] }
      return id
    }
    for (k, layer) in subject.network.names.enumerated() {
      let delta = unmoved(try #require(graph.output(named: "gradient \(layer).preactivation")))
      let input = k == 0 ? "features" : "\(subject.network.names[k - 1]).activation"
      let h = unmoved(try #require(graph.output(named: "value \(input)")))
      let weight = graph[unmoved(try #require(graph.output(named: "gradient \(layer).weight")))]
      let bias = graph[unmoved(try #require(graph.output(named: "gradient \(layer).bias")))]
      #expect(weight.op == .matmul)
      #expect(weight.inputs.map(unmoved) == [h, delta], "∇W of \(layer) is hᵀ δ")
      guard case .reduction(.sum, _) = bias.op else {
        Issue.record("∇b of \(layer) is no sum")
        continue
      }
      #expect(bias.inputs.map(unmoved) == [delta], "∇b of \(layer) is δ summed over rows")
    }
  }

  /// Printed, never decided by: times depend on the machine.
  @Test("M11 measured time of backward and forward against width and depth")
  func times() throws {
    for widths in [[64, 32, 10], [64, 128, 10], [64, 32, 32, 32, 32, 10]] {
      let model = try Self.model(widths, .tanh)
      let counts = try model.operationCounts(rows: 32)
      let share = Double(counts.backward.total) / Double(counts.forward.total)
      #expect(share > 1 && share < 3)
      var graph = counts.graph
      let names = ["loss"]
      let gradients = Set(counts.gradients.map(\.name))
      let data = try Dataset(
        features: uniform(32 * widths[0], seed: 3).map { Float($0) }, featureCount: widths[0],
        targets: .classes([Int32](repeating: 1, count: 32), count: 10))
      var inputs = try model.graphInputs()
      inputs["features"] = NDArray(data.features.map { Double($0) }, shape: [32, widths[0]])
      inputs["rowWeights"] = NDArray(repeating: 1.0 / 32, shape: [32])
      let labels = ["targets": NDArray(repeating: Int32(1), shape: [32])]
      let all = graph.outputs
      func best(_ wanted: (String) -> Bool) throws -> Double {
        graph.outputs = all.filter { wanted($0.name) }
        let interpreter = try Interpreter(graph)
        return try (0..<7).map { _ in
          try ContinuousClock().measure { _ = try interpreter.run(inputs, indices: labels) }
            / .seconds(1)
        }.min() ?? 0
      }
      let forward = try best { names.contains($0) }
      let both = try best { names.contains($0) || gradients.contains($0) }
      print(
        "M11 \(widths): backward/forward \(share) by operations,"
          + " \((both - forward) / forward) by time")
    }
  }
}
