internal import Ebb
internal import EbbRuns
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
  /// The predicted number of each row, standardised; of several outputs the first.
  let firstOutputs: [Float]
  /// How far the predictions go along with the truth.
  let association: Association
  /// What is known of each row's class; none for numbers. Rows times classes may be more than fits.
  private let judgements: [Judgement]
  /// The rows as they stand in the file, and the place of each in the table.
  private let table: Table
  private let places: [Int]

  /// What the network says of a row's class.
  private struct Judgement {
    let predicted: Int
    /// The probability given to the predicted class.
    let given: Double
    /// The probability given to the true class.
    let share: Double
  }

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
    let (table, places): (Table, [Int])
    if let own {
      table = try own.readAgain(for: directory, schema: run.data.schema)
      places = Array(0..<table.rowCount)
    } else {
      (table, places) = (run.table, run.data.split.rows(of: part))
    }
    (self.table, self.places) = (table, places)
    lines = places.map { table.rowLines[$0] }
    numbers = places.map { $0 + 1 }
    ownPath = own?.path
    file = Files.name(of: (own ?? run.settings.data).path)
    var (firstOutputs, judgements) = ([Float](), [Judgement]())
    let labels: [Int32]? = if case .classes(let labels, _) = dataset.targets { labels } else { nil }
    association = try predictor.association(on: dataset) { piece, rows in
      firstOutputs += (0..<rows.count).map { piece.values[$0 * piece.outputs] }
      guard let labels else { return }
      for (place, (row, predicted)) in zip(rows, piece.classes).enumerated() {
        let all = piece.probabilities(ofRow: place)
        let label = Int(labels[row])
        judgements.append(
          Judgement(
            predicted: predicted, given: predicted < all.count ? Double(all[predicted]) : 0,
            share: label < all.count ? Double(all[label]) : 0))
      }
    }
    (self.firstOutputs, self.judgements) = (firstOutputs, judgements)
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
      let order = labels.indices.sorted {
        (judgements[$0].share, $0) < (judgements[$1].share, $1)
      }
      return order.prefix(count).map { row in
        let judgement = judgements[row]
        let (label, predicted, given) = (Int(labels[row]), judgement.predicted, judgement.given)
        return Mistake(
          row: row, number: numbers[row], line: lines[row],
          truth: schema.classes[label],
          predicted: schema.classes[predicted], isWrong: label != predicted,
          measure: label == predicted
            ? "right, but \(Words.percent(given)) sure"
            : "\(Words.percent(given)) sure; \(Words.percent(judgement.share)) for \(schema.classes[label])"
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
    let known = given(schema.target.name)
    return (
      rows.map { known?[places[$0]] ?? schema.originalTarget(Double(values[$0 * width])) },
      rows.map { schema.originalTarget(Double(firstOutputs[$0])) }
    )
  }

  /// The numbers of a column as the file has them; nil: they are not numbers there.
  private func given(_ column: String) -> [Double]? {
    guard let column = try? table.column(named: column), case .numbers(let numbers) = column.values
    else { return nil }
    return numbers
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
        let number =
          given(feature.name)?[places[row]]
          ?? GivenNumber.of(values[offset], mean: mean, scale: scale)
        result.append(
          Feature(name: feature.name, value: number.isNaN ? .missing : .number(number, distance)))
      case .constant(let value):
        let number = given(feature.name)?[places[row]] ?? value
        result.append(
          Feature(name: feature.name, value: number.isNaN ? .missing : .number(number, 0)))
      case .oneHot(let categories):
        let known = values[offset..<(offset + categories.count)].firstIndex(of: 1)
        result.append(
          Feature(
            name: feature.name,
            value: known.map { .text(categories[$0 - offset]) } ?? unknownText(feature.name, row)))
      }
      offset += feature.width
    }
    return result
  }

  /// A text of the file that is none of the known categories.
  private func unknownText(_ name: String, _ row: Int) -> Feature.Value {
    guard let column = try? table.column(named: name) else { return .missing }
    switch column.values {
    case .texts(let texts): return texts[places[row]].map { .unknownText($0) } ?? .missing
    case .numbers(let numbers):
      let number = numbers[places[row]]
      return number.isNaN ? .missing : .unknownText(NumberFormat.shortest(number))
    }
  }

  /// One feature of a row.
  struct Feature {
    enum Value {
      /// A number, and how many standard deviations it is from the mean.
      case number(Double, Double)
      case text(String)
      /// A text that no training row has.
      case unknownText(String)
      case missing
    }

    let name: String
    let value: Value
  }
}
