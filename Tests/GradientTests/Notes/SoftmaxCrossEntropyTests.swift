import Ebb
import EbbEngine
import Foundation
import TestSupport
import Testing

@Suite struct NotesSoftmaxCrossEntropyTests {
  /// Each line of the derivation for one example's logits and its label.
  private func everyLine(_ a: [Double], label l: Int) throws {
    let given = NDArray(a, shape: [1, a.count])
    let graph = try trace { builder in
      let logits = builder.input("a", shape: given.shape)
      let prediction = softmax(logits)
      let chosen = prediction.sliced(axis: 1, from: l, to: l + 1)
      let labels = builder.constant(indices: NDArray([Int32(l)]))
      let loss = softmaxCrossEntropy(logits: logits, labels: labels)
      let byPrediction = gradients(of: -sum(log(chosen)), with: [prediction])[0]
      return [
        "prediction": prediction, "loss": loss, "byPrediction": byPrediction,
        "row": gradients(of: sum(chosen), with: [logits])[0],
        "gradient": gradients(of: sum(loss), with: [logits])[0],
      ]
    }
    let found = try evaluate(graph, ["a": given])
    func numbers(_ name: String) throws -> [Double] { try #require(found[name]).elements }
    let exponentials = a.map { exp($0) }
    let total = exponentials.reduce(0, +)
    let y = exponentials.map { $0 / total }
    #expect(deviation(try numbers("prediction"), y) < 1e-12, "ŷ_i = e^{a_i}/Σ e^{a_i}")
    #expect(abs(try numbers("loss")[0] + log(y[l])) < 1e-12 * (1 - log(y[l])), "L = −log ŷ_l")
    #expect(
      deviation(try numbers("byPrediction"), a.indices.map { $0 == l ? -1 / y[l] : 0 }) < 1e-12)
    let (row, gradient) = (try numbers("row"), try numbers("gradient"))
    for i in a.indices {
      let isLabel = i == l ? 1.0 : 0.0
      // The quotient rule: (u′ v − u v′)/v² with u = e^{a_l}, v = Σ e^{a_i}.
      let quotient =
        (isLabel * exponentials[l] * total - exponentials[l] * exponentials[i]) / (total * total)
      let short = isLabel * y[l] - y[l] * y[i]
      #expect(abs(quotient - short) < 1e-14)
      #expect(abs(row[i] - short) < 1e-14, "∂ŷ_l/∂a_\(i)")
      let product = -(1 / y[l]) * short
      let residual = -(isLabel - y[i])
      #expect(abs(product - residual) < 1e-12)
      #expect(abs(gradient[i] - residual) < 1e-14, "∂L/∂a_\(i) = −(1[l=i] − ŷ_i)")
      #expect(gradient[i] != 0, "all logits share the denominator")
      let measured = slope { step in
        var moved = a
        moved[i] += step
        return [LayerwiseLoop.crossEntropy(moved, l)]
      }[0]
      #expect(abs(gradient[i] - measured) < 1e-10, "∂L/∂a_\(i) measured")
    }
    #expect(abs(gradient.reduce(0, +)) < 1e-14)
  }

  @Test("M16 every line with numbers for k = 4, l = 2")
  func fourClasses() throws { try everyLine([0.3, -1.2, 2.1, 0.7], label: 2) }

  @Test(
    "M16 every line with numbers on rows of both networks", arguments: NoteSubject.Kind.allCases)
  func onRows(_ kind: NoteSubject.Kind) throws {
    let subject = try NoteSubject.of(kind)
    let loop = try LayerwiseLoop(subject.model)
    for row in 0..<NoteSubject.rows {
      let logits = loop.forward(subject.features(ofRow: row)).h[subject.depth]
      try everyLine(logits, label: subject.labels[row])
    }
  }

  /// −Σ y log(e^a/Σ e^a), with exp, sum and log alone.
  private func unfused(_ a: Tensor, _ target: Tensor) -> Tensor {
    -sum(target * log(exp(a) / sum(exp(a), axes: [1], keepingAxes: true)), axes: [1])
  }

