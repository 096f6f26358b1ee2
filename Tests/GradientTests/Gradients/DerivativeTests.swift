import Ebb
import TestSupport
import Testing

/// Jacobians, forward mode and second derivatives of functions: laws, on functions of every kind of
/// shape.
@Suite struct DerivativeTests {
  struct Function: Sendable, CustomTestStringConvertible {
    let name: String
    let shape: Shape
    let body: @Sendable (Tensor) -> Tensor
    var testDescription: String { name }
    var point: NDArray<Double> {
      NDArray(uniform(shape.count, seed: UInt64(shape.count)), shape: shape)
    }
    func direction(_ seed: UInt64) -> NDArray<Double> {
      NDArray(uniform(shape.count, seed: 500 + seed), shape: shape)
    }
  }

  static let functions = [
    Function(name: "wide", shape: [3]) { x in
      let w = x.builder.constant(array: NDArray(uniform(21, seed: 1), shape: [3, 7]))
      return tanh(matmul(x, w)) * 2
    },
    Function(name: "narrow", shape: [2, 5]) { x in softmax(x * x).sliced(axis: 1, from: 1, to: 3) },
    Function(name: "square", shape: [4]) { x in exp(x) * sin(x) + sum(x) },
    Function(name: "number to number", shape: []) { x in x * x * x },
    Function(name: "number to many", shape: []) { x in x.expanded(to: [2, 3]) * x },
    Function(name: "constant", shape: [3]) { x in x.builder.constant(2.0).expanded(to: [2]) },
    Function(name: "itself", shape: [2, 2]) { x in x },
    Function(name: "nothing", shape: [0]) { x in x * 2 },
  ]

  static let scalars = [
    Function(name: "cubic", shape: [3]) { x in
      sum(x * x * x) + x.sliced(axis: 0, from: 0, to: 1).reshaped(to: [])
    },
    Function(name: "network", shape: [2, 4]) { x in
      let w = x.builder.constant(array: NDArray(uniform(24, seed: 2), shape: [4, 6]))
      return sum(log(1 + exp(matmul(tanh(matmul(x, w)), w.transposed()))))
    },
    Function(name: "cross-entropy", shape: [2, 3]) { x in
      mean(softmaxCrossEntropy(logits: x, labels: x.builder.constant(indices: [2, 0])))
    },
    Function(name: "linear", shape: [4]) { x in sum(x * 3) },
    Function(name: "number", shape: []) { x in exp(x * x) },
  ]

  private static func value(
    _ function: Function, at point: NDArray<Double>
  ) throws -> NDArray<Double> {
    let graph = try trace { ["y": function.body($0.input("x", shape: point.shape))] }
    return try #require(try evaluate(graph, ["x": point])["y"])
  }

  private static func moved(
    _ point: NDArray<Double>, _ direction: NDArray<Double>, _ step: Double
  ) -> NDArray<Double> {
    NDArray(
      zip(point.elements, direction.elements).map { $0 + step * $1 }, shape: point.shape)
  }

  @Test(
    "Both modes give the same Jacobian [m, n], and differences agree to 1e-9", arguments: functions)
  func modes(_ function: Function) throws {
    let point = function.point
    let y = try Self.value(function, at: point)
    let reverse = try valueAndJacobians(at: [point], mode: .reverse) { function.body($0[0]) }
    let forward = try valueAndJacobians(at: [point], mode: .forward) { function.body($0[0]) }
    let chosen = try jacobian(at: point) { function.body($0) }
    #expect(reverse.value == y && forward.value == y)
    for form in [reverse.jacobians[0], forward.jacobians[0], chosen] {
      #expect(form.shape == [y.count, point.count])
    }
    let found = reverse.jacobians[0]
    #expect(deviation(forward.jacobians[0].elements, found.elements) < 1e-14)
    #expect(deviation(chosen.elements, found.elements) < 1e-14)
    for column in 0..<point.count {
      var unit = NDArray(repeating: 0.0, shape: point.shape)
      unit.elements[column] = 1
      let measured = try slope {
        try Self.value(function, at: Self.moved(point, unit, $0)).elements
      }
      let entries = (0..<y.count).map { found[$0, column] }
      #expect(difference(measured, entries) < 1e-9, "column \(column)")
    }
  }

