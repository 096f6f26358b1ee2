package import Ebb

extension Model {
  /// Rows worth looking at beside one of them: wrong ones and right ones of each class, or those with
  /// large errors and some down to the smallest.
  ///
  /// - Parameters:
  ///   - dataset: rows with their targets.
  ///   - own: the row that is looked at anyhow; nil: it is not in the dataset.
  ///   - count: how many at most.
  package func rowsWorthSeeing(
    in dataset: Dataset, beside own: Int?, count: Int
  ) throws -> [Int] {
    let others = (0..<dataset.rowCount).filter { $0 != own }
    guard count > 0, !others.isEmpty else { return [] }
    let predictions = try predictor().predict(dataset)
    switch dataset.targets {
    case .none: return Array(others.prefix(count))
    case .classes(let labels, _):
      return Self.rows(others, by: predictions, labels: labels, count: count)
    case .values(let values, let outputs):
      return Self.rows(others, by: predictions, values: values, outputs: outputs, count: count)
    }
  }

  /// Half of them wrong, those with the least probability of the truth first; then right ones, a row
  /// of each class in turn.
  private static func rows(
    _ others: [Int], by predictions: Predictions, labels: [Int32], count: Int
  ) -> [Int] {
    let predicted = predictions.classes
    func probability(_ row: Int) -> Float {
      predictions.probabilities(ofRow: row)[Int(labels[row])]
    }
    let wrong = others.filter { predicted[$0] != Int(labels[$0]) }
      .map { (row: $0, probability: probability($0)) }
      .sorted { ($0.probability, $0.row) < ($1.probability, $1.row) }
    let chosen = wrong.prefix(count / 2).map(\.row)
    var seen: [Int32: Int] = [:]
    var right: [(turn: Int, label: Int32, row: Int)] = []
    for row in others where predicted[row] == Int(labels[row]) {
      let turn = seen[labels[row], default: 0]
      seen[labels[row]] = turn + 1
      right.append((turn, labels[row], row))
    }
    return chosen + right.sorted { $0 < $1 }.prefix(count - chosen.count).map(\.row)
  }

  /// Half of them the largest errors, then evenly down to the smallest.
  private static func rows(
    _ others: [Int], by predictions: Predictions, values: [Float], outputs: Int, count: Int
  ) -> [Int] {
    func error(_ row: Int) -> Float {
      (row * outputs..<(row + 1) * outputs).reduce(0) {
        $0 + (predictions.values[$1] - values[$1]).magnitude
      }
    }
    let order = others.map { (row: $0, error: error($0)) }
      .sorted { $0.error != $1.error ? $0.error > $1.error : $0.row < $1.row }.map(\.row)
    guard order.count > count else { return order }
    let worst = count / 2
    let rest = count - worst
    return order.prefix(worst)
      + (1...rest).map { order[worst - 1 + (order.count - worst) * $0 / rest] }
  }
}
