/// Random numbers as a function of seed, purpose, stream and position: nothing to keep between
/// draws, the same on every machine.
///
/// The generator is Philox 4×32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy
/// as 1, 2, 3, 2011).
package enum SplitRandom {
  /// What numbers are drawn for; different purposes never share numbers.
  package enum Purpose: UInt32 {
    case split = 0xEBB0_0001
    case epoch = 0xEBB0_0002
  }

  /// One block of Philox 4×32-10: four words of 32 bits.
  package static func block(
    counter: (UInt32, UInt32, UInt32, UInt32), key: (UInt32, UInt32)
  ) -> (UInt32, UInt32, UInt32, UInt32) {
    var (c0, c1, c2, c3) = counter
    var (k0, k1) = key
    for _ in 0..<10 {
      let (high0, low0) = c0.multipliedFullWidth(by: 0xD251_1F53)
      let (high1, low1) = c2.multipliedFullWidth(by: 0xCD9E_8D57)
      (c0, c1, c2, c3) = (high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0)
      k0 &+= 0x9E37_79B9
      k1 &+= 0xBB67_AE85
    }
    return (c0, c1, c2, c3)
  }

  /// Puts elements into a random order (Fisher and Yates, in Durstenfeld's form).
  ///
  /// Positions are drawn as the high half of a 64-bit number times the range, which prefers no
  /// position by more than n / 2^64.
  package static func shuffle<Element>(
    _ elements: inout [Element], seed: UInt64, purpose: Purpose, stream: UInt64
  ) {
    let key = (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    var second: UInt64 = 0
    for step in 0..<max(0, elements.count - 1) {
      let bits: UInt64
      if step.isMultiple(of: 2) {
        let words = block(
          counter: (
            UInt32(truncatingIfNeeded: step >> 1), purpose.rawValue,
            UInt32(truncatingIfNeeded: stream), UInt32(truncatingIfNeeded: stream >> 32)
          ), key: key)
        bits = UInt64(words.0) | UInt64(words.1) << 32
        second = UInt64(words.2) | UInt64(words.3) << 32
      } else {
        bits = second
      }
      let last = elements.count - 1 - step
      let chosen = Int(bits.multipliedFullWidth(by: UInt64(last + 1)).high)
      elements.swapAt(chosen, last)
    }
  }
}
