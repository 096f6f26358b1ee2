import CKernels
import Testing

@Suite("Updates of parameters")
struct OptimizerTests {
  @Test("by gradient descent equal the same chain", arguments: instructionSets)
  func sgd(set: String) {
    var generator = Generator(18)
    for count in [1, 16, 100, 1025] {
      let (w, g) = (generator.numbers(count), generator.anything(count))
      let fast = Floats(w, offset: 1)
      kernels(set).sgd(fast.data, g, [0.05], 0, Int64(count / 3))
      kernels(set).sgd(fast.data, g, [0.05], Int64(count / 3), Int64(count))
      let slow = Floats(w, offset: 2)
      Chain(
        operands: [
          (slow, EBB_CONTIGUOUS), (Floats(g), EBB_CONTIGUOUS), (Floats([0.05]), EBB_SCALAR),
        ],
        steps: [step(EBB_MULTIPLY, to: 3, 2, 1), step(EBB_SUBTRACT, to: 4, 0, 3)],
        outputs: [(slow, 4)], inner: count
      ).run(kernels("portable"))
      #expect(difference(fast.values, slow.values) == nil)
      #expect(fast.isIntact)
    }
  }

  @Test("by Adam equal the same chain", arguments: instructionSets)
  func adam(set: String) {
    var generator = Generator(19)
    let scalars: [Float] = [0.9, 0.1, 0.999, 0.001, 0.003, 1.0001, 1e-8]
    for count in [1, 16, 100, 1025] {
      let w = generator.numbers(count)
      let m = generator.numbers(count)
      let v = generator.numbers(count, 0...2)
      let g = count == 100 ? generator.anything(count) : generator.numbers(count)
      let fast = (Floats(w, offset: 1), Floats(m, offset: 2), Floats(v, offset: 3))
      let constants = scalars.map { Floats([$0]) }
      var update = ebb_adam(
        w: fast.0.data, m: fast.1.data, v: fast.2.data, width: Int64(count),
        beta1: constants[0].data, one_minus_beta1: constants[1].data, beta2: constants[2].data,
        one_minus_beta2: constants[3].data, rate: constants[4].data,
        correction: constants[5].data, epsilon: constants[6].data)
      if count == 1025 {
        // As 25 rows of 41: rectangles of it, and the gradient of each somewhere else.
        update.width = 41
        for (rows, columns) in [(0..<25, 0..<16), (0..<9, 16..<41), (9..<25, 16..<41)] {
          let piece = rows.flatMap { row in columns.map { g[row * 41 + $0] } }
          piece.withUnsafeBufferPointer {
            let origin = $0.baseAddress! - (rows.lowerBound * columns.count + columns.lowerBound)
            kernels(set).adam(
              &update, origin, Int64(columns.count), Int64(rows.lowerBound),
              Int64(rows.upperBound), Int64(columns.lowerBound), Int64(columns.upperBound))
          }
        }
      } else {
        for (begin, end) in [(0, Int64(count / 2)), (Int64(count / 2), Int64(count))] {
          kernels(set).adam(&update, g, 0, 0, 1, begin, end)
        }
      }
      // Registers 0-3: w, m, v, g; 4-10: the constants in the kernel's order.
      let slow = (Floats(w), Floats(m), Floats(v))
      var operands: [(memory: Floats, access: ebb_access)] = [
        (slow.0, EBB_CONTIGUOUS), (slow.1, EBB_CONTIGUOUS), (slow.2, EBB_CONTIGUOUS),
        (Floats(g), EBB_CONTIGUOUS),
      ]
      operands += constants.map { ($0, EBB_SCALAR) }
      Chain(
        operands: operands,
        steps: [
          step(EBB_MULTIPLY, to: 11, 4, 1), step(EBB_MULTIPLY, to: 12, 5, 3),
          step(EBB_ADD, to: 13, 11, 12), step(EBB_MULTIPLY, to: 14, 3, 3),
          step(EBB_MULTIPLY, to: 15, 7, 14), step(EBB_MULTIPLY, to: 16, 6, 2),
          step(EBB_ADD, to: 17, 16, 15), step(EBB_SQRT, to: 18, 17),
          step(EBB_MULTIPLY, to: 19, 18, 9), step(EBB_ADD, to: 20, 19, 10),
          step(EBB_MULTIPLY, to: 21, 8, 13), step(EBB_DIVIDE, to: 22, 21, 20),
          step(EBB_SUBTRACT, to: 23, 0, 22),
        ],
        outputs: [(slow.0, 23), (slow.1, 13), (slow.2, 17)], inner: count
      ).run(kernels("portable"))
      #expect(difference(fast.0.values, slow.0.values) == nil)
      #expect(difference(fast.1.values, slow.1.values) == nil)
      #expect(difference(fast.2.values, slow.2.values) == nil)
      #expect(fast.0.isIntact && fast.1.isIntact && fast.2.isIntact)
    }
  }
}
