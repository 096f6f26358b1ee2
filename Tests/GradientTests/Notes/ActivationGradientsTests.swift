import Ebb
import EbbSystem
import TestSupport
import Testing

@Suite struct NotesActivationGradientsTests {
  @Test(
    "M4 raise any neuron, logit or ŷ a little: the loss moves by its gradient per unit",
    arguments: NoteSubject.Kind.allCases)
  func everyValue(_ kind: NoteSubject.Kind) throws {
    let subject = try NoteSubject.of(kind)
    let batch = try subject.taking()
    var wiggler = Wiggler(subject.model, on: batch)
    let plain = try subject.model.gradients(on: batch)
    let through = try subject.model.gradients(on: batch, throughPredictions: true)
    #expect(plain.valueNames.contains("output.preactivation"))
    #expect(plain.valueNames.last == "predictions")
    for name in plain.valueNames {
      let found = name == "predictions" ? through : plain
      let gradient = try #require(found[name])
      let value = try #require(found.value(name))
      #expect(gradient.shape == value.shape, "\(name) has its values' shape")
      #expect(gradient.elements.contains { $0 != 0 }, "\(name) has a gradient")
      var measured: [Double] = []
      for place in 0..<gradient.count {
        let element = ElementName(name, offset: place, in: gradient.shape)
        // Probabilities stay between 0 and 1.
        let step = name == "predictions" ? 1e-3 * value.elements[place] : 1e-4
        let (near, far) = (
          try wiggler.wiggle(element, by: step), try wiggler.wiggle(element, by: 2 * step)
        )
        let back = (
          try wiggler.wiggle(element, by: -step), try wiggler.wiggle(element, by: -2 * step)
        )
        #expect(near.gradient == gradient.elements[place])
        #expect(near.predictedChange == gradient.elements[place] * step)
        let odd = (
          near.measuredChange - back.0.measuredChange, far.measuredChange - back.1.measuredChange
        )
        measured.append((8 * odd.0 - odd.1) / (12 * step))
      }
      let error = deviation(measured, gradient.elements)
      #expect(error < 1e-8, "\(name): \(error)")
    }
  }

  @Test("M4 the reading in words, the measured change beside it")
  func words() throws {
    let subject = try NoteSubject.of(.digits)
    let one = try subject.taking(2..<3)
    let wiggle = try subject.model.wiggle("hidden1[3]", by: 0.01, on: one)
    #expect(wiggle.element == ElementName("hidden1.activation", [3]))
    let found = try #require(try subject.model.gradients(on: one)["hidden1.activation"])
    #expect(wiggle.gradient == found[0, 3])
    #expect(abs(wiggle.measuredChange - wiggle.predictedChange) < 0.05 * abs(wiggle.measuredChange))
    let written = Wiggle.words(wiggle)
    #expect("\(wiggle)" == written)
    #expect(written.hasPrefix("raise hidden1.activation[3] by 0.01: the loss moves by "))
    let lowered = try subject.model.wiggle("hidden1.weight[3,7]", by: -0.01, on: one)
    #expect("\(lowered)".hasPrefix("lower hidden1.weight[3,7] by 0.01: the loss moves by "))
  }

  @Test("M4 a neuron without a row is raised on every row; parameters too")
  func everyRow() throws {
    let subject = try NoteSubject.of(.random)
    let batch = try subject.taking()
    let found = try subject.model.gradients(on: batch, reduction: .sum)
    let column = try #require(found["hidden3.activation"])
    let wiggle = try subject.model.wiggle(
      "hidden3.activation[5]", by: 1e-6, on: batch, reduction: .sum)
    let total = (0..<NoteSubject.rows).reduce(0.0) { $0 + column[$1, 5] }
    #expect(abs(wiggle.gradient - total) < 1e-14)
    #expect(abs(wiggle.measuredChange - wiggle.predictedChange) < 1e-10)
    let weight = try subject.model.wiggle("hidden3.weight[2,4]", by: 1e-6, on: batch)
    let slope = try #require(try subject.model.gradients(on: batch)["hidden3.weight"])
    #expect(weight.gradient == slope[2, 4])
    #expect(abs(weight.measuredChange - weight.predictedChange) < 1e-10)
  }
}

extension Wiggle {
  /// The sentence, put together apart.
  fileprivate static func words(_ wiggle: Wiggle) -> String {
    func digits(_ value: Double) -> String {
      NumberFormat.significant(value, digits: 5)
    }
    return "raise \(wiggle.element) by \(wiggle.step): the loss moves by"
      + " \(digits(wiggle.lossAfter - wiggle.lossBefore)); the gradient said"
      + " \(digits(wiggle.gradient * wiggle.step))"
  }
}
