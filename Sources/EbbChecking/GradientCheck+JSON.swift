internal import EbbGraph
internal import EbbNetworks
package import EbbSystem

extension GradientCheck {
  /// The check as JSON; the names of members are permanent.
  package var json: JSONValue {
    var members = JSONObject([
      ("verdict", JSONValue(verdict.word)), ("agreesTo", verdict.agreesTo),
      ("disagreesBy", verdict.disagreesBy), ("sentence", JSONValue(sentence)),
      ("rows", JSONValue(rows)), ("rowsGiven", JSONValue(rowsGiven)), ("loss", JSONValue(loss)),
      ("tolerance", JSONValue(tolerance)), ("evaluations", JSONValue(evaluations)),
    ])
    members["tensors"] = JSONValue(tensors.map(\.json))
    members["laws"] = JSONValue(laws.map(\.json))
    members["notes"] = JSONValue(notes)
    return .object(members)
  }
}

extension GradientCheck.Verdict {
  /// `agrees`, `disagrees` or `inconclusive`.
  package var word: String {
    switch self {
    case .agrees: "agrees"
    case .disagrees: "disagrees"
    case .inconclusive: "inconclusive"
    }
  }

  fileprivate var agreesTo: JSONValue {
    if case .agrees(let to) = self { JSONValue(to) } else { .null }
  }

  fileprivate var disagreesBy: JSONValue {
    if case .disagrees(let by) = self { JSONValue(by) } else { .null }
  }

  fileprivate var reason: JSONValue {
    if case .inconclusive(let reason) = self { JSONValue(reason) } else { .null }
  }
}

extension GradientCheck.Tensor {
  fileprivate var json: JSONValue {
    let kinks = kinks.map { kink -> JSONValue in
      ["layer": JSONValue(kink.layer), "count": JSONValue(kink.count)]
    }
    return [
      "name": JSONValue(name), "shape": JSONValue(shape.extents),
      "mode": mode == .training ? "training" : "evaluation", "verdict": JSONValue(verdict.word),
      "agreesTo": verdict.agreesTo, "disagreesBy": verdict.disagreesBy, "reason": verdict.reason,
      "gradientNorm": JSONValue(norm), "resolution": JSONValue(resolution),
      "step": JSONValue(step), "kinks": JSONValue(kinks), "evaluations": JSONValue(evaluations),
      "directions": JSONValue(directions.map(\.json)),
      "worst": worst.map { element -> JSONValue in
        var members = JSONObject([
          ("name", JSONValue(element.name)), ("index", JSONValue(element.index)),
        ])
        for (key, value) in element.comparison.members { members[key] = value }
        return .object(members)
      } ?? .null,
    ]
  }
}

extension GradientCheck.Comparison {
  fileprivate var members: [(String, JSONValue)] {
    [
      ("gradient", JSONValue(gradient)), ("difference", JSONValue(difference)),
      ("error", JSONValue(error)), ("step", JSONValue(step)),
    ]
  }

  fileprivate var json: JSONValue { .object(JSONObject(members)) }
}

extension GradientCheck.Law {
  fileprivate var json: JSONValue {
    [
      "name": JSONValue(name), "statement": JSONValue(statement), "exact": JSONValue(isExact),
      "verdict": JSONValue(verdict.word), "agreesTo": verdict.agreesTo,
      "disagreesBy": verdict.disagreesBy, "reason": verdict.reason,
    ]
  }
}
