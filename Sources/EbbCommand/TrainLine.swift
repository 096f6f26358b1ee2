import Ebb
import EbbRuns
import EbbSystem

/// The `ebb train` command that gives a run again.
struct TrainLine {
  /// The command.
  let text: String
  /// Whether the layers must be in a file, because no flags describe them.
  let needsNetworkFile: Bool

  /// nil: no command gives this run, such as one with an optimizer of the user's own.
  init?(_ settings: RunSettings) {
    guard let optimizer = Self.optimizer(of: settings) else { return nil }
    var words = ["ebb train", ShellText.quoted(settings.data.path)]
    func add(_ flag: String, _ value: String?) {
      guard let value else { return }
      let word = ShellText.quoted(value)
      words.append(value.hasPrefix("-") ? "\(flag)=\(word)" : "\(flag) \(word)")
    }
    add("--target", settings.target)
    add("--task", settings.task.rawValue)
    for column in settings.ignored { add("--ignore", column) }
    add("--split", settings.split.text)
    add("--validation", settings.validation?.path)
    add("--test", settings.test?.path)
    let network = Self.networkFlags(settings.network)
    needsNetworkFile = network == nil
    for (flag, value) in network ?? [("--network", "network.json")] { add(flag, value) }
    add("--loss", settings.loss.spelling)
    for (flag, value) in optimizer { add(flag, value) }
    add("--schedule", settings.fit.schedule.spelling)
    add("--epochs", "\(settings.fit.epochs)")
    add("--batch", settings.fit.batchSize.map { "\($0)" } ?? "full")
    add("--patience", settings.fit.patience.map { "\($0)" } ?? "none")
    if settings.options.reduction != .mean {
      add("--reduction", settings.options.reduction.rawValue)
    }
    add("--bias-reduction", settings.options.biasReduction?.rawValue)
    add("--gradient-clipping", settings.options.gradientClipping.map(NumberFormat.shortest))
    if settings.classWeights != .none { add("--class-weights", settings.classWeights.rawValue) }
    add("--seed", "\(settings.options.seed)")
    for gate in settings.gates { add("--fail-under", gate) }
    text = words.joined(separator: " ")
  }

  /// The flags that give the optimizer: the choice, with its rate and decay.
  private static func optimizer(of settings: RunSettings) -> [(String, String)]? {
    let (wanted, decay) = (settings.optimizer.json, settings.optimizer.weightDecay.factor)
    for choice in OptimizerChoice.allCases {
      let made = try? choice.optimizer(
        learningRate: settings.optimizer.learningRate, weightDecay: decay)
      guard let made, made.json == wanted else { continue }
      var flags = [
        ("--optimizer", choice.rawValue),
        ("--learning-rate", NumberFormat.shortest(settings.optimizer.learningRate)),
      ]
      if decay != 0 || choice == .adamw {
        flags.append(("--weight-decay", NumberFormat.shortest(decay)))
      }
      return flags
    }
    return nil
  }

  /// The flags that give the layers; nil: only a file does.
  private static func networkFlags(_ network: Network) -> [(String, String)]? {
    var widths: [Int] = []
    var (activation, dropout): (Activation?, Double) = (nil, 0)
    guard let output = network.layers.last as? Dense else { return nil }
    for layer in network.layers.dropLast() {
      switch layer {
      case let dense as Dense:
        widths.append(dense.units)
        activation = dense.activation
      case let layer as Dropout: dropout = layer.rate
      default: return nil
      }
    }
    let hidden = activation ?? .relu
    var layers: [any Layer] = []
    for width in widths {
      layers.append(Dense(width, activation: hidden))
      if dropout > 0 { layers.append(Dropout(dropout)) }
    }
    guard Network(layers + [Dense(output.units)]) == network else { return nil }
    let list = widths.map { "\($0)" }.joined(separator: ",")
    var flags = [("--hidden", widths.isEmpty ? "none" : list)]
    if !widths.isEmpty { flags.append(("--activation", hidden.spelling)) }
    if dropout > 0 { flags.append(("--dropout", NumberFormat.shortest(dropout))) }
    return flags
  }
}
