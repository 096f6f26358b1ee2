package import EbbSystem

extension Schema {
  /// The schema as JSON, for model files. Every number reads back as the same value.
  package var json: JSONValue {
    ["features": .array(features.map(\.json)), "target": target.json]
  }

  /// Reads what ``json`` wrote, strictly.
  ///
  /// - Throws: ``DataError`` of kind `badSchema` with the path of what is wrong.
  package init(json field: JSONField) throws(DataError) {
    do throws(JSONError) {
      try field.allowOnly(["features", "target"])
      var features: [Feature] = []
      var names: Set<String> = []
      for element in try field.member("features").elements() {
        let feature = try Feature(json: element)
        guard names.insert(feature.name).inserted else {
          throw element.error("two features are called \(feature.name.quotedForMessage)")
        }
        features.append(feature)
      }
      guard !features.isEmpty else { throw field.error("a schema needs at least one feature") }
      let target = try Target(json: try field.member("target"))
      guard !names.contains(target.name) else {
        throw field.error("the target \(target.name.quotedForMessage) is also a feature")
      }
      self.init(features: features, target: target)
    } catch {
      throw DataError(.badSchema, "the data schema is damaged: \(error.description)")
    }
  }
}

extension Schema.Feature {
  fileprivate var json: JSONValue {
    switch encoding {
    case .standardized(let mean, let scale):
      var members: JSONObject = [
        "name": .string(name), "kind": "number", "mean": .number(mean), "scale": .number(scale),
      ]
      members.add(range)
      return .object(members)
    case .constant(let value):
      return ["name": .string(name), "kind": "constant", "value": .number(value)]
    case .oneHot(let categories):
      return ["name": .string(name), "kind": "category", "categories": JSONValue(categories)]
    }
  }

  fileprivate init(json field: JSONField) throws(JSONError) {
    let name = try field.member("name").string()
    let kind = try field.member("kind")
    switch try kind.string() {
    case "number":
      try field.allowOnly(["name", "kind", "mean", "scale", "least", "most"])
      let (mean, scale) = (try field.member("mean"), try field.member("scale"))
      self.init(
        name: name,
        encoding: .standardized(mean: try mean.number(), scale: try scale.positiveNumber()),
        range: try Schema.range(json: field))
    case "constant":
      try field.allowOnly(["name", "kind", "value"])
      let value = try field.member("value").number()
      self.init(name: name, encoding: .constant(value), range: value...value)
    case "category":
      try field.allowOnly(["name", "kind", "categories"])
      self.init(
        name: name,
        encoding: .oneHot(
          categories: try field.member("categories").differentStrings(atLeast: 1)))
    default:
      throw kind.error("expected \"number\", \"constant\" or \"category\"")
    }
  }
}

extension Schema.Target {
  fileprivate var json: JSONValue {
    switch kind {
    case .classes(let classes):
      return ["name": .string(name), "kind": "classes", "classes": JSONValue(classes)]
    case .number(let mean, let scale):
      var members: JSONObject = [
        "name": .string(name), "kind": "number", "mean": .number(mean), "scale": .number(scale),
      ]
      members.add(range)
      return .object(members)
    }
  }

  fileprivate init(json field: JSONField) throws(JSONError) {
    name = try field.member("name").string()
    let kindField = try field.member("kind")
    switch try kindField.string() {
    case "classes":
      try field.allowOnly(["name", "kind", "classes"])
      kind = .classes(try field.member("classes").differentStrings(atLeast: 2))
    case "number":
      try field.allowOnly(["name", "kind", "mean", "scale", "least", "most"])
      kind = .number(
        mean: try field.member("mean").number(), scale: try field.member("scale").positiveNumber())
      range = try Schema.range(json: field)
      return
    default:
      throw kindField.error("expected \"classes\" or \"number\"")
    }
    range = nil
  }
}

extension JSONField {
  fileprivate func positiveNumber() throws(JSONError) -> Double {
    let number = try number()
    guard number > 0 else { throw error("expected a number above 0, got \(number)") }
    return number
  }

  fileprivate func differentStrings(atLeast least: Int) throws(JSONError) -> [String] {
    var seen: Set<ExactText> = []
    var strings: [String] = []
    for element in try elements() {
      let string = try element.string()
      guard seen.insert(ExactText(string)).inserted else {
        throw element.error("\(string.quotedForMessage) appears twice")
      }
      strings.append(string)
    }
    guard strings.count >= least else {
      throw error("expected at least \(least) texts, got \(strings.count)")
    }
    return strings
  }
}

extension Schema {
  /// The range of the training rows, which version 1 of the format did not tell.
  fileprivate static func range(json field: JSONField) throws(JSONError) -> ClosedRange<Double>? {
    guard let least = try field.optionalMember("least") else {
      if let most = try field.optionalMember("most") {
        throw most.error("expected \"least\" beside it")
      }
      return nil
    }
    let most = try field.member("most")
    let (lower, upper) = (try least.number(), try most.number())
    guard lower <= upper else { throw most.error("expected at least \(lower), got \(upper)") }
    return lower...upper
  }
}

extension JSONObject {
  /// Adds the range of the training rows, if it is known.
  fileprivate mutating func add(_ range: ClosedRange<Double>?) {
    guard let range else { return }
    self["least"] = .number(range.lowerBound)
    self["most"] = .number(range.upperBound)
  }
}
