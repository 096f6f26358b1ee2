internal import EbbGraph

/// A function of one array, traced once with its gradient.
package struct TracedObjective {
  private let shape: Shape
  private let interpreter: Interpreter<Double>

  /// - Parameter rules: the derivative of each operation; tests give wrong ones.
  package init(
    shape: Shape, rules: (Op) -> DerivativeRule = \.rule, function: (Tensor) throws -> Tensor
  ) throws {
    self.shape = shape
    let builder = GraphBuilder()
    let x = builder.input("x", shape: shape)
    let value = try function(x)
    let slope = backpropagate(from: value, to: [x], rules: rules).gradients[0]
    interpreter = try Interpreter(
      builder.finish(outputs: [
        Graph.Output(name: "value", id: value.id),
        Graph.Output(name: "gradient", id: (slope ?? x.filled(with: 0)).id),
      ]))
  }

  /// The value and its gradient at a point.
  package func evaluate(_ point: [Double]) throws -> (value: Double, gradient: [Double]) {
    let results = try interpreter.arrays(at: point, shape: shape)
    return (results[0][0], results[1])
  }
}

/// A vector-valued function of one array, traced once, and once more with its Jacobian.
package struct TracedResiduals {
  private let shape: Shape
  private let values: Interpreter<Double>
  private let columns: Interpreter<Double>

  /// - Parameter rules: the derivative of each operation; tests give wrong ones.
  package init(
    shape: Shape, rules: (Op) -> DerivativeRule = \.rule, function: (Tensor) throws -> Tensor
  ) throws {
    self.shape = shape
    let builder = GraphBuilder()
    let x = builder.input("x", shape: shape)
    let residuals = try function(x)
    let output = Graph.Output(name: "residuals", id: residuals.id)
    values = try Interpreter(builder.finish(outputs: [output]))
    guard residuals.shape.rank == 1 else {
      throw MinimizeError.residualsNotAVector(residuals.shape)
    }
    guard residuals.shape.count >= shape.count else {
      throw MinimizeError.tooFewResiduals(
        residuals: residuals.shape.count, unknowns: shape.count)
    }
    let outputs = (0..<shape.count).map { unknown in
      let unit = (0..<shape.count).map { $0 == unknown ? 1.0 : 0 }
      let direction = builder.constant(array: NDArray(unit, shape: shape))
      let column = pushForward([residuals], from: [x], along: [direction], rules: rules)[0]
      return Graph.Output(name: "column \(unknown)", id: column.id)
    }
    columns = try Interpreter(builder.finish(outputs: outputs))
  }

  /// The residuals at a point.
  package func residuals(_ point: [Double]) throws -> [Double] {
    try values.arrays(at: point, shape: shape)[0]
  }

  /// The residuals' derivatives at a point, [residuals, unknowns].
  package func jacobian(_ point: [Double]) throws -> NDArray<Double> {
    let columns = try columns.arrays(at: point, shape: shape)
    return NDArray(columns.flatMap { $0 }, shape: [columns.count, columns[0].count]).transposed()
  }
}

extension Interpreter<Double> {
  /// The elements of all outputs, in order, for the input `x`.
  fileprivate func arrays(at point: [Double], shape: Shape) throws -> [[Double]] {
    try run(["x": NDArray(point, shape: shape)]).compactMap { value in
      if case .numbers(let array) = value { return array.elements }
      return nil
    }
  }
}
