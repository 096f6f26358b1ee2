internal import EbbGradients
internal import EbbGraph
package import EbbNetworks

/// A network of dense layers on one row, neuron by neuron: the slopes between its sums and its values,
/// and the largest ways from a neuron to the loss.
///
/// Computed in double precision, whatever the subject's precision is: slopes and paths are read beside
/// the numbers of training, and are none of them.
package struct NeuronChain: Sendable {
  /// A dense layer and the functions after it.
  package struct Layer: Sendable {
    /// The layer's name, such as `hidden1`.
    package let name: String
    package let units: Int
    package let inputs: Int
    package let hasBias: Bool
    /// The value that the layer is given, such as `features`.
    package let inputName: String
    /// The value after the functions, such as `hidden1.activation`.
    package let outputName: String
    /// The functions applied to the sums, the first first; the identity is left out.
    package let functions: [Activation]
    /// The slope of the functions at each unit's sum; empty where there is no function.
    package let slopes: [Double]
  }

  /// The layers in order; at least one.
  package let layers: [Layer]
  private let chain: LayerChain

  /// The layers of a subject's network on its row.
  ///
  /// - Throws: `ExplanationError` for layers that are not understood neuron by neuron.
  package init(_ subject: ExplanationSubject) throws {
    let chain = try LayerChain(subject.model, subject.row, reduction: .mean)
    layers = chain.links.map { link in
      Layer(
        name: link.name, units: link.units, inputs: link.inputs, hasBias: link.hasBias,
        inputName: link.inputName, outputName: link.outputName,
        functions: link.slopes.map(\.activation),
        slopes: link.slopes.isEmpty ? [] : (0..<link.units).map { link.slope(0, $0) })
    }
    // A path from a neuron is one from its bias; a layer without biases has the same paths.
    self.chain = LayerChain(
      links: chain.links.map { link in
        LayerChain.Link(
          name: link.name, hasBias: true, weight: link.weight, inputName: link.inputName,
          input: link.input, slopes: link.slopes, outputName: link.outputName,
          gradientBySums: link.gradientBySums, gradientByOutputs: link.gradientByOutputs)
      }, rows: chain.rows, factors: chain.factors, rowLosses: chain.rowLosses)
  }

  /// The paths from a neuron's sum to the loss that add most to its gradient, the largest first.
  ///
  /// A weight's paths are these, each times the value that the weight carries.
  ///
  /// - Throws: `ExplanationError` of kind `searchTooLong`, or for a neuron that does not exist.
  package func largestPaths(
    _ count: Int, from layer: String, unit: Int
  ) throws -> (paths: [WeightPath], pathCount: Double) {
    let lattice = try PathLattice(ElementName("\(layer).bias", [unit]), chain, outputs: nil)
    return (try lattice.largest(count, limit: 1_000_000).paths, lattice.pathCount)
  }
}
