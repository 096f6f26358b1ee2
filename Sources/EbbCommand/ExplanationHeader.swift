import Ebb
import EbbSystem

/// What stands above every explanation: the row, what was predicted, and whose numbers are shown.
struct ExplanationHeader {
  /// What the network says of the row, beside the truth.
  private enum Answer {
    /// Names of classes.
    case name(truth: String, predicted: String, probability: Double)
    /// Numbers in the target's own unit.
    case number(truth: [Double], predicted: [Double])
  }

  private let row: ExplanationSource.RowName
  private let origin: ExplanationSource.Origin
  private let changes: [String]
  private let answer: Answer
  private let subject: ExplanationSubject

  init(
    _ subject: ExplanationSubject, row: ExplanationSource.RowName,
    origin: ExplanationSource.Origin, changes: [String]
  ) {
    (self.subject, self.row, self.origin, self.changes) = (subject, row, origin, changes)
    answer = Self.answer(subject)
  }

  private static func answer(_ subject: ExplanationSubject) -> Answer {
    let values = subject.numbers.value("predictions")?.elements ?? []
    let schema = subject.model.schema
    let place = Int(subject.row.rows.first ?? 0)
    switch subject.row.dataset.targets {
    case .classes(let labels, let count):
      var probabilities = values
      if values.count == 1 { probabilities = [1 - values[0], values[0]] }
      var best = 0
      // As predictions choose: the first of equals.
      for index in probabilities.indices where probabilities[index] > probabilities[best] {
        best = index
      }
      let names = schema?.classes ?? (0..<max(count, probabilities.count)).map(String.init)
      return .name(
        truth: names[Int(labels[place])], predicted: names[best], probability: probabilities[best])
    case .values(let truth, let outputs):
      func original(_ value: Double) -> Double { schema?.originalTarget(value) ?? value }
      func given(_ value: Float) -> Double { schema?.givenTarget(value) ?? Double(value) }
      return .number(
        truth: truth[place * outputs..<(place + 1) * outputs].map(given),
        predicted: values.map(original))
    case .none: return .number(truth: [], predicted: values)
    }
  }

  /// A number without zeros at its end.
  private static func number(_ value: Double, digits: Int = 5) -> String {
    let text = NumberFormat.significant(value, digits: digits)
    guard text.contains("."), !text.contains("e") else { return text }
    return String(text.reversed().drop { $0 == "0" }.drop { $0 == "." }.reversed())
  }

  private static func list(_ values: [Double]) -> String {
    let shown = values.prefix(8).map { number($0) }.joined(separator: ", ")
    return values.count == 1 ? shown : "[\(shown)\(values.count > 8 ? ", …" : "")]"
  }

  /// The lines above an explanation.
  var text: String {
    var lines = [row.text + (row.part.map { ", a \($0.rawValue) row" } ?? "")]
    let loss = "loss \(Self.number(subject.numbers.loss)) (\(subject.model.loss.spelling))"
    let target = subject.model.schema.map { "\(MessageText.name($0.target.name)): " } ?? ""
    switch answer {
    case .name(let truth, let predicted, let probability):
      let verdict = truth == predicted ? "right" : "wrong"
      lines.append(
        "\(target)true \(MessageText.name(truth)), predicted \(MessageText.name(predicted)) with probability"
          + " \(Self.number(probability, digits: 4)): \(verdict)")
    case .number(let truth, let predicted):
      lines.append("\(target)true \(Self.list(truth)), predicted \(Self.list(predicted))")
      if let standardised { lines.append(standardised) }
    }
    lines.append(loss)
    lines.append(origin.text)
    if !changes.isEmpty {
      lines.append("changed before explaining: " + changes.joined(separator: ", "))
    }
    lines.append("numbers: \(precisionText)")
    return lines.joined(separator: "\n") + "\n"
  }

  /// A number's target and prediction as the network knows them, if its schema standardises them.
  private var standardised: String? {
    guard subject.model.schema?.task == .regression,
      case .values(let truth, _) = subject.row.dataset.targets, let place = subject.row.rows.first,
      let predicted = subject.numbers.value("predictions")?.elements.first
    else { return nil }
    return "to the network, standardised: \(Self.number(Double(truth[Int(place)]))) and"
      + " \(Self.number(predicted))"
  }

  private var precisionText: String {
    switch subject.precision {
    case .single: "single precision, bit for bit those that training computes"
    case .double: "double precision (training computes in single)"
    }
  }

  /// The members of the JSON object that the parts are added to.
  var members: JSONObject {
    [
      "row": [
        "number": JSONValue(row.number), "line": row.line.map { JSONValue($0) } ?? .null,
        "source": JSONValue(row.source), "part": row.part.map { JSONValue($0.rawValue) } ?? .null,
      ],
      "model": [
        "path": JSONValue(origin.path), "state": JSONValue(origin.state),
        "epochs": JSONValue(subject.model.record.epochs),
        "steps": JSONValue(Int(clamping: subject.model.record.steps)),
        "precision": JSONValue(subject.precision.rawValue), "changes": JSONValue(changes),
      ],
      "batch": [
        "rows": JSONValue(subject.batch?.count ?? 1), "name": JSONValue(subject.batchName),
      ],
      "prediction": prediction, "loss": JSONValue(subject.numbers.loss),
    ]
  }

  private var prediction: JSONValue {
    let values = JSONValue(subject.numbers.value("predictions")?.elements ?? [])
    switch answer {
    case .name(let truth, let predicted, let probability):
      return [
        "truth": JSONValue(truth), "predicted": JSONValue(predicted),
        "probability": JSONValue(probability), "right": JSONValue(truth == predicted),
        "values": values,
      ]
    case .number(let truth, let predicted):
      return ["truth": JSONValue(truth), "predicted": JSONValue(predicted), "values": values]
    }
  }
}
