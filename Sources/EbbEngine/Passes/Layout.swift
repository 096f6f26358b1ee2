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
  /// The first and last instruction that touches it; -1 before the first, `Int.max` past the last.
  var first: Int
  var last: Int
  /// Buffers whose memory this one takes over at `first`, if nothing else hinders.
  var mayReplace: [Int] = []
}

/// Lays buffers out in one block of memory so that those alive together do not overlap.
struct ArenaLayout {
  private(set) var offsets: [Int]
  private(set) var count = 0

  /// Each buffer starts on a boundary of this many elements (64 bytes).
  static let alignment = 16

  init(_ buffers: [Buffer], inPlace: Bool) {
    offsets = [Int](repeating: -1, count: buffers.count)
    var free: [Range<Int>] = []
    var ending: [Int: [Int]] = [:]
    var taken: Set<Int> = []
    let order = buffers.indices.sorted {
      (buffers[$0].first, $0) < (buffers[$1].first, $1)
    }
    var instruction = -2

    func rounded(_ count: Int) -> Int {
      max(1, (count + Self.alignment - 1) / Self.alignment) * Self.alignment
    }
    func release(_ range: Range<Int>) {
      var range = range
      while let neighbour = free.firstIndex(where: {
        $0.upperBound == range.lowerBound || $0.lowerBound == range.upperBound
      }) {
        let other = free.remove(at: neighbour)
        range =
          min(other.lowerBound, range.lowerBound)..<max(other.upperBound, range.upperBound)
      }
      free.append(range)
    }

    for number in order {
      let buffer = buffers[number]
      if buffer.first > instruction {
        while instruction < buffer.first {
          for other in ending.removeValue(forKey: instruction) ?? [] where !taken.contains(other) {
            release(offsets[other]..<(offsets[other] + rounded(buffers[other].count)))
          }
          instruction += 1
        }
      }
      let size = rounded(buffer.count)
      let inherited =
        inPlace
        ? buffer.mayReplace.first {
          buffers[$0].last == buffer.first && !taken.contains($0) && offsets[$0] >= 0
            && rounded(buffers[$0].count) == size
        } : nil
      if let inherited {
        taken.insert(inherited)
        offsets[number] = offsets[inherited]
      } else if let fit = free.indices.filter({ free[$0].count >= size }).min(by: {
        (free[$0].count, free[$0].lowerBound) < (free[$1].count, free[$1].lowerBound)
      }) {
        let range = free.remove(at: fit)
        offsets[number] = range.lowerBound
        if range.count > size { free.append((range.lowerBound + size)..<range.upperBound) }
      } else {
        offsets[number] = count
        count += size
      }
      ending[buffer.last, default: []].append(number)
    }
  }
}
