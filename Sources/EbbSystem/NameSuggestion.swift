/// Finds what a misspelled name was probably meant to be.
package enum NameSuggestion {
  /// The name nearest to `name`, when it is near enough to be meant; the first of equally near.
  ///
  /// Near enough: at most one edit for each three letters begun. Capitals and small letters
  /// count as equal.
  package static func closest(to name: String, among names: [String]) -> String? {
    // The work grows with the square of the length, and nobody types such names.
    guard name.utf8.count <= longestName else { return nil }
    let wanted = Array(name.lowercased())
    var best: (name: String, distance: Int)?
    let limit = (wanted.count + 2) / 3
    for candidate in names where candidate.utf8.count <= longestName {
      let letters = Array(candidate.lowercased())
      if abs(letters.count - wanted.count) > limit { continue }
      let distance = distance(wanted, letters)
      if distance <= limit && distance < (best?.distance ?? .max) { best = (candidate, distance) }
    }
    return best?.name
  }

  /// Names of more bytes are not compared.
  private static let longestName = 400

  /// What to say about a name that is none of those known:
  /// `did you mean hidden1.weight? the names are hidden1.weight, hidden1.bias`.
  package static func advice(for name: String, among names: [String]) -> String {
    let hint = closest(to: name, among: names).map { "did you mean \($0)? " } ?? ""
    return hint + "the names are " + MessageText.list(names.lazy.map(MessageText.name))
  }

  /// How many letters must be added, removed, changed or swapped with their neighbour
  /// (optimal string alignment).
  package static func distance(_ from: [Character], _ to: [Character]) -> Int {
    var beforeLast = [Int](repeating: 0, count: to.count + 1)
    var last = Array(0...to.count)
    for row in from.indices {
      var current = [row + 1]
      for column in to.indices {
        var least = last[column] + (from[row] == to[column] ? 0 : 1)
        least = min(least, last[column + 1] + 1, current[column] + 1)
        if row > 0, column > 0, from[row] == to[column - 1], from[row - 1] == to[column] {
          least = min(least, beforeLast[column - 1] + 1)
        }
        current.append(least)
      }
      (beforeLast, last) = (last, current)
    }
    return last[to.count]
  }
}
