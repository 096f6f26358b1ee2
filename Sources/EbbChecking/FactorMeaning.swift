internal import EbbNetworks
internal import EbbSystem

/// What it can mean that gradients are a multiple of Ebb's.
struct FactorMeaning {
  let loss: Loss
  let rows: Int
  let outputs: Int
  /// The largest relative deviation from a telling factor that counts as that factor.
  let tolerance: Double

  /// Every reading of a factor, the plainest first; empty for a factor of 1.
  ///
  /// With two rows a missing 1/B and a factor 2 are the same: both are named.
  func parts(_ factor: Double, of subject: Subject) -> [GradientExplanation.Part] {
    func part(_ mistake: GradientMistake, _ sentence: String) -> GradientExplanation.Part {
      GradientExplanation.Part(
        mistake, "\(sentence): \(subject.phrase) \(number(factor)) times Ebb's",
        tensors: subject.tensors, number: factor)
    }
    if isClose(factor, 1) { return [] }
    if isClose(factor, -1) { return [part(.wrongSign, "the sign is wrong")] }
    let size = factor.magnitude
    let sign = factor < 0 ? ", and the sign is wrong" : ""
    let b = NumberFormat.grouped(rows)
    var result: [GradientExplanation.Part] = []
    if rows > 1 && isClose(size, Double(rows)) {
      result.append(
        part(
          .sumInsteadOfMean,
          "the sum over the rows, not their mean: 1/B is missing, B = \(b)\(sign)"))
    }
    if rows > 1 && isClose(size, 1 / Double(rows)) {
      result.append(
        part(.dividedByRowsTwice, "divided by the \(b) rows twice: 1/B was applied again\(sign)"))
    }
    if isClose(size, 2) {
      result.append(
        part(
          .doubled, "\(loss.doubledText)\(sign)"))
    }
    if isClose(size, 0.5) {
      result.append(
        part(.halved, "\(loss.halvedText)\(sign)"))
    }
    if outputs > 1 && isClose(size, 1 / Double(outputs)) {
      result.append(
        part(
          .dividedByOutputs,
          "divided by the \(outputs) outputs too, as a mean squared error over all numbers is\(sign)"
        ))
    }
    let whole = size.rounded()
    if whole >= 2 && whole <= 100 && isClose(size, whole) {
      result.append(
        part(
          .accumulated,
          "accumulated \(Int(whole)) times without being set to zero in between\(sign)"))
    }
    return result.isEmpty ? [part(.scaled, "a factor of their own\(sign)")] : result
  }

  /// What is multiplied.
  struct Subject {
    let tensors: [String]

    var phrase: String {
      tensors.isEmpty
        ? "every number is"
        : "\(tensors.joined(separator: " and ")) \(tensors.count == 1 ? "is" : "are")"
    }
  }

  private func isClose(_ value: Double, _ expected: Double) -> Bool {
    (value - expected).magnitude <= tolerance * expected.magnitude
  }

  /// A factor with as many digits as are known, and no more.
  private func number(_ factor: Double) -> String {
    let digits = tolerance > 1e-3 ? 3 : tolerance > 1e-5 ? 5 : 7
    return NumberFormat.significant(factor, digits: digits)
  }
}

extension Loss {
  /// What twice the gradient can mean: only a loss with a square has a 2 or a ½ to lose.
  fileprivate var doubledText: String {
    switch self {
    case .squaredError:
      "a factor 2 too many: the square's 2 was applied twice, or all was added twice"
    case .huber:
      "a factor 2 too many: the ½ of Ebb's Huber loss was left out, or all was added twice"
    case .absoluteError, .binaryCrossEntropy, .softmaxCrossEntropy, .smoothedCrossEntropy:
      "a factor 2 too many: this loss has none, so all was added twice, or counted for two outputs"
    }
  }

  /// What half the gradient can mean.
  fileprivate var halvedText: String {
    switch self {
    case .squaredError: "a factor 2 is missing: the square's, or their loss has a ½"
    case .huber: "a factor ½ too many: the ½ of the Huber loss was applied twice"
    case .absoluteError, .binaryCrossEntropy, .softmaxCrossEntropy, .smoothedCrossEntropy:
      "a factor ½ too many: this loss has none"
    }
  }
}
