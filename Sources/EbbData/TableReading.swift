internal import EbbSystem

extension Table {
  /// The table with some of its columns as given types: fields that were read as another type, or not
  /// at all, are read anew as they stand in the file.
  ///
  /// In a table made in a program numbers become texts as ``Column/text(of:)`` writes them, and texts
  /// are read as the fields of a file would be.
  ///
  /// - Throws: ``DataError`` with the place of a text where numbers are wanted.
  func reading(_ types: [String: ColumnType]) throws(DataError) -> Table {
    var wanted: [String: ColumnType] = [:]
    for column in columns {
      if let type = types[column.name], type != column.type { wanted[column.name] = type }
    }
    if let file {
      for name in file.names where !hasColumn(named: name) { wanted[name] = types[name] }
    }
    guard !wanted.isEmpty else { return self }
    var read: [Column] = []
    if let file {
      read = try CSVValues(file, as: .given(wanted)).columns
    } else {
      for column in columns {
        if let type = wanted[column.name] { read.append(try converted(column, to: type)) }
      }
    }
    var others = Dictionary(read.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    let all = columns.map { others.removeValue(forKey: $0.name) ?? $0 }
    return Table(
      source: source, checkedColumns: all + read.filter { others[$0.name] != nil },
      rowCount: rowCount, rowLines: rowLines, notes: notes, file: file)
  }

  /// The table without the text it was read from, which takes as much memory as its file.
  package var withoutText: Table {
    Table(
      source: source, checkedColumns: columns, rowCount: rowCount, rowLines: rowLines,
      notes: notes, file: nil)
  }

  /// A number of a column as it stands in the file, or as it would be written.
  ///
  /// - Parameter places: columns and rows.
  func written(_ places: [(column: String, row: Int, number: Double)]) -> [String] {
    let usual = places.map { Column.text(of: $0.number) }
    guard let file else { return usual }
    let order = places.indices.sorted { places[$0].row < places[$1].row }
    let positions = Dictionary(
      file.names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    let found = try? file.texts(
      of: order.map { (places[$0].row, positions[places[$0].column] ?? -1) })
    var texts = usual
    for (place, text) in zip(order, found ?? []) where !text.isEmpty { texts[place] = text }
    return texts
  }

  private func converted(_ column: Column, to type: ColumnType) throws(DataError) -> Column {
    switch column.values {
    case .numbers(let numbers):
      let texts = TextValues(numbers.map { $0.isNaN ? nil : Column.text(of: $0) })
      return Column(name: column.name, texts: texts, firstTextRow: nil, missingWords: [])
    case .texts(let texts):
      let missing = MissingWords(CSVOptions())
      var numbers: [Double] = []
      var isNoNumber = [Bool](repeating: false, count: texts.categories.count)
      for (code, text) in texts.categories.enumerated() {
        switch NumberField(text, missing: missing) {
        case .number(let number): numbers.append(number)
        case .missing: numbers.append(.nan)
        case .none:
          numbers.append(.nan)
          isNoNumber[code] = true
        }
      }
      if let row = texts.codes.firstIndex(where: { $0 >= 0 && isNoNumber[Int($0)] }) {
        let text = texts[row] ?? ""
        throw DataError(
          .wrongColumnType, source: source, line: rowLines[row],
          DataError.noNumber(text, in: column.name), advice: DataError.advice(onNoNumber: text))
      }
      return Column(
        name: column.name, numbers: texts.codes.map { $0 < 0 ? .nan : numbers[Int($0)] })
    }
  }
}

extension Column {
  /// A number as a text of it that no file gave: `3`, `0.5`.
  static func text(of number: Double) -> String {
    if let whole = Int64(exactly: number) { return String(whole) }
    return NumberFormat.shortest(number)
  }
}
