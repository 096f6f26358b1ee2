import ArgumentParser
import Ebb
import EbbRuns
import EbbSystem

/// What is done unless a flag says otherwise, where argument-parser cannot show it by itself.
///
/// Adam learns at 0.003 here, three times its authors' rate: over five seeds of each example file the
/// losses on validation rows are as small, and small files come to their best within 200 epochs.
enum TrainingDefaults {
  static let hidden = HiddenWidths([64])
  static let activation = Activation.relu
  static let dropout = 0.0
  static let optimizer = OptimizerChoice.adam
  static let schedule = Schedule.constant
  static let epochs = 200
  static let batch = CountOrWord(32, word: "full")
  static let patience = CountOrWord(20, word: "none")
  static let seed: UInt64 = 0

  /// The learning rate of an optimizer.
  static func learningRate(_ choice: OptimizerChoice) -> Double {
    switch choice {
    case .adam, .adamw: 0.003
    case .sgd, .momentum, .nesterov, .rmsprop, .adagrad:
      (try? choice.optimizer().learningRate) ?? 0.001
    }
  }
}

/// How rows and columns are used.
struct DataFlags: ParsableArguments {
  enum Task: String, CaseIterable {
    case auto, classification, regression
  }

  @Option(help: ArgumentHelp("The column to predict.", valueName: "COLUMN"))
  var target: String

  @Option(
    help: ArgumentHelp(
      "What to predict: auto, classification, regression. auto: classes if the target is text or"
        + " few whole numbers. (default: auto)", valueName: "TASK"), transform: FlagValue.choice)
  var task: Task = .auto

  @Option(
    help: ArgumentHelp("A column not to use; may be repeated.", valueName: "COLUMN"))
  var ignore: [String] = []

  @Option(
    help: ArgumentHelp(
      "Training, validation and test rows in percent.", valueName: "SHARES"))
  var split = "70/15/15"

  @Option(help: ArgumentHelp("A CSV file of validation rows.", valueName: "FILE"))
  var validation: String?

  @Option(help: ArgumentHelp("A CSV file of test rows.", valueName: "FILE"))
  var test: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The seed of the split, the initial weights, the order of rows and dropout. (default:"
        + " \(TrainingDefaults.seed))",
      valueName: "NUMBER"), transform: FlagValue.seed)
  var seed = TrainingDefaults.seed

  func validate() throws {
    do {
      _ = try Split(split)
    } catch {
      throw ValidationError("--split: \(error)")
    }
  }

  func apply(to request: inout RunRequest) throws {
    request.task = PredictionTask(rawValue: task.rawValue)
    request.ignored = ignore
    request.split = try Split(split, seed: seed)
    request.validation = validation
    request.test = test
    request.options.seed = seed
  }
}

/// The shape of the network.
struct NetworkFlags: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The widths of the hidden layers, such as 64,32; none for a linear model. (default:"
        + " \(TrainingDefaults.hidden))",
      valueName: "WIDTHS"), transform: HiddenWidths.init(parsing:))
  var hidden: HiddenWidths?

  @Option(
    help: ArgumentHelp(
      "The activation of the hidden layers: \(FlagValue.activations.joined(separator: ", "))."
        + " (default: \(TrainingDefaults.activation.spelling))", valueName: "NAME"),
    transform: { try FlagValue.named($0, known: FlagValue.activations, Activation.init) })
  var activation: Activation?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The share of each hidden layer's outputs dropped in training, 0 to below 1. (default: 0)",
      valueName: "SHARE"),
    transform: { try FlagValue.number($0, "0 to below 1") { $0 >= 0 && $0 < 1 } })
  var dropout: Double?

  @Option(
    help: ArgumentHelp(
      "A JSON file with the layers, in place of the three flags above.", valueName: "FILE"))
  var network: String?

  @Option(
    help: ArgumentHelp(
      "What training makes small: \(FlagValue.losses.joined(separator: ", ")). (default:"
        + " binary-cross-entropy for two classes, softmax-cross-entropy for more, squared-error for"
        + " regression)", valueName: "NAME"),
    transform: { try FlagValue.named($0, known: FlagValue.losses, Loss.init) })
  var loss: Loss?

  func validate() throws {
    guard network != nil else { return }
    let others = [
      hidden == nil ? nil : "--hidden", activation == nil ? nil : "--activation",
      dropout == nil ? nil : "--dropout",
    ].compactMap { $0 }
    if !others.isEmpty {
      throw ValidationError(
        "--network gives all layers, so it cannot be used with \(others.joined(separator: ", ")).")
    }
  }

  func apply(to request: inout RunRequest) throws {
    request.loss = loss
    guard let network else {
      request.architecture = .hidden(
        (hidden ?? TrainingDefaults.hidden).widths,
        activation: activation ?? TrainingDefaults.activation,
        dropout: dropout ?? TrainingDefaults.dropout)
      return
    }
    let bytes = try Files.read(network, limit: 1 << 26)
    do {
      request.architecture = .network(try Network(jsonText: String(decoding: bytes, as: UTF8.self)))
    } catch {
      throw CommandFailure.failed("\(network): \(error)")
    }
  }
}

