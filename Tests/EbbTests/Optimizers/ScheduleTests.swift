import Ebb
import Foundation
import Testing

@Suite struct ScheduleTests {
  @Test func factors() throws {
    func factors(_ text: String, _ count: Int) throws -> [Double] {
      let schedule = try Schedule(spelling: text)
      return (1...count).map { schedule.factor(epoch: $0, of: count) }
    }
    #expect(try factors("constant", 3) == [1, 1, 1])
    #expect(try factors("step:2:0.5", 5) == [1, 1, 0.5, 0.5, 0.25])
    #expect(try factors("exponential:0.5", 3) == [1, 0.5, 0.25])
    #expect(try factors("linear:0.5", 4) == [1, 0.875, 0.75, 0.625])
    #expect(try factors("warm-up:3:step:1:0.5", 6) == [0.25, 0.5, 0.75, 1, 0.5, 0.25])
    let cosine = try factors("cosine:0.1", 50)
    for (index, factor) in cosine.enumerated() {
      let expected = 0.1 + 0.9 * (1 + cos(Double.pi * Double(index) / 50)) / 2
      #expect(abs(factor - expected) < 1e-15)
    }
    #expect(Schedule.cosine().factor(epoch: 11, of: 10) == 0)
    #expect(Schedule.cosine().factor(epoch: 1, of: 10) == 1)
  }

  @Test func spellings() throws {
    let all: [Schedule] = [
      .constant, .step(every: 10, factor: 0.5), .exponential(factor: 0.95), .cosine(),
      .cosine(to: 0.01), .linear(), .linear(to: 0.1), .warmUp(length: 5, then: .cosine(to: 0.1)),
    ]
    for schedule in all { #expect(try Schedule(spelling: schedule.spelling) == schedule) }
    let wrong = [
      ("cos", "known are constant"), ("step:10", "step:EVERY:FACTOR"), ("step:0:0.5", "at least 1"),
      ("step:1.5:0.5", "whole"), ("exponential", "exponential:0.95"),
      ("exponential:-1", "0 or more"),
      ("cosine:x", "not a number"), ("warm-up:5", "warm-up:5:cosine"),
      ("warm-up:5:warm-up:5:cosine", "twice"),
      ("step:1e30:0.5", "whole"), ("constant:1", "constant"), ("warm-up:x:cosine", "not a number"),
    ]
    for (text, part) in wrong {
      #expect("\(text)") { try Schedule(spelling: text) } throws: { "\($0)".contains(part) }
    }
  }

  @Test("no epoch is too large or too small") func extremes() {
    let schedules: [Schedule] = [
      .constant, .step(every: .max, factor: 0.5), .step(every: .min, factor: 0.5),
      .exponential(factor: 0.5), .cosine(), .linear(to: 0.1),
      .warmUp(length: .max, then: .cosine()),
      .warmUp(length: .min, then: .linear()),
      .warmUp(length: 3, then: .step(every: 1, factor: 0.9)),
    ]
    for schedule in schedules {
      for epoch in [Int.min, -1, 0, 1, 1 << 62, .max - 1, .max] {
        for epochs in [Int.min, -1, 0, 1, 1 << 62, .max] {
          #expect((0...1).contains(schedule.factor(epoch: epoch, of: epochs)))
        }
      }
    }
  }
}
