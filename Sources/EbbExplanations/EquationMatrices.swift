internal import EbbGraph
internal import EbbSystem

/// Matrices and columns of numbers beside each other, with signs between them, as one line of algebra:
///
///     a1 [3]    W1 [3, 2]          h0 [2]    b1 [3]
///       0.75      0.5    -0.25       0.5       0.25
///     -1.125  =  0.75        1  ·     -1  +    -0.5
///     -0.625       -1    0.125                    0
///
/// Small ones are whole; of large ones the first rows and columns are shown, and the last.
struct EquationMatrices {
  private enum Item {
    case matrix(title: String, values: [Double], rows: Int, columns: Int)
    case sign(String)
  }

  /// The most rows that are shown, and the most columns.
  static let mostRows = 8
  static let mostColumns = 6
  private var items: [Item] = []

  /// A number with four significant digits, without zeros at its end.
  static func number(_ value: Double) -> String {
    let text = NumberFormat.significant(value, digits: 4)
    guard text.contains(".") else { return text }
    let parts = text.split(separator: "e", maxSplits: 1)
    var mantissa = parts[0]
    while mantissa.last == "0" { mantissa.removeLast() }
    if mantissa.last == "." { mantissa.removeLast() }
    return parts.count > 1 ? "\(mantissa)e\(parts[1])" : String(mantissa)
  }

  /// A matrix with its name.
  mutating func matrix(_ name: String, _ values: NDArray<Double>) {
    items.append(
      .matrix(
        title: "\(name) [\(values.shape[0]), \(values.shape[1])]", values: values.elements,
        rows: values.shape[0], columns: values.shape[1]))
  }

  /// A column with its name.
  mutating func column(_ name: String, _ values: [Double]) {
    items.append(
      .matrix(title: "\(name) [\(values.count)]", values: values, rows: values.count, columns: 1))
  }

  /// A row with its name.
  mutating func row(_ name: String, _ values: [Double]) {
    items.append(
      .matrix(
        title: "\(name) [1, \(values.count)]", values: values, rows: 1, columns: values.count))
  }

  /// A sign between two.
  mutating func sign(_ text: String) { items.append(.sign(text)) }

  /// What is shown of so many rows or columns; nil stands for those left out.
  static func places(_ count: Int, most: Int) -> [Int?] {
    guard count > most else { return (0..<count).map { $0 } }
    return (0..<max(1, most - 2)).map { $0 } + [nil, count - 1]
  }

  /// The lines, as wide as fits.
  ///
  /// - Parameter width: the most characters, if three columns of each matrix fit.
  func lines(width: Int) -> [String] {
    for most in (3...Self.mostColumns).reversed() {
      let lines = lines(columns: most)
      if lines.allSatisfy({ $0.count <= width }) || most == 3 { return lines }
    }
    return []
  }

  private func lines(columns most: Int) -> [String] {
    let height =
      items.map { item in
        if case .matrix(_, _, let rows, _) = item { return min(rows, Self.mostRows) }
        return 1
      }.max() ?? 0
    var lines = [String](repeating: "", count: height + 1)
    for (index, item) in items.enumerated() {
      let block: [String]
      switch item {
      case .sign(let text):
        block = (0...height).map { $0 == (height + 1) / 2 ? text : "" }
      case .matrix(let title, let values, let rows, let columns):
        block = Self.block(title, values, rows, columns, most: most)
      }
      let extent = block.map(\.count).max() ?? 0
      for line in lines.indices {
        let text = line < block.count ? block[line] : ""
        lines[line] += (index == 0 ? "" : "  ") + text.paddedRight(to: extent)
      }
    }
    return lines
  }

  private static func block(
    _ title: String, _ values: [Double], _ rows: Int, _ columns: Int, most: Int
  ) -> [String] {
    let (down, across) = (places(rows, most: mostRows), places(columns, most: most))
    let cells = down.map { row in
      across.map { column in
        guard let row, let column else { return "…" }
        return number(values[row * columns + column])
      }
    }
    let widths = across.indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
    let body = cells.map { row in
      row.enumerated().map { $1.paddedLeft(to: widths[$0]) }.joined(separator: "  ")
    }
    return [title] + body
  }
}
