internal import EbbGradients
internal import EbbNetworks
internal import EbbSystem

extension WeightExplanation: CustomStringConvertible, ExplanationPart {
  /// `weight`.
  package static var key: String { "weight" }

  /// The text.
  public var description: String { text }

  /// The step with which the gradient is read in words.
  static var reading: Double { 0.001 }

  /// The matrix entry, the paths, the difference and the step, one after another.
  package var text: String {
    var text = PartText()
    text.line("\(element) = \(number(value)), on \(rowName)")
    text.line()
    addEntry(to: &text)
    text.line()
    addPaths(to: &text)
    text.line()
    addDifference(to: &text)
    text.line()
    text.line("4. What the next step of training makes of it")
    if let update {
      update.add(to: &text, row: rowName)
    } else {
      text.paragraph(withoutUpdate, indent: 3)
    }
    return text.text
  }

  private func number(_ value: Double) -> String { PartText.number(value) }

  /// How far another way's number lies from the entry.
  private func distance(_ value: Double) -> String {
    "\(PartText.deviation((value - gradient).magnitude)) from the entry"
  }

  private func addEntry(to text: inout PartText) {
    text.line("1. The entry of the gradient's matrix")
    guard let product else {
      text.line("∂L/∂\(element) = \(number(gradient))", indent: 3)
      return
    }
    var rows = [["δ = ∂L/∂\(product.deltaName)", number(product.delta)]]
    if let name = product.inputName {
      let label = product.inputLabel.map { $0 == "\(name)" ? "" : " (\($0))" } ?? ""
      rows.append(["h = \(name)\(label)", number(product.input)])
      rows.append(["δ · h", number(product.value)])
    }
    rows.append(["∂L/∂\(element)", number(gradient)])
    text.table(rows, indent: 3)
    if let reason = product.reasonForZero {
      text.paragraph("Nothing: \(reason).", indent: 3)
    } else {
      text.paragraph(
        "Raise this \(product.inputName == nil ? "bias" : "weight") by"
          + " \(PartText.plain(Self.reading)), and the loss of this row moves by about"
          + " \(number(gradient * Self.reading)).", indent: 3)
    }
  }

  private func addPaths(to text: inout PartText) {
    guard let paths else {
      text.line("2. Along its paths to the loss")
      text.paragraph((withoutPaths ?? "") + ".", indent: 3)
      return
    }
    let count = paths.pathCount
    text.paragraph(
      "2. The same along its \(count.asGroupedCount) path\(count == 1 ? "" : "s") to the loss (the"
        + " chain rule for one weight, in double precision)", hanging: 3)
    if paths.paths.isEmpty && count > 0 {
      text.line("No path adds anything.", indent: 3)
    }
    for (index, path) in paths.paths.enumerated() {
      text.line("#\(index + 1)  \(number(path.contribution))", indent: 3)
      let factors = path.factors.map { "\($0.name) \(PartText.plain($0.value(row: 0)))" }
      text.pieces(factors, separator: " · ", indent: 7)
    }
    var sums: [[String]] = []
    if Double(paths.paths.count) < count {
      let others = count - Double(paths.paths.count)
      let name =
        paths.paths.isEmpty
        ? "all of them together"
        : others == 1 ? "the other one" : "the \(others.asGroupedCount) others together"
      sums.append([name, number(paths.rest)])
    }
    sums.append(["all paths together", number(paths.total)])
    text.table(sums, indent: 3)
    let origin = precision == .single ? ", which is training's, in single precision" : ""
    text.line(distance(paths.total) + origin, indent: 3)
  }

  private func addDifference(to text: inout PartText) {
    text.line("3. By wiggling: the number moved a little, the loss computed again")
    text.line(
      "\(number(difference.value))  (\(distance(difference.value)))", indent: 3)
    if difference.kinksCrossed > 0 {
      let count = NumberFormat.counted(difference.kinksCrossed, "neuron")
      text.paragraph(
        "The move would have taken \(count) over a kink; they were held on their side.", indent: 3)
    }
  }
}

extension WeightExplanation.Product {
  /// Why the product is exactly 0, in words; nil if it is not.
  var reasonForZero: String? {
    let input = inputName.map { name in
      let label = inputLabel ?? "\(name)"
      return "what the weight is multiplied by, \(label), is 0 on this row"
    }
    let neuron = ElementName(deltaName.name.layerName, deltaName.indices)
    let unit =
      slope == 0
      ? "\(neuron) is flat here: its activation's slope is 0 on this row"
      : "\(neuron) gets δ = 0: nothing comes back to it from the layers above on this row"
    switch (delta == 0, self.input == 0) {
    case (true, true): return "\(unit), and \(input ?? "")"
    case (true, false): return unit
    case (false, true): return input
    case (false, false): return nil
    }
  }
}

