internal import CKernels

/// Runs chunks of instructions on the calling thread.
struct ChunkRunner: BitwiseCopyable {
  let kernels: UnsafePointer<ebb_kernels>
  var seed: UInt64 = 0
  var step: UInt64 = 0

  /// Runs one chunk. Which thread runs it, and when, changes no bit of the result.
  func run(_ instruction: BoundInstruction, chunk: Int, workspace: UnsafeMutablePointer<Float>) {
    let chunks = instruction.chunks
    let (row, column) = chunks.place(of: chunk)
    func rows(of count: Int) -> (Int64, Int64) {
      let begin = chunks.rows == 1 ? 0 : row * chunks.rowGrain
      let end = chunks.rows == 1 ? count : min(count, begin + chunks.rowGrain)
      return (Int64(begin), Int64(end))
    }
    func columns(of count: Int) -> (Int64, Int64) {
      let begin = chunks.columns == 1 ? 0 : column * chunks.columnGrain
      let end = chunks.columns == 1 ? count : min(count, begin + chunks.columnGrain)
      return (Int64(begin), Int64(end))
    }
    let table = kernels.pointee
    let raw = instruction.arguments
    switch instruction.kind {
    case .chain:
      let chain = raw.assumingMemoryBound(to: ebb_chain.self)
      let (begin, end) = rows(of: Int(chain.pointee.rows))
      table.chain(chain, begin, end, 0, chain.pointee.inner, workspace)
    case .matmul:
      runProduct(raw.assumingMemoryBound(to: MatmulArguments.self), row, rows, columns, workspace)
    case .reduce:
      let work = raw.load(as: ReduceArguments.self)
      let (begin, end) = rows(of: work.outer)
      table.reduce(
        work.kind, work.x, work.y, begin, end, Int64(work.length), Int64(work.inner))
    case .argmax:
      let work = raw.load(as: ReduceArguments.self)
      let (begin, end) = rows(of: work.outer)
      let y = UnsafeMutableRawPointer(work.y).assumingMemoryBound(to: Int32.self)
      table.argmax(work.x, y, begin, end, Int64(work.length), Int64(work.inner))
    case .softmax:
      let work = raw.load(as: RowsArguments.self)
      let (begin, end) = rows(of: work.rows)
      table.softmax(work.x, work.y, begin, end, Int64(work.width))
    case .logSumExp:
      let work = raw.load(as: RowsArguments.self)
      let (begin, end) = rows(of: work.rows)
      table.log_sum_exp(work.x, work.y, begin, end, Int64(work.width))
    case .crossEntropy:
      let work = raw.load(as: RowsArguments.self)
      let (begin, end) = rows(of: work.rows)
      guard let labels = work.labels else { return }
      if let gradient = work.gradient, let scale = work.scale {
        table.softmax_cross_entropy_gradient(
          work.x, labels, scale, Int64(work.scaleStride), work.y, gradient, begin, end,
          Int64(work.width))
      } else {
        table.softmax_cross_entropy(work.x, labels, work.y, begin, end, Int64(work.width))
      }
    case .gatherRows:
      let work = raw.load(as: TableArguments.self)
      let (begin, end) = rows(of: work.rows)
      table.gather_rows(
        work.x, Int64(work.tableRows), work.indices, work.y, begin, end, Int64(work.width))
    case .scatterAddRows:
      let work = raw.load(as: TableArguments.self)
      table.scatter_add_rows(
        work.x, work.indices, Int64(work.rows), work.y, Int64(work.tableRows),
        Int64(work.width), 0, Int64(work.width))
    case .oneHot:
      let work = raw.load(as: TableArguments.self)
      let (begin, end) = rows(of: work.rows)
      table.one_hot(work.indices, work.y, begin, end, Int64(work.width))
    case .copy:
      let work = raw.load(as: CopyArguments.self)
      let (begin, end) = rows(of: work.rows)
      table.copy_strided(
        work.x, work.y, work.rank, work.shape, work.xStrides, work.yStrides, begin, end)
    case .fill:
      let work = raw.load(as: FillArguments.self)
      let (begin, end) = rows(of: work.count)
      table.fill(work.value, work.y, begin, end)
    case .uniform:
      let work = raw.load(as: FillArguments.self)
      table.uniform(seed, work.stream, step, work.y, 0, Int64(work.count))
    case .normal:
      let work = raw.load(as: FillArguments.self)
      table.normal(seed, work.stream, step, work.y, 0, Int64(work.count))
    case .sgd:
      let work = raw.load(as: SGDArguments.self)
      let (begin, end) = rows(of: work.count)
      table.sgd(work.w, work.gradient, work.rate, begin, end)
    case .adam:
      var work = raw.load(as: AdamArguments.self)
      let (begin, end) = rows(of: Int(work.update.width))
      table.adam(&work.update, work.gradient, 0, 0, 1, begin, end)
    case .custom: break  // runs on numbers in Swift: the executor's own work
    }
  }

  private func runProduct(
    _ work: UnsafePointer<MatmulArguments>, _ matrix: Int, _ rows: (Int) -> (Int64, Int64),
    _ columns: (Int) -> (Int64, Int64), _ workspace: UnsafeMutablePointer<Float>
  ) {
    let table = kernels.pointee
    if work.pointee.batch > 1 {
      // One of several products: each is a chunk.
      var product = work.pointee.product
      product.a += matrix * work.pointee.aBatch
      product.b += matrix * work.pointee.bBatch
      product.c += matrix * Int(product.m * product.n)
      table.matmul(&product, 0, product.m, 0, product.n, workspace)
      return
    }
    var product = work.pointee.product
    let (rowBegin, rowEnd) = rows(Int(product.m))
    let (columnBegin, columnEnd) = columns(Int(product.n))
    if let piece = work.pointee.piece {
      // Where element (0, 0) would be if the whole result were there.
      product.c_row = columnEnd - columnBegin
      product.c = workspace + piece - Int(rowBegin * product.c_row + columnBegin)
    }
    table.matmul(&product, rowBegin, rowEnd, columnBegin, columnEnd, workspace)
    if let tail = work.pointee.tail {
      table.chain(tail, rowBegin, rowEnd, columnBegin, columnEnd, workspace)
    }
    if let adam = work.pointee.adam {
      table.adam(
        adam, product.c, product.c_row, rowBegin, rowEnd, columnBegin, columnEnd)
    }
  }
}
