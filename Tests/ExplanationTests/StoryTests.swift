import Ebb
import EbbSystem
import Foundation
import TestSupport
import Testing

/// M20: the story of blame, in order, with the network's numbers; M5: what keeps blame from passing is
/// named.
@Suite struct StoryTests {
  typealias Condition = StoryExplanation.Condition

  // MARK: Reading the story

  /// One sentence of the story's JSON.
  struct Told {
    let words: String
    let template: String
    let numbers: [String: Double]
    let names: [String: String]
    let object: JSONObject

    init(_ value: JSONValue) throws {
      guard case .object(let object) = value, case .string(let words)? = object["words"],
        case .string(let template)? = object["template"],
        case .object(let numbers)? = object["numbers"], case .object(let names)? = object["names"]
      else { throw NotTold() }
      (self.words, self.template, self.object) = (words, template, object)
      self.numbers = Dictionary(
        uniqueKeysWithValues: try numbers.map { ($0.key, try Self.number($0.value)) })
      self.names = Dictionary(
        uniqueKeysWithValues: names.compactMap { member in
          guard case .string(let name) = member.value else { return nil }
          return (member.key, name)
        })
    }

    struct NotTold: Error {}

    static func number(_ value: JSONValue) throws -> Double {
      switch value {
      case .number(let number): number
      case .integer(let number): Double(number)
      default: throw NotTold()
      }
    }

