import Ebb
import EbbGraph
import TestSupport
import Testing

@Suite struct ClippingNumbersTests {
  /// Parameters before minus after one step of plain descent with learning rate 1: the gradient used.
  static func gradient(_ options: TrainingOptions) throws -> [Float] {
    let data = try threeClasses(rows: 40)
    let trainer = try Trainer(
      Network {
        Dense(9, activation: .tanh)
        Dense(3)
      }, loss: .softmaxCrossEntropy, optimizer: .sgd(learningRate: 1), inputs: 6, options: options)
    let before = try trainer.model.parameters.flatMap(\.values.elements)
    try trainer.step(Batch(data, rows: Array(0..<40)))
    return zip(before, try trainer.model.parameters.flatMap(\.values.elements)).map { $0 - $1 }
  }

  static func norm(_ values: [Float]) -> Double {
    values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
  }

  @Test("Numbers: clipping by global norm: direction kept, length no more than the limit")
  func limit() throws {
    let free = try Self.gradient(.init(seed: 5))
    let length = Self.norm(free)
    #expect(length > 0.1)
    for share in [0.1, 0.5, 0.99] {
      let limit = share * length
      let clipped = try Self.gradient(.init(seed: 5, gradientClipping: limit))
      #expect(abs(Self.norm(clipped) / limit - 1) < 1e-5)
      for (a, b) in zip(clipped, free) { #expect(abs(Double(a) - share * Double(b)) < 3e-7) }
    }
    // What is within the limit is not touched, by a bit.
    #expect(try Self.gradient(.init(seed: 5, gradientClipping: 1.01 * length)) == free)
    let two = try Self.gradient(.init(seed: 5, threads: 3, gradientClipping: 0.1))
    #expect(try Self.gradient(.init(seed: 5, gradientClipping: 0.1)) == two)
  }

  /// One weight from 0, one row.
  static func single(
    feature: Float, target: Float, optimizer: any Optimizer = .sgd(learningRate: 1),
    clipping: Double?
  ) throws -> (trainer: Trainer, data: Dataset) {
    let trainer = try Trainer(
      Network { Dense(1, hasBias: false, weights: .zeros) }, loss: .squaredError,
      optimizer: optimizer, inputs: 1, options: .init(gradientClipping: clipping))
    return (trainer, try Dataset(features: [[feature]], values: [[target]]))
  }

  @Test("Numbers: clipping: the norm is in Double, whose squares do not overflow or vanish")
  func range() throws {
    // The gradient is −2 · target · feature: 2e30, whose square is no Float.
    let (large, data) = try Self.single(feature: 1e20, target: -1e10, clipping: 0.5)
    try large.step(Batch(data, rows: [0]))
    #expect(try large.model.parameters[0].values.elements == [-0.5])
    // 2e-30, whose square is 0 in Float.
    let (small, other) = try Self.single(feature: 1e-20, target: -1e-10, clipping: 1e-31)
    try small.step(Batch(other, rows: [0]))
    let moved = try small.model.parameters[0].values.elements[0]
    #expect(abs(Double(moved) / -1e-31 - 1) < 1e-6)
  }

  @Test("Numbers: clipping: gradients that are not finite are never scaled: training stops")
  func policy() throws {
    for clipping in [nil, 1.0] {
      for optimizer: any Optimizer in [.sgd(learningRate: 1), .adam()] as [any Optimizer] {
        // The loss is 1e38, the gradient 2e39: infinite in Float.
        let (trainer, data) = try Self.single(
          feature: 1e20, target: -1e19, optimizer: optimizer, clipping: clipping)
        #expect {
          try trainer.fit(data, options: .init(epochs: 3, patience: nil))
        } throws: { ($0 as? TrainingDiverged)?.step == 1 }
        // The numbers are those before the step.
        #expect(try trainer.model.parameters[0].values.elements == [0])
      }
    }
  }

  @Test(
    "Numbers: clipping: a limit that is no positive number is refused",
    arguments: [0, -1, .nan, .infinity])
  func refused(limit: Double) {
    #expect(throws: SettingsError.self) { try TrainingOptions(gradientClipping: limit).validate() }
  }
}
