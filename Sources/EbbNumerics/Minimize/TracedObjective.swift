package import EbbGraph

/// A function of one array, traced once with its gradient.
package struct TracedObjective {
  private let shape: Shape
  private let compiled: CompiledFunction

  /// - Parameter rules: the derivative of each operation; tests give wrong ones.
  package init(
    shape: Shape, rules: (Op) -> DerivativeRule = \.rule, function: (Tensor) throws -> Tensor
  ) throws {
    self.shape = shape
    let traced = try TracedFunction({ try function($0[0]) }, of: [shape], for: "minimize")
    let slope = backpropagate(from: traced.value, to: traced.arguments, rules: rules).gradients[0]
    compiled = try traced.compiled([
      traced.value, slope ?? traced.arguments[0].filled(with: 0),
    ])
  }

  /// The value and its gradient at a point.
  package func evaluate(_ point: [Double]) throws -> (value: Double, gradient: [Double]) {
    let results = try compiled(at: [NDArray(point, shape: shape)])
    return (results[0].scalar, results[1].elements)
  }
}

/// A vector-valued function of one array, traced once, and once more with its derivative along a
/// direction.
package struct TracedResiduals {
  private let shape: Shape
  private let values: CompiledFunction
  private let changes: CompiledFunction

  /// - Parameter rules: the derivative of each operation; tests give wrong ones.
  package init(
    shape: Shape, rules: (Op) -> DerivativeRule = \.rule, function: (Tensor) throws -> Tensor
  ) throws {
    self.shape = shape
    let traced = try TracedFunction({ try function($0[0]) }, of: [shape], for: "leastSquares")
    values = try traced.compiled([traced.value])
    let residuals = traced.value.shape
    guard residuals.rank == 1 else { throw MinimizeError.residualsNotAVector(residuals) }
    guard residuals.count >= shape.count else {
      throw MinimizeError.tooFewResiduals(residuals: residuals.count, unknowns: shape.count)
    }
    changes = try traced.compiled(
      pushForward(
        [traced.value], from: traced.arguments, along: [traced.seed(0, shape: shape)],
        rules: rules))
  }

  /// The residuals at a point.
  package func residuals(_ point: [Double]) throws -> [Double] {
    try values(at: [NDArray(point, shape: shape)])[0].elements
  }

  /// The residuals' derivatives at a point, [residuals, unknowns].
  package func jacobian(_ point: [Double]) throws -> NDArray<Double> {
    let point = [NDArray(point, shape: shape)]
    let columns = try (0..<shape.count).map { unknown in
      try changes(at: point, seeds: [.unit(unknown, shape: shape)])[0].elements
    }
    let rows = columns.first?.count ?? 0
    return NDArray(columns.flatMap { $0 }, shape: [columns.count, rows]).transposed()
  }
}
