internal import EbbGradients
internal import EbbGraph
internal import EbbNetworks
internal import EbbSystem
internal import EbbTraining

extension EquationsExplanation: CustomStringConvertible {
  /// The equations with their numbers.
  public var description: String { text }
}

extension EquationsExplanation {
  /// The text for a terminal of 80 columns.
  package var text: String {
    var text = PartText()
    notation(&text)
    forward(&text)
    derivation(&text)
    backward(&text)
    comparison(&text)
    if !jacobians.isEmpty { jacobianForms(&text) }
    return text.text
  }

  /// The indent of matrices and their width.
  private static let indent = 4
  static let matrixWidth = PartText.width - indent

  private static func number(_ value: Double) -> String { EquationMatrices.number(value) }

  private func notation(_ text: inout PartText) {
    text.line("EQUATIONS")
    text.paragraph(
      "One example is a column: a = W h + b with W [outputs, inputs], h = g(a). δ_k = ∂L/∂a_k is the"
        + " gradient by layer k's sums; ⊙ multiplies entry by entry. Entries count from 0.")
    text.line()
    var rows = [["k", "layer", "g", "W_k", "a_k", "h_k"]]
    rows.append(["0", "", "", "", "", layers.first?.inputName ?? ""])
    for (index, layer) in layers.enumerated() {
      rows.append([
        "\(index + 1)", layer.name, layer.functionName, "[\(layer.units), \(layer.inputs)]",
        "\(layer.name).preactivation", layer.outputName,
      ])
    }
    text.table(rows, indent: 2, alignsLeft: 6)
    for layer in layers where !layer.dropouts.isEmpty {
      text.paragraph(
        "\(layer.dropouts.joined(separator: ", ")) after \(layer.name) drops values in training only;"
          + " here it passes them on as they are.", indent: 2)
    }
  }

  private func forward(_ text: inout PartText) {
    text.line()
    text.line("FORWARD")
    for (index, layer) in layers.enumerated() {
      let k = index + 1
      text.line()
      text.line("a\(k) = W\(k) h\(index)\(layer.bias == nil ? "" : " + b\(k)")", indent: 2)
      var product = EquationMatrices()
      product.column("a\(k)", layer.sums)
      product.sign("=")
      product.matrix("W\(k)", layer.weight)
      product.sign("·")
      product.column("h\(index)", layer.input)
      if let bias = layer.bias {
        product.sign("+")
        product.column("b\(k)", bias)
      }
      Self.show(product, in: &text)
      guard !layer.activations.isEmpty else { continue }
      text.line("h\(k) = \(layer.functionName)(a\(k)), with its slope", indent: 2)
      var function = EquationMatrices()
      function.column("a\(k)", layer.sums)
      function.sign("→")
      function.column("h\(k)", layer.output)
      function.column("g'(a\(k))", layer.slopes)
      Self.show(function, in: &text)
    }
  }

  static func show(_ matrices: EquationMatrices, in text: inout PartText) {
    for line in matrices.lines(width: matrixWidth) { text.line(line, indent: indent) }
  }

  private func backward(_ text: inout PartText) {
    text.line()
    text.line("BACKWARD")
    for (index, layer) in layers.enumerated().reversed() {
      let k = index + 1
      text.line()
      if !layer.activations.isEmpty {
        text.line("δ\(k) = ∇h\(k) ⊙ g'(a\(k))", indent: 2)
        var slope = EquationMatrices()
        slope.column("δ\(k)", layer.gradientBySums)
        slope.sign("=")
        slope.column("∇h\(k)", layer.gradientByOutput)
        slope.sign("⊙")
        slope.column("g'(a\(k))", layer.slopes)
        Self.show(slope, in: &text)
      } else if k < layers.count {
        text.line("δ\(k) = ∇h\(k), since \(layer.name) has no activation", indent: 2)
      }
      if layer.gradientByBias != nil { text.line("∂L/∂b\(k) = δ\(k)", indent: 2) }
      text.line("∂L/∂W\(k) = δ\(k) h\(index)ᵀ", indent: 2)
      var outer = EquationMatrices()
      outer.matrix("∂L/∂W\(k)", layer.gradientByWeight)
      outer.sign("=")
      outer.column("δ\(k)", layer.gradientBySums)
      outer.sign("·")
      outer.row("h\(index)ᵀ", layer.input)
      Self.show(outer, in: &text)
      largest(layer, k, &text)
      text.line("∇h\(index) = W\(k)ᵀ δ\(k): each neuron adds weight × δ", indent: 2)
      var back = EquationMatrices()
      back.column("∇h\(index)", layer.gradientByInput)
      back.sign("=")
      back.matrix("W\(k)ᵀ", layer.weight.transposed())
      back.sign("·")
      back.column("δ\(k)", layer.gradientBySums)
      Self.show(back, in: &text)
    }
  }

