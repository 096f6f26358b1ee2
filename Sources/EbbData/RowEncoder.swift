internal import EbbSystem

/// Turns single rows into a network's inputs, as the schema turns tables: for programs that answer one
/// row at a time.
///
/// A field means what it would mean in quotes in a CSV file: a text counts byte for byte; an empty field
/// or a word such as `NA` is missing, and becomes the mean of the training rows or no category.
public struct RowEncoder: Sendable {
  private let schema: Schema
  private let positions: [[ExactText: Int]]
  private let missing = MissingWords(CSVOptions())

  /// An encoder for the tables of a schema.
  public init(_ schema: Schema) {
    self.schema = schema
    positions = schema.features.map { feature in
      if case .oneHot(let categories) = feature.encoding {
        ExactText.positions(of: categories)
      } else {
        [:]
      }
    }
  }

  /// The inputs for a row: as many as the schema's `featureCount`.
  ///
  /// - Parameter fields: texts by column; columns that the model does not know are not looked at.
  /// - Throws: ``DataError`` if a column is missing, or holds a text where the model knows numbers, or a
  ///   number too far from those of training.
  public func encode(_ fields: [String: String]) throws(DataError) -> [Float] {
    var values = [Float](repeating: 0, count: schema.featureCount)
    var offset = 0
    for (index, feature) in schema.features.enumerated() {
      guard let field = fields[feature.name] else { throw absent(feature.name, fields) }
      switch feature.encoding {
      case .constant: _ = try number(field, of: feature.name)
      case .standardized(let mean, let scale):
        guard let number = try number(field, of: feature.name) else { break }
        let value = Float((number - mean) / scale)
        guard value.isFinite else {
          throw DataError(
            .numberOutOfRange,
            "column \(feature.name.quotedForMessage) holds \(field.quotedForMessage), too far from the"
              + " training rows' mean of \(NumberFormat.significant(mean, digits: 4))",
            advice: "correct the value, or leave the field empty if it is missing")
        }
        values[offset] = value
      case .oneHot:
        // A text that no training row has is none of the known ones.
        if !missing.contains(Array(field.utf8)[...]),
          let position = positions[index][ExactText(field)]
        {
          values[offset + position] = 1
        }
      }
      offset += feature.width
    }
    return values
  }

  /// The number that a field stands for; nil: it is missing.
  private func number(_ field: String, of column: String) throws(DataError) -> Double? {
    switch NumberField(field, missing: missing) {
    case .number(let number): return number
    case .missing: return nil
    case .none:
      throw DataError(
        .wrongColumnType, DataError.noNumber(field, in: column),
        advice: DataError.advice(onNoNumber: field))
    }
  }

  private func absent(_ name: String, _ fields: [String: String]) -> DataError {
    DataError(
      .unknownColumn, "the column \(name.quotedForMessage), which the model needs, is missing",
      advice: NameSuggestion.advice(for: name, among: fields.keys.sorted()))
  }
}
