internal import CKernels
package import EbbGraph

/// Runs a plan.
///
/// A warmed-up run allocates nothing. An executor belongs to one thread at a time; plans are shared
/// freely, and so is a state block between executors that do not run at the same time.
package final class Executor {
  package let plan: Plan
  package let state: StateBlock
  /// Where inputs and outputs lie and how many elements they have, in lists of this executor's own: of the
  /// plan's lists, which executors of other threads read too, each reading would count references in memory
  /// that all of them share.
  private let inputPlaces: [(location: Location, count: Int)]
  private let outputPlaces: [(location: Location, count: Int)]
  private let constants: Memory
  private let arena: Memory
  /// The plan, and with a place elsewhere for the input whose next rows are gathered meanwhile.
  private let bindings: [BoundPlan]
  private var current = 0
  private let pool: ThreadPool
  private let kernels: KernelSet
  private var runner: ChunkRunner
  private let gathering: RowGathering
  private let gatheringAhead: RowGathering
  /// The input whose next rows are gathered meanwhile, and where it lies every other time.
  private let ahead: (input: Int, memory: Memory)?
  /// Whether rows have been gathered, or are, that have not been used.
  private var isAhead = false

  /// Elements that one thread gathers at a time: some microseconds.
  private static let gatherGrain = 12_288
  /// The same for rows that nobody waits for: a thread is soon free for what somebody waits for.
  private static let aheadGrain = 4096
  /// Rows to come of at most so many elements are only called into the cache: that takes less time than
  /// asking another thread.
  private static let mostPrefetched = 8192

  /// An executor with its own memory and threads.
  ///
  /// - Parameters:
  ///   - threads: the most threads to use, the caller included. No result depends on it.
  ///   - kernels: the instruction set. No result depends on it.
  ///   - ahead: an input whose rows to come are gathered while the plan runs, if there are threads
  ///     for it.
  /// - Throws: `AllocationError` if the system has no memory for it.
  package init(
    _ plan: Plan, state: StateBlock, threads: Int = 1, kernels: KernelSet = .best,
    ahead: Int? = nil
  ) throws {
    precondition(plan.state == state.layout, "the plan was made for another layout of the state")
    self.plan = plan
    inputPlaces = plan.inputs.map { ($0.location, $0.shape.count) }
    outputPlaces = plan.outputs.map { ($0.location, $0.shape.count) }
    self.state = state
    self.kernels = kernels
    constants = try Memory(count: plan.constants.count)
    for (index, bits) in plan.constants.enumerated() {
      constants.start[index] = Float(bitPattern: bits)
    }
    arena = try Memory(count: plan.arenaCount)
    let bound = BoundPlan(plan, state: state.memory, constants: constants, arena: arena)
    pool = try ThreadPool(count: threads, workspace: bound.workspace)
    runner = ChunkRunner(kernels: kernels.table)
    let most = plan.inputs.map { $0.shape.rank == 0 ? 1 : $0.shape[0] }.max() ?? 0
    gathering = RowGathering(capacity: most)
    gatheringAhead = RowGathering(capacity: most)
    if let ahead, pool.hasWorkers {
      let port = plan.inputs[ahead]
      let memory = try Memory(count: port.shape.count)
      let offset = port.location.offset
      self.ahead = (ahead, memory)
      bindings = [
        bound,
        BoundPlan(
          plan, state: state.memory, constants: constants, arena: arena,
          moved: (offset..<offset + port.shape.count, memory.start)),
      ]
    } else {
      self.ahead = nil
      bindings = [bound]
    }
  }

  deinit { pool.finishAside() }

  private var bound: BoundPlan { bindings[current] }

  // MARK: Running

  /// Runs the plan once.
  ///
  /// - Parameters:
  ///   - seed: of random operations.
  ///   - step: of random operations.
  package func run(seed: UInt64 = 0, step: UInt64 = 0) {
    runner.seed = seed
    runner.step = step
    for stage in bound.stages { run(stage) }
  }

  /// Runs the plan once, one instruction after the other, and adds what each took, in nanoseconds.
  package func run(seed: UInt64, step: UInt64, addingTimesTo times: inout [UInt64]) {
    runner.seed = seed
    runner.step = step
    var start = now()
    var index = 0
    for stage in bound.stages {
      for number in 0..<stage.count {
        run(BoundStage(stage.first + number, count: 1))
        let end = now()
        times[index] += end - start
        start = end
        index += 1
      }
    }
  }

  private func run(_ stage: BoundStage) {
    if stage.isCustom {
      runCustom(stage.first.pointee.arguments.load(as: CustomArguments.self))
    } else {
      pool.run(stage, runner)
    }
  }

  /// Fills all memory but inputs and state with NaN, so that a read of what was not written shows.
  package func poison() {
    let inputs = plan.inputs.map { $0.location.offset..<($0.location.offset + $0.shape.count) }
    for index in 0..<arena.count where !inputs.contains(where: { $0.contains(index) }) {
      arena.start[index] = .nan
    }
  }

  private func runCustom(_ work: CustomArguments) {
    let node = plan.customOperations[work.operation]
    guard let body = node.operation.numericBody else { return }
    let operands = node.shapes.enumerated().map { slot, shape in
      NDArray(
        Array(UnsafeBufferPointer(start: work.operands[slot], count: shape.count)), shape: shape)
    }
    let result = body.float(operands)
    precondition(
      result.shape == node.result,
      "\(node.operation.name) gave the shape \(result.shape), its shape rule says \(node.result)")
    for (index, value) in result.elements.enumerated() { work.y[index] = value }
  }

  // MARK: Inputs

  private func input(_ index: Int, count: Int) -> UnsafeMutablePointer<Float> {
    let place = inputPlaces[index]
    precondition(
      place.count == count,
      "\(count) elements for the input \(plan.inputs[index].name) of \(plan.inputs[index].shape)")
    return bound.address(place.location)
  }

  private func input(_ index: Int, atLeast count: Int) -> UnsafeMutablePointer<Float> {
    let port = plan.inputs[index]
    precondition(
      count <= port.shape.count, "\(count) rows for \(port.name) of \(port.shape)")
    return bound.address(port.location)
  }

  /// Gives an input of numbers.
  package func setInput(_ index: Int, _ values: [Float]) {
    let target = input(index, count: values.count)
    values.withUnsafeBufferPointer { source in
      if let start = source.baseAddress { target.update(from: start, count: source.count) }
    }
  }

  /// Gives an input that is one number.
  package func setInput(_ index: Int, _ value: Float) { input(index, count: 1).pointee = value }

  /// Gives one element of an input of numbers.
  package func setInput(_ index: Int, element: Int, _ value: Float) {
    let port = plan.inputs[index]
    precondition(element >= 0 && element < port.shape.count, "element \(element) of \(port.shape)")
    bound.address(port.location)[element] = value
  }

  /// One element of an output of numbers.
  package func output(_ index: Int, element: Int) -> Float {
    let port = plan.outputs[index]
    precondition(element >= 0 && element < port.shape.count, "element \(element) of \(port.shape)")
    return bound.address(port.location)[element]
  }

  /// Gives an input of indices.
  package func setInput(_ index: Int, _ values: [Int32]) {
    let target = UnsafeMutableRawPointer(input(index, count: values.count))
    values.withUnsafeBytes { source in
      if let start = source.baseAddress { target.copyMemory(from: start, byteCount: source.count) }
    }
  }

  /// Fills an input with rows of a table, by number; the last rows of the input beyond those asked
  /// for repeat row 0 of the table.
  ///
  /// - Parameter next: the rows that will probably be asked for next time. They come into place while
  ///   the plan runs if this is the input that the executor was told of, or into the cache if they are
  ///   few.
  package func gather(
    _ index: Int, from table: [Float], width: Int, rows: ArraySlice<Int32>,
    next: ArraySlice<Int32> = []
  ) {
    let port = plan.inputs[index]
    let capacity = width == 0 ? 0 : port.shape.count / width
    precondition(rows.count <= capacity, "\(rows.count) rows for \(port.name) of \(port.shape)")
    let mayBeAhead = ahead?.input == index
    if mayBeAhead { pool.finishAside() }
    if mayBeAhead && isAhead && gatheringAhead.isOf(table, rows: rows) {
      current = 1 - current
    } else {
      let target = bound.address(port.location)
      let instruction = gathering.instruction(
        table, width: width, rows: rows, to: target, grain: Self.gatherGrain)
      withUnsafePointer(to: instruction) { pool.run(BoundStage($0, count: 1), runner) }
      gathering.release()
      table.withUnsafeBufferPointer { table in
        guard let start = table.baseAddress else { return }
        for row in rows.count..<max(rows.count, capacity) {
          (target + row * width).update(from: start, count: width)
        }
      }
    }
    let isSmall = next.count * width <= Self.mostPrefetched
    isAhead = mayBeAhead && next.count == rows.count && !isSmall && !pool.isAlone
    if isAhead {
      pool.beginAside(
        gatheringAhead.instruction(
          table, width: width, rows: next, to: bindings[1 - current].address(port.location),
          grain: Self.aheadGrain), runner)
    } else if isSmall && !next.isEmpty && width > 0 {
      prefetch(next, of: table, width: width)
    }
  }

  private func prefetch(_ rows: ArraySlice<Int32>, of table: [Float], width: Int) {
    table.withUnsafeBufferPointer { table in
      rows.withUnsafeBufferPointer { rows in
        guard let start = table.baseAddress, let first = rows.baseAddress else { return }
        ebb_prefetch_rows(start, Int64(table.count / width), first, Int64(rows.count), Int64(width))
      }
    }
  }

  /// Fills an input of indices with entries of a list, by number; the rest is index 0.
  package func gather(_ index: Int, from list: [Int32], rows: ArraySlice<Int32>) {
    let target = UnsafeMutableRawPointer(input(index, atLeast: rows.count))
      .assumingMemoryBound(to: Int32.self)
    var position = 0
    for row in rows {
      target[position] = list[Int(row)]
      position += 1
    }
    while position < plan.inputs[index].shape.count {
      target[position] = 0
      position += 1
    }
  }

  /// Fills an input of numbers with entries of a list of indices, by number; the rest is 0.
  package func gatherAsNumbers(_ index: Int, from list: [Int32], rows: ArraySlice<Int32>) {
    let target = input(index, atLeast: rows.count)
    var position = 0
    for row in rows {
      target[position] = Float(list[Int(row)])
      position += 1
    }
    while position < plan.inputs[index].shape.count {
      target[position] = 0
      position += 1
    }
  }

  /// The inputs as they are now, by name.
  package func currentInputs() -> (
    numbers: [String: NDArray<Float>], indices: [String: NDArray<Int32>]
  ) {
    var numbers: [String: NDArray<Float>] = [:]
    var indices: [String: NDArray<Int32>] = [:]
    for port in plan.inputs {
      let values = Array(
        UnsafeBufferPointer(start: bound.address(port.location), count: port.shape.count))
      if port.type == .index {
        indices[port.name] = NDArray(
          values.map { Int32(bitPattern: $0.bitPattern) }, shape: port.shape)
      } else {
        numbers[port.name] = NDArray(values, shape: port.shape)
      }
    }
    return (numbers, indices)
  }

  // MARK: Outputs

  /// The numbers of an output.
  package func output(_ index: Int) -> [Float] {
    let port = plan.outputs[index]
    return Array(
      UnsafeBufferPointer(start: bound.address(port.location), count: port.shape.count))
  }

  /// The first numbers of an output added in order in Double: how a loss is made of its rows.
  package func sum(ofOutput index: Int, first count: Int) -> Double {
    let port = plan.outputs[index]
    precondition(count <= port.shape.count, "\(count) of \(port.shape) asked for")
    let start = bound.address(port.location)
    var total = 0.0
    for position in 0..<count { total += Double(start[position]) }
    return total
  }

  /// Appends the first numbers of an output to a list.
  package func append(output index: Int, first count: Int, to list: inout [Float]) {
    let place = outputPlaces[index]
    precondition(count <= place.count, "\(count) of \(plan.outputs[index].shape) asked for")
    list.append(
      contentsOf: UnsafeBufferPointer(start: bound.address(place.location), count: count))
  }
}
