internal import EbbData
internal import EbbSystem

extension AuditTable {
  /// The columns that matter most, for people at a terminal; ``csv`` has all of them.
  package var text: String {
    let isClassified = audit.task == .classification
    var rows = [
      ["rank", "line", "reason", "score"]
        + (isClassified
          ? ["label", "p(label)", "suggested", "probability"] : ["value", "predicted"])
    ]
    for (rank, row) in ranked {
      let reason = row.reasons.map(\.rawValue).joined(separator: "+")
      var cells = ["\(rank)", "\(lines[row.row])", reason.isEmpty ? "-" : reason]
      cells += [number(row.score), PartText.shortened(given[row.row])]
      if isClassified {
        cells += [
          row.labelProbability.map { number($0) } ?? "",
          row.suggested.map { PartText.shortened(name($0)) } ?? "",
          row.probability.map { number($0) } ?? "",
        ]
      } else {
        cells.append(row.predicted.map { Self.amount($0) } ?? "")
      }
      rows.append(cells)
    }
    // Numbers end below each other; only the reason, which is words, begins at the left.
    for column in 0..<2 {
      let width = rows.map { $0[column].count }.max() ?? 0
      for place in rows.indices {
        rows[place][column] = rows[place][column].paddedLeft(to: width)
      }
    }
    var text = PartText()
    text.table(rows, alignsLeft: 3)
    return text.text
  }
}
