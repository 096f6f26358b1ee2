internal import EbbGradients
internal import EbbGraph
internal import EbbNetworks
internal import EbbTraining

/// The gradients below a value of a network, from any gradient by that value: backpropagation that
/// begins in the middle, with what somebody may have put there.
struct CutTrace {
  private static let cotangent = "cotangent"
  private let interpreter: Interpreter<Double>
  private let specifications: [ParameterSpecification]

  /// Traces the backward pass from a named value down to the features.
  init(_ model: Model, rows: Int, from name: String) throws {
    let builder = GraphBuilder()
    let context = LayerContext(builder, mode: .evaluation)
    let features = NetworkTrace.Port.features
    let x = context.named(features, builder.input(features, shape: [rows, model.inputCount]))
    _ = model.network(x, in: context)
    guard let start = context.values.last(where: { $0.name == name })?.value else {
      throw ModelError(LossTrace.unknown(name, among: context.values.map(\.name)))
    }
    let parameters = context.parameters.map {
      (name: $0.name, value: builder.parameter($0.name, shape: $0.shape, shared: true))
    }
    let wanted = parameters + context.values.prefix { $0.name != name }
    let back = backpropagate(
      from: start, to: wanted.map(\.value),
      cotangent: builder.input(Self.cotangent, shape: start.shape))
    let outputs = wanted.compactMap { entry in
      back.cotangents[entry.value.id].map { Graph.Output(name: entry.name, id: $0.id) }
    }
    interpreter = try Interpreter<Double>(builder.finish(outputs: outputs))
    specifications = context.parameters
  }

  /// The gradients that depend on the one given, by name; parameters in the orientation of files.
  ///
  /// - Parameter numbers: the inputs of a `LossTrace` of the same rows.
  func gradients(
    _ numbers: [String: NDArray<Double>], cotangent: NDArray<Double>
  ) throws -> [String: NDArray<Double>] {
    var inputs = numbers
    inputs[Self.cotangent] = cotangent
    var found = try interpreter.numbers(inputs)
    for specification in specifications {
      found[specification.name] = found[specification.name].map { specification.inFileOrder($0) }
    }
    return found
  }
}
