package import EbbData
package import EbbEvaluation

extension Predictions {
  /// What a row gives to a class, 0 to 1.
  package func share(ofRow row: Int, class column: Int) -> Double {
    if outputs == 1 {
      let share = Double(values[row])
      return column == 1 ? share : 1 - share
    }
    return column < outputs ? Double(values[row * outputs + column]) : 0
  }
}

extension Predictor {
  /// How far the predictions for a dataset go along with its targets, beyond chance; of several numbers
  /// the first.
  ///
  /// - Parameter observe: is given the predictions in pieces as they come, and which rows they are for.
  package func association(
    on dataset: Dataset,
    observe: (_ piece: Predictions, _ rows: Range<Int>) -> Void = { _, _ in }
  ) throws -> Association {
    var sums: Association.Sums?
    if case .classes(let labels, let count) = dataset.targets {
      sums = Association.Sums(labels: labels.map(Int.init), classes: count)
    }
    var predicted: [Double] = []
    try predict(dataset) { piece, rows in
      observe(piece, rows)
      for place in 0..<rows.count {
        if sums == nil {
          predicted.append(Double(piece.values[place * piece.outputs]))
        } else {
          sums?.add(rows.lowerBound + place) { piece.share(ofRow: place, class: $0) }
        }
      }
    }
    if let sums { return sums.association }
    guard case .values(let numbers, let width) = dataset.targets else {
      return Association(truth: [], predicted: [])
    }
    return Association(
      truth: predicted.indices.map { Double(numbers[$0 * width]) }, predicted: predicted)
  }
}
