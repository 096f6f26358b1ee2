internal import EbbGraph
internal import EbbNetworks
package import EbbSystem

/// One line of an optimizer's rule, with the numbers of one weight.
public struct UpdateTerm: Hashable, Sendable {
  /// What it is, in words.
  public let meaning: String
  /// What is computed: `m`, `step`, `w`.
  public let symbol: String
  /// Whether the symbol had a number before, which the line replaces: ← and not =.
  public let isReplaced: Bool
  /// How it is computed, in symbols: `β₁ · m + (1 − β₁) · g`.
  public let formula: String
  /// What the formula's symbols stand for, in the order of their first use.
  public let operands: [Operand]
  /// What comes out.
  public let value: Double

  /// A symbol and its number.
  public struct Operand: Hashable, Sendable {
    /// Such as `β₁`.
    public let symbol: String
    /// Its number in this line.
    public let value: Double
  }

  /// The formula with numbers in place of the symbols.
  public var numbers: String { numbers(digits: 6) }

  /// The same, with so many digits for what the line replaces.
  func numbers(digits: Int) -> String {
    UpdateFormula.replaced(formula) { symbol in
      operands.first { $0.symbol == symbol }.map {
        symbol == self.symbol && digits > 6
          ? NumberFormat.significant($0.value, digits: digits) : PartText.plain($0.value)
      }
    }
  }
}

extension UpdateTerm {
  /// Meaning, symbol, formula, its numbers, and the value.
  package var json: JSONValue {
    let used = operands.map { ($0.symbol, JSONValue($0.value)) }
    return [
      "meaning": JSONValue(meaning), "symbol": JSONValue(symbol),
      "formula": JSONValue("\(symbol) \(isReplaced ? "←" : "=") \(formula)"),
      "operands": .object(JSONObject(used)), "value": JSONValue(value),
    ]
  }
}

/// Formulas as text: symbols between operators, blanks and parentheses.
enum UpdateFormula {
  private static let separators: Set<Character> = [" ", "(", ")", "^", "/", "√", "·", "+", "−"]

  /// The symbols and numbers of a formula in order.
  static func words(_ formula: String) -> [String] {
    formula.split { separators.contains($0) }.map(String.init)
  }

  /// The formula with some words replaced; negative numbers stand in parentheses after an operator.
  static func replaced(_ formula: String, _ replacement: (String) -> String?) -> String {
    var (result, word) = ("", "")
    func finished() -> String {
      guard let number = replacement(word) else { return word }
      let isFirst = result.isEmpty || result.last == "("
      return number.hasPrefix("-") && !isFirst ? "(\(number))" : number
    }
    for character in formula {
      if separators.contains(character) {
        result += finished()
        word = ""
        result.append(character)
      } else {
        word.append(character)
      }
    }
    return result + finished()
  }
}

/// An optimizer's rule as a list of named lines, traced beside the rule itself.
///
/// Equal operations are one node of a trace, so the lines' numbers are those of the rule: its last line
/// must be the node that the rule returns, or the recipe is none.
struct UpdateRecipe {
  /// A line before it has a number.
  struct Line {
    let meaning: String
    let symbol: String
    let formula: String
    let value: Tensor
  }

  /// What a rule is given, as tensors of one number.
  struct Operands {
    let parameter: Tensor
    let gradient: Tensor
    let slots: [Tensor]
    let scalars: [String: Tensor]
    let role: ParameterRole
  }

  private(set) var lines: [Line] = []
  /// The symbols that have numbers from the start, besides w, g, the slots, t and η.
  private(set) var constants: [(symbol: String, value: Double)] = []

  private mutating func add(
    _ symbol: String, _ formula: String, _ meaning: String, _ value: Tensor
  ) -> Tensor {
    lines.append(Line(meaning: meaning, symbol: symbol, formula: formula, value: value))
    return value
  }

  /// The rule of an optimizer that is known; nil for others.
  init?(_ optimizer: any Optimizer, _ at: Operands) {
    let decay = optimizer.weightDecay
    if decay.factor != 0 { constants.append(("λ", decay.factor)) }
    guard let (w, g) = decayed(decay, at), let rate = at.scalars["rate"] else { return nil }
    let step: Tensor
    switch optimizer {
    case is SGD:
      step = add("step", "η · g", "the step, down the gradient", rate * g)
    case let rule as Momentum:
      constants.append(("μ", rule.momentum))
      let v = add(
        "v", "μ · v + g", "velocity: what is left of earlier gradients, and this one",
        rule.momentum * at.slots[0] + g)
      if rule.form == .nesterov {
        let ahead = add(
          "ahead", "g + μ · v", "the look ahead of Nesterov", g + rule.momentum * v)
        step = add("step", "η · ahead", "the step", rate * ahead)
      } else {
        step = add("step", "η · v", "the step", rate * v)
      }
    case let rule as Adam: step = adam(rule, at, g, rate)
    case let rule as RMSProp: step = rmsProp(rule, at, g, rate)
    case let rule as Adagrad:
      constants.append(("ε", rule.epsilon))
      let s = add("s", "s + g · g", "sum of the squares of all gradients", at.slots[0] + g * g)
      let divisor = add(
        "divisor", "√s + ε", "what the step is divided by", sqrt(s) + rule.epsilon)
      step = add("step", "η · g / divisor", "the step", (rate * g) / divisor)
    default: return nil
    }
    _ = add("w", "w − step", "the new value", w - step)
  }

