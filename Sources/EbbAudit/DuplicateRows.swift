package import EbbData

/// The rows of a dataset by what their features are: rows of one group have the same features, bit for
/// bit but for the sign of zero.
package struct DuplicateRows {
  /// The group of each row; groups are numbered by their first rows.
  let groupOfRow: [Int]
  /// The rows of each group, ascending.
  let groups: [[Int]]

  package init(_ dataset: Dataset) {
    var known: [[Float]: Int] = [:]
    var groupOfRow: [Int] = []
    var groups: [[Int]] = []
    let features = dataset.features
    for row in 0..<dataset.rowCount {
      let start = row * dataset.featureCount
      // Floats are hashed and compared by value: −0 is 0, and there is no NaN in a dataset.
      let key = Array(features[start..<start + dataset.featureCount])
      let group = known[key] ?? groups.count
      if group == groups.count {
        known[key] = group
        groups.append([])
      }
      groups[group].append(row)
      groupOfRow.append(group)
    }
    (self.groupOfRow, self.groups) = (groupOfRow, groups)
  }

  /// The rows that contradict each row, at most the first 100.
  ///
  /// - Parameter isConflict: whether two rows of the same features contradict each other.
  func conflicts(_ isConflict: (Int, Int) -> Bool) -> [[Int]] {
    groupOfRow.indices.map { row in
      var found: [Int] = []
      for other in groups[groupOfRow[row]] where other != row && isConflict(row, other) {
        found.append(other)
        if found.count == 100 { break }
      }
      return found
    }
  }
}
