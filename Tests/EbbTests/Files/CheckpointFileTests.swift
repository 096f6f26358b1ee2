import Ebb
import EbbGraph
import EbbSystem
import Testing

/// An optimizer as users write them, with slots of its own.
private struct Drift: Optimizer {
  static let kind = "drift"
  var learningRate: Double
  let slots = ["seen", "sum"]
  init(learningRate: Double) { self.learningRate = learningRate }
  init(settings: Settings) throws {
    let reader = try settings.reader(for: Self.kind, known: ["learningRate"])
    self.init(learningRate: try reader.number("learningRate"))
  }
  var settings: Settings { ["learningRate": .number(learningRate)] }
  var scalarNames: [String] { [] }
  func appendScalars(step: UInt64, learningRate: Double, to values: inout [Double]) {}
  func update(
    _ parameter: Tensor, gradient: Tensor, slots: [Tensor], scalars: [String: Tensor],
    role: ParameterRole
  ) -> (parameter: Tensor, slots: [Tensor]) { (parameter - gradient, slots) }
  func validate() throws(SettingsError) {}
}

@Suite struct CheckpointFileTests {
  let directory: FilesDirectory

  init() throws { directory = try FilesDirectory() }

  /// What reading bytes as a checkpoint throws.
  private func fault(_ bytes: [UInt8]) throws -> ModelFileError? {
    let path = try directory.put(bytes)
    return fileError { () throws(ModelFileError) in _ = try Checkpoint(contentsOf: path) }
  }

  private func smallBytes() throws -> [UInt8] {
    try smallCheckpoint().write(to: directory.file("small.ebb"))
    return try directory.bytes("small.ebb")
  }

  @Test(arguments: OptimizerChoice.allCases)
  func roundTripsKeepEveryBit(choice: OptimizerChoice) throws {
    let checkpoint = try smallCheckpoint(
      choice.optimizer(learningRate: 0.30000000000000004, weightDecay: 1e-5))
    let path = directory.file("checkpoint.ebb")
    try checkpoint.write(to: path)
    #expect(try Checkpoint(contentsOf: path).isSame(as: checkpoint))
    let bytes = try directory.bytes("checkpoint.ebb")
    try Checkpoint(contentsOf: path).write(to: path)
    #expect(try directory.bytes("checkpoint.ebb") == bytes)
    #expect(try directory.names == ["checkpoint.ebb"])
  }

  @Test func numbersOf64BitsAreKept() throws {
    let numbers: [UInt64] = [0, 1, 1 << 53 + 1, 1 << 63, .max]
    for number in numbers {
      var checkpoint = try smallCheckpoint()
      checkpoint.step = min(number, UInt64(CountLimit.most))
      checkpoint.model.record.seed = number
      try checkpoint.write(to: directory.file("a.ebb"))
      let read = try Checkpoint(contentsOf: directory.file("a.ebb"))
      #expect(read.step == checkpoint.step && read.model.record.seed == number)
    }
  }

  @Test func countsThatWouldOverflowAreRefused() throws {
    var checkpoint = try smallCheckpoint()
    for step: UInt64 in [UInt64(CountLimit.most) + 1, 1 << 62, 1 << 63, .max] {
      checkpoint.step = step
      try checkpoint.write(to: directory.file("step.ebb"))
      let error = fileError { () throws(ModelFileError) in
        _ = try Checkpoint(contentsOf: directory.file("step.ebb"))
      }
      #expect(error?.kind == .badDescription && error?.message.contains("step") == true)
    }
    checkpoint = try smallCheckpoint()
    for epoch in [CountLimit.most + 1, 1 << 62, .max] {
      checkpoint.epoch = epoch
      try checkpoint.write(to: directory.file("epoch.ebb"))
      let error = fileError { () throws(ModelFileError) in
        _ = try Checkpoint(contentsOf: directory.file("epoch.ebb"))
      }
      #expect(error?.kind == .badDescription && error?.message.contains("epoch") == true)
    }
  }

