internal import EbbEngine
internal import EbbGraph
internal import EbbSystem

/// What is about to be asked of the system needs more memory than there is.
public struct MemoryError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What needs how much, how much there is, and what to do.
  public let message: String
  /// The message.
  public var description: String { message }

  init(_ message: String) { self.message = message }
}

/// An estimate of the memory that something will take, made before any of it is asked for: the system
/// promises more than it has, and a program that it did not give any ends without a word.
struct MemoryNeed {
  /// Such as `training this network`.
  private let purpose: String
  /// What to do if there is too little.
  private let advice: String
  private var parts: [(name: String, bytes: Double)] = []
  /// Bytes that are set apart for threads and hardly used: only a limit of the process counts them.
  private var addresses = 0.0

  /// So little is always tried.
  private static let negligible = 8e6

  init(_ purpose: String, advice: String = "make it smaller, or use a machine with more memory") {
    (self.purpose, self.advice) = (purpose, advice)
  }

  /// The need with a part more; counts are Doubles, so that no product of sizes overflows.
  func adding(_ name: String, _ count: Double, bytesEach: Double = 4) -> MemoryNeed {
    var result = self
    result.parts.append((name, count * bytesEach))
    return result
  }

  /// The sum of the parts in bytes.
  var bytes: Double { parts.reduce(0) { $0 + $1.bytes } }

  /// Throws if there is not as much.
  func check() throws(MemoryError) {
    if bytes > Self.negligible { try check(against: .now) }
  }

  /// Throws if it is more than what is left, with a quarter and 16 MB for what an estimate does not
  /// know: what is held twice for a moment, threads' stacks, gaps between the pieces.
  func check(against available: AvailableMemory?) throws(MemoryError) {
    var reserve = bytes / 4 + 16e6
    if available?.bound == .process { reserve += addresses }
    let total = bytes + reserve
    guard let available, total > Double(available.bytes) else { return }
    let large = parts.filter { $0.bytes >= 0.01 * bytes }.sorted { $0.bytes > $1.bytes }
    let list = (large + [("work on the way", reserve)])
      .map { "\(Self.text($0.bytes)) for \($0.name)" }.joined(separator: ", ")
    throw MemoryError(
      "\(purpose) needs about \(Self.text(total)) of memory (\(list)), and"
        + " \(Self.text(Double(available.bytes))) are left \(available.bound.words); \(advice)")
  }

  private static func text(_ bytes: Double) -> String {
    NumberFormat.bytes(Int(exactly: bytes.rounded()) ?? .max)
  }
}

// MARK: What is estimated

extension MemoryNeed {
  private static let smallerNetwork =
    "make the layers narrower, or use a machine with more memory"

  /// A trainer's own numbers.
  static func trainer(_ specifications: [ParameterSpecification], slots: Int) -> MemoryNeed {
    let (all, largest) = counts(specifications.map(\.shape))
    return MemoryNeed("training this network", advice: smallerNetwork)
      .adding("the weights", all).adding("the optimizer's numbers", all * Double(slots))
      .adding("their first values", largest)
  }

  /// A run: the trainer, what is saved of it, and what its layers give for the rows of a step.
  ///
  /// - Parameter isResumed: whether a checkpoint is read first.
  static func run(
    _ network: Network, inputs: Int, slots: Int, batch: Int, threads: Int, isResumed: Bool
  ) throws -> MemoryNeed {
    let layers = try network.summary(inputs: inputs)
    let specifications = layers.flatMap(\.parameters)
    let (all, largest) = counts(specifications.map(\.shape))
    let widths = layers.reduce(Double(inputs)) { $0 + Double($1.outputShape.count) }
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
  static func interpreter(
    _ purpose: String, _ model: Model, rows: Int, copies: Double
  ) throws -> MemoryNeed {
    let (all, _) = counts(model.parameters.map(\.values.shape))
    let layers = try model.network.summary(inputs: model.inputCount)
    let widths = layers.reduce(Double(model.inputCount)) { $0 + Double($1.outputShape.count) }
    return MemoryNeed(purpose, advice: "use fewer rows, or a machine with more memory")
      .adding("weights and gradients in double precision", all * copies, bytesEach: 8)
      .adding("what the layers give", 4 * Double(rows) * widths, bytesEach: 8)
  }

  /// Throws if there is no memory for a table's numbers.
  static func table(
    rows: Int, columns: Int, bytesEach: Double, of source: String
  ) throws(DataError) {
    do throws(MemoryError) {
      try MemoryNeed(
        "a table of \(NumberFormat.counted(rows, "row")) and"
          + " \(NumberFormat.counted(columns, "column"))",
        advice: "take fewer rows or columns, or a machine with more memory"
      ).adding("its numbers", Double(rows) * Double(columns), bytesEach: bytesEach).check()
    } catch {
      throw DataError(.unreadable, source: source, error.message)
    }
  }

  private static func counts(_ shapes: [Shape]) -> (all: Double, largest: Double) {
    let counts = shapes.map { $0.extents.reduce(1.0) { $0 * Double($1) } }
    return (counts.reduce(0, +), counts.max() ?? 0)
  }
}

extension Plan {
  /// Throws if there is no memory to run the plan in.
  ///
  /// - Parameter rows: for how many rows it was made.
  func checkMemory(_ purpose: String, rows: Int) throws(MemoryError) {
    try MemoryNeed(
      "\(purpose) of \(NumberFormat.counted(rows, "row")) at a time",
      advice: "make the layers narrower or --batch smaller, or use a machine with more memory"
    ).adding("what the layers give", Double(arenaCount)).check()
  }
}
