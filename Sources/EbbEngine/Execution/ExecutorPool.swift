#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif
import Synchronization

/// Runs one plan for any number of tasks at once with the same parameters: each run has an executor of
/// one thread to itself, and the next run takes it over.
///
/// Sendable without the compiler's proof: the state is copied when the pool is made, and nobody can
/// write it from then on; an executor is either idle, in the list that the lock guards, or with the one
/// call that took it out of the list.
package final class ExecutorPool: @unchecked Sendable {
  /// What is run.
  package let plan: Plan
  private let state: StateBlock
  private let kernels: KernelSet
  /// A thread finds its executors where it left them, and seldom meets another one there.
  private let shelves = (0..<16).map { _ in Shelf() }

  /// An executor on its way from one task to another.
  private struct Worker: @unchecked Sendable { let executor: Executor }

  /// Executors that nobody uses. As large as two cache lines, so that two of them never share one.
  private final class Shelf: Sendable {
    let idle = Mutex<[Worker]>([])
    private let padding = SIMD16<UInt64>()
  }

  /// A pool.
  ///
  /// - Parameters:
  ///   - state: copied; it must be of the plan's layout, which may not update it.
  ///   - kernels: the instruction set. No result depends on it.
  /// - Throws: `AllocationError` if the system has no memory for it.
  package init(_ plan: Plan, copying state: StateBlock, kernels: KernelSet) throws {
    precondition(plan.state == state.layout, "the plan was made for another layout of the state")
    self.plan = plan
    self.state = try StateBlock(state)
    self.kernels = kernels
  }

  /// Lets a body use an executor that nobody else uses meanwhile.
  ///
  /// - Throws: what `body` throws; `AllocationError` if there is no memory for one executor more.
  package func run<Result>(_ body: (Executor) throws -> Result) throws -> Result {
    let shelf = shelves[Self.placeOfThread]
    let worker =
      try shelf.idle.withLock { $0.popLast() }
      ?? Worker(executor: try Executor(plan, state: state, threads: 1, kernels: kernels))
    defer { shelf.idle.withLock { $0.append(worker) } }
    return try body(worker.executor)
  }

  /// 0 to 15, most often another one for each thread (Fibonacci hashing of what tells threads apart).
  private static var placeOfThread: Int {
    // A number or a pointer, by the C library.
    let thread = withUnsafeBytes(of: pthread_self()) { $0.load(as: UInt.self) }
    return Int((UInt64(truncatingIfNeeded: thread) &* 0x9E37_79B9_7F4A_7C15) >> 60)
  }
}
