internal import EbbData
internal import EbbGradients
internal import EbbGraph
internal import EbbNetworks
internal import EbbTraining

/// The slope of a batch's loss by one number after another, from forward passes alone: the number is
/// moved a little and the loss computed again.
///
/// Four passes for a number (Δ = 10⁻³, relative to parameters above 1 and to probabilities, which must
/// stay between 0 and 1): the error is of the order of Δ⁴.
/// Where the loss bends too much for that, Δ is made smaller and four more are run. Kinks that a step
/// would cross are held on the side where the network is, and counted.
struct Wiggling {
  private let interpreter: Interpreter<Double>
  private let numbers: [String: NDArray<Double>]
  private let indices: [String: NDArray<Int32>]
  private let branches: Branches
  private let loss: Double
  /// The input that is wiggled.
  private let port: String
  /// Whether the input holds a matrix turned against the orientation of names.
  private let isTurned: Bool
  /// The extents, in the orientation of names.
  let shape: Shape
  /// The unit in which each number is moved; nil: 1.
  private let units: [Double]?
  /// How many forward passes were run.
  private(set) var passes = 0
  /// The most elements that changed sides of a kink in one pass.
  private(set) var kinksCrossed = 0
  /// The operations of one pass.
  let operationsPerPass: Int
  /// How far rounding may take the loss.
  private let noise: Double

  /// A slope felt.
  struct Slope {
    let value: Double
    /// How far rounding, and bends of the loss that no step resolves, may take it.
    let error: Double
  }

  /// The first step, and the factor by which it is made smaller, at most `retries` times.
  private static let step = 1e-3
  private static let refinement = 0.125
  private static let retries = 4
  /// For probabilities of exactly 0 or 1.
  private static let leastUnit = 1e-290
  /// How far the two differences that are combined may lie apart, relative to the slope: the combined
  /// one then errs by about the square.
  private static let bend = 1e-4

  /// - Parameter name: a parameter, or a value from `features` to `predictions`.
  init(_ model: Model, _ batch: Batch, _ name: String, factors: [Double]) throws {
    let isParameter = model.parameters.contains { $0.name == name }
    let trace = try LossTrace(
      model, rows: batch.count,
      form: .init(
        throughPredictions: name == NetworkTrace.Port.predictions,
        nudged: isParameter ? nil : name),
      backward: false)
    var (numbers, indices) = try trace.inputs(model, batch, factors: factors, as: Double.self)
    if let specification = trace.specifications.first(where: { $0.name == name }) {
      port = name
      isTurned = specification.isTurned
      shape = specification.fileShape
    } else {
      port = LossTrace.Port.nudge
      isTurned = false
      shape = trace.values.first { $0.name == name }?.shape ?? .scalar
      numbers[port] = NDArray(repeating: 0, shape: shape)
    }
    var graph = trace.graph
    let value = LossTrace.Port.value(name)
    if name == NetworkTrace.Port.predictions && model.loss.outputFunction != .identity {
      graph.outputs = graph.outputs.filter { $0.name == value }
      let found = try Interpreter<Double>(graph).number(value, numbers, indices: indices)
      units = found.elements.map { max(min($0, 1 - $0), Self.leastUnit) }
      graph = trace.graph
    } else {
      units = nil
    }
    // The loss alone: what else is named would only be computed.
    graph.outputs = graph.outputs.filter { $0.name == LossTrace.Port.loss }
    operationsPerPass = graph.operationCounts.total
    interpreter = try Interpreter(graph)
    (self.numbers, self.indices) = (numbers, indices)
    let (values, branches) = try interpreter.recording(numbers, indices: indices)
    self.branches = branches
    guard case .numbers(let loss)? = values.first else {
      throw ExplanationError(.unknownElement, "the trace has no loss")
    }
    self.loss = loss.scalar
    passes = 1
    var jitter = RoundingJitter.double
    jitter.rounds = RoundingJitter.roundsOfOne
    let trials = try jitter.trials(interpreter, branches, numbers, indices: indices)
    noise = trials.reduce(loss.scalar.magnitude * 0x1p-53) { worst, trial in
      max(worst, jitter.rounding((trial[LossTrace.Port.loss]?.scalar ?? .nan) - loss.scalar))
    }
  }

  /// The loss by the number at a row-major place.
  mutating func slope(at place: Int) throws -> Slope {
    var moved = numbers
    let offset = isTurned ? (place % shape[1]) * shape[0] + place / shape[1] : place
    let value = numbers[port]?.elements[offset] ?? 0
    var step = Self.step * (units?[place] ?? max(1, value.magnitude))
    for attempt in 0...Self.retries {
      let losses = try [step, -step, 2 * step, -2 * step].map { distance in
        moved[port]?.elements[offset] = value + distance
        return try pass(moved)
      }
      let (near, far) = (losses[0] - losses[1], losses[2] - losses[3])
      let (simple, combined) = (near / (2 * step), (8 * near - far) / (12 * step))
      let scale = max(combined.magnitude, Self.step * self.loss.magnitude)
      let (bend, rounding) = ((combined - simple).magnitude, 2 * noise / step)
      // A smaller step would only round more.
      if bend <= max(Self.bend * scale, 4 * rounding) {
        return Slope(value: combined, error: rounding)
      }
      if attempt == Self.retries { return Slope(value: combined, error: rounding + bend) }
      step *= Self.refinement
    }
    return Slope(value: .nan, error: .infinity)
  }

  private mutating func pass(_ numbers: [String: NDArray<Double>]) throws -> Double {
    let (values, crossings) = try interpreter.replaying(branches, numbers, indices: indices)
    passes += 1
    kinksCrossed = max(kinksCrossed, crossings.reduce(0) { $0 + $1.count })
    guard case .numbers(let loss)? = values.first else { return .nan }
    return loss.scalar
  }
}
