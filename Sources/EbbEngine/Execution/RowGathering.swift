internal import CKernels

/// Rows of a table on their way into an input, as an instruction that threads may share.
final class RowGathering {
  /// Kept for as long as threads may read it, or it is to be compared with another.
  private var table: [Float] = []
  private var count = 0
  private let rows: UnsafeMutablePointer<Int32>
  private let arguments: UnsafeMutablePointer<TableArguments>

  /// - Parameter capacity: the most rows.
  init(capacity: Int) {
    rows = .allocate(capacity: capacity)
    arguments = .allocate(capacity: 1)
  }

  deinit {
    rows.deallocate()
    arguments.deallocate()
  }

  /// The instruction that copies rows of a table, `width` floats each, one after the other. It holds
  /// until the next is made.
  ///
  /// - Parameter grain: elements that one thread copies at a time.
  func instruction(
    _ table: [Float], width: Int, rows numbers: ArraySlice<Int32>,
    to target: UnsafeMutablePointer<Float>, grain: Int
  ) -> BoundInstruction {
    // The array is kept, and nobody changes it in place while two hold it: its numbers stay put.
    self.table = table
    count = numbers.count
    var position = 0
    for number in numbers {
      rows[position] = number
      position += 1
    }
    let start = table.withUnsafeBufferPointer { $0.baseAddress } ?? UnsafePointer(target)
    arguments.initialize(
      to: TableArguments(
        x: UnsafeMutablePointer(mutating: start), indices: UnsafePointer(rows), y: target,
        tableRows: width == 0 ? 0 : table.count / width, rows: count, width: width))
    return BoundInstruction(
      kind: .gatherRows, chunks: .rows(count, elementsPerRow: width, grain: grain),
      arguments: UnsafeRawPointer(arguments))
  }

  /// Lets the table go, once the instruction has run.
  func release() { table = [] }

  /// Whether the last instruction was for these rows of this very table.
  func isOf(_ table: [Float], rows numbers: ArraySlice<Int32>) -> Bool {
    guard numbers.count == count,
      table.withUnsafeBufferPointer({ $0.baseAddress })
        == self.table.withUnsafeBufferPointer({ $0.baseAddress })
    else { return false }
    var position = 0
    for number in numbers {
      if rows[position] != number { return false }
      position += 1
    }
    return true
  }
}
