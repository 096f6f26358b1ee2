internal import EbbGradients
internal import EbbGraph
package import EbbSystem

extension FactorChain: CustomStringConvertible {
  /// The factors with their numbers, and what is stored and used again.
  public var description: String { text }
}

extension FactorChain: ExplanationPart {
  package static var key: String { "chains" }

  package var text: String {
    var text = PartText()
    text.line("CHAIN OF FACTORS")
    text.paragraph(
      "Each factor is a Jacobian, with a row for each number above and a column for each below; beside"
        + " it the product of all factors so far. \"off\" is how far it is from differences of that"
        + " function alone, relative to its largest entry.")
    var printed = 0
    for chain in chains {
      text.line()
      text.pieces(
        ["∂L/∂\(chain.element) ="] + chain.names.enumerated().map { $0 == 0 ? $1 : "· \($1)" },
        separator: " ", indent: 2, hanging: 4)
      if chain.reused > 0 {
        let stored = factors[chain.reused - 1]
        text.paragraph(
          "\(stored.productName) is stored from above, and used again: "
            + NumberFormat.counted(chain.reused, "factor") + " of \(chain.names.count) need not be"
            + " computed.", indent: 4)
      }
      while printed < chain.shared {
        show(factors[printed], in: &text)
        printed += 1
      }
      last(chain, in: &text)
    }
    return text.text
  }

  private func show(_ factor: Factor, in text: inout PartText) {
    var line = EquationMatrices()
    line.matrix(factor.name, factor.matrix)
    if factor.productName != factor.name {
      line.sign("→")
      line.row("\(factor.productName), stored", factor.product)
    }
    text.line()
    EquationsExplanation.show(line, in: &text)
    if let off = factor.differenceDeviation {
      let single = factor.differences.count == 1 ? factor.differences[0] : nil
      let measured = single.map { "by differences \(EquationMatrices.number($0)), " } ?? ""
      text.line("\(measured)off \(PartText.deviation(off))", indent: 4)
    }
  }

  private func last(_ chain: Chain, in text: inout PartText) {
    var line = EquationMatrices()
    line.column(chain.names.last ?? "", chain.last)
    line.sign("→")
    line.column("∂L/∂\(chain.element)", [chain.product])
    text.line()
    EquationsExplanation.show(line, in: &text)
    let off = (chain.product - chain.gradient).magnitude
    text.paragraph(
      "The product is \(NumberFormat.significant(chain.product, digits: 8)); backpropagation gave"
        + " \(NumberFormat.significant(chain.gradient, digits: 8))"
        + (off == 0 ? "." : ", \(PartText.deviation(off)) apart."), indent: 4)
  }

  package var json: JSONValue {
    func rows(_ matrix: NDArray<Double>) -> JSONValue {
      let columns = matrix.shape[1]
      return JSONValue(
        (0..<matrix.shape[0]).map { row in
          JSONValue(Array(matrix.elements[row * columns..<(row + 1) * columns]))
        })
    }
    return [
      "factors": JSONValue(
        factors.map { factor -> JSONValue in
          [
            "name": JSONValue(factor.name), "matrix": rows(factor.matrix),
            "productName": JSONValue(factor.productName), "product": JSONValue(factor.product),
            "differences": JSONValue(factor.differences.map { JSONValue(optional: $0) }),
            "differenceDeviation": JSONValue(optional: factor.differenceDeviation),
          ]
        }),
      "chains": JSONValue(
        chains.map { chain -> JSONValue in
          [
            "element": JSONValue(chain.element.description), "factors": JSONValue(chain.names),
            "reused": JSONValue(chain.reused), "last": JSONValue(chain.last),
            "product": JSONValue(chain.product), "gradient": JSONValue(chain.gradient),
          ]
        }),
    ]
  }
}
