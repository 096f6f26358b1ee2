public import EbbData
public import EbbGraph
public import EbbNetworks
public import EbbTraining

extension Model {
  /// The Hessian of a batch's loss by the parameters, times a vector: how the gradient changes when the
  /// parameters move along it. In double precision.
  ///
  ///     let gradient = try model.gradients(on: batch)
  ///     let curvature = try model.hessianVectorProduct(
  ///       on: batch, times: ["hidden1.weight": direction])
  ///     curvature["output.bias"]   // how the output bias's gradient changes
  ///
  /// Forward mode over reverse mode, at a small multiple of the gradient's cost; the Hessian is never
  /// made.
  ///
  /// - Parameters:
  ///   - vector: by parameter name, in the orientation of a = W h + b; parameters without an entry do
  ///     not move.
  ///   - reduction: how the rows' losses are joined.
  ///   - classWeights: a factor for the loss of each class's rows.
  /// - Returns: H · vector by parameter name, for every parameter.
  /// - Throws: `ModelError` for an unknown name or a wrong shape in the vector, or if the batch does not
  ///   fit the network.
  public func hessianVectorProduct(
    on batch: Batch, times vector: [String: NDArray<Double>],
    reduction: GradientReduction = .mean, classWeights: [Double]? = nil
  ) throws -> [String: NDArray<Double>] {
    let specifications = try network.parameters(inputs: inputCount)
    try checkDirection(vector, specifications)
    let moving = specifications.indices.filter { vector[specifications[$0].name] != nil }
    let trace = try LossTrace(self, rows: batch.count) { parameters, gradients in
      guard let builder = parameters.first?.builder else { return }
      let tangents = moving.map {
        builder.input(Self.tangent(specifications[$0].name), shape: specifications[$0].shape)
      }
      let changes = pushForward(
        zip(parameters, gradients).map { $1 ?? builder.constant(0.0).expanded(to: $0.shape) },
        from: moving.map { parameters[$0] }, along: tangents)
      for (specification, change) in zip(specifications, changes) {
        builder.output(Self.product(specification.name), change)
      }
    }
    var (numbers, indices) = try trace.inputs(
      self, batch, factors: try batch.factors(reduction, classWeights: classWeights),
      as: Double.self)
    for index in moving {
      let specification = specifications[index]
      guard let direction = vector[specification.name] else { continue }
      numbers[Self.tangent(specification.name)] =
        specification.isTurned ? direction.transposed() : direction
    }
    var graph = trace.graph
    let wanted = Set(specifications.map { Self.product($0.name) })
    graph.outputs.removeAll { !wanted.contains($0.name) }
    let found = try Interpreter(graph).numbers(numbers, indices: indices)
    var result: [String: NDArray<Double>] = [:]
    for specification in specifications {
      result[specification.name] = found[Self.product(specification.name)].map {
        specification.inFileOrder($0)
      }
    }
    return result
  }

  private static func tangent(_ name: String) -> String { "tangent \(name)" }
  private static func product(_ name: String) -> String { "product \(name)" }

  /// Throws unless each part of a direction is a parameter's, in its shape.
  private func checkDirection(
    _ vector: [String: NDArray<Double>], _ specifications: [ParameterSpecification]
  ) throws(ModelError) {
    for name in vector.keys.sorted() {
      guard let specification = specifications.first(where: { $0.name == name }) else {
        throw ModelError(LossTrace.unknown(name, among: specifications.map(\.name)))
      }
      guard let part = vector[name], part.shape == specification.fileShape else {
        throw ModelError(
          "the vector's part for \(name) has the shape"
            + " \(vector[name]?.shape.description ?? "none"), expected \(specification.fileShape)")
      }
    }
  }
}
