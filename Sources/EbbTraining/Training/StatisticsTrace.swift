internal import EbbEngine
internal import EbbGraph
internal import EbbNetworks

/// The forward and backward pass that a network's statistics are read from, for one number of rows.
///
/// Dropout does not drop. The rows' losses are joined by the factors given as
/// ``NetworkTrace/Port/rowWeights``.
struct StatisticsTrace {
  /// One layer that has parameters.
  struct Layer {
    let name: String
    let parameters: [Parameter]
    /// The output that holds what the layer gives, after the activations that follow it.
    let activation: String
    /// The output that holds each unit's largest slope |g'| on any row, and whether g is bounded; nil
    /// if g is the identity, or of a kind that is flat nowhere.
    let slope: (output: String, isBounded: Bool)?
  }

  /// A parameter of a layer.
  struct Parameter {
    let name: String
    /// Whether its numbers are counted in histograms.
    let isCounted: Bool
    /// The output that holds its gradient; nil if the loss does not depend on it.
    let gradient: String?
  }

  /// Outputs: the rows' losses, and those that the layers name.
  let graph: Graph
  let layers: [Layer]
  /// How many numbers the network gives for a row.
  let outputCount: Int

  /// - Throws: `TraceError` if the network does not fit.
  init(_ trace: NetworkTrace, rows: Int) throws {
    let builder = GraphBuilder()
    let context = LayerContext(builder, mode: .evaluation)
    let x = builder.input(NetworkTrace.Port.features, shape: [rows, trace.inputCount])
    let outputs = trace.network(x, in: context)
    let losses = builder.scope("loss") {
      trace.loss.perRow(outputs: outputs, targets: trace.targets(for: outputs))
    }
    let factors = builder.input(NetworkTrace.Port.rowWeights, shape: [rows])
    let parameters = context.parameters.map {
      builder.parameter($0.name, shape: $0.shape, shared: true)
    }
    let gradients = backpropagate(from: losses, to: parameters, cotangent: factors).gradients
    var results = [Graph.Output(name: NetworkTrace.Port.rowLosses, id: losses.id)]
    func output(_ name: String, _ value: Tensor) -> String {
      results.append(Graph.Output(name: name, id: value.id))
      return name
    }

    let declared = zip(context.parameters, gradients).map { specification, gradient in
      (specification, gradient.map { output("gradient \(specification.name)", $0) })
    }
    // A layer's name holds no point, so what stands before the first one is it.
    let declaredBy = Dictionary(grouping: declared) { $0.0.name.prefix { $0 != "." } }
    let values = Dictionary(
      context.values.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
    layers = Self.plans(trace.network).compactMap { plan in
      guard let own = declaredBy[plan.name[...]], let value = values[plan.result] else {
        return nil
      }
      let hasWeights = own.contains { $0.0.role == .weight }
      return Layer(
        name: plan.name,
        parameters: own.map { specification, gradient in
          Parameter(
            name: specification.name, isCounted: specification.role == .weight || !hasWeights,
            gradient: gradient)
        },
        activation: output("value \(plan.name)", value),
        slope: plan.isFlatSomewhere
          ? Self.steepest(of: value, by: values[plan.argument]).map {
            (output("slope \(plan.name)", $0), plan.isBounded)
          } : nil)
    }
    graph = try builder.finish(outputs: results)
    outputCount = outputs.shape.rank == 2 ? outputs.shape[1] : 0
  }

  /// |∂value/∂argument| of each unit, the largest on any row, for functions of each element by itself.
  private static func steepest(of value: Tensor, by argument: Tensor?) -> Tensor? {
    guard let argument, argument.shape == value.shape, value.shape.rank >= 2,
      let slope = backpropagate(from: value, to: [argument], cotangent: value.filled(with: 1))
        .gradients[0]
    else { return nil }
    return max(abs(slope), axes: Array(0..<(value.shape.rank - 1)))
  }
}

// MARK: Which functions follow which layer

extension StatisticsTrace {
  /// A layer that declares parameters, with the functions of single elements that follow it.
  private struct Plan {
    let name: String
    /// The value that the first of the functions is applied to.
    let argument: String
    /// The value after the last.
    var result: String
    var functions: [Activation]

    var isBounded: Bool { functions.contains { $0 == .sigmoid || $0 == .tanh } }
    /// The slope of a leaky relu is nowhere below 0.01.
    var isFlatSomewhere: Bool { functions.contains { $0 != .identity && $0 != .leakyReLU } }
  }

  private static func plans(_ network: Network) -> [Plan] {
    var plans: [Plan] = []
    /// Whether the layers since the last plan's all work on single elements.
    var isOpen = false
    for (layer, name) in zip(network.layers, network.names) {
      let result = "\(name).activation"
      switch layer {
      case let dense as Dense:
        plans.append(
          Plan(
            name: name, argument: "\(name).preactivation", result: result,
            functions: [dense.activation]))
        isOpen = true
      case let layer as ActivationLayer where isOpen:
        plans[plans.count - 1].functions.append(layer.activation)
        plans[plans.count - 1].result = result
      case is Dropout: break
      case let other:
        isOpen = other.declaresParameters
        if isOpen {
          plans.append(Plan(name: name, argument: result, result: result, functions: []))
        }
      }
    }
    return plans
  }
}
