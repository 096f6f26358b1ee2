import Ebb
import TestSupport
import Testing

@Suite struct NotesNeuronLoopTests {
  @Test(
    "M3 Wᵀδ neuron by neuron equals the matrix form, for every neuron and row",
    arguments: NoteSubject.Kind.allCases)
  func everyNeuron(_ kind: NoteSubject.Kind) throws {
    let subject = try NoteSubject.of(kind)
    let batch = try subject.batch()
    let loop = try subject.model.neuronByNeuron(on: batch)
    // The sum's gradients are each row's own.
    let found = try subject.model.gradients(on: batch, reduction: .sum)
    #expect(loop.layers == subject.network.names)
    for (k, layer) in loop.layers.enumerated() {
      let delta = try #require(found["\(layer).preactivation"])
      let units = try #require(loop.units(of: layer))
      #expect(delta.shape == [NoteSubject.rows, units])
      var deltas: [Double] = []
      for row in 0..<NoteSubject.rows {
        for unit in 0..<units { deltas.append(try loop.delta(of: unit, in: layer, row: row)) }
      }
      #expect(deviation(deltas, delta.elements) < 1e-12, "δ of \(layer)")
      if k + 1 == loop.layers.count { continue }
      let next = loop.layers[k + 1]
      let weight = try #require(subject.model["\(next).weight"])
      let above = try #require(found["\(next).preactivation"])
      let back = try #require(found["\(layer).activation"])
      var (totals, wrong) = ([Double](), 0)
      for row in 0..<NoteSubject.rows {
        for unit in 0..<units {
          let said = try loop.opinions(about: unit, in: layer, row: row)
          totals.append(said.total)
          if said.opinions.count != weight.shape[0] || said.nextLayer != next { wrong += 1 }
          for (m, opinion) in said.opinions.enumerated() {
            // Each term by itself, against the weight and the matrix form's δ.
            let expected = Double(weight[m, unit]) * above[row, m]
            let distance = (opinion.value - expected).magnitude
            if opinion.unit != m || distance > 1e-12 * (1 + expected.magnitude) { wrong += 1 }
          }
        }
      }
      #expect(wrong == 0, "\(wrong) opinions about \(layer)")
      #expect(deviation(totals, back.elements) < 1e-12, "∇h of \(layer)")
    }
  }

  @Test("M3 the last layer has no neurons above it, and names are checked")
  func faults() throws {
    let subject = try NoteSubject.of(.digits)
    let loop = try subject.model.neuronByNeuron(on: try subject.batch())
    #expect(throws: ExplanationError.self) { try loop.opinions(about: 0, in: "output", row: 0) }
    #expect(throws: ExplanationError.self) { try loop.opinions(about: 32, in: "hidden1", row: 0) }
    #expect(throws: ExplanationError.self) { try loop.opinions(about: 0, in: "hidden1", row: 7) }
    #expect(throws: ExplanationError.self) { try loop.opinions(about: 0, in: "hiden1", row: 0) }
  }
}

extension NoteSubject {
  /// Some of the rows as a batch; all seven if not said otherwise.
  func batch(rows: [Int] = Array(0..<rows)) throws -> Batch {
    try Batch(try dataset(), rows: rows)
  }
}