  @Test("The derivative along a direction is the Jacobian times it", arguments: functions)
  func directions(_ function: Function) throws {
    let (point, tangent) = (function.point, function.direction(1))
    let found = try derivative(at: point, along: tangent) { function.body($0) }
    let form = try jacobian(at: point) { function.body($0) }
    #expect(found.shape == (try Self.value(function, at: point)).shape)
    let expected = (0..<found.count).map { row in
      (0..<point.count).reduce(0) { $0 + form[row, $1] * tangent.elements[$1] }
    }
    #expect(difference(found.elements, expected) < 1e-14)
    // Linear in the direction.
    let doubled = try derivative(at: point, along: tangent.map { 2 * $0 }) { function.body($0) }
    #expect(doubled.elements == found.elements.map { 2 * $0 })
  }

  @Test(
    "The Hessian is symmetric, and the gradient's differences give it to 1e-9", arguments: scalars)
  func hessians(_ function: Function) throws {
    let (point, n) = (function.point, function.shape.count)
    let whole = try hessian(at: point) { function.body($0) }
    #expect(whole.shape == [n, n])
    #expect(deviation(whole.transposed().elements, whole.elements) < 1e-14 || n == 0)
    for seed in 0..<4 as Range<UInt64> {
      let vector = function.direction(seed)
      let product = try hessianVectorProduct(at: point, times: vector) { function.body($0) }
      #expect(product.shape == point.shape)
      let expected = (0..<n).map { row in
        (0..<n).reduce(0) { $0 + whole[row, $1] * vector.elements[$1] }
      }
      #expect(difference(product.elements, expected) < 1e-14)
      let measured = try slope {
        try gradient(at: Self.moved(point, vector, $0)) { function.body($0) }.elements
      }
      #expect(difference(measured, product.elements) < 1e-9)
    }
  }

  @Test("Several arguments: Jacobians side by side, mixed second derivatives")
  func severalArguments() throws {
    let points: [NDArray<Double>] = [[1.5, -2], 3]
    func body(_ a: [Tensor]) -> Tensor { a[0] * a[0] * a[1] }
    for mode in DifferentiationMode.allCases {
      let found = try valueAndJacobians(at: points, mode: mode, of: body)
      #expect(found.value == [6.75, 12])
      #expect(found.jacobians == [[[9, 0], [0, -12]], [[2.25], [4]]])
    }
    let along = try valueAndDerivative(at: points, along: [[1, 0], 2], of: body)
    #expect(along.value == [6.75, 12] && along.derivative == [13.5, 8])
    // f = Σ x² y: ∂²f/∂x² = 2y, ∂²f/∂x∂y = 2x, ∂²f/∂y² = 0.
    let products = try hessianVectorProducts(at: points, times: [[1, 0], 1]) { sum(body($0)) }
    #expect(products == [[9, -4], 3])
  }

  @Test("What does not fit is a typed error that says what was expected")
  func faults() {
    func message(_ body: () throws -> Void) -> String {
      do {
        try body()
        return "no error"
      } catch let error as TraceError {
        return "\(error)"
      } catch {
        return "another error: \(error)"
      }
    }
    let x: NDArray<Double> = [1, 2, 3]
    let wrong: NDArray<Double> = [1, 2]
    #expect(
      message { _ = try derivative(at: x, along: wrong) { $0 * 2 } }
        == "derivative: the direction of argument 0 has the shape [2], the argument [3]")
    #expect(
      message { _ = try hessianVectorProduct(at: x, times: wrong) { sum($0) } }
        == "hessianVectorProduct: the direction of argument 0 has the shape [2], the argument [3]")
    #expect(
      message { _ = try valueAndDerivative(at: [x], along: []) { $0[0] } }
        == "derivative: 1 arguments but 0 directions; give one for each")
    #expect(message { _ = try hessian(at: x) { $0 * 2 } }.contains("the loss has the shape [3]"))
    #expect(
      message { _ = try jacobian(at: x) { argmax($0, axis: 0) } }
        == "jacobian: the function must give numbers, got type index")
    #expect(
      message { _ = try jacobian(at: x) { matmul($0, $0.reshaped(to: [1, 3])) } } != "no error")
    let large = NDArray(repeating: 0.0, shape: [50_000])
    for mode in DifferentiationMode.allCases {
      #expect(
        message { _ = try jacobian(at: large, mode: mode) { $0 } }.contains(
          "has more than 2^31 - 1 elements"))
    }
    #expect(message { _ = try hessian(at: large) { sum($0) } }.contains("more than 2^31 - 1"))
  }
}
