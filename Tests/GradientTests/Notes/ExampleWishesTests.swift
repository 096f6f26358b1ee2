import Ebb
import TestSupport
import Testing

extension NoteSubject {
  /// A batch of all rows, or of some of them.
  func taking(_ rows: Range<Int> = 0..<rows) throws -> Batch {
    try Batch(try dataset(), rows: Array(rows))
  }
}

@Suite struct NotesPerExampleTests {
  @Test(
    "M24 each example wants minus its own gradient of every parameter and activation",
    arguments: NoteSubject.Kind.allCases)
  func wishes(_ kind: NoteSubject.Kind) throws {
    let subject = try NoteSubject.of(kind)
    let examples = try subject.model.perExampleGradients(on: subject.taking())
    let loop = try LayerwiseLoop(subject.model)
    // On a row that is nearly certain ŷ − y cancels, and the loop's own rounding counts 1/(1 − ŷ) fold.
    let gate = 1e-11
    #expect(examples.count == NoteSubject.rows)
    for (row, example) in examples.enumerated() {
      #expect(example.row == row)
      let alone = try subject.model.gradients(on: subject.taking(row..<(row + 1)))
      let written = loop.gradients(subject.features(ofRow: row), label: subject.labels[row])
      #expect(abs(example.loss - alone.loss) < 1e-13)
      for name in alone.parameterNames + alone.valueNames {
        let found = try #require(example[name], "\(name)")
        let expected = try #require(alone[name])
        #expect(deviation(found.elements, expected.elements) < 1e-12, "\(name) of \(row)")
        #expect(example.wish(name)?.elements == found.elements.map { -$0 }, "\(name)")
      }
      for (k, layer) in subject.network.names.enumerated() {
        let weight = try #require(example["\(layer).weight"])
        let bias = try #require(example["\(layer).bias"])
        let delta = try #require(example["\(layer).preactivation"])
        #expect(weight.shape == [subject.widths[k + 1], subject.widths[k]])
        #expect(deviation(weight.elements, written.weights[k].flatMap { $0 }) < gate)
        #expect(deviation(bias.elements, written.biases[k]) < gate)
        #expect(delta.shape == [subject.widths[k + 1]])
        #expect(deviation(delta.elements, written.a[k]) < gate)
        let below = k == 0 ? "features" : "\(subject.network.names[k - 1]).activation"
        let nudges = try #require(example.wish(below))
        #expect(deviation(nudges.elements, written.h[k].map { -$0 }) < gate, "\(below)")
      }
    }
  }

  @Test(
    "M24 training averages the parameters' wishes: the average is the batch's gradient to 1e-12",
    arguments: NoteSubject.Kind.allCases)
  func averages(_ kind: NoteSubject.Kind) throws {
    let subject = try NoteSubject.of(kind)
    let batch = try subject.taking()
    let examples = try subject.model.perExampleGradients(on: batch)
    let whole = try subject.model.gradients(on: batch)
    for name in whole.parameterNames {
      let average = try #require(examples.average(name))
      let expected = try #require(whole[name])
      #expect(average.shape == expected.shape)
      let error = deviation(average.elements, expected.elements)
      #expect(error < 1e-12, "\(name): \(error)")
      #expect(expected.elements.contains { $0 != 0 })
    }
    let losses = examples.map(\.loss).reduce(0, +) / Double(examples.count)
    #expect(abs(losses - whole.loss) < 1e-13)
  }

