internal import EbbNetworks
package import EbbSystem

extension WeightExplanation {
  /// Everything as JSON; the names of members are permanent.
  package var json: JSONValue {
    [
      "row": JSONValue(rowName), "element": JSONValue("\(element)"), "value": JSONValue(value),
      "gradient": JSONValue(gradient),
      "reading": ["step": JSONValue(Self.reading), "change": JSONValue(gradient * Self.reading)],
      "product": product?.json ?? .null,
      "paths": paths.map { paths in
        [
          "count": JSONValue(paths.pathCount), "total": JSONValue(paths.total),
          "deviation": JSONValue((paths.total - gradient).magnitude),
          "rest": JSONValue(paths.rest),
          "others": JSONValue(paths.pathCount - Double(paths.paths.count)),
          "largest": JSONValue(paths.paths.map(\.json)),
        ]
      } ?? .null,
      "withoutPaths": withoutPaths.map { JSONValue($0) } ?? .null,
      "difference": [
        "value": JSONValue(difference.value),
        "deviation": JSONValue((difference.value - gradient).magnitude),
        "kinksCrossed": JSONValue(difference.kinksCrossed),
      ],
      "update": update?.json ?? .null,
    ]
  }
}

extension WeightExplanation.Product {
  fileprivate var json: JSONValue {
    [
      "delta": ["name": JSONValue("\(deltaName)"), "value": JSONValue(delta)],
      "input": inputName.map { name in
        [
          "name": JSONValue("\(name)"), "label": inputLabel.map { JSONValue($0) } ?? .null,
          "value": JSONValue(input),
        ]
      } ?? .null,
      "slope": JSONValue(slope), "value": JSONValue(value),
    ]
  }
}

extension WeightPath {
  fileprivate var json: JSONValue {
    let factors = factors.map { factor -> JSONValue in
      [
        "kind": JSONValue(factor.kind.rawValue), "name": JSONValue(factor.name),
        "value": JSONValue(factor.value(row: 0)),
      ]
    }
    return [
      "contribution": JSONValue(contribution), "units": JSONValue(units),
      "factors": JSONValue(factors),
    ]
  }
}

extension WeightUpdate {
  /// The step as JSON.
  package var json: JSONValue {
    let slots = slots.map { slot in
      (slot.name, ["old": JSONValue(slot.old), "new": JSONValue(slot.new)] as JSONValue)
    }
    return [
      "optimizer": JSONValue(optimizer), "step": JSONValue(Int(clamping: step)),
      "learningRate": JSONValue(learningRate), "rows": JSONValue(rows),
      "batch": JSONValue(batchName), "reduction": JSONValue(reduction.rawValue),
      "gradient": JSONValue(gradient), "rowPart": JSONValue(optional: rowPart),
      "rowPartWithoutDropout": JSONValue(optional: expectedRowPart),
      "clipping": clipping.map { clipping in
        [
          "limit": JSONValue(clipping.limit), "norm": JSONValue(clipping.norm),
          "factor": JSONValue(clipping.factor),
        ]
      } ?? .null,
      "clipped": JSONValue(clipped), "terms": terms.map { JSONValue($0.map(\.json)) } ?? .null,
      "slots": .object(JSONObject(slots)), "old": JSONValue(old), "new": JSONValue(new),
      "change": JSONValue(new - old),
      "changeBeforeRounding": JSONValue(optional: changeBeforeRounding),
    ]
  }
}
