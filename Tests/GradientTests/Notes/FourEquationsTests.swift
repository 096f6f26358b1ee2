import Ebb
import EbbGraph
import Foundation
import TestSupport
import Testing

@Suite struct NotesFourEquationsTests {
  /// δ_D = J_O(a_D)ᵀ ∇_ŷ L for softmax and −log ŷ_l, with the Jacobian written out.
  static func outputDelta(_ a: [Double], label: Int) -> [Double] {
    let y = LayerwiseLoop.softmax(a)
    // ∇_ŷ L is −1/ŷ_l at the label, 0 elsewhere.
    let slope: Double = -1 / y[label]
    return y.indices.map { i in
      // ∂ŷ_l/∂a_i = ŷ_l (1[i = l] − ŷ_i)
      let own: Double = i == label ? 1 : 0
      return y[label] * (own - y[i]) * slope
    }
  }

  /// The right sides for each example: the loop δ_k = (W_{k+1}ᵀ δ_{k+1}) ⊙ g′(a_k), ∂L/∂b_k = δ_k,
  /// ∂L/∂W_k = δ_k h_{k−1}ᵀ.
  static func formulas(_ subject: NoteSubject) throws -> [LayerwiseLoop.Gradients] {
    let loop = try LayerwiseLoop(subject.model)
    return (0..<NoteSubject.rows).map { row in
      let forward = loop.forward(subject.features(ofRow: row))
      return loop.gradients(
        forward, byOutputs: outputDelta(forward.h[subject.depth], label: subject.labels[row]))
    }
  }

  /// Gate: 1e-8 of the largest entry of one row's gradient. Rows that are nearly fitted have small
  /// gradients beside the rounding of their loss; the worst measured is 3.0e-9.
  @Test(
    "M7 four equations: left sides by differences, right sides by the formulas, every entry",
    arguments: NoteSubject.Kind.allCases)
  func differencesEqualFormulas(_ kind: NoteSubject.Kind) throws {
    let subject = try NoteSubject.of(kind)
    let examples = try Self.formulas(subject)
    for (k, name) in subject.network.names.enumerated() {
      let delta = try NudgedLosses(subject, value: "\(name).preactivation").everySlope()
      for row in 0..<NoteSubject.rows {
        let found = delta.map { $0[row] }
        #expect(deviation(found, examples[row].a[k]) < 1e-8, "δ_\(k + 1) of row \(row)")
      }
      let losses = try NudgedLosses(subject)
      let biases = try losses.everySlope(of: "\(name).bias")
      let weights = try losses.everySlope(of: "\(name).weight")
      for row in 0..<NoteSubject.rows {
        let example = examples[row]
        #expect(
          deviation(biases.map { $0[row] }, example.biases[k]) < 1e-8,
          "∂L/∂b_\(k + 1) of row \(row)")
        #expect(
          deviation(weights.map { $0[row] }, memoryOrder(example.weights[k])) < 1e-8,
          "∂L/∂W_\(k + 1) of row \(row)")
      }
    }
  }

  /// How far the sweep's gradients of the rows' sum are from the formulas', by name.
  static func sweepDeviations(
    _ subject: NoteSubject, rules: (Op) -> DerivativeRule
  ) throws -> [String: Double] {
    let examples = try formulas(subject)
    let traced = try NudgedLosses(subject).sweep(rules: rules)
    func total(_ part: (LayerwiseLoop.Gradients) -> [Double]) -> [Double] {
      average(examples.map(part)).map { $0 * Double(NoteSubject.rows) }
    }
    var result: [String: Double] = [:]
    for (k, name) in subject.network.names.enumerated() {
      let expected = [
        "\(name).preactivation": examples.flatMap { $0.a[k] },
        "\(name).bias": total { $0.biases[k] },
        "\(name).weight": total { memoryOrder($0.weights[k]) },
      ]
      for (entry, numbers) in expected {
        result[entry] = deviation(try #require(traced[entry]), numbers)
      }
    }
    return result
  }

  @Test(
    "M7 the sweep and the library's gradients equal the formulas, every entry",
    arguments: NoteSubject.Kind.allCases)
  func sweepEqualsFormulas(_ kind: NoteSubject.Kind) throws {
    let subject = try NoteSubject.of(kind)
    for (name, error) in try Self.sweepDeviations(subject, rules: \.rule) {
      #expect(error < 1e-12, "\(name): \(error)")
    }
    let rows = Array(0..<NoteSubject.rows)
    let found = try subject.model.gradients(
      on: Batch(try subject.dataset(), rows: rows), reduction: .sum)
    let examples = try Self.formulas(subject)
    for (k, name) in subject.network.names.enumerated() {
      let delta = try #require(found["\(name).preactivation"]).elements
      #expect(deviation(delta, examples.flatMap { $0.a[k] }) < 1e-12, "\(name)")
      let weights = try #require(found["\(name).weight"]).elements
      let sum = average(examples.map { $0.weights[k].flatMap { $0 } })
      #expect(deviation(weights, sum.map { $0 * Double(rows.count) }) < 1e-12, "\(name)")
    }
  }

  /// Each equation with a fault: of the output's Jacobian, of Wᵀδ, of g′, of b's and of W's gradient.
  static let faults: [PlantedFault] = [
    PlantedFault("δ_D", in: [], where: { $0 == .rowwise(.softmaxCrossEntropy) }) {
      dx, _, _, slot in slot == 0 ? 1.01 * dx : dx
    },
    PlantedFault("Wᵀδ", in: [], where: { $0 == .matmul }) { dx, _, _, slot in
      slot == 0 ? -dx : dx
    },
    PlantedFault("g′ of tanh", in: [], where: { $0 == .unary(.tanh) }) { _, _, dy, _ in dy },
    PlantedFault(
      "δ for b", in: [], where: { if case .movement(.expand) = $0 { true } else { false } }
    ) { dx, _, _, _ in 0.5 * dx },
    PlantedFault("δ hᵀ", in: [], where: { $0 == .matmul }) { dx, _, _, slot in
      slot == 1 ? 0.999 * dx : dx
    },
  ]

  @Test(
    "M7 a wrong rule breaks the equations, and makes the check fail",
    arguments: NoteSubject.Kind.allCases, NotesFourEquationsTests.faults)
  func aWrongRuleFails(_ kind: NoteSubject.Kind, _ fault: PlantedFault) throws {
    let subject = try NoteSubject.of(kind)
    let errors = try Self.sweepDeviations(subject, rules: fault.rules)
    #expect((errors.values.max() ?? 0) > 1e-4, "\(fault)")
    var options = GradientCheck.Options()
    options.directions = 1
    options.elements = 0
    let batch = try Batch(try subject.dataset(), rows: Array(0..<NoteSubject.rows))
    let check = try subject.model.check(on: batch, options: options, rules: fault.rules)
    #expect(check.verdict.isDisagreement, "\(fault)\n\(check)")
  }
}

