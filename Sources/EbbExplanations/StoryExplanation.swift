internal import EbbGraph
package import EbbSystem

/// Backpropagation in plain words, as a chain of excuses: each part of the network hands the blame for
/// a row's loss on to what it depends on, until it reaches numbers that can change (M20).
///
///     print(try StoryExplanation(subject))
///
/// There are ten steps: 1 the loss; 2 the output's activation ("I only apply softmax"), 3 its
/// pre-activation ("I am only as good as the layer and the weights below me"), 4 its weights and 5 its
/// biases ("please update our values"); 6 the hidden layer's activation, 7 its pre-activation, 8 its
/// weights and 9 its biases; 10 the input, which cannot be blamed. With several hidden layers steps 6
/// to 9 are told for each, from the output down: 6a to 9a are the layer next to the output, 6b to 9b the
/// one below it. Without a hidden layer they fall away.
public struct StoryExplanation: Sendable {
  /// Who speaks.
  public enum Speaker: String, CaseIterable, Sendable {
    case loss, outputActivation, outputPreactivation, outputWeights, outputBiases
    case hiddenActivation, hiddenPreactivation, hiddenWeights, hiddenBiases
    case input

    /// The step's number among the ten.
    public var step: Int { (Self.allCases.firstIndex(of: self) ?? 0) + 1 }
  }

  /// What keeps blame from passing, or quietens it.
  public enum Condition: String, CaseIterable, Sendable {
    /// The network's answer is the right one.
    case right
    /// The network's answer is another one.
    case wrong
    /// Next to nothing is asked of any output.
    case quiet
    /// Every neuron was off: its slope is 0 on this row.
    case dead
    /// Every neuron was at a flat end of its activation.
    case saturated
    /// Nothing arrives from above.
    case unreached
    /// Everything that the layer is given is 0.
    case zeroInput
    /// There is nobody to speak: a layer without biases.
    case absent
  }

  /// One step of blame.
  public struct Step: Sendable {
    /// Who speaks.
    public let speaker: Speaker
    /// The step's number among the ten, with a letter where it is told for several layers: `6b`.
    public let label: String
    /// The layer's name; nil for the loss and the input.
    public let layer: String?
    /// Who speaks, in words: `the activation of hidden1`.
    public let title: String
    /// What is said.
    public let words: StorySentence
    /// What changed the words.
    public let conditions: [Condition]
  }

  /// What the story is about.
  public let opening: StorySentence
  /// The steps in order.
  public let steps: [Step]
  /// Who is asked most.
  public let closing: StorySentence
  /// What the batch says about the network (M5); nil without a batch, or if the network holds layers
  /// that are not understood neuron by neuron.
  public let diagnosis: Diagnosis?
  /// What the batch is called.
  public let batchName: String

  /// Where the words change.
  public enum Limits {
    /// Below this no output is asked for anything worth mentioning: a chance of more than 0.999, or
    /// a prediction less than a thousandth of a unit away.
    public static let quiet = 1e-3
    /// The step that is tried on the weights asked most, where no learning rate is known.
    public static let smallStep = 0.01
  }

  /// The story of a row.
  ///
  /// - Parameter learningRate: that of training, for the step that is tried on the weights asked most;
  ///   nil: the subject's, or a small one.
  /// - Throws: `ExplanationError` if the network has no layer with parameters.
  public init(_ subject: ExplanationSubject, learningRate: Double? = nil) throws {
    let teller = try StoryTeller(subject, learningRate: learningRate)
    steps = teller.steps
    closing = teller.closing
    batchName = subject.batchName
    do {
      diagnosis = try subject.batch.map { try subject.model.diagnosis(on: $0) }
    } catch let error as ExplanationError where error.kind == .unsupportedLayer {
      diagnosis = nil
    }
    opening =
      diagnosis.map { teller.opening.adding(Self.verdict(of: $0, on: subject.batchName)) }
      ?? teller.opening
  }

  /// The diagnosis in one sentence, for those who do not read to the end.
  private static func verdict(of diagnosis: Diagnosis, on batch: String) -> StorySentence {
    let (faults, findings) = (diagnosis.faults.count, diagnosis.findings.count)
    if findings == 0 {
      return
        "On \("batch", name: batch), nothing was found that keeps weights from learning."
    }
    if faults == 0 {
      return
        """
        On \("batch", name: batch), nothing was found that keeps weights from learning, but the end \
        has \("findings", count: findings) \(word: findings == 1 ? "remark" : "remarks").
        """
    }
    return
      """
      On \("batch", name: batch), \("faults", count: faults) \
      \(word: faults == 1 ? "fault keeps" : "faults keep") weights from learning: see the end.
      """
  }
}

extension StoryExplanation: ExplanationPart, CustomStringConvertible {
  /// `story`.
  package static var key: String { "story" }

  /// The story, wrapped at 80 columns.
  package var text: String {
    var lines = opening.text.wrapped() + [""]
    for step in steps {
      let head = step.label.paddedLeft(to: 2) + ". "
      lines += "\(step.title):".wrapped(first: head)
      lines += "\"\(step.words.text)\"".wrapped(first: String(repeating: " ", count: head.count))
      lines.append("")
    }
    lines += closing.text.wrapped()
    if let diagnosis { lines += [""] + Self.lines(on: diagnosis, of: batchName) }
    return lines.joined(separator: "\n") + "\n"
  }

  /// ``text``.
  public var description: String { text }

  /// What the batch says, finding by finding.
  private static func lines(on diagnosis: Diagnosis, of batch: String) -> [String] {
    let faults = diagnosis.faults.count
    let head =
      "This was one row. On \(batch), "
      + (faults == 0
        ? "nothing was found that keeps weights from learning"
        : "\(NumberFormat.counted(faults, "fault")) \(faults == 1 ? "keeps" : "keep") weights from"
          + " learning")
      + (diagnosis.findings.isEmpty ? "." : ":")
    return head.wrapped()
      + diagnosis.findings.flatMap { finding in
        "\(finding.layer) (\(finding.severity.rawValue)): \(finding.explanation); \(finding.advice)."
          .wrapped(first: "  - ")
      }
  }

  /// Each step with its words, numbers and names.
  package var json: JSONValue {
    let told = steps.map { step -> JSONValue in
      var object: JSONObject = [
        "step": JSONValue(step.speaker.step), "label": JSONValue(step.label),
        "speaker": JSONValue(step.speaker.rawValue),
        "layer": step.layer.map { JSONValue($0) } ?? .null, "title": JSONValue(step.title),
        "conditions": JSONValue(step.conditions.map(\.rawValue)),
      ]
      for member in step.words.json { object[member.key] = member.value }
      return .object(object)
    }
    return [
      "opening": .object(opening.json), "steps": JSONValue(told), "closing": .object(closing.json),
      "batch": JSONValue(batchName), "diagnosis": diagnosis?.json ?? .null,
    ]
  }
}
