public import EbbGraph
internal import EbbSystem
public import EbbTraining

/// Gradients that some other program computed, to be compared with Ebb's.
///
///     let theirs = try ForeignGradients(contentsOf: "gradients.npz")
///     print(try model.compare(theirs, on: batch))
///
/// They must be of the mean loss over the rows they are compared on, in evaluation mode (dropout is
/// the identity), without weight decay.
public struct ForeignGradients: Sendable {
  /// How exactly the numbers were stored; decides how closely they can be expected to agree.
  public enum Precision: Sendable, Hashable {
    /// 16 bits: about 3 digits.
    case half
    /// 32 bits: about 7 digits.
    case single
    /// 64 bits: about 16 digits.
    case double

    /// The most by which rounding to it moves a number of size 1.
    var unit: Double {
      switch self {
      case .half: 0x1p-11
      case .single: 0x1p-24
      case .double: 0x1p-53
      }
    }

    /// The least error, relative to a tensor's norm, that counts as disagreement where rounding in this
    /// precision does not explain more.
    var tolerance: Double {
      switch self {
      case .half: 2e-2
      case .single: 1e-4
      case .double: 1e-7
      }
    }
  }

  /// One tensor's gradient, under the name that the other program gave it.
  public struct Entry: Sendable {
    /// The name; empty for the only array of an NPY file.
    public let name: String
    /// The numbers.
    public let values: NDArray<Double>

    /// A named gradient.
    public init(_ name: String, _ values: NDArray<Double>) {
      self.name = name
      self.values = values
    }
  }

  /// In the order of the file.
  public let entries: [Entry]
  /// Of the least exact array.
  public let precision: Precision
  /// Where they come from; nil if they are no file's.
  public let path: String?

  /// Gradients from numbers at hand.
  public init(_ entries: [Entry], precision: Precision = .double) {
    self.entries = entries
    self.precision = precision
    path = nil
  }

  /// Reads an NPY, NPZ or safetensors file.
  ///
  /// - Parameter elementLimit: the most numbers in all arrays together; a file that holds more is
  ///   refused before it is unpacked.
  /// - Throws: `ForeignArraysError`.
  public init(
    contentsOf path: String, elementLimit: Int = 1 << 28
  ) throws(ForeignArraysError) {
    let file = try ForeignArrays(contentsOf: path, elementLimit: elementLimit)
    entries = file.entries.map { Entry($0.name, $0.values) }
    precision =
      switch file.entries.map(\.precision).min() ?? .double {
      case .half: .half
      case .single: .single
      case .double: .double
      }
    self.path = path
  }
}
