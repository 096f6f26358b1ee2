internal import EbbGraph
internal import EbbSystem

extension GradientCheck.Verdict: CustomStringConvertible {
  /// `agrees to 4.1e-10`, `DISAGREES by 0.5`, `inconclusive: …`.
  public var description: String {
    switch self {
    case .agrees(let to):
      to == 0 ? "agrees exactly" : "agrees to \(NumberFormat.significant(to, digits: 2))"
    case .disagrees(let by): "DISAGREES by \(NumberFormat.significant(by, digits: 3))"
    case .inconclusive(let reason): "inconclusive: \(reason)"
    }
  }
}

extension GradientCheck.Law {
  /// The verdict, in the words that suit the law.
  public var outcome: String {
    switch verdict {
    case .agrees where isExact: "equal, bit for bit"
    case .disagrees(let by) where isExact:
      "DIFFERENT in \(NumberFormat.significant(100 * by, digits: 2)) % of the numbers"
    default: verdict.description
    }
  }
}

extension GradientCheck: CustomStringConvertible {
  /// A line for each parameter and each law, and the sentence.
  public var description: String {
    let lines =
      tensors.map { "\($0.label): \($0.verdict)" + $0.example }
      + laws.map { "\($0.statement): \($0.outcome)" }
    return (lines + [sentence]).joined(separator: "\n")
  }

  /// What came out, in one sentence.
  public var sentence: String {
    let place = "on \(NumberFormat.counted(rows, "row"))"
    switch verdict {
    case .agrees(let to):
      let undecided = self.undecided
      let rest =
        undecided.isEmpty
        ? "" : "; inconclusive for " + NumberedList.text(undecided, noun: "entry", "entries")
      let size = to == 0 ? "exactly" : "to \(NumberFormat.significant(to, digits: 2))"
      return "the gradient agrees \(size) with differences of the loss \(place)\(rest)"
    case .disagrees:
      let wrong =
        tensors.filter(\.verdict.isDisagreement).map(\.label)
        + laws.filter(\.verdict.isDisagreement).map(\.name)
      let names = NumberedList.text(wrong, noun: "entry", "entries")
      return "the gradient disagrees \(place): \(names)"
    case .inconclusive(let reason):
      return "inconclusive: nothing could be decided \(place) (\(reason))"
    }
  }
}

extension GradientCheck.Tensor {
  /// The worst element with both numbers, where something is wrong.
  var example: String {
    guard verdict.isDisagreement, let worst else { return "" }
    let (gradient, difference) = (
      NumberFormat.significant(worst.comparison.gradient, digits: 6),
      NumberFormat.significant(worst.comparison.difference, digits: 6)
    )
    return "; \(worst.name): gradient \(gradient), difference \(difference)"
  }
}

/// Names in a sentence.
enum NumberedList {
  /// The first four names, and how many there are besides.
  static func text(_ names: [String], noun: String, _ plural: String) -> String {
    guard names.count > 4 else { return names.joined(separator: ", ") }
    let more = NumberFormat.counted(names.count - 4, "other \(noun)", plural: "other \(plural)")
    return names.prefix(4).joined(separator: ", ") + " and \(more)"
  }
}
