import Ebb
import EbbSystem

/// The parts of an explanation that were asked for, computed, in the order in which they are printed.
struct ExplainParts {
  private(set) var parts: [any ExplanationPart] = []
  /// The graph in a format for other programs, if that is what was asked for.
  private(set) var graphFile: String?
  /// Whether an equation's two sides are not equal.
  private(set) var disagrees = false

  init(
    _ subject: ExplanationSubject, _ flags: ExplainPartFlags, of source: ExplanationSource,
    example: WorkedExample?
  ) throws {
    switch flags.levelOrDefault {
    case .equations:
      let equations = try EquationsExplanation(subject, jacobians: flags.jacobians)
      disagrees = equations.verdict == .disagrees
      parts.append(equations)
    case .story:
      parts.append(try StoryExplanation(subject, learningRate: source.learningRate))
    case nil: break
    }
    let chains =
      flags.chain.isEmpty && flags.levelOrDefault == .equations
      ? example?.chains ?? [] : flags.chain
    if !chains.isEmpty {
      parts.append(
        try FactorChain(
          subject, elements: try chains.map { try Self.parameter($0, "--chain", subject) }))
    }
    if let weight = flags.weight {
      var explanation = try WeightExplanation(
        subject, element: try Self.parameter(weight, "--weight", subject))
      if source.origin.state == ExplanationSource.State.best.rawValue {
        explanation.withoutUpdate =
          "This is the run's best model, which is kept without the optimizer's state: leave out"
          + " --state best, and the step from the run's last state is shown term by term."
      }
      parts.append(explanation)
    }
    if let wiggle = flags.wiggle {
      parts.append(
        try Self.naming("--wiggle") {
          let element = try WiggleExplanation.element(named: wiggle, in: subject)
          return try WiggleExplanation(subject, element: element, by: flags.by ?? 0.01)
        })
    }
    if flags.wishes { parts.append(try WishesExplanation(subject)) }
    if flags.features { parts.append(try FeaturesExplanation(subject)) }
    if flags.whatIf { parts.append(try WhatIfExplanation(subject)) }
    if let format = flags.graph {
      let graph = try GraphExplanation(subject)
      switch format {
      case .text: parts.append(graph)
      case .dot: graphFile = graph.dot
      case .svg: graphFile = graph.svg
      }
    }
  }

  /// A parameter's element named by a flag.
  private static func parameter(
    _ text: String, _ flag: String, _ subject: ExplanationSubject
  ) throws -> ElementName {
    try naming(flag) { try subject.model.parameterElement(text) }
  }

  /// Names the flag in what is wrong with an element's name.
  private static func naming<Result>(
    _ flag: String, _ body: () throws -> Result
  ) throws -> Result {
    do {
      return try body()
    } catch let error as ElementNameError {
      throw CommandFailure.usage("\(flag): \(error)")
    }
  }
}

extension WorkedExample {
  /// The weights whose chains of factors are shown with the equations, without being asked for.
  var chains: [String] {
    switch self {
    // The study notes' W_{1,1,1} and W_{1,3,1}, which count from 1.
    case .sample: ["hidden1.weight[0,0]", "hidden1.weight[2,0]"]
    case .chain: ["hidden1.weight[0,0]"]
    case .twoThree, .xor: []
    }
  }
}
