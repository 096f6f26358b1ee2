import Ebb
import EbbSystem
import TestSupport
import Testing

@Suite struct WiggleTests {
  @Test("M13 smaller steps bring the slope to the gradient, for every sort of value")
  func slopes() throws {
    let subject = try Subjects.three(.tanh).subject(row: 3)
    for text in [
      "hidden1.weight[2,5]", "hidden2.bias[3]", "hidden1[4]", "hidden1.activation[0,4]",
      "hidden2.preactivation[8]", "features[7]", "output[2]", "predictions[1]",
    ] {
      let found = try WiggleExplanation(subject, element: ElementName(parsing: text), by: 0.01)
      #expect(found.isSingle && found.trials.count == 4)
      for (index, trial) in found.trials.enumerated() {
        #expect(trial.step == found.trials[0].step / [1, 10, 100, 1000][index] || index > 0)
        #expect(trial.gradient == found.trials[0].gradient)
      }
      let apart = found.trials.map { ($0.slope - $0.gradient).magnitude }
      #expect(apart[3] < 1e-3 * max(found.trials[0].gradient.magnitude, 1e-6), "\(text): \(apart)")
      #expect(apart[0] >= apart[2], "\(text)")
      let strangers = NumbersInText.strangers(found)
      #expect(strangers.isEmpty, "\(strangers)\n\(found.text)")
      #expect(NumbersInText.width(found) <= 80)
    }
  }

  @Test("M4 the change of the loss is what a change of the model does")
  func changes() throws {
    let subject = try Subjects.three(.relu).subject(row: 1)
    let found = try WiggleExplanation(
      subject, element: ElementName("hidden2.weight", [1, 2]), by: 0.25)
    var weights = try #require(subject.model["hidden2.weight"])
    weights[1, 2] += 0.25
    let changed = try subject.model.replacing("hidden2.weight", weights)
    let loss = try changed.gradients(on: subject.row).loss
    #expect((found.trials[0].change - (loss - subject.numbers.loss)).magnitude < 1e-7)
    #expect(found.loss == subject.numbers.loss)
  }

  @Test("M4 of a whole tensor, the five numbers with the largest gradients")
  func mostSensitive() throws {
    let subject = try Subjects.digits.get().subject(row: 0)
    for name in ["hidden1.weight", "hidden2", "features", "output.bias", "predictions"] {
      let found = try WiggleExplanation(subject, element: ElementName(name, []), by: -0.001)
      #expect(!found.isSingle)
      let source = name == "predictions" ? subject.unfused : subject.numbers
      let gradient = try #require(source[name == "hidden2" ? "hidden2.activation" : name])
      let ranked = gradient.elements.filter { $0 != 0 }
        .sorted { $0.magnitude > $1.magnitude }.prefix(5)
      #expect(found.trials.map(\.gradient) == Array(ranked), "\(name)")
      for trial in found.trials {
        #expect((trial.predicted - trial.change).magnitude < 0.05 * trial.predicted.magnitude)
      }
      let strangers = NumbersInText.strangers(found)
      #expect(strangers.isEmpty, "\(strangers)\n\(found.text)")
      #expect(NumbersInText.width(found) <= 80, "\(found.text)")
    }
  }

  @Test(
    "M4 a probability that would leave 0 to 1 is told to, and a silent tensor that nothing feels it"
  )
  func undefined() throws {
    let subject = try Subjects.digits.get().subject(row: 0)
    let found = try WiggleExplanation(
      subject, element: ElementName("predictions", [0]), by: -2)
    #expect(found.trials[0].change.isNaN)
    #expect(found.text.contains("cannot leave 0 to 1"))
    // A relu network whose first layer is off.
    let off = try Subjects.three(.relu).model
    let biases = NDArray<Float>(repeating: -100, shape: [6])
    let row = try Subjects.three(.relu).subject().row
    let silent = try ExplanationSubject(
      model: try off.replacing("hidden1.bias", biases), row: row, name: "row 1")
    let nothing = try WiggleExplanation(silent, element: ElementName("hidden1.weight", []))
    #expect(nothing.trials.count == 1)
    #expect(nothing.text.contains("feels none of them"))
    let weight = try WeightExplanation(silent, element: ElementName("hidden1.weight", [1, 2]))
    #expect(weight.product?.slope == 0)
    #expect(weight.text.contains("hidden1[1] is flat here"))
    #expect(weight.paths?.paths.isEmpty == true)
  }

  @Test("M13 a step of 0 and unknown names are refused")
  func refused() throws {
    let subject = try Subjects.three(.tanh).subject()
    #expect(throws: ModelError.self) {
      try WiggleExplanation(subject, element: ElementName("hidden1", [0]), by: 0)
    }
    #expect(throws: ElementNameError.self) {
      try WiggleExplanation(subject, element: ElementName("hidden9", [0]))
    }
    #expect(throws: ElementNameError.self) {
      try WiggleExplanation(subject, element: ElementName("hidden1", [99]))
    }
  }
}
