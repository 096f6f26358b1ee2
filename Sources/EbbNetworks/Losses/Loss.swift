public import EbbGraph

/// What training makes small, for one row of outputs and its target.
///
/// | case | one row's loss | outputs are | targets |
/// |---|---|---|---|
/// | squaredError | Σ_j (ŷ_j − y_j)² | predictions | numbers [rows, outputs] |
/// | absoluteError | Σ_j \|ŷ_j − y_j\| | predictions | numbers [rows, outputs] |
/// | huber | Σ_j h(ŷ_j − y_j) | predictions | numbers [rows, outputs] |
/// | binaryCrossEntropy | −Σ_j y_j log σ(a_j) + (1 − y_j) log(1 − σ(a_j)) | logits | 0...1, [rows, outputs] |
/// | softmaxCrossEntropy | −log softmax(a)_label | logits | labels [rows] |
/// | smoothedCrossEntropy | −Σ_j p_j log softmax(a)_j | logits | labels [rows] |
///
/// Squared, absolute and Huber errors are summed over the outputs, without a factor ½; other
/// libraries often also divide by the number of outputs. h(r) = ½r² for |r| ≤ δ, otherwise
/// δ(|r| − ½δ) (Huber, 1964). Smoothed targets are p_j = ε/classes, plus 1 − ε for the label (Szegedy
/// et al., 2016). Losses of rows are joined by a ``GradientReduction``; class weights multiply a row's
/// loss and are applied by whoever joins them: Σ_i w_{y_i} ℓ_i / n for a mean over n rows, in training
/// as in ``joined(outputs:targets:classWeights:)``, which also takes labels that are ignored.
public enum Loss: Hashable, Sendable {
  case squaredError
  case absoluteError
  /// Quadratic up to a distance `delta` > 0, then linear.
  case huber(delta: Double = 1)
  /// One or several independent yes-or-no outputs.
  case binaryCrossEntropy
  /// One of several classes.
  case softmaxCrossEntropy
  /// One of several classes, with the share `smoothing`, at least 0 and below 1, spread evenly.
  case smoothedCrossEntropy(smoothing: Double)

  /// What the targets are: `.index` for class labels, otherwise `.float`.
  public var targetType: ElementType {
    switch self {
    case .softmaxCrossEntropy, .smoothedCrossEntropy: .index
    case .squaredError, .absoluteError, .huber, .binaryCrossEntropy: .float
    }
  }

  /// What turns the network's outputs into predictions.
  public var outputFunction: OutputFunction {
    switch self {
    case .squaredError, .absoluteError, .huber: .identity
    case .binaryCrossEntropy: .sigmoid
    case .softmaxCrossEntropy, .smoothedCrossEntropy: .softmax
    }
  }

  /// The loss of each row.
  ///
  /// **Shapes**: outputs [rows, outputs]; targets [rows] of type `.index` for class labels, otherwise
  /// [rows, outputs] → [rows]. What does not fit is a fault of the trace.
  public func perRow(outputs: Tensor, targets: Tensor) -> Tensor {
    let builder = outputs.builder
    let rows: Shape = outputs.shape.rank == 0 ? [1] : [outputs.shape[0]]
    guard outputs.shape.rank == 2, outputs.shape[1] > 0 else {
      return builder.fail(
        spelling, "outputs must be [rows, outputs] with at least one, got \(outputs.shape)", rows)
    }
    let expected: Shape = targetType == .index ? rows : outputs.shape
    guard targets.type == targetType, targets.shape == expected else {
      return builder.fail(
        spelling,
        "outputs \(outputs.shape) need targets \(expected) of type \(targetType.rawValue), got"
          + " \(targets.shape) of type \(targets.type.rawValue)", rows)
    }
    do {
      try validate()
    } catch {
      return builder.fail(spelling, error.message, rows)
    }
    switch self {
    case .squaredError:
      let residual = outputs - targets
      return total(residual * residual)
    case .absoluteError: return total(abs(outputs - targets))
    case .huber(let delta):
      // c(r − c/2) with c = r held within ±δ: both branches in one, without a square that overflows.
      let residual = outputs - targets
      let held = clip(residual, to: -delta...delta)
      return total(held * (residual - 0.5 * held))
    case .binaryCrossEntropy:
      return total(EbbGraph.binaryCrossEntropy(logits: outputs, targets: targets))
    case .softmaxCrossEntropy:
      return EbbGraph.softmaxCrossEntropy(logits: outputs, labels: targets)
    case .smoothedCrossEntropy(let smoothing):
      let exact = EbbGraph.softmaxCrossEntropy(logits: outputs, labels: targets)
      let even = -mean(logSoftmax(outputs), axes: [1])
      return (1 - smoothing) * exact + smoothing * even
    }
  }

