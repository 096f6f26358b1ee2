public import EbbGraph

/// The function that a layer applies to each of its sums.
///
/// | case | value | slope |
/// |---|---|---|
/// | identity | x | 1 |
/// | sigmoid | 1/(1 + e^−x) | y(1 − y) |
/// | tanh | tanh x | 1 − y² |
/// | relu | max(x, 0) | 1 for x > 0, otherwise 0 |
/// | leakyReLU | x for x > 0, otherwise 0.01 x | 1 for x > 0, otherwise 0.01 |
/// | elu | x for x > 0, otherwise e^x − 1 | 1 for x > 0, otherwise e^x |
/// | gelu | x Φ(x), Φ the standard normal distribution | Φ(x) + x φ(x) |
/// | silu | x σ(x), σ the sigmoid | σ(x)(1 + x(1 − σ(x))) |
/// | softplus | log(1 + e^x) | σ(x) |
///
/// Sources: Nair and Hinton, 2010 (relu); Maas et al., 2013 (leakyReLU); Clevert et al., 2015 (elu);
/// Hendrycks and Gimpel, 2016 (gelu, exact form); Elfwing et al., 2017 (silu, also named swish).
public enum Activation: String, CaseIterable, Hashable, Sendable {
  case identity, sigmoid, tanh, relu, leakyReLU, elu, gelu, silu, softplus

  /// The function, element by element.
  ///
  /// **Shapes**: any → the same.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    switch self {
    case .identity: x
    case .sigmoid: EbbGraph.sigmoid(x)
    case .tanh: EbbGraph.tanh(x)
    case .relu: EbbGraph.relu(x)
    case .leakyReLU: EbbGraph.leakyReLU(x)
    // Not through minimum(x, 0), whose slope at 0 is one half: this one's is 1, as it should be.
    case .elu: EbbGraph.elu(x)
    case .gelu: EbbGraph.gelu(x)
    case .silu: EbbGraph.silu(x)
    case .softplus: EbbGraph.softplus(x)
    }
  }

  /// An activation named in a flag or a file: `relu`, `leaky-relu`, `leakyReLU`.
  ///
  /// - Throws: `SettingsError`, which lists the names.
  public init(spelling: String) throws(SettingsError) {
    self = try spelled(spelling, of: "activation", by: \.spelling)
  }

  /// The name in flags and files: `leaky-relu`.
  public var spelling: String { self == .leakyReLU ? "leaky-relu" : rawValue }

  /// The weights that keep the sums' spread from layer to layer: He's for the relu family, whose
  /// outputs are about half as large, otherwise Glorot's.
  public var suitableInitializer: Initializer {
    switch self {
    case .relu, .leakyReLU, .elu, .gelu, .silu, .softplus: .heUniform
    case .identity, .sigmoid, .tanh: .glorotUniform
    }
  }
}
