internal import EbbData
internal import EbbGradients
internal import EbbGraph
internal import EbbNetworks
internal import EbbSystem
internal import EbbTraining

/// What the network says about a row, what is right, and which output the story follows.
struct StoryAnswer {
  /// ŷ.
  let predictions: [Double]
  /// y, one for each output.
  let targets: [Double]
  /// The output that the story follows: the right class, otherwise the one furthest from its target.
  let focus: Int
  /// For one of several classes: the most likely of the others.
  let rival: Int?
  /// Whether the right class is the most likely one; nil where numbers are predicted.
  let isRight: Bool?

  private let loss: Loss
  private let schema: Schema?
  private let classNames: [String]

  init(_ subject: ExplanationSubject) {
    let predictions = subject.numbers.value(NetworkTrace.Port.predictions)?.elements ?? []
    let row = Int(subject.row.rows.first ?? 0)
    loss = subject.model.loss
    schema = subject.model.schema
    var (label, classes) = (Int?.none, 0)
    switch subject.row.dataset.targets {
    case .none: targets = predictions
    case .classes(let labels, let count):
      (label, classes) = (Int(labels[row]), count)
      targets =
        loss.targetType == .index
        ? predictions.indices.map { $0 == Int(labels[row]) ? 1 : 0 }
        : predictions.map { _ in Double(labels[row]) }
    case .values(let values, let outputs):
      targets = (0..<outputs).map { Double(values[row * outputs + $0]) }
    }
    let names = subject.model.schema?.classes ?? []
    classNames = names.isEmpty ? (0..<classes).map { "class \($0)" } : names
    self.predictions = predictions
    guard loss.targetType == .index, let label else {
      let distances = zip(predictions, targets).map { ($0 - $1).magnitude }
      let worst = distances.indices.max { distances[$0] < distances[$1] } ?? 0
      (focus, rival) = (worst, nil)
      let isBinary = loss == .binaryCrossEntropy
      isRight = isBinary ? zip(predictions, targets).allSatisfy { ($0 >= 0.5) == ($1 >= 0.5) } : nil
      return
    }
    focus = label
    let others = predictions.indices.filter { $0 != label }
    rival = others.max { predictions[$0] < predictions[$1] }
    isRight = rival.map { predictions[label] >= predictions[$0] } ?? true
  }

  /// What an output is called: a class, or the column that is predicted.
  func name(_ output: Int) -> String {
    if loss.targetType == .index {
      return output < classNames.count ? classNames[output] : "class \(output)"
    }
    if loss == .binaryCrossEntropy && predictions.count == 1 && classNames.count == 2 {
      return classNames[1]
    }
    return predictions.count == 1 ? schema?.target.name ?? "the output" : "output[\(output)]"
  }

  /// What the network says, what is right, and whether that is the same.
  var sentence: StorySentence {
    let (prediction, target) = (predictions[focus], targets[focus])
    if let rival, isRight == true {
      return
        """
        The network says \("answer", name: name(focus)), and that is right: it gives it a chance \
        of \("prediction", prediction), and \("rival", name: name(rival)), the next, one of \
        \("rivalPrediction", predictions[rival]).
        """
    }
    if let rival {
      return
        """
        The network says \("rival", name: name(rival)), to which it gives a chance of \
        \("rivalPrediction", predictions[rival]). That is wrong: the answer is \
        \("answer", name: name(focus)), which got a chance of \("prediction", prediction).
        """
    }
    if loss == .binaryCrossEntropy {
      let isYes = target >= 0.5
      let isOneRight = (prediction >= 0.5) == isYes
      let right =
        predictions.count == 1 && classNames.count == 2
        ? classNames[isYes ? 1 : 0] : isYes ? "yes" : "no"
      return
        """
        The network gives \("output", name: name(focus)) a chance of \
        \("prediction", prediction). The answer is \("answer", name: right), so it is \
        \(word: isOneRight ? "right" : "wrong").
        """
    }
    var words: StorySentence =
      """
      The network says \("prediction", prediction) for \("output", name: name(focus)), and \
      \("target", target) is right, so it is \
      \(word: prediction == target ? "exact" : prediction > target ? "too high" : "too low").
      """
    if let schema, schema.task == .regression, schema.targetScale != 1 {
      words +=
        """
        In the data's units that is \("predictionInUnits", schema.originalTarget(prediction)) \
        where \("targetInUnits", schema.givenTarget(Float(target))) is right.
        """
    }
    return words
  }
}
