#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif
internal import CKernels
internal import Synchronization

/// Threads that claim chunks of the stage at hand.
///
/// Chunks are fixed by sizes; each thread, the calling one included, claims its own share's first, then
/// what is left of the others'. No bit depends on who ran what, so the pool may change its mind about
/// threads at any time: when others hold the caller up (another process took their core), it goes on
/// alone for a while.
final class ThreadPool {
  /// Threads, the caller included.
  let count: Int
  private let shared: Shared
  private var threads: [pthread_t] = []
  private var alone = Backoff()

  /// More threads than this are never started.
  static let most = 256

  /// How long a waiting thread spins before it sleeps, in nanoseconds.
  static let spin: UInt64 = 50_000

  init(count: Int, workspace: Int) throws {
    self.count = min(max(1, count), Self.most)
    shared = try Shared(threads: self.count, workspace: workspace)
    for number in 1..<self.count {
      let start = Unmanaged.passRetained(Start(shared: shared, number: number))
      if let thread = startThread(start.toOpaque()) {
        threads.append(thread)
      } else {
        start.release()
      }
    }
  }

  deinit {
    shared.stop()
    for thread in threads { pthread_join(thread, nil) }
  }

  var workspace: UnsafeMutablePointer<Float> { shared.workspaces[0].start }

  /// Runs all chunks of all instructions of a stage.
  func run(_ stage: BoundStage, _ runner: ChunkRunner) {
    if !stage.isShared || threads.isEmpty || alone.isActive {
      for number in 0..<stage.count {
        let instruction = stage.first[number]
        for chunk in 0..<instruction.chunks.count {
          runner.run(instruction, chunk: chunk, workspace: workspace)
        }
      }
      return
    }
    let (waited, ownChunk) = shared.run(stage, runner)
    alone.note(waited: waited, ownChunk: ownChunk)
  }
}

/// Work that no stage waits for.
extension ThreadPool {
  /// Whether there are threads that might do something aside.
  var hasWorkers: Bool { !threads.isEmpty }

  /// Whether the caller is to go on alone for a while.
  var isAlone: Bool { alone.isActive }

  /// Lets the workers run an instruction whenever they wait for a stage.
  func beginAside(_ instruction: BoundInstruction, _ runner: ChunkRunner) {
    shared.aside.begin(instruction, runner)
  }

  /// Does what is left of it, and waits for the rest.
  func finishAside() {
    while shared.aside.runChunk(workspace) {}
    if !shared.aside.isFinished {
      alone.note(waited: Shared.wait { shared.aside.isFinished }, ownChunk: 0)
    }
  }
}

/// When to work alone: after two stalls in quick succession, or one soon after working alone; for a time
/// that grows fourfold with each, up to a hundred times what was lost. So a core that stays busy costs a
/// few hundredths in the long run, and one that is taken away now and then costs the stalls alone.
private struct Backoff {
  private var until: UInt64 = 0
  private var length: UInt64 = 0
  private var lastStall: UInt64 = 0

  /// A wait longer than this, in nanoseconds, and than four chunks of one's own, means that a thread
  /// was suspended with its chunk.
  private static let stall: UInt64 = 300_000
  /// Stalls closer than this are no accident.
  private static let succession: UInt64 = 20_000_000
  private static let shortest: UInt64 = 10_000_000
  private static let mostTimes: UInt64 = 100

  var isActive: Bool { until != 0 && now() < until }

  mutating func note(waited: UInt64, ownChunk: UInt64) {
    if waited > max(Self.stall, 4 * ownChunk) {
      let time = now()
      if time < max(lastStall, until) + Self.succession {
        length = max(Self.shortest, min(length * 4, Self.mostTimes * waited))
        until = time + length
      }
      lastStall = time
    } else if until != 0 && now() > until + length {
      // It has gone well for as long as we were alone.
      length = 0
      until = 0
    }
  }
}

/// Nanoseconds of a clock that only goes forward.
func now() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// What a new thread is handed.
private final class Start {
  let shared: Shared
  let number: Int

  init(shared: Shared, number: Int) {
    self.shared = shared
    self.number = number
  }
}

/// Starts a thread; nil if the system refuses, and then there is one worker fewer.
private func startThread(_ start: UnsafeMutableRawPointer) -> pthread_t? {
  #if canImport(Darwin)
    var thread: pthread_t?
    return pthread_create(&thread, nil, { runThread($0) }, start) == 0 ? thread : nil
  #else
    var thread = pthread_t()
    return pthread_create(&thread, nil, { runThread($0) }, start) == 0 ? thread : nil
  #endif
}

private func runThread(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let argument else { return nil }
  let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
  start.shared.serve(thread: start.number)
  return nil
}

/// What caller and workers share.
///
/// The offer (ticket, stage and runner) is written only while no worker may read it. At a stage's end
/// the caller closes the ticket, then waits until no worker is active; a worker becomes active, then
/// looks at the ticket and turns away if it is closed or of another generation. All four are
/// sequentially consistent, so one of the two sees the other. A worker leaves when there is nothing to
/// claim, with its own chunks done: so none active means all done.
private final class Shared {
  let workspaces: [Memory]
  let aside = SideWork()
  private let claims: ChunkClaims
  private let offer: Padded<Offer>
  /// Workers between arriving and leaving.
  private let active = Padded(Atomic<Int>(0))
  private let sleepers = Atomic<Int>(0)
  private let stopping = Atomic<Bool>(false)
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>

