import CKernels
import Testing

@Suite("Random numbers")
struct RandomTests {
  private func philox(_ counter: [UInt32], _ key: [UInt32]) -> [UInt32] {
    var words = [UInt32](repeating: 0, count: 4)
    ebb_philox(counter, key, &words)
    return words
  }

  @Test("come from Philox 4x32-10: the published vectors of Random123")
  func knownAnswers() {
    #expect(
      philox([0, 0, 0, 0], [0, 0])
        == [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8])
    #expect(
      philox([.max, .max, .max, .max], [.max, .max])
        == [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd])
    #expect(
      philox([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0])
        == [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1])
  }

  private let seed: UInt64 = 0x0123_4567_89ab_cdef
  private let stream: UInt32 = 77
  private let step: UInt64 = 0xfedc_ba98_7654_3210

  private func words(of element: Int) -> [UInt32] {
    philox(
      [UInt32(element / 4), stream, UInt32(truncatingIfNeeded: step), UInt32(step >> 32)],
      [UInt32(truncatingIfNeeded: seed), UInt32(seed >> 32)])
  }

  private func unit(_ word: UInt32) -> Float { Float(word >> 8) * 0x1p-24 }

  @Test("follow their formulas element by element, in any cut", arguments: instructionSets)
  func formulas(set: String) {
    let count = 1003
    let (uniform, normal) = (Floats(count: count, offset: 1), Floats(count: count, offset: 3))
    for (begin, end) in [(0, 1), (1, 63), (63, 64), (64, 64), (64, 700), (700, 1003)]
      as [(Int64, Int64)]
    {
      kernels(set).uniform(seed, stream, step, uniform.data, begin, end)
      kernels(set).normal(seed, stream, step, normal.data, begin, end)
    }
    let expectedUniform = (0..<count).map { unit(words(of: $0)[$0 % 4]) }
    let expectedNormal = (0..<count).map { element in
      let words = words(of: element)
      let pair = element % 4 / 2 * 2
      let u = (Float(words[pair] >> 8) + 1) * 0x1p-24
      let radius = (-2 * ebb_scalar(EBB_LOG, u, 0, 0)).squareRoot()
      let angle = unit(words[pair + 1]) * 6.2831855
      return radius * ebb_scalar(element % 2 == 0 ? EBB_COS : EBB_SIN, angle, 0, 0)
    }
    #expect(difference(uniform.values, expectedUniform) == nil)
    #expect(difference(normal.values, expectedNormal) == nil)
    #expect(uniform.isIntact && normal.isIntact)
    for blocks in [0, 1, 15, 16, 17, 250] {
      var found = [UInt32](repeating: 7, count: 4 * blocks + 1)
      kernels(set).random_words(seed, stream, step, 3, &found, Int64(blocks))
      #expect(found.dropLast() == (0..<blocks).flatMap { words(of: 4 * (3 + $0)) }[...])
      #expect(found.last == 7)
    }
  }

  @Test("have the moments of their distributions")
  func moments() {
    let count = 1 << 18
    let (uniform, normal) = (Floats(count: count), Floats(count: count))
    let kernels = ebb_kernels_best().pointee
    kernels.uniform(1, 2, 3, uniform.data, 0, Int64(count))
    kernels.normal(1, 2, 3, normal.data, 0, Int64(count))
    func mean(_ numbers: [Double]) -> Double { numbers.reduce(0, +) / Double(count) }
    let draws = normal.values.map { Double($0) }
    let uniformMean = mean(uniform.values.map { Double($0) })
    let normalMean = mean(draws)
    let normalSquare = mean(draws.map { $0 * $0 })
    // n = 2^18, so 1 / sqrt(n) = 1 / 512; each estimate may be four standard errors off.
    let fourErrors: Double = 4.0 / 512
    #expect(abs(uniformMean - 0.5) < 0.2887 * fourErrors)
    #expect(abs(normalMean) < fourErrors)
    #expect(abs(normalSquare - 1) < 1.4143 * fourErrors)
    #expect(uniform.values.allSatisfy { (0..<1).contains($0) })
    #expect(normal.values.allSatisfy { $0.isFinite })
  }
}
