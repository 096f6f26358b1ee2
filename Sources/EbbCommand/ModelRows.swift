import Ebb
import EbbRuns
import EbbSystem

/// Labelled rows for a model: those of a data file, or a part of its run's own.
struct ModelRows {
  let dataset: Dataset
  /// What is to be known of how the data were read.
  let notes: [String]
  /// Such as `digits.csv` or `test rows of digits.csv`.
  let name: String

  /// What a command was asked to look at: a data file, or a part of a run's own rows.
  ///
  /// - Throws: `CommandFailure` if neither is given, or a part of a model file, which has no rows.
  init(data: String?, or part: Split.Part?, of source: ModelSource, schema: Schema) throws {
    if let data {
      try self.init(file: data, schema: schema)
    } else if let part, let run = source.run {
      try self.init(part, of: run, schema: schema)
    } else {
      throw CommandFailure.usage(
        part == nil
          ? "give the DATA to look at: \(source.path) is a model file, which holds no rows"
          : "--split needs the directory of a run, and \(source.path) is a file; give DATA instead")
    }
  }

  /// Rows of a data file.
  private init(file: String, schema: Schema) throws {
    let table = try DataSource.table(file, schema: schema)
    let encoded = try schema.encode(table, target: .required)
    (dataset, notes) = (encoded.dataset, table.notes + encoded.notes)
    name = table.source
  }

  /// A part of the rows that a run was made from.
  private init(_ part: Split.Part, of run: RunDirectory, schema: Schema) throws {
    let settings = try RunSettings(of: run)
    let own: DataFile? =
      switch part {
      case .training: nil
      case .validation: settings.validation
      case .test: settings.test
      }
    if let own {
      let encoded = try schema.encode(
        own.readAgain(for: run, schema: schema), target: .required)
      (dataset, notes, name) = (encoded.dataset, encoded.notes, own.path)
      return
    }
    let table = try settings.data.readAgain(for: run, schema: schema)
    let rows = try RunSplit.rows(of: part, in: run, table: table)
    let encoded = try schema.encode(table, rows: rows, target: .required)
    (dataset, notes) = (encoded.dataset, encoded.notes)
    name = "\(part.rawValue) rows of \(table.source)"
  }
}