  /// Δ_k H_{k−1}ᵀ with the examples as columns, entry by entry.
  private static func columnProduct(
    _ examples: PerExampleGradients, delta: String, below: String
  ) throws -> [Double] {
    let columns = try examples.map {
      (try #require($0[delta]).elements, try #require($0.value(below)).elements)
    }
    let (n, m) = (columns[0].0.count, columns[0].1.count)
    var product = [Double](repeating: 0, count: n * m)
    for i in 0..<n {
      for j in 0..<m { for (d, h) in columns { product[i * m + j] += d[i] * h[j] } }
    }
    return product
  }

  @Test(
    "M1 Δ H ᵀ is the sum of the examples' outer products, 1/B of it their average; B = 7",
    arguments: NoteSubject.Kind.allCases)
  func outerProducts(_ kind: NoteSubject.Kind) throws {
    let subject = try NoteSubject.of(kind)
    let batch = try subject.taking()
    let rows = Double(NoteSubject.rows)
    let examples = try subject.model.perExampleGradients(on: batch)
    let sums = try subject.model.gradients(on: batch, reduction: .sum)
    let means = try subject.model.gradients(on: batch, reduction: .mean)
    let loop = try LayerwiseLoop(subject.model)
    let written = (0..<NoteSubject.rows).map {
      loop.gradients(subject.features(ofRow: $0), label: subject.labels[$0])
    }
    func check(_ found: NDArray<Double>?, _ expected: [Double], _ what: String) throws {
      let error = deviation(try #require(found).elements, expected)
      #expect(error < 1e-12, "\(what): \(error)")
    }
    for (k, layer) in subject.network.names.enumerated() {
      let below = k == 0 ? "features" : "\(subject.network.names[k - 1]).activation"
      let product = try Self.columnProduct(
        examples, delta: "\(layer).preactivation", below: below)
      try check(sums["\(layer).weight"], product, "\(layer), sum")
      try check(means["\(layer).weight"], product.map { $0 / rows }, "\(layer), mean")
      let biases = try examples.map { try #require($0["\(layer).preactivation"]).elements }
      try check(means["\(layer).bias"], average(biases), "\(layer), biases' mean")
      try check(
        sums["\(layer).bias"], average(biases).map { $0 * rows }, "\(layer), biases' sum")
      // The per-example loop, which shares no code with either.
      let loops = average(written.map { $0.weights[k].flatMap { $0 } })
      try check(means["\(layer).weight"], loops, "\(layer), loop")
      try check(means["\(layer).bias"], average(written.map { $0.biases[k] }), "\(layer), loop")
    }
  }

  /// What one step of plain descent with rate 1 takes off each parameter, beside what each example of
  /// its batch wants on its own.
  @Test(
    "M1 the trainer's mean and sum, for weights and biases apart, on a ragged last batch",
    arguments: NoteSubject.Kind.allCases)
  func trainer(_ kind: NoteSubject.Kind) throws {
    let subject = try NoteSubject.of(kind)
    let data = try subject.dataset()
    let batches = try data.batchesInOrder(of: 4)
    #expect(batches.map(\.count) == [4, 3])
    let reductions: [(GradientReduction, GradientReduction?)] = [
      (.mean, nil), (.sum, .sum), (.mean, .sum), (.sum, .mean), (.mean, .mean), (.sum, nil),
    ]
    for batch in batches {
      let rows = Float(batch.count)
      for (weights, biases) in reductions {
        let trainer = try Trainer(
          subject.network, loss: .softmaxCrossEntropy, optimizer: .sgd(learningRate: 1),
          inputs: subject.model.inputCount,
          options: TrainingOptions(seed: 5, reduction: weights, biasReduction: biases))
        let before = try trainer.model
        let examples = try before.perExampleGradients(on: batch)
        try trainer.step(batch)
        let after = try trainer.model
        for (old, new) in zip(before.parameters, after.parameters) {
          let reduction = old.role == .bias ? (biases ?? weights) : weights
          let mean = try #require(examples.average(old.name)).elements
          let expected = mean.map { reduction == .sum ? $0 * Double(rows) : $0 }
          let found = zip(old.values.elements, new.values.elements).map { Double($0) - Double($1) }
          let scale = old.values.elements.map { Double($0.magnitude) }.max() ?? 0
          let largest = expected.map(\.magnitude).max() ?? 0
          let error = zip(found, expected).map { ($0 - $1).magnitude }.max() ?? .infinity
          #expect(found.count == expected.count)
          #expect(error < 1e-6 * (scale + largest), "\(old.name), \(reduction): \(error)")
        }
      }
    }
  }

  @Test(
    "M1 the biases' sum is B times their mean, exactly", arguments: NoteSubject.Kind.allCases)
  func biasSums(_ kind: NoteSubject.Kind) throws {
    let subject = try NoteSubject.of(kind)
    // From biases of 0 a step of rate 1 leaves minus the gradient, to the bit.
    let network = Network(
      subject.dense.map { Dense($0.units, activation: $0.activation) })
    let batch = try subject.taking()
    func biases(_ reduction: GradientReduction) throws -> [[Float]] {
      let trainer = try Trainer(
        network, loss: .softmaxCrossEntropy, optimizer: .sgd(learningRate: 1),
        inputs: subject.model.inputCount,
        options: TrainingOptions(seed: 5, reduction: .mean, biasReduction: reduction))
      try trainer.step(batch)
      return try trainer.model.parameters.filter { $0.role == .bias }.map(\.values.elements)
    }
    let (means, sums) = (try biases(.mean), try biases(.sum))
    #expect(means.count == subject.depth && sums.count == subject.depth)
    for (mean, sum) in zip(means, sums) {
      #expect(sum == mean.map { Float(NoteSubject.rows) * $0 })
      #expect(sum.contains { $0 != 0 })
    }
  }
}
