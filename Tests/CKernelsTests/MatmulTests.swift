import CKernels
import Testing

/// One product with its memory; strides as a caller may have them.
private struct Product {
  let m: Int, n: Int, k: Int
  let a: Floats, b: Floats, c: Floats
  let aStrides: (row: Int, column: Int), bStrides: (row: Int, column: Int)
  let cRow: Int

  /// Transposed operands lie in memory the other way round; padding widens every row.
  init(
    _ m: Int, _ n: Int, _ k: Int, transposeA: Bool, transposeB: Bool, padding: Int = 0,
    generator: inout Generator
  ) {
    (self.m, self.n, self.k) = (m, n, k)
    aStrides = transposeA ? (1, m + padding) : (k + padding, 1)
    bStrides = transposeB ? (1, k + padding) : (n + padding, 1)
    cRow = n + padding
    a = Floats(
      generator.numbers((transposeA ? k * (m + padding) : m * (k + padding)) + 1), offset: 1)
    b = Floats(
      generator.numbers((transposeB ? n * (k + padding) : k * (n + padding)) + 1), offset: 2)
    c = Floats(count: m * cRow, offset: 3)
  }

  /// What is made of the sums; each block of memory with how far apart its rows are.
  struct Ending {
    var kind = EBB_END_STORE
    var y: (memory: Floats, row: Int)?
    var operand: (memory: Floats, row: Int)?
    var rate: Floats?
  }

  func run(
    _ kernels: ebb_kernels, rows: Range<Int>, columns: Range<Int>, ending: Ending = Ending()
  ) {
    var product = ebb_matmul(
      a: a.data, a_row: Int64(aStrides.row), a_column: Int64(aStrides.column),
      b: b.data, b_row: Int64(bStrides.row), b_column: Int64(bStrides.column),
      c: c.data, c_row: Int64(cRow), m: Int64(m), n: Int64(n), k: Int64(k),
      ending: ending.kind, y: ending.y?.memory.data, y_row: Int64(ending.y?.row ?? 0),
      operand: ending.operand.map { UnsafePointer($0.memory.data) },
      operand_row: Int64(ending.operand?.row ?? 0),
      rate: ending.rate.map { UnsafePointer($0.data) })
    let workspace = Floats(count: Int(ebb_matmul_workspace(Int64(m), Int64(n), Int64(k))))
    kernels.matmul(
      &product, Int64(rows.lowerBound), Int64(rows.upperBound), Int64(columns.lowerBound),
      Int64(columns.upperBound), workspace.data)
    #expect(workspace.isIntact)
  }

  /// The contract, spelled out; memory between the rows stays as it was.
  var expected: [Float] {
    var result = [Float](repeating: Float(bitPattern: Floats.canary), count: m * cRow)
    for i in 0..<m {
      for j in 0..<n {
        var total: Float = 0
        for block in stride(from: 0, to: k, by: 256) {
          var sum: Float = 0
          for t in block..<min(block + 256, k) {
            let left = a.data[i * aStrides.row + t * aStrides.column]
            let right = b.data[t * bStrides.row + j * bStrides.column]
            sum = sum.addingProduct(left, right)
          }
          total = block == 0 ? sum : total + sum
        }
        result[i * cRow + j] = total
      }
    }
    return result
  }
}

@Suite("Matrix products")
struct MatmulTests {
  @Test("follow the contract for all shapes, strides and cuts", arguments: instructionSets)
  func contract(set: String) {
    var generator = Generator(6)
    let sizes = [1, 2, 3, 4, 5, 6, 7, 8, 10, 13, 15, 16, 17, 24, 31, 32, 33, 48, 65, 100]
    let terms = [0, 1, 2, 7, 8, 9, 32, 255, 256, 257, 511, 600]
    for trial in 0..<400 {
      let m = sizes[Int.random(in: 0..<sizes.count, using: &generator)]
      let n = sizes[Int.random(in: 0..<sizes.count, using: &generator)]
      let k = terms[Int.random(in: 0..<terms.count, using: &generator)]
      let product = Product(
        m, n, k, transposeA: trial % 2 == 1, transposeB: trial / 2 % 2 == 1,
        padding: trial % 3, generator: &generator)
      let row = Int.random(in: 0...m, using: &generator)
      let column = Int.random(in: 0...n, using: &generator)
      for rows in [0..<row, row..<m] {
        for columns in [0..<column, column..<n] {
          product.run(kernels(set), rows: rows, columns: columns)
        }
      }
      let message = difference(product.c.values, product.expected)
      #expect(message == nil, "\(m)x\(n)x\(k), trial \(trial), cut at \(row), \(column)")
      #expect(product.c.isIntact)
    }
  }

  @Test("follow the contract where rows come in several blocks", arguments: instructionSets)
  func tall(set: String) {
    var generator = Generator(7)
    for (m, n, k) in [(784, 20, 32), (400, 17, 300), (193, 40, 256), (6200, 3, 8)] {
      for transposeA in [false, true] {
        let product = Product(
          m, n, k, transposeA: transposeA, transposeB: false, generator: &generator)
        product.run(kernels(set), rows: 0..<m, columns: 0..<n)
        #expect(difference(product.c.values, product.expected) == nil)
      }
    }
  }

