import EbbGraph
import Testing

@Suite struct PhiloxTests {
  @Test("Philox 4×32-10 against the vectors published with Random123")
  func published() {
    let ones = UInt32.max
    #expect(
      Philox.words(counter: SIMD4(0, 0, 0, 0), key: SIMD2(0, 0))
        == SIMD4(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
    #expect(
      Philox.words(counter: SIMD4(ones, ones, ones, ones), key: SIMD2(ones, ones))
        == SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
    #expect(
      Philox.words(
        counter: SIMD4(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344),
        key: SIMD2(0xa409_3822, 0x299f_31d0))
        == SIMD4(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
  }

  @Test("an element is a function of seed, stream, step and its place, not of the shape")
  func elements() throws {
    func draw(_ distribution: Distribution, _ count: Int) throws -> [Double] {
      let graph = try trace { ["y": $0.random(distribution, shape: [count])] }
      return try numbers(Interpreter(graph).run([:], seed: 1 << 40 | 3, step: 1 << 33))[0].elements
    }
    for distribution in Distribution.allCases {
      let long = try draw(distribution, 103)
      for count in [0, 1, 2, 3, 4, 5, 99] {
        #expect(try draw(distribution, count) == Array(long[..<count]))
      }
    }
    let block = Philox.words(seed: 1 << 40 | 3, stream: 0, step: 1 << 33, block: 2)
    #expect(try draw(.uniform, 12)[9] == Double(block[1] >> 8) * 0x1p-24)
  }

  @Test("moments over 400,000 draws, within four standard errors")
  func moments() throws {
    let count = 400_000
    let graph = try trace { builder in
      ["u": builder.random(.uniform, shape: [count]), "n": builder.random(.normal, shape: [count])]
    }
    let values = try numbers(Interpreter(graph).run([:], seed: 5))
    func moment(_ x: NDArray<Double>, _ power: (Double) -> Double) -> Double {
      x.elements.reduce(0) { $0 + power($1) } / Double(count)
    }
    let root = Double(count).squareRoot()
    let (u, n) = (values[0], values[1])
    #expect(u.elements.allSatisfy { $0 >= 0 && $0 < 1 })
    #expect((moment(u) { $0 } - 0.5).magnitude < 4 * (1.0 / 12).squareRoot() / root)
    #expect((moment(u) { $0 * $0 } - 1.0 / 3).magnitude < 4 * (4.0 / 45).squareRoot() / root)
    #expect(n.elements.allSatisfy { $0.isFinite })
    #expect(moment(n) { $0 }.magnitude < 4 / root)
    #expect((moment(n) { $0 * $0 } - 1).magnitude < 4 * 2.0.squareRoot() / root)
    #expect((moment(n) { $0 * $0 * $0 * $0 } - 3).magnitude < 4 * 96.0.squareRoot() / root)
    // Neighbours are not correlated.
    let products = zip(n.elements, n.elements.dropFirst()).map { $0 * $1 }.reduce(0, +)
    #expect((products / Double(count)).magnitude < 4 / root)
  }
}
