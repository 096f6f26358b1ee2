public import EbbGraph
internal import EbbNetworks
internal import EbbSystem

/// A function's derivative in both forms (M12): its Jacobian ∂y/∂x, m × n, whose products make the
/// chain rule; and the gradient in the shape of x, which is Jᵀ times the upstream gradient, reshaped.
public struct JacobianForm: Sendable {
  /// What is differentiated and by what, such as `∂a1/∂W1`.
  public let name: String
  /// The function, such as `a1 = W1 h0 + b1`.
  public let function: String
  /// m: how many numbers y has.
  public let rows: Int
  /// n: how many numbers x has.
  public let columns: Int
  /// The Jacobian; nil if it is too large to be written out.
  public let matrix: NDArray<Double>?
  /// Whose gradient comes from upstream, such as `∂L/∂a1`.
  public let upstreamName: String
  /// The gradient by y.
  public let upstream: [Double]
  /// What the product is, such as `∂L/∂W1`.
  public let gradientName: String
  /// The gradient by x in its own shape, as backpropagation gave it.
  public let gradient: NDArray<Double>
  /// Jᵀ · upstream in the shape of x; nil without the matrix.
  public let product: NDArray<Double>?
  /// The furthest that the two are apart; nil without the matrix.
  public let deviation: Double?
  /// How far rounding may take them apart.
  public let tolerance: Double

  /// Whether the product is the gradient, as far as there is one.
  public var agrees: Bool { deviation.map { $0 <= tolerance } ?? true }

  /// The most entries of a Jacobian that is written out.
  static let mostEntries = 1 << 20

  /// What is known before the matrix is computed.
  private struct Request {
    let name: String
    let function: String
    let x: NDArray<Double>
    let outputs: Int
    let upstream: (name: String, values: [Double])
    let gradient: (name: String, values: NDArray<Double>)
    let precision: ExplanationSubject.Precision
    /// How many half units in the last place of itself an entry of the Jacobian is rounded by, beside
    /// those of its terms.
    var conditioning = 0.0
  }

  private init(_ request: Request, of function: (Tensor) -> Tensor) throws {
    (name, self.function) = (request.name, request.function)
    (rows, columns) = (request.outputs, request.x.count)
    (upstreamName, upstream) = request.upstream
    (gradientName, gradient) = request.gradient
    guard rows * columns <= Self.mostEntries else {
      (matrix, product, deviation, tolerance) = (nil, nil, nil, 0)
      return
    }
    let jacobian = try EbbGraph.jacobian(at: request.x, of: function)
    var (back, terms) = ([Double](repeating: 0, count: columns), 0.0)
    var sizes = back
    for i in 0..<rows where upstream[i] != 0 {
      for j in 0..<columns where jacobian.elements[i * columns + j] != 0 {
        let term = jacobian.elements[i * columns + j] * upstream[i]
        back[j] += term
        sizes[j] += term.magnitude
      }
    }
    for size in sizes { terms = max(terms, size) }
    matrix = jacobian
    product = NDArray(back, shape: gradient.shape)
    deviation = zip(back, gradient.elements).reduce(0.0) { worst, pair in
      let distance = (pair.0 - pair.1).magnitude
      return distance.isNaN ? .infinity : max(worst, distance)
    }
    // Entries of a Jacobian such as ŷ(1 − ŷ) are rounded relative to 1, not to themselves.
    let largest = upstream.reduce(0) { max($0, $1.magnitude) }
    let scale = max(terms, largest)
    tolerance =
      request.precision.rounding(of: rows, terms: scale)
      + request.precision.rounding(of: 1, terms: scale) * request.conditioning
  }

  /// Those of every function, from the loss down.
  static func all(
    _ layers: [EquationsExplanation.Layer], _ end: EquationsExplanation.End,
    _ subject: ExplanationSubject
  ) throws -> [JacobianForm] {
    // e^(a − m) has the rounding of a − m times its size: softmax is as exact as its outputs are near
    // to each other.
    let spread = (end.outputs.max() ?? 0) - (end.outputs.min() ?? 0)
    let last = layers.count
    let argument = layers[last - 1].activations.isEmpty ? "a\(last)" : "h\(last)"
    var forms: [JacobianForm] = []
    if !end.isLost {
      forms.append(
        try JacobianForm(
          Request(
            name: "∂ŷ/∂\(argument)", function: "ŷ = \(end.function.rawValue)(\(argument))",
            x: NDArray(end.outputs), outputs: end.outputs.count,
            upstream: ("∂L/∂ŷ", end.gradientByPredictions),
            gradient: ("∂L/∂\(argument)", NDArray(end.fused)),
            precision: subject.precision, conditioning: spread),
          of: { x in
            end.function(x.reshaped(to: [1, end.outputs.count])).reshaped(to: x.shape)
          }))
    }
    for (index, layer) in layers.enumerated().reversed() {
      forms += try ofLayer(index + 1, layer, subject.precision)
    }
    return forms
  }

