internal import EbbData
internal import EbbGradients
internal import EbbGraph
internal import EbbNetworks
internal import EbbSystem
internal import EbbTraining

/// What hidden layers and parameters say.
extension StoryTeller {
  /// A hidden layer's activation.
  func activation(_ k: Int) -> Words {
    let layer = layers[k]
    var words: StorySentence =
      layer.functions.isEmpty
      ? "I only hand on my pre-activation as it is."
      : """
      I only apply \("function", name: layer.functionWords) to my pre-activation, neuron by \
      neuron.
      """
    if !layer.others.isEmpty {
      let isDropout = layer.others.allSatisfy { $0 == Dropout.kind }
      let what = isDropout ? "lets everything through when nobody trains" : "does its part too"
      words +=
        """
        After me comes \("others", name: layer.others.joined(separator: ", then ")), which \
        \(word: what).
        """
    }
    guard let own = StoryNumbers(layer.outputName, in: numbers) else { return (words, []) }
    let slopes = slopes[k]
    let units = own.values.count
    if let condition = condition(k) {
      return (words.adding(flatWords(k, condition, units: units)), [condition])
    }
    let flat = slopes.count { $0.magnitude < Diagnosis.Limits.flatSlope }
    if flat > 0 {
      words +=
        """
        Of my \("units", count: units) neurons \("flat", count: flat) \
        \(word: layer.isBounded ? "were at a flat end" : "were off") for this row, and \
        \(word: slopes.contains { $0 != 0 && $0.magnitude < Diagnosis.Limits.flatSlope } ? "next to no" : "no") \
        blame passes through \(word: flat == 1 ? "it" : "them").
        """
    }
    // Who is off may have a large gradient too, but hands nothing on and cannot go lower.
    let passing = own.mostBlamed {
      slopes.isEmpty || slopes[$0].magnitude >= Diagnosis.Limits.flatSlope
    }
    if let most = passing ?? own.mostBlamed {
      words +=
        """
        Blamed most\(word: flat > 0 && passing != nil ? " of the others" : "") is \
        \("neuron", name: own.element(most, ofValue: layer.name)): it gave \
        \("value", own.values[most]) and its gradient is \("gradient", own.gradients[most]): \
        \(word: Self.wish(own.gradients[most])).
        """
      words += "Ask my pre-activation."
      return (words, [])
    }
    words += "Nothing reaches me from above, so I have nothing to hand on."
    return (words, [.unreached])
  }

  /// Whether the layer as a whole lets nothing through on this row, or next to nothing.
  private func condition(_ k: Int) -> Condition? {
    let slopes = slopes[k]
    if layers[k].functions.isEmpty || slopes.isEmpty { return nil }
    let steepest = slopes.map(\.magnitude).max() ?? 0
    guard steepest < Diagnosis.Limits.flatSlope else { return nil }
    return layers[k].isBounded ? .saturated : .dead
  }

  private func flatWords(_ k: Int, _ condition: Condition, units: Int) -> StorySentence {
    let steepest = slopes[k].map(\.magnitude).max() ?? 0
    if condition == .dead && steepest == 0 {
      return
        """
        I was off for this row: nothing passes through me. All \("units", count: units) of my \
        neurons stood where \("flatFunction", name: layers[k].functionWords) is flat, so \
        whatever arrives from above ends here.
        """
    }
    return
      """
      I was at a flat end for this row: nearly nothing passes through me. Of what arrives at my \
      \("units", count: units) neurons, at most the share \("steepest", steepest) goes on.
      """
  }

  /// A hidden layer's sums.
  func sums(_ k: Int) -> Words {
    let layer = layers[k]
    guard let name = layer.sumsName, let own = StoryNumbers(name, in: numbers) else {
      return (unnamedSums(layer), [.absent])
    }
    var words: StorySentence =
      "I am only as good as the layer and the weights below me: I add up what they give me."
    let arriving = numbers[layer.outputName]?.elements ?? []
    guard let most = own.mostBlamed else {
      let isReached = arriving.contains { $0 != 0 }
      let highest = own.values.max() ?? 0
      words +=
        isReached
        ? """
        My highest sum is \("highest", highest), and at every one of them \
        \("function", name: layer.functionWords) is flat. No blame gets down to me, so I pass \
        none on.
        """
        : "No blame gets down to me, so I pass none on."
      return (words, [isReached ? .dead : .unreached])
    }
    if layer.functions.isEmpty {
      words +=
        """
        Blamed most is \("neuron", name: own.element(most, ofValue: layer.name)): its sum is \
        \("sum", own.values[most]) and its gradient is \("gradient", own.gradients[most]): \
        \(word: Self.wish(own.gradients[most])).
        """
      return (words, [])
    }
    words +=
      """
      Blamed most is \("neuron", name: own.element(most, ofValue: layer.name)), whose sum is \
      \("sum", own.values[most]). There the slope of \("function", name: layer.functionWords) is \
      \("slope", slopes[k][most]), so of the gradient \("arriving", arriving[most]) above me \
      \("gradient", own.gradients[most]) is left: \(word: Self.wish(own.gradients[most])).
      """
    return (words, condition(k) == .saturated ? [.saturated] : [])
  }

