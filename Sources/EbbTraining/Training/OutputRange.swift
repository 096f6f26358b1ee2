package import EbbData
package import EbbNetworks
internal import EbbSystem

/// An activation on the output layer that contradicts the loss.
///
/// The loss brings the output function: softmax or sigmoid for classes, nothing for numbers. An
/// activation before it bounds what the network can say.
package struct OutputRange: Sendable {
  /// The activation of the output layer.
  package let activation: Activation
  /// Between which numbers the layer's outputs lie.
  let low: Double
  let high: Double

  /// nil: the output layer has no activation, or one that bounds nothing.
  package init?(_ network: Network) {
    var found: Activation?
    for layer in network.layers.reversed() {
      switch layer {
      case let layer as Dense: found = layer.activation
      case let layer as ActivationLayer: found = layer.activation
      case is Dropout: continue
      default: return nil
      }
      break
    }
    guard let found, let range = found.range else { return nil }
    (activation, low, high) = (found, range.low, range.high)
  }

  /// What cannot be said for it, in words; nil if it does no harm.
  package func contradiction(_ loss: Loss, _ targets: Dataset.Targets, schema: Schema) -> String? {
    let name = activation.spelling
    let advice = "leave the output layer without an activation: the loss brings its own"
    switch targets {
    case .none: return nil
    case .classes(_, let count):
      let isOne = loss.outputFunction == .sigmoid
      guard isOne || loss.outputFunction == .softmax else { return nil }
      let function = loss.outputFunction.rawValue
      let twice = name == function ? ", so \(name) is applied twice" : ""
      let least: Double
      let most: Double
      if isOne {
        (least, most) = (Self.sigmoid(low), Self.sigmoid(high))
      } else {
        let others = Double(max(1, count - 1))
        let width = high - low
        (least, most) = (1 / (1 + others * Self.exp(width)), 1 / (1 + others * Self.exp(-width)))
        // An output without an upper end can be as sure as it likes.
        if most > 0.99 && least < 0.01 { return halved(function, advice) }
      }
      let second = schema.classes.last.map(\.quotedForMessage) ?? "the second class"
      let whose = isOne ? "the probability of \(second)" : "a probability"
      return
        "the output layer has the activation \(name), and \(loss.spelling) applies \(function) to"
        + " it\(twice): \(whose) can only lie between \(Self.short(least)) and \(Self.short(most));"
        + " \(advice)"
    case .values(let values, _):
      let beyond = values.count { Double($0) < low || Double($0) > high }
      guard beyond > 0 else { return nil }
      let reach: String
      let (bottom, top) = (schema.originalTarget(low), schema.originalTarget(high))
      switch (low.isFinite, high.isFinite) {
      case (true, true): reach = "outside \(Self.short(bottom)) to \(Self.short(top))"
      case (true, false): reach = "below \(Self.short(bottom))"
      default: reach = "above \(Self.short(top))"
      }
      return "the output layer has the activation \(name), and the target is standardized: numbers"
        + " \(reach) cannot be reached, and \(NumberFormat.grouped(beyond)) of"
        + " \(NumberFormat.counted(values.count, "training row")) have such a target; leave the output"
        + " layer without an activation"
    }
  }

  private func halved(_ function: String, _ advice: String) -> String {
    "the output layer has the activation \(activation.spelling), and \(function) is applied to it: no"
      + " output can be below \(Self.short(low)), so where all classes are held for unlikely they cannot"
      + " be told apart, and gradient is lost there; \(advice)"
  }

  private static func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

  /// e^x for the small numbers that ends of activations are, and for infinities.
  private static func exp(_ x: Double) -> Double {
    guard x.isFinite else { return x > 0 ? .infinity : 0 }
    return stride(from: 24.0, through: 1, by: -1).reduce(1) { 1 + x / $1 * $0 }
  }

  private static func short(_ value: Double) -> String {
    value == 0 ? "0" : value == 1 ? "1" : NumberFormat.significant(value, digits: 3)
  }
}

extension Activation {
  /// Between which numbers the values lie; nil: they have no ends, or none that bind.
  fileprivate var range: (low: Double, high: Double)? {
    switch self {
    case .identity, .leakyReLU: nil
    case .sigmoid: (0, 1)
    case .tanh: (-1, 1)
    case .relu, .softplus: (0, .infinity)
    case .elu: (-1, .infinity)
    // The lowest values: x Φ(x) at −0.752, x σ(x) at −1.278.
    case .gelu: (-0.17, .infinity)
    case .silu: (-0.2785, .infinity)
    }
  }
}
