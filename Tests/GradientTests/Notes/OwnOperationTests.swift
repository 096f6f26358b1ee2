import Ebb
import Foundation
import TestSupport
import Testing

/// M14 through the public interface alone: nothing here is known to the package.
@Suite struct NotesOwnOperationTests {
  /// y = x / (1 + |x|), dy/dx = 1 / (1 + |x|)²: value on numbers, derivative as an expression.
  static let softsign = CustomOperation(
    "softsign", shape: { $0[0] }, float: { softsign($0[0]) }, double: { softsign($0[0]) },
    derivative: { at, dy, _ in
      let root = 1 + abs(at.x[0])
      return dy / (root * root)
    })

  /// y = x sin w with both derivatives: value as an expression, two operands.
  static let wave = CustomOperation(
    "wave", value: { $0[0] * sin($0[1]) },
    derivative: { at, dy, slot in
      slot == 0 ? dy * sin(at.x[1]) : dy * at.x[0] * cos(at.x[1])
    })

  private static func softsign<Scalar: BinaryFloatingPoint & Sendable>(
    _ x: NDArray<Scalar>
  ) -> NDArray<Scalar> {
    NDArray(x.elements.map { $0 / (1 + $0.magnitude) }, shape: x.shape)
  }

  /// A layer of both operations, with a parameter of its own.
  struct Waves: Layer {
    static let kind = "waves"
    /// Which derivative of softsign is used; a wrong one lacks the square.
    var isWrong = false
    var declaresParameters: Bool { true }
    var settings: Settings { [:] }

    init(isWrong: Bool = false) { self.isWrong = isWrong }
    init(settings: Settings) throws { _ = try settings.reader(for: Self.kind, known: []) }

    static let wrongSoftsign = CustomOperation(
      "softsign", shape: { $0[0] }, float: { softsign($0[0]) }, double: { softsign($0[0]) },
      derivative: { at, dy, _ in dy / (1 + abs(at.x[0])) })

    func callAsFunction(_ x: Tensor, in context: LayerContext) -> Tensor {
      let phase = context.parameter(
        "phase", shape: [x.shape[1]], initializer: .uniform(low: 0.5, high: 1), role: .bias)
      let y = wave(x, phase.expanded(to: x.shape))
      return isWrong ? Self.wrongSoftsign(y) : softsign(y)
    }
  }

  static func network(isWrong: Bool = false) -> Network {
    Network {
      Dense(24, activation: .tanh)
      Waves(isWrong: isWrong)
      Dense(10)
    }
  }

  static func trainer(threads: Int, isWrong: Bool = false) throws -> Trainer {
    try Trainer(
      network(isWrong: isWrong), loss: .softmaxCrossEntropy,
      optimizer: .adam(learningRate: 0.01), on: try NoteSubject.digitsData.get(), seed: 4,
      threads: threads)
  }

  @Test("M14 an operation from outside trains in the executor with threads, is saved and loaded")
  func trainsAndIsKept() throws {
    let data = try NoteSubject.digitsData.get()
    var models: [Model] = []
    for threads in [1, 2, 3] {
      let trainer = try Self.trainer(threads: threads)
      let before = try trainer.evaluate(data.validation).loss
      _ = try trainer.fit(data.training, options: FitOptions(epochs: 6, patience: nil))
      let after = try trainer.evaluate(data.validation)
      #expect(after.loss < before / 3)
      #expect(try #require(after.accuracy) > 0.85)
      models.append(try trainer.model)
    }
    let areEqual = models.allSatisfy { $0.parameters == models[0].parameters }
    #expect(areEqual, "threads changed a bit")
    let path = FileManager.default.temporaryDirectory.path + "/\(UUID().uuidString).ebb"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try models[0].write(to: path)
    let loaded = try Model(contentsOf: path, ownLayers: [Waves.self])
    #expect(loaded.parameters == models[0].parameters)
    #expect(
      try loaded.predictor().predict(data.test).values
        == models[0].predictor().predict(data.test).values)
    #expect(throws: (any Error).self) { try Model(contentsOf: path) }
    let check = try loaded.check(on: data.training)
    #expect(check.verdict.isAgreement && check.undecided.isEmpty, "\(check)")
  }

  @Test("M14 the operations' own check: right derivatives agree, a wrong one is caught")
  func checked() throws {
    let x: NDArray<Double> = [[-1.5, 0.25], [0.75, 2]]
    for check in [try Self.softsign.check(x), try Self.wave.check(x, [[1, 2], [-1, 0.5]])] {
      #expect(check.verdict.isAgreement, "\(check)")
      let laws = check.laws.allSatisfy(\.verdict.isAgreement)
      #expect(laws, "\(check)")
    }
    let wrong = try Waves.wrongSoftsign.check(x)
    #expect(wrong.operands[0].verdict.isDisagreement, "\(wrong)")
  }

  @Test("M14 a wrong derivative is caught in the network it is part of, where it matters")
  func caughtInANetwork() throws {
    let data = try NoteSubject.digitsData.get()
    let check = try Self.trainer(threads: 1, isWrong: true).model.check(on: data.training)
    let wrong = check.tensors.filter(\.verdict.isDisagreement).map(\.name)
    #expect(wrong == ["hidden1.weight", "hidden1.bias", "hidden2.phase"], "\(check)")
    #expect(check.verdict.isDisagreement)
  }
}
