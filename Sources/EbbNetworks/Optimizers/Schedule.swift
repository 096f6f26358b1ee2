internal import EbbSystem

/// How the learning rate changes in the course of training, as a factor of the optimizer's own.
///
/// Time is counted in epochs, or in steps, from 1; t is what is counted, n how many there are.
///
/// | case | factor | text |
/// |---|---|---|
/// | constant | 1 | `constant` |
/// | step | factor^⌊(t − 1)/every⌋ | `step:10:0.5` |
/// | exponential | factor^(t − 1) | `exponential:0.95` |
/// | cosine | end + (1 − end)(1 + cos(π (t − 1)/n))/2 | `cosine`, `cosine:0.01` |
/// | linear | 1 + (end − 1)(t − 1)/n | `linear`, `linear:0.1` |
/// | warmUp | t/(length + 1), after that the other schedule for the rest | `warm-up:5:cosine` |
///
/// Cosine: Loshchilov and Hutter, 2017, without restarts.
public indirect enum Schedule: Hashable, Sendable {
  case constant
  case step(every: Int, factor: Double)
  case exponential(factor: Double)
  case cosine(to: Double = 0)
  case linear(to: Double = 0)
  case warmUp(length: Int, then: Schedule)

  /// The factor of the learning rate in an epoch (or step), the same on every machine.
  ///
  /// - Parameters:
  ///   - epoch: counts from 1.
  ///   - epochs: how many there will be, at least 1.
  public func factor(epoch: Int, of epochs: Int) -> Double {
    let (epoch, epochs) = (max(1, epoch), max(1, epochs))
    let passed = epoch - 1
    let progress = min(1, Double(passed) / Double(epochs))
    switch self {
    case .constant: return 1
    case .step(let every, let factor):
      return PortableMath.power(factor, UInt64(passed / max(1, every)))
    case .exponential(let factor): return PortableMath.power(factor, UInt64(passed))
    case .cosine(let end):
      return end + (1 - end) * (1 + PortableMath.cosine(ofPiTimes: progress)) / 2
    case .linear(let end): return 1 + (end - 1) * progress
    case .warmUp(let length, let then):
      let length = max(0, length)
      return epoch <= length
        ? Double(epoch) / (Double(length) + 1)
        : then.factor(epoch: epoch - length, of: epochs - length)
    }
  }

  /// Throws if a number is out of range.
  public func validate() throws(SettingsError) {
    func check(_ value: Double, _ name: String) throws(SettingsError) {
      try value.checked("schedule", name, "0 or more") { $0 >= 0 }
    }
    switch self {
    case .constant: break
    case .step(let every, let factor):
      guard every >= 1 else {
        throw SettingsError("schedule", setting: "every", "expected at least 1, got \(every)")
      }
      try check(factor, "factor")
    case .exponential(let factor): try check(factor, "factor")
    case .cosine(let end), .linear(let end): try check(end, "end")
    case .warmUp(let length, let then):
      guard length >= 1 && length < .max else {
        throw SettingsError("schedule", setting: "length", "expected at least 1, got \(length)")
      }
      try then.validate()
    }
  }
}

extension Schedule {
  private static let forms = [
    "constant", "step:EVERY:FACTOR", "exponential:FACTOR", "cosine", "cosine:END", "linear",
    "linear:END", "warm-up:LENGTH:SCHEDULE",
  ]

  /// The text in flags and files, such as `step:10:0.5` or `warm-up:5:cosine`.
  public var spelling: String {
    switch self {
    case .constant: "constant"
    case .step(let every, let factor): "step:\(every):\(factor)"
    case .exponential(let factor): Spelling.text("exponential", factor)
    case .cosine(let end): end == 0 ? "cosine" : Spelling.text("cosine", end)
    case .linear(let end): end == 0 ? "linear" : Spelling.text("linear", end)
    case .warmUp(let length, let then): "warm-up:\(length):\(then.spelling)"
    }
  }

  /// A schedule from its text.
  ///
  /// - Throws: `SettingsError`, which lists the names or shows the right form.
  public init(spelling text: String) throws(SettingsError) {
    let spelling = Spelling(text, of: "schedule")
    switch spelling.name {
    case "constant":
      _ = try spelling.numbers(0...0, form: "constant")
      self = .constant
    case "step":
      let form = "step:EVERY:FACTOR, such as step:10:0.5"
      let numbers = try spelling.numbers(2...2, form: form)
      self = .step(every: try spelling.count(numbers[0], form: form), factor: numbers[1])
    case "exponential":
      let form = "exponential:FACTOR, such as exponential:0.95"
      self = .exponential(factor: try spelling.numbers(1...1, form: form)[0])
    case "cosine":
      self = .cosine(to: try spelling.numbers(0...1, form: "cosine or cosine:END").first ?? 0)
    case "linear":
      self = .linear(to: try spelling.numbers(0...1, form: "linear or linear:END").first ?? 0)
    case "warm-up":
      let form = "warm-up:LENGTH:SCHEDULE, such as warm-up:5:cosine"
      let parts = text.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else {
        throw SettingsError("schedule", "\(spelling.quoted) is not whole; write \(form)")
      }
      let length = Spelling("\(parts[0]):\(parts[1])", of: "schedule")
      let number = try length.numbers(1...1, form: form)[0]
      guard !parts[2].hasPrefix("warm-up") else {
        throw SettingsError("schedule", "\(spelling.quoted) warms up twice; write \(form)")
      }
      self = .warmUp(
        length: try length.count(number, form: form),
        then: try Schedule(spelling: String(parts[2])))
    default: throw spelling.unknown(known: Self.forms)
    }
    try validate()
  }
}

extension Spelling {
  /// A number that counts something.
  fileprivate func count(_ number: Double, form: String) throws(SettingsError) -> Int {
    guard let count = Int(exactly: number), count >= 1 else {
      throw SettingsError(
        subject, "\(quoted): expected a whole number of at least 1, got \(number); write \(form)")
    }
    return count
  }
}

extension Schedule {
  /// Whether the learning rate of an epoch depends on how many there will be.
  package var dependsOnTotal: Bool {
    switch self {
    case .constant, .step, .exponential: false
    case .cosine, .linear: true
    case .warmUp(_, let then): then.dependsOnTotal
    }
  }
}