  private struct Offer: ~Copyable {
    /// The generation and whether the stage is closed.
    let ticket = Atomic<UInt64>(Shared.closed)
    var stage: BoundStage?
    var runner: ChunkRunner?
  }

  init(threads: Int, workspace: Int) throws {
    workspaces = try (0..<threads).map { _ in try Memory(count: workspace) }
    claims = ChunkClaims(shares: threads)
    offer = Padded(Offer())
    mutex = .allocate(capacity: 1)
    condition = .allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  /// Set in a ticket whose stage takes no more workers.
  private static let closed: UInt64 = 1 << 32

  private static func generation(_ ticket: UInt64) -> UInt64 { ticket & 0xFFFF_FFFF }

  /// Runs a stage with the workers. Returns how long the caller waited for them, and how long the
  /// longest of its own chunks took, in nanoseconds.
  func run(_ stage: BoundStage, _ runner: ChunkRunner) -> (waited: UInt64, ownChunk: UInt64) {
    let generation = Self.generation(offer.value.pointee.ticket.load(ordering: .relaxed) + 1)
    offer.value.pointee.stage = stage
    offer.value.pointee.runner = runner
    offer.value.pointee.ticket.store(generation, ordering: .sequentiallyConsistent)
    if sleepers.load(ordering: .sequentiallyConsistent) > 0 {
      pthread_mutex_lock(mutex)
      pthread_cond_broadcast(condition)
      pthread_mutex_unlock(mutex)
    }
    let longest = work(stage, runner, generation, thread: 0)
    offer.value.pointee.ticket.store(generation | Self.closed, ordering: .sequentiallyConsistent)
    let waited = Self.wait {
      active.value.pointee.load(ordering: .sequentiallyConsistent) == 0
    }
    return (waited, longest)
  }

  /// Claims and runs chunks until none is left, a thread's own share first; returns the longest one's
  /// nanoseconds.
  @discardableResult
  private func work(
    _ stage: BoundStage, _ runner: ChunkRunner, _ generation: UInt64, thread: Int
  ) -> UInt64 {
    let workspace = workspaces[thread].start
    var longest: UInt64 = 0
    var share = thread
    repeat {
      let count = stage.count(ofShare: share, of: claims.shares)
      while let chunk = claims.claim(ofShare: share, count: count, generation: generation) {
        let start = now()
        stage.run(chunk, ofShare: share, of: claims.shares, runner, workspace)
        longest = max(longest, now() - start)
      }
      share = share + 1 == claims.shares ? 0 : share + 1
    } while share != thread
    return longest
  }

  /// Waits for a condition; returns how long, in nanoseconds.
  static func wait(until isMet: () -> Bool) -> UInt64 {
    if isMet() { return 0 }
    let start = now()
    var turns = 0
    while !isMet() {
      turns += 1
      // A suspended worker may need this very core.
      if turns % 64 == 0 && now() - start > ThreadPool.spin { sched_yield() } else { ebb_pause() }
    }
    return now() - start
  }

  /// A worker's life.
  func serve(thread: Int) {
    var seen: UInt64 = 0
    while true {
      seen = waitForWork(after: seen, workspaces[thread].start)
      if stopping.load(ordering: .acquiring) { return }
      active.value.pointee.wrappingAdd(1, ordering: .sequentiallyConsistent)
      let ticket = offer.value.pointee.ticket.load(ordering: .sequentiallyConsistent)
      if ticket == seen, let stage = offer.value.pointee.stage,
        let runner = offer.value.pointee.runner
      {
        work(stage, runner, seen, thread: thread)
      }
      active.value.pointee.wrappingSubtract(1, ordering: .releasing)
    }
  }

  /// Spins for a while, then sleeps, until there is a stage newer than the last one seen.
  private func waitForWork(
    after seen: UInt64, _ workspace: UnsafeMutablePointer<Float>
  ) -> UInt64 {
    let start = now()
    var turns = 0
    while true {
      let generation = Self.generation(offer.value.pointee.ticket.load(ordering: .acquiring))
      if generation != seen || stopping.load(ordering: .relaxed) { return generation }
      if aside.runChunk(workspace) { continue }
      turns += 1
      if turns % 64 == 0 && now() - start > ThreadPool.spin { break }
      ebb_pause()
    }
    pthread_mutex_lock(mutex)
    sleepers.wrappingAdd(1, ordering: .sequentiallyConsistent)
    while latest() == seen && !stopping.load(ordering: .sequentiallyConsistent) {
      pthread_cond_wait(condition, mutex)
    }
    let generation = latest()
    sleepers.wrappingSubtract(1, ordering: .sequentiallyConsistent)
    pthread_mutex_unlock(mutex)
    return generation
  }

  /// The newest stage's generation.
  private func latest() -> UInt64 {
    Self.generation(offer.value.pointee.ticket.load(ordering: .sequentiallyConsistent))
  }

  func stop() {
    stopping.store(true, ordering: .sequentiallyConsistent)
    pthread_mutex_lock(mutex)
    pthread_cond_broadcast(condition)
    pthread_mutex_unlock(mutex)
  }
}