  @Test(
    "M16 fused and unfused agree to 1e-12 down to every parameter; a batch mean has 1/B",
    arguments: NoteSubject.Kind.allCases)
  func fusedAndUnfused(_ kind: NoteSubject.Kind) throws {
    let subject = try NoteSubject.of(kind)
    let traced = try TracedSubject(subject)
    let target = oneHot(traced.targets, classes: subject.classes)
    let losses = [
      traced.rowLosses, softmaxCrossEntropy(logits: traced.outputs, probabilities: target),
      unfused(traced.outputs, target),
    ]
    let wanted = [traced.outputs] + traced.parameters
    var values: [(String, Tensor)] = [
      ("residual", (softmax(traced.outputs) - target) / Double(NoteSubject.rows))
    ]
    for (form, loss) in losses.enumerated() {
      values.append(("loss \(form)", loss))
      for (place, slope) in gradients(of: mean(loss), with: wanted).enumerated() {
        values.append(("slope \(place) \(form)", slope))
      }
    }
    let found = try evaluate(
      try traced.graph(values), try subject.inputs(), indices: subject.indices())
    func numbers(_ name: String) throws -> [Double] { try #require(found[name]).elements }
    #expect(deviation(try numbers("slope 0 0"), try numbers("residual")) < 1e-12)
    for form in 1..<3 {
      #expect(deviation(try numbers("loss 0"), try numbers("loss \(form)")) < 1e-12)
      for place in wanted.indices {
        let error = deviation(
          try numbers("slope \(place) 0"), try numbers("slope \(place) \(form)"))
        #expect(error < 1e-12, "form \(form), value \(place): off by \(error)")
      }
    }
  }

  @Test("M16 logits of ±1e6: exact in Double, in the executor and in a training step")
  func largeLogits() throws {
    let rows: [[Float]] = [
      [1, -1, 0, 0], [-1, -1, -1, -1], [1, 1, -1, -1], [0, 0, 0, -1], [-1, 1, 0, 0], [1, 1, 1, 1],
      [-1, -1, -1, 1],
    ]
    let labels = [1, 2, 0, 3, 1, 0, 3]
    let losses = [2e6, log(4.0), log(2.0), 1e6 + log(3.0), 0, log(4.0), 0]
    let slopes: [[Double]] = [
      [1, -1, 0, 0], [0.25, 0.25, -0.75, 0.25], [-0.5, 0.5, 0, 0],
      [1.0 / 3, 1.0 / 3, 1.0 / 3, -1], [0, 0, 0, 0], [-0.75, 0.25, 0.25, 0.25], [0, 0, 0, 0],
    ]
    let network = Network { Dense(4, hasBias: false) }
    var identity = NDArray<Float>(repeating: 0, shape: [4, 4])
    for i in 0..<4 { identity[i, i] = 1e6 }
    let rate = 1e6
    let start = try Trainer(
      network, loss: .softmaxCrossEntropy, optimizer: .sgd(learningRate: rate), inputs: 4
    ).model.replacing("output.weight", identity)
    let data = try Dataset(features: rows, labels: labels, classCount: 4)
    for row in rows.indices {
      let one = try Dataset(features: [rows[row]], labels: [labels[row]], classCount: 4)
      let loss = try start.predictor().evaluate(one).loss
      #expect(abs(loss - losses[row]) <= 1e-6 * max(1, losses[row]), "row \(row): \(loss)")
    }
    let predictions = try start.predictor().predict(data).values
    for row in rows.indices {
      for i in 0..<4 {
        let expected = slopes[row][i] + (labels[row] == i ? 1 : 0)
        #expect(abs(Double(predictions[row * 4 + i]) - expected) < 1e-6)
      }
    }
    let traced = try TracedSubject(network, inputs: 4, rows: 7, loss: .softmaxCrossEntropy)
    let open = softmaxCrossEntropy(
      logits: traced.outputs, probabilities: oneHot(traced.targets, classes: 4))
    let graph = try traced.graph(
      zip(
        ["losses", "open", "a", "b"],
        [traced.rowLosses, open] + gradients(of: sum(traced.rowLosses), with: [traced.outputs])
          + gradients(of: sum(open), with: [traced.outputs])
      ).map { ($0, $1) })
    var inputs = start.numbers
    inputs["features"] = NDArray(rows.flatMap { $0.map { Double($0) } }, shape: [7, 4])
    let found = try evaluate(
      graph, inputs, indices: ["targets": NDArray(labels.map { Int32($0) })])
    for name in ["losses", "open"] {
      #expect(deviation(try #require(found[name]).elements, losses) < 1e-12)
    }
    for name in ["a", "b"] {
      #expect(deviation(try #require(found[name]).elements, slopes.flatMap { $0 }) < 1e-12)
    }
    // One step in single precision: W_ij moves by −η/B Σ (ŷ_i − y_i) x_j.
    let step = try stepGraph(
      network, inputs: 4, rows: 7, loss: .softmaxCrossEntropy, optimizer: SGD(learningRate: rate))
    let plan = try Plan(step, state: StateLayout(step))
    let state = try StateBlock(plan.state)
    state["output.weight"] = identity.transposed().elements
    let executor = try Executor(plan, state: state)
    executor.setInput(try #require(plan.input("features")), rows.flatMap { $0 })
    executor.setInput(try #require(plan.input("targets")), labels.map { Int32($0) })
    executor.setInput(try #require(plan.input("rate")), Float(rate))
    executor.run()
    let new = state["output.weight"]
    for j in 0..<4 {
      for i in 0..<4 {
        let gradient = rows.indices.reduce(0.0) { $0 + slopes[$1][i] * Double(rows[$1][j]) } / 7
        let expected = (i == j ? 1e6 : 0) - rate * gradient
        #expect(abs(Double(new[j * 4 + i]) - expected) < 1, "W[\(i), \(j)]")
      }
    }
  }
}
