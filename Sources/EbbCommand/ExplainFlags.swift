import ArgumentParser
import Ebb
import EbbSystem

/// What is to be explained, and what with.
struct ExplainSubjectFlags: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "A model file, or the directory of a run, which also has the optimizer's state.",
      valueName: "MODEL"))
  var model: String?

  @Argument(
    help: ArgumentHelp(
      "A CSV file with the target column, or - for standard input. (default for a run: its own data"
        + " file)", valueName: "DATA"))
  var data: String?

  @Option(
    help: ArgumentHelp(
      "Explain a worked example instead: two-three, chain, sample, xor.", valueName: "NAME"),
    transform: FlagValue.choice)
  var example: WorkedExample?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Which row of the data, counted from 1 without the header. (default: 1)", valueName: "N"),
    transform: { try FlagValue.count($0) })
  var row: Int?

  @Option(
    help: ArgumentHelp(
      "Of a run: best, its best model, or last, where training stands. (default: best; last for"
        + " --weight and --what-if, which need the optimizer's state)", valueName: "STATE"),
    transform: FlagValue.choice)
  var state: ExplanationSource.State?

  @Option(
    help: ArgumentHelp(
      "Change a parameter first, such as output.weight[0,0]=2; may be repeated.",
      valueName: "NAME[I,J]=NUMBER"), transform: ParameterChange.init(parsing:))
  var set: [ParameterChange] = []

  @Flag(
    name: .customLong("double"),
    help: "Numbers of double precision, not those that training computed.")
  var usesDouble = false

  func validate() throws {
    if example != nil && model != nil {
      throw ValidationError("Give either MODEL or --example, not both.")
    }
    if example == nil && model == nil {
      throw ValidationError("Give a MODEL, a RUN or --example.")
    }
    if example != nil && state != nil {
      throw ValidationError("--state needs a RUN: an example was never trained.")
    }
  }

  /// Whether MODEL is the directory of a run.
  var isRun: Bool {
    guard let model else { return false }
    return (try? Files.kind(of: model)) == .directory
  }

  /// What is to be explained.
  ///
  /// - Parameter needsOptimizer: whether a part was asked for that shows the optimizer's step.
  func source(needsOptimizer: Bool) throws -> ExplanationSource {
    var source: ExplanationSource
    if let example {
      source = try ExplanationSource(example)
    } else {
      if state != nil && !isRun {
        throw CommandFailure.usage(
          "--state needs the directory of a run, and \(model ?? "") is a file")
      }
      source = try ExplanationSource(
        model ?? "", data: data, state: state ?? (needsOptimizer ? .last : .best))
    }
    for change in set {
      do {
        try source.set(change.element, to: change.value)
      } catch let error as ElementNameError {
        throw CommandFailure.usage("--set: \(error)")
      }
    }
    return source
  }
}

/// A number of a parameter and what it is to be: `output.weight[0,0]=2`.
struct ParameterChange: Sendable {
  let element: ElementName
  let value: Float

  init(parsing text: String) throws {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, case .value(let number) = NumberParser.double(String(parts[1])),
      Float(number).isFinite
    else { throw FlagError("expected NAME[I,J]=NUMBER, such as output.weight[0,0]=2") }
    do {
      element = try ElementName(parsing: String(parts[0]))
    } catch {
      throw FlagError("\(error)")
    }
    value = Float(number)
  }
}

/// The parts of an explanation.
struct ExplainPartFlags: ParsableArguments {
  enum Level: String, CaseIterable {
    case equations, story
  }

  @Option(
    help: ArgumentHelp(
      "story: what each layer has to say, in plain words; equations: the forward pass and the four"
        + " equations of backpropagation, with matrices. (default: story, if nothing else is asked"
        + " for)", valueName: "LEVEL"),
    transform: FlagValue.choice)
  var level: Level?

  @Flag(
    help: "With the equations: every function's Jacobian, and Jᵀ · upstream beside the gradient.")
  var jacobians = false

  @Option(
    help: ArgumentHelp(
      "The chain of factors from the loss to this weight or bias; may be repeated.",
      valueName: "NAME[I,J]"))
  var chain: [String] = []

  @Option(
    help: ArgumentHelp(
      "One weight's or bias's gradient as the sum over its paths, and the optimizer's step.",
      valueName: "NAME[I,J]"))
  var weight: String?

  @Option(
    help: ArgumentHelp(
      "Raise a weight, bias, neuron, input or feature a little, such as hidden1[3]: what the loss"
        + " does.",
      valueName: "NAME[I]"))
  var wiggle: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "By how much --wiggle raises; below 0 lowers. (default: 0.01)", valueName: "STEP"),
    transform: { try FlagValue.number($0, "not 0") { $0 != 0 && $0.isFinite } })
  var by: Double?

  @Flag(help: "What this row wants of every layer, beside what its batch decided.")
  var wishes = false

  @Flag(help: "Which inputs mattered for this row.")
  var features = false

  @Flag(help: "What the next step was predicted to gain, and what it gains, layer by layer.")
  var whatIf = false

  @Option(
    defaultAsFlag: GraphFormat.text,
    help: ArgumentHelp(
      "The graph with values and gradients: text, dot (for Graphviz) or svg. (default: text)",
      valueName: "FORMAT"),
    transform: FlagValue.choice)
  var graph: GraphFormat?

  enum GraphFormat: String, CaseIterable {
    case text, dot, svg
  }

  /// The level: what was asked for, or what suits the rest.
  var levelOrDefault: Level? {
    level ?? (jacobians ? .equations : isEmpty ? .story : nil)
  }

  /// Whether a part is asked for that shows the optimizer's step.
  var needsOptimizer: Bool { weight != nil || whatIf }

  /// Whether nothing but the graph is asked for, in a format that other programs read.
  var isGraphFile: Bool { graph == .dot || graph == .svg }

  /// Whether any part is asked for.
  var isEmpty: Bool {
    level == nil && weight == nil && wiggle == nil && graph == nil && chain.isEmpty && !jacobians
      && !wishes && !features && !whatIf
  }

  /// How many parts beside the graph are asked for.
  var hasMoreThanGraph: Bool {
    var others = self
    others.graph = nil
    return !others.isEmpty
  }

  func validate() throws {
    if by != nil && wiggle == nil { throw ValidationError("--by goes with --wiggle.") }
    if isGraphFile && hasMoreThanGraph {
      throw ValidationError(
        "--graph \(graph?.rawValue ?? "") is a file of its own: ask for the other parts apart.")
    }
  }
}