  /// The largest entries of a gradient that is not shown whole.
  private func largest(_ layer: Layer, _ k: Int, _ text: inout PartText) {
    let isWhole =
      layer.units <= EquationMatrices.mostRows && layer.inputs <= EquationMatrices.mostColumns - 2
    guard !isWhole else { return }
    let entries = layer.largestWeightGradients(3).filter { $0.gradient != 0 }
    guard !entries.isEmpty else {
      return text.line("all \(layer.weight.count) entries are 0", indent: 4)
    }
    text.line("largest:", indent: 4)
    for entry in entries {
      text.line(
        "\(entry.name) \(Self.number(entry.gradient)) = \(Self.number(entry.delta)) ·"
          + " \(Self.number(entry.input))", indent: 6)
    }
  }

  private func comparison(_ text: inout PartText) {
    text.line()
    text.line("BOTH SIDES")
    text.paragraph(
      "Left: differences of the loss in double precision, apart from backpropagation"
        + " (\(NumberFormat.grouped(forwardPasses)) forward passes). Right: the formula, from the"
        + " numbers above. \"left off\" is the furthest that a difference is from backpropagation in"
        + " double precision, \"right off\" the furthest that the formula is from the gradient"
        + " above.")
    text.line()
    var rows = [["equation", "compared", "left off", "right off", ""]]
    for equation in equations {
      let count =
        equation.entries.count == equation.count
        ? "all \(NumberFormat.grouped(equation.count))"
        : "\(equation.entries.count) of \(NumberFormat.grouped(equation.count))"
      rows.append([
        formula(equation), equation.entries.isEmpty ? "none" : count,
        Self.deviation(equation.differenceDeviation), Self.deviation(equation.formulaDeviation),
        equation.verdict.rawValue,
      ])
    }
    text.table(rows, indent: 2)
    text.line()
    text.line("The entry of each whose sides are furthest apart:", indent: 2)
    text.table(
      [["", "left", "right", "backpropagation"]]
        + equations.compactMap { equation in
          equation.worst.map {
            [
              $0.element.description, Self.long($0.difference), Self.long($0.formula),
              Self.long($0.gradient),
            ]
          }
        }, indent: 2)
    text.line()
    text.paragraph(sentence)
  }

  private static func deviation(_ value: Double) -> String {
    value.isFinite ? PartText.deviation(value) : "–"
  }

  private static func long(_ value: Double) -> String {
    NumberFormat.significant(value, digits: 8)
  }

  /// The verdict in words.
  var sentence: String {
    let undecided = equations.filter { $0.verdict == .undecided }
    var sentence: String
    switch verdict {
    case .agrees:
      sentence =
        "The two sides agree in \(equations.count - undecided.count) of the"
        + " \(equations.count) equations."
    case .disagrees:
      let wrong = equations.filter { $0.verdict == .disagrees }
      sentence =
        "The two sides DISAGREE: "
        + (wrong.isEmpty
          ? "a Jacobian's product is not the gradient"
          : wrong.map { "\(formula($0)) (\($0.value))" }.joined(separator: "; "))
        + ". A derivative rule is wrong; \"ebb check\" says more."
    case .undecided: sentence = "No equation could be decided."
    }
    if let rounding, verdict == .agrees {
      sentence +=
        " Backpropagation in single precision is rounded: its numbers here are up to"
        + " \(PartText.deviation(100 * rounding)) % of a gradient's largest entry from those of"
        + " double precision, which --double shows."
    }
    if !undecided.isEmpty {
      sentence +=
        " Undecided, because the gradients are too small for differences or not finite: "
        + undecided.map { formula($0) }.joined(separator: "; ") + "."
    }
    return sentence
  }