  /// A layer's weights or biases.
  func parameters(_ k: Int, _ role: ParameterRole) -> Words {
    let layer = layers[k]
    let own = subject.model.parameters
      .filter { $0.role == role && $0.name.hasPrefix(layer.name + ".") }
      .compactMap { StoryNumbers($0.name, in: numbers) }
    let what = role == .weight ? "weights" : "biases"
    let count = own.reduce(0) { $0 + $1.values.count }
    guard count > 0 else {
      return ("This layer has no \(word: what), so nobody answers here.", [.absent])
    }
    var words: StorySentence =
      count == 1
      ? "I am the only \(word: role == .weight ? "weight" : "bias") here."
      : "We are \("count", count: count) \(word: what)."
    let best = own.max { $0.largest < $1.largest }
    guard let best, let most = best.mostBlamed else {
      return silence(k, role, words, count)
    }
    let (value, gradient) = (best.values[most], best.gradients[most])
    let wish = gradient > 0 ? "fall" : "rise"
    words += count == 1 ? "Please update my value." : "Please update our values."
    if count == 1 {
      words +=
        """
        I am \("element", name: best.element(most)) and stand at \("value", value); my gradient \
        is \("gradient", gradient), so I should \(word: wish).
        """
    } else {
      words += "Asked most is \("element", name: best.element(most))"
      if let ends = ends(best, most, k) { words = words.joined(ends) }
      words = words.joined(
        """
        : it stands at \("value", value) and its gradient is \("gradient", gradient), so it \
        should \(word: wish).
        """
      )
    }
    words +=
      """
      A step of \("rate", rate) times the gradient, against it, would make it \
      \("after", value - rate * gradient).
      """
    let silent = own.reduce(0) { $0 + $1.silent }
    if silent > 0 {
      let why = role == .weight ? "what we multiply is zero, or whom we feed" : "whom we feed"
      words +=
        """
        This row asks nothing of \("silent", count: silent) of us, because \(word: why) hears no \
        blame.
        """
    }
    return (words, [])
  }

  /// From where to where a weight leads.
  private func ends(_ parameter: StoryNumbers, _ place: Int, _ k: Int) -> StorySentence? {
    guard layers[k].isDense, parameter.shape.rank == 2 else { return nil }
    let width = parameter.shape[1]
    let (unit, input) = (place / width, place % width)
    let isFeature = layers[k].inputName == NetworkTrace.Port.features
    let from =
      isFeature
      ? subject.row.dataset.featureNames[input]
      : "\(k > 0 ? layers[k - 1].name : layers[k].inputName)[\(input)]"
    let to =
      k == layers.count - 1 ? answer.name(unit) : "\(layers[k].name)[\(unit)]"
    return ", which leads from \("from", name: from) to \("to", name: to)"
  }

  /// Parameters whose gradients are all 0.
  private func silence(
    _ k: Int, _ role: ParameterRole, _ start: StorySentence, _ count: Int
  ) -> Words {
    let layer = layers[k]
    let reached =
      numbers[layer.sumsName ?? layer.outputName]?.elements.contains { $0 != 0 } ?? false
    let given = numbers.value(layer.inputName)?.elements ?? []
    let who = count == 1 ? "I" : "we"
    let whom = count == 1 ? "me" : "us"
    if role == .weight && reached && given.allSatisfy({ $0 == 0 }) {
      return (
        start.adding(
          """
          Everything that \(word: who) multiply is zero for this row, so \
          \(word: whom == "me" ? "my gradient is" : "all our gradients are") zero and \
          \(word: who) stay as \(word: who) are; only the biases hear the blame.
          """
        ), [.zeroInput]
      )
    }
    return (
      start.adding(
        """
        No blame reaches \(word: whom) on this row, so \(word: who) stay as \(word: who) are: \
        \(word: count == 1 ? "my gradient is" : "all our gradients are") zero.
        """
      ), [.unreached]
    )
  }
}
