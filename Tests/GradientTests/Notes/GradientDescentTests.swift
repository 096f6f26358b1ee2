import Ebb
import Foundation
import TestSupport
import Testing

@Suite struct NotesGradientDescentTests {
  static let network = Network {
    Dense(24, activation: .tanh)
    Dense(16, activation: .silu)
    Dense(10)
  }

  static func trainer(learningRate: Double) throws -> Trainer {
    try Trainer(
      network, loss: .softmaxCrossEntropy, optimizer: .sgd(learningRate: learningRate),
      on: try NoteSubject.digitsData.get(), seed: 5)
  }

  static func label(_ data: Dataset, _ row: Int) throws -> Int {
    guard case .classes(let labels, _) = data.targets else {
      throw InputError(message: "digits have classes")
    }
    return Int(labels[row])
  }

  @Test(
    "M8 the update of every weight and bias is −η times the mean of the rows' gradients",
    arguments: [nil, 1, 32, NoteSubject.rows])
  func update(_ size: Int?) throws {
    let rate = 0.5
    let trainer = try Self.trainer(learningRate: rate)
    let data = try NoteSubject.digitsData.get().training
    let before = try trainer.model
    let batch = try #require(
      try data.batches(of: size ?? data.rowCount, epoch: 1, seed: 5).first)
    #expect(batch.count == size ?? data.rowCount)
    let loss = try trainer.step(batch)
    let after = try trainer.model

    let loop = try LayerwiseLoop(before)
    var losses = 0.0
    var sums: [String: [Double]] = [:]
    for row in batch.rows {
      let x = data.features(ofRow: Int(row)).map { Double($0) }
      let label = try Self.label(data, Int(row))
      losses += loop.loss(x, label: label)
      let example = loop.gradients(x, label: label)
      for (k, name) in before.network.names.enumerated() {
        add(example.weights[k].flatMap { $0 }, to: &sums["\(name).weight"])
        add(example.biases[k], to: &sums["\(name).bias"])
      }
    }
    let count = Double(batch.count)
    #expect(abs(loss - losses / count) < 1e-5)
    for parameter in before.parameters {
      let means = try #require(sums[parameter.name]).map { $0 / count }
      let new = try #require(after[parameter.name])
      let changes = zip(parameter.values.elements, new.elements).map { Double($1) - Double($0) }
      // What is measured is a difference of numbers rounded to 2^-24.
      let error = deviation(changes.map { -$0 / rate }, means)
      #expect(error < 1e-4, "\(parameter.name): off by \(error)")
    }
    // One named weight: W_{2,3,5}.
    let (w, g) = (try #require(before["hidden2.weight"]), try #require(sums["hidden2.weight"]))
    let expected = Double(w[3, 5]) - rate * g[3 * 24 + 5] / count
    #expect(abs(Double(try #require(after["hidden2.weight"])[3, 5]) - expected) < 1e-6)
  }

  private func add(_ part: [Double], to total: inout [Double]?) {
    total = total.map { zip($0, part).map { $0 + $1 } } ?? part
  }

  @Test(
    "M8 the batch's gradient is the average of the rows' gradients, every entry",
    arguments: NoteSubject.Kind.allCases)
  func batchIsAverage(_ kind: NoteSubject.Kind) throws {
    let subject = try NoteSubject.of(kind)
    func graph(rows: Int) throws -> Graph {
      let traced = try TracedSubject(subject, rows: rows)
      let slopes = gradients(of: mean(traced.rowLosses), with: traced.parameters)
      return try traced.graph(zip(traced.parameterNames, slopes).map { ($0, $1) })
    }
    let batch = try evaluate(
      try graph(rows: NoteSubject.rows), try subject.inputs(), indices: subject.indices())
    let single = try graph(rows: 1)
    let examples = try (0..<NoteSubject.rows).map { row in
      let rows = row..<(row + 1)
      return try evaluate(
        single, try subject.inputs(rows: rows), indices: subject.indices(rows: rows))
    }
    #expect(batch.count == 2 * subject.depth)
    for (name, gradient) in batch {
      let rows = try examples.map { try #require($0[name]).elements }
      #expect(deviation(gradient.elements, average(rows)) < 1e-12, "\(name)")
    }
  }

  @Test("M8 all rows, one row, 32 rows: updates and loss per epoch on one data set")
  func threeWays() throws {
    let data = try NoteSubject.digitsData.get().training
    let epochs = 3
    var losses: [String: [Double]] = [:]
    for (name, size) in [("all", nil), ("one", 1), ("32", 32)] as [(String, Int?)] {
      let trainer = try Self.trainer(learningRate: 0.02)
      let start = try trainer.evaluate(data).loss
      var reports: [EpochReport] = []
      _ = try trainer.fit(
        data, options: FitOptions(epochs: epochs, batchSize: size, patience: nil)
      ) { reports.append($0) }
      let perEpoch = size.map { (data.rowCount + $0 - 1) / $0 } ?? 1
      #expect(reports.map(\.steps) == (1...epochs).map { UInt64($0 * perEpoch) }, "\(name)")
      losses[name] = reports.map(\.trainingLoss) + [try trainer.evaluate(data).loss]
      let falling = zip([start + 1e-6] + losses[name, default: []], losses[name, default: []])
      #expect(falling.allSatisfy { $0 >= $1 }, "\(name): \(start), \(losses[name, default: []])")
    }
    // More updates from the same rows go further in as many epochs.
    let ends = ["all", "32", "one"].compactMap { losses[$0]?.last }
    #expect(ends.count == 3 && ends[0] > ends[1] && ends[1] > ends[2], "\(losses)")
  }
}
