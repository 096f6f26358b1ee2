import Ebb
import EbbSystem
import TestSupport
import Testing

@Suite struct EquationsTests {
  /// Every output function and loss there is.
  static let losses: [(Loss, outputs: Int)] = [
    (.softmaxCrossEntropy, 4), (.smoothedCrossEntropy(smoothing: 0.1), 4),
    (.binaryCrossEntropy, 1), (.binaryCrossEntropy, 3), (.squaredError, 1), (.squaredError, 3),
    (.absoluteError, 2), (.huber(delta: 0.4), 3),
  ]

  /// Everything that an explanation promises, on one subject.
  static func expectEquations(
    _ found: EquationsExplanation, _ subject: ExplanationSubject, _ what: String
  ) throws {
    #expect(found.verdict == .agrees, "\(what)\n\(found)")
    for equation in found.equations {
      #expect(equation.verdict == .agrees, "\(what): \(equation.value)")
      #expect(equation.differenceDeviation <= 1e-6 * equation.scale + 1e-10, "\(what)")
    }
    let names = Set(found.equations.map(\.value))
    for parameter in subject.model.parameters {
      #expect(names.contains(parameter.name), "\(what): no equation for \(parameter.name)")
    }
    // The numbers shown are the subject's own.
    for layer in found.layers {
      for (name, values) in [
        ("\(layer.name).preactivation", layer.gradientBySums),
        ("\(layer.name).weight", layer.gradientByWeight.elements),
        (layer.inputName, layer.gradientByInput),
      ] {
        let own = try #require(subject.numbers[name]?.elements)
        #expect(own == values, "\(what): \(name)")
      }
    }
  }

  @Test(
    "M7 M17 M18 both sides of the four equations, on the digits and on nine activations",
    arguments: Subjects.Kind.allCases, [ExplanationSubject.Precision.single, .double])
  func subjects(_ kind: Subjects.Kind, _ precision: ExplanationSubject.Precision) throws {
    let given = try Subjects.of(kind)
    for row in 0..<Subjects.rows {
      let subject = try given.subject(row: row, precision)
      let found = try EquationsExplanation(subject)
      for equation in found.equations {
        #expect(equation.verdict != .disagrees, "row \(row), \(equation.value)\n\(found)")
      }
      #expect(found.verdict == .agrees)
      if row == 0 && kind == .random {
        try Self.expectEquations(found, subject, "\(kind), row \(row)")
      }
    }
  }

  @Test(
    "M7 M16 every loss and output function, with one activation after another",
    arguments: losses.indices)
  func everyLoss(_ index: Int) throws {
    let (loss, outputs) = Self.losses[index]
    for activation in Activation.allCases {
      let given = try Subjects.three(activation, loss: loss, outputs: outputs)
      let subject = try given.subject(row: 3)
      try Self.expectEquations(
        try EquationsExplanation(subject), subject, "\(loss.spelling), \(activation)")
    }
  }

  @Test("M7 no hidden layer, no biases, dropout, activations as layers, an activation at the end")
  func shapes() throws {
    let networks: [Network] = [
      Network([Dense(3)]),
      Network([Dense(5, activation: .tanh, hasBias: false), Dense(3, hasBias: false)]),
      Network {
        Dense(6, activation: .relu, biases: .uniform(low: -0.5, high: 0.5))
        Dropout(0.3)
        Dense(3)
      },
      Network {
        Dense(6)
        ActivationLayer(.sigmoid)
        ActivationLayer(.tanh)
        Dense(3, activation: .softplus)
      },
    ]
    for (place, network) in networks.enumerated() {
      for (loss, outputs) in [(Loss.softmaxCrossEntropy, 3), (.squaredError, 3)] {
        let given = try Subjects.network(network, outputs: outputs, loss: loss)
        for precision in [ExplanationSubject.Precision.single, .double] {
          let subject = try given.subject(row: 1, precision)
          let found = try EquationsExplanation(subject)
          try Self.expectEquations(found, subject, "network \(place), \(loss.spelling)")
        }
      }
    }
  }

