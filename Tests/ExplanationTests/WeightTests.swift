import Ebb
import EbbSystem
import TestSupport
import Testing

/// A layer that nobody taught Ebb to follow neuron by neuron: each number times one weight.
private struct Scaling: Layer {
  static let kind = "scaling"
  init() {}
  init(settings: Settings) throws {}
  var settings: Settings { [:] }
  var name: String? { nil }
  func callAsFunction(_ x: Tensor, in context: LayerContext) -> Tensor {
    x
      * context.parameter(
        "weight", shape: [x.shape[1]], initializer: .uniform(low: 0.5, high: 2), role: .weight,
        fanIn: 1, fanOut: 1)
  }
}

/// A rule that Ebb does not know line by line: w − η sign(g), with what was seen last as its slot.
private struct SignDescent: Optimizer {
  static let kind = "sign"
  var learningRate = 0.01
  init() {}
  init(settings: Settings) throws {}
  var settings: Settings { ["learningRate": .number(learningRate)] }
  var slots: [String] { ["last"] }
  func update(
    _ parameter: Tensor, gradient: Tensor, slots: [Tensor], scalars: [String: Tensor],
    role: ParameterRole
  ) -> (parameter: Tensor, slots: [Tensor]) {
    guard let rate = scalars["rate"] else { return (parameter, slots) }
    return (parameter - rate * sign(gradient), [gradient])
  }
  func validate() throws(SettingsError) {}
}

@Suite struct WeightTests {
  /// A network of which every path can be listed.
  private static func small(_ activation: Activation = .tanh) throws -> Subjects.Case {
    try Subjects.network([(3, activation), (4, .sigmoid)], outputs: 3, loss: .softmaxCrossEntropy)
  }

  @Test(
    "M15 M18 δ · h, the sum over the paths and the difference are the matrix entry, for every weight"
  )
  func everyWeight() throws {
    for activation in [Activation.tanh, .relu] {
      let subject = try Self.small(activation).subject(row: 2)
      var elements = 0
      for name in subject.numbers.parameterNames {
        let gradient = try #require(subject.numbers[name])
        let scale = gradient.elements.map(\.magnitude).max() ?? 0
        for place in gradient.elements.indices {
          let element = ElementName(name, offset: place, in: gradient.shape)
          let found = try WeightExplanation(subject, element: element)
          #expect(found.gradient == gradient.elements[place])
          let product = try #require(found.product)
          let paths = try #require(found.paths)
          let apart = max(
            (product.value - found.gradient).magnitude, (paths.total - found.gradient).magnitude)
          #expect(apart <= 1e-12 * scale, "\(element): \(apart)")
          #expect((found.difference.value - found.gradient).magnitude <= 1e-6 * scale)
          let listed = paths.paths.reduce(0) { $0 + $1.contribution } + paths.rest
          #expect((listed - paths.total).magnitude <= 1e-12 * scale)
          elements += 1
        }
      }
      #expect(elements == subject.model.parameterCount)
    }
  }

  @Test("M15 the largest paths are those of an exhaustive listing")
  func largestPaths() throws {
    for activation in [Activation.tanh, .relu, .gelu] {
      let subject = try Subjects.three(activation).subject(row: 1)
      for text in ["hidden1.weight[2,5]", "hidden1.bias[4]", "hidden2.weight[8,1]"] {
        let all = try subject.model.paths(of: text, on: subject.row).paths
        let ranked = all.filter { $0.contribution != 0 }
          .sorted { $0.contribution.magnitude > $1.contribution.magnitude }.prefix(7)
        let found = try WeightExplanation(
          subject, element: ElementName(parsing: text), paths: 7)
        let paths = try #require(found.paths)
        #expect(paths.pathCount == Double(all.count))
        #expect(paths.paths.map(\.units) == ranked.map(\.units), "\(text), \(activation)")
        for path in paths.paths {
          let product = path.factors.reduce(1) { $0 * $1.value(row: 0) }
          #expect((product - path.contribution).magnitude <= 1e-12 * product.magnitude)
        }
      }
    }
  }

