/// Where a value lies before memory is laid out.
enum Place: Hashable {
  case state(Int)
  case constant(Int)
  /// A buffer of the arena by its number, and elements into it.
  case buffer(Int, offset: Int)

  func advanced(by elements: Int) -> Place {
    switch self {
    case .state(let offset): .state(offset + elements)
    case .constant(let offset): .constant(offset + elements)
    case .buffer(let number, let offset): .buffer(number, offset: offset + elements)
    }
  }

  var buffer: Int? {
    if case .buffer(let number, _) = self { return number }
    return nil
  }
}

/// A stretch of the arena that holds one value.
struct Buffer {
  var count: Int
  /// Whether the caller fills it, and keeps it for the next run.
  var isInput = false
  /// Whether the caller reads it.
  var isKept = false
  /// Buffers whose memory this one takes over where it is written first, if nothing else hinders.
  var mayReplace: [Int] = []
}

/// Lays buffers out in one block of memory so that those alive together do not overlap.
struct ArenaLayout {
  private(set) var offsets: [Int]
  private(set) var count = 0

  init(_ buffers: [Buffer], lives: [BufferLife], inPlace: Bool) {
    // What nobody touches gets no memory, only an offset unlike all others.
    offsets = buffers.indices.map { -1 - $0 }
    var free = FreeRanges()
    var ending: [Int: [Int]] = [:]
    var taken: Set<Int> = []
    let order = buffers.indices.filter { lives[$0].isUsed }.sorted {
      (lives[$0].first, $0) < (lives[$1].first, $1)
    }
    var stage = -2

    func rounded(_ count: Int) -> Int {
      let unit = StateLayout.alignment
      return max(1, (count + unit - 1) / unit) * unit
    }
    for number in order {
      let buffer = buffers[number]
      let life = lives[number]
      while stage < life.first {
        for other in ending.removeValue(forKey: stage) ?? [] where !taken.contains(other) {
          free.release(offsets[other]..<(offsets[other] + rounded(buffers[other].count)))
        }
        stage += 1
      }
      let size = rounded(buffer.count)
      let inherited =
        inPlace
        ? buffer.mayReplace.first {
          lives[$0].endsWhereBegins(life) && !taken.contains($0) && offsets[$0] >= 0
            && rounded(buffers[$0].count) == size
        } : nil
      if let inherited {
        taken.insert(inherited)
        offsets[number] = offsets[inherited]
      } else if let start = free.take(size) {
        offsets[number] = start
      } else {
        offsets[number] = count
        count += size
      }
      ending[life.last, default: []].append(number)
    }
  }
}

/// Stretches of the arena that no living buffer holds, none beside another.
///
/// A network of many layers has as many of them: they are found by size and by their ends, never one
/// by one.
private struct FreeRanges {
  private struct Stretch {
    let count: Int
    let start: Int

    /// Smaller ones first, then the ones at lower places.
    static func < (left: Stretch, right: Stretch) -> Bool {
      (left.count, left.start) < (right.count, right.start)
    }
  }

  private var bySize: [Stretch] = []
  private var ends: [Int: Int] = [:]
  private var starts: [Int: Int] = [:]

  /// Takes so many elements from the smallest stretch that has them, the lowest of equals; returns
  /// where they begin.
  mutating func take(_ count: Int) -> Int? {
    let place = self.place(of: Stretch(count: count, start: .min))
    guard place < bySize.count else { return nil }
    let found = bySize[place]
    remove(found.start..<(found.start + found.count))
    if found.count > count { insert((found.start + count)..<(found.start + found.count)) }
    return found.start
  }

  /// Gives a stretch back, joined with those beside it.
  mutating func release(_ range: Range<Int>) {
    var range = range
    if let start = starts[range.lowerBound] {
      remove(start..<range.lowerBound)
      range = start..<range.upperBound
    }
    if let end = ends[range.upperBound] {
      remove(range.upperBound..<end)
      range = range.lowerBound..<end
    }
    insert(range)
  }

  private mutating func insert(_ range: Range<Int>) {
    let entry = Stretch(count: range.count, start: range.lowerBound)
    bySize.insert(entry, at: place(of: entry))
    ends[range.lowerBound] = range.upperBound
    starts[range.upperBound] = range.lowerBound
  }

  private mutating func remove(_ range: Range<Int>) {
    bySize.remove(at: place(of: Stretch(count: range.count, start: range.lowerBound)))
    ends[range.lowerBound] = nil
    starts[range.upperBound] = nil
  }

  /// The first place whose stretch is not smaller.
  private func place(of stretch: Stretch) -> Int {
    var (low, high) = (0, bySize.count)
    while low < high {
      let middle = (low + high) / 2
      if bySize[middle] < stretch { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
