/// What can be wrong with gradients, as far as Ebb can tell it from the numbers.
public enum GradientMistake: String, CaseIterable, Sendable, Hashable {
  /// The rows' gradients were added, not averaged: 1/B is missing.
  case sumInsteadOfMean
  /// Divided by the number of rows once too often.
  case dividedByRowsTwice
  /// −1 times the gradient.
  case wrongSign
  /// 2 times the gradient: a square's 2 applied twice, a ½ of the loss left out, or counted twice.
  case doubled
  /// ½ times the gradient: the 2 of a square's derivative is missing, or the loss has a ½.
  case halved
  /// A whole number of times the gradient: backward ran several times without setting it to zero.
  case accumulated
  /// Divided by the number of outputs too, as some libraries' mean squared error is.
  case dividedByOutputs
  /// Some other factor.
  case scaled
  /// Rows and columns exchanged.
  case transposed
  /// δ = ∇h where it should be ∇h ⊙ g′(a).
  case forgottenDerivative
  /// g′ was evaluated at h = g(a), not at a.
  case derivativeAtActivation
  /// The slope's formula in terms of h, such as h(1 − h), was given a.
  case derivativeOfPreactivation
  /// ∇W = δ aᵀ with the layer below's a where its h = g(a) belongs.
  case weightFromPreactivation
  /// Softmax was taken over the rows of the batch, not over the classes.
  case softmaxOverBatch
  /// The derivative of the output function was applied to ŷ − y, which holds it already.
  case outputDerivativeTwice
  /// The outputs a were used where the predictions ŷ belong.
  case outputFunctionForgotten
  /// Every label is taken for the next or the one before.
  case shiftedLabels
  /// The forward pass did not add the biases.
  case biasesLeftOut
  /// A multiple of the parameters was added.
  case weightDecay
  /// All zero: nothing arrived.
  case zero
  /// A bias's gradient was added over the wrong axis, or over both.
  case wrongAxis
  /// A bias's gradient was not added over the rows.
  case notSummed
  /// The sums over the rows were multiplied, where products should be added.
  case productOfSums
  /// The gradient of earlier rows was still there when that of later ones was added.
  case staleAccumulation
  /// Only some of the rows counted.
  case rowsLeftOut
  /// Some of the rows counted twice or more.
  case rowsRepeated
  /// Rows count unequally in another way.
  case rowsWeighted
  /// A few numbers of a tensor are off, and all others are right.
  case fewElements
}

/// A hypothesis that explains somebody's gradients, with its evidence.
public struct GradientExplanation: Sendable {
  /// One thing that went wrong.
  public struct Part: Sendable {
    /// What it is.
    public let mistake: GradientMistake
    /// What happened, in a sentence without a stop.
    public let sentence: String
    /// The layer it happened in; nil if it concerns all.
    public let layer: String?
    /// The tensors it concerns; empty if it concerns all.
    public let tensors: [String]
    /// The number found: the factor, the decay, the row.
    public let number: Double?

    init(
      _ mistake: GradientMistake, _ sentence: String, layer: String? = nil,
      tensors: [String] = [], number: Double? = nil
    ) {
      self.mistake = mistake
      self.sentence = sentence
      self.layer = layer
      self.tensors = tensors
      self.number = number
    }
  }

  /// What went wrong: one thing, or several at once.
  public let parts: [Part]
  /// The largest relative error of a tensor against Ebb's gradient.
  public let errorBefore: Double
  /// The largest relative error against the gradient with the mistake made on purpose.
  public let errorAfter: Double

  /// The first part's mistake.
  public var mistake: GradientMistake { parts[0].mistake }
}
