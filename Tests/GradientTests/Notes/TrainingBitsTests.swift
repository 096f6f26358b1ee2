import Ebb
import EbbEngine
import EbbSystem
import Foundation
import TestSupport
import Testing

/// Training gives the same bits: by the trainer, by the interpreter, with any number of threads, on
/// either instruction set, today and tomorrow.
@Suite struct TrainingBitsTests {
  /// A step written down apart from the trainer, run by hand on a state of its own.
  struct HandRun {
    let network: Network
    let inputs: Int
    let loss = Loss.softmaxCrossEntropy
    let optimizer: any Optimizer
    let seed: UInt64

    /// What one step is given: a batch's rows and the optimizer's numbers.
    func given(
      _ batch: Batch, step: UInt64
    ) throws -> (features: [Float], labels: [Int32], scalars: [(String, Float)]) {
      guard case .classes(let labels, _) = batch.dataset.targets else {
        throw InputError(message: "expected classes")
      }
      var scalars: [Double] = []
      optimizer.appendScalars(step: step, learningRate: optimizer.learningRate, to: &scalars)
      try #require(scalars.count == optimizer.scalarNames.count)
      return (
        batch.rows.flatMap { batch.dataset.features(ofRow: Int($0)) },
        batch.rows.map { labels[Int($0)] },
        zip(optimizer.scalarNames, scalars).map { ($0, Float($1)) }
      )
    }

    func graph(rows: Int) throws -> Graph {
      try stepGraph(network, inputs: inputs, rows: rows, loss: loss, optimizer: optimizer)
    }

    /// Parameters and slots by name, in memory order; slots are zero.
    func start(_ model: Model) throws -> [String: NDArray<Float>] {
      var state = model.numbers.mapValues { $0.map { Float($0) } }
      for (name, array) in state {
        for slot in optimizer.slots {
          state["\(name).\(slot)"] = NDArray(repeating: 0, shape: array.shape)
        }
      }
      return state
    }

    /// The state after the batches, by the interpreter in single precision.
    func interpreted(_ batches: [Batch], from model: Model) throws -> [String: NDArray<Float>] {
      var state = try start(model)
      for (index, batch) in batches.enumerated() {
        let step = UInt64(index + 1)
        let graph = try graph(rows: batch.count)
        let given = try given(batch, step: step)
        var values = state
        values["features"] = NDArray(given.features, shape: [batch.count, inputs])
        for (name, value) in given.scalars { values[name] = NDArray(scalar: value) }
        let results = try Interpreter(inSinglePrecision: graph).run(
          values, indices: ["targets": NDArray(given.labels)], seed: seed, step: step)
        for (output, result) in zip(graph.outputs, results) {
          guard let id = output.parameter, case .numbers(let array) = result,
            case .source(.parameter(let name, _)) = graph[id].op
          else { continue }
          state[name] = array
        }
      }
      return state
    }