  /// Every rule and every way of decay, joining and clipping.
  static let steps: [(optimizer: any Optimizer, options: TrainingOptions)] = {
    let rules: [any Optimizer] = [
      .sgd(), .sgd(weightDecay: .l2(0.1)), .sgd(weightDecay: .decoupled(0.1, includesBiases: true)),
      .momentum(), .nesterov(weightDecay: .l2(0.01)), .adam(), .adamW(),
      .adam(weightDecay: .l2(0.1, includesBiases: true)), .rmsProp(),
      .rmsProp(momentum: 0.5, weightDecay: .l2(0.01)), .adagrad(),
      .adagrad(weightDecay: .decoupled(0.1)), SignDescent(),
    ]
    let others: [TrainingOptions] = [
      TrainingOptions(seed: 3, gradientClipping: 0.05),
      TrainingOptions(seed: 3, gradientClipping: 1e6),
      TrainingOptions(seed: 3, reduction: .sum),
      TrainingOptions(seed: 3, reduction: .mean, biasReduction: .sum),
      TrainingOptions(seed: 3, reduction: .sum, biasReduction: .mean),
      TrainingOptions(seed: 3, classWeights: [0.5, 2, 1]),
    ]
    var result: [(optimizer: any Optimizer, options: TrainingOptions)] = []
    for rule in rules { result.append((rule, TrainingOptions(seed: 3))) }
    for options in others { result.append((Adam(weightDecay: .l2(0.1)), options)) }
    return result
  }()

  /// A trainer after some steps, and the subject of the next one.
  private static func moment(
    _ optimizer: any Optimizer, _ options: TrainingOptions, dropout: Double = 0
  ) throws -> (trainer: Trainer, subject: ExplanationSubject, batch: Batch) {
    let data = try small().batch
    let network = Network {
      Dense(5, activation: .relu)
      Dropout(dropout)
      Dense(3)
    }
    let trainer = try Trainer(
      network, loss: .softmaxCrossEntropy, optimizer: optimizer, inputs: 8, options: options)
    for _ in 0..<4 { try trainer.step(data) }
    trainer.learningRateFactor = 0.75
    let checkpoint = try trainer.checkpoint(progress: .null)
    let moment = ExplanationSubject.Moment(
      optimizer: optimizer,
      slots: Dictionary(uniqueKeysWithValues: checkpoint.slots.map { ($0.name, $0.values) }),
      steps: checkpoint.step, learningRate: optimizer.learningRate * 0.75, options: options)
    let subject = try ExplanationSubject(
      model: checkpoint.model, row: Batch(data.dataset, rows: [4]), name: "row 5", batch: data,
      batchName: "the next step's rows", moment: moment)
    return (trainer, subject, data)
  }

