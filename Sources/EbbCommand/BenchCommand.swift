import ArgumentParser
import Ebb
import EbbBenchmarks
import EbbSystem

/// `ebb bench`: training throughput of a given network on this machine.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measures the training throughput of a network on this machine.",
    usage: "ebb bench [OPTIONS]",
    discussion: """
      Trains a network of ReLU layers with softmax cross-entropy on 12,800 synthetic
      rows (uniform inputs, random labels) that lie in memory. Every mini-batch is
      gathered from a fresh shuffle; the learning rate is 0.05 for sgd and 0.001 for
      adam. A tenth as many steps go before the timed ones, but at least 50, or as
      many as are timed.

      Several counts of --threads give a line each. With --repetitions the whole
      run, from new parameters, is repeated; the counts take turns within a
      repetition. The rate is the median, beside the lowest and the highest.
      Memory: the most that the process used, the parameters with the optimizer's
      numbers, the activations (with what a step keeps of the gradients), the data.

      --profile takes at most 2,000 steps and gives the median of each instruction.
      --kernels times each matrix product of the step by itself, with one thread, and
      gives the best of several rounds; the limit is that of multiply-adds on
      registers.
      --record trains by turns with and without the notes that ebb train makes of its
      epochs, for as many epochs as hold the steps, and compares the times.

      --predict measures predictions instead, of 100,000 rows in memory and of one row
      at a time.

      The variable EBB_KERNELS chooses the kernels, here and in all commands:
      portable, or avx2 where the processor has it. (default: the fastest)
      """)

  @Option(
    help: ArgumentHelp(
      "Widths: inputs, hidden layers, classes. (default: \(Self.usualLayers))", valueName: "widths"),
    transform: BenchWidths.init(parsing:))
  var layers = Self.usualLayers

  @Option(
    parsing: .unconditional, help: "Rows per step. (default: \(Self.usualBatch))",
    transform: { try FlagValue.count($0) })
  var batch = Self.usualBatch

  @Option(
    help: "sgd or adam. (default: \(BenchOptimizer.sgd.rawValue))",
    transform: { text in
      guard let found = BenchOptimizer(rawValue: text) else {
        throw FlagError.unknown(text, known: BenchOptimizer.allCases.map(\.rawValue))
      }
      return found
    })
  var optimizer = BenchOptimizer.sgd

  @Option(
    parsing: .unconditional, help: "Steps that are timed. (default: \(Self.usualSteps))",
    transform: { try FlagValue.count($0) })
  var steps = Self.usualSteps

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The most threads to use, or several counts to compare, such as 1,2. (default: 1)",
      valueName: "counts"),
    transform: BenchThreads.init(parsing:))
  var threads = BenchThreads([1])

  @Option(
    parsing: .unconditional, help: "How often the timed run is repeated. (default: 1)",
    transform: { try FlagValue.count($0) })
  var repetitions = 1

  @Flag(help: "Print the plan of one step instead: instructions, sizes, operations and bytes.")
  var plan = false

  @Flag(help: "Print where the time of a step goes: each instruction with its share of the limit.")
  var profile = false

  @Flag(help: "Print how fast each matrix product of a step is by itself, with one thread.")
  var kernels = false

  @Flag(help: "Print how much longer training takes with the notes that ebb train makes.")
  var record = false

  @Flag(help: "Print how fast the network predicts, many rows and one at a time.")
  var predict = false

  @OptionGroup var output: OutputFlags

  private static let usualLayers = BenchWidths([784, 128, 10])
  private static let usualBatch = 32
  private static let usualSteps = 3000

  func validate() throws {
    let chosen = [plan, profile, kernels, record, predict].filter { $0 }.count
    if chosen > 1 {
      throw ValidationError(
        "--plan, --profile, --kernels, --record and --predict exclude each other.")
    }
    if chosen == 1 && threads.counts.count > 1 {
      throw ValidationError(
        "--plan, --profile, --kernels, --record and --predict take one count of --threads.")
    }
    if chosen == 1 && repetitions > 1 && !record && !predict {
      throw ValidationError(
        "--repetitions repeats the timed run, which --plan, --profile and --kernels replace.")
    }
  }

  func run() throws {
    let benchmark = Benchmark(
      widths: layers.widths, batch: batch, optimizer: optimizer.choice, steps: steps,
      threads: threads.counts[0])
    if plan {
      try Console.print(try benchmark.makeTrainer().planText(rows: batch))
    } else if profile {
      guard let profile = try benchmark.profile() else { return }
      try Console.print(
        output.json
          ? JSONWriter.text(profile.json) : BenchText.profile(profile, threads: threads.counts[0]))
    } else if kernels {
      let products = try benchmark.products()
      try Console.print(
        output.json ? JSONWriter.text(products.json) : BenchText.products(products))
    } else if record {
      let cost = try benchmark.recordingCost(repetitions: repetitions)
      try Console.print(
        output.json
          ? JSONWriter.text(cost.json)
          : BenchText.recording(cost, of: "\(layers), batch \(batch), \(optimizer.rawValue)"))
    } else if predict {
      let found = try benchmark.predictions(repetitions: repetitions)
      try Console.print(
        output.json
          ? JSONWriter.text(found.json)
          : BenchText.predictions(found, of: "\(layers)", threads: threads.counts[0]))
    } else {
      let sweep = try benchmark.sweep(threads: threads.counts, repetitions: repetitions)
      try Console.print(
        output.json
          ? JSONWriter.text(sweep.json)
          : BenchText.sweep(
            sweep, of: "\(layers), batch \(batch), \(optimizer.rawValue)", steps: steps))
    }
  }
}
