/// Philox 4×32-10, a counter-based random generator (Salmon et al., 2011, "Parallel random numbers:
/// as easy as 1, 2, 3").
///
/// The numbers are a function of key and counter: there is no state to save, and nothing depends on
/// the order in which they are asked for.
public enum Philox {
  /// Four random words.
  public static func words(
    counter: SIMD4<UInt32>, key: SIMD2<UInt32>
  ) -> SIMD4<UInt32> {
    // In scalars: taking lanes out of vectors and putting them back costs more than the rounds.
    var (c0, c1, c2, c3) = (counter[0], counter[1], counter[2], counter[3])
    var (k0, k1) = (key[0], key[1])
    for round in 0..<10 {
      if round > 0 {
        k0 &+= 0x9E37_79B9
        k1 &+= 0xBB67_AE85
      }
      let first = UInt64(c0) &* 0xD251_1F53
      let second = UInt64(c2) &* 0xCD9E_8D57
      c0 = UInt32(truncatingIfNeeded: second >> 32) ^ c1 ^ k0
      c1 = UInt32(truncatingIfNeeded: second)
      c2 = UInt32(truncatingIfNeeded: first >> 32) ^ c3 ^ k1
      c3 = UInt32(truncatingIfNeeded: first)
    }
    return SIMD4(c0, c1, c2, c3)
  }

  /// The four words of one block of a stream: elements 4 · block to 4 · block + 3.
  public static func words(
    seed: UInt64, stream: UInt32, step: UInt64, block: UInt32
  ) -> SIMD4<UInt32> {
    words(
      counter: SIMD4(
        block, stream, UInt32(truncatingIfNeeded: step), UInt32(truncatingIfNeeded: step >> 32)),
      key: SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)))
  }
}

extension Distribution {
  /// The numbers of a stream at a step, by the numeric contract.
  func numbers<S: Real>(
    count: Int, seed: UInt64, stream: UInt32, step: UInt64, _ m: ElementaryFunctions<S>
  ) -> [S] {
    var result: [S] = []
    result.reserveCapacity(count + 3)
    for block in 0..<UInt32((count + 3) / 4) {
      let words = Philox.words(seed: seed, stream: stream, step: step, block: block)
      func unit(_ lane: Int) -> S { S(words[lane] >> 8) * S(0x1p-24) }
      switch self {
      case .uniform:
        for lane in 0..<4 { result.append(unit(lane)) }
      case .normal:
        for lane in [0, 2] {
          let radius = (-2 * m.log(S((words[lane] >> 8) + 1) * S(0x1p-24))).squareRoot()
          let angle = unit(lane + 1) * S(6.2831855 as Float)
          result.append(radius * m.cos(angle))
          result.append(radius * m.sin(angle))
        }
      }
    }
    result.removeLast(result.count - count)
    return result
  }
}