  /// Parameter and gradient after the decay.
  private mutating func decayed(
    _ decay: WeightDecay, _ at: Operands
  ) -> (parameter: Tensor, gradient: Tensor)? {
    let (w, g) = (at.parameter, at.gradient)
    guard decay.factor != 0 && (at.role == .weight || decay.includesBiases) else { return (w, g) }
    switch decay.form {
    case .l2:
      let gradient = add(
        "g", "g + λ · w", "weight decay, through the gradient", g + decay.factor * w)
      return (w, gradient)
    case .decoupled:
      guard let share = at.scalars["decay"] else { return nil }
      _ = add("decay", "η · λ", "the share of the value that decays", share)
      return (add("w", "w − decay · w", "weight decay, beside the gradient", w - share * w), g)
    }
  }

  private mutating func adam(_ rule: Adam, _ at: Operands, _ g: Tensor, _ rate: Tensor) -> Tensor {
    constants += [("β₁", rule.beta1), ("β₂", rule.beta2), ("ε", rule.epsilon)]
    let m = add(
      "m", "β₁ · m + (1 − β₁) · g", "running mean of the gradients (momentum)",
      rule.beta1 * at.slots[0] + (1 - rule.beta1) * g)
    let v = add(
      "v", "β₂ · v + (1 − β₂) · g · g", "running mean of their squares (second moment)",
      rule.beta2 * at.slots[1] + (1 - rule.beta2) * (g * g))
    let correction = at.scalars["correction"] ?? rate
    _ = add("rate", "η / (1 − β₁^t)", "bias correction of m, which began at 0, at step t", rate)
    _ = add("correction", "1 / √(1 − β₂^t)", "bias correction of √v", correction)
    let divisor = add(
      "divisor", "√v · correction + ε", "what the step is divided by",
      sqrt(v) * correction + rule.epsilon)
    return add("step", "rate · m / divisor", "the step", (rate * m) / divisor)
  }

  private mutating func rmsProp(
    _ rule: RMSProp, _ at: Operands, _ g: Tensor, _ rate: Tensor
  ) -> Tensor {
    constants += [("α", rule.alpha), ("ε", rule.epsilon)]
    let s = add(
      "s", "α · s + (1 − α) · g · g", "running mean of the gradients' squares",
      rule.alpha * at.slots[0] + (1 - rule.alpha) * (g * g))
    let divisor = add("divisor", "√s + ε", "what the step is divided by", sqrt(s) + rule.epsilon)
    guard rule.momentum != 0 else {
      return add("step", "η · g / divisor", "the step", (rate * g) / divisor)
    }
    constants.append(("μ", rule.momentum))
    let b = add(
      "b", "μ · b + g / divisor", "velocity: what is left of earlier steps, and this one",
      rule.momentum * at.slots[1] + g / divisor)
    return add("step", "η · b", "the step", rate * b)
  }
}

extension TrainingStep {
  /// What the rule does to one number of a parameter, line by line; nil for rules that are not known
  /// line by line.
  func terms(of change: Change, at place: Int) throws -> [UpdateTerm]? {
    var recipe: UpdateRecipe?
    let slots = change.slots.map { "slot \($0.name)" }
    let graph = try trace { builder in
      let at = UpdateRecipe.Operands(
        parameter: builder.parameter("w", shape: [1]), gradient: builder.input("g", shape: [1]),
        slots: slots.map { builder.parameter($0, shape: [1]) },
        scalars: Dictionary(
          uniqueKeysWithValues: scalars.map {
            ($0.name, builder.input("scalar \($0.name)", shape: []))
          }), role: change.role)
      let updated = optimizer.update(
        at.parameter, gradient: at.gradient, slots: at.slots, scalars: at.scalars, role: at.role)
      let known = UpdateRecipe(optimizer, at)
      if let last = known?.lines.last?.value, last.id == updated.parameter.id { recipe = known }
      for (index, line) in (recipe?.lines ?? []).enumerated() {
        builder.output("line \(index)", line.value)
      }
      return [:]
    }
    guard let recipe else { return nil }
    var inputs = ["w": change.old, "g": change.clipped].mapValues { NDArray([$0.elements[place]]) }
    for (name, slot) in zip(slots, change.slots) {
      inputs[name] = NDArray([slot.old.elements[place]])
    }
    for (name, value) in scalars { inputs["scalar \(name)"] = NDArray(scalar: value) }
    let found = try precision.numbers(of: graph, inputs)

    var known = Dictionary(
      recipe.constants.map { ($0.symbol, $0.value) }, uniquingKeysWith: { first, _ in first })
    known["w"] = change.old.elements[place]
    known["g"] = change.clipped.elements[place]
    known["η"] = learningRate
    known["t"] = Double(number)
    for slot in change.slots { known[slot.name] = slot.old.elements[place] }
    return recipe.lines.enumerated().map { index, line in
      let value = found["line \(index)"]?.elements.first ?? .nan
      var operands: [UpdateTerm.Operand] = []
      for word in UpdateFormula.words(line.formula) {
        if let number = known[word], !operands.contains(where: { $0.symbol == word }) {
          operands.append(.init(symbol: word, value: number))
        }
      }
      let term = UpdateTerm(
        meaning: line.meaning, symbol: line.symbol, isReplaced: known[line.symbol] != nil,
        formula: line.formula, operands: operands, value: value)
      known[line.symbol] = value
      return term
    }
  }
}
