internal import EbbNetworks
internal import EbbSystem

extension EquationsExplanation {
  /// From the loss to the gradient by the network's outputs, line by line with numbers (M16).
  func derivation(_ text: inout PartText) {
    let last = layers.count
    let hasSlope = !layers[last - 1].activations.isEmpty
    let argument = hasSlope ? "h\(last)" : "a\(last)"
    text.line()
    text.line("FROM THE LOSS TO \(hasSlope ? "∇h\(last)" : "δ\(last)")")
    text.line()
    switch (end.function, lossKind) {
    case (.softmax, .softmaxCrossEntropy): softmax(&text, argument, label: label)
    case (.softmax, _): softmax(&text, argument, label: nil)
    case (.sigmoid, _): sigmoid(&text, argument)
    case (.identity, _): identity(&text, argument)
    }
  }

  private static func number(_ value: Double) -> String { EquationMatrices.number(value) }

  /// l: the class that is right.
  private var label: Int { end.targets.firstIndex(of: 1) ?? 0 }

  /// The outputs that a table shows: all of a few; of many those with the largest gradients and the
  /// label.
  private var shownOutputs: [Int] {
    let most = 10
    let count = end.outputs.count
    guard count > most else { return Array(0..<count) }
    let order = (0..<count).sorted {
      (end.fused[$1].magnitude, $0) < (end.fused[$0].magnitude, $1)
    }
    return Set(order.prefix(most) + [label]).sorted()
  }

  private func others(_ text: inout PartText) {
    let left = end.outputs.count - shownOutputs.count
    guard left > 0 else { return }
    text.line(
      "(and \(NumberFormat.grouped(left)) more outputs with smaller gradients)", indent: 4)
  }

  private func fusion(_ text: inout PartText) {
    guard !end.isLost, let deviation = end.unfusedDeviation else {
      return text.paragraph(
        "A prediction is 0 or 1 to the last digit: step by step, through the predictions, the gradient"
          + " is lost; fused, as training computes it, it is not.", indent: 2)
    }
    text.paragraph(
      "Training computes output function and loss fused, from the outputs. Computed one after the"
        + " other, in double precision, they give the same gradient to"
        + " \(PartText.deviation(deviation)).", indent: 2)
  }

  private func softmax(_ text: inout PartText, _ a: String, label: Int?) {
    let largest = end.outputs.max() ?? 0
    let powers = end.powers
    let total = powers.reduce(0, +)
    text.line("ŷ_i = e^{\(a)_i} / Σ_j e^{\(a)_j}   (softmax)", indent: 2)
    text.line("L = \(lossKind.formulaText) = \(Self.number(loss))", indent: 2)
    if let label {
      text.line("l = \(label) is the right class: y_l = 1, the others 0", indent: 2)
    }
    text.line()
    let shown = shownOutputs
    let isShifted = largest != 0
    var rows = [["i", "\(a)_i", isShifted ? "e^{\(a)_i − m}" : "e^{\(a)_i}", "ŷ_i", "y_i"]]
    for i in shown {
      rows.append(
        ["\(i)"] + [end.outputs[i], powers[i], end.predictions[i], end.targets[i]].map(Self.number))
    }
    text.table(rows, indent: 4, alignsLeft: 0)
    others(&text)
    text.paragraph(
      (isShifted
        ? "m = \(Self.number(largest)), the largest, is taken off each exponent: ŷ stays, and nothing"
          + " overflows. " : "") + "The sum of the powers is Σ = \(Self.number(total)).", indent: 2)
    text.line()
    guard let label else { return smoothed(&text, a, shown) }
    text.line("∂L/∂ŷ_l = −1/ŷ_l = \(Self.number(end.gradientByPredictions[label]))", indent: 2)
    text.line("Quotient rule, for every i, since all share the denominator:", indent: 2)
    text.line(
      "∂ŷ_l/∂\(a)_i = (1[l=i] e^{\(a)_l} Σ − e^{\(a)_l} e^{\(a)_i}) / Σ²   (1)", indent: 4)
    text.line("         = 1[l=i] ŷ_l − ŷ_l ŷ_i   (2)", indent: 4)
    text.line("∂L/∂\(a)_i = −(1/ŷ_l)(1[l=i] ŷ_l − ŷ_l ŷ_i)   (3)", indent: 4)
    text.line("       = −(1[l=i] − ŷ_i), as a vector −(y − ŷ)   (4)", indent: 4)
    var lines = [["i", "(1)", "(2)", "(3)", "(4)", "fused"]]
    for i in shown {
      let line = derivative(of: label, by: i, powers, total)
      lines.append(["\(i)"] + (line + [end.fused[i]]).map(Self.number))
    }
    text.table(lines, indent: 4, alignsLeft: 0)
    others(&text)
    fusion(&text)
  }

