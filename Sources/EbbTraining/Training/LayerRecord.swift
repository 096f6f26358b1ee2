/// How one layer of a network stands in its training, measured on a sample of rows.
///
/// The layer's parameters, weights and biases, count as one vector w, and L is the mean loss of the
/// sample's rows, class weights counted. Dropout does not drop here.
public struct LayerRecord: Hashable, Sendable {
  /// A unit whose slope is below this on all rows learns a thousand times slower than one of slope 1,
  /// and some hundred times slower than the steepest sigmoid, whose slope is ¼.
  package static let flatSlope = 1e-3

  /// The layer's name, such as `hidden1`.
  public let name: String
  /// ‖∂L/∂w‖; nan if it was not finite.
  public let gradientNorm: Double
  /// ‖w‖.
  public let weightNorm: Double
  /// ‖Δw‖/‖w‖: how far one step, the last of the epoch, moved the parameters, relative to what they
  /// were before it. About 1e-3 is usual. Nil if no step was watched, or if all parameters were 0.
  public let updateRatio: Double?
  /// The share, 0 to 1, of units whose activation is flat on every row of the sample although it is
  /// unbounded, such as a relu that is never active: slope below ``flatSlope``.
  /// Nil if the layer's activation cannot be so.
  public let dead: Double?
  /// The share, 0 to 1, of units whose bounded activation is flat on every row of the sample: a
  /// sigmoid or tanh at its ends. Nil if the layer's activation cannot be so.
  public let saturated: Double?
  /// The weights, without biases if there are others; nil if none is finite.
  public let weights: Histogram?
  /// What the layer gives, after the activation: every unit on every row of the sample; nil if none
  /// is finite.
  public let activations: Histogram?
  /// The gradients by the numbers of ``weights``; nil if none is finite.
  public let gradients: Histogram?

  /// A record of a layer.
  package init(
    name: String, gradientNorm: Double, weightNorm: Double, updateRatio: Double? = nil,
    dead: Double? = nil, saturated: Double? = nil, weights: Histogram? = nil,
    activations: Histogram? = nil, gradients: Histogram? = nil
  ) {
    (self.name, self.gradientNorm, self.weightNorm) = (name, gradientNorm, weightNorm)
    (self.updateRatio, self.dead, self.saturated) = (updateRatio, dead, saturated)
    (self.weights, self.activations, self.gradients) = (weights, activations, gradients)
  }
}

/// How numbers are spread: counts in intervals of equal width.
public struct Histogram: Hashable, Sendable {
  /// The smallest number, where the first interval begins.
  public let lowest: Double
  /// The largest number, where the last interval ends; it belongs to it.
  public let highest: Double
  /// How many numbers each interval holds; a single one if all numbers are equal.
  public let counts: [Int]

  /// A histogram of counts.
  package init(lowest: Double, highest: Double, counts: [Int]) {
    (self.lowest, self.highest, self.counts) = (lowest, highest, counts)
  }
}
