/// In which stages instructions run, and from when to when buffers are needed.
///
/// An instruction waits for whatever it reads to be written, and for whatever it overwrites to be read.
/// Instructions of one stage wait for none of each other, so that threads may share them: small ones
/// fill the time in which a large one keeps all threads busy.
struct Schedule {
  /// The stage of each draft.
  private(set) var stages: [Int] = []
  /// The drafts stage by stage, those with the largest chunks first: the small ones at the end let
  /// threads finish together.
  let order: [Int]
  /// The life of each buffer, in stages.
  private(set) var lives: [BufferLife]

  /// An instruction comes at most so many stages before one that was traced earlier: the further it
  /// moves up, the longer its result takes memory.
  private static let mostAhead = 1

  /// - Parameter sharesStages: whether a stage may have several instructions.
  init(
    _ drafts: [Lowering.Draft], _ buffers: [Buffer], state: StateLayout, sharesStages: Bool
  ) {
    lives = buffers.map { BufferLife($0) }
    let entries = EntryIndex(state)
    var written: [Resource: Int] = [:]
    var read: [Resource: Int] = [:]
    var last = -1
    // The earliest stage that is still open.
    var first = 0
    for draft in drafts {
      let reads = Set(draft.reads.compactMap { Resource($0, entries) })
      let writes = Set(draft.writes.compactMap { Resource($0, entries) })
      var stage = max(first, last - Self.mostAhead)
      if draft.isAlone || !sharesStages {
        stage = last + 1
        first = last + 2
      }
      for resource in reads.union(writes) { stage = max(stage, written[resource, default: -1] + 1) }
      for resource in writes { stage = max(stage, read[resource, default: -1] + 1) }
      for resource in reads { read[resource] = max(stage, read[resource, default: -1]) }
      for resource in writes { written[resource] = stage }
      for case .buffer(let number) in reads.union(writes) { lives[number].use(in: stage) }
      stages.append(stage)
      last = max(last, stage)
    }
    for number in lives.indices { lives[number].settle() }
    let stages = self.stages
    func size(_ number: Int) -> Int { drafts[number].operations / drafts[number].chunks.count }
    order = drafts.indices.sorted {
      (stages[$0], -size($0), $0) < (stages[$1], -size($1), $1)
    }
  }

  /// What one instruction may keep another waiting for.
  private enum Resource: Hashable {
    case buffer(Int)
    case entry(Int)

    /// Constants are never written.
    init?(_ place: Place, _ entries: EntryIndex) {
      switch place {
      case .buffer(let number, _): self = .buffer(number)
      case .state(let offset): self = .entry(entries[offset])
      case .constant: return nil
      }
    }
  }

  /// The entry of the state to which an offset belongs.
  private struct EntryIndex {
    private let starts: [Int]

    init(_ state: StateLayout) { starts = state.entries.map(\.offset).sorted() }

    subscript(offset: Int) -> Int {
      var (low, high) = (0, starts.count)
      while low < high {
        let middle = (low + high) / 2
        if starts[middle] <= offset { low = middle + 1 } else { high = middle }
      }
      return low
    }
  }
}

/// From which stage to which a buffer holds what is needed.
struct BufferLife {
  private(set) var first = Int.max
  private(set) var last = -1
  /// Instructions that touch it in its last stage.
  private var lastUses = 0
  private let isKept: Bool

  init(_ buffer: Buffer) {
    isKept = buffer.isKept || buffer.isInput
    if buffer.isInput { first = -1 }
    if isKept { last = .max }
  }

  /// Whether it needs memory at all.
  var isUsed: Bool { first <= last }

  mutating func use(in stage: Int) {
    first = min(first, stage)
    if isKept { return }
    lastUses = stage > last ? 1 : stage == last ? lastUses + 1 : lastUses
    last = max(last, stage)
  }

  /// To be called when all uses are known: what the caller reads exists even if nothing computes it.
  mutating func settle() {
    if isKept && first == .max { first = -1 }
  }

  /// Whether one instruction alone both ends this life and begins the other.
  func endsWhereBegins(_ other: BufferLife) -> Bool { last == other.first && lastUses == 1 }
}