  /// How far single precision is from double, relative to each gradient's largest entry; nil in double.
  private var rounding: Double? {
    guard precision == .single else { return nil }
    return equations.filter { $0.scale > 0 }.map { $0.rounding / $0.scale }.max()
  }

  /// An equation in symbols.
  func formula(_ equation: Equation) -> String {
    let (k, last) = (equation.layer, layers.count)
    let hasSlope = layers[last - 1].activations.isEmpty == false
    switch equation.kind {
    case .predictions: return "∇ŷ L = \(lossKind.slopeText)"
    case .outputs:
      let left = hasSlope ? "∇h\(last)" : "δ\(last)"
      return end.function == .identity ? "\(left) = ∇ŷ L" : "\(left) = J_Oᵀ ∇ŷ L"
    case .sums:
      return k == last
        ? "δ\(k) = ∇h\(k) ⊙ g'(a\(k))" : "δ\(k) = (W\(k + 1)ᵀ δ\(k + 1)) ⊙ g'(a\(k))"
    case .input: return "∇h\(k - 1) = W\(k)ᵀ δ\(k)"
    case .bias: return "∂L/∂b\(k) = δ\(k)"
    case .weight: return "∂L/∂W\(k) = δ\(k) h\(k - 1)ᵀ"
    }
  }
}

extension EquationsExplanation.Layer {
  /// Such as `relu`, `none`, `relu then tanh`.
  var functionName: String {
    activations.isEmpty ? "none" : activations.map(\.spelling).joined(separator: " then ")
  }

  /// An entry of ∂L/∂W_k with its two factors.
  struct WeightEntry {
    let name: ElementName
    let gradient: Double
    let delta: Double
    let input: Double
  }

  /// The largest entries of ∂L/∂W_k, the largest first.
  func largestWeightGradients(_ count: Int) -> [WeightEntry] {
    var places: [Int] = []
    let gradients = gradientByWeight.elements
    for index in gradients.indices {
      let size = gradients[index].magnitude
      if places.count == count, let last = places.last, size <= gradients[last].magnitude {
        continue
      }
      let place = places.firstIndex { gradients[$0].magnitude < size } ?? places.endIndex
      places.insert(index, at: place)
      if places.count > count { places.removeLast() }
    }
    return places.map { place in
      WeightEntry(
        name: ElementName("\(name).weight", offset: place, in: weight.shape),
        gradient: gradients[place], delta: gradientBySums[place / inputs],
        input: input[place % inputs])
    }
  }
}

extension Loss {
  /// L in symbols.
  var formulaText: String {
    switch self {
    case .squaredError: "Σ (ŷ_j − y_j)²"
    case .absoluteError: "Σ |ŷ_j − y_j|"
    case .huber(let delta): "Σ h(ŷ_j − y_j), δ = \(NumberFormat.shortest(delta))"
    case .binaryCrossEntropy: "−Σ (y_j log ŷ_j + (1 − y_j) log(1 − ŷ_j))"
    case .softmaxCrossEntropy: "−log ŷ_l"
    case .smoothedCrossEntropy: "−Σ y_j log ŷ_j"
    }
  }

  /// ∇_ŷ L in symbols.
  var slopeText: String {
    switch self {
    case .squaredError: "2(ŷ − y)"
    case .absoluteError: "sign(ŷ − y)"
    case .huber: "ŷ − y, held in ±δ"
    case .binaryCrossEntropy: "−y/ŷ + (1−y)/(1−ŷ)"
    case .softmaxCrossEntropy, .smoothedCrossEntropy: "−y/ŷ"
    }
  }
}
