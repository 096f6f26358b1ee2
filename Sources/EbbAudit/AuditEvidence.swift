internal import EbbData
internal import EbbGradients
internal import EbbTraining

/// What networks say of each row, added up over those that were asked.
struct AuditEvidence {
  let dataset: Dataset
  /// Numbers per row of what is said: probabilities of the classes, or predicted numbers.
  let width: Int
  private var said: [Double]
  private var losses: [Double]
  private var squares: [Double]
  private var opinions: [Int]
  private var cosines: [Double?]

  init(_ dataset: Dataset, width: Int) {
    self.dataset = dataset
    self.width = width
    said = [Double](repeating: 0, count: dataset.rowCount * width)
    losses = [Double](repeating: 0, count: dataset.rowCount)
    squares = losses
    opinions = [Int](repeating: 0, count: dataset.rowCount)
    cosines = [Double?](repeating: nil, count: dataset.rowCount)
  }

  /// The numbers per row that a model's predictions become.
  static func width(of model: Model, _ targets: Dataset.Targets) -> Int {
    switch targets {
    case .none: 0
    case .classes(_, let count): count
    case .values(_, let outputs): outputs
    }
  }

  /// Asks a model about some of the rows.
  ///
  /// - Parameter withCosines: whether the directions of the gradients are compared too.
  mutating func ask(_ model: Model, about rows: [Int], withCosines: Bool, threads: Int) throws {
    guard !rows.isEmpty else { return }
    let part = try dataset.rows(rows)
    let norms = try model.perExampleGradientNorms(
      on: try Batch(part, rows: Array(rows.indices)), threads: threads)
    let predictions = try model.predictor(threads: threads).predict(part)
    let isClassified = part.targets.labels != nil
    for (place, (row, norm)) in zip(rows, norms.total).enumerated() {
      losses[row] += norms.losses[place]
      squares[row] += norm * norm
      opinions[row] += 1
      let numbers =
        isClassified
        ? predictions.probabilities(ofRow: place)
        : Array(predictions.values[place * width..<(place + 1) * width])
      for (column, number) in numbers.enumerated() { said[row * width + column] += Double(number) }
    }
    guard withCosines, let labels = part.targets.labels else { return }
    let found = try GradientCosines(model, part, groups: labels.map(Int.init), threads: threads)
    for (row, cosine) in zip(rows, found.values) { cosines[row] = cosine }
  }

  /// The mean over those that were asked about the row.
  private func mean(_ sum: Double, _ row: Int) -> Double { sum / Double(max(1, opinions[row])) }

  /// The mean probabilities of the classes, or the mean prediction.
  func said(of row: Int) -> [Double] {
    said[row * width..<(row + 1) * width].map { mean($0, row) }
  }

  /// The mean probability of one class, or the mean of one predicted number.
  func said(of row: Int, _ column: Int) -> Double { mean(said[row * width + column], row) }

  /// The mean loss.
  func loss(of row: Int) -> Double { mean(losses[row], row) }

  /// The mean of the gradient's squared norm.
  func square(of row: Int) -> Double { mean(squares[row], row) }

  /// The direction of the gradient beside that of the other rows with the label.
  func cosine(of row: Int) -> Double? { cosines[row] }
}
