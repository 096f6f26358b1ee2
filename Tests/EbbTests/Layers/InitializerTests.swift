import Ebb
import EbbGraph
import Foundation
import Testing

@Suite struct InitializerTests {
  static let count = 1_000_000

  static let distributions: [(Initializer, isUniform: Bool, scale: Double, mean: Double)] = [
    (.glorotUniform, true, 0.02.squareRoot(), 0),
    (.glorotNormal, false, (2.0 / 300).squareRoot(), 0),
    (.heUniform, true, 0.03.squareRoot(), 0),
    (.heNormal, false, 0.1, 0),
    (.leCunUniform, true, 0.015.squareRoot(), 0),
    (.leCunNormal, false, 0.005.squareRoot(), 0),
    (.uniform(low: -1, high: 3), true, 2, 1),
    (.normal(mean: -2, standardDeviation: 0.5), false, 0.5, -2),
  ]

  /// M28: mean, variance, third and fourth moment within 6 standard errors, range, over 10⁶ draws.
  @Test(arguments: distributions)
  func moments(_ initializer: Initializer, isUniform: Bool, scale: Double, mean: Double) {
    let values = initializer.values(count: Self.count, fanIn: 200, fanOut: 100, seed: 3, stream: 5)
    let n = Double(Self.count)
    let z = values.map { (Double($0) - mean) / scale }
    func moment(_ power: Double) -> Double { z.reduce(0) { $0 + pow($1, power) } / n }
    // Moments of the uniform distribution on ±1 and of the standard normal distribution.
    let uniform: [Double] = [3, 5, 7, 9].map { 1 / $0 }
    let even: [Double] = isUniform ? uniform : [1, 3, 15, 105]
    func error(_ variance: Double) -> Double { 6 * (variance / n).squareRoot() }
    #expect(abs(moment(1)) < error(even[0]))
    #expect(abs(moment(2) - even[0]) < error(even[1] - even[0] * even[0]))
    #expect(abs(moment(3)) < error(even[2]))
    #expect(abs(moment(4) - even[1]) < error(even[3] - even[1] * even[1]))
    let (low, high) = (z.min()!, z.max()!)
    if isUniform {
      #expect(low >= -1.000001 && low < -0.99999 && high <= 1.000001 && high > 0.99999)
    } else {
      #expect(low > -6.4 && low < -4.2 && high < 6.4 && high > 4.2)
    }
    // Neighbours do not go together.
    let together = zip(z, z.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 } / n
    #expect(abs(together) < error(even[0] * even[0]))
  }

  @Test func isAFunctionOfSeedStreamAndPosition() {
    func draw(_ count: Int, _ seed: UInt64, _ stream: UInt32) -> [Float] {
      Initializer.heNormal.values(count: count, fanIn: 8, fanOut: 1, seed: seed, stream: stream)
    }
    #expect(draw(10, 1, 0) == Array(draw(1000, 1, 0).prefix(10)))
    #expect(draw(10, 1, 0) != draw(10, 2, 0))
    #expect(draw(10, 1, 0) != draw(10, 1, 1))
    #expect(draw(0, 1, 0).isEmpty)
  }

  /// The bits are the same on every machine.
  @Test func bitsAreFixed() {
    func hash(_ initializer: Initializer) -> UInt64 {
      initializer.values(count: 10_000, fanIn: 30, fanOut: 20, seed: 7, stream: 2)
        .reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1.bitPattern)) &* 0x100_0000_01b3 }
    }
    #expect(hash(.glorotUniform) == 14_782_171_741_953_848_266)
    #expect(hash(.heNormal) == 6_002_196_820_608_461_282)
  }

  @Test func fixedValues() {
    #expect(Initializer.zeros.values(count: 2, fanIn: 1, fanOut: 1, seed: 1, stream: 0) == [0, 0])
    #expect(
      Initializer.constant(0.1).values(count: 1, fanIn: 1, fanOut: 1, seed: 1, stream: 0) == [0.1])
  }

  @Test func spellings() throws {
    let all: [Initializer] = [
      .glorotUniform, .glorotNormal, .heUniform, .heNormal, .leCunUniform, .leCunNormal, .zeros,
      .constant(0.1), .uniform(low: -0.1, high: 1e-7), .normal(mean: 0, standardDeviation: 0.02),
    ]
    for initializer in all {
      #expect(try Initializer(spelling: initializer.spelling) == initializer)
    }
    for wrong in ["he", "uniform:1:0", "uniform:1", "normal:0:-1", "constant:x", "zeros:1", ""] {
      #expect(throws: SettingsError.self, "\(wrong)") { try Initializer(spelling: wrong) }
    }
  }
}
