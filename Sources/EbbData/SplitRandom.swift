internal import EbbEngine

/// Random numbers as a function of seed, purpose, stream and position: nothing to keep between
/// draws, the same on every machine. The generator is Philox 4×32-10.
package enum SplitRandom {
  /// What numbers are drawn for; different purposes never share numbers.
  package enum Purpose: UInt32 {
    case split = 0xEBB0_0001
    case epoch = 0xEBB0_0002
  }

  /// Puts elements into a random order (Fisher and Yates, in Durstenfeld's form).
  ///
  /// Positions are drawn as the high half of a 64-bit number times the range, which prefers no
  /// position by more than n / 2^64.
  package static func shuffle<Element>(
    _ elements: inout [Element], seed: UInt64, purpose: Purpose, stream: UInt64
  ) {
    // Two words a step; a few thousand at a time.
    var words = [UInt32](repeating: 0, count: min(2048, (elements.count + 1) / 2 * 4))
    for step in 0..<max(0, elements.count - 1) {
      let place = 2 * step % words.count
      if place == 0 {
        KernelSet.best.fill(
          &words, seed: seed, stream: purpose.rawValue, step: stream,
          firstBlock: UInt32(truncatingIfNeeded: step / 2))
      }
      let bits = UInt64(words[place]) | UInt64(words[place + 1]) << 32
      let last = elements.count - 1 - step
      let chosen = Int(bits.multipliedFullWidth(by: UInt64(last + 1)).high)
      elements.swapAt(chosen, last)
    }
  }
}
