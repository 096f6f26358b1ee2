internal import EbbSystem

/// How rows are divided into training, validation and test rows.
///
/// The same seed divides the same table in the same way, on any machine. For classification every
/// class is divided in the same proportions.
public struct Split: Sendable, Equatable {
  /// One of the three parts.
  public enum Part: String, Sendable, CaseIterable {
    /// The rows that the parameters, and the means and scales of the columns, are learned from.
    case training
    /// The rows that decide when to stop and which epoch was the best.
    case validation
    /// The rows that nothing is decided by, for the final figures.
    case test
  }

  /// The shares of the parts, in percent.
  public let percent: [Double]
  /// The seed of the random division.
  public let seed: UInt64

  /// 70 % training, 15 % validation and 15 % test rows.
  public init(seed: UInt64 = 0) {
    percent = [70, 15, 15]
    self.seed = seed
  }

  /// Reads three shares such as `70/15/15` or `0.8/0.1/0.1`.
  ///
  /// - Throws: ``DataError`` of kind `badSplit` unless they are three numbers, none negative, the
  ///   first positive, which add up to 100 or to 1.
  public init(_ text: String, seed: UInt64 = 0) throws(DataError) {
    func refusal(_ message: String) -> DataError {
      DataError(
        .badSplit, "the split \(text.quotedForMessage) \(message)",
        advice: "write training/validation/test in percent, such as 70/15/15")
    }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    var shares: [Double] = []
    for part in parts {
      guard case .value(let share) = NumberParser.double(part), share >= 0 else {
        throw refusal("must be numbers that are not negative, with / between them")
      }
      shares.append(share)
    }
    guard shares.count == 3 else { throw refusal("has \(shares.count) parts, expected 3") }
    let sum = shares.reduce(0, +)
    let isWhole = abs(sum - 1) < 1e-9 || abs(sum - 100) < 1e-7
    if isWhole && sum != 100 { shares = shares.map { $0 * 100 / sum } }
    guard isWhole else {
      throw refusal("adds up to \(NumberFormat.significant(sum, digits: 6)), expected 100")
    }
    guard shares[0] > 0 else { throw refusal("leaves no rows for training") }
    percent = shares
    self.seed = seed
  }

  /// The split in the form that ``init(_:seed:)`` reads.
  public var text: String {
    percent.map { share in
      share == share.rounded() && share <= 100 ? "\(Int(share))" : NumberFormat.shortest(share)
    }.joined(separator: "/")
  }

  /// The shares when some parts have tables of their own: those take nothing, and what they
  /// would have taken is training.
  func taking(validation: Bool, test: Bool) -> Split {
    let kept = [0, validation ? percent[1] : 0, test ? percent[2] : 0]
    return Split(percent: [100 - kept[1] - kept[2], kept[1], kept[2]], seed: seed)
  }

  private init(percent: [Double], seed: UInt64) {
    self.percent = percent
    self.seed = seed
  }

  /// How many parts get rows.
  var partCount: Int { percent.count { $0 > 0 } }

  /// Divides rows, all alike.
  ///
  /// - Throws: ``DataError`` of kind `badSplit` when a part would get no row, of kind `badValue` for
  ///   more rows than a table has.
  public func rows(count: Int) throws(DataError) -> SplitRows {
    guard count >= 0, count <= Int32.max else {
      throw DataError(.badValue, "expected 0 to \(Int32.max) rows, got \(count)")
    }
    return try rows(classOfRow: [Int32](repeating: 0, count: count), classCount: 1)
  }

  /// Divides rows so that each class is divided in the same proportions.
  ///
  /// The sizes of the parts are exact: they are the shares of all rows, rounded by the largest
  /// remainder. Each class's shares are rounded likewise, as far as those sizes allow. A class
  /// with a row for each part has one in each wherever another class can give way.
  ///
  /// - Parameters:
  ///   - classOfRow: The class of each row, from 0.
  ///   - classCount: How many classes there are.
  /// - Throws: ``DataError`` of kind `badSplit` when a part would get no row, of kind `badValue` for
  ///   a class that there is not.
  public func rows(classOfRow: [Int32], classCount: Int) throws(DataError) -> SplitRows {
    guard classCount >= 0, classCount <= Int32.max else {
      throw DataError(.badValue, "expected 0 to \(Int32.max) classes, got \(classCount)")
    }
    var rowsOfClass = [[Int]](repeating: [], count: classCount)
    for (row, label) in classOfRow.enumerated() {
      guard label >= 0 && label < classCount else {
        throw DataError(
          .badValue, "class \(label) of row \(row) is outside 0..<\(classCount)")
      }
      rowsOfClass[Int(label)].append(row)
    }
    let counts = try counts(classSizes: rowsOfClass.map(\.count))
    var partOfRow = [Part](repeating: .training, count: classOfRow.count)
    for (label, sizes) in counts.enumerated() {
      var rows = rowsOfClass[label]
      SplitRandom.shuffle(&rows, seed: seed, purpose: .split, stream: UInt64(label))
      for row in rows[sizes[0]..<(sizes[0] + sizes[1])] { partOfRow[row] = .validation }
      for row in rows[(sizes[0] + sizes[1])...] { partOfRow[row] = .test }
    }
    return SplitRows(partOfRow: partOfRow)
  }

