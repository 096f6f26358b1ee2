internal import EbbGraph
internal import EbbNetworks
internal import EbbTraining

/// Which layers of a network are one link of the chain rule: a dense layer and the functions up to the
/// next.
struct LayerPlan {
  let name: String
  let hasBias: Bool
  let inputName: String
  var outputName: String
  /// The functions after the sums with the values that they are applied to.
  var functions: [(activation: Activation, argument: String)]
  var dropouts: [String] = []

  /// The links of a network in order, for its equations.
  static func ofEquations(_ network: Network) throws -> [LayerPlan] {
    try plans(network) { name, kind in
      "the equations cannot be written for the layer \(name) (\(kind)): they are those of dense layers,"
        + " activations and dropout, a = W h + b and h = g(a); its gradients are right all the same,"
        + " and the graph, --wiggle and \"ebb check\" show them"
    }
  }

  /// The links of a network in order, for its neurons.
  static func ofNeurons(_ network: Network) throws -> [LayerPlan] {
    try plans(network) { name, kind in
      "the layer \(name) (\(kind)) is not understood neuron by neuron: that goes for dense layers,"
        + " activations and dropout; gradients by backpropagation and by wiggling are there for every"
        + " layer"
    }
  }

  /// - Parameter refusal: what is said of another layer, given its name and kind.
  private static func plans(
    _ network: Network, refusal: (_ name: String, _ kind: String) -> String
  ) throws -> [LayerPlan] {
    var plans: [LayerPlan] = []
    var current = NetworkTrace.Port.features
    for (layer, name) in zip(network.layers, network.names) {
      let output = "\(name).activation"
      switch layer {
      case let dense as Dense:
        let isPlain = dense.activation == .identity
        plans.append(
          LayerPlan(
            name: name, hasBias: dense.hasBias, inputName: current, outputName: output,
            functions: isPlain ? [] : [(dense.activation, "\(name).preactivation")]))
      case let layer as ActivationLayer where !plans.isEmpty:
        if layer.activation != .identity {
          plans[plans.count - 1].functions.append((layer.activation, current))
        }
        plans[plans.count - 1].outputName = output
      case is ActivationLayer: break
      case is Dropout:
        if !plans.isEmpty {
          plans[plans.count - 1].outputName = output
          plans[plans.count - 1].dropouts.append(name)
        }
      default: throw ExplanationError(.unsupportedLayer, refusal(name, type(of: layer).kind))
      }
      current = output
    }
    guard !plans.isEmpty else {
      throw ExplanationError(.unsupportedLayer, "the network has no dense layer")
    }
    return plans
  }
}
