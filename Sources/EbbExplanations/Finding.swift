/// Something that keeps gradient from weights, or that is worth knowing about it.
public struct Finding: Hashable, Sendable {
  /// The causes, each with what makes it one (thresholds: ``Diagnosis/Limits``).
  public enum Cause: String, CaseIterable, Hashable, Sendable {
    /// An input is 0 on every row: its weights get δ · 0.
    case zeroInput
    /// A feature is the same on every row: its weights do what the bias does already.
    case constantInput
    /// A neuron's slope is 0, or next to it, on every row, on the side where its activation is flat:
    /// a relu that is never active.
    case deadUnit
    /// A neuron's bounded activation is flat on every row: a sigmoid or tanh at its ends.
    case saturatedUnit
    /// All weights that lead from the neurons on are next to nothing: no gradient comes back through
    /// them.
    case tinyWeights
    /// No gradient arrives at a neuron that is in order itself: the neurons it feeds are to blame.
    case nothingArrives
    /// Each row has a gradient, and their sum is nothing: the rows want opposite things. So they do
    /// where training has come to its end.
    case cancellation
    /// The gradient is hundreds of times smaller than at the outputs.
    case vanishing
    /// The gradient is thousands of times larger than at the outputs.
    case exploding
    /// Predictions equal targets to the last bit: there is nothing to learn from these rows.
    case noError
  }

  /// How serious it is.
  public enum Severity: String, Hashable, Sendable {
    /// To know: a property of the rows, what concerns few units of many, or a consequence of a fault
    /// elsewhere.
    case note
    /// Something is wrong, and weights do not learn because of it.
    case fault
  }

  /// A neuron, or an input of a layer, and the number that gives it away.
  public struct Place: Hashable, Sendable {
    /// The neuron's or input's index, from 0.
    public let index: Int
    /// What people call it: `hidden1[3]`, or the feature's name.
    public let name: String
    /// The number named by ``Finding/measure``.
    public let value: Double
  }

  /// What is wrong.
  public let cause: Cause
  /// Whether it is a fault.
  public let severity: Severity
  /// The layer whose weights are concerned, such as `hidden1`.
  public let layer: String
  /// Neurons of the layer; for inputs, inputs of the layer; empty if it is the layer as a whole.
  public let places: [Place]
  /// What the places' numbers, and ``value``, are.
  public let measure: String
  /// The number for the layer as a whole, or the place's that decides least clearly.
  public let value: Double
  /// The limit that the number is beyond.
  public let limit: Double
  /// What happened, in a sentence.
  public let explanation: String
  /// What to do.
  public let advice: String
}

extension Finding: CustomStringConvertible {
  /// Severity, place, what happened and what to do, in one line.
  public var description: String {
    "\(severity.rawValue): \(layer): \(explanation); \(advice)"
  }
}
