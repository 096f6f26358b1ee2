internal import EbbGradients
internal import EbbGraph
internal import EbbTraining

/// What differences are taken of: a weighted sum of an output's elements as a function of the numbers
/// that the graph is given, with every decision (a ReLU's side, a maximum) as it was at the point
/// where the gradient was taken. There it touches the true function, and it is smooth.
struct SmoothFunction {
  private let interpreter: Interpreter<Double>
  private let numbers: [String: NDArray<Double>]
  private let indices: [String: NDArray<Int32>]
  private let weights: [Double]
  private let seed: UInt64
  private let step: UInt64
  private let branches: Branches
  /// The weighted elements at the point.
  let terms: [Double]
  /// The rounding of the largest number on the way: what the values cannot resolve.
  let resolution: Double
  /// How far rounding may take a difference of two values, measured at the point.
  private(set) var noise = 0.0
  /// Forward passes so far.
  private(set) var evaluations = 0

  /// A function around a point.
  ///
  /// - Parameters:
  ///   - output: the name of the output.
  ///   - weights: by which its elements are multiplied before they are added.
  ///   - data: the inputs that were rounded before they came.
  ///   - seed: of random operations, with `step`: every pass draws the same numbers.
  init(
    _ graph: Graph, output: String, weights: [Double], numbers: [String: NDArray<Double>],
    data: Set<String> = [NetworkTrace.Port.features], indices: [String: NDArray<Int32>] = [:],
    seed: UInt64 = 0, step: UInt64 = 0
  ) throws {
    guard let id = graph.output(named: output) else {
      throw InputError(message: "there is no output named \"\(output)\"")
    }
    interpreter = try Interpreter(
      Graph(nodes: graph.nodes, outputs: [Graph.Output(name: output, id: id)]))
    (self.numbers, self.indices, self.weights) = (numbers, indices, weights)
    (self.seed, self.step) = (seed, step)
    var largest = 0.0
    let run = try interpreter.recording(numbers, indices: indices, seed: seed, step: step) {
      _, value in
      guard case .numbers(let array) = value else { return }
      for number in array.elements where number.isFinite {
        largest = max(largest, number.magnitude)
      }
    }
    resolution = largest * 0x1p-52 * weights.reduce(0) { $0 + $1.magnitude }
    branches = run.branches
    guard case .numbers(let elements)? = run.values.first, elements.count == weights.count else {
      throw InputError(
        message: "\(weights.count) weights do not fit the output \"\(output)\"")
    }
    terms = zip(elements.elements, weights).map { $0 * $1 }
    var jitter = RoundingJitter.double
    jitter.inputs = data
    if terms.count < RoundingJitter.roundsOfOne { jitter.rounds = RoundingJitter.roundsOfOne }
    let trials = try jitter.trials(
      interpreter, branches, numbers, indices: indices, seed: seed, step: step)
    for trial in trials.compactMap({ $0[output] }) {
      // The elements' errors add up at random, and each of the two values has them.
      let distances = zip(zip(trial.elements, weights), terms).map {
        jitter.rounding($0.0 * $0.1 - $1)
      }
      noise = max(noise, 2 * distances.norm)
    }
    if noise.isNaN { noise = .infinity }
  }

  /// The values at the point, added.
  var value: Double { terms.reduce(0, +) }

  /// The numbers of an input or parameter at the point.
  func point(_ name: String) -> [Double] { numbers[name]?.elements ?? [] }

  /// f(x + h d) − f(x − h d), element by element before they are added, so that what does not change
  /// does not round; and what the two points would have decided otherwise.
  mutating func rise(
    _ name: String, along direction: [Double], by h: Double
  ) throws -> (rise: Double, crossings: [Crossing]) {
    let ahead = try values(name, direction, h)
    let behind = try values(name, direction, -h)
    var total = 0.0
    for (place, weight) in weights.enumerated() where weight != 0 {
      total += weight * (ahead.elements[place] - behind.elements[place])
    }
    let isWorse =
      behind.crossings.map(\.count).reduce(0, +) > ahead.crossings.map(\.count).reduce(0, +)
    return (total, isWorse ? behind.crossings : ahead.crossings)
  }

  private mutating func values(
    _ name: String, _ direction: [Double], _ h: Double
  ) throws -> (elements: [Double], crossings: [Crossing]) {
    guard let point = numbers[name] else {
      throw InputError(message: "there is nothing named \"\(name)\" to move")
    }
    var given = numbers
    var moved = point.elements
    for place in moved.indices where direction[place] != 0 { moved[place] += h * direction[place] }
    given[name] = NDArray(moved, shape: point.shape)
    evaluations += 1
    let run = try interpreter.replaying(branches, given, indices: indices, seed: seed, step: step)
    guard case .numbers(let array)? = run.values.first else { return ([], []) }
    return (array.elements, run.crossings)
  }

  /// Crossings by layer.
  func kinks(_ crossings: [Crossing]) -> [GradientCheck.Kinks] {
    var layers: [(name: String, count: Int)] = []
    for crossing in crossings {
      let scope = interpreter.graph[crossing.node].scope
      let name = scope.isEmpty ? "the function" : scope
      if let place = layers.firstIndex(where: { $0.name == name }) {
        layers[place].count += crossing.count
      } else {
        layers.append((name, crossing.count))
      }
    }
    return layers.map { GradientCheck.Kinks(layer: $0.name, count: $0.count) }
  }
}
