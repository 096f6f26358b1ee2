import AllocationCount
import EbbEngine
import EbbGraph
import Testing

/// Running: memory, threads, random numbers, custom operations.
@Suite(.serialized) struct ExecutorTests {
  @Test("A warmed-up run allocates nothing", arguments: [1, 2])
  func allocations(threads: Int) throws {
    let plan = try Plan(try TrainingStepTests.step(widths: [100, 64, 10], batch: 32, adam: true))
    let executor = try Executor(plan, state: try StateBlock(plan.state), threads: threads)
    for _ in 0..<10 { executor.run(seed: 1, step: 1) }
    let before = allocation_count()
    for step in 0..<200 { executor.run(seed: 1, step: UInt64(step)) }
    #expect(allocation_count() == before)
    // The counter counts.
    let array = [Int](repeating: threads, count: 1000)
    #expect(allocation_count() > before, "\(array.count)")
  }

  @Test("Large products have the same bits for any number of threads, many times over")
  func threads() throws {
    let graph = try TrainingStepTests.step(widths: [300, 257, 65, 7], batch: 61)
    let given = GivenValues(graph)
    let expected = try execute(graph, given)
    for threads in [2, 3, 4, 16] {
      for _ in 0..<10 { #expect(try execute(graph, given, threads: threads) == expected) }
    }
  }

  @Test("Many short steps have the same bits for any number of threads", arguments: [2, 3, 7])
  func manySteps(threads: Int) throws {
    let graph = try TrainingStepTests.step(widths: [100, 64, 10], batch: 32)
    let plan = try Plan(graph)
    #expect(plan.instructions.contains { $0.chunks.count > 1 }, "something is shared")
    func trained(_ threads: Int) throws -> [[Float]] {
      let state = try StateBlock(plan.state)
      for (number, entry) in plan.state.entries.enumerated() {
        state[entry.name] = numbers(
          entry.shape.count, seed: UInt64(number), in: -0.1...0.1)
      }
      let executor = try Executor(plan, state: state, threads: threads)
      for (index, port) in plan.inputs.enumerated() where port.type != .index {
        let count = port.shape.count
        executor.setInput(index, count == 1 ? [0.01] : numbers(count, seed: 9, in: -1...1))
      }
      for step in 0..<2000 { executor.run(step: UInt64(step)) }
      return plan.state.entries.map { state[$0.name] }
    }
    let expected = try trained(1)
    #expect(expected.allSatisfy { $0.allSatisfy(\.isFinite) && Set($0).count > 1 })
    #expect(try trained(threads) == expected)
  }

  @Test("Gathered rows are those asked for, whatever was announced", arguments: [1, 2, 3])
  func gathering(threads: Int) throws {
    let width = 700
    let plan = try Plan(
      try trace { builder in
        ["y": builder.input("x", shape: [32, width]) * 2 + builder.input("z", shape: [32, width])]
      })
    let x = try #require(plan.input("x"))
    let z = try #require(plan.input("z"))
    let tables = (0..<2).map { number in (0..<100 * width).map { Float($0 + number) } }
    let executor = try Executor(
      plan, state: try StateBlock(plan.state), threads: threads, ahead: x)
    var draws: UInt64 = 0
    func someRows(_ count: Int = 32) -> ArraySlice<Int32> {
      draws += 1
      return ArraySlice(numbers(count, seed: draws, in: 0...99.9).map { Int32($0) })
    }
    var announced = someRows()
    for step in 0..<300 {
      // As announced, as last time, other rows, fewer rows; from the same table or another.
      let rows = step % 3 == 0 ? someRows(step % 2 == 0 ? 32 : 7) : announced
      let table = tables[step / 7 % 2]
      let next = step % 4 == 0 ? rows : step % 5 == 0 ? [] : someRows()
      executor.gather(x, from: table, width: width, rows: rows, next: next)
      executor.gather(z, from: tables[1], width: width, rows: announced, next: rows)
      executor.run()
      let padded = Array(rows) + [Int32](repeating: 0, count: 32 - rows.count)
      let others = Array(announced) + [Int32](repeating: 0, count: 32 - announced.count)
      let expected = (0..<32 * width).map { place in
        2 * table[Int(padded[place / width]) * width + place % width]
          + tables[1][Int(others[place / width]) * width + place % width]
      }
      #expect(executor.output(0) == expected, "step \(step)")
      announced = next.isEmpty ? someRows() : next
    }
  }

  @Test("Pools come and go without a leak or a hang")
  func pools() throws {
    let plan = try Plan(try TrainingStepTests.step(widths: [64, 48, 10], batch: 64))
    for round in 0..<200 {
      let executor = try Executor(plan, state: try StateBlock(plan.state), threads: 1 + round % 4)
      executor.run()
    }
  }

  @Test("Random numbers are a function of seed, stream and step, in both precisions")
  func random() throws {
    let graph = try trace { builder in
      [
        "u": builder.random(.uniform, shape: [1000]), "v": builder.random(.uniform, shape: [1000]),
        "n": builder.random(.normal, shape: [999]),
      ]
    }
    try expectAgreement(graph, GivenValues(graph))
    let first = try execute(graph, GivenValues(graph), seed: 3, step: 5)
    #expect(first["u"] != first["v"])
    #expect(try execute(graph, GivenValues(graph), seed: 3, step: 6) != first)
    #expect(try execute(graph, GivenValues(graph), seed: 4, step: 5) != first)
  }

  @Test("Users' operations on numbers run in the executor")
  func custom() throws {
    let cube = CustomOperation(
      "cube", shape: { $0[0] }, float: { $0[0].map { $0 * $0 * $0 } },
      double: { $0[0].map { $0 * $0 * $0 } },
      derivative: { at, dy, _ in dy * (3 * at.x[0] * at.x[0]) })
    let graph = try trace { builder in
      let x = builder.input("x", shape: [7, 3])
      let w = builder.parameter("w", shape: [3, 3])
      let y = cube(matmul(x, w))
      let gradient = gradients(of: sum(y), with: [w])[0]
      builder.update(w, to: w - 0.1 * gradient)
      return ["y": y]
    }
    try expectAgreement(graph, GivenValues(graph))
  }

  @Test("Values that are not finite come out as in the interpreter")
  func notFinite() throws {
    let graph = try trace { builder in
      let x = builder.input("x", shape: [4, 8])
      return [
        "log": log(x), "soft": softmax(x / 0.0), "max": max(x / 0.0, axes: [1]),
        "sum": sum(exp(x * 1000), axes: [0]), "relu": relu(sqrt(x)),
        "clip": clip(log(x), to: -1...1),
      ]
    }
    try expectAgreement(graph, GivenValues(graph))
  }
}