extension String {
  /// The layer in the name of a parameter or value: what stands before the first point.
  var layerName: String { String(prefix { $0 != "." }) }
}

extension Double {
  /// A whole number with commas where it is exact.
  var asGroupedCount: String {
    magnitude < 0x1p53 ? NumberFormat.grouped(Int(self)) : PartText.number(self)
  }
}

extension WeightUpdate {
  /// The step, term by term.
  ///
  /// - Parameter row: what the row is called that the other sections are about.
  func add(to text: inout PartText, row: String) {
    func number(_ value: Double) -> String { PartText.number(value) }
    func beforeAndAfter(_ old: Double, _ new: Double) -> (old: String, new: String) {
      let digits = Self.digits(telling: old, from: new)
      return (
        NumberFormat.significant(old, digits: digits), NumberFormat.significant(new, digits: digits)
      )
    }
    text.paragraph("step \(NumberFormat.grouped(Int(clamping: step))), \(optimizer)", indent: 3)
    text.line()
    let joined = reduction == .mean ? "mean" : "sum"
    text.paragraph(
      "The gradient that the step follows is the \(joined) over \(batchName):", indent: 3)
    var values = [["gradient of the batch", number(gradient)]]
    if let rowPart { values.append(["  of it from this row", number(rowPart)]) }
    if let clipping {
      values.append(["norm of all gradients together", number(clipping.norm)])
      values.append(["  clipped above", PartText.plain(clipping.limit)])
      values.append(["g, after clipping", number(clipped)])
    } else {
      values.append(["g", number(clipped)])
    }
    text.table(values, indent: 3)
    if let remark = rowRemark(row) { text.paragraph(remark, indent: 3) }
    text.line()
    guard let terms else {
      text.paragraph(
        "The optimizer's rule is one of your own: its numbers before → after.", indent: 3)
      text.table(
        (slots + [("w", old, new)]).map { name, old, new in
          let shown = beforeAndAfter(old, new)
          return [name, shown.old, "→", shown.new]
        }, indent: 3)
      return
    }
    for term in terms {
      let before = term.operands.first { $0.symbol == term.symbol }?.value ?? term.value
      let shown = beforeAndAfter(before, term.value)
      text.line(term.meaning, indent: 3)
      text.pieces(
        [
          "\(term.symbol) \(term.isReplaced ? "←" : "=") \(term.formula)",
          term.numbers(digits: Self.digits(telling: before, from: term.value)),
        ], separator: " = ", indent: 5, hanging: 2)
      text.line("= \(shown.new)", indent: 7)
    }
    text.line()
    let shown = beforeAndAfter(old, new)
    text.line("\(shown.old) → \(shown.new), a change of \(number(new - old))", indent: 3)
    if let exact = changeBeforeRounding, number(exact) != number(new - old) {
      text.paragraph(
        "The new value is rounded to single precision; without, it would be a change of"
          + " \(number(exact)).", indent: 3)
    }
  }

  /// The fewest digits, six or more, with which two numbers are told apart.
  private static func digits(telling first: Double, from second: Double) -> Int {
    guard first != second else { return 6 }
    return (6...17).first { digits in
      NumberFormat.significant(first, digits: digits)
        != NumberFormat.significant(second, digits: digits)
    } ?? 17
  }

  /// What the step's last line says of the change, not rounded; nil where nothing is rounded.
  var changeBeforeRounding: Double? {
    guard isSingle, let last = terms?.last, last.symbol == "w" else { return nil }
    let numbers = last.operands.map(\.value)
    return numbers.count == 2 ? (numbers[0] - old) - numbers[1] : nil
  }

  /// How the row's part came about.
  private func rowRemark(_ row: String) -> String? {
    guard let rowPart, let expectedRowPart else {
      return "Sections 1 to 3 are about \(row), which is not among these rows: this gradient is"
        + " that of others."
    }
    let scale = max(rowPart.magnitude, expectedRowPart.magnitude)
    guard (rowPart - expectedRowPart).magnitude <= 1e-4 * scale else {
      return "In the step dropout drops neurons: this row's part is"
        + " \(PartText.number(expectedRowPart)) without."
    }
    guard reduction == .mean, rows > 1 else { return nil }
    return "This row counts for 1/\(rows) of the batch."
  }
}
