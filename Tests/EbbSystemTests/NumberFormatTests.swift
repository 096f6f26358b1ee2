import EbbSystem
import Foundation
import Testing

@Suite("NumberFormat")
struct NumberFormatTests {
  @Test("shortest")
  func shortest() {
    #expect(NumberFormat.shortest(1.0) == "1.0")
    #expect(NumberFormat.shortest(0.1) == "0.1")
    #expect(NumberFormat.shortest(Float(0.1)) == "0.1")
    #expect(NumberFormat.shortest(-0.0) == "-0.0")
  }

  @Test(
    "fixed decimals round from the exact value",
    arguments: [
      (0.5, 0, "0"), (1.5, 0, "2"), (2.5, 0, "2"), (0.125, 2, "0.12"), (0.375, 2, "0.38"),
      (1.005, 2, "1.00"), (0.05, 1, "0.1"), (0.04, 1, "0.0"), (-0.04, 1, "0.0"),
      (999.9996, 3, "1000.000"), (123, 2, "123.00"), (1e21, 1, "1000000000000000000000.0"),
      (0, 3, "0.000"), (-1.25, 1, "-1.2"), (.infinity, 2, "inf"), (.nan, 2, "nan"),
      (9.995, 2, "9.99"), (0.000_01, 3, "0.000"),
    ])
  func fixed(value: Double, decimals: Int, text: String) {
    #expect(NumberFormat.fixed(value, decimals: decimals) == text)
  }

  @Test("fixed decimals equal the C library's")
  func fixedAgainstC() {
    var random = SystemRandomNumberGenerator.seeded(3)
    for _ in 0..<20_000 {
      let value =
        Double.random(in: -1...1, using: &random) * [1e-6, 1, 1e3, 1e15][Int(random.next() % 4)]
      let decimals = Int(random.next() % 9)
      let text = String(format: "%.\(decimals)f", value)
      let isZero = !text.contains { $0 != "0" && $0 != "." && $0 != "-" }
      let expected = isZero && text.hasPrefix("-") ? String(text.dropFirst()) : text
      #expect(NumberFormat.fixed(value, decimals: decimals) == expected)
    }
  }

  @Test(
    "significant digits",
    arguments: [
      (0.0012345, 3, "0.00123"), (12.345, 3, "12.3"), (999.96, 4, "1000"), (1234.5, 2, "1200"),
      (1.234e-7, 3, "1.23e-07"), (1.2345e9, 3, "1.23e+09"), (0, 3, "0"), (-2, 3, "-2.00"),
      (.leastNonzeroMagnitude, 2, "4.9e-324"), (1.7976931348623157e308, 3, "1.80e+308"),
      (1e-5, 1, "0.00001"),
      (4e-10, 1, "4e-10"),
    ])
  func significant(value: Double, digits: Int, text: String) {
    #expect(NumberFormat.significant(value, digits: digits) == text)
  }

  @Test("groups, durations, bytes, counts, columns")
  func others() {
    #expect(NumberFormat.grouped(1_234_567) == "1,234,567")
    #expect(NumberFormat.grouped(-999) == "-999")
    #expect(NumberFormat.grouped(.min) == "-9,223,372,036,854,775,808")
    #expect(NumberFormat.duration(seconds: 0.000_0123) == "12.3 µs")
    #expect(NumberFormat.duration(seconds: 0.9999) == "1.0 s")
    #expect(NumberFormat.duration(seconds: 59.96) == "1 min 00 s")
    #expect(NumberFormat.duration(seconds: 65) == "1 min 05 s")
    #expect(NumberFormat.duration(seconds: 3600 * 2 + 180) == "2 h 03 min")
    #expect(NumberFormat.duration(seconds: 3e-9) == "3.00 ns")
    #expect(NumberFormat.bytes(999) == "999 B")
    #expect(NumberFormat.bytes(1500) == "1.5 kB")
    #expect(NumberFormat.bytes(999_960) == "1.0 MB")
    #expect(NumberFormat.bytes(24_000_000) == "24.0 MB")
    #expect(NumberFormat.counted(1, "row") == "1 row")
    #expect(NumberFormat.counted(2000, "row") == "2,000 rows")
    #expect(NumberFormat.counted(0, "class", plural: "classes") == "0 classes")
    #expect("ab".paddedLeft(to: 4) == "  ab")
    #expect("ab".paddedRight(to: 4) == "ab  ")
    #expect("abcde".paddedLeft(to: 4) == "abcde")
  }
}
