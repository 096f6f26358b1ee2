import Ebb
import EbbGraph
import TestSupport
import Testing

/// The problem on which `optimizers.json` runs its optimizers: a quadratic whose minimum moves at
/// every step, so that gradients never die down.
struct OptimizerProblem {
  let initial: [Double]
  let curvatures: [Double]
  /// The steps after which the file holds the parameters.
  let kept: [Int]
  let stepsPerEpoch: Int
  let epochs: Int

  init(_ file: Reference) throws {
    initial = try file["initial"].numbers
    curvatures = try file["curvatures"].numbers
    kept = try file["kept"].integers
    stepsPerEpoch = try file["stepsPerEpoch"].integer
    epochs = try file["steps"].integer / stepsPerEpoch
    try #require(kept.last == epochs * stepsPerEpoch)
  }

  /// The gradient at a step, counted from 1, as `make_optimizers.py` computes it.
  func gradient(_ parameters: [Double], step: Int) -> [Double] {
    parameters.indices.map { i in
      let share = (Double((379 * i + 211 * step + 57) % 997) + 0.5) / 997
      let curvature = step <= 5 && i == 3 ? 0 : curvatures[i]
      return curvature * (parameters[i] - (4 * share - 2))
    }
  }
}

/// How an optimizer of the file runs in Ebb, and what PyTorch found.
struct OptimizerCase {
  let name: String
  let optimizer: any Optimizer
  let schedule: Schedule
  let expected: [[Double]]

  init(_ reference: Reference) throws {
    name = try reference["name"].text
    schedule = try Schedule(spelling: try reference["schedule"].text)
    expected = try reference["parameters"].list.map { try $0.numbers }
    optimizer = try Self.optimizer(reference)
  }

  private static func optimizer(_ reference: Reference) throws -> any Optimizer {
    let settings = try reference["hyperparameters"]
    func number(_ name: String) throws -> Double { try settings[name].number }
    let rate = try number("learningRate")
    let decay = WeightDecay.l2(try number("weightDecay"))
    switch try reference["optimizer"].text {
    case "SGD":
      let momentum = try number("momentum")
      if momentum == 0 { return .sgd(learningRate: rate, weightDecay: decay) }
      return try settings["nesterov"].flag
        ? .nesterov(learningRate: rate, momentum: momentum, weightDecay: decay)
        : .momentum(learningRate: rate, momentum: momentum, weightDecay: decay)
    case "Adam":
      return .adam(
        learningRate: rate, beta1: try number("beta1"), beta2: try number("beta2"),
        epsilon: try number("epsilon"), weightDecay: decay)
    case "AdamW":
      return .adamW(
        learningRate: rate, decay: decay.factor, beta1: try number("beta1"),
        beta2: try number("beta2"), epsilon: try number("epsilon"))
    case "RMSprop":
      return .rmsProp(
        learningRate: rate, alpha: try number("alpha"), epsilon: try number("epsilon"),
        momentum: try number("momentum"), weightDecay: decay)
    default:
      return .adagrad(
        learningRate: rate, epsilon: try number("epsilon"), weightDecay: decay)
    }
  }

  /// A step's scalars made wrong: the name of the scalar, and its value from the right one and from
  /// those of other steps.
  struct ScalarFault {
    let name: String
    let scalar: String
    let value: (_ right: Double, _ at: (UInt64) -> Double, _ step: UInt64) -> Double

    static func all(of optimizer: any Optimizer) -> [ScalarFault] {
      optimizer.scalarNames.flatMap { scalar in
        [
          ScalarFault(name: "\(scalar): of the next step", scalar: scalar) { _, at, step in
            at(step + 1)
          },
          ScalarFault(name: "\(scalar): always the first step's", scalar: scalar) { _, at, _ in
            at(1)
          },
          ScalarFault(name: "\(scalar): half", scalar: scalar) { right, _, _ in 0.5 * right },
        ]
      }
    }
  }

  /// The largest error of a graph's trajectory, up to the first kept step where it is over the gate.
  ///
  /// - Parameter isSame: set to whether a fault in the scalars changed none of them.
  func error(
    _ graph: Graph, _ problem: OptimizerProblem, gate: Double, fault: ScalarFault? = nil,
    isSame: inout Bool
  ) throws -> Double {
    let interpreter = try Interpreter(graph)
    let shape = Shape([problem.initial.count])
    var state = ["w": NDArray(problem.initial, shape: shape)]
    for slot in optimizer.slots { state["slot \(slot)"] = NDArray(repeating: 0, shape: shape) }
    var (worst, place) = (0.0, 0)
    isSame = true
    for step in 1...(problem.kept.last ?? 1) {
      var inputs = state
      inputs["g"] = NDArray(
        problem.gradient(try #require(state["w"]).elements, step: step), shape: shape)
      for (name, right) in scalars(UInt64(step), problem) {
        var value = right
        if let fault, fault.scalar == name {
          value = fault.value(
            right,
            { other in
              let all = scalars(other, problem)
              return all.first { $0.name == name }?.value ?? .nan
            }, UInt64(step))
          if value != right { isSame = false }
        }
        inputs[name] = NDArray(scalar: value)
      }
      state = try interpreter.numbers(inputs)
      if step == problem.kept[place] {
        worst = max(worst, difference(try #require(state["w"]).elements, expected[place]))
        if worst >= gate { return worst }
        place += 1
      }
    }
    return worst
  }

  private func scalars(
    _ step: UInt64, _ problem: OptimizerProblem
  ) -> [(name: String, value: Double)] {
    let epoch = Int(step - 1) / problem.stepsPerEpoch + 1
    let factor = schedule.factor(epoch: epoch, of: problem.epochs)
    return optimizer.scalars(step: step, learningRate: optimizer.learningRate * factor)
  }
}