  @Test("follow the contract where strides make the driver pack", arguments: instructionSets)
  func packed(set: String) {
    var generator = Generator(20)
    // Strides of 512 floats for a by rows, a by terms, and b by terms.
    for (m, n, k, padding, transposeA) in [
      (30, 261, 300, 212, false), (212, 300, 130, 300, true), (200, 268, 256, 256, false),
      (40, 400, 140, 112, true),
      // Rows that are good streams, against many columns.
      (25, 1030, 271, 0, false), (290, 1024, 140, 3, false),
    ] {
      let product = Product(
        m, n, k, transposeA: transposeA, transposeB: false, padding: padding,
        generator: &generator)
      product.run(kernels(set), rows: 0..<m, columns: 0..<n)
      #expect(difference(product.c.values, product.expected) == nil, "\(m)x\(n)x\(k)")
      #expect(product.c.isIntact)
    }
  }

  @Test("carry infinities, NaN, subnormals and signed zeros alike", arguments: instructionSets)
  func specials(set: String) {
    var generator = Generator(8)
    for trial in 0..<40 {
      let product = Product(
        9, 21, 40, transposeA: trial % 2 == 0, transposeB: trial % 4 < 2, generator: &generator)
      for memory in [product.a, product.b] {
        for index in 0..<memory.count where Int.random(in: 0..<30, using: &generator) == 0 {
          memory.data[index] = generator.anything(1)[0]
        }
        for index in 0..<memory.count where Int.random(in: 0..<5, using: &generator) == 0 {
          memory.data[index] = Float(
            bitPattern: UInt32.random(in: 0..<0x900_0000, using: &generator))
        }
      }
      product.run(kernels(set), rows: 0..<9, columns: 0..<21)
      #expect(difference(product.c.values, product.expected) == nil)
    }
  }

  @Test(
    "with an ending equal the product and then the ending, element by element",
    arguments: instructionSets)
  func endings(set: String) {
    var generator = Generator(21)
    let kinds = [EBB_END_DESCEND, EBB_END_ADD, EBB_END_ADD_RELU, EBB_END_GATE]
    let rate = Floats([0.37])
    for trial in 0..<400 {
      let m = Int.random(in: 1...40, using: &generator)
      let n = Int.random(in: 1...70, using: &generator)
      let k = [0, 1, 9, 32, 256, 257, 600][trial % 7]
      let product = Product(
        m, n, k, transposeA: trial % 2 == 1, transposeB: trial / 2 % 2 == 1, padding: trial % 3,
        generator: &generator)
      if trial % 5 == 0, k > 0 {
        // Zeros of either sign, infinities and NaN among the sums.
        for t in 0..<k { product.a.data[t * product.aStrides.column] = [0, -0.0][trial / 5 % 2] }
        product.a.data[(m - 1) * product.aStrides.row] = [.infinity, .nan][trial / 5 % 2]
      }
      let kind = kinds[trial / 7 % 4]
      let isGate = kind == EBB_END_GATE
      let y = Floats(generator.numbers(m * (n + (trial + 1) % 3)), offset: trial % 5)
      // The gate may lie where the result will, if no parts of sums do.
      let isInPlace = isGate && trial % 2 == 0
      let operand = isInPlace ? y : Floats(generator.numbers(m * (n + trial % 4)), offset: 3)
      let yRow = n + (trial + 1) % 3
      let operandRow = isInPlace ? yRow : isGate ? n + trial % 4 : 0
      if !isInPlace { operand.data[0] = .nan }
      var expected = y.values
      for (place, sum) in product.expected.enumerated() where place % product.cRow < n {
        let (row, column) = (place / product.cRow, place % product.cRow)
        let other = operand.values[row * operandRow + column]
        let old = expected[row * yRow + column]
        expected[row * yRow + column] =
          switch kind {
          case EBB_END_DESCEND: old - rate.values[0] * sum
          case EBB_END_ADD: sum + other
          case EBB_END_ADD_RELU: sum + other <= 0 ? 0 : sum + other
          default: sum * (other > 0 ? 1 : 0)
          }
      }
      let ending = Product.Ending(
        kind: kind, y: (y, yRow), operand: (operand, operandRow), rate: rate)
      let (row, column) = (
        Int.random(in: 0...m, using: &generator), Int.random(in: 0...n, using: &generator)
      )
      for rows in [0..<row, row..<m] {
        for columns in [0..<column, column..<n] {
          product.run(kernels(set), rows: rows, columns: columns, ending: ending)
        }
      }
      let message = difference(y.values, expected)
      #expect(message == nil, "\(m)x\(n)x\(k), ending \(kind), trial \(trial)")
      #expect(y.isIntact && operand.isIntact && product.c.isIntact)
    }
  }

  @Test("of no terms are +0", arguments: instructionSets)
  func noTerms(set: String) {
    var generator = Generator(9)
    let product = Product(3, 5, 0, transposeA: false, transposeB: false, generator: &generator)
    product.run(kernels(set), rows: 0..<3, columns: 0..<5)
    #expect(product.c.values.allSatisfy { $0.bitPattern == 0 })
  }
}