/// The losses of a subject's rows as functions of its parameters, or of what is added to one of the
/// values between. ReLUs keep their sides, so that all of them are smooth.
struct NudgedLosses {
  private let interpreter: Interpreter<Double>
  private let numbers: [String: NDArray<Double>]
  private let indices: [String: NDArray<Int32>]
  private let branches: Branches
  private let subject: NoteSubject
  private static let nudge = "nudge"

  init(_ subject: NoteSubject, value name: String? = nil) throws {
    self.subject = subject
    let (builder, context, losses) = Self.traced(subject, nudged: name)
    let found = context.values.first { $0.name == name }
    var numbers = try subject.inputs()
    if let found { numbers[Self.nudge] = NDArray(repeating: 0, shape: found.value.shape) }
    try #require(name == nil || found != nil, "there is no value named \(name ?? "")")
    interpreter = try Interpreter(
      try builder.finish(outputs: [Graph.Output(name: "losses", id: losses.id)]))
    (self.numbers, indices) = (numbers, subject.indices())
    branches = try interpreter.recording(numbers, indices: indices).branches
  }

  private static func traced(
    _ subject: NoteSubject, nudged: String?
  ) -> (GraphBuilder, LayerContext, losses: Tensor) {
    let builder = GraphBuilder()
    let context = LayerContext(builder, mode: .evaluation)
    context.replacement = { name, value in
      name == nudged ? value + builder.input(nudge, shape: value.shape) : value
    }
    let outputs = subject.network(
      builder.input("features", shape: [NoteSubject.rows, subject.model.inputCount]), in: context)
    let targets = builder.input("targets", shape: [NoteSubject.rows], type: .index)
    return (
      builder, context, subject.model.loss.perRow(outputs: outputs, targets: targets)
    )
  }

  /// For each unit of the nudged value: the slope of each row's loss when the unit is raised in all
  /// rows. A row's loss depends on its own row only.
  func everySlope() throws -> [[Double]] {
    let shape = try #require(numbers[Self.nudge]).shape
    return try (0..<shape[1]).map { unit in
      try slopes(Self.nudge, (0..<shape[0]).map { $0 * shape[1] + unit })
    }
  }

  /// For each number of a parameter, in memory order: the slope of each row's loss.
  func everySlope(of name: String) throws -> [[Double]] {
    try (0..<(try #require(numbers[name])).count).map { try slopes(name, [$0]) }
  }

  private func slopes(_ name: String, _ places: [Int]) throws -> [Double] {
    try slope(step: 2e-3) { step in
      var given = numbers
      for place in places { given[name]?.elements[place] += step }
      let values = try interpreter.replaying(branches, given, indices: indices).values
      guard case .numbers(let losses)? = values.first else { return [] }
      return losses.elements
    }
  }

  /// The gradients of the rows' sum by backpropagation with some rules: parameters in memory order,
  /// and all named values.
  func sweep(rules: (Op) -> DerivativeRule) throws -> [String: [Double]] {
    let (builder, context, losses) = Self.traced(subject, nudged: nil)
    let wanted =
      context.values
      + context.parameters.map {
        (name: $0.name, value: builder.parameter($0.name, shape: $0.shape, shared: true))
      }
    let found = backpropagate(
      from: losses, to: wanted.map(\.value),
      cotangent: builder.constant(1.0).expanded(to: losses.shape), rules: rules)
    let graph = try builder.finish(
      outputs: zip(wanted, found.gradients).compactMap { entry, gradient in
        gradient.map { Graph.Output(name: entry.name, id: $0.id) }
      })
    return try Interpreter<Double>(graph).numbers(subject.inputs(), indices: indices)
      .mapValues(\.elements)
  }
}
