public import EbbGraph

/// A layer that applies an activation to each element and has no parameters.
///
/// **Shapes**: any → the same.
public struct ActivationLayer: Layer, Hashable {
  /// `activation`.
  public static let kind = "activation"

  /// What is applied.
  public let activation: Activation
  /// The name that the user gave.
  public let name: String?

  /// A layer that applies an activation.
  public init(_ activation: Activation, name: String? = nil) {
    self.activation = activation
    self.name = name
  }

  /// A layer from a file's settings.
  public init(settings: Settings) throws {
    let reader = try settings.reader(for: Self.kind, known: ["function"])
    self.init(try Activation(spelling: try reader.text("function")))
  }

  /// The function.
  public var settings: Settings { ["function": .text(activation.spelling)] }

  /// False.
  public var declaresParameters: Bool { false }

  /// Writes the layer down.
  public func callAsFunction(_ x: Tensor, in context: LayerContext) -> Tensor { activation(x) }
}
