package import EbbSystem

extension LayerRecord {
  package init(json: JSONField) throws(JSONError) {
    try json.allowOnly([
      "name", "gradientNorm", "weightNorm", "updateRatio", "dead", "saturated", "weights",
      "activations", "gradients",
    ])
    self.init(
      name: try json.member("name").string(),
      gradientNorm: try json.member("gradientNorm").numberOrNaN(),
      weightNorm: try json.member("weightNorm").numberOrNaN(),
      updateRatio: try json.optionalMember("updateRatio")?.numberOrNaN(),
      dead: try json.optionalMember("dead")?.share(),
      saturated: try json.optionalMember("saturated")?.share(),
      weights: try Histogram.optional(json: json.optionalMember("weights")),
      activations: try Histogram.optional(json: json.optionalMember("activations")),
      gradients: try Histogram.optional(json: json.optionalMember("gradients")))
  }
}

extension Histogram {
  static func optional(json: JSONField?) throws(JSONError) -> Histogram? {
    guard let json else { return nil }
    return try Histogram(json: json)
  }

  init(json: JSONField) throws(JSONError) {
    try json.allowOnly(["lowest", "highest", "counts"])
    let (lowest, highest) = (try json.member("lowest"), try json.member("highest"))
    var counts: [Int] = []
    var total = 0
    for field in try json.member("counts").elements() {
      let count = try field.count()
      total += count
      // Before the next one could overflow: the parts of a sum are limited as it is.
      guard total <= CountLimit.most else { throw field.error("the counts add up to too many") }
      counts.append(count)
    }
    self.init(lowest: try lowest.number(), highest: try highest.number(), counts: counts)
    guard self.lowest <= self.highest else {
      throw highest.error("expected at least \(self.lowest), got \(self.highest)")
    }
    if counts.isEmpty { throw json.error("there are no counts") }
  }
}

extension JSONField {
  /// A number, or nan for null, which is how what is not finite is written.
  package func numberOrNaN() throws(JSONError) -> Double { isNull ? .nan : try number() }

  /// A number from 0 to 1.
  fileprivate func share() throws(JSONError) -> Double {
    let value = try number()
    guard (0...1).contains(value) else { throw error("expected 0 to 1, got \(value)") }
    return value
  }
}

// MARK: Writing

extension LayerRecord {
  /// The layer's member of a line of `events.jsonl`; what is nil is left out.
  package var json: JSONValue {
    var members: JSONObject = [
      "name": JSONValue(name), "gradientNorm": JSONValue(gradientNorm),
      "weightNorm": JSONValue(weightNorm),
    ]
    members["updateRatio"] = updateRatio.map { JSONValue($0) }
    members["dead"] = dead.map { JSONValue($0) }
    members["saturated"] = saturated.map { JSONValue($0) }
    members["weights"] = weights?.json
    members["activations"] = activations?.json
    members["gradients"] = gradients?.json
    return .object(members)
  }
}

extension Histogram {
  /// Lowest, highest and counts.
  package var json: JSONValue {
    [
      "lowest": JSONValue(lowest), "highest": JSONValue(highest), "counts": JSONValue(counts),
    ]
  }
}
