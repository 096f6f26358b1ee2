internal import EbbData

/// A division of rows into parts, each of which is judged by a network that was trained on the others.
///
/// Every class is divided evenly. Rows with the same features stay together: a copy of a wrong label
/// must not vouch for it.
package struct AuditFolds {
  /// The rows of each part, ascending.
  package let parts: [[Int]]

  /// Divides the rows.
  ///
  /// - Parameters:
  ///   - pass: each has a division of its own.
  package init(_ duplicates: DuplicateRows, classes: [Int32]?, count: Int, seed: UInt64, pass: Int)
  {
    var groupsOfClass: [Int32: [Int]] = [:]
    for (group, rows) in duplicates.groups.enumerated() {
      groupsOfClass[classes?[rows[0]] ?? 0, default: []].append(group)
    }
    var parts = [[Int]](repeating: [], count: count)
    // Each class goes on where the one before it ended, so that the parts are even on the whole too.
    var next = 0
    for label in groupsOfClass.keys.sorted() {
      var groups = groupsOfClass[label] ?? []
      // A split's own streams are labels alone, below 2^32.
      SplitRandom.shuffle(
        &groups, seed: seed, purpose: .split,
        stream: UInt64(pass + 1) << 32 | UInt64(UInt32(bitPattern: label)))
      for group in groups {
        parts[next % count] += duplicates.groups[group]
        next += 1
      }
    }
    self.parts = parts.map { $0.sorted() }
  }

  /// The rows of all parts but one, ascending.
  func others(_ part: Int) -> [Int] {
    parts.indices.flatMap { $0 == part ? [] : parts[$0] }.sorted()
  }
}