  @Test func ownOptimizersAreReadWhereTheyAreNamed() throws {
    let checkpoint = try smallCheckpoint(Drift(learningRate: 0.5))
    let path = directory.file("own.ebb")
    try checkpoint.write(to: path)
    #expect(
      try Checkpoint(contentsOf: path, ownOptimizers: [Drift.self]).isSame(as: checkpoint))
    let error = fileError { () throws(ModelFileError) in _ = try Checkpoint(contentsOf: path) }
    #expect(error?.kind == .badDescription)
    #expect(error?.message.contains("no optimizer is of the kind \"drift\"") == true)
    // Its model does not depend on the optimizer.
    #expect(try Model(contentsOf: path).isSame(as: checkpoint.model))
  }

  @Test func modelAndCheckpointAreToldApart() throws {
    let checkpoint = try smallCheckpoint()
    let path = directory.file("checkpoint.ebb")
    try checkpoint.write(to: path)
    #expect(try Model(contentsOf: path).isSame(as: checkpoint.model))
    try checkpoint.model.write(to: directory.file("model.ebb"))
    let error = try fault(try directory.bytes("model.ebb"))
    #expect(error?.kind == .noCheckpoint)
    #expect(error?.message.contains("this is a model, not a checkpoint") == true)
  }

  @Test func everyMismatchIsListed() throws {
    let error = try fault(
      try edited(
        smallBytes(),
        arrays: { arrays in
          arrays.removeAll { $0.name == "optimizer/hidden1.bias.v" || $0.name == "output.bias" }
          arrays.append(("optimizer/hidden1.bias.w", NDArray([1, 2, 3])))
          arrays[3].values = NDArray([1])
        }))
    #expect(error?.kind == .wrongArrays)
    #expect(
      error?.message
        == "the arrays do not fit the network: output.bias [2] is missing; "
        + "optimizer/hidden1.weight.m is [1], expected [3, 3]; "
        + "optimizer/hidden1.bias.v [3] is missing; "
        + "\"optimizer/hidden1.bias.w\" [3] belongs to nothing")
  }

  @Test func hostileDescriptionsAreRefused() throws {
    let bytes = try smallBytes()
    let cases: [(member: String, value: JSONValue?, message: String)] = [
      ("step", 3, "checkpoint.step: expected a text"),
      ("step", "-1", "checkpoint.step: expected a text of digits"),
      ("epoch", -1, "checkpoint.epoch: expected an integer from 0"),
      ("progress", nil, "checkpoint: the member \"progress\" is missing"),
      ("novelty", 1, "checkpoint: unknown member \"novelty\""),
      ("optimizer", [:], "checkpoint.optimizer: the member \"kind\" is missing"),
      ("optimizer", ["kind": "adam", "settings": [:]], "learningRate"),
      (
        "optimizer", ["kind": "adam", "settings": ["learningRate": -1]],
        "expected 0 or more, got -1.0"
      ),
    ]
    for (member, value, message) in cases {
      let error = try fault(
        try edited(bytes) { description in
          var checkpoint = try JSONField(try #require(description["checkpoint"])).object()
          checkpoint[member] = value
          description["checkpoint"] = .object(checkpoint)
        })
      #expect(error?.kind == .badDescription, "\(member)")
      #expect(
        error?.message.contains(message) == true,
        "\(member): expected \"\(message)\", got \(error?.description ?? "no error")")
    }
  }

  @Test func whatCouldNotBeReadIsNotWritten() throws {
    let path = directory.file("checkpoint.ebb")
    let old = try smallCheckpoint()
    try old.write(to: path)
    var infinite = old
    infinite.progress = ["loss": ["best": [1, .number(.infinity)]]]
    var missing = old
    missing.slots.removeLast()
    var turned = old
    turned.slots[0].values = NDArray([1])
    for (checkpoint, message) in [
      (infinite, "checkpoint.progress.loss.best[1]: inf cannot be written"),
      (missing, "the optimizer's arrays are not those of its parameters"),
      (turned, "got hidden1.weight.m [1]"),
    ] {
      let error = fileError { () throws(ModelFileError) in try checkpoint.write(to: path) }
      #expect(error?.kind == .badContent && error?.path == path)
      #expect(error?.message.contains(message) == true, "\(error as Any)")
    }
    #expect(try Checkpoint(contentsOf: path).isSame(as: old))
  }
}
