import EbbGraph
import Testing

/// That the protocol's cases leave no operation out; the laws themselves stand in `Protocol`.
@Suite struct OperationCoverage {
  @Test("every operation has a sample, and every sample stands in its family")
  func coverage() {
    for family in Op.Family.allCases {
      let samples = family.samples
      #expect(!samples.isEmpty, "\(family)")
      #expect(samples.allSatisfy { $0.op.family == family }, "\(family)")
    }
    let names = Set(Op.samples.map(\.op.name))
    let expected =
      Unary.allCases.map(\.rawValue) + Binary.allCases.map(\.rawValue)
      + Ternary.allCases.map(\.rawValue) + Reduction.allCases.map(\.rawValue)
      + Rowwise.allCases.map(\.rawValue) + Movement.Kind.allCases.map(\.rawValue)
      + Indexing.Kind.allCases.map(\.rawValue) + Distribution.allCases.map(\.rawValue)
    for name in expected { #expect(names.contains(name), "no sample of \(name)") }
    for kind in Movement.Kind.allCases {
      for sample in kind.samples {
        guard case .movement(let movement) = sample.op else { continue }
        #expect(movement.kind == kind)
      }
    }
    for kind in Indexing.Kind.allCases {
      for sample in kind.samples {
        guard case .indexing(let indexing) = sample.op else { continue }
        #expect(indexing.kind == kind)
      }
    }
  }
}
