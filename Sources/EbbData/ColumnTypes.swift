/// What the fields of a column are read as.
enum ColumnType: Sendable {
  case numbers
  case texts
}

/// How the types of a file's columns are come by.
enum ColumnTypes: Sendable {
  /// Found from all fields of a column: so the file that a model is trained on is read.
  case inferred
  /// Said for each column by its name; other columns are not read. What a field means then depends
  /// on its own text alone, never on the other rows.
  case given([String: ColumnType])
}

extension Schema {
  /// How the columns of a table are to be read, so that they are what they were in training.
  func columnTypes(target use: TargetUse) -> [String: ColumnType] {
    var types = Dictionary(
      features.map { ($0.name, $0.columnType) }, uniquingKeysWith: { first, _ in first })
    if use == .required { types[target.name] = target.columnType }
    return types
  }
}

extension Schema.Feature {
  var columnType: ColumnType {
    if case .oneHot = encoding { .texts } else { .numbers }
  }
}

extension Schema.Target {
  /// Classes are names, also where they look like numbers.
  var columnType: ColumnType {
    if case .classes = kind { .texts } else { .numbers }
  }
}

extension Column {
  var type: ColumnType { isNumeric ? .numbers : .texts }
}
