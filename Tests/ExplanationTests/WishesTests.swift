import Ebb
import EbbSystem
import Testing

@Suite struct WishesTests {
  @Test("M24 the row's wishes are minus its gradient, the batch's minus their average")
  func wishes() throws {
    for kind in Subjects.Kind.allCases {
      let data = try Subjects.of(kind)
      let subject = try data.subject(row: 2)
      let found = try WishesExplanation(subject)
      let batch = try subject.model.gradients(on: data.batch)
      let rows = try (0..<data.batch.count).map { try data.subject(row: $0).numbers }
      #expect(try #require(found.averageDeviation) < 1e-12)
      #expect(found.layers.flatMap(\.parameters).count == subject.numbers.parameterNames.count)
      for parameter in found.layers.flatMap(\.parameters) {
        let own = try #require(subject.numbers[parameter.name])
        let decided = try #require(batch[parameter.name])
        let dots = try rows.map { row in
          zip(try #require(row[parameter.name]).elements, decided.elements)
            .reduce(0) { $0 + $1.0 * $1.1 }
        }
        #expect(parameter.rowsThatAgree == dots.count { $0 > 0 }, "\(parameter.name)")
        let largest = own.elements.map(\.magnitude).sorted(by: >).prefix(3)
        #expect(parameter.largest.map(\.row.magnitude) == Array(largest.filter { $0 != 0 }))
        for wish in parameter.largest {
          let place = try wish.element.position(in: own.shape)
          #expect(wish.row == -own.elements[place])
          #expect(wish.batch == -decided.elements[place])
          let same = try rows.count { row in
            try #require(row[parameter.name]).elements[place] * own.elements[place] > 0
          }
          #expect(wish.rowsThatAgree == same)
        }
      }
      for layer in found.layers {
        for wish in layer.neurons {
          let gradient = try #require(subject.numbers["\(wish.element.name).activation"])
          #expect(wish.row == -gradient.elements[wish.element.indices[0]])
        }
      }
      #expect(found.layers.last?.neurons.isEmpty == true)
      let strangers = NumbersInText.strangers(found)
      #expect(strangers.isEmpty, "\(strangers)\n\(found.text)")
      #expect(NumbersInText.width(found) <= 80, "\(found.text)")
    }
  }

  @Test("M25 the vector's largest components, and the neurons with the largest |δ|")
  func ranking() throws {
    let subject = try Subjects.random.get().subject(row: 4)
    let found = try WishesExplanation(subject)
    let all = subject.numbers.vector.elements.map(\.magnitude).sorted(by: >)
    #expect(found.components.map(\.gradient.magnitude) == Array(all.prefix(5)))
    let norm = all.reduce(0) { $0 + $1 * $1 }.squareRoot()
    #expect((found.norm - norm).magnitude < 1e-12 * norm)
    let deltas = subject.numbers.valueNames.filter { $0.hasSuffix(".preactivation") }
      .flatMap { subject.numbers[$0]?.elements ?? [] }
    #expect(
      found.neurons.map(\.magnitude) == Array(deltas.map(\.magnitude).sorted(by: >).prefix(5)))
  }

  @Test("M24 without a batch there is only the row")
  func alone() throws {
    let data = try Subjects.three(.relu)
    let subject = try ExplanationSubject(
      model: data.model, row: Batch(data.batch.dataset, rows: [1]), name: "row 2")
    let found = try WishesExplanation(subject)
    #expect(found.cosine == nil && found.batchRows == nil)
    #expect(found.layers.flatMap(\.parameters).allSatisfy { $0.cosine == nil })
    #expect(NumbersInText.strangers(found).isEmpty, "\(found.text)")
  }
}
