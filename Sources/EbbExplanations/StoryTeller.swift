internal import EbbData
internal import EbbGradients
internal import EbbGraph
internal import EbbNetworks
internal import EbbSystem
internal import EbbTraining

/// Finds the words of a ``StoryExplanation``.
struct StoryTeller {
  typealias Step = StoryExplanation.Step
  typealias Condition = StoryExplanation.Condition

  let subject: ExplanationSubject
  let answer: StoryAnswer
  let layers: [StoryLayer]
  /// By layer: the slope at each neuron.
  let slopes: [[Double]]
  /// By what gradients are multiplied for the step that is tried.
  let rate: Double

  init(_ subject: ExplanationSubject, learningRate: Double? = nil) throws {
    self.subject = subject
    rate =
      subject.moment?.learningRate ?? learningRate ?? StoryExplanation.Limits.smallStep
    answer = StoryAnswer(subject)
    layers = StoryLayer.layers(of: subject.model.network)
    guard !layers.isEmpty else {
      throw ExplanationError(
        .unsupportedLayer, "the network has no weights and no biases, so there is nobody to blame")
    }
    slopes = try layers.map { try $0.slopes(subject.numbers) }
  }

  var numbers: NetworkGradients<Double> { subject.numbers }
  var output: StoryLayer { layers[layers.count - 1] }

  // MARK: The whole

  var opening: StorySentence {
    let hidden = layers.count - 1
    var words: StorySentence =
      """
      The story of blame for \("row", name: subject.name). Who is to blame for its loss? \
      Everybody hands the blame on to what they depend on, until it reaches numbers that can \
      change. A gradient says how fast the loss rises when a number is raised: where it is above \
      zero, the number should fall, and where it is below zero, rise.
      """
    if hidden == 0 {
      words += "There is no hidden layer, so the steps from six to nine fall away."
    } else if hidden > 1 {
      words +=
        """
        There are \("hiddenLayers", count: hidden) hidden layers: the steps from six to nine are \
        told for each, from the output down.
        """
    }
    return words
  }

  var steps: [Step] {
    var steps = [
      step(.loss, nil, "the loss", lossWords),
      step(.outputActivation, output.name, "the output", outputWords),
      step(
        .outputPreactivation, output.name, "the sums of \(output.name), its pre-activation",
        outputSumsWords),
    ]
    let top = layers.count - 1
    steps.append(
      step(.outputWeights, output.name, "the weights of \(output.name)", parameters(top, .weight)))
    steps.append(
      step(.outputBiases, output.name, "the biases of \(output.name)", parameters(top, .bias)))
    for k in layers.indices.dropLast().reversed() {
      let name = layers[k].name
      let letter = top > 1 ? Self.letters(top - 1 - k) : ""
      steps.append(
        step(.hiddenActivation, name, "the activation of \(name)", activation(k), letter))
      steps.append(
        step(.hiddenPreactivation, name, "the sums of \(name), its pre-activation", sums(k), letter)
      )
      steps.append(
        step(.hiddenWeights, name, "the weights of \(name)", parameters(k, .weight), letter))
      steps.append(step(.hiddenBiases, name, "the biases of \(name)", parameters(k, .bias), letter))
    }
    return steps + [step(.input, nil, "the input", inputWords)]
  }

  typealias Words = (words: StorySentence, conditions: [Condition])

  private func step(
    _ speaker: StoryExplanation.Speaker, _ layer: String?, _ title: String, _ said: Words,
    _ letter: String = ""
  ) -> Step {
    Step(
      speaker: speaker, label: "\(speaker.step)\(letter)", layer: layer, title: title,
      words: said.words, conditions: said.conditions)
  }

  /// a, b, …, z, aa, ab, ….
  static func letters(_ index: Int) -> String {
    let letter = String(UnicodeScalar(UInt8(ascii: "a") + UInt8(index % 26)))
    return index < 26 ? letter : letters(index / 26 - 1) + letter
  }

  /// The weights and biases whose gradients are largest.
  var closing: StorySentence {
    let all = numbers.parameterNames.compactMap { StoryNumbers($0, in: numbers) }
    let count = all.reduce(0) { $0 + $1.values.count }
    // The three largest are all that is told; of equal ones the first.
    var ranked: [(name: String, gradient: Double)] = []
    for parameter in all {
      for (index, gradient) in parameter.gradients.enumerated() where gradient != 0 {
        let place = ranked.firstIndex { gradient.magnitude > $0.gradient.magnitude }
        guard place != nil || ranked.count < 3 else { continue }
        ranked.insert((parameter.element(index), gradient), at: place ?? ranked.count)
        if ranked.count > 3 { ranked.removeLast() }
      }
    }
    guard let first = ranked.first else {
      return
        """
        So the blame ends here: none of the \("parameters", count: count) weights and biases is \
        asked to change by this row.
        """
    }
    var words: StorySentence =
      """
      So the blame ends where numbers can change, at \("parameters", count: count) weights and \
      biases. Asked most of all is \("first", name: first.name), whose gradient is \
      \("firstGradient", first.gradient)
      """
    if ranked.count > 1 {
      let second = ranked[1]
      words = words.joined(
        ", then \("second", name: second.name) with \("secondGradient", second.gradient)")
    }
    if ranked.count > 2 {
      let third = ranked[2]
      words = words.joined(
        " and \("third", name: third.name) with \("thirdGradient", third.gradient)")
    }
    words = words.joined(".")
    guard let moment = subject.moment else { return words }
    words +=
      """
      Training joins the gradients of a batch's rows before it takes a step: here \
      \("optimizer", name: type(of: moment.optimizer).kind) is asked next, at a learning rate of \
      \("learningRate", moment.learningRate), after \
      \("steps", name: NumberFormat.counted(Int(clamping: moment.steps), "step")).
      """
    return words
  }

