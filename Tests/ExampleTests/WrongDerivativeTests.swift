import Testing

@Suite struct WrongDerivativeExample {
  @Test("M14 WrongDerivative: the check passes the right operation and catches the wrong one")
  func caught() throws {
    let outcome = try Program(name: "WrongDerivative").run()
    #expect(outcome.lines(beginning: "snake: the derivative agrees to").count == 1)
    #expect(outcome.lines(beginning: "snake with a slip: WRONG: operand 0").count == 1)
    let wrong = outcome.lines(beginning: "operand 0: derivative DISAGREES by")
    #expect(wrong.count == 1)
    // The number by backpropagation and the measured one stand beside each other.
    let numbers = allNumbers(in: wrong.first ?? "").suffix(2)
    #expect(numbers.count == 2 && numbers.first != numbers.last, "\(wrong)")
    #expect(
      outcome.lines.last == "the right one passed: true; the wrong one was caught: true")
  }
}
