package import EbbSystem

extension FeaturesExplanation: CustomStringConvertible, ExplanationPart {
  /// `features`.
  package static var key: String { "features" }

  /// The text.
  public var description: String { text }

  /// The features that mattered most, for each quantity, with what they sum to.
  package var text: String {
    var text = PartText()
    text.paragraph("Which inputs mattered for \(rowName)")
    for attribution in attributions {
      text.line()
      add(attribution, to: &text)
    }
    return text.text
  }

  private func add(_ attribution: Attribution, to text: inout PartText) {
    func number(_ value: Double) -> String { PartText.number(value) }
    let title = attribution.name.prefix(1).uppercased() + attribution.name.dropFirst()
    text.paragraph(
      "\(title) is \(number(attribution.value)) on this row, and \(number(attribution.baseline))"
        + " for a row that is the training mean everywhere. The"
        + " \(number(attribution.value - attribution.baseline)) between them come from:")
    text.line()
    let largest = attribution.largest(Self.shown).filter { $0.integrated != 0 }
    let isStandardised = largest.contains(where: \.isStandardised)
    func row(
      _ name: String, _ value: String, _ seen: String, _ contribution: String, _ slope: String
    ) -> [String] {
      isStandardised
        ? [name, value, seen, contribution, slope] : [name, value, contribution, slope]
    }
    var rows = [row("", "is", "network sees it", "contributes", "gradient × input")]
    if isStandardised { rows.insert(["", "", "as the"], at: 0) }
    for feature in largest {
      rows.append(
        row(
          PartText.shortened(feature.name), PartText.shortened(feature.value),
          feature.isStandardised ? number(feature.input) : "", number(feature.integrated),
          number(feature.gradientTimesInput)))
    }
    let others = attribution.features.count - largest.count
    if others > 0 {
      let rest = attribution.sum - largest.reduce(0) { $0 + $1.integrated }
      rows.append(
        row("\(NumberFormat.counted(others, "other"))", "", "", number(rest), ""))
    }
    rows.append(row("sum", "", "", number(attribution.sum), ""))
    text.table(rows, indent: 2)
    text.line()
    if isStandardised {
      text.paragraph(
        "The network sees numbers standardised: 0 is the training mean, 1 one standard deviation of"
          + " the training rows above it.")
    }
    if let speakers = speakers(for: attribution) { text.paragraph(speakers) }
    text.paragraph(
      "Contributions are integrated gradients; their sum misses the difference by"
        + " \(PartText.deviation(attribution.completenessError.magnitude)).")
    if let side = pictureSide { addPicture(attribution, side: side, to: &text) }
  }

  /// Which features speak for the predicted class, and which for the true one, in words; nil where
  /// there is one class only to speak for.
  private func speakers(for attribution: Attribution) -> String? {
    guard attribution.quantity == .lead, let classes else { return nil }
    func most(_ sign: Double) -> String? {
      let names = attribution.features.filter { $0.integrated * sign > 0 }
        .sorted { $0.integrated.magnitude > $1.integrated.magnitude }.prefix(3)
        .map { PartText.shortened($0.name) }
      guard let last = names.last else { return nil }
      let verb = names.count == 1 ? "speaks" : "speak"
      return verb + " most "
        + (names.count == 1 ? last : names.dropLast().joined(separator: ", ") + " and " + last)
    }
    let parts = [(classes.predicted, most(1)), (classes.truth, most(-1))].compactMap { name, said in
      said.map { "for \(name) \($0)" }
    }
    guard !parts.isEmpty else { return nil }
    return "Above 0 speaks for \(classes.predicted), below 0 for \(classes.truth): "
      + parts.joined(separator: "; ") + "."
  }

  /// The contributions where the pixels stand: ++ and -- beyond half of the largest, + and - beyond an
  /// eighth of it.
  private func addPicture(
    _ attribution: Attribution, side: Int, to text: inout PartText
  ) {
    let values = attribution.features.map(\.integrated)
    let most = values.map(\.magnitude).max() ?? 0
    guard most > 0, most.isFinite else { return }
    text.line()
    let ends =
      switch (classes, attribution.quantity) {
      case (let classes?, .lead): "++ speaks for \(classes.predicted), -- for \(classes.truth)"
      case (let classes?, .output): "++ speaks for \(classes.predicted), -- against it"
      case (nil, _): "++ raises \(attribution.name), -- lowers it"
      }
    text.paragraph("Where the pixels stand (\(ends)):")
    for row in 0..<side {
      let cells = values[row * side..<(row + 1) * side].map { value in
        let share = value.magnitude / most
        let sign = value > 0 ? "+" : "-"
        return share >= 0.5 ? sign + sign : share >= 0.125 ? " " + sign : " ·"
      }
      text.line(cells.joined(separator: " "), indent: 2)
    }
  }

  /// Everything as JSON.
  package var json: JSONValue {
    let attributions = attributions.map { attribution -> JSONValue in
      let features = attribution.features.map { feature -> JSONValue in
        [
          "name": JSONValue(feature.name), "value": JSONValue(feature.value),
          "input": JSONValue(feature.input), "integrated": JSONValue(feature.integrated),
          "gradientTimesInput": JSONValue(feature.gradientTimesInput),
          "lossGradientTimesInput": JSONValue(feature.lossGradientTimesInput),
        ]
      }
      let shown = attribution.largest(Self.shown).filter { $0.integrated != 0 }
      return [
        "quantity": attribution.quantity == .lead ? "lead" : "output",
        "name": JSONValue(attribution.name), "value": JSONValue(attribution.value),
        "baseline": JSONValue(attribution.baseline),
        "difference": JSONValue(attribution.value - attribution.baseline),
        "sum": JSONValue(attribution.sum),
        "completenessError": JSONValue(attribution.completenessError),
        "evaluations": JSONValue(attribution.evaluations),
        "rest": JSONValue(attribution.sum - shown.reduce(0) { $0 + $1.integrated }),
        "others": JSONValue(attribution.features.count - shown.count),
        "features": JSONValue(features),
      ]
    }
    return [
      "row": JSONValue(rowName), "predicted": classes.map { JSONValue($0.predicted) } ?? .null,
      "truth": classes.map { JSONValue($0.truth) } ?? .null,
      "attributions": JSONValue(attributions),
    ]
  }
}
