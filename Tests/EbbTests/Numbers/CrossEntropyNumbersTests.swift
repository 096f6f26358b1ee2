import Ebb
import EbbEngine
import EbbGraph
import EbbSystem
import Testing

@Suite struct CrossEntropyNumbersTests {
  static let weights = [0.5, 1.25, 2, 0]

  @Test(
    "Numbers: softmax cross-entropy with class weights, label smoothing, ignored labels",
    arguments: [0, 0.1], [nil, weights])
  func combinations(smoothing: Double, classWeights: [Double]?) throws {
    let ignoring: [(Int) -> Bool] = [{ _ in false }, { $0 % 3 == 0 }, { $0 == 4 }, { $0 != 2 }]
    for ignored in ignoring {
      let example = JoinedLossExample(
        rows: 9, classes: 4, smoothing: smoothing, classWeights: classWeights, ignored: ignored)
      #expect(try example.difference(example.graph) < 1e-14)
    }
    let all = JoinedLossExample(
      rows: 5, classes: 4, smoothing: smoothing, classWeights: classWeights, ignored: { _ in true })
    let found = try all.values(all.graph)
    for name in ["total", "count", "mean", "slope", "mean slope"] {
      let elements = try #require(found[name]).elements
      #expect(elements.allSatisfy { $0 == 0 }, "\(name) of ignored rows")
    }
  }

  @Test("Numbers: ignored labels have the interpreter's bits in the executor")
  func executor() throws {
    let example = JoinedLossExample(
      rows: 9, classes: 4, smoothing: 0.1, classWeights: Self.weights, ignored: { $0 % 3 == 0 })
    let graph = try example.graph
    let logits = example.logits.map(Float.init)
    let expected = try Interpreter(inSinglePrecision: graph).numbers(
      ["logits": logits], indices: ["labels": example.labels])
    let plan = try Plan(graph)
    let executor = try Executor(plan, state: try StateBlock(plan.state))
    executor.setInput(try #require(plan.input("logits")), logits.elements)
    executor.setInput(try #require(plan.input("labels")), example.labels.elements)
    executor.run()
    for (index, output) in plan.outputs.enumerated() {
      let bits = executor.output(index).map(\.bitPattern)
      #expect(bits == expected[output.name]?.elements.map(\.bitPattern), "\(output.name)")
    }
  }

  @Test("Numbers: class weights that do not fit are a fault of the trace")
  func faults() {
    func fault(_ loss: Loss, _ weights: [Double]) -> String {
      do {
        _ = try trace { builder in
          let isLabel = loss.targetType == .index
          let targets = builder.input(
            "y", shape: isLabel ? [4] : [4, 2], type: loss.targetType)
          let joined = loss.joined(
            outputs: builder.input("a", shape: [4, 2]), targets: targets, classWeights: weights)
          return ["loss": joined.mean]
        }
        return ""
      } catch {
        return "\(error)"
      }
    }
    #expect(fault(.softmaxCrossEntropy, [1]).contains("2 classes need as many weights, got 1"))
    #expect(fault(.squaredError, [1, 1]).contains("class weights need labels"))
    #expect(fault(.softmaxCrossEntropy, [1, 2]) == "")
  }

  @Test(
    "Numbers: training takes class weights and smoothing as the formula says, to Float's rounding",
    arguments: [0, 0.1])
  func training(smoothing: Double) throws {
    // One feature per logit and weights of the identity: the logits are the features.
    let weights = [0.5, 1.25, 2]
    let example = JoinedLossExample(
      rows: 6, classes: 3, smoothing: smoothing, classWeights: weights)
    let data = try Dataset(
      features: example.logits.elements.map(Float.init), featureCount: 3,
      targets: .classes(example.labels.elements, count: 3))
    let trainer = try Trainer(
      Network { Dense(3, hasBias: false) }, loss: example.loss, optimizer: .sgd(learningRate: 1),
      inputs: 3, options: .init(classWeights: weights))
    try trainer.restore(
      Checkpoint(
        model: try Model(
          trainer.network, inputs: 3, loss: example.loss,
          weights: ["output.weight": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]]),
        optimizer: trainer.optimizer, slots: [], step: 0, epoch: 0, progress: .null))
    let loss = try trainer.step(Batch(data, rows: Array(0..<6)))
    #expect(abs(loss - example.mean) < 1e-6)
    // dW = (dL/da)ᵀ x, in the orientation of files: [outputs, inputs].
    let found = try trainer.model.parameters[0].values.elements
    for output in 0..<3 {
      for input in 0..<3 {
        let slope = (0..<6).map {
          example.gradient[$0 * 3 + output] * example.logits.elements[$0 * 3 + input] / 6
        }.reduce(0, +)
        let expected = (output == input ? 1 : 0) - slope
        #expect(abs(Double(found[output * 3 + input]) - expected) < 1e-6)
      }
    }
  }
}
