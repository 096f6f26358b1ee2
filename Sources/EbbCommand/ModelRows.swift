import Ebb
import EbbSystem

/// Labelled rows for a model: those of a data file, or a part of its run's own.
struct ModelRows {
  let dataset: Dataset
  /// What is to be known of how the data were read.
  let notes: [String]
  /// Such as `digits.csv` or `test rows of digits.csv`.
  let name: String

  /// Rows of a data file.
  init(file: String, schema: Schema) throws {
    let table = try DataSource.table(file)
    let encoded = try schema.encode(table, target: .required)
    (dataset, notes) = (encoded.dataset, table.notes + encoded.notes)
    name = table.source
  }

  /// A part of the rows that a run was made from.
  init(_ part: Split.Part, of run: RunDirectory, schema: Schema) throws {
    let settings = try RunSettings(of: run)
    let own: DataFile? =
      switch part {
      case .training: nil
      case .validation: settings.validation
      case .test: settings.test
      }
    if let own {
      let encoded = try schema.encode(own.readAgain(for: run), target: .required)
      (dataset, notes, name) = (encoded.dataset, encoded.notes, own.path)
      return
    }
    let table = try settings.data.readAgain(for: run)
    let rows = try RunSplit.rows(of: part, in: run, table: table)
    let encoded = try schema.encode(table, rows: rows, target: .required)
    (dataset, notes) = (encoded.dataset, encoded.notes)
    name = "\(part.rawValue) rows of \(table.source)"
  }
}
