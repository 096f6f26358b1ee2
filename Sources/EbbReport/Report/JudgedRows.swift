internal import Ebb
internal import EbbSystem

/// The rows that a network is judged by, with what it says about each.
struct JudgedRows {
  /// Which part they are.
  let part: Split.Part
  let dataset: Dataset
  /// The line of the file on which each row begins.
  let lines: [Int]
  /// The number of each row in the file, counted from 1 without the header, as `--row` takes it.
  let numbers: [Int]
  /// The path of the part's file, if it has one of its own.
  let ownPath: String?
  /// The file's name.
  let file: String
  let predictions: Predictions

  init(
    _ part: Split.Part, of run: PreparedRun, in directory: RunDirectory, predictor: Predictor
  ) throws {
    self.part = part
    let own: DataFile?
    switch part {
    case .training: (dataset, own) = (run.data.training, nil)
    case .validation: (dataset, own) = (run.data.validation, run.settings.validation)
    case .test: (dataset, own) = (run.data.test, run.settings.test)
    }
    if let own {
      lines = try own.readAgain(for: directory, schema: run.data.schema).rowLines
      numbers = lines.indices.map { $0 + 1 }
    } else {
      let places = run.data.split.rows(of: part)
      lines = places.map { run.table.rowLines[$0] }
      numbers = places.map { $0 + 1 }
    }
    ownPath = own?.path
    file = Files.name(of: (own ?? run.settings.data).path)
    predictions = try predictor.predict(dataset)
  }

  /// One row that was predicted badly.
  struct Mistake {
    let row: Int
    /// The row's number in the file, from 1.
    let number: Int
    let line: Int
    let truth: String
    let predicted: String
    let isWrong: Bool
    /// How bad it is: what was given to the truth, or how far off the prediction was.
    let measure: String

    /// `row 758 (line 759)`.
    var place: String { "row \(number) (line \(line))" }
  }

  /// The rows that were predicted worst, the worst first.
  func worst(_ count: Int, schema: Schema) -> [Mistake] {
    switch dataset.targets {
    case .none: return []
    case .classes(let labels, _):
      let classes = predictions.classes
      let shares = labels.indices.map { row in
        let all = predictions.probabilities(ofRow: row)
        let label = Int(labels[row])
        return label < all.count ? Double(all[label]) : 0
      }
      let order = labels.indices.sorted { (shares[$0], $0) < (shares[$1], $1) }
      return order.prefix(count).map { row in
        let (label, predicted) = (Int(labels[row]), classes[row])
        let all = predictions.probabilities(ofRow: row)
        let given = predicted < all.count ? Double(all[predicted]) : 0
        return Mistake(
          row: row, number: numbers[row], line: lines[row],
          truth: schema.classes[label],
          predicted: schema.classes[predicted], isWrong: label != predicted,
          measure: label == predicted
            ? "right, but \(Words.percent(given)) sure"
            : "\(Words.percent(given)) sure; \(Words.percent(shares[row])) for \(schema.classes[label])"
        )
      }
    case .values:
      let both = values(schema: schema)
      let errors = zip(both.predicted, both.truth).map { $0 - $1 }
      let order = errors.indices.sorted { (errors[$1].magnitude, $0) < (errors[$0].magnitude, $1) }
      return order.prefix(count).map { row in
        Mistake(
          row: row, number: numbers[row], line: lines[row],
          truth: Words.plain(both.truth[row]),
          predicted: Words.plain(both.predicted[row]), isWrong: true,
          measure: "\(errors[row] < 0 ? "−" : "+")\(Words.number(errors[row].magnitude))")
      }
    }
  }

  /// Truth and prediction of each row in the unit of the data; of several outputs the first.
  func values(schema: Schema) -> (truth: [Double], predicted: [Double]) {
    guard case .values(let values, let width) = dataset.targets else { return ([], []) }
    let rows = 0..<dataset.rowCount
    return (
      rows.map { schema.originalTarget(Double(values[$0 * width])) },
      rows.map { schema.originalTarget(Double(predictions.values[$0 * predictions.outputs])) }
    )
  }

  /// The features of a row in the unit of the data, each with its distance from the training rows' mean
  /// in standard deviations; a category that the row is of has none.
  func features(ofRow row: Int, schema: Schema) -> [Feature] {
    let values = Array(dataset.features(ofRow: row))
    var result: [Feature] = []
    var offset = 0
    for feature in schema.features {
      switch feature.encoding {
      case .standardized(let mean, let scale):
        let distance = Double(values[offset])
        result.append(
          Feature(name: feature.name, value: .number(mean + scale * distance, distance)))
      case .constant(let value):
        result.append(Feature(name: feature.name, value: .number(value, 0)))
      case .oneHot(let categories):
        let place = values[offset..<(offset + categories.count)].firstIndex(of: 1)
        let text = place.map { categories[$0 - offset] } ?? "none that training knew"
        result.append(Feature(name: feature.name, value: .text(text)))
      }
      offset += feature.width
    }
    return result
  }

  /// One feature of a row.
  struct Feature {
    enum Value {
      /// A number, and how many standard deviations it is from the mean.
      case number(Double, Double)
      case text(String)
    }

    let name: String
    let value: Value
  }
}
