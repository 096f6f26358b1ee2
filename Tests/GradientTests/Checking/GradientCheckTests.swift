import Ebb
import EbbGraph
import TestSupport
import Testing

@Suite struct GradientCheckTests {
  static let rows = 21

  static func planted() throws -> (model: Model, batch: Batch) {
    let model = try CheckSubjects.model(PlantedFault.network, inputs: 9)
    let data = try CheckSubjects.rows(rows, inputs: 9, outputs: 4)
    return (model, try Batch(data, rows: Array(0..<rows)))
  }

  @Test(arguments: PlantedFault.all(rows: GradientCheckTests.rows))
  func everyPlantedFaultIsFound(_ fault: PlantedFault) throws {
    let (model, batch) = try Self.planted()
    for seed: UInt64 in 0..<4 {
      var options = GradientCheck.Options()
      options.seed = seed
      let check = try model.check(on: batch, options: options, rules: fault.rules)
      #expect(check.verdict.isDisagreement, "\(fault), seed \(seed)\n\(check)")
      let found = check.tensors.filter(\.verdict.isDisagreement)
      #expect(found.map(\.name) == fault.tensors, "\(fault), seed \(seed)\n\(check)")
      for tensor in found {
        let worst = try #require(tensor.worst)
        #expect(
          worst.comparison.distance > 10 * worst.comparison.error,
          "\(fault): \(worst.name) is not wrong\n\(check)")
        #expect(worst.name.hasPrefix(tensor.name + "["))
      }
      if let element = fault.element {
        #expect(found.first?.worst?.name == element, "\(fault), seed \(seed)\n\(check)")
      }
      #expect(check.sentence.contains("disagrees"))
    }
  }

  @Test func theSameNetworkWithoutFaultAgrees() throws {
    let (model, batch) = try Self.planted()
    for seed: UInt64 in 0..<8 {
      var options = GradientCheck.Options()
      options.seed = seed
      CheckSubjects.expectHealthy(try model.check(on: batch, options: options), "seed \(seed)")
    }
  }

  @Test(arguments: NoteSubject.Kind.allCases)
  func theNotesNetworksAgree(_ kind: NoteSubject.Kind) throws {
    let subject = try NoteSubject.of(kind)
    let check = try subject.model.check(on: try subject.dataset())
    CheckSubjects.expectHealthy(check)
    #expect(check.rows == NoteSubject.rows)
    guard case .agrees(let to) = check.verdict else {
      Issue.record("\(check.verdict)")
      return
    }
    #expect(to < 1e-8)
  }

  @Test func aThousandRowsOfDigitsAreThinnedEvenly() throws {
    let subject = try NoteSubject.of(.digits)
    let data = try NoteSubject.digitsData.get().training
    let check = try subject.model.check(on: data)
    CheckSubjects.expectHealthy(check)
    #expect(check.rows == 256 && check.rowsGiven == data.rowCount)
  }

  @Test(arguments: [
    Loss.squaredError, .absoluteError, .huber(delta: 0.5), .binaryCrossEntropy,
    .softmaxCrossEntropy, .smoothedCrossEntropy(smoothing: 0.1),
  ])
  func everyLossAgrees(_ loss: Loss) throws {
    let network = Network {
      Dense(7, activation: .relu)
      Dense(6, activation: .gelu)
      Dense(3)
    }
    let model = try CheckSubjects.model(network, inputs: 5, loss: loss)
    let data = try CheckSubjects.rows(13, inputs: 5, outputs: 3, loss: loss)
    CheckSubjects.expectHealthy(try model.check(on: data), "\(loss)")
  }

  @Test(arguments: 0..<20)
  func randomNetworksNeverFail(_ number: Int) throws {
    let words = Philox.words(seed: 99, stream: 1, step: UInt64(number), block: 0)
    let widths = (0..<(1 + number % 4)).map { 1 + Int(words[$0] % 24) }
    let network = Network(
      widths.enumerated().map { place, width in
        Dense(
          width, activation: Activation.allCases[(number + place * 4) % Activation.allCases.count],
          weights: .uniform(low: -1.5, high: 1.5), biases: .uniform(low: -0.5, high: 0.5))
      } + [Dense(3)])
    let model = try CheckSubjects.model(network, inputs: 4, seed: UInt64(number))
    let data = try CheckSubjects.rows(1 + number * 3, inputs: 4, outputs: 3, seed: UInt64(number))
    // A tensor behind dead units cannot be decided; none may fail.
    CheckSubjects.expectHealthy(try model.check(on: data), decided: 1, "network \(number)")
  }

  // MARK: Hard places

  @Test func reluExactlyAtItsKink() throws {
    let network = Network {
      Dense(8, activation: .relu, biases: .zeros)
      Dense(8, activation: .relu, biases: .zeros)
      Dense(3)
    }
    let model = try CheckSubjects.model(network, inputs: 4)
    // All features are 0 in the first row: every preactivation is exactly 0.
    var features = uniform(9 * 4, seed: 2).map { Float($0) }
    for place in 0..<4 { features[place] = 0 }
    let data = try Dataset(
      features: features, featureCount: 4, targets: .classes((0..<9).map { $0 % 3 }, count: 3))
    let check = try model.check(on: data)
    CheckSubjects.expectHealthy(check)
    let kinks = check.tensors.flatMap(\.kinks)
    #expect(kinks.contains { $0.layer == "hidden1" && $0.count >= 1 }, "\(check)")
    // On that row alone only the output's bias matters.
    let alone = try model.check(on: try Batch(data, rows: [0]))
    CheckSubjects.expectHealthy(alone, decided: 1)
    #expect(alone.tensors.last?.verdict.isAgreement == true)
    #expect(
      alone.tensors.first?.verdict == .inconclusive("no gradient, and none measured"), "\(alone)")
  }

  @Test func deadLayersAreNoPass() throws {
    let network = Network {
      Dense(6, activation: .relu, biases: .constant(-100))
      Dense(3)
    }
    let model = try CheckSubjects.model(network, inputs: 4)
    let check = try model.check(on: try CheckSubjects.rows(10, inputs: 4, outputs: 3))
    CheckSubjects.expectHealthy(check, decided: 1)
    let undecided = ["hidden1.weight", "hidden1.bias", "output.weight"]
    #expect(check.undecided == undecided, "\(check)")
    #expect(check.verdict.isAgreement)
    #expect(check.sentence.contains("inconclusive for hidden1.weight"))
    var options = GradientCheck.Options()
    options.tensors = ["hidden1.weight"]
    let nothing = try model.check(
      on: try CheckSubjects.rows(10, inputs: 4, outputs: 3), options: options)
    #expect(nothing.verdict.isInconclusive, "a check that decides nothing is no pass")
  }

  @Test func aFittedNetworkIsDecidedOrInconclusive() throws {
    // Logits of ±60: the loss is 0 but for rounding, and so is its gradient.
    let network = Network { Dense(2, weights: .constant(0), biases: .zeros) }
    let model = try CheckSubjects.model(network, inputs: 1)
      .replacing("output.weight", [[60], [-60]])
    let data = try Dataset(features: [[1], [-1]], labels: [0, 1], classCount: 2)
    let check = try model.check(on: data)
    CheckSubjects.expectHealthy(check, decided: 0)
  }

  @Test func oneRowAndSizeOneLayers() throws {
    let network = Network {
      Dense(1, activation: .tanh)
      Dense(1, activation: .sigmoid)
      Dense(1)
    }
    let model = try CheckSubjects.model(network, inputs: 1, loss: .squaredError)
    let data = try CheckSubjects.rows(1, inputs: 1, outputs: 1, loss: .squaredError)
    let check = try model.check(on: data)
    CheckSubjects.expectHealthy(check)
    #expect(check.undecided == ["micro-batches"])
    #expect(check.tensors.first?.worst?.name == "hidden1.weight[0,0]")
  }

  @Test func dropoutIsCheckedInBothModes() throws {
    let network = Network {
      Dense(16, activation: .relu)
      Dropout(0.4)
      Dense(9, activation: .tanh)
      Dropout(1)
      Dense(3)
    }
    let model = try CheckSubjects.model(network, inputs: 4)
    let data = try CheckSubjects.rows(17, inputs: 4, outputs: 3)
    let check = try model.check(on: data)
    CheckSubjects.expectHealthy(check, decided: 7)
    let dropping = check.tensors.map { $0.mode == .training }
    #expect(dropping == (0..<12).map { $0 >= 6 })
    // Behind a rate of 1 nothing arrives.
    #expect(check.tensors[6].verdict == .inconclusive("no gradient, and none measured"))
    let fault = PlantedFault(
      "dropout's factor forgotten", in: [], where: { $0 == .ternary(.select) }
    ) { dx, _, _, slot in slot == 1 ? 0.6 * dx : dx }
    let half = Network {
      Dense(16, activation: .relu)
      Dropout(0.4)
      Dense(3)
    }
    let wrong = try CheckSubjects.model(half, inputs: 4)
      .check(on: try Batch(data, rows: Array(0..<17)), options: .init(), rules: fault.rules)
    let names = wrong.tensors.filter(\.verdict.isDisagreement).map(\.label)
    #expect(names == ["hidden1.weight (training)", "hidden1.bias (training)"], "\(wrong)")
  }

  // MARK: Other laws

  @Test func theLawsHoldAndAreNamed() throws {
    let (model, batch) = try Self.planted()
    let check = try model.check(on: batch)
    #expect(
      check.laws.map(\.name) == ["micro-batches", "threads", "executor", "single precision"])
    #expect(check.laws[0].statement == "micro-batches of 10 + 7 + 4 rows = one batch")
    #expect(check.laws.map(\.isExact) == [false, true, true, false])
    let areHeld = check.laws.allSatisfy(\.verdict.isAgreement)
    #expect(areHeld, "\(check)")
  }

  @Test func aBatchThatIsNoSumOfItsRowsIsCaught() throws {
    let (model, batch) = try Self.planted()
    let fault = PlantedFault(
      "divided by the rows once more", in: [], where: { $0 == .rowwise(.softmaxCrossEntropy) }
    ) { dx, _, _, _ in dx / Double(dx.shape[0]) }
    let check = try model.check(on: batch, options: .init(), rules: fault.rules)
    #expect(check.laws.first?.verdict.isDisagreement == true, "\(check)")
  }

  // MARK: What is asked for

  @Test func unknownTensorsAndSettingsOutOfRangeAreErrors() throws {
    let (model, batch) = try Self.planted()
    var options = GradientCheck.Options()
    options.tensors = ["hiden1.weight"]
    let error = #expect(throws: ModelError.self) { try model.check(on: batch, options: options) }
    #expect(error?.message.contains("did you mean hidden1.weight?") == true)
    options.tensors = ["output.bias", "hidden1.bias"]
    #expect(
      try model.check(on: batch, options: options).tensors.map(\.name)
        == ["hidden1.bias", "output.bias"])
    for change: (inout GradientCheck.Options) -> Void in [
      { $0.rows = 0 }, { $0.tolerance = 0 }, { $0.tolerance = .nan }, { $0.directions = 0 },
      { $0.elements = -1 }, { $0.threads = 0 },
    ] {
      var options = GradientCheck.Options()
      change(&options)
      #expect(throws: SettingsError.self) { try model.check(on: batch, options: options) }
    }
    let other = try CheckSubjects.rows(3, inputs: 8, outputs: 4)
    #expect(throws: ModelError.self) { try model.check(on: other) }
  }

  @Test func theSameSeedGivesTheSameNumbers() throws {
    let (model, batch) = try Self.planted()
    let (first, second) = (try model.check(on: batch), try model.check(on: batch))
    #expect(first.description == second.description)
    #expect(first.tensors.map(\.directions) == second.tensors.map(\.directions))
    var options = GradientCheck.Options()
    options.seed = 1
    let third = try model.check(on: batch, options: options)
    #expect(first.tensors.map(\.directions) != third.tensors.map(\.directions))
  }
}