  @Test("M7 a wrong rule makes the two sides disagree")
  func wrongRules() throws {
    let subject = try Subjects.random.get().subject(row: 2)
    #expect(try EquationsExplanation(subject).verdict == .agrees)
    let faults: [(String, (Op) -> Bool)] = [
      ("tanh", { $0 == .unary(.tanh) }), ("relu", { $0 == .unary(.relu) }),
      ("matmul", { $0 == .matmul }), ("loss", { $0 == .rowwise(.softmaxCrossEntropy) }),
    ]
    for (name, matches) in faults {
      let found = try EquationsExplanation(
        subject,
        rules: { op in
          guard matches(op) else { return op.rule }
          return .custom(
            vjp: { at, dy, slot in
              op.rule.contribution(at: at, dy: dy, slot: slot).map { 1.001 * $0 }
            },
            jvp: { at, dx in op.rule.tangent(of: op, at: at, dx: dx) })
        })
      #expect(found.verdict == .disagrees, "\(name)")
      #expect(found.text.contains("DISAGREE"), "\(name)")
    }
  }

  @Test(
    "M16 every line of softmax cross-entropy with numbers; fused and unfused agree to 1e-12",
    arguments: Subjects.Kind.allCases)
  func derivation(_ kind: Subjects.Kind) throws {
    let given = try Subjects.of(kind)
    for row in 0..<Subjects.rows {
      let subject = try given.subject(row: row)
      let found = try EquationsExplanation(subject)
      let end = found.end
      #expect(try #require(end.unfusedDeviation) < 1e-12)
      let label = try #require(end.targets.firstIndex(of: 1))
      let total = end.powers.reduce(0, +)
      for i in end.outputs.indices {
        let lines = found.derivative(of: label, by: i, end.powers, total)
        #expect(abs(lines[0] - lines[1]) < 1e-14, "quotient rule")
        #expect(
          abs(lines[2] - lines[3]) < 1e-12, "−(1/ŷ_l)(1[l=i] ŷ_l − ŷ_l ŷ_i) = −(1[l=i] − ŷ_i)")
        #expect(abs(lines[3] - end.fused[i]) < 1e-14, "−(y − ŷ)")
        #expect(end.fused[i] != 0, "all outputs share the denominator")
      }
    }
  }

  @Test("M16 every line with numbers for k = 4, l = 2")
  func fourClasses() throws {
    // The identity as network: the row is its own outputs.
    var identity = NDArray<Float>(repeating: 0, shape: [4, 4])
    for i in 0..<4 { identity[i, i] = 1 }
    let model = try Model(
      Network([Dense(4, hasBias: false)]), inputs: 4, loss: .softmaxCrossEntropy,
      weights: ["output.weight": identity])
    let data = try Dataset(features: [[0.25, -1.25, 2, 0.75]], labels: [2], classCount: 4)
    let found = try EquationsExplanation(
      try ExplanationSubject(
        model: model, row: try Batch(data, rows: [0]), name: "row 1", precision: .double))
    let total = found.end.powers.reduce(0, +)
    let y = found.end.powers.map { $0 / total }
    #expect(deviation(found.end.predictions, y) < 1e-15)
    for i in 0..<4 {
      let lines = found.derivative(of: 2, by: i, found.end.powers, total)
      let short = (i == 2 ? y[2] : 0) - y[2] * y[i]
      let expected = [short, short, -short / y[2], y[i] - (i == 2 ? 1 : 0)]
      #expect(deviation(lines, expected) < 1e-14, "\(lines), expected \(expected)")
      #expect(abs(found.end.fused[i] - expected[3]) < 1e-15)
    }
    #expect(found.text.contains("l = 2 is the right class"))
  }

  @Test("M16 logits of ±1e6: nothing is not finite in the text, and nothing disagrees")
  func largeLogits() throws {
    let given = try Subjects.network([], outputs: 4, loss: .softmaxCrossEntropy)
    let weight = try #require(given.model["output.weight"]).map { $0 * 1e6 }
    let large = Subjects.Case(
      model: try given.model.replacing("output.weight", weight), batch: given.batch)
    for row in 0..<Subjects.rows {
      for precision in [ExplanationSubject.Precision.single, .double] {
        let found = try EquationsExplanation(try large.subject(row: row, precision))
        #expect(found.verdict != .disagrees, "\(found)")
        #expect(!found.text.contains("nan"), "\(found)")
      }
    }
  }

  @Test("M6 M19 the forward pass and the backward loop, entry by entry, from the numbers shown")
  func loop() throws {
    for kind in Subjects.Kind.allCases {
      let subject = try Subjects.of(kind).subject(row: 4)
      let layers = try EquationsExplanation(subject).layers
      for (index, layer) in layers.enumerated() {
        if index > 0 { #expect(layer.input == layers[index - 1].output) }
        for i in 0..<layer.units {
          var sum = layer.bias?[i] ?? 0
          for j in 0..<layer.inputs {
            sum += layer.weight[i, j] * layer.input[j]
            let product = layer.gradientBySums[i] * layer.input[j]
            #expect(layer.gradientByWeight[i, j] == product, "∂L/∂W = δ hᵀ")
          }
          #expect(abs(sum - layer.sums[i]) < 1e-12, "a = W h + b")
          #expect(layer.gradientByBias?[i] == layer.gradientBySums[i], "∂L/∂b = δ")
        }
        for j in 0..<layer.inputs {
          let back = (0..<layer.units).reduce(0) {
            $0 + layer.weight[$1, j] * layer.gradientBySums[$1]
          }
          #expect(abs(back - layer.gradientByInput[j]) < 1e-12, "∇h = Wᵀ δ")
        }
      }
    }
  }

  @Test("M12 Jacobians m × n, and their reshaped Jᵀ · upstream", arguments: Subjects.Kind.allCases)
  func jacobians(_ kind: Subjects.Kind) throws {
    let subject = try Subjects.of(kind).subject(row: 5)
    let found = try EquationsExplanation(subject, jacobians: true)
    #expect(found.verdict == .agrees)
    let names = Set(found.jacobians.map(\.name))
    for k in 1...found.layers.count {
      for x in ["W\(k)", "b\(k)", "h\(k - 1)"] { #expect(names.contains("∂a\(k)/∂\(x)")) }
    }
    for form in found.jacobians {
      #expect(form.matrix?.shape == Shape([form.rows, form.columns]), "\(form.name)")
      let product = try #require(form.product)
      #expect(product.shape == form.gradient.shape, "\(form.name)")
      #expect(deviation(product.elements, form.gradient.elements) < 1e-11, "\(form.name)")
    }
  }

  @Test("networks with layers of one's own are refused, with what there is instead")
  func ownLayer() throws {
    struct Twice: Layer {
      static let kind = "twice"
      let name: String? = nil
      let declaresParameters = false
      var settings: Settings { [:] }
      init() {}
      init(settings: Settings) throws {}
      func callAsFunction(_ x: Tensor, in context: LayerContext) -> Tensor { 2 * x }
    }
    let given = try Subjects.network(
      Network([Dense(4), Twice(), Dense(3)]), outputs: 3, loss: .softmaxCrossEntropy)
    do {
      _ = try EquationsExplanation(try given.subject())
      Issue.record("the layer was taken")
    } catch let error as ExplanationError {
      #expect(error.kind == .unsupportedLayer && error.message.contains("twice"), "\(error)")
    }
  }

  @Test("lines fit 80 columns, and small matrices are whole")
  func text() throws {
    for kind in Subjects.Kind.allCases {
      let found = try EquationsExplanation(
        try Subjects.of(kind).subject(row: 1, .single), jacobians: true)
      for line in found.text.split(separator: "\n") {
        #expect(line.count <= 80, "\(line.count) characters: \(line)")
        #expect(!line.hasSuffix(" "))
      }
    }
  }
}
