import Ebb
import EbbRuns
import EbbSystem

/// Labelled rows with the lines of their file: those of a data file, or a run's own.
struct AuditRows {
  let dataset: Dataset
  /// The line of each row in its file.
  let lines: [Int]
  /// The number of each row among the data rows of its file, from 1.
  let numbers: [Int]
  /// What is to be known of how the data were read.
  let notes: [String]
  /// Such as `digits.csv` or `training rows of digits.csv`.
  let name: String
  /// The file's name alone.
  let fileName: String
  /// Whether the model may have been trained on some of the rows.
  let mayHaveBeenTrainedOn: Bool
  /// How the run was trained, if there is one.
  let settings: RunSettings?

  /// What `ebb audit` was asked to look at.
  ///
  /// - Parameter part: a part of the run's own rows; nil without data: all rows of its data file.
  init(data: String?, part: Split.Part?, of source: ModelSource, schema: Schema) throws {
    settings = try source.run.map { try RunSettings(of: $0) }
    let table: Table
    var rows: [Int]?
    if let data {
      table = try DataSource.table(data, schema: schema)
      name = table.source
    } else if let run = source.run, let settings {
      let own: DataFile? =
        switch part {
        case .validation: settings.validation
        case .test: settings.test
        case .training, nil: nil
        }
      table = try (own ?? settings.data).readAgain(for: run, schema: schema)
      if own == nil, let part { rows = try RunSplit.rows(of: part, in: run, table: table) }
      name = part.map { "\($0.rawValue) rows of \(table.source)" } ?? table.source
    } else {
      throw CommandFailure.usage(
        part == nil
          ? "give the DATA to look at: \(source.path) is a model file, which holds no rows"
          : "--split needs the directory of a run, and \(source.path) is a file; give DATA instead")
    }
    fileName = table.source
    mayHaveBeenTrainedOn = part == nil || part == .training
    let encoded = try schema.encode(table, rows: rows, target: .required)
    dataset = encoded.dataset
    // Training has said what there is to say of a run's own file.
    notes = data == nil ? [] : table.notes + encoded.notes
    let chosen = rows ?? Array(0..<table.rowCount)
    (lines, numbers) = (chosen.map { table.rowLines[$0] }, chosen.map { $0 + 1 })
  }
}
