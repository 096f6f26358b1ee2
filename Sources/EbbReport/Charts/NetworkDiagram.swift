package import Ebb
internal import EbbSystem

/// A network drawn from left to right: its neurons, or some of them where there are many, and the
/// weights between those drawn.
package struct NetworkDiagram {
  /// A column of neurons.
  struct Column {
    /// Such as `hidden1`.
    let name: String
    /// What stands below it.
    let notes: [String]
    let count: Int
    /// The neurons' own names, if they have some.
    var names: [String] = []
    /// The weights that lead here, [neurons, neurons of the column before]; nil: not known.
    var weights: NDArray<Float>?

    /// The neurons that are drawn: all, or the first and the last ones.
    var shown: [Int] {
      count <= 10 ? Array(0..<count) : Array(0..<5) + Array((count - 3)..<count)
    }
  }

  let columns: [Column]

  private static let (top, spacing, height) = (16.0, 25.0, 336.0)

  /// The columns of a model: its inputs, and each layer that has weights, with what follows it.
  package init(_ model: Model, schema: Schema?) throws {
    let inputs = schema?.featureNames ?? []
    var columns = [
      Column(
        name: "inputs", notes: ["\(NumberFormat.grouped(model.inputCount))"],
        count: model.inputCount, names: inputs)
    ]
    let summaries = try model.network.summary(inputs: model.inputCount)
    let weights = Dictionary(
      model.parameters.map { ($0.name, $0.values) }, uniquingKeysWith: { first, _ in first })
    for (layer, summary) in zip(model.network.layers, summaries) {
      switch layer {
      case let dense as Dense:
        var notes = [NumberFormat.counted(dense.units, "neuron")]
        if dense.activation != .identity { notes.append(dense.activation.spelling) }
        notes.append(NumberFormat.counted(summary.parameterCount, "parameter"))
        columns.append(
          Column(
            name: summary.name, notes: notes, count: dense.units,
            weights: weights["\(summary.name).weight"]))
      case let dropout as Dropout:
        columns[columns.count - 1].add("dropout \(NumberFormat.shortest(dropout.rate))")
      case let activation as ActivationLayer:
        columns[columns.count - 1].add(activation.activation.spelling)
      default:
        columns.append(
          Column(
            name: summary.name, notes: [type(of: layer).kind],
            count: summary.outputShape.count))
      }
    }
    let function = model.loss.outputFunction
    if function != .identity { columns[columns.count - 1].add(function.rawValue) }
    if let schema {
      let last = columns.count - 1
      switch schema.target.kind {
      case .classes(let classes) where classes.count == columns[last].count:
        columns[last].names = classes
      case .classes(let classes) where columns[last].count == 1:
        columns[last].names = ["\(classes.last ?? "")?"]
      case .number: columns[last].names = [schema.target.name]
      case .classes: break
      }
    }
    self.columns = columns
  }

  /// How far apart columns stand in a picture that should have some width, if it can.
  private func distance(within width: Double) -> Double {
    let names = room(columns.first) + room(columns.last)
    return max(110, min(300, (width - names) / Double(max(1, columns.count - 1))))
  }

  /// How wide the picture is: at most as wide as asked for, or as its columns need.
  package func width(within width: Double) -> Double {
    room(columns.first) + room(columns.last)
      + distance(within: width) * Double(columns.count - 1)
  }

  /// The picture, if possible no wider than some width.
  package func svg(within limit: Double) -> HTML {
    let (left, distance) = (room(columns.first), distance(within: limit))
    let width = width(within: limit)
    let x = columns.indices.map { left + distance * Double($0) }
    var content: HTML = ""
    for index in columns.indices.dropFirst() {
      content += edges(into: index, from: x[index - 1], to: x[index])
    }
    for (index, column) in columns.enumerated() {
      content += neurons(column, x[index], isFirst: index == 0, isLast: index == columns.count - 1)
      content += """
        <text class="strong" x="\(px: x[index])" y="\(px: 276)" text-anchor="middle">\
        \(Names.short(column.name, 16))</text>
        """
      for (line, note) in column.notes.prefix(3).enumerated() {
        content += """
          <text x="\(px: x[index])" y="\(px: 293 + 15 * Double(line))" text-anchor="middle">\
          \(Names.short(note, 20))</text>
          """
      }
      content += "\n"
    }
    return Canvas.picture(
      title: "The network", summary: summary, width: width, height: Self.height,
      attributes: " data-network=\"\"", content: "<g class=\"network\">\(content)</g>\n")
  }

  private var summary: String {
    columns.map { "\($0.name): \($0.notes.joined(separator: ", "))" }.joined(separator: "; ") + "."
  }

  /// The room that the names of a column's neurons take.
  private func room(_ column: Column?) -> Double {
    let names = column.map { column in
      column.shown.compactMap { $0 < column.names.count ? column.names[$0] : nil }
    }
    let widest = names?.map { Names.width(Names.short($0, 18)) }.max() ?? 0
    return max(64, widest + 24)
  }

  /// Where the neurons that are drawn stand; where some are left out there is a gap.
  private func heights(_ column: Column) -> [Double] {
    let shown = column.shown.count
    let places = column.count > shown ? shown + 1 : shown
    let start = Self.top + (9.0 - Double(places - 1)) / 2 * Self.spacing
    return (0..<shown).map { index in
      start + Self.spacing * Double(column.count > shown && index >= 5 ? index + 1 : index)
    }
  }

  private func edges(into index: Int, from left: Double, to right: Double) -> HTML {
    let (before, column) = (columns[index - 1], columns[index])
    let weights = column.weights.flatMap {
      $0.shape.extents == [column.count, before.count] ? $0.elements : nil
    }
    let (from, to) = (heights(before), heights(column))
    var most: Float = 0
    for target in column.shown {
      for source in before.shown {
        most = max(most, weights?[target * before.count + source].magnitude ?? 0)
      }
    }
    var content: HTML = "<g class=\"edges\">"
    for (target, y) in zip(column.shown, to) {
      for (source, start) in zip(before.shown, from) {
        let weight = weights?[target * before.count + source]
        let share = most > 0 ? Double((weight ?? 0).magnitude / most) : 0
        // What is too faint to be seen needs no line.
        if weight != nil && share < 0.03 { continue }
        let style = weight.map { $0 < 0 ? "minus" : "plus" } ?? "plain"
        content += """
          <path class="\(style)" d="M\(px: left) \(px: start)L\(px: right) \(px: y)" \
          stroke-width="\(px: 0.4 + 2.2 * share)" \
          stroke-opacity="\(NumberFormat.fixed(0.15 + 0.7 * share, decimals: 2))">
          """
        if let weight {
          let name = "\(column.name).weight[\(target),\(source)]"
          content +=
            "<title>\(name) = \(NumberFormat.significant(Double(weight), digits: 4))</title>"
        }
        content += "</path>"
      }
    }
    content += "</g>\n"
    return content
  }

  private func neurons(_ column: Column, _ x: Double, isFirst: Bool, isLast: Bool) -> HTML {
    var content: HTML = "<g class=\"neurons\">"
    let heights = heights(column)
    for (neuron, y) in zip(column.shown, heights) {
      let name = neuron < column.names.count ? column.names[neuron] : "\(column.name)[\(neuron)]"
      content += """
        <circle cx="\(px: x)" cy="\(px: y)" r="7"><title>\(name)</title></circle>
        """
      if neuron < column.names.count && (isFirst || isLast) {
        content += """
          <text x="\(px: isFirst ? x - 13 : x + 13)" y="\(px: y + 4)" \
          text-anchor="\(isFirst ? "end" : "start")">\(Names.short(name, 18))</text>
          """
      }
    }
    if column.count > column.shown.count {
      let hidden = column.count - column.shown.count
      content += """
        <text class="more" x="\(px: x)" y="\(px: heights[4] + Self.spacing + 4)" \
        text-anchor="middle">\(NumberFormat.grouped(hidden)) more</text>
        """
    }
    content += "</g>\n"
    return content
  }
}

extension NetworkDiagram.Column {
  fileprivate mutating func add(_ note: String) {
    self = NetworkDiagram.Column(
      name: name, notes: notes + [note], count: count, names: names, weights: weights)
  }
}
