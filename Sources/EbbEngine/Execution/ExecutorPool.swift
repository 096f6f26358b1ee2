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
  private let idle = Mutex<[Worker]>([])

  /// An executor on its way from one task to another.
  private struct Worker: @unchecked Sendable { let executor: Executor }

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
    let worker =
      try idle.withLock { $0.popLast() }
      ?? Worker(executor: try Executor(plan, state: state, threads: 1, kernels: kernels))
    defer { idle.withLock { $0.append(worker) } }
    return try body(worker.executor)
  }
}
