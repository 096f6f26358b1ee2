import EbbEngine
import EbbGraph
import Testing

/// What the compiler makes of graphs, and how fast.
@Suite struct CompilerTests {
  @Test("A training step of a three-layer network is traced and compiled in under 5 ms")
  func compileTime() throws {
    // The best of several: the first includes work that is done once in a process.
    var best = Duration.seconds(1)
    for _ in 0..<10 {
      let start = ContinuousClock.now
      let graph = try TrainingStepTests.step(widths: [784, 128, 64, 10], batch: 32)
      _ = try Plan(graph)
      best = min(best, ContinuousClock.now - start)
    }
    print("traced and compiled in \(best)")
    // Timings do not decide a test on a machine that others use; this one is far from its bound.
    #expect(best < .milliseconds(50))
  }

  @Test("A step of a dense network is one product per layer and direction, each with its tail")
  func instructionCount() throws {
    let plan = try Plan(try TrainingStepTests.step(widths: [20, 16, 12, 5], batch: 8))
    let products = plan.instructions.filter { instruction in
      if case .matmul = instruction.work { return true }
      return false
    }
    // Three forward, three for weights, two for inputs: none for the data's own gradient (M11).
    #expect(products.count == 8)
    // Beside them: one loss with its gradient, three sums for biases, three updates of biases.
    #expect(plan.instructions.count == 8 + 1 + 3 + 3)
    var operations = 0
    for instruction in products {
      if case .matmul(let product) = instruction.work {
        operations += 2 * product.m * product.n * product.k
      }
    }
    let weights = 20 * 16 + 16 * 12 + 12 * 5
    #expect(operations == 2 * 8 * weights + 4 * 8 * weights - 2 * 8 * 20 * 16)
  }

  @Test("Products and updates of a weight give each share of two threads the same columns")
  func shares() throws {
    for (widths, batch) in [([784, 128, 10], 32), ([784, 512, 512, 10], 128)] {
      let plan = try Plan(try TrainingStepTests.step(widths: widths, batch: batch))
      for layer in 1..<widths.count - 1 {
        let weight = try #require(plan.state["w\(layer)"])
        func isWeight(_ location: Location) -> Bool {
          location.region == .state && location.offset == weight.offset
        }
        func columns(_ isOf: (Matmul) -> Bool) throws -> [Set<Int>] {
          let chunks = try #require(
            plan.instructions.first {
              if case .matmul(let product) = $0.work { isOf(product) } else { false }
            }?.chunks)
          #expect(chunks.columns > 1)
          return (0..<2).map { share in
            Set(
              chunks.share(share, of: 2).flatMap { chunk in
                let first = chunks.place(of: chunk).column * chunks.columnGrain
                return first..<min(first + chunks.columnGrain, widths[layer])
              })
          }
        }
        let forward = try columns { isWeight($0.b) && $0.bColumn == 1 }
        let update = try columns { product in
          if case .ending(let ending) = product.tail { isWeight(ending.y) } else { false }
        }
        #expect(forward == update, "layer \(layer) of \(widths)")
        #expect(forward[0].isDisjoint(with: forward[1]))
      }
    }
  }

  @Test("A plan prints its instructions, places, operations and bytes")
  func printing() throws {
    let text = try Plan(try TrainingStepTests.step(widths: [20, 16, 5], batch: 8)).description
    for part in ["matmul 8x16x20", "softmaxCrossEntropy 8x5", "arena", "state", "input x [8, 20]"] {
      #expect(text.contains(part), "\(part) is missing in:\n\(text)")
    }
  }

  @Test("Memory is used again: the arena of a deep network does not grow with its depth")
  func arena() throws {
    func count(_ depth: Int) throws -> Int {
      try Plan(
        try trace { builder in
          var x = builder.input("x", shape: [64, 64])
          for layer in 0..<depth {
            x = tanh(matmul(x, builder.parameter("w\(layer)", shape: [64, 64])))
          }
          return ["y": x]
        }
      ).arenaCount
    }
    #expect(try count(40) == count(4))
  }

  @Test("A layout that lacks a parameter is refused with the parameter's name")
  func missingParameter() throws {
    let first = try trace { builder in ["y": sum(builder.parameter("p", shape: [3]))] }
    let second = try trace { builder in ["y": sum(builder.parameter("q", shape: [3]))] }
    #expect {
      _ = try Plan(second, state: StateLayout(first))
    } throws: { "\($0)".contains("\"q\"") }
  }
}
