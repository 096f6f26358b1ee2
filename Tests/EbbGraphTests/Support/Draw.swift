import EbbGraph

/// Random test data: the same at every run, a function of the seed and of how much was drawn.
struct Draw {
  private let seed: UInt64
  private var count: UInt32 = 0

  init(seed: UInt64) { self.seed = seed }

  /// A number of [0, 1) with 53 random bits.
  mutating func unit() -> Double {
    let words = Philox.words(seed: seed, stream: 0, step: 0, block: count)
    count += 1
    return Double((UInt64(words[0]) << 32 | UInt64(words[1])) >> 11) * 0x1p-53
  }

  mutating func number(in range: ClosedRange<Double> = -1...1) -> Double {
    range.lowerBound + unit() * (range.upperBound - range.lowerBound)
  }

  mutating func integer(in range: ClosedRange<Int>) -> Int {
    range.lowerBound + Int(unit() * Double(range.count))
  }

  mutating func array(_ shape: Shape, in range: ClosedRange<Double> = -1...1) -> NDArray<Double> {
    NDArray((0..<shape.count).map { _ in number(in: range) }, shape: shape)
  }

  /// Whole numbers, on which sums and products are exact.
  mutating func integers(_ shape: Shape, in range: ClosedRange<Int> = -4...4) -> NDArray<Double> {
    NDArray((0..<shape.count).map { _ in Double(integer(in: range)) }, shape: shape)
  }

  mutating func mask(_ shape: Shape) -> NDArray<Double> { integers(shape, in: 0...1) }
}
