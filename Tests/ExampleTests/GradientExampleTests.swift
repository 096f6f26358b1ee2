import Foundation
import Testing

@Suite struct GradientExamples {
  @Test("M31 FirstGradient: the gradients of x² and x² + y², with differences beside them")
  func firstGradient() throws {
    let outcome = try Program(name: "FirstGradient").run()
    let single = outcome.lines(beginning: "x = ").map { allNumbers(in: $0) }
    try #require(single.count == 4)
    for row in single {
      try #require(row.count == 3, "expected x, gradient and difference, got \(row)")
      #expect(row[1] == 2 * row[0] && row[2] == row[1])
    }
    let double = outcome.lines(beginning: "at [").map { allNumbers(in: $0) }
    try #require(double.count == 2)
    for row in double {
      try #require(row.count == 6, "expected point, gradient and differences, got \(row)")
      #expect(row[2...3] == [2 * row[0], 2 * row[1]])
      #expect(Array(row[4...5]) == Array(row[2...3]))
    }
  }

  @Test("M31 FirstGradient stays a first example: at most 30 lines")
  func brevity() throws {
    let source = URL(fileURLWithPath: digitsFile).deletingLastPathComponent()
      .appendingPathComponent("Programs/FirstGradient/main.swift")
    let lines = try String(contentsOf: source, encoding: .utf8).split(
      separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count <= 31, "\(lines.count - 1) lines")
  }

  @Test("M2 TwoInputsThreeOutputs: the gradient by the inputs, and the loss when they are raised")
  func twoInputsThreeOutputs() throws {
    let outcome = try Program(name: "TwoInputsThreeOutputs").run()
    let parts = outcome.output.components(separatedBy: "the first weight 2:")
    try #require(parts.count == 2)
    let expected = [
      (prediction: [1.0, 1, 1], gradient: [3.0, 3]),
      (prediction: [1.5, 1, 1], gradient: [4.0, 3]),
    ]
    for (part, expected) in zip(parts, expected) {
      let part = Program.Outcome(output: part)
      #expect(try part.numbers(inLineBeginning: "prediction") == expected.prediction)
      #expect(try part.numbers(inLineBeginning: "delta") == [1, 1, 1])
      #expect(try part.numbers(inLineBeginning: "dL/dx") == expected.gradient)
      #expect(
        try part.numbers(inLineBeginning: "loss") == [expected.prediction.reduce(0, +)])
      for input in 1...2 {
        let rise = try part.numbers(inLineBeginning: "input \(input)")
        #expect(rise == [Double(input), 1, expected.gradient[input - 1]])
      }
    }
  }
}
