import Ebb
import EbbSystem

/// A check as people read it.
enum CheckText {
  static func text(_ check: GradientCheck, rows name: String) -> String {
    var blocks = [head(check, name), tensors(check)]
    let remarks = self.remarks(check)
    if !remarks.isEmpty { blocks.append(remarks) }
    blocks.append(laws(check))
    blocks.append(check.sentence)
    return blocks.joined(separator: "\n\n")
  }

  private static func head(_ check: GradientCheck, _ name: String) -> String {
    let rows =
      check.rows == check.rowsGiven
      ? NumberFormat.counted(check.rows, "row")
      : "\(NumberFormat.grouped(check.rows)) of \(NumberFormat.counted(check.rowsGiven, "row")),"
        + " evenly spread"
    return "\(name): \(rows), loss \(number(check.loss)),"
      + " \(NumberFormat.counted(check.evaluations, "forward pass", plural: "forward passes"))"
  }

  private static func tensors(_ check: GradientCheck) -> String {
    var table = TextTable([
      "parameter", "shape", "verdict", "worst element", "gradient", "difference", "step",
      "kinks crossed",
    ])
    table.alignsLeft = 4
    for tensor in check.tensors {
      let (pair, name) = (tensor.worst?.comparison, tensor.worst?.name ?? "")
      let place = String(name.dropFirst(tensor.name.count))
      table.add([
        tensor.label, tensor.shape.description, word(tensor.verdict), place,
        pair.map { number($0.gradient) } ?? "", pair.map { number($0.difference) } ?? "",
        tensor.step > 0 ? NumberFormat.significant(tensor.step, digits: 2) : "",
        kinks(tensor.kinks),
      ])
    }
    return table.text
  }

  private static func kinks(_ kinks: [GradientCheck.Kinks]) -> String {
    kinks.isEmpty
      ? "none"
      : kinks.map { "\(NumberFormat.grouped($0.count)) in \($0.layer)" }.joined(separator: ", ")
  }

  /// Why what is inconclusive is so.
  private static func remarks(_ check: GradientCheck) -> String {
    check.tensors.compactMap { tensor in
      guard case .inconclusive(let reason) = tensor.verdict else { return nil }
      return "\(tensor.label) is inconclusive: \(reason)"
    }.joined(separator: "\n")
  }

  private static func word(_ verdict: GradientCheck.Verdict) -> String {
    verdict.isInconclusive ? "inconclusive" : verdict.description
  }

  private static func laws(_ check: GradientCheck) -> String {
    var table = TextTable([String]())
    table.alignsLeft = 2
    for law in check.laws { table.add([law.statement, law.outcome]) }
    return String(table.text.drop { $0.isNewline })
  }

  private static func number(_ value: Double) -> String {
    NumberFormat.significant(value, digits: 6)
  }
}
