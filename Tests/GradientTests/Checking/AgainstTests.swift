import Ebb
import EbbSystem
import Foundation
import TestSupport
import Testing

/// Gradients spoiled in every way that Ebb knows, and some that it does not.
@Suite struct AgainstTests {
  enum Kind: String, CaseIterable, Sendable { case digits, square }

  private func subject(_ kind: Kind) throws -> AgainstSubject {
    try kind == .digits ? .digits() : .square()
  }

  /// Expects one mistake, and only it, to be named.
  private func expect(
    _ mistake: GradientMistake, layer: String? = nil, _ comparison: ForeignComparison,
    _ what: String
  ) {
    let found = comparison.explanations.map { $0.parts.map(\.mistake) }
    #expect(!comparison.agrees, "\(what): \(comparison)")
    #expect(found == [[mistake]], "\(what): \(comparison)")
    if let layer {
      let place = comparison.explanations.first?.parts.first?.layer
      #expect(place == layer, "\(what): \(comparison)")
    }
    let after = comparison.explanations.first?.errorAfter ?? .infinity
    #expect(after < 1e-7, "\(what): \(after)")
  }

  @Test(arguments: Kind.allCases) func rightOnesAgree(_ kind: Kind) throws {
    let subject = try subject(kind)
    let comparison = try subject.compare(subject.gradients())
    #expect(comparison.agrees, "\(comparison)")
    #expect(comparison.explanations.isEmpty)
    let worst = comparison.tensors.map(\.error).max() ?? 1
    #expect(worst < 1e-10)
    let single = subject.gradients().changing { _, value in Double(Float(value)) }
    let rounded = try subject.model.compare(
      subject.foreign(single, precision: .single), on: subject.batch())
    #expect(rounded.agrees, "\(rounded)")
  }

