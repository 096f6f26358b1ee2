import Ebb
import Foundation
import TestSupport
import Testing

@Suite struct NotesLayerEquationsTests {
  /// The sweep's gradients of the mean loss, under the names W1, b1, h0, a1, …
  static func sweep(_ subject: NoteSubject, rows: Int) throws -> Graph {
    let traced = try TracedSubject(subject, rows: rows)
    var (names, wanted): ([String], [Tensor]) = ([], [])
    for k in 0..<subject.depth {
      names += ["W\(k + 1)", "b\(k + 1)", "h\(k)", "a\(k + 1)"]
      wanted += [traced.weights[k], traced.biases[k], traced.h[k], traced.a[k]]
    }
    let slopes = gradients(of: mean(traced.rowLosses), with: wanted)
    return try traced.graph(
      [("loss", mean(traced.rowLosses))] + zip(names, slopes).map { ($0, $1) }
        + wanted.enumerated().map { ("value \(names[$0])", $1) })
  }

  @Test(
    "M19 the layer-wise loop on column vectors equals the sweep: every parameter, neuron and entry",
    arguments: NoteSubject.Kind.allCases)
  func loopEqualsSweep(_ kind: NoteSubject.Kind) throws {
    let subject = try NoteSubject.of(kind)
    let loop = try LayerwiseLoop(subject.model)
    let found = try evaluate(
      try Self.sweep(subject, rows: NoteSubject.rows), try subject.inputs(),
      indices: subject.indices())
    let examples = (0..<NoteSubject.rows).map {
      loop.gradients(subject.features(ofRow: $0), label: subject.labels[$0])
    }
    func check(_ name: String, _ expected: [Double]) throws {
      let error = deviation(try #require(found[name]).elements, expected)
      #expect(error < 1e-12, "\(name): off by \(error)")
      #expect(expected.contains { $0 != 0 }, "\(name) has a gradient")
    }
    let losses = (0..<NoteSubject.rows).map {
      loop.loss(subject.features(ofRow: $0), label: subject.labels[$0])
    }
    try check("loss", average(losses.map { [$0] }))
    let share = 1 / Double(NoteSubject.rows)
    for k in 0..<subject.depth {
      try check("W\(k + 1)", average(examples.map { memoryOrder($0.weights[k]) }))
      try check("b\(k + 1)", average(examples.map { $0.biases[k] }))
      try check("h\(k)", examples.flatMap { $0.h[k].map { $0 * share } })
      try check("a\(k + 1)", examples.flatMap { $0.a[k].map { $0 * share } })
    }
  }

  @Test(
    "M17 ∇h_k per neuron, as matrix, and in the sweep; δ_k = ∇h_k ⊙ g′(a_k)",
    arguments: NoteSubject.Kind.allCases)
  func deltaRecursion(_ kind: NoteSubject.Kind) throws {
    let subject = try NoteSubject.of(kind)
    let loop = try LayerwiseLoop(subject.model)
    let rows = NoteSubject.rows
    let found = try evaluate(
      try Self.sweep(subject, rows: rows), try subject.inputs(), indices: subject.indices())
    for k in 1..<subject.depth {
      // h_k feeds layer k + 1.
      let above = try #require(found["a\(k + 1)"])
      let back = try #require(found["h\(k)"])
      let delta = try #require(found["a\(k)"])
      let a = try #require(found["value a\(k)"])
      let matrix = try evaluate(
        try trace { builder in
          let w = builder.input("w", shape: [above.shape[1], back.shape[1]])
          return ["y": matmul(w.transposed(), builder.input("d", shape: above.shape).transposed())]
        },
        [
          "w": NDArray(loop.weights[k].flatMap { $0 }, shape: [above.shape[1], back.shape[1]]),
          "d": above,
        ])
      let columns = try #require(matrix["y"])
      var (neurons, slopes): ([Double], [Double]) = ([], [])
      for row in 0..<rows {
        for j in 0..<back.shape[1] {
          // Σ_m δ_{k+1,m} W_{k+1,m,j}: n_{k+1} terms, one opinion each.
          var total = 0.0
          for m in 0..<above.shape[1] { total += above[row, m] * loop.weights[k][m][j] }
          neurons.append(total)
          slopes.append(
            back[row, j] * ActivationTests.expected(loop.activations[k - 1], a[row, j]).slope)
        }
      }
      #expect(deviation(back.elements, neurons) < 1e-12, "∇h_\(k) per neuron")
      #expect(deviation(columns.transposed().elements, neurons) < 1e-12, "∇h_\(k) as matrix")
      #expect(deviation(delta.elements, slopes) < 1e-12, "δ_\(k)")
    }
  }

  @Test(
    "M18 any single weight by name is δ_{k,i} h_{k−1,j}, the matrix entry; ∂L/∂b_k = δ_k",
    arguments: NoteSubject.Kind.allCases)
  func singleWeights(_ kind: NoteSubject.Kind) throws {
    let subject = try NoteSubject.of(kind)
    let graph = try Self.sweep(subject, rows: 1)
    for row in 0..<NoteSubject.rows {
      let rows = row..<(row + 1)
      let found = try evaluate(
        graph, try subject.inputs(rows: rows), indices: subject.indices(rows: rows))
      /// ∂L/∂W_{k,i,j} for one example, from two numbers.
      func entry(_ k: Int, _ i: Int, _ j: Int) throws -> Double {
        try #require(found["a\(k)"])[0, i] * (try #require(found["value h\(k - 1)"]))[0, j]
      }
      for k in 1...subject.depth {
        let matrix = try #require(found["W\(k)"])
        let (delta, h) = (try #require(found["a\(k)"]), try #require(found["value h\(k - 1)"]))
        #expect(matrix.shape == [subject.widths[k - 1], subject.widths[k]])
        var wrong = 0
        for i in 0..<matrix.shape[1] {
          for j in 0..<matrix.shape[0] where matrix[j, i] != delta[0, i] * h[0, j] { wrong += 1 }
        }
        #expect(wrong == 0, "\(wrong) entries of ∇W_\(k)")
        #expect(found["b\(k)"]?.elements == delta.elements, "∇b_\(k)")
        #expect(try entry(k, 2, 3) == matrix[3, 2])
      }
    }
  }

  /// Central differences of the readable loop, which shares no code with the sweep.
  @Test("M18 every weight and bias of the digits model beside its measured slope")
  func measured() throws {
    let subject = try NoteSubject.of(.digits)
    let found = try evaluate(
      try Self.sweep(subject, rows: 1), try subject.inputs(rows: 0..<1),
      indices: subject.indices(rows: 0..<1))
    var loop = try LayerwiseLoop(subject.model)
    let x = subject.features(ofRow: 0)
    for k in 0..<subject.depth {
      let w = loop.weights[k]
      var measured = w
      for i in w.indices {
        for j in w[i].indices {
          measured[i][j] =
            slope { step in
              loop.weights[k][i][j] = w[i][j] + step
              return [loop.loss(x, label: subject.labels[0])]
            }[0]
          loop.weights[k][i][j] = w[i][j]
        }
      }
      let b = loop.biases[k]
      let biases = b.indices.map { i in
        let result = slope { step in
          loop.biases[k][i] = b[i] + step
          return [loop.loss(x, label: subject.labels[0])]
        }[0]
        loop.biases[k][i] = b[i]
        return result
      }
      let (weight, bias) = (try #require(found["W\(k + 1)"]), try #require(found["b\(k + 1)"]))
      #expect(deviation(weight.elements, memoryOrder(measured)) < 1e-7, "∇W_\(k + 1)")
      #expect(deviation(bias.elements, biases) < 1e-7, "∇b_\(k + 1)")
    }
  }
}
