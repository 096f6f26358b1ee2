internal import EbbGraph

/// How many numbers there are, how large they are, and between which two they lie.
///
/// The sum is added in a fixed order in Double; what is not finite is left out of the range.
package struct NumberSummary: Hashable, Sendable {
  /// How many finite numbers there are.
  package private(set) var count = 0
  /// The sum of all squares; not finite if a number is not.
  package private(set) var squares = 0.0
  /// The smallest finite number; infinity if there is none.
  package private(set) var lowest = Float.infinity
  /// The largest finite number; minus infinity if there is none.
  package private(set) var highest = -Float.infinity

  /// Nothing yet.
  package init() {}

  /// The numbers of a list.
  package init(_ values: [Float]) { values.withUnsafeBufferPointer { add($0) } }

  mutating func add(_ values: UnsafeBufferPointer<Float>) {
    // Independent chains, as in the kernels, for none has to wait for the one before.
    var low = SIMD4<Float>(repeating: .infinity)
    var high = SIMD4<Float>(repeating: -.infinity)
    var sums = SIMD4<Double>()
    let whole = values.count / 4 * 4
    for index in stride(from: 0, to: whole, by: 4) {
      let four = values.four(at: index)
      low.replace(with: four, where: four .< low)
      high.replace(with: four, where: four .> high)
      let wide = SIMD4<Double>(four)
      sums += wide * wide
    }
    for index in whole..<values.count {
      let value = values[index]
      low[0] = value < low[0] ? value : low[0]
      high[0] = value > high[0] ? value : high[0]
      sums[0] += Double(value) * Double(value)
    }
    let sum = sums.total
    squares += sum
    // Squares of finite numbers in single precision do not overflow in double precision.
    if sum.isFinite {
      count += values.count
      lowest = Swift.min(lowest, low.min())
      highest = Swift.max(highest, high.max())
    } else {
      for value in values where value.isFinite {
        count += 1
        lowest = Swift.min(lowest, value)
        highest = Swift.max(highest, value)
      }
    }
  }
}

/// Counts of numbers in intervals of equal width.
package struct NumberCounts: Hashable, Sendable {
  /// How many numbers each interval holds; what is not finite is in none.
  package private(set) var counts: [Int]
  private let lowest: Double
  private let scale: Double

  /// No numbers yet; one interval if all numbers are equal.
  ///
  /// - Parameter summary: of the numbers that will be added; it has some that are finite.
  package init(_ summary: NumberSummary, intervals: Int) {
    lowest = Double(summary.lowest)
    let width = Double(summary.highest) - lowest
    counts = [Int](repeating: 0, count: width > 0 ? intervals : 1)
    scale = width > 0 ? Double(intervals) / width : 0
  }

  /// Adds the numbers of a list, all of which were in the summary.
  package mutating func add(_ values: [Float]) { values.withUnsafeBufferPointer { add($0) } }

  mutating func add(_ values: UnsafeBufferPointer<Float>) {
    let last = counts.count - 1
    let (lowest, scale) = (lowest, scale)
    counts.withUnsafeMutableBufferPointer { counts in
      for value in values where value.isFinite {
        counts[Swift.min(last, Int((Double(value) - lowest) * scale))] += 1
      }
    }
  }
}

extension StateBlock {
  /// The numbers of one entry where they lie.
  private func numbers(_ entry: StateLayout.Entry) -> UnsafeBufferPointer<Float> {
    UnsafeBufferPointer(start: memory.start + entry.offset, count: entry.shape.count)
  }

  /// Adds the numbers of an entry to a summary.
  package func add(_ entry: StateLayout.Entry, to summary: inout NumberSummary) {
    summary.add(numbers(entry))
  }

  /// Adds the numbers of an entry to counts.
  package func add(_ entry: StateLayout.Entry, to counts: inout NumberCounts) {
    counts.add(numbers(entry))
  }

  /// Appends the numbers of an entry to a list.
  package func append(_ entry: StateLayout.Entry, to list: inout [Float]) {
    list.append(contentsOf: numbers(entry))
  }

  /// The sum of the squared differences between the numbers of an entry and those of a list, and the
  /// sum of the squares of the latter.
  ///
  /// - Parameter start: where the entry's numbers begin in the list.
  package func change(
    of entry: StateLayout.Entry, from list: [Float], at start: Int
  ) -> (moved: Double, old: Double) {
    let now = numbers(entry)
    precondition(
      start >= 0 && now.count <= list.count - start,
      "\(now.count) numbers from \(start) on in a list of \(list.count)")
    return list.withUnsafeBufferPointer { list in
      let before = UnsafeBufferPointer(rebasing: list[start..<(start + now.count)])
      var (moved, old) = (SIMD4<Double>(), SIMD4<Double>())
      let whole = now.count / 4 * 4
      for index in stride(from: 0, to: whole, by: 4) {
        let new = SIMD4<Double>(now.four(at: index))
        let was = SIMD4<Double>(before.four(at: index))
        moved += (new - was) * (new - was)
        old += was * was
      }
      for index in whole..<now.count {
        let (new, was) = (Double(now[index]), Double(before[index]))
        moved[0] += (new - was) * (new - was)
        old[0] += was * was
      }
      return (moved.total, old.total)
    }
  }
}

extension UnsafeBufferPointer<Float> {
  fileprivate func four(at index: Int) -> SIMD4<Float> {
    SIMD4(self[index], self[index + 1], self[index + 2], self[index + 3])
  }
}

extension SIMD4<Double> {
  fileprivate var total: Double { (self[0] + self[1]) + (self[2] + self[3]) }
}