  /// The predictions: ŷ for errors of numbers, probabilities for cross-entropies.
  ///
  /// **Shapes**: [rows, outputs] → the same.
  public func predictions(fromOutputs outputs: Tensor) -> Tensor { outputFunction(outputs) }

  /// Throws if `delta` or `smoothing` is out of range.
  public func validate() throws(SettingsError) {
    switch self {
    case .huber(let delta): try delta.checked("loss huber", "delta", "more than 0") { $0 > 0 }
    case .smoothedCrossEntropy(let smoothing):
      try smoothing.checked("loss softmax-cross-entropy", "smoothing", "at least 0 and below 1") {
        $0 >= 0 && $0 < 1
      }
    default: break
    }
  }

  /// The sum over a row's outputs.
  private func total(_ terms: Tensor) -> Tensor {
    terms.shape[1] == 1 ? terms.reshaped(to: [terms.shape[0]]) : sum(terms, axes: [1])
  }
}

/// What turns a network's outputs into predictions.
public enum OutputFunction: String, CaseIterable, Hashable, Sendable {
  /// The outputs themselves.
  case identity
  /// 1/(1 + e^−a), of each output on its own.
  case sigmoid
  /// e^a_j / Σ_k e^a_k, over a row's outputs.
  case softmax

  /// Applies the function. **Shapes**: [rows, outputs] → the same.
  public func callAsFunction(_ outputs: Tensor) -> Tensor {
    switch self {
    case .identity: outputs
    case .sigmoid: EbbGraph.sigmoid(outputs)
    case .softmax: EbbGraph.softmax(outputs)
    }
  }
}

/// How the gradients of a batch's rows are joined.
public enum GradientReduction: String, CaseIterable, Hashable, Sendable {
  /// Their sum divided by the number of rows really in the batch.
  case mean
  /// Their sum: the mean times the number of rows.
  case sum

  /// A reduction named in a flag.
  ///
  /// - Throws: `SettingsError`, which lists the names.
  public init(spelling: String) throws(SettingsError) {
    self = try spelled(spelling, of: "reduction")
  }
}

extension Loss {
  private static let plain: KeyValuePairs<String, Loss> = [
    "squared-error": .squaredError, "absolute-error": .absoluteError,
    "binary-cross-entropy": .binaryCrossEntropy, "softmax-cross-entropy": .softmaxCrossEntropy,
  ]

  /// The text in flags and files: `squared-error`, `absolute-error`, `huber:1.0`,
  /// `binary-cross-entropy`, `softmax-cross-entropy`, `softmax-cross-entropy:0.1` with smoothing.
  public var spelling: String {
    switch self {
    case .huber(let delta): Spelling.text("huber", delta)
    case .smoothedCrossEntropy(let smoothing): Spelling.text("softmax-cross-entropy", smoothing)
    default: Self.plain.first { $0.value == self }?.key ?? "squared-error"
    }
  }

  /// A loss from its text; `huber` alone has δ = 1.
  ///
  /// - Throws: `SettingsError`, which lists the names or shows the right form.
  public init(spelling text: String) throws(SettingsError) {
    let spelling = Spelling(text, of: "loss")
    switch spelling.name {
    case "huber":
      self = .huber(delta: try spelling.numbers(0...1, form: "huber:DELTA").first ?? 1)
    case "softmax-cross-entropy" where !spelling.arguments.isEmpty:
      let numbers = try spelling.numbers(1...1, form: "softmax-cross-entropy:SMOOTHING")
      self = .smoothedCrossEntropy(smoothing: numbers[0])
    default:
      guard let found = Self.plain.first(where: { $0.key == text }) else {
        throw spelling.unknown(known: Self.plain.map(\.key) + ["huber:DELTA"])
      }
      self = found.value
    }
    try validate()
  }
}