  @Test(
    "M8 the step shown is the trainer's, bit for bit, with every rule",
    arguments: WeightTests.steps.indices)
  func trainersStep(_ index: Int) throws {
    let (optimizer, options) = Self.steps[index]
    for dropout in [0, 0.4] {
      let (trainer, subject, batch) = try Self.moment(optimizer, options, dropout: dropout)
      let step = try #require(try TrainingStep(subject))
      try trainer.step(batch)
      let after = try trainer.checkpoint(progress: .null)
      let slots = Dictionary(uniqueKeysWithValues: after.slots.map { ($0.name, $0.values) })
      #expect(step.number == after.step)
      #expect(step.changes.map(\.name) == after.model.parameters.map(\.name))
      for (change, parameter) in zip(step.changes, after.model.parameters) {
        #expect(
          change.new.elements.map { Float($0) } == parameter.values.elements, "\(change.name)")
        #expect(change.new.elements != change.old.elements)
        for slot in change.slots {
          let expected = try #require(slots["\(change.name).\(slot.name)"])
          #expect(slot.new.elements.map { Float($0) } == expected.elements, "\(slot.name)")
        }
      }
    }
  }

  @Test(
    "M8 the rule's lines end at the new value, bit for bit", arguments: WeightTests.steps.indices)
  func lines(_ index: Int) throws {
    let (optimizer, options) = Self.steps[index]
    let (trainer, subject, batch) = try Self.moment(optimizer, options)
    try trainer.step(batch)
    let model = try trainer.model
    for name in ["hidden1.weight[2,3]", "hidden1.bias[1]", "output.weight[2,0]", "output.bias[0]"] {
      let element = try ElementName(parsing: name)
      let found = try WeightExplanation(subject, element: element)
      let update = try #require(found.update)
      let expected = try #require(model[element.name])
      let place = try element.position(in: expected.shape)
      #expect(Float(update.new) == expected.elements[place], "\(name)")
      #expect(update.old == found.value)
      if optimizer is SignDescent {
        #expect(update.terms == nil)
        #expect(update.slots.map(\.name) == ["last"])
        #expect(found.text.contains("rule is one of your own"))
      } else {
        let terms = try #require(update.terms, "\(optimizer.summary)")
        #expect(terms.last?.value == update.new)
        for slot in update.slots {
          #expect(terms.last { $0.symbol == slot.name }?.value == slot.new, "\(slot.name)")
        }
        try check(terms)
      }
      // One row of seven, with its class's weight.
      let part = try #require(update.rowPart)
      let share = try #require(update.expectedRowPart)
      #expect((part - share).magnitude <= 1e-5 * max(share.magnitude, 1e-6))
      let strangers = NumbersInText.strangers(found)
      #expect(strangers.isEmpty, "\(name): \(strangers)\n\(found.text)")
      #expect(NumbersInText.width(found) <= 80, "\(found.text)")
    }
  }

  /// Computes each line from its formula's numbers again.
  private func check(_ terms: [UpdateTerm]) throws {
    for term in terms {
      let values = Dictionary(uniqueKeysWithValues: term.operands.map { ($0.symbol, $0.value) })
      func value(_ symbol: String) -> Double { values[symbol] ?? .nan }
      let expected: Double
      switch term.formula {
      case "g + λ · w": expected = value("g") + value("λ") * value("w")
      case "η · λ": expected = value("η") * value("λ")
      case "w − decay · w": expected = value("w") - value("decay") * value("w")
      case "η · g": expected = value("η") * value("g")
      case "η · v": expected = value("η") * value("v")
      case "η · b": expected = value("η") * value("b")
      case "η · ahead": expected = value("η") * value("ahead")
      case "μ · v + g": expected = value("μ") * value("v") + value("g")
      case "g + μ · v": expected = value("g") + value("μ") * value("v")
      case "β₁ · m + (1 − β₁) · g":
        expected = value("β₁") * value("m") + (1 - value("β₁")) * value("g")
      case "β₂ · v + (1 − β₂) · g · g":
        expected = value("β₂") * value("v") + (1 - value("β₂")) * value("g") * value("g")
      case "η / (1 − β₁^t)":
        expected = value("η") / (1 - (0..<Int(value("t"))).reduce(1.0) { p, _ in p * value("β₁") })
      case "1 / √(1 − β₂^t)":
        let power = (0..<Int(value("t"))).reduce(1.0) { p, _ in p * value("β₂") }
        expected = 1 / (1 - power).squareRoot()
      case "√v · correction + ε":
        expected = value("v").squareRoot() * value("correction") + value("ε")
      case "rate · m / divisor": expected = value("rate") * value("m") / value("divisor")
      case "α · s + (1 − α) · g · g":
        expected = value("α") * value("s") + (1 - value("α")) * value("g") * value("g")
      case "√s + ε": expected = value("s").squareRoot() + value("ε")
      case "η · g / divisor": expected = value("η") * value("g") / value("divisor")
      case "μ · b + g / divisor":
        expected = value("μ") * value("b") + value("g") / value("divisor")
      case "s + g · g": expected = value("s") + value("g") * value("g")
      case "w − step": expected = value("w") - value("step")
      default:
        Issue.record("a formula without a test: \(term.formula)")
        continue
      }
      #expect((term.value - expected).magnitude <= 1e-6 * max(expected.magnitude, 1e-9), "\(term)")
    }
  }

  @Test("M15 layers of one's own: gradient and difference, and why there are no paths")
  func ownLayer() throws {
    let network = Network {
      Dense(4, activation: .tanh)
      Scaling()
      Dense(3)
    }
    let subject = try Subjects.network(network, outputs: 3, loss: .softmaxCrossEntropy).subject()
    let found = try WeightExplanation(subject, element: ElementName("hidden2.weight", [1]))
    #expect(found.paths == nil)
    #expect(found.withoutPaths?.contains("hidden2 (scaling)") == true)
    #expect((found.difference.value - found.gradient).magnitude < 1e-8)
    #expect(found.gradient != 0)
    #expect(found.text.contains("directory of a run"))
    #expect(NumbersInText.width(found) <= 80)
  }

  @Test("M18 wrong names say what there is")
  func wrongNames() throws {
    let subject = try Self.small().subject()
    #expect(throws: ElementNameError.self) {
      try WeightExplanation(subject, element: ElementName("hiden1.weight", [0, 0]))
    }
    #expect(throws: ElementNameError.self) {
      try WeightExplanation(subject, element: ElementName("hidden1.weight", [3, 0]))
    }
  }
}
