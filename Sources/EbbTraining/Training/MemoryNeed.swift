internal import EbbEngine
internal import EbbGraph
package import EbbNetworks
package import EbbSystem

/// What training, prediction and gradients of a network take.
extension MemoryNeed {
  private static let smallerNetwork =
    "make the layers narrower, or use a machine with more memory"

  /// A trainer's own numbers.
  package static func trainer(_ specifications: [ParameterSpecification], slots: Int) -> MemoryNeed
  {
    let (all, largest) = counts(specifications.map(\.shape))
    return MemoryNeed("training this network", advice: smallerNetwork)
      .adding("the weights", all).adding("the optimizer's numbers", all * Double(slots))
      .adding("their first values", largest)
  }

  /// A run: the trainer, what is saved of it, and what its layers give for the rows of a step.
  ///
  /// - Parameter isResumed: whether a checkpoint is read first.
  package static func run(
    _ network: Network, inputs: Int, slots: Int, batch: Int, threads: Int, isResumed: Bool
  ) throws -> MemoryNeed {
    let layers = try network.summary(inputs: inputs)
    let specifications = layers.flatMap(\.parameters)
    let (all, largest) = counts(specifications.map(\.shape))
    let widths = Network.numbersPerRow(layers, inputs: inputs)
    let rows = Double(max(batch, Predictor.rows)) + Double(batch)
    var need = trainer(specifications, slots: slots)
    // A stack, and what the allocator sets apart for each thread.
    need.addresses = Double(max(0, threads - 1)) * 72e6
    return
      need
      .adding("the checkpoint that is read", isResumed ? 2 * all * Double(1 + slots) : 0)
      .adding("the best model and a checkpoint as they are written", all * Double(2 + slots))
      .adding("turning them", largest)
      .adding("the gradients that are noted", 2 * all)
      .adding("what the layers give", rows * widths)
  }

  /// A model's numbers in an executor's memory.
  static func predictor(_ model: Model) -> MemoryNeed {
    let (all, largest) = counts(model.parameters.map(\.values.shape))
    return MemoryNeed("predicting with this network", advice: smallerNetwork)
      .adding("the weights", all).adding("turning them", largest)
  }

  /// Gradients of a model by the interpreter, which keeps the numbers of each node in double precision
  /// until they are used.
  ///
  /// - Parameter copies: how many times the parameters are there at once.
  package static func interpreter(
    _ purpose: String, _ model: Model, rows: Int, copies: Double
  ) throws -> MemoryNeed {
    let (all, _) = counts(model.parameters.map(\.values.shape))
    let widths = try model.network.numbersPerRow(inputs: model.inputCount)
    return MemoryNeed(purpose, advice: "use fewer rows, or a machine with more memory")
      .adding("weights and gradients in double precision", all * copies, bytesEach: 8)
      .adding("what the layers give", 4 * Double(rows) * widths, bytesEach: 8)
  }

  private static func counts(_ shapes: [Shape]) -> (all: Double, largest: Double) {
    let counts = shapes.map { $0.extents.reduce(1.0) { $0 * Double($1) } }
    return (counts.reduce(0, +), counts.max() ?? 0)
  }
}

extension Network {
  /// How many numbers a row becomes on its way: its inputs, and what each layer gives.
  package func numbersPerRow(inputs: Int) throws -> Double {
    Self.numbersPerRow(try summary(inputs: inputs), inputs: inputs)
  }

  fileprivate static func numbersPerRow(_ layers: [LayerSummary], inputs: Int) -> Double {
    layers.reduce(Double(inputs)) { $0 + Double($1.outputShape.count) }
  }
}

extension Plan {
  /// Throws if there is no memory to run the plan in.
  ///
  /// - Parameter rows: for how many rows it was made.
  package func checkMemory(_ purpose: String, rows: Int) throws(MemoryError) {
    try MemoryNeed(
      "\(purpose) of \(NumberFormat.counted(rows, "row")) at a time",
      advice: "make the layers narrower or --batch smaller, or use a machine with more memory"
    ).adding("what the layers give", Double(arenaCount)).check()
  }
}
