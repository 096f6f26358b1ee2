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
/// Chunks are fixed by sizes; whoever is ready claims the next, the calling thread included. No bit
/// depends on who ran what, so the pool may change its mind about threads at any time: when others
/// hold the caller up (another process took their core), it goes on alone for a while.
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

  init(count: Int, workspace: Int) {
    self.count = min(max(1, count), Self.most)
    shared = Shared(threads: self.count, workspace: workspace)
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
    let offered = shared.publish(stage, runner)
    let longest = shared.work(workspace)
    alone.note(waited: max(offered, shared.waitForOthers()), ownChunk: longest)
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
  start.shared.serve(start.shared.workspaces[start.number].start)
  return nil
}

/// What caller and workers share.
///
/// The job (instruction and runner) is written only while no worker may read it. The caller closes
/// the ticket, then waits until no worker is active; a worker becomes active, then looks at the
/// ticket and turns away if it is closed or of another generation. All four are sequentially
/// consistent, so one of the two sees the other.
private final class Shared {
  let workspaces: [Memory]
  let aside = SideWork()
  private let job: UnsafeMutablePointer<Job>
  /// Generation in the upper half, next chunk in the lower.
  private let ticket = Atomic<UInt64>(0)
  private let finished = Atomic<Int>(0)
  /// Workers between claiming and finishing.
  private let active = Atomic<Int>(0)
  private let sleepers = Atomic<Int>(0)
  private let stopping = Atomic<Bool>(false)
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>

  private struct Job: BitwiseCopyable {
    var stage: BoundStage
    var runner: ChunkRunner
  }

  init(threads: Int, workspace: Int) {
    workspaces = (0..<threads).map { _ in Memory(count: workspace) }
    job = .allocate(capacity: 1)
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
    job.deallocate()
  }

  /// Set in a ticket whose chunks may no longer be claimed.
  private static let closed: UInt64 = 0x8000_0000

  private static func generation(_ ticket: UInt64) -> UInt64 { ticket >> 32 }

  /// Offers a stage to the workers, once all have left the last one.
  /// Returns how long they kept the caller waiting, in nanoseconds.
  func publish(_ stage: BoundStage, _ runner: ChunkRunner) -> UInt64 {
    let last = Self.generation(ticket.load(ordering: .relaxed))
    ticket.store(last << 32 | Self.closed, ordering: .sequentiallyConsistent)
    let waited = Self.wait { active.load(ordering: .sequentiallyConsistent) == 0 }
    job.initialize(to: Job(stage: stage, runner: runner))
    finished.store(0, ordering: .relaxed)
    ticket.store((last + 1) << 32, ordering: .sequentiallyConsistent)
    if sleepers.load(ordering: .sequentiallyConsistent) > 0 {
      pthread_mutex_lock(mutex)
      pthread_cond_broadcast(condition)
      pthread_mutex_unlock(mutex)
    }
    return waited
  }

  /// Claims and runs chunks until none is left; returns the longest one's nanoseconds.
  @discardableResult
  func work(_ workspace: UnsafeMutablePointer<Float>) -> UInt64 {
    var longest: UInt64 = 0
    let chunks = UInt64(job.pointee.stage.chunks)
    while true {
      let claimed = ticket.wrappingAdd(1, ordering: .acquiringAndReleasing).oldValue
      let chunk = claimed & 0xFFFF_FFFF
      guard chunk < chunks else { return longest }
      let start = now()
      job.pointee.stage.run(Int(chunk), job.pointee.runner, workspace)
      finished.wrappingAdd(1, ordering: .releasing)
      longest = max(longest, now() - start)
    }
  }

  /// Waits until every chunk is done; returns how long, in nanoseconds.
  func waitForOthers() -> UInt64 {
    let chunks = job.pointee.stage.chunks
    return Self.wait { finished.load(ordering: .acquiring) == chunks }
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
  func serve(_ workspace: UnsafeMutablePointer<Float>) {
    var seen: UInt64 = 0
    while true {
      seen = waitForWork(after: seen, workspace)
      if stopping.load(ordering: .acquiring) { return }
      active.wrappingAdd(1, ordering: .sequentiallyConsistent)
      let current = ticket.load(ordering: .sequentiallyConsistent)
      if Self.generation(current) == seen, current & Self.closed == 0 { work(workspace) }
      active.wrappingSubtract(1, ordering: .releasing)
    }
  }

  /// Spins for a while, then sleeps, until there is a stage newer than the last one seen.
  private func waitForWork(
    after seen: UInt64, _ workspace: UnsafeMutablePointer<Float>
  ) -> UInt64 {
    let start = now()
    var turns = 0
    while true {
      let generation = Self.generation(ticket.load(ordering: .acquiring))
      if generation != seen || stopping.load(ordering: .relaxed) { return generation }
      if aside.runChunk(workspace) { continue }
      turns += 1
      if turns % 64 == 0 && now() - start > ThreadPool.spin { break }
      ebb_pause()
    }
    pthread_mutex_lock(mutex)
    sleepers.wrappingAdd(1, ordering: .sequentiallyConsistent)
    var generation = Self.generation(ticket.load(ordering: .sequentiallyConsistent))
    while generation == seen && !stopping.load(ordering: .sequentiallyConsistent) {
      pthread_cond_wait(condition, mutex)
      generation = Self.generation(ticket.load(ordering: .sequentiallyConsistent))
    }
    sleepers.wrappingSubtract(1, ordering: .sequentiallyConsistent)
    pthread_mutex_unlock(mutex)
    return generation
  }

  func stop() {
    stopping.store(true, ordering: .sequentiallyConsistent)
    pthread_mutex_lock(mutex)
    pthread_cond_broadcast(condition)
    pthread_mutex_unlock(mutex)
  }
}
