public import EbbGraph

/// A fully connected layer: y = activation(x W + b).
///
/// **Shapes**: x [rows, inputs], W [inputs, units], b [units] → [rows, units]. The number of inputs is
/// found while tracing. Parameters: `weight`, `bias`.
public struct Dense: Layer, Hashable {
  /// `dense`.
  public static let kind = "dense"

  /// The number of outputs, at least 1.
  public let units: Int
  /// What is applied to each sum.
  public let activation: Activation
  /// Whether a bias is added.
  public let hasBias: Bool
  /// How the weights start; nil: as suits the activation (``Activation/suitableInitializer``).
  public let weights: Initializer?
  /// How the biases start.
  public let biases: Initializer
  /// The name that the user gave.
  public let name: String?

  /// A fully connected layer.
  ///
  /// - Parameters:
  ///   - units: the number of outputs, at least 1.
  ///   - activation: what is applied to each sum.
  ///   - hasBias: whether a bias is added.
  ///   - weights: how the weights start; nil: He uniform for the relu family (relu, leakyReLU, elu,
  ///     gelu, silu, softplus), otherwise Glorot uniform.
  ///   - biases: how the biases start.
  ///   - name: the name in files and messages; nil: `hidden1`, …, `output`.
  public init(
    _ units: Int, activation: Activation = .identity, hasBias: Bool = true,
    weights: Initializer? = nil, biases: Initializer = .zeros, name: String? = nil
  ) {
    self.units = units
    self.activation = activation
    self.hasBias = hasBias
    self.weights = weights
    self.biases = biases
    self.name = name
  }

  /// A layer from a file's settings.
  public init(settings: Settings) throws {
    let reader = try settings.reader(
      for: Self.kind, known: ["units", "activation", "hasBias", "weights", "biases"])
    let units = try reader.integer("units")
    guard units >= 1 else {
      throw SettingsError(Self.kind, setting: "units", "expected at least 1, got \(units)")
    }
    self.init(
      units,
      activation: try Activation(spelling: try reader.text("activation", default: "identity")),
      hasBias: try reader.flag("hasBias", default: true),
      weights: settings["weights"] == nil
        ? nil : try Initializer(spelling: try reader.text("weights")),
      biases: try Initializer(spelling: try reader.text("biases", default: "zeros")))
  }

  /// Units, activation, hasBias, biases, and weights if chosen.
  public var settings: Settings {
    var result: Settings = ["units": .number(Double(units)), "hasBias": .flag(hasBias)]
    result["activation"] = .text(activation.spelling)
    result["biases"] = .text(biases.spelling)
    result["weights"] = weights.map { .text($0.spelling) }
    return result
  }

  /// Writes the layer down.
  public func callAsFunction(_ x: Tensor, in context: LayerContext) -> Tensor {
    let rows = x.shape.rank == 0 ? 1 : x.shape[0]
    let guess: Shape = [rows, max(units, 1)]
    guard units >= 1 else {
      return context.fail(
        Self.kind, "a layer needs at least 1 unit, got \(units)", shape: guess)
    }
    guard x.shape.rank == 2, x.shape[1] > 0 else {
      return context.fail(
        Self.kind,
        "the input must be [rows, features] with at least one feature, got \(x.shape)",
        shape: guess)
    }
    let inputs = x.shape[1]
    let weight = context.parameter(
      "weight", shape: [inputs, units], initializer: weights ?? activation.suitableInitializer,
      role: .weight, layout: .transposed, fanIn: inputs, fanOut: units)
    var sums = matmul(x, weight)
    if hasBias {
      sums =
        sums
        + context.parameter(
          "bias", shape: [units], initializer: biases, role: .bias, fanIn: inputs, fanOut: units)
    }
    return activation(context.named("preactivation", sums))
  }
}
