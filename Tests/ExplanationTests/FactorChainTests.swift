import Ebb
import EbbSystem
import TestSupport
import Testing

@Suite struct FactorChainTests {
  @Test("M29 the sample network's chains for W_{1,1,1} and W_{1,3,1}, and what is used again")
  func sample() throws {
    let example = WorkedExample.sample
    let subject = try ExplanationSubject(
      model: try example.model, row: try Batch(try example.dataset, rows: [0]), name: "row 1",
      precision: .double)
    let found = try FactorChain(
      subject,
      elements: [ElementName("hidden1.weight", [0, 0]), ElementName("hidden1.weight", [2, 0])])
    #expect(
      found.chains[0].names == [
        "∂L/∂ŷ", "∂ŷ/∂a3", "∂a3/∂h2", "∂h2/∂a2", "∂a2/∂h1", "∂h1/∂a1", "∂a1/∂W1[0,0]",
      ])
    #expect(found.chains[0].reused == 0)
    #expect(found.chains[1].reused == 6, "all but the last factor")
    // By hand, in another language.
    #expect(abs(found.chains[0].product - -0.03540775583006519) < 1e-15)
    #expect(abs(found.chains[1].product - 0.026511089977398948) < 1e-15)
    let stored = Dictionary(
      found.factors.map { ($0.productName, $0.product) }, uniquingKeysWith: { first, _ in first })
    let expected: [(String, [Double])] = [
      ("∂L/∂a3", [-0.4276887094643652, 0.42768870946436527]),
      ("∂L/∂h2", [-0.8553774189287304, 0.7484552415626391]),
      ("∂L/∂a2", [-0.18511694335963141, 0.18650853126006314]),
      ("∂L/∂h1", [-0.3249983418046788, 0.18581273730984726, 0.23348356105018686]),
      ("∂L/∂a1", [-0.07081551166013038, 0.03437876596762208, 0.053022179954797896]),
    ]
    for (name, numbers) in expected {
      #expect(deviation(try #require(stored[name]), numbers) < 1e-14, "\(name)")
    }
    for factor in found.factors {
      #expect(try #require(factor.differenceDeviation) < 1e-9, "\(factor.name)")
    }
    #expect(found.text.contains("∂L/∂a1 is stored from above, and used again"))
  }

  @Test("M23 five sigmoids: each factor beside its difference, their product the gradient")
  func chain() throws {
    let example = WorkedExample.chain
    for precision in [ExplanationSubject.Precision.single, .double] {
      let subject = try ExplanationSubject(
        model: try example.model, row: try Batch(try example.dataset, rows: [0]), name: "row 1",
        precision: precision)
      let found = try FactorChain(subject, elements: [ElementName("hidden1.weight", [0, 0])])
      // ∂L/∂ŷ, five slopes, four weights.
      #expect(found.factors.count == 10)
      for factor in found.factors {
        #expect(factor.matrix.shape == [1, 1])
        let limit = precision == .double ? 1e-9 : 1e-6
        #expect(try #require(factor.differenceDeviation) < limit, "\(factor.name)")
      }
      let product = found.factors.reduce(1) { $0 * $1.matrix.elements[0] }
      let chain = found.chains[0]
      #expect(abs(product * chain.last[0] - chain.product) < 1e-12 * abs(chain.product))
      let limit = precision == .double ? 1e-14 : 1e-6
      #expect(abs(chain.product - chain.gradient) < limit * abs(chain.gradient))
    }
  }

  @Test(
    "M23 M29 chains on the digits and nine activations, every layer",
    arguments: Subjects.Kind.allCases)
  func subjects(_ kind: Subjects.Kind) throws {
    let subject = try Subjects.of(kind).subject(row: 6)
    let elements = subject.model.parameters.flatMap { parameter in
      [0, parameter.values.count / 2, parameter.values.count - 1].map {
        ElementName(parameter.name, offset: $0, in: parameter.values.shape)
      }
    }
    let found = try FactorChain(subject, elements: elements)
    let largest = found.chains.map(\.gradient.magnitude).max() ?? 0
    for chain in found.chains {
      #expect(abs(chain.product - chain.gradient) < 1e-12 * largest, "\(chain.element)")
    }
    for factor in found.factors {
      if let off = factor.differenceDeviation { #expect(off < 1e-7, "\(factor.name): \(off)") }
    }
    // From the deepest layer on, everything above is there already.
    let again = try FactorChain(subject, elements: [elements[0], elements[0]])
    #expect(again.chains[1].reused == again.chains[1].shared)
  }

  @Test("M2 two inputs, three outputs: [3, 3], and [4, 3] with W[0,0] = 2")
  func twoThree() throws {
    let example = WorkedExample.twoThree
    let row = try Batch(try example.dataset, rows: [0])
    for (value, expected, loss) in [(Float(1), [3.0, 3], 3.0), (2, [4, 3], 3.5)] {
      let model = try example.model.setting(ElementName("output.weight", [0, 0]), to: value)
      for precision in [ExplanationSubject.Precision.single, .double] {
        let subject = try ExplanationSubject(
          model: model, row: row, name: "row 1", precision: precision)
        let found = try EquationsExplanation(subject)
        #expect(found.layers[0].gradientBySums == [1, 1, 1])
        #expect(found.layers[0].gradientByInput == expected)
        #expect(found.loss == loss)
        #expect(found.verdict == .agrees, "\(found)")
      }
    }
  }

  @Test("M30 exclusive or: every row is right", arguments: 0..<4)
  func xor(_ row: Int) throws {
    let example = WorkedExample.xor
    let subject = try ExplanationSubject(
      model: try example.model, row: try Batch(try example.dataset, rows: [row]), name: "row")
    let answer = try #require(subject.numbers.value("predictions")?.elements[0])
    #expect((answer > 0.5) == [false, true, true, false][row])
    #expect(try EquationsExplanation(subject).verdict == .agrees)
  }

  @Test("names that are none are refused")
  func wrongNames() throws {
    let subject = try Subjects.digits.get().subject()
    for name in [ElementName("hidden9.weight", [0, 0]), ElementName("hidden1.weight", [99, 0])] {
      #expect(throws: ElementNameError.self) { try FactorChain(subject, elements: [name]) }
    }
  }
}
