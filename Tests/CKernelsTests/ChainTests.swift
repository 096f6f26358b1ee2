import CKernels
import Testing

@Suite("Chains")
struct ChainTests {
  @Test("equal the scalar entry point, operation by operation", arguments: instructionSets)
  func operationsEqualScalar(set: String) {
    var generator = Generator(2)
    for (name, operation, _) in operations {
      for count in [1, 7, 16, 1000, 1024, 1025, 3001] {
        let inputs = (0..<3).map { _ in generator.anything(count) }
        let output = Floats(count: count, offset: 3)
        Chain(
          operands: inputs.enumerated().map { (Floats($1, offset: $0 + 1), EBB_CONTIGUOUS) },
          steps: [step(operation, to: 3, 0, 1, 2)], outputs: [(output, 3)], inner: count
        ).run(kernels(set))
        let expected = (0..<count).map {
          ebb_scalar(operation, inputs[0][$0], inputs[1][$0], inputs[2][$0])
        }
        let message = difference(output.values, expected)
        #expect(message == nil, "\(name) of \(count): \(message ?? "")")
        #expect(output.isIntact, "\(name) of \(count) wrote beyond its output")
      }
    }
  }

  /// y = tanh(a * s + b[column]) and z = max(y, r[row]) - a.
  private func mixed(_ a: [Float], rows: Int, inner: Int) -> (Chain, Floats, Floats, [Float]) {
    var generator = Generator(3)
    let scale: [Float] = [1.25]
    let bias = generator.numbers(inner)
    let floors = generator.numbers(rows, -0.5...0.5)
    let y = Floats(count: rows * inner, offset: 1)
    let z = Floats(count: rows * inner, offset: 2)
    let chain = Chain(
      operands: [
        (Floats(a), EBB_CONTIGUOUS), (Floats(scale), EBB_SCALAR),
        (Floats(bias, offset: 5), EBB_PER_COLUMN), (Floats(floors), EBB_PER_ROW),
      ],
      steps: [
        step(EBB_MULTIPLY, to: 4, 0, 1), step(EBB_ADD, to: 5, 4, 2), step(EBB_TANH, to: 6, 5),
        step(EBB_MAXIMUM, to: 7, 6, 3), step(EBB_SUBTRACT, to: 8, 7, 0),
      ],
      outputs: [(y, 6), (z, 8)], rows: rows, inner: inner)
    var expected: [Float] = []
    for r in 0..<rows {
      for i in 0..<inner {
        let x = a[r * inner + i]
        expected.append(ebb_scalar(EBB_TANH, x * scale[0] + bias[i], 0, 0))
      }
    }
    for r in 0..<rows {
      for i in 0..<inner {
        let at = r * inner + i
        expected.append(ebb_scalar(EBB_MAXIMUM, expected[at], floors[r], 0) - a[at])
      }
    }
    return (chain, y, z, expected)
  }

  @Test(
    "read every kind of operand over every shape, in any cut", arguments: instructionSets,
    [
      [1, 1], [1, 5000], [3, 7], [32, 10], [300, 10], [1000, 1], [500, 33], [5, 512], [4, 513],
      [3, 1024], [2, 1025], [7, 2500],
    ])
  func shapes(set: String, shape: [Int]) {
    let (rows, inner) = (shape[0], shape[1])
    var generator = Generator(4)
    let a = generator.numbers(rows * inner)
    let rowCuts = [0, rows / 3, rows]
    for columnCuts in [[0, inner], [0, inner / 2, inner]] {
      let (chain, y, z, expected) = mixed(a, rows: rows, inner: inner)
      for r in 0..<rowCuts.count - 1 {
        for c in 0..<columnCuts.count - 1 {
          chain.run(
            kernels(set), rows: rowCuts[r]..<rowCuts[r + 1],
            columns: columnCuts[c]..<columnCuts[c + 1])
        }
      }
      #expect(difference(y.values + z.values, expected) == nil)
      #expect(y.isIntact && z.isIntact)
    }
  }

  @Test("may write over their operands, even crosswise", arguments: instructionSets)
  func aliases(set: String) {
    var generator = Generator(5)
    for count in [5, 1024, 2100] {
      let (a, b) = (generator.numbers(count), generator.numbers(count))
      // a += b early, though a and b are read again; then b = old a - old b.
      let (first, second) = (Floats(a), Floats(b))
      Chain(
        operands: [(first, EBB_CONTIGUOUS), (second, EBB_CONTIGUOUS)],
        steps: [step(EBB_ADD, to: 2, 0, 1), step(EBB_SUBTRACT, to: 3, 0, 1)],
        outputs: [(first, 2), (second, 3)], inner: count
      ).run(kernels(set))
      #expect(difference(first.values, zip(a, b).map { $0 + $1 }) == nil)
      #expect(difference(second.values, zip(a, b).map { $0 - $1 }) == nil)
      // Exchange two operands, and write a result twice.
      let (left, right, twin, other) = (
        Floats(a), Floats(b), Floats(count: count), Floats(count: count)
      )
      Chain(
        operands: [(left, EBB_CONTIGUOUS), (right, EBB_CONTIGUOUS)],
        steps: [step(EBB_MULTIPLY, to: 2, 0, 1)],
        outputs: [(left, 1), (right, 0), (twin, 2), (other, 2)], inner: count
      ).run(kernels(set))
      #expect(difference(left.values, b) == nil)
      #expect(difference(right.values, a) == nil)
      #expect(difference(twin.values, zip(a, b).map { $0 * $1 }) == nil)
      #expect(difference(other.values, twin.values) == nil)
    }
  }

  @Test("do nothing over empty ranges", arguments: instructionSets)
  func empty(set: String) {
    let output = Floats(count: 8)
    let chain = Chain(
      operands: [(Floats([1, 2, 3, 4, 5, 6, 7, 8]), EBB_CONTIGUOUS)],
      steps: [step(EBB_NEGATE, to: 1, 0)], outputs: [(output, 1)], rows: 2, inner: 4)
    chain.run(kernels(set), rows: 1..<1)
    chain.run(kernels(set), columns: 2..<2)
    #expect(output.values.allSatisfy { $0.bitPattern == Floats.canary })
  }
}
