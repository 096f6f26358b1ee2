import Ebb
import EbbSystem
import Testing

@Suite struct FeaturesTests {
  @Test("M4 integrated gradients sum to output(x) − output(mean)", arguments: Activation.allCases)
  func completeness(_ activation: Activation) throws {
    for row in 0..<3 {
      let subject = try Subjects.three(activation).subject(row: row)
      let found = try FeaturesExplanation(subject)
      for attribution in found.attributions {
        let scale = max(attribution.value.magnitude, attribution.baseline.magnitude)
        #expect(attribution.completenessError.magnitude <= 1e-6 * scale, "\(activation)")
        #expect(attribution.sum != 0)
      }
      let logits = try #require(subject.numbers.value("output.activation")).elements
      #expect((found.attributions[0].value - (logits.max() ?? 0)).magnitude < 1e-12)
      let strangers = NumbersInText.strangers(found)
      #expect(strangers.isEmpty, "\(strangers)\n\(found.text)")
      #expect(NumbersInText.width(found) <= 80, "\(found.text)")
    }
  }

  @Test("M4 of a linear network, contributions are weight · input")
  func linear() throws {
    let data = try Subjects.network([], outputs: 1, loss: .squaredError)
    let subject = try data.subject(row: 5)
    let found = try FeaturesExplanation(subject)
    let weights = try #require(subject.model["output.weight"]).elements.map { Double($0) }
    let x = subject.row.dataset.features(ofRow: 5).map { Double($0) }
    let attribution = try #require(found.attributions.first)
    for (index, feature) in attribution.features.enumerated() {
      let product = weights[index] * x[index]
      #expect((feature.integrated - product).magnitude < 1e-12)
      #expect((feature.gradientTimesInput - product).magnitude < 1e-12)
      let loss = try #require(subject.numbers["features"]).elements[index] * x[index]
      #expect(feature.lossGradientTimesInput == loss)
    }
    #expect(attribution.baseline == Double(try #require(subject.model["output.bias"]).elements[0]))
  }

  @Test("M4 gradient × input is the slope of the predicted class's output, by differences")
  func slopes() throws {
    let data = try Subjects.digits.get()
    let subject = try data.subject(row: 1)
    let found = try #require(try FeaturesExplanation(subject).attributions.first)
    let row = Int(try #require(subject.row.rows.first))
    let x = data.batch.dataset.features(ofRow: row).map { $0 }
    func output(_ index: Int, _ change: Float) throws -> Double {
      var moved = x
      moved[index] += change
      let dataset = try Dataset(
        features: moved, featureCount: x.count, targets: .classes([0], count: 10))
      let values = try data.model.gradients(on: Batch(dataset, rows: [0]))
        .value("output.activation")
      return values?.elements.max() ?? .nan
    }
    for index in [10, 20, 36, 43] {
      let h: Float = 0x1p-8
      let slope = (try output(index, h) - (try output(index, -h))) / (2 * Double(h))
      let expected = slope * Double(x[index])
      #expect(
        (found.features[index].gradientTimesInput - expected).magnitude
          < 1e-3 * max(expected.magnitude, 0.01))
    }
  }

  @Test("M4 of a row predicted wrong, the lead over the truth is explained too")
  func wrong() throws {
    let data = try Subjects.three(.tanh)
    var leads = 0
    for row in 0..<data.batch.count {
      let subject = try data.subject(row: row)
      let logits = try #require(subject.numbers.value("output.activation")).elements
      guard case .classes(let labels, _) = data.batch.dataset.targets else { continue }
      let truth = Int(labels[row])
      let best = try #require(logits.indices.max { logits[$0] < logits[$1] })
      let found = try FeaturesExplanation(subject).attributions
      #expect(found.count == (best == truth ? 1 : 2))
      if let lead = found.dropFirst().first {
        leads += 1
        #expect(lead.quantity == .lead)
        #expect((lead.value - (logits[best] - logits[truth])).magnitude < 1e-12)
      }
    }
    #expect(leads > 0)
  }
}
