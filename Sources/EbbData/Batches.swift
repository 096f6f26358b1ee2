/// A few rows of a dataset, for one step of training.
public struct Batch: Sendable {
  /// The dataset the rows belong to.
  public let dataset: Dataset
  /// The rows, from 0, in the order in which they are to be used.
  public let rows: ArraySlice<Int32>
  /// The rows of the batch that comes after it, if that is known: they can be fetched in time.
  package let next: ArraySlice<Int32>

  /// How many rows the batch really has; the last one of an epoch may have fewer than the others.
  public var count: Int { rows.count }

  /// A batch of any rows of a dataset; a row may come several times.
  ///
  /// - Throws: ``DataError`` of kind `badValue` when there are no rows or one is not in the
  ///   dataset.
  public init(_ dataset: Dataset, rows: [Int]) throws(DataError) {
    guard !rows.isEmpty else { throw DataError(.badValue, "a batch needs at least one row") }
    if let row = rows.first(where: { $0 < 0 || $0 >= dataset.rowCount }) {
      throw DataError(.badValue, "row \(row) is outside 0..<\(dataset.rowCount)")
    }
    self.init(checked: dataset, rows: ArraySlice(rows.map { Int32(truncatingIfNeeded: $0) }))
  }

  package init(checked dataset: Dataset, rows: ArraySlice<Int32>, next: ArraySlice<Int32> = []) {
    self.dataset = dataset
    self.rows = rows
    self.next = next
  }
}

/// The batches of one pass over a dataset.
public struct BatchSequence: Sendable, RandomAccessCollection {
  private let dataset: Dataset
  private let order: [Int32]
  private let size: Int

  init(dataset: Dataset, order: [Int32], size: Int) {
    self.dataset = dataset
    self.order = order
    self.size = size
  }

  /// 0.
  public var startIndex: Int { 0 }

  /// How many batches there are.
  public var endIndex: Int { order.count / size + (order.count.isMultiple(of: size) ? 0 : 1) }

  /// One batch; it shares the memory of the order of rows.
  public subscript(position: Int) -> Batch {
    precondition(position >= 0 && position < endIndex, "batch \(position) of \(endIndex)")
    return Batch(checked: dataset, rows: rows(position), next: rows(position + 1))
  }

  private func rows(_ position: Int) -> ArraySlice<Int32> {
    let start = Swift.min(position * size, order.count)
    return order[start..<start + Swift.min(size, order.count - start)]
  }
}

extension Dataset {
  /// The batches of one epoch, in an order that depends on seed and epoch alone.
  ///
  /// Every row comes exactly once. When the rows do not fill the last batch it is smaller; when
  /// they do not fill one there is one batch. The order of any epoch can be had again.
  ///
  /// - Parameters:
  ///   - size: How many rows a batch has, at least 1.
  ///   - epoch: Which pass over the data; each has its own order.
  ///   - seed: Chooses among the series of orders.
  /// - Throws: ``DataError`` of kind `badValue` when `size` is not positive.
  public func batches(
    of size: Int, epoch: Int, seed: UInt64 = 0
  ) throws(DataError) -> BatchSequence {
    var order = rowNumbers
    SplitRandom.shuffle(
      &order, seed: seed, purpose: .epoch, stream: UInt64(bitPattern: Int64(epoch)))
    return try batches(order, of: size)
  }

  /// The batches of all rows in their own order, for evaluation.
  ///
  /// - Throws: ``DataError`` of kind `badValue` when `size` is not positive.
  public func batchesInOrder(of size: Int) throws(DataError) -> BatchSequence {
    try batches(rowNumbers, of: size)
  }

  private var rowNumbers: [Int32] { (0..<rowCount).map { Int32(truncatingIfNeeded: $0) } }

  private func batches(_ order: [Int32], of size: Int) throws(DataError) -> BatchSequence {
    guard size > 0 else {
      throw DataError(.badValue, "the batch size must be at least 1, got \(size)")
    }
    // No larger than the data, so that no sum of positions can overflow.
    return BatchSequence(dataset: self, order: order, size: Swift.min(size, max(1, order.count)))
  }
}
