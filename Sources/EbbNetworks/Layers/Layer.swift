public import EbbGraph

/// A part of a network: a plain value that holds settings, never numbers that training changes.
///
/// A layer writes its computation on tensors and declares its parameters by name while it is traced:
///
///     struct Scale: Layer {
///       static let kind = "scale"
///       init() {}
///       init(settings: Settings) throws { _ = try settings.reader(for: Self.kind, known: []) }
///       var settings: Settings { [:] }
///       func callAsFunction(_ x: Tensor, in context: LayerContext) -> Tensor {
///         x * context.parameter(
///           "weight", shape: [x.shape[-1]], initializer: .constant(1), role: .weight)
///       }
///     }
///
/// What it keeps from step to step without a gradient, such as a running mean, it declares by
/// ``LayerContext/state(_:shape:start:)``.
public protocol Layer: Sendable {
  /// The layer's kind in files, such as `dense`; unique among the layers that read a file.
  static var kind: String { get }

  /// A layer from what `settings` gave.
  ///
  /// - Throws: `SettingsError` for unknown names, wrong types and values out of range.
  init(settings: Settings) throws

  /// Everything that distinguishes two layers of the kind, but the name.
  var settings: Settings { get }

  /// The name that the user gave; nil: the network gives one.
  var name: String? { get }

  /// Whether the layer declares parameters: those that do are named `hidden1`, …, `output`.
  var declaresParameters: Bool { get }

  /// Writes the layer down.
  ///
  /// - Parameters:
  ///   - x: the previous layer's result, most often [rows, features].
  ///   - context: where parameters are declared.
  func callAsFunction(_ x: Tensor, in context: LayerContext) -> Tensor
}

extension Layer {
  /// No name of its own.
  public var name: String? { nil }
  /// True.
  public var declaresParameters: Bool { true }
}
