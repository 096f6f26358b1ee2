public import EbbGraph

/// A layer that sets elements to zero at random while training (Srivastava et al., 2014).
///
/// Each element is dropped with the probability `rate`, drawn anew at every step, and kept elements
/// are divided by 1 − rate, so that every element's mean stays. In evaluation, and for a rate of 0,
/// it is the identity; a rate of 1 gives zeros. The factor 1/(1 − rate) is rounded once.
///
/// **Shapes**: any → the same.
public struct Dropout: Layer, Hashable {
  /// `dropout`.
  public static let kind = "dropout"

  /// The probability with which an element is dropped, 0 to 1.
  public let rate: Double
  /// The name that the user gave.
  public let name: String?

  /// A layer that drops elements with a probability from 0 to 1.
  public init(_ rate: Double, name: String? = nil) {
    self.rate = rate
    self.name = name
  }

  /// A layer from a file's settings.
  public init(settings: Settings) throws {
    let reader = try settings.reader(for: Self.kind, known: ["rate"])
    self.init(try reader.number("rate"))
    try rate.checked(Self.kind, "rate", "0 to 1") { $0 >= 0 && $0 <= 1 }
  }

  /// The rate.
  public var settings: Settings { ["rate": .number(rate)] }

  /// False.
  public var declaresParameters: Bool { false }

  /// Writes the layer down.
  public func callAsFunction(_ x: Tensor, in context: LayerContext) -> Tensor {
    guard rate >= 0 && rate <= 1 else {
      return context.fail(Self.kind, "the rate must lie in 0 to 1, got \(rate)", shape: x.shape)
    }
    if context.mode == .evaluation || rate == 0 { return x }
    // Apart, because 1/(1 - rate) is infinite.
    if rate == 1 { return context.builder.constant(0.0).expanded(to: x.shape) }
    let isKept = context.random(.uniform, shape: x.shape) .>= rate
    return select(isKept, x * (1 / (1 - rate)), 0)
  }
}