  private static func ofLayer(
    _ k: Int, _ layer: EquationsExplanation.Layer, _ precision: ExplanationSubject.Precision
  ) throws -> [JacobianForm] {
    var forms: [JacobianForm] = []
    func request(
      _ y: String, _ x: String, _ function: String, _ point: NDArray<Double>,
      _ upstream: [Double], _ gradient: NDArray<Double>
    ) -> Request {
      Request(
        name: "∂\(y)/∂\(x)", function: function, x: point, outputs: layer.units,
        upstream: ("∂L/∂\(y)", upstream), gradient: ("∂L/∂\(x)", gradient),
        precision: precision)
    }
    let delta = layer.gradientBySums
    if !layer.activations.isEmpty {
      forms.append(
        try JacobianForm(
          request(
            "h\(k)", "a\(k)", "h\(k) = \(layer.functionName)(a\(k))", NDArray(layer.sums),
            layer.gradientByOutput, NDArray(delta)),
          of: { x in layer.activations.reduce(x) { $1($0) } }))
    }
    let sums = "a\(k) = W\(k) h\(k - 1)\(layer.bias == nil ? "" : " + b\(k)")"
    let (input, weight) = (NDArray(layer.input, shape: [layer.inputs, 1]), layer.weight)
    let bias = layer.bias.map { NDArray($0, shape: [layer.units, 1]) }
    /// a = W h + b with one of the three as x, and the others as they are.
    func sum(_ x: Tensor, weight: Tensor, input: Tensor, bias other: Tensor?) -> Tensor {
      let product = matmul(weight, input)
      let total = other.map { product + $0 } ?? product
      return total.reshaped(to: [layer.units])
    }
    forms.append(
      try JacobianForm(
        request(
          "a\(k)", "h\(k - 1)", sums, NDArray(layer.input), delta, NDArray(layer.gradientByInput)),
        of: { x in
          sum(
            x, weight: x.builder.constant(array: weight), input: x.reshaped(to: input.shape),
            bias: bias.map { x.builder.constant(array: $0) })
        }))
    forms.append(
      try JacobianForm(
        request("a\(k)", "W\(k)", sums, weight, delta, layer.gradientByWeight),
        of: { x in
          sum(
            x, weight: x, input: x.builder.constant(array: input),
            bias: bias.map { x.builder.constant(array: $0) })
        }))
    if let bias, let gradient = layer.gradientByBias {
      forms.append(
        try JacobianForm(
          request("a\(k)", "b\(k)", sums, NDArray(bias.elements), delta, NDArray(gradient)),
          of: { x in
            sum(
              x, weight: x.builder.constant(array: weight),
              input: x.builder.constant(array: input), bias: x.reshaped(to: bias.shape))
          }))
    }
    return forms
  }
}

extension EquationsExplanation {
  /// Each function's derivative in both forms.
  func jacobianForms(_ text: inout PartText) {
    text.line()
    text.line("JACOBIANS")
    text.paragraph(
      "∂y/∂x is m × n, with a row for each number of y and a column for each of x (a matrix x is read"
        + " row by row). Jᵀ · upstream, in the shape of x, is the gradient.")
    for form in jacobians {
      text.line()
      text.line("\(form.name), \(form.rows) × \(form.columns), of \(form.function)", indent: 2)
      guard let matrix = form.matrix, let product = form.product, let off = form.deviation else {
        text.paragraph(
          "too large to be written out; backpropagation never needs it: \(form.gradientName) has"
            + " \(NumberFormat.grouped(form.gradient.count)) numbers.", indent: 4)
        continue
      }
      var factors = EquationMatrices()
      factors.matrix("J", matrix)
      factors.column(form.upstreamName, form.upstream)
      if product.shape.rank == 2 {
        factors.matrix("= \(form.gradientName)", product)
      } else {
        factors.column("= \(form.gradientName)", product.elements)
      }
      Self.show(factors, in: &text)
      text.line(
        "Jᵀ · \(form.upstreamName) is the gradient to \(PartText.deviation(off))"
          + (form.agrees ? "" : ": MORE THAN ROUNDING"), indent: 4)
    }
  }
}
