import EbbGraph

/// A graph made at random: a list of steps, each of which uses earlier values, some many times.
struct RandomGraph: CustomStringConvertible {
  /// What a step computes from one or two earlier values of shape [3, 3].
  enum Step: Int, CaseIterable {
    case tanh, sigmoid, sin, softplus, relu, abs, exp, rsqrt
    case add, subtract, multiply, maximum, matmul, divide, select, rowSum, softmax, largest
  }

  let seed: UInt64
  var steps: [(step: Step, first: Int, second: Int)]

  init(seed: UInt64) {
    self.seed = seed
    var draw = Draw(seed: seed)
    let count = draw.integer(in: 3...14)
    steps = (0..<count).map { index in
      // The two inputs and the values so far; small numbers come often, so that values fan out.
      let place = { (draw: inout Draw) in
        Swift.min(draw.integer(in: 0...(index + 1)), draw.integer(in: 0...(index + 1)))
      }
      let step = Step.allCases[draw.integer(in: 0...(Step.allCases.count - 1))]
      return (step, draw.unit() < 0.5 ? index + 1 : place(&draw), place(&draw))
    }
  }

  var description: String {
    "seed \(seed): "
      + steps.enumerated().map { index, step in
        "%\(index + 2) = \(step.step)(%\(step.first), %\(step.second))"
      }.joined(separator: ", ")
  }

  /// Without one step: its users take its operand instead.
  func without(_ place: Int) -> RandomGraph {
    var result = self
    let removed = result.steps.remove(at: place)
    func moved(_ value: Int) -> Int {
      value < place + 2 ? value : value == place + 2 ? removed.first : value - 1
    }
    result.steps = result.steps.map { ($0.step, moved($0.first), moved($0.second)) }
    return result
  }

  /// The sum of the last value, squared and held small, with all values in its reach.
  func loss(_ a: Tensor, _ b: Tensor) -> Tensor {
    var values = [a, b]
    for (step, first, second) in steps {
      values.append(Self.apply(step, values[first], values[second]))
    }
    let last = tanh(values[values.count - 1])
    return sum(last * last + 0.1 * a)
  }

  private static func apply(_ step: Step, _ x: Tensor, _ y: Tensor) -> Tensor {
    switch step {
    case .tanh: EbbGraph.tanh(x)
    case .sigmoid: EbbGraph.sigmoid(x)
    case .sin: EbbGraph.sin(x)
    case .softplus: EbbGraph.softplus(x)
    case .relu: EbbGraph.relu(x)
    case .abs: EbbGraph.abs(x)
    case .exp: EbbGraph.exp(EbbGraph.tanh(x))
    case .rsqrt: EbbGraph.rsqrt(1 + x * x)
    case .add: 0.5 * (x + y)
    case .subtract: x - 0.5 * y
    case .multiply: x * EbbGraph.tanh(y)
    case .maximum: EbbGraph.maximum(x, y)
    case .matmul: 0.3 * EbbGraph.matmul(x, EbbGraph.tanh(y))
    case .divide: x / (1 + y * y)
    case .select: EbbGraph.select(x .> y, x, EbbGraph.sin(y))
    case .rowSum: 0.3 * sum(x, axes: [1], keepingAxes: true) + y
    case .softmax: EbbGraph.softmax(x) - y
    case .largest: EbbGraph.max(x, axes: [0], keepingAxes: true) - y
    }
  }

  /// How far forward and reverse mode are from a 4-point difference on the recorded branches,
  /// relative to the size of the gradient.
  func error(rules: @escaping (Op) -> DerivativeRule = \.rule) throws -> Double {
    var draw = Draw(seed: seed ^ 0xABCD)
    let inputs = Dictionary(
      uniqueKeysWithValues: ["a", "b", "u", "w"].map { ($0, draw.array([3, 3])) })
    let graph = try trace { builder in
      let (a, b) = (builder.input("a", shape: [3, 3]), builder.input("b", shape: [3, 3]))
      let (u, w) = (builder.input("u", shape: [3, 3]), builder.input("w", shape: [3, 3]))
      let loss = loss(a, b)
      let slopes = backpropagate(from: loss, to: [a, b], rules: rules).gradients
      let reverse = zip(slopes, [u, w]).compactMap { slope, u in slope.map { sum($0 * u) } }
        .reduce(builder.constant(0.0), +)
      let forward = pushForward([loss], from: [a, b], along: [u, w], rules: rules)[0]
      return ["loss": loss, "reverse": reverse, "forward": forward]
    }
    try graph.verify()
    let interpreter = try Interpreter(graph)
    let recorded = try interpreter.recording(inputs)
    let slope = try difference { step in
      var moved = inputs
      for (name, direction) in [("a", "u"), ("b", "w")] {
        if let x = inputs[name], let d = inputs[direction] {
          moved[name] = x.moved(along: d, by: step)
        }
      }
      return try numbers(interpreter.replaying(recorded.branches, moved).values)[0]
    }
    let values = numbers(recorded.values)
    return Swift.max(values[1].distance(to: slope), values[2].distance(to: slope))
  }

  /// The smallest graph found that still fails, by leaving out one step after the other.
  func shrunk(while fails: (RandomGraph) throws -> Bool) rethrows -> RandomGraph {
    var smallest = self
    var place = 0
    while place < smallest.steps.count {
      let candidate = smallest.without(place)
      if try fails(candidate) {
        smallest = candidate
        place = 0
      } else {
        place += 1
      }
    }
    return smallest
  }
}

enum RandomGraphLaw {
  static let seeds: ClosedRange<UInt64> = 1...400

  static func random(rules: @escaping (Op) -> DerivativeRule = \.rule) throws -> [Finding] {
    try seeds.map { seed in
      let graph = RandomGraph(seed: seed)
      let error = try graph.error(rules: rules)
      guard !(error <= Law.random.gate) else {
        return Finding(operation: "random graph", error: error, what: "\(graph)")
      }
      let small = try graph.shrunk { try !($0.error(rules: rules) <= Law.random.gate) }
      return Finding(operation: "random graph", error: error, what: "\(small)")
    }
  }
}
