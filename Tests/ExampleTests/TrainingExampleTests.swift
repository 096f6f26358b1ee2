import Foundation
import Testing

@Suite struct TrainingExamples {
  @Test("M30 XOR: a network learns the four rows, a linear model does not")
  func xor() throws {
    let outcome = try Program(name: "XOR").run()
    let rows = outcome.lines.filter { $0.contains(" xor ") }.map { allNumbers(in: $0) }
    try #require(rows.count == 8, "four rows for each of two models")
    for row in rows {
      try #require(row.count == 4, "expected two inputs, answer and probability, got \(row)")
      #expect(row[2] == (row[0] != row[1] ? 1 : 0))
    }
    for row in rows[..<4] { #expect(abs(row[3] - 0.5) < 0.05, "linear: \(row)") }
    for row in rows[4...] { #expect(abs(row[3] - row[2]) < 0.05, "network: \(row)") }
    let losses = outcome.lines(beginning: "loss").flatMap { allNumbers(in: $0) }
    try #require(losses.count == 2)
    #expect(abs(losses[0] - 0.6931) < 0.001 && losses[1] < 0.05, "\(losses)")
  }

  @Test("M30 TwoMoons: the network's boundary bends, the linear model's is straight")
  func twoMoons() throws {
    let outcome = try Program(name: "TwoMoons").run()
    let linear = try outcome.numbers(inLineBeginning: "linear model")
    let network = try outcome.numbers(inLineBeginning: "network")
    try #require(linear.count == 2 && network.count == 2)
    #expect((0.8...0.95).contains(linear[1]), "\(linear)")
    #expect(network[1] > 0.97, "\(network)")

    let drawn = outcome.lines.filter { $0.count == 40 && $0.allSatisfy { ".#ox".contains($0) } }
    try #require(drawn.count == 40, "two drawings of 20 rows")
    // Along a row a straight line is crossed once at most, a bent one more often somewhere.
    func crossings(_ rows: ArraySlice<Substring>) -> [Int] {
      rows.map { row in
        let areas = row.filter { ".#".contains($0) }
        return zip(areas, areas.dropFirst()).count { $0 != $1 }
      }
    }
    #expect((crossings(drawn[..<20]).max() ?? 0) == 1)
    #expect((crossings(drawn[20...]).max() ?? 0) >= 2)
  }

  @Test("TwoMoons writes the boundary as a picture when asked")
  func picture() throws {
    let outcome = try Program(name: "TwoMoons").run("pgm")
    #expect(outcome.lines.first == "P2")
    #expect(outcome.lines.allSatisfy { $0.utf8.count <= 70 }, "PGM asks for lines of at most 70")
    let values = outcome.lines.dropFirst().flatMap { allNumbers(in: $0) }
    try #require(values.count == 3 + 320 * 200)
    #expect(values[..<3] == [320, 200, 255])
    let greys = values[3...]
    #expect(greys.allSatisfy { (0...255).contains($0) && $0 == $0.rounded() })
    #expect(greys.contains(0) && greys.contains(255))
  }

  @Test("Digits: trains, saves, loads and predicts, the same each time")
  func digits() throws {
    let directory = try Directory()
    let outcome = try Program(name: "Digits").run(digitsFile, "a.ebb", in: directory)
    let epochs = outcome.lines(beginning: "epoch ").map { allNumbers(in: $0) }
    try #require(epochs.map(\.first) == (1...20).map(Double.init))
    try #require(epochs.allSatisfy { $0.count == 3 })
    #expect(epochs[0][2] < epochs[19][2] && epochs[19][2] > 0.93, "\(epochs)")
    let test = try outcome.numbers(inLineBeginning: "test")
    #expect(test.count == 2 && test[1] > 0.93 && test[1] <= 1, "\(test)")

    let rows = try String(contentsOfFile: digitsFile, encoding: .utf8)
      .split(separator: "\n")[1...10]
    let truth = rows.compactMap { $0.split(separator: ",").last.flatMap { Double($0) } }
    let read = try outcome.numbers(inLineBeginning: "loaded")
    try #require(read.count == 10 && truth.count == 10)
    #expect(zip(read, truth).count { $0 == $1 } >= 8, "\(read), expected \(truth)")

    let again = try Program(name: "Digits").run(digitsFile, "b.ebb", in: directory)
    #expect(again.output == outcome.output)
    #expect(try directory.bytes(of: "a.ebb") == directory.bytes(of: "b.ebb"))
    #expect(directory.files == ["a.ebb", "b.ebb"])
  }

  @Test("M14 OwnOperation: checked, trained with threads, saved and loaded; a slip is caught")
  func customOperation() throws {
    let directory = try Directory()
    let outcome = try Program(name: "OwnOperation").run("curve.ebb", in: directory)
    for name in ["snake", "rootSigmoid"] {
      let error = try outcome.numbers(inLineBeginning: "\(name): derivative right")
      #expect(error.count == 1 && error.allSatisfy { $0 < 1e-10 }, "\(name): \(error)")
    }
    let error = try outcome.numbers(inLineBeginning: "wrongSnake: derivative WRONG")
    #expect(error.count == 1 && error.allSatisfy { $0 > 0.1 }, "\(error)")

    let before = try outcome.numbers(inLineBeginning: "mean squared error before")
    let after = try outcome.numbers(inLineBeginning: "mean squared error after")
    try #require(before.count == 1 && after.count == 2, "\(before) \(after)")
    #expect(before[0] > 1 && after[1] < 0.01, "\(before[0]), then \(after[1])")
    #expect(outcome.lines(beginning: "the same weights with one thread: true").count == 1)
    #expect(
      outcome.lines(beginning: "the same predictions after saving and loading: true").count == 1)
    #expect(directory.files == ["curve.ebb"])
  }

  @Test("Serving: one model answers 64 tasks as it answers one")
  func serving() throws {
    let data = URL(fileURLWithPath: digitsFile).deletingLastPathComponent()
      .appendingPathComponent("iris.csv").path
    let outcome = try Program(name: "Serving").run(data)
    #expect(outcome.output.contains("one flower: setosa, probabilities [0.9"), "\(outcome.output)")
    #expect(
      outcome.output.contains("64 tasks asked for 9600 rows: 9600 answers are the single ones"))
  }
}
