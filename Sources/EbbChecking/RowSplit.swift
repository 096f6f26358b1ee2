internal import EbbData
internal import EbbNetworks
internal import EbbNumerics
internal import EbbSystem

/// The row at which the rows' weights in somebody's gradient change, found from the gradients of biases:
/// each is a weighted sum of the rows' δ, so the sums up to each row are tried.
struct RowSplit {
  /// The first row of the second part, from 0.
  let row: Int
  /// By what the rows before it are multiplied, and those from it on; 1/B both for the mean.
  let first: Double
  let last: Double
  private let rows: Int

  /// The best split, if it is one: nil when all rows have the same weight, or nothing can be told.
  init?(search: HypothesisSearch) {
    let evidence = search.evidence
    let rows = evidence.batch.count
    self.rows = rows
    // From the outputs down, until there are enough numbers to decide on.
    var theirs: [Double] = []
    var layers: [[[Double]]] = []
    for target in search.targets.reversed() where target.role == .bias && theirs.count < 8 {
      guard let numbers = target.theirs, let deltas = evidence.deltas[target.layer],
        deltas.first?.count == numbers.count
      else { continue }
      theirs += numbers
      layers.append(deltas)
    }
    guard rows >= 2, theirs.count >= 3 else { return nil }
    // δ holds 1/B already.
    let perRow = (0..<rows).map { row in layers.flatMap { $0[row].map { $0 * Double(rows) } } }
    var total = [Double](repeating: 0, count: theirs.count)
    for delta in perRow { for index in total.indices { total[index] += delta[index] } }
    var head = [Double](repeating: 0, count: theirs.count)
    var best: (row: Int, first: Double, last: Double, error: Double)?
    for row in 1..<rows {
      for index in head.indices { head[index] += perRow[row - 1][index] }
      let tail = head.indices.map { total[$0] - head[$0] }
      guard let (first, last) = Self.fit(theirs, head, tail) else { continue }
      let predicted = head.indices.map { first * head[$0] + last * tail[$0] }
      let error = theirs.distance(from: predicted)
      if error < best?.error ?? .infinity { best = (row, first, last, error) }
    }
    let limit = 100 * search.tolerance * theirs.euclideanNorm
    guard let best, best.error <= limit else { return nil }
    let size = max(best.first.magnitude, best.last.magnitude)
    guard (best.first - best.last).magnitude > 1e-3 * size else { return nil }
    // A weight that rounding made is none.
    let least = 1e-4 * size
    row = best.row
    first = best.first.magnitude < least ? 0 : best.first
    last = best.last.magnitude < least ? 0 : best.last
  }

  /// The factors of two vectors that come nearest to a third.
  private static func fit(
    _ target: [Double], _ one: [Double], _ other: [Double]
  ) -> (Double, Double)? {
    func dot(_ x: [Double], _ y: [Double]) -> Double { LinearAlgebra.dot(x, y) }
    let (a, b, c) = (dot(one, one), dot(one, other), dot(other, other))
    let determinant = a * c - b * b
    guard determinant > 1e-12 * a * c else { return nil }
    let (p, q) = (dot(one, target), dot(other, target))
    return ((p * c - q * b) / determinant, (q * a - p * b) / determinant)
  }

  /// What it means.
  var part: GradientExplanation.Part {
    let tail = rows - row
    func times(_ factor: Double) -> String {
      NumberFormat.significant(factor * Double(rows), digits: 5)
    }
    if last == 0 || first == 0 {
      let (count, which, factor) = last == 0 ? (row, "first", first) : (tail, "last", last)
      let share = NumberFormat.significant(factor * Double(count), digits: 5)
      return GradientExplanation.Part(
        .rowsLeftOut,
        "only the \(which) \(NumberFormat.counted(count, "row")) of \(rows) counted, with \(share) "
          + "times their mean", number: Double(row))
    }
    let counts =
      "\(Self.named("first", row)) \(times(first)) times what \(row == 1 ? "it" : "they") should, "
      + "\(Self.named("last", tail)) \(times(last)) times"
    func part(_ mistake: GradientMistake, _ sentence: String) -> GradientExplanation.Part {
      GradientExplanation.Part(mistake, "\(sentence): \(counts)", number: Double(row))
    }
    let (head, end) = (first * Double(row), last * Double(tail))
    if Self.isNear(head, 1) && Self.isNear(end, 1) {
      return part(
        .staleAccumulation,
        "the gradient of earlier rows was still there when later ones were added")
    }
    for (ratio, which, count) in [(last / first, "last", tail), (first / last, "first", row)] {
      let whole = ratio.rounded()
      guard whole >= 2 && whole <= 9 && Self.isNear(ratio, whole) else { continue }
      let rows = count == 1 ? "row was" : "\(count) rows were"
      return part(.rowsRepeated, "the \(which) \(rows) counted \(Int(whole)) times")
    }
    return part(
      .rowsWeighted,
      Self.isNear(head, end)
        ? "two parts of the rows were joined as if they were equally large"
        : "the rows do not count alike")
  }

  /// `the last row counts`, `the first 3 rows count`.
  private static func named(_ which: String, _ count: Int) -> String {
    count == 1 ? "the \(which) row counts" : "the \(which) \(count) rows count"
  }

  private static func isNear(_ number: Double, _ expected: Double) -> Bool {
    (number - expected).magnitude <= 0.01 * expected.magnitude
  }
}
