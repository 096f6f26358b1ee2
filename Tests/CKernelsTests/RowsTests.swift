import CKernels
import Testing

@Suite("Row-wise kernels")
struct RowsTests {
  /// The maximum, the exponentials and their sum of one row, by the contract.
  private func exponentials(_ row: [Float]) -> (maximum: Float, values: [Float], sum: Float) {
    let maximum = reduced(EBB_MAX, row)
    let values = row.map { ebb_scalar(EBB_EXP, $0 - maximum, 0, 0) }
    return (maximum, values, reduced(EBB_SUM, values))
  }

  private func rows(_ count: Int, _ n: Int, _ generator: inout Generator) -> [[Float]] {
    (0..<count).map { index in
      switch index {
      case 1: [Float](repeating: -.infinity, count: n)
      case 2: generator.numbers(n, -1e4...1e4)
      case 3: generator.numbers(n).enumerated().map { $0 == n / 2 ? -.infinity : $1 }
      case 4: generator.numbers(n).enumerated().map { $0 == n / 2 ? .nan : $1 }
      case 5: generator.numbers(n).enumerated().map { $0 == n - 1 ? .infinity : $1 }
      default: generator.numbers(n)
      }
    }
  }

  @Test(
    "follow their formulas", arguments: instructionSets,
    [1, 2, 3, 10, 15, 16, 17, 100, 513, 4096, 4100, 9001])
  func formulas(set: String, n: Int) {
    var generator = Generator(13)
    let count = 7
    let table = rows(count, n, &generator)
    let x = Floats(table.flatMap { $0 }, offset: 1)
    let labels = (0..<count).map { row in row == 6 ? Int32(n) : Int32(row * 3 % n) }
    let scale = generator.numbers(count)
    let (y, sums) = (Floats(count: count * n, offset: 2), Floats(count: count, offset: 1))
    let (loss, both) = (Floats(count: count, offset: 1), Floats(count: count, offset: 1))
    let gradient = Floats(x.values, offset: 5)
    let kernels = kernels(set)
    for (begin, end) in [(0, 3), (3, 3), (3, 7)] as [(Int64, Int64)] {
      kernels.softmax(x.data, y.data, begin, end, Int64(n))
      kernels.log_sum_exp(x.data, sums.data, begin, end, Int64(n))
      kernels.softmax_cross_entropy(x.data, labels, loss.data, begin, end, Int64(n))
      kernels.softmax_cross_entropy_gradient(
        gradient.data, labels, scale, 1, both.data, gradient.data, begin, end, Int64(n))
    }
    var (softmax, logSums, losses, gradients): ([Float], [Float], [Float], [Float]) =
      ([], [], [], [])
    for (r, row) in table.enumerated() {
      let (maximum, values, sum) = exponentials(row)
      let label = Int(labels[r])
      let empty = maximum == -.infinity
      let probabilities = empty ? [Float](repeating: 0, count: n) : values.map { $0 / sum }
      let logarithm = ebb_scalar(EBB_LOG, sum, 0, 0)
      softmax += probabilities
      logSums.append(empty ? maximum : maximum + logarithm)
      losses.append(empty || label >= n ? 0 : logarithm - (row[label] - maximum))
      gradients += probabilities.enumerated().map { place, probability in
        (probability - (!empty && place == label ? 1 : 0)) * scale[r]
      }
    }
    #expect(difference(y.values, softmax) == nil)
    #expect(difference(sums.values, logSums) == nil)
    #expect(difference(loss.values, losses) == nil)
    #expect(difference(both.values, losses) == nil)
    #expect(difference(gradient.values, gradients) == nil)
    #expect([y, sums, loss, both, gradient].allSatisfy { $0.isIntact })
  }

  @Test("of few classes give the same bits one by one and many at once", arguments: instructionSets)
  func narrow(set: String) {
    var generator = Generator(15)
    let count = 37
    for n in [1, 2, 7, 10, 16] {
      let x = rows(count, n, &generator).flatMap { $0 }
      let labels = (0..<count).map { Int32($0 % (n + 2) - 1) }
      let scale = generator.numbers(count)
      let (loss, gradient) = (Floats(count: count), Floats(count: count * n, offset: 1))
      let (alone, ones) = (Floats(count: count), Floats(count: count * n, offset: 2))
      kernels(set).softmax_cross_entropy_gradient(
        x, labels, scale, 1, loss.data, gradient.data, 0, Int64(count), Int64(n))
      for row in 0..<Int64(count) {
        kernels(set).softmax_cross_entropy_gradient(
          x, labels, scale, 1, alone.data, ones.data, row, row + 1, Int64(n))
      }
      #expect(difference(loss.values, alone.values) == nil, "\(n) classes")
      #expect(difference(gradient.values, ones.values) == nil, "\(n) classes")
      #expect(loss.isIntact && gradient.isIntact)
    }
  }

  @Test("share one scale between rows when its stride is 0", arguments: instructionSets)
  func sharedScale(set: String) {
    var generator = Generator(14)
    let x = generator.numbers(30)
    let gradient = Floats(count: 30)
    let plain = Floats(count: 30)
    let loss = Floats(count: 3)
    let labels: [Int32] = [1, -1, 9]
    kernels(set).softmax_cross_entropy_gradient(
      x, labels, [0.25], 0, loss.data, gradient.data, 0, 3, 10)
    kernels(set).softmax(x, plain.data, 0, 3, 10)
    let expected = plain.values.enumerated().map { index, value in
      (index == 1 || index == 29 ? value - 1 : value) * 0.25
    }
    #expect(difference(gradient.values, expected) == nil)
    #expect(loss.data[1] == 0)
  }
}
