import Ebb
import EbbSystem
import TestSupport
import Testing

@Suite struct WhatIfTests {
  private static func subject(
    _ optimizer: any Optimizer, _ options: TrainingOptions = TrainingOptions(seed: 1)
  ) throws -> (subject: ExplanationSubject, trainer: Trainer, batch: Batch) {
    let data = try Subjects.three(.tanh).batch
    let network = Network {
      Dense(6, activation: .tanh)
      Dense(3)
    }
    let trainer = try Trainer(
      network, loss: .softmaxCrossEntropy, optimizer: optimizer, inputs: 8, options: options)
    for _ in 0..<3 { try trainer.step(data) }
    let checkpoint = try trainer.checkpoint(progress: .null)
    let moment = ExplanationSubject.Moment(
      optimizer: optimizer,
      slots: Dictionary(uniqueKeysWithValues: checkpoint.slots.map { ($0.name, $0.values) }),
      steps: checkpoint.step, learningRate: optimizer.learningRate, options: options)
    let subject = try ExplanationSubject(
      model: checkpoint.model, row: Batch(data.dataset, rows: [1]), name: "row 2", batch: data,
      batchName: "the next step's rows", moment: moment)
    return (subject, trainer, data)
  }

  @Test("M8 the loss really gained is that of the trainer's next model")
  func gain() throws {
    let rules: [any Optimizer] = [
      .sgd(), .adam(), .nesterov(), .rmsProp(momentum: 0.9), .adagrad(), .adamW(),
    ]
    for optimizer in rules {
      let (subject, trainer, batch) = try Self.subject(optimizer)
      let found = try WhatIfExplanation(subject)
      try trainer.step(batch)
      let after = try trainer.model
      for (effect, rows) in [(found.batch, batch), (try #require(found.row), subject.row)] {
        let expected = try after.gradients(on: rows).loss
        let all = try #require(effect.changes(scale: 1).last)
        #expect(all.layer == nil)
        #expect((effect.loss + all.actual - expected).magnitude < 1e-12, "\(optimizer.summary)")
        // As if the loss were a plane: the layers' shares add up, and scale.
        let shares = effect.changes(scale: 1).dropLast().reduce(0) { $0 + $1.predicted }
        #expect((shares - all.predicted).magnitude < 1e-12)
        let small = try #require(effect.changes(scale: 0.1).last)
        #expect((small.predicted - 0.1 * all.predicted).magnitude < 1e-12)
        // What is left over shrinks with the square of the step.
        let (near, far) = (small.actual - small.predicted, all.actual - all.predicted)
        #expect(near.magnitude < 0.02 * far.magnitude + 1e-7, "\(optimizer.summary)")
      }
      let strangers = NumbersInText.strangers(found)
      #expect(strangers.isEmpty, "\(strangers)\n\(found.text)")
      #expect(NumbersInText.width(found) <= 80, "\(found.text)")
    }
  }

  @Test("M8 gradient descent's gain is −η |∇L|², and a layer alone changes nothing but itself")
  func plane() throws {
    let (subject, _, batch) = try Self.subject(.sgd(learningRate: 0.01))
    let found = try WhatIfExplanation(subject)
    let gradients = try subject.model.gradients(on: batch)
    let norm = gradients.vector.norm
    let all = try #require(found.batch.changes(scale: 1).last)
    #expect((all.predicted + 0.01 * norm * norm).magnitude < 1e-5 * all.predicted.magnitude)
    #expect(found.batch.changes(scale: 1).map(\.layer) == ["hidden1", "output", nil])
    let step = try #require(try TrainingStep(subject))
    var model = subject.model
    for change in step.changes where change.name.hasPrefix("output.") {
      model = try model.replacing(change.name, change.new.map { Float($0) })
    }
    let expected = try model.gradients(on: batch).loss - found.batch.loss
    let alone = found.batch.changes(scale: 1)[1]
    #expect((alone.actual - expected).magnitude < 1e-12)
  }

  @Test("M8 a model without an optimizer's state has no next step")
  func noMoment() throws {
    let subject = try Subjects.three(.tanh).subject()
    let error = #expect(throws: ModelError.self) { try WhatIfExplanation(subject) }
    #expect(error?.message.contains("directory of a run") == true)
  }
}
