import Ebb
import EbbEngine
import Foundation
import TestSupport
import Testing

@Suite struct NotesOutputsTests {
  @Test("M22 accuracy and per-class accuracy of the digits model are counts over counts")
  func accuracies() throws {
    let data = try NoteSubject.digitsData.get().test
    let predictor = try NoteSubject.of(.digits).model.predictor()
    guard case .classes(let truth, _) = data.targets,
      case .classification(let metrics) = try predictor.evaluate(data).metrics
    else { throw InputError(message: "expected classes") }
    let predicted = try predictor.predict(data).classes
    #expect(predicted.count == truth.count)
    var (correct, right, rows) = (0, [Int](repeating: 0, count: 10), [Int](repeating: 0, count: 10))
    for row in truth.indices {
      rows[Int(truth[row])] += 1
      if predicted[row] == Int(truth[row]) {
        correct += 1
        right[Int(truth[row])] += 1
      }
    }
    #expect(metrics.accuracy == Double(correct) / Double(truth.count))
    #expect(metrics.perClass.count == 10)
    for (label, part) in metrics.perClass.enumerated() {
      #expect(part.accuracy == Double(right[label]) / Double(rows[label]))
    }
  }

  @Test("M22 a class without rows has no accuracy, not 0")
  func classWithoutRows() throws {
    let data = try NoteSubject.digitsData.get().test
    guard case .classes(let truth, _) = data.targets else {
      throw InputError(message: "expected classes")
    }
    let kept = truth.indices.filter { truth[$0] != 3 }
    let rest = try Dataset(
      features: kept.flatMap { data.features(ofRow: $0) }, featureCount: data.featureCount,
      targets: .classes(kept.map { truth[$0] }, count: 10))
    guard
      case .classification(let metrics) = try NoteSubject.of(.digits).model.predictor()
        .evaluate(rest).metrics
    else { throw InputError(message: "expected classes") }
    #expect(metrics.perClass[3].count == 0 && metrics.perClass[3].accuracy == nil)
    #expect(metrics.perClass.filter { $0.accuracy == nil }.count == 1)
  }

  /// Single precision keeps 24 bits: 4e-7 is a few units in the last place of numbers up to 1 and,
  /// relative to |x|, beyond.
  @Test(
    "M27 value and slope in the executor against Double: 0, ±50, kinks",
    arguments: Activation.allCases)
  func activationInExecutor(_ activation: Activation) throws {
    let points: [Float] = [0, 50, -50, 1e-6, -1e-6, 0.5, -0.5, 1, -1, 3, -3, 8, -8]
    let graph = try trace { builder in
      let x = builder.input("x", shape: [points.count])
      let y = activation(x)
      return ["value": y, "slope": gradients(of: sum(y), with: [x])[0]]
    }
    let plan = try Plan(graph, state: StateLayout(graph))
    let executor = try Executor(plan, state: try StateBlock(plan.state))
    executor.setInput(try #require(plan.input("x")), points)
    executor.run()
    let values = executor.output(try #require(plan.output("value")))
    let slopes = executor.output(try #require(plan.output("slope")))
    for (position, point) in points.enumerated() {
      let (value, slope) = ActivationTests.expected(activation, Double(point))
      let tolerance = 4e-7 * max(1, abs(Double(point)))
      #expect(abs(Double(values[position]) - value) <= tolerance, "\(activation)(\(point))")
      #expect(abs(Double(slopes[position]) - slope) <= tolerance, "slope at \(point)")
    }
  }

  @Test("M27 output functions identity, sigmoid and softmax in the executor, 0 and ±50")
  func outputFunctions() throws {
    let rows: [[Float]] = [[0, 50, -50], [0, 0, 0], [-50, -50, 50], [1, 2, 3]]
    let losses: [(Loss, ([Double]) -> [Double])] = [
      (.squaredError, { $0 }), (.binaryCrossEntropy, { $0.map { 1 / (1 + exp(-$0)) } }),
      (.softmaxCrossEntropy, LayerwiseLoop.softmax),
    ]
    for (loss, function) in losses {
      let start = try Trainer(
        Network { Dense(3, hasBias: false) }, loss: loss, optimizer: .sgd(), inputs: 3
      ).model
      let model = try start.replacing("output.weight", [[1, 0, 0], [0, 1, 0], [0, 0, 1]])
      let data = try Dataset(features: rows.flatMap { $0 }, featureCount: 3, targets: .none)
      let found = try model.predictor().predict(data).values.map { Double($0) }
      let expected = rows.flatMap { function($0.map { Double($0) }) }
      for (found, expected) in zip(found, expected) {
        #expect(abs(found - expected) <= 4e-7 * max(1, abs(expected)), "\(loss)")
      }
      #expect(found.count == expected.count)
    }
  }
}
