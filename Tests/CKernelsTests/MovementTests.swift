import CKernels
import Testing

@Suite("Moving numbers")
struct MovementTests {
  @Test("gathers rows, zeros for indices outside", arguments: instructionSets)
  func gather(set: String) {
    var generator = Generator(15)
    let table = generator.numbers(5 * 7)
    let indices: [Int32] = [4, 0, -1, 5, 2, 2]
    let y = Floats(count: 6 * 7, offset: 1)
    kernels(set).gather_rows(table, 5, indices, y.data, 0, 2, 7)
    kernels(set).gather_rows(table, 5, indices, y.data, 2, 6, 7)
    let expected = indices.flatMap { index in
      (0..<5).contains(index)
        ? Array(table[Int(index) * 7..<Int(index) * 7 + 7]) : [Float](repeating: 0, count: 7)
    }
    #expect(difference(y.values, expected) == nil)
    #expect(y.isIntact)
  }

  @Test("scatters rows in order, column range by column range", arguments: instructionSets)
  func scatter(set: String) {
    var generator = Generator(16)
    let width = 37
    let indices = (0..<50).map { _ in Int32.random(in: -1...6, using: &generator) }
    let x = generator.numbers(50 * width)
    let y = Floats(count: 6 * width, offset: 1)
    for (begin, end) in [(0, 20), (20, 20), (20, 37)] as [(Int64, Int64)] {
      kernels(set).scatter_add_rows(x, indices, 50, y.data, 6, Int64(width), begin, end)
    }
    var expected = [Float](repeating: 0, count: 6 * width)
    for (r, index) in indices.enumerated() where (0..<6).contains(index) {
      for i in 0..<width { expected[Int(index) * width + i] += x[r * width + i] }
    }
    #expect(difference(y.values, expected) == nil)
    #expect(y.isIntact)
  }

  @Test("makes one-hot rows", arguments: instructionSets)
  func oneHot(set: String) {
    let y = Floats(count: 12)
    kernels(set).one_hot([2, -1, 3, 0], y.data, 0, 4, 3)
    #expect(y.values == [0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0])
    #expect(y.isIntact)
  }

  @Test("copies through any strides, in any cut of rows", arguments: instructionSets)
  func copyStrided(set: String) {
    var generator = Generator(17)
    for trial in 0..<300 {
      let rank = trial % 6
      let shape = (0..<rank).map { _ in Int.random(in: 1...(rank < 3 ? 40 : 5), using: &generator) }
      // A permutation of a dense array's strides, some axes broadcast.
      var xStrides = [Int](repeating: 0, count: rank)
      var size = 1
      for axis in (0..<rank).shuffled(using: &generator) {
        if Int.random(in: 0..<5, using: &generator) == 0 { continue }
        xStrides[axis] = size
        size *= shape[axis]
      }
      var yStrides = [Int](repeating: 1, count: rank)
      for axis in stride(from: rank - 2, through: 0, by: -1) {
        yStrides[axis] = yStrides[axis + 1] * shape[axis + 1]
      }
      let x = generator.numbers(size)
      let count = shape.reduce(1, *)
      let y = Floats(count: count, offset: 1)
      let rows = rank == 0 ? 1 : count / shape[rank - 1]
      let cut = Int64(Int.random(in: 0...rows, using: &generator))
      let lists = (shape.map(Int64.init), xStrides.map(Int64.init), yStrides.map(Int64.init))
      for (begin, end) in [(0, cut), (cut, Int64(rows))] {
        kernels(set).copy_strided(
          x, y.data, Int32(rank), lists.0, lists.1, lists.2, begin, end)
      }
      let expected = (0..<count).map { flat -> Float in
        var place = 0
        for axis in 0..<rank {
          let index = flat / yStrides[axis] % shape[axis]
          place += index * xStrides[axis]
        }
        return x[place]
      }
      #expect(difference(y.values, expected) == nil, "\(shape) \(xStrides) cut at \(cut)")
      #expect(y.isIntact)
    }
  }

  @Test("fills ranges", arguments: instructionSets)
  func fill(set: String) {
    let y = Floats([Float](repeating: 1, count: 40), offset: 1)
    kernels(set).fill(2.5, y.data, 3, 38)
    kernels(set).fill(9, y.data, 5, 5)
    #expect(y.values == (0..<40).map { (3..<38).contains($0) ? 2.5 : 1 })
    #expect(y.isIntact)
  }
}
