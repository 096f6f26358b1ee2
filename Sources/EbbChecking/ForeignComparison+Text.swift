internal import EbbGradients
internal import EbbGraph
package import EbbSystem

extension ForeignComparison.Tensor {
  /// The element furthest off: `hidden1.weight[3,17]`.
  var worstName: String? { worst.map { ElementName(name, $0.index).description } }
}

extension GradientExplanation: CustomStringConvertible {
  /// What went wrong, with the numbers that show it.
  public var description: String {
    let what = parts.map(\.sentence).joined(separator: "; and ")
    let before = NumberFormat.significant(errorBefore, digits: 2)
    let after = NumberFormat.significant(errorAfter, digits: 2)
    let off = errorBefore.isFinite ? "off by \(before) as they are" : "not comparable as they are"
    return "\(what)\n  evidence: \(off); with this mistake made on purpose, Ebb's agree to \(after)"
  }

  var json: JSONValue {
    [
      "parts": JSONValue(
        parts.map { part in
          [
            "mistake": JSONValue(part.mistake.rawValue), "text": JSONValue(part.sentence),
            "layer": part.layer.map { JSONValue($0) } ?? .null,
            "tensors": JSONValue(part.tensors),
            "number": part.number.map { JSONValue($0) } ?? .null,
          ]
        }),
      "errorBefore": JSONValue(errorBefore), "errorAfter": JSONValue(errorAfter),
    ]
  }
}

extension ForeignComparison: CustomStringConvertible {
  /// A line for each tensor, and what explains the difference.
  public var description: String {
    let compared = NumberFormat.counted(tensors.count, "tensor")
    var lines = [
      "\(compared) compared, matched \(matching)",
      "the mean loss over \(NumberFormat.counted(rows, "row")), evaluation mode: "
        + NumberFormat.significant(loss, digits: 6), "",
    ]
    lines += table
    for name in missing { lines.append("\(name): there is no foreign gradient") }
    if !ignored.isEmpty {
      lines.append("no parameter is named \(MessageText.list(ignored))")
    }
    lines.append("")
    return (lines + verdict).joined(separator: "\n")
  }

  private var table: [String] {
    var rows = [["tensor", "shape", "off by", "limit", "worst element", "theirs", "Ebb's"]]
    for tensor in tensors {
      let off =
        tensor.foreignShape.map { "shape \($0)" }
        ?? (tensor.error.isFinite ? NumberFormat.significant(tensor.error, digits: 2) : "no number")
      rows.append([
        tensor.name, "\(tensor.shape)", off + (tensor.agrees ? tensor.isDecided ? "" : " ?" : " !"),
        NumberFormat.significant(tensor.tolerance, digits: 2),
        tensor.worstName ?? "",
        tensor.worst.map { NumberFormat.significant($0.theirs, digits: 6) } ?? "",
        tensor.worst.map { NumberFormat.significant($0.ours, digits: 6) } ?? "",
      ])
    }
    let widths = (0..<7).map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      let line = zip(row, widths).map { $0.paddedRight(to: $1) }.joined(separator: "  ")
      return String(line.reversed().drop { $0 == " " }.reversed())
    }
  }

  private var verdict: [String] {
    let differing = tensors.filter { !$0.agrees }
    let count = NumberFormat.counted(tensors.count, "tensor")
    if differing.isEmpty {
      let decided = tensors.filter(\.isDecided)
      let undecided = tensors.filter { !$0.isDecided }.map(\.name)
      let worst = NumberFormat.significant(decided.map(\.error).max() ?? 0, digits: 2)
      let rest = "rounding alone may move \(undecided.joined(separator: ", ")) as far"
      if decided.isEmpty && !tensors.isEmpty { return ["inconclusive: \(rest)"] }
      return [
        (missing.isEmpty
          ? "the gradients agree to \(worst)"
          : "what there is agrees to \(worst), but gradients are missing")
          + (undecided.isEmpty ? "" : "; inconclusive: \(rest)")
      ]
    }
    var lines = [
      "\(differing.count) of \(count) differ by more than the limit: rounding does not explain it"
    ]
    guard let first = explanations.first else {
      return lines + ["no hypothesis explains it"] + hint
    }
    lines.append("likeliest: \(first)")
    if explanations.count > 1 {
      lines.append("these numbers cannot be told from:")
      lines += explanations.dropFirst().map { "- \($0)" }
    }
    return lines
  }

  /// Where to look when nothing is known.
  private var hint: [String] {
    var lines: [String] = []
    if let (factor, error) = bestFactor {
      lines.append(
        "the best common factor is \(NumberFormat.significant(factor, digits: 5)), which leaves "
          + "\(NumberFormat.significant(100 * error, digits: 3)) % of the norm of theirs unexplained"
      )
    }
    // Backpropagation goes from the last layer to the first: what is wrong above spoils what is below.
    if let last = tensors.last(where: { !$0.agrees }) {
      lines.append(
        "the mistake shows first in \(last.name), the last that differs: gradients flow from there "
          + "to the layers before it")
    }
    return lines
  }

  /// Everything as JSON: `agrees`, `tensors`, `explanations` and the rest.
  package var json: JSONValue {
    [
      "agrees": JSONValue(agrees), "rows": JSONValue(rows), "loss": JSONValue(loss),
      "tolerance": JSONValue(tolerance), "matching": JSONValue(matching),
      "tensors": JSONValue(tensors.map(json)), "missing": JSONValue(missing),
      "ignored": JSONValue(ignored), "explanations": JSONValue(explanations.map(\.json)),
      "bestFactor": bestFactor.map {
        ["factor": JSONValue($0.factor), "error": JSONValue($0.error)]
      }
        ?? .null,
    ]
  }

  private func json(_ tensor: Tensor) -> JSONValue {
    let worst: JSONValue =
      tensor.worst.map { worst in
        [
          "name": JSONValue(tensor.worstName ?? ""), "index": JSONValue(worst.index),
          "theirs": JSONValue(worst.theirs), "ours": JSONValue(worst.ours),
        ]
      } ?? .null
    return [
      "name": JSONValue(tensor.name), "shape": JSONValue(tensor.shape.extents),
      "error": JSONValue(tensor.error), "tolerance": JSONValue(tensor.tolerance),
      "agrees": JSONValue(tensor.agrees), "decided": JSONValue(tensor.isDecided), "worst": worst,
      "foreignShape": tensor.foreignShape.map { JSONValue($0.extents) } ?? .null,
    ]
  }
}