  // MARK: From the loss to the output's sums

  private var isQuiet: Bool {
    let asked = numbers[output.sumsName ?? output.outputName]?.elements ?? []
    return asked.allSatisfy { $0.magnitude < StoryExplanation.Limits.quiet }
  }

  private var lossWords: Words {
    var words: StorySentence = "I am the loss, \("loss", numbers.loss) for this row."
    words += answer.sentence
    var conditions: [Condition] = answer.isRight.map { [$0 ? .right : .wrong] } ?? []
    if isQuiet {
      conditions.append(.quiet)
      words +=
        """
        That is next to nothing to complain of: all gradients of this row are small, and what \
        follows is said in a whisper.
        """
    } else if answer.isRight == true {
      words +=
        "I fall as it grows surer. Output, why were you not surer?"
    } else if answer.isRight == false {
      words += "Output, why did you say that?"
    } else {
      words += "Output, why were you not closer?"
    }
    return (words, conditions)
  }

  private var outputWords: Words {
    let function = subject.model.loss.outputFunction
    let names =
      output.functions.map(\.spelling) + (function == .identity ? [] : [function.rawValue])
    let focus = answer.focus
    var words: StorySentence
    if names.isEmpty {
      words = "I only hand on my pre-activation as it is."
    } else {
      words =
        "I only apply \("function", name: names.joined(separator: ", then ")) to my pre-activation."
    }
    if function == .softmax { words += "That turns sums into chances that add up to one." }
    if function == .sigmoid { words += "That turns a sum into a chance." }
    let slope = subject.unfused[NetworkTrace.Port.predictions]?.elements[focus] ?? .infinity
    words +=
      """
      What I give for \("output", name: answer.name(focus)) is \
      \("prediction", answer.predictions[focus])
      """
    if slope.isFinite {
      words = words.joined(", and its gradient is \("gradient", slope): \(word: Self.wish(slope)).")
    } else {
      words = words.joined(", so close to zero that its gradient is beyond all numbers.")
    }
    words +=
      "Do not blame me, I have no numbers of my own that could change: ask my pre-activation."
    return (words, [])
  }

  private var outputSumsWords: Words {
    guard let name = output.sumsName, let own = StoryNumbers(name, in: numbers) else {
      return (unnamedSums(output), [.absent])
    }
    let focus = answer.focus
    var words: StorySentence =
      "I am only as good as the layer and the weights below me: I add up what they give me."
    words +=
      """
      My sum for \("output", name: answer.name(focus)) is \("sum", own.values[focus]) and its \
      gradient is \("gradient", own.gradients[focus]): \(word: Self.wish(own.gradients[focus])).
      """
    if let rival = answer.rival {
      words +=
        """
        For \("rival", name: answer.name(rival)) the sum is \("rivalSum", own.values[rival]) and \
        the gradient \("rivalGradient", own.gradients[rival]): \
        \(word: Self.wish(own.gradients[rival])).
        """
    }
    let isDead = own.gradients.allSatisfy { $0 == 0 }
    return (words, isDead ? [.unreached] : [])
  }

  static func wish(_ gradient: Double) -> String {
    gradient == 0
      ? "it may stay as it is" : gradient > 0 ? "it should be lower" : "it should be higher"
  }

  func unnamedSums(_ layer: StoryLayer) -> StorySentence {
    """
    I am a layer of the kind \("kind", name: layer.kind), which shows no sums of its own: what I \
    do happens all at once, and I am only as good as what I am given.
    """
  }

  // MARK: The input

  private var inputWords: Words {
    guard let features = StoryNumbers(NetworkTrace.Port.features, in: numbers) else {
      return ("I am the data. I cannot be blamed.", [])
    }
    let zeros = features.values.count { $0 == 0 }
    var words: StorySentence =
      """
      I am the data, \("features", count: features.values.count) numbers as they were measured \
      and scaled. I cannot be blamed, and nobody may change me.
      """
    var conditions: [Condition] = []
    if zeros == features.values.count {
      words +=
        "All of me is zero for this row, so the weights that multiply me learn nothing from it."
      conditions.append(.zeroInput)
    } else if zeros > 0 {
      words +=
        """
        Of these numbers \("zeros", count: zeros) are zero, and the weights that multiply them \
        learn nothing from this row.
        """
    }
    if let most = features.mostBlamed {
      words +=
        """
        If I could move, \("feature", name: subject.row.dataset.featureNames[most]) would matter \
        most: it is \("value", features.values[most]), and its gradient is \
        \("gradient", features.gradients[most]).
        """
    } else {
      words += "No blame came down to me."
      conditions.append(.unreached)
    }
    return (words, conditions)
  }
}