    /// The state after the batches, by the executor with some kernels.
    func executed(
      _ batches: [Batch], from model: Model, kernels: KernelSet, threads: Int
    ) throws -> [String: NDArray<Float>] {
      var result = try start(model)
      let state = try StateBlock(StateLayout(try graph(rows: 1)))
      for (name, array) in result { state[name] = array.elements }
      for (index, batch) in batches.enumerated() {
        let step = UInt64(index + 1)
        let plan = try Plan(try graph(rows: batch.count), state: state.layout)
        let executor = try Executor(plan, state: state, threads: threads, kernels: kernels)
        let given = try given(batch, step: step)
        executor.setInput(try #require(plan.input("features")), given.features)
        executor.setInput(try #require(plan.input("targets")), given.labels)
        for (name, value) in given.scalars {
          executor.setInput(try #require(plan.input(name)), value)
        }
        executor.run(seed: seed, step: step)
      }
      for (name, array) in result { result[name] = NDArray(state[name], shape: array.shape) }
      return result
    }
  }

  /// The bits of a model's parameters, weights as in memory.
  static func bits(_ model: Model) -> [String: [UInt32]] {
    model.numbers.mapValues { $0.elements.map { Float($0).bitPattern } }
  }

  @Test(
    "Whole training steps of the digits network: the trainer's bits are the interpreter's",
    arguments: ["sgd", "adam"])
  func interpreterEquality(_ kind: String) throws {
    let data = try NoteSubject.digitsData.get()
    let network = Network {
      Dense(32, activation: .tanh)
      Dropout(0.25)
      Dense(16, activation: .gelu)
      Dense(10)
    }
    let optimizer: any Optimizer =
      kind == "sgd" ? SGD(learningRate: 0.1, weightDecay: .l2(0.001)) : .adam(learningRate: 0.01)
    let trainer = try Trainer(
      network, loss: .softmaxCrossEntropy, optimizer: optimizer, on: data, seed: 9)
    let run = HandRun(
      network: network, inputs: data.training.featureCount, optimizer: optimizer, seed: 9)
    let start = try trainer.model
    var batches = Array(try data.training.batches(of: 32, epoch: 1, seed: 9).prefix(2))
    batches.append(try Batch(data.training, rows: Array(100..<(100 + NoteSubject.rows))))
    for batch in batches { try trainer.step(batch) }
    let state = try run.interpreted(batches, from: start)
    let mine = Self.bits(try trainer.model)
    #expect(mine.count == 6)
    for (name, bits) in mine {
      #expect(state[name]?.elements.map(\.bitPattern) == bits, "\(kind), \(name)")
    }
  }

  // MARK: The golden run

  static let network = Network {
    Dense(96, activation: .relu)
    Dropout(0.1)
    Dense(80, activation: .gelu)
    Dense(48, activation: .sigmoid, weights: .glorotNormal)
    Dense(40, activation: .elu)
    Dense(10, biases: .uniform(low: -0.1, high: 0.1))
  }

  /// Rows by a formula in whole numbers, so that they are the same everywhere.
  static func data() throws -> Dataset {
    let (rows, width) = (300, 64)
    let features = (0..<(rows * width)).map { index -> Float in
      let number = (index * 7919 + index / width * 31) % 2003
      return Float(number - 1001) / 1024
    }
    let labels = (0..<Int32(rows)).map { row -> Int32 in (row * row + 3 * row) % 10 }
    return try Dataset(
      features: features, featureCount: width, targets: .classes(labels, count: 10))
  }

  /// SHA-256 over the parameters' bits in order of declaration, weights as in files.
  static func hash(_ parameters: [NDArray<Float>]) -> String {
    SHA256.hexDigest(
      of: parameters.flatMap { array in
        array.elements.flatMap { value in
          (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
        }
      })
  }

  /// The hash of the golden run. A change here is a change of the numeric contract.
  static let golden = "b8371088950112188d0cebbdf2ccb4378c7f71565ca175ba2fdeeab57990285a"

  static let optimizer = Adam(learningRate: 0.01)

  /// 64 rows to a step: four steps and a ragged one, twice.
  static func batches() throws -> [Batch] {
    try (1...2).flatMap { Array(try data().batches(of: 64, epoch: $0, seed: 12)) }
  }

  static func trainer(threads: Int) throws -> Trainer {
    try Trainer(
      network, loss: .softmaxCrossEntropy, optimizer: optimizer, inputs: 64,
      options: TrainingOptions(seed: 12, threads: threads))
  }

  @Test(
    "The golden run: one hash, for any number of threads, again and again", arguments: [1, 2, 3])
  func goldenRun(threads: Int) throws {
    for _ in 0..<2 {
      let trainer = try Self.trainer(threads: threads)
      for batch in try Self.batches() { try trainer.step(batch) }
      #expect(Self.hash(try trainer.model.parameters.map(\.values)) == Self.golden)
    }
  }

  /// The parameters in order of declaration, as in files, from a state in memory order.
  static func parameters(
    of model: Model, from state: [String: NDArray<Float>]
  ) throws -> [NDArray<Float>] {
    try model.parameters.map { parameter in
      let array = try #require(state[parameter.name])
      #expect(array.elements.allSatisfy { $0.isFinite })
      #expect(array.elements != parameter.values.transposedIfMatrix.elements, "nothing was learned")
      return parameter.role == .weight ? array.transposed() : array
    }
  }

  @Test("The golden run by the interpreter")
  func goldenRunInterpreted() throws {
    let run = HandRun(network: Self.network, inputs: 64, optimizer: Self.optimizer, seed: 12)
    let start = try Self.trainer(threads: 1).model
    let state = try run.interpreted(try Self.batches(), from: start)
    #expect(Self.hash(try Self.parameters(of: start, from: state)) == Self.golden)
  }

  @Test("The golden run on each instruction set of this machine", arguments: ["portable", "avx2"])
  func goldenRunOnKernels(_ name: String) throws {
    guard let kernels = KernelSet.named(name) else { return }
    let run = HandRun(network: Self.network, inputs: 64, optimizer: Self.optimizer, seed: 12)
    let start = try Self.trainer(threads: 1).model
    for threads in [1, 3] {
      let state = try run.executed(
        try Self.batches(), from: start, kernels: kernels, threads: threads)
      let parameters = try Self.parameters(of: start, from: state)
      #expect(Self.hash(parameters) == Self.golden, "\(name), \(threads) threads")
    }
  }
}

extension NDArray {
  fileprivate var transposedIfMatrix: NDArray { shape.rank == 2 ? transposed() : self }
}
