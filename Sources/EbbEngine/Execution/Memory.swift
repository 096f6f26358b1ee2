internal import EbbGraph

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// The system has no memory of the size that was asked for.
package struct AllocationError: Error, Hashable, Sendable, CustomStringConvertible {
  /// How many bytes were asked for.
  package let bytes: Int

  package var description: String {
    "there is no memory for \(bytes) bytes more; make the network or the batch smaller"
  }
}

/// A block of 4-byte elements, aligned to a cache line; large ones lie on huge pages where the system
/// has them, since products otherwise wait for page tables.
final class Memory {
  let start: UnsafeMutablePointer<Float>
  let count: Int

  private static let hugePage = 2 << 20

  init(count: Int) throws(AllocationError) {
    self.count = count
    let (bytes, overflow) = max(count, 16).multipliedReportingOverflow(by: 4)
    guard !overflow else { throw AllocationError(bytes: .max) }
    // Whole pages only: the rest of one would be memory that nobody uses.
    let huge = bytes / Self.hugePage * Self.hugePage
    // Not Swift's own allocation, which ends the process where there is no memory.
    var block: UnsafeMutableRawPointer?
    guard posix_memalign(&block, huge > 0 ? Self.hugePage : 64, bytes) == 0, let raw = block else {
      throw AllocationError(bytes: bytes)
    }
    #if os(Linux)
      // Refused where there are none, and then the block is as good as any other.
      if huge > 0 { _ = madvise(raw, huge, Int32(MADV_HUGEPAGE)) }
    #endif
    start = raw.bindMemory(to: Float.self, capacity: max(count, 16))
    start.initialize(repeating: 0, count: max(count, 16))
  }

  deinit { free(start) }
}

/// The numbers that outlive a run: parameters and optimizer slots, by name.
///
/// The executors of one model share a block. It is not to be written while one of them runs.
package final class StateBlock {
  package let layout: StateLayout
  let memory: Memory

  /// A block of zeros.
  ///
  /// - Throws: `AllocationError` if the system has no memory for it.
  package init(_ layout: StateLayout) throws {
    self.layout = layout
    memory = try Memory(count: layout.count)
  }

  /// The numbers of one entry.
  ///
  /// The name must be in the layout, and a new value must have the entry's count.
  package subscript(name: String) -> [Float] {
    get {
      let entry = self.entry(name)
      return Array(
        UnsafeBufferPointer(start: memory.start + entry.offset, count: entry.shape.count))
    }
    set {
      let entry = self.entry(name)
      precondition(
        newValue.count == entry.shape.count,
        "\(newValue.count) numbers for \(name) of shape \(entry.shape)")
      newValue.withUnsafeBufferPointer { values in
        guard let source = values.baseAddress else { return }
        (memory.start + entry.offset).update(from: source, count: values.count)
      }
    }
  }

  private func entry(_ name: String) -> StateLayout.Entry {
    guard let entry = layout[name] else {
      preconditionFailure("the state has no entry named \"\(name)\"")
    }
    return entry
  }

  /// A copy of a block.
  package convenience init(_ other: StateBlock) throws {
    try self.init(other.layout)
    memory.start.update(from: other.memory.start, count: layout.count)
  }

  /// Copies some numbers out; the list keeps its memory from one call to the next.
  package func copy(_ range: Range<Int>, to values: inout [Float]) {
    precondition(range.lowerBound >= 0 && range.upperBound <= layout.count)
    values.removeAll(keepingCapacity: true)
    values.append(
      contentsOf: UnsafeBufferPointer(start: memory.start + range.lowerBound, count: range.count))
  }

  /// Copies numbers back, from a place on.
  package func copy(from values: [Float], at offset: Int) {
    precondition(
      offset >= 0 && offset + values.count <= layout.count,
      "\(values.count) numbers at \(offset) of \(layout.count)")
    values.withUnsafeBufferPointer { source in
      if let start = source.baseAddress {
        (memory.start + offset).update(from: start, count: source.count)
      }
    }
  }

  /// Whether every number is finite.
  package var isFinite: Bool {
    for entry in layout.entries {
      for index in entry.offset..<(entry.offset + entry.shape.count)
      where !memory.start[index].isFinite { return false }
    }
    return true
  }
}