  /// Rows that a program in double precision standardised: Ebb's are the same rounded to Float.
  private func unrounded(_ kind: Kind, fitted: Float = 1) throws -> AgainstSubject {
    let subject = try subject(kind)
    let noise = uniform(subject.rows.count * subject.rows[0].count, seed: 77)
    let rows = subject.rows.enumerated().map { row, x in
      x.enumerated().map { place, value in
        value * (1 + 0x1p-26 * noise[row * x.count + place]) + (value == 0 ? 0 : 0x1p-27)
      }
    }
    let name = "\(subject.model.network.names.last ?? "output")"
    var model = subject.model
    for parameter in ["\(name).weight", "\(name).bias"] {
      let values = try #require(model[parameter])
      model = try model.replacing(parameter, values.map { $0 * fitted })
    }
    var labels = subject.labels
    if fitted > 1 {
      // The network is right about every row, and sure of it.
      let outputs = try #require(
        try model.gradients(on: subject.batch()).value("predictions")?.elements)
      let width = outputs.count / rows.count
      labels = rows.indices.map { row in
        (0..<width).max { outputs[row * width + $0] < outputs[row * width + $1] } ?? 0
      }
    }
    return try AgainstSubject(model, rows, labels)
  }

  @Test(
    "right gradients of inputs standardised in double precision are not accused, wrong ones are named"
  )
  func unroundedInputs() throws {
    for kind in Kind.allCases {
      for fitted in [1, 8, 30] as [Float] {
        let subject = try unrounded(kind, fitted: fitted)
        let right = subject.gradients()
        let comparison = try subject.compare(right)
        let accused = comparison.tensors.filter { !$0.agrees }.map(\.name)
        #expect(accused.isEmpty, "\(kind), \(fitted): \(comparison)")
        #expect(comparison.explanations.isEmpty)
        let isInconclusive = comparison.tensors.allSatisfy { !$0.isDecided }
        #expect(comparison.agrees != isInconclusive, "\(comparison)")
        guard fitted < 30 else { continue }
        #expect(comparison.agrees, "\(kind), \(fitted): \(comparison)")
        let b = Double(subject.count)
        for (factor, mistake) in [(b, GradientMistake.sumInsteadOfMean), (-1, .wrongSign)] {
          let wrong = try subject.compare(right.changing { $1 * factor })
          #expect(wrong.explanations.first?.mistake == mistake, "\(kind), \(fitted): \(wrong)")
          #expect(!wrong.agrees)
        }
      }
    }
  }

  @Test("a factor 2 is blamed on a square only where the loss has one")
  func doubledByLoss() throws {
    let subject = try AgainstSubject.digits()
    let comparison = try subject.compare(subject.gradients().changing { $1 * 2 })
    #expect(comparison.explanations.first?.mistake == .doubled, "\(comparison)")
    #expect(!"\(comparison)".contains("½"), "\(comparison)")
    #expect(!"\(comparison)".contains("square"), "\(comparison)")
  }

  @Test(arguments: Kind.allCases) func factors(_ kind: Kind) throws {
    let subject = try subject(kind)
    let right = subject.gradients()
    let b = Double(subject.count)
    let cases: [(Double, GradientMistake)] = [
      (b, .sumInsteadOfMean), (1 / b, .dividedByRowsTwice), (-1, .wrongSign), (0.5, .halved),
      (0.731, .scaled), (-0.731, .scaled), (3, .accumulated),
    ]
    for (factor, mistake) in cases {
      let comparison = try subject.compare(right.changing { $1 * factor })
      let found = comparison.explanations.map { $0.parts.map(\.mistake) }
      // Eleven times could also be accumulation: both are named, the missing 1/B first.
      #expect(found.first == [mistake], "\(factor): \(comparison)")
      let number = comparison.explanations.first?.parts.first?.number ?? .nan
      #expect((number - factor).magnitude < 1e-9 * factor.magnitude, "\(comparison)")
    }
    let doubled = try subject.compare(right.changing { $1 * 2 })
    #expect(doubled.explanations.map(\.mistake) == [.doubled, .accumulated], "\(doubled)")
  }

  @Test func twoRowsCannotTellASumFromAFactorTwo() throws {
    let whole = try AgainstSubject.square()
    let subject = try AgainstSubject(
      whole.model, Array(whole.rows.prefix(2)), Array(whole.labels.prefix(2)))
    let comparison = try subject.compare(subject.gradients().changing { $1 * 2 })
    #expect(
      comparison.explanations.map(\.mistake) == [.sumInsteadOfMean, .doubled, .accumulated],
      "\(comparison)")
    #expect("\(comparison)".contains("cannot be told from"))
  }

  @Test(arguments: Kind.allCases) func derivatives(_ kind: Kind) throws {
    let subject = try subject(kind)
    for (k, name) in subject.names.dropLast().enumerated() {
      let forgotten = subject.gradients(.init(slope: { $0 == k ? 1 : $1 + 0 * $2 * $3 }))
      expect(.forgottenDerivative, layer: name, try subject.compare(forgotten), "layer \(k)")
      let activation = subject.loop.activations[k]
      let atActivation = subject.gradients(
        .init(slope: { layer, right, _, h in
          layer == k ? ActivationTests.expected(activation, h).slope : right
        }))
      expect(.derivativeAtActivation, layer: name, try subject.compare(atActivation), "\(k)")
      guard activation == .sigmoid || activation == .tanh else { continue }
      let formula = subject.gradients(
        .init(slope: { layer, right, a, _ in
          layer == k ? (activation == .tanh ? 1 - a * a : a * (1 - a)) : right
        }))
      expect(.derivativeOfPreactivation, layer: name, try subject.compare(formula), "\(k)")
    }
    let everywhere = subject.gradients(.init(slope: { _, _, _, _ in 1 }))
    expect(.forgottenDerivative, try subject.compare(everywhere), "everywhere")
  }

  @Test(arguments: Kind.allCases) func inputsOfLayers(_ kind: Kind) throws {
    let subject = try subject(kind)
    for k in subject.names.indices.dropFirst() {
      let spoiled = subject.gradients(.init(input: { $0 == k ? $2 : $1 }))
      expect(
        .weightFromPreactivation, layer: subject.names[k], try subject.compare(spoiled), "\(k)")
    }
    let everywhere = subject.gradients(.init(input: { $2 + 0 * $1 * Double($0) }))
    expect(.weightFromPreactivation, try subject.compare(everywhere), "everywhere")
  }

  @Test(arguments: Kind.allCases) func transposition(_ kind: Kind) throws {
    let subject = try subject(kind)
    let right = subject.gradients()
    for name in subject.names {
      let turned = right.turning { $0 == "\(name).weight" }
      expect(.transposed, layer: name, try subject.compare(turned), name)
    }
    expect(.transposed, try subject.compare(right.turning { _ in true }), "all")
    let both = right.turning { _ in true }.changing { $1 * Double(subject.count) }
    let comparison = try subject.compare(both)
    let found = Set(comparison.explanations.first?.parts.map(\.mistake) ?? [])
    #expect(found == [.sumInsteadOfMean, .transposed], "\(comparison)")
  }

  @Test(arguments: Kind.allCases) func outputs(_ kind: Kind) throws {
    let subject = try subject(kind)
    let classes = subject.loop.biases.last?.count ?? 0
    let outputs = subject.rows.map { subject.loop.forward($0).h[subject.names.count] }
    let raw = subject.gradients(
      .init(delta: { _, a, label, _ in a.indices.map { a[$0] - ($0 == label ? 1 : 0) } }))
    expect(.outputFunctionForgotten, try subject.compare(raw), "raw")
    let twice = subject.gradients(
      .init(delta: { right, a, _, _ in
        let y = LayerwiseLoop.softmax(a)
        return right.indices.map { right[$0] * y[$0] * (1 - y[$0]) }
      }))
    expect(.outputDerivativeTwice, try subject.compare(twice), "twice")
    let overBatch = subject.gradients(
      .init(delta: { right, a, label, row in
        right.indices.map { j in
          let column = LayerwiseLoop.softmax(outputs.map { $0[j] })
          return column[row] - (j == label ? 1 : 0)
        }
      }))
    expect(.softmaxOverBatch, try subject.compare(overBatch), "over the batch")
    for shift in [1, classes - 1] {
      let shifted = subject.gradients(
        .init(delta: { right, _, label, _ in
          var delta = right
          delta[label] += 1
          delta[(label + shift) % classes] -= 1
          return delta
        }))
      expect(.shiftedLabels, try subject.compare(shifted), "labels + \(shift)")
    }
    let bare = subject.gradients(.init(hasBiases: false))
    expect(.biasesLeftOut, try subject.compare(bare), "without biases")
  }

  @Test(arguments: Kind.allCases) func rowsThatCountOtherwise(_ kind: Kind) throws {
    let subject = try subject(kind)
    let (b, m) = (Double(subject.count), 3)
    // The mean of the first three rows, and to it the mean of the others.
    let stale = subject.gradients(
      .init(weightOfRow: { $0 < m ? b / Double(m) : b / (b - Double(m)) }))
    expect(.staleAccumulation, try subject.compare(stale), "stale")
    let first = subject.gradients(.init(weightOfRow: { $0 < m ? b / Double(m) : 0 }))
    expect(.rowsLeftOut, try subject.compare(first), "first rows")
    let last = subject.count - 1
    let twice = subject.gradients(.init(weightOfRow: { ($0 == last ? 2 : 1) * b / (b + 1) }))
    let repeated = try subject.compare(twice)
    expect(.rowsRepeated, repeated, "last row twice")
    #expect("\(repeated)".contains("the last row was counted 2 times"), "\(repeated)")
    let thrice = subject.gradients(.init(weightOfRow: { $0 < 2 ? 3 : 1 }))
    expect(.rowsRepeated, try subject.compare(thrice), "first rows three times")
    let uneven = subject.gradients(.init(weightOfRow: { $0 < 2 ? 1 : 1.37 }))
    expect(.rowsWeighted, try subject.compare(uneven), "uneven")
    // Rows that came before, given.
    let later = try AgainstSubject(
      subject.model, Array(subject.rows.dropFirst(m)), Array(subject.labels.dropFirst(m)))
    let comparison = try subject.model.compare(
      subject.foreign(stale), on: later.batch(), earlier: subject.batch(0..<m))
    expect(.staleAccumulation, comparison, "earlier rows")
  }

  @Test(arguments: Kind.allCases) func singleTensors(_ kind: Kind) throws {
    let subject = try subject(kind)
    let right = subject.gradients()
    let name = subject.names[1]
    let zero = right.changing({ $0 == "\(name).bias" }) { _, _ in 0 }
    expect(.zero, layer: name, try subject.compare(zero), "zero")
    let scaled = right.changing({ $0 == "\(name).weight" }) { $1 * 0.731 }
    expect(.scaled, layer: name, try subject.compare(scaled), "scaled")
    var decayed = right
    for parameter in subject.model.parameters where parameter.role == .weight {
      let gradient = try #require(right[parameter.name])
      decayed[parameter.name] = NDArray(
        zip(gradient.elements, parameter.values.elements).map { $0 + 0.01 * Double($1) },
        shape: gradient.shape)
    }
    let comparison = try subject.compare(decayed)
    expect(.weightDecay, comparison, "decay")
    let decay = comparison.explanations.first?.parts.first?.number ?? .nan
    #expect((decay - 0.01).magnitude < 1e-8, "\(decay)")
    let total = right["\(name).bias"].map { $0.elements.reduce(0, +) } ?? 0
    let broadcast = right.changing({ $0 == "\(name).bias" }) { _, _ in total }
    expect(.wrongAxis, layer: name, try subject.compare(broadcast), "both axes")
  }

  @Test(arguments: Kind.allCases) func fewElements(_ kind: Kind) throws {
    let subject = try subject(kind)
    let name = subject.names[1] + ".weight"
    var spoiled = subject.gradients()
    var numbers = try #require(spoiled[name])
    let place = numbers.count / 2
    let right = numbers.elements[place]
    numbers = NDArray(
      numbers.elements.enumerated().map { $0 == place ? $1 + 0.5 : $1 }, shape: numbers.shape)
    spoiled[name] = numbers
    let comparison = try subject.compare(spoiled)
    expect(.fewElements, layer: subject.names[1], comparison, "one element")
    let element = [place / numbers.shape[1], place % numbers.shape[1]]
    #expect(
      "\(comparison)".contains("\(name)[\(element[0]),\(element[1])] is"), "\(right) \(comparison)")
    // With all the others a multiple of Ebb's.
    let both = spoiled.changing { $1 * 3 }
    let parts = try subject.compare(both).explanations.first?.parts.map(\.mistake) ?? []
    #expect(parts.contains(.fewElements) && parts.count == 2, "\(parts)")
  }

  @Test("weight decay on all parameters, where the output has one bias") func decayOfOneBias()
    throws
  {
    let network = Network {
      Dense(4, activation: .tanh, biases: .uniform(low: -1, high: 1))
      Dense(1, biases: .uniform(low: 0.5, high: 1))
    }
    let numbers = uniform(27, seed: 4).map { Float($0) }
    let features = (0..<9).map { row in Array(numbers[3 * row..<3 * row + 3]) }
    let dataset = try Dataset(features: features, values: features.map { [$0[0] - $0[2]] })
    let model = try Trainer(
      network, loss: .squaredError, optimizer: .sgd(), inputs: 3, options: TrainingOptions(seed: 3)
    ).model
    let batch = try Batch(dataset, rows: Array(0..<9))
    let own = try model.gradients(on: batch)
    let entries = try model.parameters.map { parameter in
      let gradient = try #require(own[parameter.name])
      // Stored [outputs, inputs].
      return ForeignGradients.Entry(
        parameter.name,
        NDArray(
          zip(gradient.elements, parameter.values.elements).map { $0 + 0.02 * Double($1) },
          shape: gradient.shape))
    }
    let comparison = try model.compare(ForeignGradients(entries), on: batch)
    expect(.weightDecay, comparison, "decay")
    #expect(comparison.explanations.first?.parts.first?.tensors.contains("output.bias") == true)
  }

  @Test func biasAddedOverTheUnits() throws {
    let subject = try AgainstSubject.square()
    let rows = try subject.model.gradients(on: subject.batch())
    let delta = try #require(rows["hidden2.preactivation"])
    var spoiled = subject.gradients()
    spoiled["hidden2.bias"] = NDArray(
      (0..<11).map { row in (0..<6).reduce(0) { $0 + delta[row, $1] } })
    expect(.wrongAxis, layer: "hidden2", try subject.compare(spoiled), "over the units")
    spoiled["hidden2.bias"] = delta
    expect(.notSummed, layer: "hidden2", try subject.compare(spoiled), "not added")
  }

  @Test(arguments: Kind.allCases) func nothingKnownExplainsNoise(_ kind: Kind) throws {
    let subject = try subject(kind)
    var spoiled = subject.gradients()
    let noise = uniform(100_000, seed: 5)
    spoiled = spoiled.changing { _, value in
      value * (1 + 0.3 * noise[Int(value.bitPattern % 99_991)])
    }
    let comparison = try subject.compare(spoiled)
    #expect(comparison.explanations.isEmpty, "\(comparison)")
    #expect("\(comparison)".contains("no hypothesis explains it"))
    #expect("\(comparison)".contains("best common factor"))
    let isNumber = comparison.bestFactor?.factor.isFinite ?? false
    #expect(isNumber)
    spoiled["output.bias"] = spoiled["output.bias"]?.map { _ in .nan }
    let broken = try subject.compare(spoiled)
    #expect(!broken.agrees)
    #expect("\(broken)".contains("no number"))
  }

  @Test(arguments: Kind.allCases) func json(_ kind: Kind) throws {
    let subject = try subject(kind)
    let comparison = try subject.compare(subject.gradients().changing { -$1 })
    let text = JSONWriter.text(comparison.json)
    #expect(text.contains("\"mistake\":\"wrongSign\""))
    #expect(text.contains("\"agrees\":false"))
  }

  /// The error for gradients that are compared with a subject's.
  private func refusal(
    _ entries: [ForeignGradients.Entry], of subject: AgainstSubject
  ) throws -> ForeignArraysError {
    try #require(
      #expect(throws: ForeignArraysError.self) {
        try subject.model.compare(ForeignGradients(entries), on: subject.batch())
      })
  }

  @Test("arrays whose shape no gradient has are refused, each by name")
  func wrongShapes() throws {
    let subject = try subject(.digits)
    let right = subject.gradients().map { ForeignGradients.Entry($0.key, $0.value) }
      .sorted { $0.name < $1.name }
    for (index, entry) in right.enumerated() {
      let shape = entry.values.shape
      var wrong: [Shape] = [Shape([shape[0] + 1] + shape.extents.dropFirst()), [0], [], [2, 2, 2]]
      if shape.rank == 2 { wrong.append([shape[0], shape[1] + 1]) }
      for other in wrong where other != shape {
        var entries = right
        entries[index] = .init(
          entry.name, NDArray([Double](repeating: 1, count: other.count), shape: other))
        let error = try refusal(entries, of: subject)
        #expect(error.kind == .noMatch)
        #expect(error.message.contains("\(entry.name) is \(other), expected \(shape)"), "\(error)")
      }
    }
  }

  @Test("of many arrays the first few are named")
  func manyArrays() throws {
    let subject = try subject(.digits)
    let foreign = (0..<20_000).map { number in
      ForeignGradients.Entry("array\(number)\u{1B}[31m", NDArray([1.0, 2]))
    }
    let error = try refusal(foreign, of: subject)
    #expect(error.description.utf8.count < 2_000, "\(error.description.prefix(2_000))")
    #expect(error.message.contains("more"), "\(error)")
    #expect(!error.description.contains("\u{1B}"))
    let right = subject.gradients().map { ForeignGradients.Entry($0.key, $0.value) }
    let comparison = try subject.model.compare(
      ForeignGradients(right + foreign), on: subject.batch())
    #expect(comparison.agrees && comparison.ignored.count == 20_000)
    #expect(comparison.description.utf8.count < 4_000)
  }
}
