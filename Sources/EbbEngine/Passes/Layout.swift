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

  /// Each buffer starts on a boundary of this many elements (64 bytes).
  static let alignment = 16

  init(_ buffers: [Buffer], lives: [BufferLife], inPlace: Bool) {
    // What nobody touches gets no memory, only an offset unlike all others.
    offsets = buffers.indices.map { -1 - $0 }
    var free: [Range<Int>] = []
    var ending: [Int: [Int]] = [:]
    var taken: Set<Int> = []
    let order = buffers.indices.filter { lives[$0].isUsed }.sorted {
      (lives[$0].first, $0) < (lives[$1].first, $1)
    }
    var stage = -2

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
      let life = lives[number]
      while stage < life.first {
        for other in ending.removeValue(forKey: stage) ?? [] where !taken.contains(other) {
          release(offsets[other]..<(offsets[other] + rounded(buffers[other].count)))
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
      ending[life.last, default: []].append(number)
    }
  }
}
