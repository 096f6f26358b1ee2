public import EbbData
internal import EbbGradients
internal import EbbGraph
internal import EbbNetworks
public import EbbTraining

/// What one neuron of the next layer asks of a neuron below it: its weight times its own gradient.
public struct NeuronOpinion: Hashable, Sendable {
  /// The next layer's unit m.
  public let unit: Int
  /// W_{m,j}.
  public let weight: Double
  /// δ_m: the row's loss by the unit's sum.
  public let delta: Double
  /// W_{m,j} δ_m: how much the loss rises per unit of the neuron, through this unit.
  public let value: Double
}

/// Why a neuron's activation should rise or fall: the opinions of the next layer's neurons (M3).
public struct NeuronOpinions: Hashable, Sendable {
  /// The neuron's layer, such as `hidden1`.
  public let layer: String
  /// The neuron j.
  public let unit: Int
  /// The row of the batch.
  public let row: Int
  /// The layer whose neurons have opinions.
  public let nextLayer: String
  /// One for each neuron of the next layer, in order.
  public let opinions: [NeuronOpinion]
  /// ∂L/∂h_j: the opinions added.
  public let total: Double
  /// g'(a_j).
  public let slope: Double
  /// δ_j = ∂L/∂h_j · g'(a_j).
  public let delta: Double
}

/// Backpropagation as textbooks tell it, neuron by neuron, for networks of dense layers: a readable
/// reference beside the matrix form, which tests hold equal.
///
/// Every gradient is each row's own: by the row's loss, before rows are joined.
public struct NeuronLoop: Sendable {
  private let chain: LayerChain
  /// δ by layer, row and unit.
  private let deltas: [[[Double]]]

  init(_ chain: LayerChain) {
    self.chain = chain
    var deltas = [[[Double]]](repeating: [], count: chain.links.count)
    for k in chain.links.indices.reversed() {
      let link = chain.links[k]
      for row in 0..<chain.rows {
        var own: [Double] = []
        for unit in 0..<link.units {
          let total: Double
          if k + 1 < chain.links.count {
            let above = chain.links[k + 1]
            total = Self.opinions(of: above, deltas[k + 1][row], about: unit)
              .reduce(0) { $0 + $1.value }
          } else {
            total = link.gradientByOutputs[row, unit]
          }
          own.append(total * link.slope(row, unit))
        }
        deltas[k].append(own)
      }
    }
    self.deltas = deltas
  }

  private static func opinions(
    of link: LayerChain.Link, _ deltas: [Double], about unit: Int
  ) -> [NeuronOpinion] {
    (0..<link.units).map { m in
      let weight = link.weight[m, unit]
      return NeuronOpinion(unit: m, weight: weight, delta: deltas[m], value: weight * deltas[m])
    }
  }

  /// The dense layers in order.
  public var layers: [String] { chain.links.map(\.name) }

  /// How many neurons a layer has; nil if there is none of the name.
  public func units(of layer: String) -> Int? {
    chain.links.first { $0.name == layer }?.units
  }

  /// δ of a neuron on a row: the row's loss by its sum.
  ///
  /// - Throws: `ExplanationError` if there is no such neuron or row.
  public func delta(of unit: Int, in layer: String, row: Int) throws -> Double {
    deltas[try place(layer, unit, row)][row][unit]
  }

  /// What the next layer's neurons ask of a neuron.
  ///
  /// - Parameters:
  ///   - unit: the neuron, from 0.
  ///   - layer: a dense layer that another one follows.
  ///   - row: the row of the batch, from 0.
  /// - Throws: `ExplanationError` if there is no such neuron or row, or no next layer.
  public func opinions(about unit: Int, in layer: String, row: Int) throws -> NeuronOpinions {
    let k = try place(layer, unit, row)
    guard k + 1 < chain.links.count else {
      throw ExplanationError(
        .unknownElement,
        "\(layer) is the last dense layer: no neuron has an opinion on it, only the loss")
    }
    let above = chain.links[k + 1]
    let opinions = Self.opinions(of: above, deltas[k + 1][row], about: unit)
    return NeuronOpinions(
      layer: layer, unit: unit, row: row, nextLayer: above.name, opinions: opinions,
      total: opinions.reduce(0) { $0 + $1.value }, slope: chain.links[k].slope(row, unit),
      delta: deltas[k][row][unit])
  }

  private func place(_ layer: String, _ unit: Int, _ row: Int) throws -> Int {
    guard let k = chain.links.firstIndex(where: { $0.name == layer }) else {
      throw ExplanationError(.unknownElement, LossTrace.unknown(layer, among: layers))
    }
    guard unit >= 0 && unit < chain.links[k].units else {
      throw ExplanationError(
        .unknownElement, "\(layer) has the units 0 to \(chain.links[k].units - 1), got \(unit)")
    }
    guard row >= 0 && row < chain.rows else {
      throw ExplanationError(
        .unknownElement, "the batch has the rows 0 to \(chain.rows - 1), got \(row)")
    }
    return k
  }
}

extension Model {
  /// Backpropagation neuron by neuron on the rows of a batch, with every neuron's reasons.
  ///
  ///     let loop = try model.neuronByNeuron(on: batch)
  ///     for opinion in try loop.opinions(about: 3, in: "hidden1", row: 0).opinions { … }
  ///
  /// - Throws: `ExplanationError` if the network holds anything but dense layers, activations and
  ///   dropout; `ModelError` if the batch does not fit.
  public func neuronByNeuron(on batch: Batch) throws -> NeuronLoop {
    NeuronLoop(try LayerChain(self, batch, reduction: .sum))
  }
}
