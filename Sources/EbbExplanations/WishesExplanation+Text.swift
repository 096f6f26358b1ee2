internal import EbbGradients
internal import EbbNetworks
package import EbbSystem

extension WishesExplanation: CustomStringConvertible, ExplanationPart {
  /// `wishes`.
  package static var key: String { "wishes" }

  /// The text.
  public var description: String { text }

  private func number(_ value: Double) -> String { PartText.number(value) }

  /// Layer by layer from the outputs down, then the gradient as one vector.
  package var text: String {
    var text = PartText()
    text.paragraph(
      "What \(rowName) wants: minus its gradient, of every weight, bias and neuron. Raise what stands"
        + " with a plus, lower what stands with a minus, and its loss falls.")
    if batchRows != nil {
      text.paragraph(
        "Training does what the average of \(batchName) wants. \(Self.agreement(cosine))")
    }
    for layer in layers {
      text.line()
      add(layer, to: &text)
    }
    text.line()
    addVector(to: &text)
    if let averageDeviation {
      text.line()
      text.paragraph(
        "The rows' wishes average to the batch's to \(PartText.deviation(averageDeviation)) (in"
          + " double precision, relative to each parameter's largest).")
    }
    return text.text
  }

  /// A cosine in words.
  private static func agreement(_ cosine: Double?) -> String {
    guard let cosine else { return "The row, or the batch, wants nothing." }
    let words =
      cosine > 0.5
      ? "it does much of what this row wants"
      : cosine > 0.05
        ? "it does a little of what this row wants"
        : cosine > -0.05 ? "it hardly moves this row's loss" : "it goes against this row"
    return "The cosine between the two wishes is \(PartText.number(cosine)): \(words)."
  }

  private static func signed(_ value: Double) -> String {
    value > 0 ? "+\(PartText.number(value))" : PartText.number(value)
  }

  private func add(_ layer: Layer, to text: inout PartText) {
    text.line(layer.name)
    for parameter in layer.parameters {
      var words = "\(parameter.name): length \(number(parameter.length))"
      if let batchLength = parameter.batchLength, let batchRows {
        words += ", the batch's \(number(batchLength))"
        if let cosine = parameter.cosine { words += ", cosine \(number(cosine))" }
        if let agree = parameter.rowsThatAgree {
          words +=
            "; \(agree) of \(NumberFormat.counted(batchRows, "row")) want what the batch does"
        }
      }
      text.paragraph(words, indent: 2, hanging: 2)
      if parameter.largest.isEmpty {
        text.line("wants nothing of it", indent: 4)
        continue
      }
      var rows: [[String]] = []
      if batchRows != nil { rows.append(["", "the row", "the batch", "rows with this row"]) }
      for wish in parameter.largest {
        var row = ["\(wish.element)", Self.signed(wish.row)]
        if let batch = wish.batch, let agree = wish.rowsThatAgree, let batchRows {
          row += [Self.signed(batch), "\(agree) of \(batchRows)"]
        }
        rows.append(row)
      }
      text.table(rows, indent: 4)
    }
    guard !layer.neurons.isEmpty else { return }
    text.line("of the neurons below (they change only through their own weights)", indent: 2)
    text.table(layer.neurons.map { ["\($0.element)", Self.signed($0.row)] }, indent: 4)
  }

  private func addVector(to text: inout PartText) {
    text.paragraph(
      "The gradient as one vector has the length \(number(norm)). Its largest components:")
    text.table(
      components.map { ["\($0.name)", number($0.gradient)] }, indent: 2)
    text.line("The neurons with the largest |δ|, the loss by their sums:")
    text.table(neurons.map { ["\($0.name)", number($0.delta)] }, indent: 2)
  }

  /// Everything as JSON.
  package var json: JSONValue {
    [
      "row": JSONValue(rowName), "layers": JSONValue(layers.map(\.json)),
      "batch": ["name": JSONValue(batchName), "rows": batchRows.map { JSONValue($0) } ?? .null],
      "cosine": JSONValue(optional: cosine),
      "averageDeviation": JSONValue(optional: averageDeviation), "norm": JSONValue(norm),
      "components": JSONValue(
        components.map { ["name": JSONValue("\($0.name)"), "gradient": JSONValue($0.gradient)] }),
      "neurons": JSONValue(
        neurons.map { ["name": JSONValue("\($0.name)"), "delta": JSONValue($0.delta)] }),
    ]
  }
}

extension WishesExplanation.Layer {
  fileprivate var json: JSONValue {
    let parameters = parameters.map { parameter -> JSONValue in
      [
        "name": JSONValue(parameter.name), "length": JSONValue(parameter.length),
        "batchLength": JSONValue(optional: parameter.batchLength),
        "cosine": JSONValue(optional: parameter.cosine),
        "rowsThatAgree": parameter.rowsThatAgree.map { JSONValue($0) } ?? .null,
        "largest": JSONValue(parameter.largest.map(\.json)),
      ]
    }
    return [
      "name": JSONValue(name), "parameters": JSONValue(parameters),
      "neurons": JSONValue(neurons.map(\.json)),
    ]
  }
}

extension WishesExplanation.Wish {
  fileprivate var json: JSONValue {
    [
      "element": JSONValue("\(element)"), "row": JSONValue(row),
      "batch": JSONValue(optional: batch),
      "rowsThatAgree": rowsThatAgree.map { JSONValue($0) } ?? .null,
    ]
  }
}
