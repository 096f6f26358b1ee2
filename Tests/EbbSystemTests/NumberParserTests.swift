import EbbSystem
import Testing

@Suite("NumberParser")
struct NumberParserTests {
  @Test(
    "accepts what the grammar allows",
    arguments: [
      ("0", 0.0), ("5", 5), ("+5", 5), ("-5", -5), (".5", 0.5), ("5.", 5), ("-.5e1", -5),
      ("1e3", 1000), ("1E-3", 0.001), ("1e+3", 1000), ("00012", 12), ("0.1", 0.1),
      ("123456789012345678901234567890", 123456789012345677877719597056),
      ("1e-400", 0), ("0e999999999999999999999", 0), ("4.9e-324", .leastNonzeroMagnitude),
      ("1.7976931348623157e308", Double.greatestFiniteMagnitude), ("1e23", 1e23),
      ("9007199254740993", 9007199254740992), ("8.5e22", 8.5e22),
      ("0.000000000000000000000000000001", 1e-30),
    ])
  func accepted(text: String, value: Double) {
    #expect(NumberParser.double(text) == .value(value))
  }

  @Test(
    "refuses what is no plain decimal number",
    arguments: [
      "", " 5", "5 ", "nan", "inf", "-inf", "0x1p3", "1e", "e5", ".", "+", "-", "1e+", "1,5",
      "1_000",
      "--5", "5-", "1.2.3", "1e5.0", "٣", "5\u{0}", "1e 5", "+-5",
    ])
  func refused(text: String) {
    #expect(NumberParser.double(text) == .notANumber)
    #expect(NumberParser.float(text) == .notANumber)
    #expect(NumberParser.integer(text) == .notANumber)
  }

  @Test("refuses what is too large")
  func outOfRange() {
    #expect(NumberParser.double("1e400") == .outOfRange)
    #expect(NumberParser.double("-1e309") == .outOfRange)
    #expect(NumberParser.double("1e99999999999999999999999") == .outOfRange)
    #expect(NumberParser.float("1e39") == .outOfRange)
    #expect(NumberParser.float("3.5e38") == .outOfRange)
    #expect(NumberParser.integer("9223372036854775808") == .outOfRange)
    #expect(NumberParser.integer("-9223372036854775809") == .outOfRange)
    #expect(NumberParser.integer("99999999999999999999999999") == .outOfRange)
  }

  @Test("whole numbers are exact to the last")
  func integers() {
    #expect(NumberParser.integer("9223372036854775807") == .value(.max))
    #expect(NumberParser.integer("-9223372036854775808") == .value(.min))
    #expect(NumberParser.integer("+0007") == .value(7))
    #expect(NumberParser.integer("1.0") == .notANumber)
    #expect(NumberParser.integer("1e3") == .notANumber)
  }

  @Test("minus zero keeps its sign")
  func minusZero() {
    guard case .value(let value) = NumberParser.double("-0.0") else {
      Issue.record("-0.0 is a number")
      return
    }
    #expect(value.sign == .minus && value == 0)
  }

  /// The standard library's parser is exact, so it is the judge. Half of the cases sit on or next
  /// to a tie between two neighbouring values, where a parser that rounds twice goes wrong.
  @Test("is the nearest value, always")
  func nearest() {
    var random = SystemRandomNumberGenerator.seeded(1)
    for round in 0..<200_000 {
      let text: String
      switch round % 4 {
      case 0:
        text = "\(random.next() % 10_000_000_000_000_000_000)e\(Int(random.next() % 60) - 30)"
      case 1:
        let digits = "\(random.next() >> (random.next() % 64))"
        text = "0." + String(repeating: "0", count: Int(random.next() % 12)) + digits
      case 2:
        // Between two neighbours: the whole number half way, and one beside it.
        let half = (random.next() >> 10 | 1 << 53) | 1
        text = "\(half &+ random.next() % 3 &- 1)e\(random.next() % 3)"
      default:
        let half = UInt64(random.next() >> 39 | 1 << 24) | 1
        text = "\(half).\(random.next() % 2 == 0 ? "0" : "5")e-\(random.next() % 3)"
      }
      if let double = Double(text) {
        #expect(NumberParser.double(text) == (double.isFinite ? .value(double) : .outOfRange))
      }
      if let float = Float(text) {
        #expect(NumberParser.float(text) == (float.isFinite ? .value(float) : .outOfRange))
      }
    }
  }

  @Test("every shortest text reads back as the same value")
  func roundTrip() {
    var random = SystemRandomNumberGenerator.seeded(2)
    for _ in 0..<100_000 {
      let double = Double(bitPattern: random.next())
      if double.isFinite {
        #expect(NumberParser.double(NumberFormat.shortest(double)) == .value(double))
      }
      let float = Float(bitPattern: UInt32(truncatingIfNeeded: random.next()))
      if float.isFinite {
        #expect(NumberParser.float(NumberFormat.shortest(float)) == .value(float))
      }
    }
  }
}

/// SplitMix64, for tests that draw many cases and must be the same each time.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

extension SystemRandomNumberGenerator {
  static func seeded(_ seed: UInt64) -> SeededGenerator { SeededGenerator(state: seed) }
}
