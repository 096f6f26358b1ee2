package import EbbData
package import EbbSystem

/// An audit in words, as CSV and as JSON, with the lines of the file it was made from.
package struct AuditTable: Sendable {
  package let audit: Audit
  /// The classes' names; empty for numbers.
  package let classes: [String]
  /// The line of each row of the dataset.
  package let lines: [Int]
  /// The number of each row among the data rows of its file, from 1.
  package let numbers: [Int]
  /// How many rows are written.
  package let count: Int
  /// What is given for each row of the dataset: the class's name or the number.
  let given: [String]

  /// - Parameter top: how many rows; nil: those that stand out, and at least 20.
  package init(
    _ audit: Audit, schema: Schema?, lines: [Int], numbers: [Int], top: Int? = nil
  ) {
    (self.audit, self.lines, self.numbers) = (audit, lines, numbers)
    let classes = schema?.classes ?? []
    self.classes = classes
    var given = [String](repeating: "", count: audit.rows.count)
    for row in audit.rows {
      given[row.row] =
        row.label.map { Self.name($0, classes) } ?? row.value.map { Self.amount($0) } ?? ""
    }
    self.given = given
    count = min(audit.rows.count, top ?? max(Self.least, audit.standingOut.count))
  }

  private static let least = 20

  /// The rows written, with their ranks from 1.
  var ranked: [(rank: Int, row: AuditedRow)] {
    audit.rows.prefix(count).enumerated().map { ($0 + 1, $1) }
  }

  // MARK: Words

  /// Why a row stands out, in a sentence; empty if it is only ranked.
  package func details(_ row: AuditedRow) -> String {
    row.reasons.map { words($0, row) }.joined(separator: "; ")
  }

  private func words(_ reason: AuditReason, _ row: AuditedRow) -> String {
    switch reason {
    case .wrongLabel:
      let said = "say \(name(row.suggested)) with probability \(share(row.probability))"
      let label = "its label \(name(row.label)) with \(share(row.labelProbability))"
      return audit.opinions == 0
        ? "the model would \(said), \(label)"
        : "networks that had not seen this row \(said), \(label)"
    case .conflictingDuplicate:
      return "the same features as line" + (row.conflicts.count == 1 ? " " : "s ")
        + row.conflicts.prefix(3).map { conflict($0) }.joined(separator: ", ")
        + (row.conflicts.count > 3 ? " and \(row.conflicts.count - 3) more" : "")
    case .farValue:
      let usual = Self.amount(audit.spread ?? 0)
      let distance = "\(number(row.score)) times the usual distance (\(usual))"
      guard let value = row.value, let predicted = row.predicted else {
        return "the values are \(distance) from the prediction"
      }
      return "the value \(Self.amount(value)) is \(distance) from the prediction"
        + " \(Self.amount(predicted))"
    case .dominates:
      let percent = NumberFormat.significant(100 * row.share, digits: 3)
      return "its gradient alone is \(percent) % of the squared gradients of all rows"
    }
  }

  private func conflict(_ other: Int) -> String {
    given[other].isEmpty ? "\(lines[other])" : "\(lines[other]) (\(given[other]))"
  }

  func name(_ label: Int?) -> String {
    label.map { Self.name($0, classes) } ?? "another"
  }

  private static func name(_ label: Int, _ classes: [String]) -> String {
    label < classes.count ? classes[label] : "\(label)"
  }

  private func share(_ value: Double?) -> String {
    guard let value else { return "?" }
    return value < 0.005 ? "less than 0.01" : NumberFormat.fixed(value, decimals: 2)
  }

  private static func number(_ value: Double) -> String {
    NumberFormat.significant(value, digits: 4)
  }

  /// A number in the target's unit, as far as single precision knows it.
  static func amount(_ value: Double) -> String {
    let rounded = Double(NumberFormat.significant(value, digits: 6)) ?? value
    if let whole = Int(exactly: rounded) { return "\(whole)" }
    return NumberFormat.shortest(rounded)
  }

  func number(_ value: Double) -> String { Self.number(value) }

  // MARK: CSV

  private static let columns = [
    "rank", "line", "row", "reason", "score", "label", "suggested", "probability",
    "label_probability", "loss", "gradient_norm", "share", "cosine", "conflicts", "details",
  ]

  /// The table, a header and a line for each row.
  package var csv: String {
    var text = Self.columns.joined(separator: ",") + "\n"
    for (rank, row) in ranked {
      var fields = ["\(rank)", "\(lines[row.row])", "\(numbers[row.row])"]
      fields.append(row.reasons.map(\.rawValue).joined(separator: "+"))
      fields.append(number(row.score))
      fields.append(given[row.row])
      fields.append(row.suggested.map { name($0) } ?? row.predicted.map { Self.amount($0) } ?? "")
      let figures = [
        row.probability, row.labelProbability, row.loss, row.gradientNorm, row.share, row.cosine,
      ]
      fields += figures.map { $0.map { number($0) } ?? "" }
      fields.append(row.conflicts.map { "\(lines[$0])" }.joined(separator: " "))
      fields.append(details(row))
      text += fields.map { $0.isEmpty ? "" : CSVField.quoted($0) }.joined(separator: ",") + "\n"
    }
    return text
  }

  // MARK: JSON

  /// The audit as JSON; rows as in the CSV, numbers in full.
  package var json: JSONValue {
    let reasons = AuditReason.allCases.map { ($0.rawValue, JSONValue(audit.count(of: $0))) }
    return [
      "task": JSONValue(audit.task.rawValue), "rows": JSONValue(audit.rows.count),
      "standingOut": JSONValue(audit.standingOut.count), "reasons": .object(JSONObject(reasons)),
      "trainings": JSONValue(audit.trainings), "opinions": JSONValue(audit.opinions),
      "betterThanGuessing": JSONValue(audit.isBetterThanGuessing),
      "agreement": audit.agreement.map { JSONValue($0) } ?? .null,
      "spread": audit.spread.map { JSONValue($0) } ?? .null,
      "ranked": .array(ranked.map { json($0.rank, $0.row) }),
    ]
  }

  private func json(_ rank: Int, _ row: AuditedRow) -> JSONValue {
    var members: JSONObject = [
      "rank": JSONValue(rank), "line": JSONValue(lines[row.row]),
      "row": JSONValue(numbers[row.row]), "reasons": JSONValue(row.reasons.map(\.rawValue)),
      "score": JSONValue(row.score), "loss": JSONValue(row.loss),
      "gradientNorm": JSONValue(row.gradientNorm), "share": JSONValue(row.share),
      "cosine": row.cosine.map { JSONValue($0) } ?? .null,
      "conflicts": JSONValue(row.conflicts.map { lines[$0] }), "details": JSONValue(details(row)),
    ]
    if let label = row.label {
      members["label"] = JSONValue(name(label))
      members["labelProbability"] = row.labelProbability.map { JSONValue($0) }
      members["suggested"] = row.suggested.map { JSONValue(name($0)) }
      members["probability"] = row.probability.map { JSONValue($0) }
    } else {
      members["value"] = row.value.map { JSONValue($0) }
      members["predicted"] = row.predicted.map { JSONValue($0) }
    }
    return .object(members)
  }

  // MARK: Summary

  /// What stands out, in one sentence: `90 of 1,797 rows stand out: 88 likely wrong labels, …`.
  package var summary: String {
    let all = audit.rows.count
    let out = audit.standingOut.count
    guard out > 0 else {
      return "none of \(NumberFormat.counted(all, "row")) stands out; the rows are only ranked"
    }
    let parts = AuditReason.allCases.compactMap { reason -> String? in
      let count = audit.count(of: reason)
      guard count > 0 else { return nil }
      switch reason {
      case .wrongLabel: return wrongLabels(count)
      case .conflictingDuplicate:
        return NumberFormat.counted(count, "conflicting duplicate")
      case .farValue: return NumberFormat.counted(count, "value") + " far from the prediction"
      case .dominates:
        return NumberFormat.grouped(count) + (count == 1 ? " dominates" : " dominate")
      }
    }
    return "\(NumberFormat.grouped(out)) of \(NumberFormat.counted(all, "row"))"
      + " stand\(out == 1 ? "s" : "") out: \(parts.joined(separator: ", "))"
  }

  /// As sure as those who judge have shown to be: a model that has seen the rows shows nothing.
  private func wrongLabels(_ count: Int) -> String {
    if audit.opinions == 0 {
      return NumberFormat.counted(count, "label") + " that the model would not give"
    }
    let isLikely = (audit.agreement ?? 0) >= AuditLimits.agreement
    return NumberFormat.counted(count, isLikely ? "likely wrong label" : "possibly wrong label")
  }

  /// What must be known of those who judge, before anything they say is believed; nil: nothing.
  package var caution: String? {
    let judges = audit.opinions == 0 ? "the model knows" : "the networks know"
    let unseen = audit.opinions == 0 ? "" : " that they had not seen"
    let rows = "\(NumberFormat.counted(audit.rows.count, "row"))\(unseen)"
    let figures =
      audit.right.map { right in
        "right on \(NumberFormat.grouped(right.networks)), where always naming"
          + " \(name(right.label).quotedForMessage) is right on"
          + " \(NumberFormat.grouped(right.mostFrequent)); so no label is called wrong"
      } ?? "what they predict does not go along with the target more than chance gives"
    switch audit.knowledge {
    case .tooFewRows:
      return "whether \(judges) better than guessing, \(rows) cannot tell: even perfect answers"
        + " might be luck" + (audit.right == nil ? "" : "; so no label is called wrong")
    case .open:
      return "\(judges) hardly better than guessing, as far as \(rows) can tell"
        + (audit.right == nil ? "" : ": \(figures)")
    case .notShown:
      return "\(judges) no better than guessing, as far as \(rows) can tell: \(figures)"
    case .shown: break
    }
    guard audit.opinions > 0, let agreement = audit.agreement, agreement < AuditLimits.agreement,
      audit.count(of: .wrongLabel) > 0
    else { return nil }
    return
      "where the networks are sure, \(NumberFormat.fixed(100 * agreement, decimals: 0)) % of the"
      + " labels agree with them: the classes may overlap, and most labels that they contradict may be"
      + " right"
  }
}