  /// How many rows of each class go to each part.
  private func counts(classSizes: [Int]) throws(DataError) -> [[Int]] {
    let total = classSizes.reduce(0, +)
    let sizes = Self.largestRemainder(total, percent)
    for (index, part) in Part.allCases.enumerated() where sizes[index] == 0 && percent[index] > 0 {
      throw DataError(
        .badSplit,
        "\(NumberFormat.counted(total, "row")) split as \(text) leave none for \(part.rawValue)",
        advice: "use more data or another split")
    }
    // Each class first gets the whole part of its quotas; never more than fits a part's size.
    var counts = classSizes.map { size in
      percent.map { Int((Double(size) * $0 / 100).rounded(.down)) }
    }
    var room = sizes.indices.map { part in sizes[part] - counts.reduce(0) { $0 + $1[part] } }
    var left = classSizes.indices.map { classSizes[$0] - counts[$0].reduce(0, +) }
    var candidates: [(remainder: Double, label: Int, part: Int)] = []
    for (label, size) in classSizes.enumerated() {
      for part in percent.indices {
        let quota = Double(size) * percent[part] / 100
        candidates.append((quota - quota.rounded(.down), label, part))
      }
    }
    candidates.sort {
      ($1.remainder, $0.label, $0.part) < ($0.remainder, $1.label, $1.part)
    }
    // Later rounds place what a full part turned away.
    var placed = true
    while placed {
      placed = false
      for (_, label, part) in candidates where left[label] > 0 && room[part] > 0 {
        counts[label][part] += 1
        left[label] -= 1
        room[part] -= 1
        placed = true
      }
    }
    spread(&counts)
    return counts
  }

  /// Gives classes a row in each part by exchanging rows with a class that has several there.
  private func spread(_ counts: inout [[Int]]) {
    var donors = percent.indices.map { part in
      LargestFirst(counts.enumerated().map { (count: $1[part], label: $0) })
    }
    for label in counts.indices {
      for part in percent.indices where percent[part] > 0 && counts[label][part] == 0 {
        let sources = percent.indices.filter { counts[label][$0] >= 2 }
        guard let source = sources.max(by: { counts[label][$0] < counts[label][$1] }),
          let donor = donors[part].first(whereCountIs: { counts[$0][part] })
        else { continue }
        counts[label][part] += 1
        counts[label][source] -= 1
        counts[donor][part] -= 1
        counts[donor][source] += 1
        for changed in [label, donor] {
          donors[part].insert(counts[changed][part], label: changed)
          donors[source].insert(counts[changed][source], label: changed)
        }
      }
    }
  }

  /// Whole numbers in the proportions of `shares` that add up to `total`; the largest remainders
  /// are rounded up, of equal ones the first.
  private static func largestRemainder(_ total: Int, _ shares: [Double]) -> [Int] {
    let quotas = shares.map { Double(total) * $0 / 100 }
    var sizes = quotas.map { Int($0.rounded(.down)) }
    let order = quotas.indices.sorted {
      let (left, right) = (quotas[$0] - Double(sizes[$0]), quotas[$1] - Double(sizes[$1]))
      return left == right ? $0 < $1 : left > right
    }
    for part in order.prefix(max(0, total - sizes.reduce(0, +))) { sizes[part] += 1 }
    return sizes
  }
}

/// Which row went to which part; rows count from 0 and stand in ascending order.
public struct SplitRows: Sendable, Equatable {
  /// The part of each row.
  public let partOfRow: [Split.Part]
  /// The rows for training.
  public let training: [Int]
  /// The rows for validation.
  public let validation: [Int]
  /// The rows for the test.
  public let test: [Int]

  init(partOfRow: [Split.Part]) {
    self.partOfRow = partOfRow
    training = partOfRow.indices.filter { partOfRow[$0] == .training }
    validation = partOfRow.indices.filter { partOfRow[$0] == .validation }
    test = partOfRow.indices.filter { partOfRow[$0] == .test }
  }

  /// The rows of a part.
  public func rows(of part: Split.Part) -> [Int] {
    switch part {
    case .training: training
    case .validation: validation
    case .test: test
    }
  }
}

/// Classes by how many rows they have in a part, the largest first, of equals the first: a heap, since
/// there may be as many classes as rows.
private struct LargestFirst {
  private typealias Entry = (count: Int, label: Int)

  /// Each entry stands before those at twice its place and the one after. Entries whose count has
  /// changed since are passed over.
  private var entries: [Entry] = []

  init(_ entries: [(count: Int, label: Int)]) {
    self.entries = entries.filter { $0.count >= 2 }.sorted { Self.isBefore($0, $1) }
  }

  /// The class with the most rows, if it has two.
  mutating func first(whereCountIs count: (_ label: Int) -> Int) -> Int? {
    while let found = entries.first {
      if found.count == count(found.label) { return found.label }
      removeFirst()
    }
    return nil
  }

  mutating func insert(_ count: Int, label: Int) {
    guard count >= 2 else { return }
    entries.append((count, label))
    var place = entries.count - 1
    while place > 0, Self.isBefore(entries[place], entries[(place - 1) / 2]) {
      entries.swapAt(place, (place - 1) / 2)
      place = (place - 1) / 2
    }
  }

  private mutating func removeFirst() {
    entries.swapAt(0, entries.count - 1)
    entries.removeLast()
    var place = 0
    while true {
      var least = place
      for child in [2 * place + 1, 2 * place + 2]
      where child < entries.count && Self.isBefore(entries[child], entries[least]) {
        least = child
      }
      if least == place { return }
      entries.swapAt(place, least)
      place = least
    }
  }

  private static func isBefore(_ left: Entry, _ right: Entry) -> Bool {
    (right.count, left.label) < (left.count, right.label)
  }
}
