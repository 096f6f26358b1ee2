internal import Synchronization

/// One instruction whose chunks threads run whenever they have nothing else to do. Nobody waits for it
/// until the pool is told to finish it.
final class SideWork {
  private let job: UnsafeMutablePointer<Job>
  /// Chunks that nobody has claimed yet.
  private let unclaimed = Atomic<Int>(0)
  private let unfinished = Atomic<Int>(0)

  private struct Job: BitwiseCopyable {
    var instruction: BoundInstruction
    var runner: ChunkRunner
  }

  init() { job = .allocate(capacity: 1) }

  deinit { job.deallocate() }

  /// Offers an instruction, once the last one is finished.
  func begin(_ instruction: BoundInstruction, _ runner: ChunkRunner) {
    precondition(unfinished.load(ordering: .acquiring) == 0, "work is still under way")
    // Nobody reads the job: all chunks are finished, and there is none to claim.
    job.initialize(to: Job(instruction: instruction, runner: runner))
    unfinished.store(instruction.chunks.count, ordering: .relaxed)
    unclaimed.store(instruction.chunks.count, ordering: .releasing)
  }

  /// Runs one chunk that nobody has claimed; false if there is none.
  func runChunk(_ workspace: UnsafeMutablePointer<Float>) -> Bool {
    var left = unclaimed.load(ordering: .relaxed)
    while left > 0 {
      let (isMine, found) = unclaimed.weakCompareExchange(
        expected: left, desired: left - 1, ordering: .acquiringAndReleasing)
      if isMine {
        job.pointee.runner.run(job.pointee.instruction, chunk: left - 1, workspace: workspace)
        unfinished.wrappingSubtract(1, ordering: .releasing)
        return true
      }
      left = found
    }
    return false
  }

  /// Whether all that was offered is done.
  var isFinished: Bool { unfinished.load(ordering: .acquiring) == 0 }
}