  /// The four lines of the derivation for output i: quotient rule, its short form, the chain rule's
  /// product, and what it comes to.
  package func derivative(
    of label: Int, by i: Int, _ powers: [Double], _ total: Double
  ) -> [Double] {
    let (own, isLabel) = (powers[label], label == i ? 1.0 : 0.0)
    let quotient = (isLabel * own * total - own * powers[i]) / (total * total)
    let short = end.function.slope(of: label, by: i, at: end.predictions)
    let slope = end.gradientByPredictions[label]
    return [quotient, short, short == 0 ? 0 : slope * short, -(isLabel - end.predictions[i])]
  }

  private func smoothed(_ text: inout PartText, _ a: String, _ shown: [Int]) {
    text.line("∂L/∂ŷ_i = −y_i/ŷ_i   (1)", indent: 2)
    text.line("J_O = diag(ŷ) − ŷ ŷᵀ, so J_Oᵀ ∇ŷ L   (2)  comes to −(y − ŷ)   (3)", indent: 2)
    var lines = [["i", "(1)", "(2)", "(3)", "fused"]]
    for i in shown {
      lines.append(
        ["\(i)"]
          + [
            end.gradientByPredictions[i], end.product[i], -(end.targets[i] - end.predictions[i]),
            end.fused[i],
          ].map(Self.number))
    }
    text.table(lines, indent: 4, alignsLeft: 0)
    others(&text)
    fusion(&text)
  }

  private func sigmoid(_ text: inout PartText, _ a: String) {
    text.line("ŷ = 1 / (1 + e^{−\(a)})   (sigmoid)", indent: 2)
    text.line("L = \(lossKind.formulaText) = \(Self.number(loss))", indent: 2)
    text.line("∂L/∂ŷ = \(lossKind.slopeText)   (1)", indent: 2)
    text.line("∂ŷ/∂\(a) = ŷ (1 − ŷ)   (2)", indent: 2)
    text.line("∂L/∂\(a) = (1) · (2) = ŷ − y   (3)", indent: 2)
    var lines = [["i", "\(a)_i", "ŷ_i", "y_i", "(1)", "(2)", "(3)", "fused"]]
    for i in shownOutputs {
      let slope = end.function.slope(of: i, by: i, at: end.predictions)
      lines.append(
        ["\(i)"]
          + [
            end.outputs[i], end.predictions[i], end.targets[i], end.gradientByPredictions[i],
            slope, end.product[i], end.fused[i],
          ].map(Self.number))
    }
    text.table(lines, indent: 4, alignsLeft: 0)
    others(&text)
    fusion(&text)
  }

  private func identity(_ text: inout PartText, _ a: String) {
    text.line("ŷ = \(a): no output function, its Jacobian is the identity", indent: 2)
    text.line("L = \(lossKind.formulaText) = \(Self.number(loss))", indent: 2)
    text.line("∂L/∂\(a) = ∇ŷ L = \(lossKind.slopeText)", indent: 2)
    var lines = [["i", "ŷ_i", "y_i", "ŷ_i − y_i", "∂L/∂ŷ_i"]]
    for i in shownOutputs {
      lines.append(
        ["\(i)"]
          + [
            end.predictions[i], end.targets[i], end.predictions[i] - end.targets[i], end.fused[i],
          ].map(Self.number))
    }
    text.table(lines, indent: 4, alignsLeft: 0)
    others(&text)
  }
}
