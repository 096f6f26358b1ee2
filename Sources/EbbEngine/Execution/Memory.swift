internal import EbbGraph

/// A block of 4-byte elements, aligned to a cache line.
final class Memory {
  let start: UnsafeMutablePointer<Float>
  let count: Int

  init(count: Int) {
    self.count = count
    let raw = UnsafeMutableRawPointer.allocate(byteCount: max(count, 16) * 4, alignment: 64)
    start = raw.bindMemory(to: Float.self, capacity: max(count, 16))
    start.initialize(repeating: 0, count: max(count, 16))
  }

  deinit { start.deallocate() }
}

/// The numbers that outlive a run: parameters and optimizer slots, by name.
///
/// The executors of one model share a block. It is not to be written while one of them runs.
package final class StateBlock {
  package let layout: StateLayout
  let memory: Memory

  /// A block of zeros.
  package init(_ layout: StateLayout) {
    self.layout = layout
    memory = Memory(count: layout.count)
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
  package convenience init(_ other: StateBlock) {
    self.init(other.layout)
    memory.start.update(from: other.memory.start, count: layout.count)
  }

  /// Copies all numbers out; the list keeps its memory from one call to the next.
  package func copy(to values: inout [Float]) {
    values.removeAll(keepingCapacity: true)
    values.append(contentsOf: UnsafeBufferPointer(start: memory.start, count: layout.count))
  }

  /// Copies all numbers back.
  package func copy(from values: [Float]) {
    precondition(values.count == layout.count, "\(values.count) numbers for \(layout.count)")
    values.withUnsafeBufferPointer { source in
      if let start = source.baseAddress { memory.start.update(from: start, count: source.count) }
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