/// How training goes about it.
struct TrainingFlags: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The optimizer: \(FlagValue.optimizers.joined(separator: ", ")). (default:"
        + " \(TrainingDefaults.optimizer.rawValue))", valueName: "NAME"),
    transform: { try FlagValue.named($0, known: FlagValue.optimizers, OptimizerChoice.init) })
  var optimizer = TrainingDefaults.optimizer

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The learning rate. (default: \(Self.usualRates))", valueName: "RATE"),
    transform: { try FlagValue.number($0, "more than 0") { $0 > 0 } })
  var learningRate: Double?

  @Option(
    help: ArgumentHelp(
      "How the learning rate changes: \(FlagValue.schedules.joined(separator: ", ")). (default:"
        + " \(TrainingDefaults.schedule.spelling))",
      valueName: "NAME"),
    transform: { try FlagValue.named($0, known: FlagValue.schedules, Schedule.init) })
  var schedule = TrainingDefaults.schedule

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The most passes over the training rows. (default: \(TrainingDefaults.epochs))",
      valueName: "COUNT"),
    transform: { try FlagValue.count($0) })
  var epochs = TrainingDefaults.epochs

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Rows per step; 1 for stochastic gradient descent, full for all rows. (default:"
        + " \(TrainingDefaults.batch))", valueName: "ROWS"),
    transform: { try CountOrWord(parsing: $0, word: "full") })
  var batch = TrainingDefaults.batch

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Epochs without a smaller validation loss after which training stops; none: never."
        + " (default: \(TrainingDefaults.patience))",
      valueName: "EPOCHS"), transform: { try CountOrWord(parsing: $0, word: "none") })
  var patience = TrainingDefaults.patience

  @Option(
    help: ArgumentHelp(
      "How the rows' gradients are joined: mean, sum. (default: mean)",
      valueName: "NAME"),
    transform: FlagValue.choice)
  var reduction: GradientReduction = .mean

  @Option(
    help: ArgumentHelp(
      "The same for biases: mean, sum. (default: as --reduction)", valueName: "NAME"),
    transform: FlagValue.choice)
  var biasReduction: GradientReduction?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The largest norm of a step's gradients, all of them together; longer ones are scaled down to it."
        + " (default: none)", valueName: "NORM"),
    transform: { try FlagValue.number($0, "more than 0") { $0 > 0 } })
  var gradientClipping: Double?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The pull of weights towards zero: L2, or decoupled for adamw. (default: 0; adamw 0.01)",
      valueName: "NUMBER"), transform: { try FlagValue.number($0, "0 or more") { $0 >= 0 } })
  var weightDecay: Double?

  @Option(
    help: ArgumentHelp(
      "How classes count: none: each row alike; balanced: each class alike."
        + " (default: none)", valueName: "NAME"),
    transform: FlagValue.choice)
  var classWeights: RunSettings.ClassWeights = .none

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The most threads; the result does not depend on it. (default: the usable cores, here"
        + " \(Machine.usableCores()))", valueName: "COUNT"),
    transform: { try FlagValue.threads($0) })
  var threads: Int?

  private static var usualRates: String {
    OptimizerChoice.allCases.map { choice in
      "\(choice.rawValue) \(NumberFormat.shortest(TrainingDefaults.learningRate(choice)))"
    }.joined(separator: ", ")
  }

  /// Refuses what does not suit the task.
  func check(task: PredictionTask) throws {
    if classWeights == .balanced && task == .regression {
      throw CommandFailure.usage("--class-weights balanced: this is regression, without classes")
    }
  }

  func apply(to request: inout RunRequest) throws {
    request.optimizer = try optimizer.optimizer(
      learningRate: learningRate ?? TrainingDefaults.learningRate(optimizer),
      weightDecay: weightDecay)
    request.fit = FitOptions(
      epochs: epochs, batchSize: batch.count, patience: patience.count, schedule: schedule)
    request.options.reduction = reduction
    request.options.biasReduction = biasReduction
    request.options.gradientClipping = gradientClipping
    request.options.threads = threads ?? Machine.usableCores()
    request.classWeights = classWeights
  }
}

/// Where the run is kept, and what it must reach.
struct RunFlags: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The run's directory. (default: runs/NAME-1, or the first number that is free)",
      valueName: "RUN"))
  var output: String?

  @Option(help: ArgumentHelp("The run's name. (default: the data file's)", valueName: "NAME"))
  var name: String?

  @Flag(help: "Replace the run that is in the --output directory.")
  var force = false

  @Option(
    help: ArgumentHelp(
      "Exit with 5 if a metric of the test rows (without them of the validation or training rows) is"
        + " worse, such as accuracy=0.9 or rmse=60; may be repeated.", valueName: "METRIC=VALUE"),
    transform: QualityGate.init(parsing:))
  var failUnder: [QualityGate] = []

  func validate() throws {
    if let name {
      let isPlain = name.unicodeScalars.allSatisfy {
        $0.value > 0x20 && $0 != "/" && $0.value != 0x7F
      }
      guard isPlain, !name.isEmpty, !name.hasPrefix("."), name.utf8.count <= 100 else {
        throw ValidationError(
          "--name \(MessageText.quoted(name)): a run's name is a plain file name without blanks, at most 100 bytes."
        )
      }
      if output != nil {
        throw ValidationError(
          "--output names the directory itself, so --name has no use beside it.")
      }
    }
    if force && output == nil {
      throw ValidationError(
        "--force replaces the run that --output names; without --output a new directory is made.")
    }
  }
}

extension FlagValue {
  /// A number of threads that a machine may have.
  static func threads(_ text: String) throws -> Int {
    guard case .value(let number) = NumberParser.integer(text), (1...256).contains(number) else {
      throw FlagError("expected a whole number from 1 to 256")
    }
    return Int(number)
  }
}
