internal import CKernels

/// A matrix product of a plan by itself: its sizes and strides, without place and tail.
package struct ProductShape: Sendable, Hashable {
  package let m: Int
  package let n: Int
  package let k: Int
  /// Elements from one row of the operand to the next, and from one column to the next.
  package let aRow: Int
  package let aColumn: Int
  package let bRow: Int
  package let bColumn: Int

  /// Whether an operand's columns, not its rows, are contiguous.
  package var aTransposed: Bool { aColumn != 1 }
  package var bTransposed: Bool { bColumn != 1 }

  /// Floating-point operations, a multiply-add being two.
  package var operations: Int { 2 * m * n * k }

  fileprivate init(_ product: Matmul) {
    (m, n, k) = (product.m, product.n, product.k)
    (aRow, aColumn) = (product.aRow, product.aColumn)
    (bRow, bColumn) = (product.bRow, product.bColumn)
  }
}

extension Plan {
  /// The shapes of the plan's products, each once, in the plan's order. Of several products with
  /// strides between them, one.
  package var productShapes: [ProductShape] {
    var seen: Set<ProductShape> = []
    return instructions.compactMap { instruction in
      guard case .matmul(let product) = instruction.work else { return nil }
      let shape = ProductShape(product)
      return shape.operations > 0 && seen.insert(shape).inserted ? shape : nil
    }
  }
}

/// One product with operands of its own, to be run again and again by one thread.
package final class ProductTiming {
  package let shape: ProductShape
  private let kernels: KernelSet
  private let (a, b, c, workspace): (Memory, Memory, Memory, Memory)
  /// Runs that fill a round.
  private var turns = 1
  private var shortest = Double.infinity

  /// A round takes at least so many nanoseconds, or one run.
  private static let round: UInt64 = 2_000_000

  /// Operands as large as the strides ask for, of numbers near 1.
  package init(_ shape: ProductShape, kernels: KernelSet) throws {
    self.shape = shape
    self.kernels = kernels
    a = try Self.operand(rows: shape.m, columns: shape.k, row: shape.aRow, column: shape.aColumn)
    b = try Self.operand(rows: shape.k, columns: shape.n, row: shape.bRow, column: shape.bColumn)
    c = try Memory(count: shape.m * shape.n)
    workspace = try Memory(
      count: Int(ebb_matmul_workspace(Int64(shape.m), Int64(shape.n), Int64(shape.k))))
    while true {
      let time = run(turns)
      if time >= Self.round { break }
      turns *= time * 8 < Self.round ? 8 : 2
    }
  }

  /// The best rate of all rounds so far, as 10⁹ floating-point operations per second.
  package var gflops: Double { Double(shape.operations) / shortest }

  /// Runs one more round.
  package func runRound() { shortest = min(shortest, Double(max(1, run(turns))) / Double(turns)) }

  /// Nanoseconds of so many runs.
  private func run(_ turns: Int) -> UInt64 {
    var product = ebb_matmul(
      a: a.start, a_row: Int64(shape.aRow), a_column: Int64(shape.aColumn), b: b.start,
      b_row: Int64(shape.bRow), b_column: Int64(shape.bColumn), c: c.start,
      c_row: Int64(shape.n), m: Int64(shape.m), n: Int64(shape.n), k: Int64(shape.k),
      ending: EBB_END_STORE, y: nil, y_row: 0, operand: nil, operand_row: 0, rate: nil)
    let kernel = kernels.table.pointee.matmul
    let start = now()
    for _ in 0..<turns { kernel(&product, 0, product.m, 0, product.n, workspace.start) }
    return now() - start
  }

  private static func operand(
    rows: Int, columns: Int, row: Int, column: Int
  ) throws -> Memory {
    let memory = try Memory(count: (rows - 1) * row + (columns - 1) * column + 1)
    for index in 0..<memory.count { memory.start[index] = 1 + Float(index % 13) / 13 }
    return memory
  }
}
