internal import Synchronization

/// Who runs which chunk. Each thread has a share of every instruction's chunks, the same at every step,
/// and takes from the others' once its own are done.
///
/// What a thread wrote is still in its cache when the same share comes again: the columns of a weight
/// that it updated are those that it multiplies by in the next step. Where the threads' cores have no
/// cache in common, anything else costs a small network a fifth of its time.
struct ChunkClaims: ~Copyable {
  let shares: Int
  private let counters: UnsafeMutablePointer<Padded<Atomic<UInt64>>>

  init(shares: Int) {
    self.shares = shares
    counters = .allocate(capacity: shares)
    for share in 0..<shares { (counters + share).initialize(to: Padded(Atomic(0))) }
  }

  deinit {
    counters.deinitialize(count: shares)
    counters.deallocate()
  }

  /// Claims the next chunk of a share; nil if none of its `count` is left. A counter that stands at
  /// another generation begins anew, so that nobody writes to what only its owner needs.
  ///
  /// - Parameter generation: of the stage, at most 32 bits.
  func claim(ofShare share: Int, count: Int, generation: UInt64) -> Int? {
    var found = counters[share].value.pointee.load(ordering: .relaxed)
    while true {
      let next = found >> 32 == generation ? found & 0xFFFF_FFFF : 0
      if next >= count { return nil }
      let (isMine, current) = counters[share].value.pointee.weakCompareExchange(
        expected: found, desired: generation << 32 | (next + 1), ordering: .relaxed)
      if isMine { return Int(next) }
      found = current
    }
  }
}

/// A value with cache lines of its own: threads that write beside it do not slow down those who use it.
struct Padded<Value: ~Copyable>: ~Copyable {
  let value: UnsafeMutablePointer<Value>

  /// Two lines of 64 bytes, which some processors fetch together.
  private static var alignment: Int { 128 }

  init(_ value: consuming Value) {
    let size = (MemoryLayout<Value>.size + Self.alignment - 1) / Self.alignment * Self.alignment
    self.value = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: Self.alignment)
      .bindMemory(to: Value.self, capacity: 1)
    self.value.initialize(to: value)
  }

  deinit {
    value.deinitialize(count: 1)
    UnsafeMutableRawPointer(value).deallocate()
  }
}

extension BoundStage {
  /// How many chunks belong to a share.
  func count(ofShare share: Int, of shares: Int) -> Int {
    var total = 0
    for number in 0..<count { total += first[number].chunks.share(share, of: shares).count }
    return total
  }

  /// Runs a chunk of a share.
  func run(
    _ number: Int, ofShare share: Int, of shares: Int, _ runner: ChunkRunner,
    _ workspace: UnsafeMutablePointer<Float>
  ) {
    var (instruction, number) = (first, number)
    var own = instruction.pointee.chunks.share(share, of: shares)
    while number >= own.count {
      number -= own.count
      instruction += 1
      own = instruction.pointee.chunks.share(share, of: shares)
    }
    runner.run(instruction.pointee, chunk: own.lowerBound + number, workspace: workspace)
  }
}
