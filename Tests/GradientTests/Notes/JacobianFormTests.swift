import Ebb
import TestSupport
import Testing

/// Both forms of a derivative on every layer of the two networks, for all seven rows together.
@Suite struct NotesJacobianFormTests {
  /// Jᵀ · upstream in the argument's shape.
  private static func pulledBack(
    _ jacobian: NDArray<Double>, _ upstream: NDArray<Double>, to shape: Shape
  ) -> NDArray<Double> {
    var total = [Double](repeating: 0, count: jacobian.shape[1])
    for i in 0..<jacobian.shape[0] where upstream.elements[i] != 0 {
      for j in total.indices {
        total[j] += jacobian.elements[i * total.count + j] * upstream.elements[i]
      }
    }
    return NDArray(total, shape: shape)
  }

  private static func expectForm(
    _ jacobian: NDArray<Double>, _ shape: Shape, within tolerance: Double, _ what: String,
    _ entry: (_ i: Int, _ j: Int) -> Double
  ) {
    #expect(jacobian.shape == shape, "\(what): m × n")
    guard jacobian.shape == shape else { return }
    var worst = 0.0
    for i in 0..<shape[0] {
      for j in 0..<shape[1] {
        let error = (jacobian.elements[i * shape[1] + j] - entry(i, j)).magnitude
        worst = error.isNaN ? .infinity : max(worst, error)
      }
    }
    #expect(worst <= tolerance, "\(what): off by \(worst)")
  }

  @Test(
    "M12 a linear layer by x, W and b: Jacobian m × n, and its reshaped Jᵀ · upstream",
    arguments: NoteSubject.Kind.allCases)
  func linear(_ kind: NoteSubject.Kind) throws {
    let subject = try NoteSubject.of(kind)
    let found = try subject.model.gradients(on: subject.taking())
    let rows = NoteSubject.rows
    for (k, layer) in subject.network.names.enumerated() {
      let below = k == 0 ? "features" : "\(subject.network.names[k - 1]).activation"
      let names = [below, "\(layer).weight", "\(layer).bias"]
      let points = try names.map { try #require(found.value($0)) }
      let (x, w) = (points[0], points[1])
      let (outputs, inputs) = (w.shape[0], w.shape[1])
      let forms = try valueAndJacobians(at: points) { a in
        matmul(a[0], a[1].transposed()) + a[2]
      }
      let sums = try #require(found.value("\(layer).preactivation"))
      #expect(deviation(forms.value.elements, sums.elements) < 1e-14)
      let m = rows * outputs
      Self.expectForm(forms.jacobians[0], [m, rows * inputs], within: 0, "\(layer) by x") {
        $0 / outputs == $1 / inputs ? w[$0 % outputs, $1 % inputs] : 0
      }
      Self.expectForm(forms.jacobians[1], [m, outputs * inputs], within: 0, "\(layer) by W") {
        $0 % outputs == $1 / inputs ? x[$0 / outputs, $1 % inputs] : 0
      }
      Self.expectForm(forms.jacobians[2], [m, outputs], within: 0, "\(layer) by b") {
        $0 % outputs == $1 ? 1 : 0
      }
      // The shape convention: what backpropagation computes without these matrices.
      let upstream = try #require(found["\(layer).preactivation"])
      for (name, jacobian) in zip(names, forms.jacobians) {
        let gradient = try #require(found[name])
        let back = Self.pulledBack(jacobian, upstream, to: gradient.shape)
        #expect(deviation(back.elements, gradient.elements) < 1e-12, "\(name)")
      }
    }
  }

  @Test(
    "M12 each activation and the softmax: Jacobian m × n, and Jᵀ · upstream in their shape",
    arguments: NoteSubject.Kind.allCases)
  func activations(_ kind: NoteSubject.Kind) throws {
    let subject = try NoteSubject.of(kind)
    let found = try subject.model.gradients(on: subject.taking())
    for (dense, layer) in zip(subject.dense, subject.network.names) {
      let a = try #require(found.value("\(layer).preactivation"))
      let form = try jacobian(at: a) { dense.activation($0) }
      Self.expectForm(form, [a.count, a.count], within: 1e-14, "\(dense.activation)") {
        $0 == $1 ? ActivationTests.expected(dense.activation, a.elements[$0]).slope : 0
      }
      let upstream = try #require(found["\(layer).activation"])
      let delta = try #require(found["\(layer).preactivation"])
      let back = Self.pulledBack(form, upstream, to: a.shape)
      #expect(deviation(back.elements, delta.elements) < 1e-12, "\(layer)")
    }
    let logits = try #require(found.value("output.activation"))
    let form = try jacobian(at: logits) { softmax($0) }
    let classes = subject.classes
    let predictions = try #require(found.value("predictions"))
    Self.expectForm(form, [logits.count, logits.count], within: 1e-15, "softmax") { i, j in
      guard i / classes == j / classes else { return 0 }
      let (p, q) = (predictions.elements[i], predictions.elements[j])
      return (i == j ? p : 0) - p * q
    }
    let through = try subject.model.gradients(on: subject.taking(), throughPredictions: true)
    let back = Self.pulledBack(
      form, try #require(through["predictions"]), to: logits.shape)
    let expected = try #require(found["output.activation"])
    #expect(deviation(back.elements, expected.elements) < 1e-11)
  }

  @Test(
    "M12 in the Jacobian form the chain rule is a product of matrices",
    arguments: NoteSubject.Kind.allCases)
  func products(_ kind: NoteSubject.Kind) throws {
    let subject = try NoteSubject.of(kind)
    let found = try subject.model.gradients(on: subject.taking(0..<1))
    let layers = zip(subject.dense, subject.network.names).map { ($0, $1) }
    let points = try layers.map { layer in
      (
        layer.0, try #require(found.value("\(layer.1).weight")),
        try #require(found.value("\(layer.1).bias"))
      )
    }
    func layer(_ k: Int, _ x: Tensor) -> Tensor {
      let (dense, w, b) = points[k]
      let weight = x.builder.constant(array: w.transposed())
      return dense.activation(matmul(x, weight) + x.builder.constant(array: b))
    }
    var x = try #require(found.value("features"))
    var product: NDArray<Double>?
    for k in points.indices {
      let step = try valueAndJacobians(at: [x]) { layer(k, $0[0]) }
      product = try product.map { try multiplied(step.jacobians[0], $0) } ?? step.jacobians[0]
      x = step.value
    }
    let start = try #require(found.value("features"))
    for mode in DifferentiationMode.allCases {
      let whole = try jacobian(at: start, mode: mode) { x in
        points.indices.reduce(x) { layer($1, $0) }
      }
      #expect(whole.shape == [subject.classes, subject.model.inputCount])
      #expect(deviation(whole.elements, try #require(product).elements) < 1e-12, "\(mode)")
    }
  }

  private func multiplied(
    _ a: NDArray<Double>, _ b: NDArray<Double>
  ) throws -> NDArray<Double> {
    let graph = try trace { builder in
      ["y": matmul(builder.input("a", shape: a.shape), builder.input("b", shape: b.shape))]
    }
    return try #require(try evaluate(graph, ["a": a, "b": b])["y"])
  }
}
