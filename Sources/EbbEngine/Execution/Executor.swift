internal import CKernels
package import EbbGraph

/// Runs a plan.
///
/// A warmed-up run allocates nothing. An executor belongs to one thread at a time; plans are shared
/// freely, and so is a state block between executors that do not run at the same time.
package final class Executor {
  package let plan: Plan
  package let state: StateBlock
  private let constants: Memory
  private let arena: Memory
  private let bound: BoundPlan
  private let pool: ThreadPool
  private let kernels: KernelSet
  private var runner: ChunkRunner
  /// What is gathered at the moment; the kernel only reads the table.
  private let gathering: UnsafeMutablePointer<TableArguments>
  private let gatheringInstruction: UnsafeMutablePointer<BoundInstruction>

  /// Elements that one thread gathers at a time: some microseconds.
  private static let gatherGrain = 12_288

  /// An executor with its own memory and threads.
  ///
  /// - Parameters:
  ///   - threads: the most threads to use, the caller included. No result depends on it.
  ///   - kernels: the instruction set. No result depends on it.
  package init(
    _ plan: Plan, state: StateBlock, threads: Int = 1, kernels: KernelSet = .best
  ) {
    precondition(plan.state == state.layout, "the plan was made for another layout of the state")
    self.plan = plan
    self.state = state
    self.kernels = kernels
    constants = Memory(count: plan.constants.count)
    for (index, bits) in plan.constants.enumerated() {
      constants.start[index] = Float(bitPattern: bits)
    }
    arena = Memory(count: plan.arenaCount)
    bound = BoundPlan(plan, state: state.memory, constants: constants, arena: arena)
    pool = ThreadPool(count: threads, workspace: bound.workspace)
    runner = ChunkRunner(kernels: kernels.table)
    gathering = .allocate(capacity: 1)
    gatheringInstruction = .allocate(capacity: 1)
  }

  deinit {
    gathering.deallocate()
    gatheringInstruction.deallocate()
  }

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
    let port = plan.inputs[index]
    precondition(
      port.shape.count == count, "\(count) elements for the input \(port.name) of \(port.shape)")
    return bound.address(port.location)
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
  package func gather(_ index: Int, from table: [Float], width: Int, rows: ArraySlice<Int32>) {
    let port = plan.inputs[index]
    let capacity = width == 0 ? 0 : port.shape.count / width
    precondition(rows.count <= capacity, "\(rows.count) rows for \(port.name) of \(port.shape)")
    let target = bound.address(port.location)
    let tableRows = width == 0 ? 0 : table.count / width
    table.withUnsafeBufferPointer { source in
      guard let start = source.baseAddress else { return }
      rows.withUnsafeBufferPointer { numbers in
        guard let first = numbers.baseAddress else { return }
        gathering.pointee = TableArguments(
          x: UnsafeMutablePointer(mutating: start), indices: first, y: target,
          tableRows: tableRows, rows: numbers.count, width: width)
        gatheringInstruction.initialize(
          to: BoundInstruction(
            kind: .gatherRows,
            chunks: .rows(numbers.count, elementsPerRow: width, grain: Self.gatherGrain),
            arguments: UnsafeRawPointer(gathering)))
        pool.run(BoundStage(gatheringInstruction, count: 1), runner)
      }
      for row in rows.count..<max(rows.count, capacity) {
        (target + row * width).update(from: start, count: width)
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
    let port = plan.outputs[index]
    precondition(count <= port.shape.count, "\(count) of \(port.shape) asked for")
    list.append(
      contentsOf: UnsafeBufferPointer(start: bound.address(port.location), count: count))
  }
}
