internal import EbbGradients
internal import EbbGraph
internal import EbbNetworks
package import EbbSystem

extension EquationsExplanation: ExplanationPart {
  package static var key: String { "equations" }

  package var json: JSONValue {
    var members: JSONObject = [
      "verdict": JSONValue(verdict.rawValue), "precision": JSONValue(precision.rawValue),
      "loss": JSONValue(loss), "forwardPasses": JSONValue(forwardPasses),
      "layers": JSONValue(layers.map(\.json)), "end": end.json,
      "equations": JSONValue(
        equations.map { $0.json(formula: formula($0)) }),
    ]
    if !jacobians.isEmpty { members["jacobians"] = JSONValue(jacobians.map(\.json)) }
    return .object(members)
  }
}

extension JSONValue {
  /// A matrix as an array of its rows, a column as an array.
  fileprivate init(matrix: NDArray<Double>) {
    guard matrix.shape.rank == 2 else {
      self.init(matrix.elements)
      return
    }
    let columns = matrix.shape[1]
    self.init(
      (0..<matrix.shape[0]).map { row in
        JSONValue(Array(matrix.elements[row * columns..<(row + 1) * columns]))
      })
  }
}

extension EquationsExplanation.Layer {
  var json: JSONValue {
    [
      "name": JSONValue(name), "activations": JSONValue(activations.map(\.spelling)),
      "dropouts": JSONValue(dropouts), "weight": JSONValue(matrix: weight),
      "bias": bias.map { JSONValue($0) } ?? .null, "input": JSONValue(input),
      "preactivation": JSONValue(sums), "slopes": JSONValue(slopes),
      "activation": JSONValue(output),
      "gradients": [
        "preactivation": JSONValue(gradientBySums), "activation": JSONValue(gradientByOutput),
        "input": JSONValue(gradientByInput), "weight": JSONValue(matrix: gradientByWeight),
        "bias": gradientByBias.map { JSONValue($0) } ?? .null,
      ],
    ]
  }
}

extension EquationsExplanation.End {
  /// The Jacobian is written out for as many outputs at most.
  private static let mostOutputs = 256

  var json: JSONValue {
    [
      "outputFunction": JSONValue(function.rawValue), "outputs": JSONValue(outputs),
      "predictions": JSONValue(predictions), "targets": JSONValue(targets),
      "powers": JSONValue(powers), "gradientByPredictions": JSONValue(gradientByPredictions),
      "jacobian": outputs.count <= Self.mostOutputs
        ? JSONValue(matrix: function.jacobian(at: predictions)) : .null,
      "product": JSONValue(product), "fused": JSONValue(fused), "unfused": JSONValue(unfused),
      "unfusedDeviation": JSONValue(optional: unfusedDeviation),
    ]
  }
}

extension EquationsExplanation.Equation {
  func json(formula: String) -> JSONValue {
    [
      "equation": JSONValue(formula), "kind": JSONValue(kind.rawValue), "layer": JSONValue(layer),
      "value": JSONValue(value), "entries": JSONValue(count), "compared": JSONValue(entries.count),
      "verdict": JSONValue(verdict.rawValue), "scale": JSONValue(scale),
      "differenceDeviation": JSONValue(differenceDeviation),
      "formulaDeviation": JSONValue(formulaDeviation),
      "formulaTolerance": JSONValue(formulaTolerance), "rounding": JSONValue(rounding),
      "sides": JSONValue(
        entries.map { entry -> JSONValue in
          [
            "element": JSONValue(entry.element.description), "left": JSONValue(entry.difference),
            "right": JSONValue(entry.formula), "gradient": JSONValue(entry.gradient),
          ]
        }),
    ]
  }
}

extension JacobianForm {
  /// The matrix is written out up to as many entries.
  private static let mostWritten = 1 << 16

  var json: JSONValue {
    [
      "name": JSONValue(name), "function": JSONValue(function), "rows": JSONValue(rows),
      "columns": JSONValue(columns),
      "matrix": rows * columns <= Self.mostWritten
        ? matrix.map { JSONValue(matrix: $0) } ?? .null : .null,
      "upstream": JSONValue(upstream), "product": product.map { JSONValue(matrix: $0) } ?? .null,
      "gradient": JSONValue(matrix: gradient), "deviation": JSONValue(optional: deviation),
      "agrees": JSONValue(agrees),
    ]
  }
}