    /// The text, read again by the template: what stands in each gap.
    func gaps() throws -> [(name: String, text: String)] {
      let pieces = template.split(separator: "{", omittingEmptySubsequences: false)
      var pattern = NSRegularExpression.escapedPattern(for: String(pieces[0]))
      var order: [String] = []
      for piece in pieces.dropFirst() {
        let parts = piece.split(separator: "}", maxSplits: 1, omittingEmptySubsequences: false)
        order.append(String(parts[0]))
        pattern += "(.+?)" + NSRegularExpression.escapedPattern(for: String(parts[1]))
      }
      let expression = try NSRegularExpression(pattern: "^\(pattern)$")
      let all = NSRange(words.startIndex..., in: words)
      let match = try #require(expression.firstMatch(in: words, range: all), "\(words)")
      return try order.enumerated().map { index, name in
        (name, String(words[try #require(Range(match.range(at: index + 1), in: words))]))
      }
    }
  }

  /// The steps of a story's JSON, after it went through text.
  private func told(_ story: StoryExplanation) throws -> [Told] {
    let json = try JSONReader.read(JSONWriter.text(story.json))
    guard case .object(let object) = json, case .array(let steps)? = object["steps"] else {
      throw Told.NotTold()
    }
    return try steps.map(Told.init)
  }

  private func step(
    _ speaker: StoryExplanation.Speaker, _ layer: String? = nil, in story: StoryExplanation
  ) throws -> StoryExplanation.Step {
    try #require(
      story.steps.first { $0.speaker == speaker && (layer == nil || $0.layer == layer) },
      "no \(speaker.rawValue) of \(layer ?? "any layer")")
  }

  /// Every number in the text is the JSON's to four digits, and no other digits stand in it.
  private func checkNumbers(_ story: StoryExplanation) throws {
    var count = 0
    let ends = [try Told(.object(ends(story).0)), try Told(.object(ends(story).1))]
    for sentence in try told(story) + ends {
      #expect(!sentence.template.contains { $0.isNumber }, "\(sentence.template)")
      for (name, text) in try sentence.gaps() {
        if let expected = sentence.names[name] {
          #expect(text == expected)
          continue
        }
        count += 1
        let number = try #require(sentence.numbers[name], "\(name) is not in the JSON")
        let read = try #require(Double(text.replacingOccurrences(of: ",", with: "")), "\(text)")
        #expect((read - number).magnitude <= 5.01e-4 * number.magnitude, "\(name): \(text)")
      }
    }
    #expect(count >= 8)
    // Nothing is lost where lines are broken.
    let flat = story.text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    for step in story.steps { #expect(flat.contains(step.words.text)) }
    let isNarrow = story.text.split(separator: "\n").allSatisfy { $0.count <= 80 }
    #expect(isNarrow)
  }

  private func ends(_ story: StoryExplanation) throws -> (JSONObject, JSONObject) {
    guard case .object(let object) = story.json, case .object(let opening)? = object["opening"],
      case .object(let closing)? = object["closing"]
    else { throw Told.NotTold() }
    return (opening, closing)
  }

  /// Each gradient and value in the story is backpropagation's, to the last bit.
  private func checkAgainstBackpropagation(
    _ story: StoryExplanation, _ subject: ExplanationSubject
  ) throws {
    let found = try subject.model.numbers(on: subject.row, subject.precision)
    for (step, told) in zip(story.steps, try told(story)) {
      switch step.speaker {
      case .loss: #expect(told.numbers["loss"] == found.loss)
      case .outputActivation:
        let unfused = try subject.model.numbers(
          on: subject.row, subject.precision, throughPredictions: true)
        let slopes = try #require(unfused["predictions"]).elements
        let values = try #require(found.value("predictions")).elements
        #expect(slopes.contains(try #require(told.numbers["gradient"])))
        #expect(values.contains(try #require(told.numbers["prediction"])))
      case .outputPreactivation:
        let slopes = try #require(found["output.preactivation"]).elements
        #expect(slopes.contains(try #require(told.numbers["gradient"])))
        if let rival = told.numbers["rivalGradient"] { #expect(slopes.contains(rival)) }
      case .outputWeights, .outputBiases, .hiddenWeights, .hiddenBiases:
        guard let text = told.names["element"] else { continue }
        let element = try ElementName(parsing: text)
        let gradients = try #require(found[element.name])
        let place = try element.position(in: gradients.shape)
        let gradient = gradients.elements[place]
        #expect(told.numbers["gradient"] == gradient)
        let isLargest = gradients.elements.allSatisfy { $0.magnitude <= gradient.magnitude }
        #expect(isLargest, "\(text) is asked most")
        let value = try #require(found.value(element.name)).elements[place]
        #expect(told.numbers["value"] == value)
        let rate = try #require(told.numbers["rate"])
        #expect(told.numbers["after"] == value - rate * gradient)
        let silent = gradients.elements.count { $0 == 0 }
        #expect(told.numbers["silent"] == (silent > 0 ? Double(silent) : nil))
      case .hiddenActivation, .hiddenPreactivation:
        guard let text = told.names["neuron"], let layer = step.layer else { continue }
        let isSum = step.speaker == .hiddenPreactivation
        let name = "\(layer).\(isSum ? "preactivation" : "activation")"
        let index = try #require(try ElementName(parsing: text).indices.first)
        #expect(told.numbers["gradient"] == found[name]?[0, index])
        #expect(told.numbers[isSum ? "sum" : "value"] == found.value(name)?[0, index])
        if isSum, let slope = told.numbers["slope"], let arriving = told.numbers["arriving"] {
          #expect(arriving == found["\(layer).activation"]?[0, index])
          let product = slope * arriving
          let gradient = try #require(told.numbers["gradient"])
          let bound = subject.precision == .double ? 1e-12 : 1e-5
          #expect((product - gradient).magnitude <= bound * max(gradient.magnitude, 1e-3))
        }
      case .input:
        guard let gradient = told.numbers["gradient"] else { continue }
        #expect(try #require(found["features"]).elements.contains(gradient))
      }
    }
  }

  // MARK: M20

  @Test("M20 one hidden layer: the ten steps, in order, numbered one to ten")
  func tenSteps() throws {
    let subject = try Subjects.network(
      [(6, .tanh)], outputs: 3, loss: .softmaxCrossEntropy
    ).subject()
    let story = try StoryExplanation(subject)
    #expect(story.steps.map(\.speaker) == StoryExplanation.Speaker.allCases)
    #expect(story.steps.map(\.label) == (1...10).map(String.init))
    let places = try story.steps.map { step in
      try #require(story.text.range(of: "\(step.label). \(step.title):")).lowerBound
    }
    #expect(places == places.sorted())
    let expected = [
      "I am the loss", "I only apply softmax", "only as good as the layer and the weights below",
      "Please update our values", "Please update our values", "I only apply tanh",
      "only as good as the layer and the weights below", "Please update our values",
      "Please update our values", "I cannot be blamed",
    ]
    for (step, words) in zip(story.steps, expected) {
      #expect(step.words.text.contains(words), "\(step.label): \(step.words.text)")
    }
  }

  @Test(
    "M20 every number of the story parses back to the JSON's, and is backpropagation's",
    arguments: Subjects.Kind.allCases, [ExplanationSubject.Precision.single, .double])
  func numbers(_ kind: Subjects.Kind, _ precision: ExplanationSubject.Precision) throws {
    let subject = try Subjects.of(kind).subject(row: 2, precision)
    let story = try StoryExplanation(subject)
    try checkNumbers(story)
    try checkAgainstBackpropagation(story, subject)
    let layers = subject.model.network.names.count
    #expect(story.steps.count == 10 + 4 * (layers - 2))
    #expect(story.steps[5].label == "6a" && story.steps[9].label == "6b")
  }

  @Test(
    "M20 every loss has its story",
    arguments: [
      Loss.softmaxCrossEntropy, .smoothedCrossEntropy(smoothing: 0.1), .squaredError,
      .absoluteError, .huber(delta: 0.5), .binaryCrossEntropy,
    ], [1, 3])
  func losses(_ loss: Loss, _ outputs: Int) throws {
    let subject = try Subjects.three(
      .sigmoid, loss: loss, outputs: loss.targetType == .index ? 3 : outputs
    ).subject(row: 3)
    let story = try StoryExplanation(subject)
    try checkNumbers(story)
    try checkAgainstBackpropagation(story, subject)
  }

  @Test("M20 without a hidden layer the steps from six to nine fall away; dropout is passed over")
  func otherNetworks() throws {
    let linear = try Subjects.network([], outputs: 3, loss: .softmaxCrossEntropy).subject()
    let short = try StoryExplanation(linear)
    #expect(short.steps.map(\.label) == ["1", "2", "3", "4", "5", "10"])
    try checkNumbers(short)
    try checkAgainstBackpropagation(short, linear)
    let mixed = try Subjects.network(
      Network {
        Dense(6, hasBias: false)
        ActivationLayer(.tanh)
        Dropout(0.5)
        Dense(2)
      }, outputs: 2, loss: .squaredError
    ).subject()
    let story = try StoryExplanation(mixed)
    try checkNumbers(story)
    #expect(try step(.hiddenBiases, in: story).conditions == [.absent])
    let activation = try step(.hiddenActivation, in: story)
    #expect(activation.words.text.contains("I only apply tanh"))
    #expect(activation.words.text.contains("dropout, which lets everything through"))
  }

  @Test("M20 where training stands, its optimizer and its rate are in the words")
  func moment() throws {
    let moment = ExplanationSubject.Moment(
      optimizer: .adam(), slots: [:], steps: 1250, learningRate: 0.003, options: TrainingOptions())
    let subject = try Subjects.of(.digits).subject(moment: moment)
    let story = try StoryExplanation(subject)
    try checkNumbers(story)
    try checkAgainstBackpropagation(story, subject)
    #expect(story.closing.text.contains("adam is asked next, at a learning rate of 0.003"))
    #expect(story.closing.text.contains("after 1,250 steps"))
    #expect(try told(story)[3].numbers["rate"] == 0.003)
  }

  // MARK: What changes the words

  /// A network, healthy, and the same with a fault.
  private func story(_ model: Model, like subject: ExplanationSubject) throws -> StoryExplanation {
    try StoryExplanation(
      try ExplanationSubject(
        model: model, row: subject.row, name: subject.name, batch: subject.batch,
        precision: .double))
  }

  /// Biases that put every sum of a layer at about this number.
  private func shifted(_ subject: ExplanationSubject, _ layer: String, to value: Float) throws
    -> Model
  {
    let bias = try #require(subject.model["\(layer).bias"])
    return try subject.model.replacing("\(layer).bias", bias.map { _ in value })
  }

  @Test("M20 a dead layer changes the words, its own and those of all below")
  func deadLayer() throws {
    let subject = try Subjects.three(.relu).subject()
    let healthy = try StoryExplanation(subject)
    #expect(!healthy.text.contains("I was off") && !healthy.text.contains("No blame"))
    let story = try story(shifted(subject, "hidden2", to: -1e4), like: subject)
    try checkNumbers(story)
    let dead = try step(.hiddenActivation, "hidden2", in: story)
    #expect(dead.conditions == [.dead])
    #expect(dead.words.text.contains("I was off for this row: nothing passes through me"))
    #expect(try step(.hiddenPreactivation, "hidden2", in: story).conditions == [.dead])
    #expect(try step(.hiddenWeights, "hidden2", in: story).conditions == [.unreached])
    #expect(try step(.hiddenActivation, "hidden1", in: story).conditions == [.unreached])
    #expect(try step(.hiddenPreactivation, "hidden1", in: story).conditions == [.unreached])
    let words = try step(.hiddenWeights, "hidden1", in: story).words.text
    #expect(words.contains("No blame reaches us on this row"), "\(words)")
    // The layer above hears zeros from it.
    #expect(try step(.hiddenWeights, "hidden3", in: story).conditions == [.zeroInput])
    #expect(story.text.contains("hidden2[0]"), "the batch's diagnosis names it")
  }

  @Test("M20 a saturated layer changes the words", arguments: [Activation.sigmoid, .tanh])
  func saturated(_ activation: Activation) throws {
    let subject = try Subjects.three(activation).subject()
    let story = try story(shifted(subject, "hidden3", to: 12), like: subject)
    try checkNumbers(story)
    let stuck = try step(.hiddenActivation, "hidden3", in: story)
    #expect(stuck.conditions == [.saturated])
    #expect(stuck.words.text.contains("at a flat end"), "\(stuck.words.text)")
    #expect(try !StoryExplanation(subject).text.contains("at a flat end"))
  }

  @Test("M20 M5 an input of zeros: the weights of the first layer hear nothing, its biases do")
  func zeroInput() throws {
    let subject = try Subjects.three(.tanh).subject()
    let data = try Dataset(features: [[Float](repeating: 0, count: 8)], labels: [1], classCount: 3)
    let story = try StoryExplanation(
      ExplanationSubject(
        model: subject.model, row: Batch(data, rows: [0]), name: "row 1", precision: .double))
    try checkNumbers(story)
    #expect(try step(.hiddenWeights, "hidden1", in: story).conditions == [.zeroInput])
    #expect(try step(.hiddenBiases, "hidden1", in: story).words.text.contains("Please update"))
    #expect(try step(.input, in: story).conditions == [.zeroInput])
  }

  @Test("M20 a right answer, a wrong one, and a loss near zero sound different")
  func answers() throws {
    let subject = try Subjects.three(.tanh).subject()
    func story(biases: NDArray<Float>) throws -> StoryExplanation {
      try self.story(subject.model.replacing("output.bias", biases), like: subject)
    }
    // Row 0 has class 1.
    let (right, wrong) = (try story(biases: [0, 4, 0]), try story(biases: [4, 0, 0]))
    let quiet = try story(biases: [0, 40, 0])
    #expect(try step(.loss, in: right).conditions == [.right])
    #expect(try step(.loss, in: right).words.text.contains("and that is right"))
    #expect(try step(.loss, in: wrong).conditions == [.wrong])
    #expect(try step(.loss, in: wrong).words.text.contains("That is wrong"))
    #expect(try step(.loss, in: quiet).conditions == [.right, .quiet])
    #expect(try step(.loss, in: quiet).words.text.contains("next to nothing"))
    for story in [right, wrong, quiet] { try checkNumbers(story) }
  }

  // MARK: M5

  @Test("M5 the story ends with what the batch says: each planted fault with its cause")
  func diagnosis() throws {
    let relu = try Subjects.three(.relu).subject()
    let tanh = try Subjects.three(.tanh).subject()
    let many = try Dataset(
      features: uniform(40 * 8, seed: 21).map { Float($0) }, featureCount: 8,
      targets: .classes((0..<40).map { Int32($0 % 3) }, count: 3))
    func causes(_ model: Model) throws -> (Set<Finding.Cause>, StoryExplanation) {
      let story = try StoryExplanation(
        ExplanationSubject(
          model: model, row: Batch(many, rows: [0]), name: "row 1",
          batch: Batch(many, rows: Array(0..<40)), batchName: "40 rows", precision: .double))
      return (Set(try #require(story.diagnosis).faults.map(\.cause)), story)
    }
    let (none, healthy) = try causes(tanh.model)
    #expect(none.isEmpty)
    let words = healthy.text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    #expect(words.contains("nothing was found that keeps weights from learning"))
    let weight = try #require(tanh.model["hidden2.weight"])
    let planted: [(Finding.Cause, Model)] = [
      (.deadUnit, try shifted(relu, "hidden2", to: -1e4)),
      (.saturatedUnit, try shifted(tanh, "hidden1", to: 30)),
      (.tinyWeights, try tanh.model.replacing("hidden2.weight", weight.map { $0 * 1e-7 })),
    ]
    for (cause, model) in planted {
      let (found, story) = try causes(model)
      #expect(found.contains(cause), "\(cause): \(found)")
      let finding = try #require(story.diagnosis?.faults.first { $0.cause == cause })
      let flat = story.text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
      #expect(flat.contains(finding.explanation))
      #expect(JSONWriter.text(story.json).contains("\"cause\":\"\(cause.rawValue)\""))
    }
  }
}
