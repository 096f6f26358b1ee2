internal import EbbGraph
internal import EbbSystem

/// How a parameter's numbers start.
///
/// A layer of `in` inputs and `out` outputs (its fan-in and fan-out):
///
/// | case | distribution | source |
/// |---|---|---|
/// | glorotUniform | uniform on ±√(6/(in + out)) | Glorot and Bengio, 2010 |
/// | glorotNormal | normal, σ = √(2/(in + out)) | Glorot and Bengio, 2010 |
/// | heUniform | uniform on ±√(6/in) | He et al., 2015 |
/// | heNormal | normal, σ = √(2/in) | He et al., 2015 |
/// | leCunUniform | uniform on ±√(3/in) | LeCun et al., 1998 |
/// | leCunNormal | normal, σ = √(1/in) | LeCun et al., 1998 |
/// | uniform | uniform on low...high | |
/// | normal | normal with mean and standard deviation | |
/// | zeros, constant | one value | |
///
/// Normal distributions are whole, not cut off at two standard deviations.
public enum Initializer: Hashable, Sendable {
  case glorotUniform, glorotNormal, heUniform, heNormal, leCunUniform, leCunNormal
  case uniform(low: Double, high: Double)
  case normal(mean: Double, standardDeviation: Double)
  case zeros
  case constant(Double)

  /// The numbers of a parameter, row-major.
  ///
  /// A function of seed, stream and position alone: element i does not depend on the number of
  /// elements, on other parameters, threads or the machine. The random words are Philox's at step
  /// 2^64 − 1, which no training step reaches. Uniform: ⌊word/2^8⌋ · 2^−24; normal: the normal
  /// quantile of (word + ½) · 2^−32, so within ±6.4 standard deviations. All is computed in Double
  /// and rounded once.
  ///
  /// - Parameters:
  ///   - count: the number of elements.
  ///   - fanIn: how many inputs each output of the layer has; 0 counts as 1.
  ///   - fanOut: how many outputs each input of the layer has.
  ///   - seed: the run's seed.
  ///   - stream: the parameter's index in the order of declaration.
  public func values(count: Int, fanIn: Int, fanOut: Int, seed: UInt64, stream: UInt32) -> [Float] {
    let (inputs, both) = (Double(max(fanIn, 1)), Double(max(fanIn + fanOut, 1)))
    func symmetric(_ limit: Double) -> Source { .uniform(low: -limit, high: limit) }
    func centred(_ variance: Double) -> Source {
      .normal(mean: 0, deviation: variance.squareRoot())
    }
    let source: Source =
      switch self {
      case .glorotUniform: symmetric((6 / both).squareRoot())
      case .glorotNormal: centred(2 / both)
      case .heUniform: symmetric((6 / inputs).squareRoot())
      case .heNormal: centred(2 / inputs)
      case .leCunUniform: symmetric((3 / inputs).squareRoot())
      case .leCunNormal: centred(1 / inputs)
      case .uniform(let low, let high): .uniform(low: low, high: high)
      case .normal(let mean, let deviation): .normal(mean: mean, deviation: deviation)
      case .zeros: .fixed(0)
      case .constant(let value): .fixed(value)
      }
    return source.values(count: count, seed: seed, stream: stream)
  }

  /// Throws if a number is out of range: bounds in the wrong order, a negative deviation, infinity.
  public func validate() throws(SettingsError) {
    switch self {
    case .uniform(let low, let high):
      try low.checked("initializer", "low", "a finite number") { _ in true }
      try high.checked("initializer", "high", "at least the lower bound \(low)") { $0 >= low }
    case .normal(let mean, let deviation):
      try mean.checked("initializer", "mean", "a finite number") { _ in true }
      try deviation.checked("initializer", "standardDeviation", "0 or more") { $0 >= 0 }
    case .constant(let value):
      try value.checked("initializer", "value", "a finite number") { _ in true }
    default: break
    }
  }
}

/// A distribution with its numbers filled in.
private enum Source {
  case uniform(low: Double, high: Double)
  case normal(mean: Double, deviation: Double)
  case fixed(Double)

  func values(count: Int, seed: UInt64, stream: UInt32) -> [Float] {
    if case .fixed(let value) = self { return [Float](repeating: Float(value), count: count) }
    var result: [Float] = []
    result.reserveCapacity(count + 3)
    for block in 0..<UInt32((count + 3) / 4) {
      let words = Philox.words(seed: seed, stream: stream, step: .max, block: block)
      for lane in 0..<4 { result.append(Float(value(words[lane]))) }
    }
    result.removeLast(result.count - count)
    return result
  }

  private func value(_ word: UInt32) -> Double {
    switch self {
    case .uniform(let low, let high): low + (high - low) * (Double(word >> 8) * 0x1p-24)
    case .normal(let mean, let deviation):
      mean + deviation * PortableMath.normalQuantile((Double(word) + 0.5) * 0x1p-32)
    case .fixed(let value): value
    }
  }
}

extension Initializer {
  private static let plain: KeyValuePairs<String, Initializer> = [
    "glorot-uniform": .glorotUniform, "glorot-normal": .glorotNormal, "he-uniform": .heUniform,
    "he-normal": .heNormal, "lecun-uniform": .leCunUniform, "lecun-normal": .leCunNormal,
    "zeros": .zeros,
  ]

  /// The text in flags and files: `he-uniform`, `uniform:-0.1:0.1`, `normal:0.0:0.02`, `zeros`,
  /// `constant:0.5`.
  public var spelling: String {
    switch self {
    case .uniform(let low, let high): Spelling.text("uniform", low, high)
    case .normal(let mean, let deviation): Spelling.text("normal", mean, deviation)
    case .constant(let value): Spelling.text("constant", value)
    default: Self.plain.first { $0.value == self }?.key ?? "zeros"
    }
  }

  /// An initializer from its text.
  ///
  /// - Throws: `SettingsError`, which lists the names or shows the right form.
  public init(spelling text: String) throws(SettingsError) {
    let spelling = Spelling(text, of: "initializer")
    switch spelling.name {
    case "uniform":
      let numbers = try spelling.numbers(2...2, form: "uniform:LOW:HIGH")
      self = .uniform(low: numbers[0], high: numbers[1])
    case "normal":
      let numbers = try spelling.numbers(2...2, form: "normal:MEAN:DEVIATION")
      self = .normal(mean: numbers[0], standardDeviation: numbers[1])
    case "constant":
      self = .constant(try spelling.numbers(1...1, form: "constant:VALUE")[0])
    default:
      guard let found = Self.plain.first(where: { $0.key == text }) else {
        throw spelling.unknown(
          known: Self.plain.map(\.key) + [
            "uniform:LOW:HIGH", "normal:MEAN:DEVIATION", "constant:VALUE",
          ])
      }
      self = found.value
    }
    try validate()
  }
}
