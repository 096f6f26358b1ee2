import ArgumentParser
import Ebb
import EbbSystem

/// `ebb bench`: training throughput of a given network on this machine.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure the training throughput of a network on this machine.",
    usage: "ebb bench [OPTIONS]",
    discussion: """
      Trains a network of ReLU layers with softmax cross-entropy on 12,800 synthetic
      rows (uniform inputs, random labels) that lie in memory. Every mini-batch is
      gathered from a fresh shuffle; the learning rate is 0.05 for sgd and 0.001 for
      adam. A tenth as many steps, at least 50, go before the timed ones.

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
    parsing: .unconditional, help: "The most threads to use. (default: 1)",
    transform: { try FlagValue.threads($0) })
  var threads = 1

  @Flag(help: "Print the plan of one step instead: instructions, sizes, operations and bytes.")
  var plan = false

  @Flag(help: "Print where the time of a step goes: each instruction with its share of the limit.")
  var profile = false

  @OptionGroup var output: OutputFlags

  private static let usualLayers = BenchWidths([784, 128, 10])
  private static let usualBatch = 32
  private static let usualSteps = 3000

  func run() throws {
    let benchmark = Benchmark(
      widths: layers.widths, batch: batch, optimizer: optimizer.choice, steps: steps,
      threads: threads)
    if plan {
      try Console.print(try benchmark.makeTrainer().planText(rows: batch))
      return
    }
    if profile {
      guard let profile = try benchmark.profile() else { return }
      try Console.print(output.json ? JSONWriter.text(profile.json) : text(profile))
      return
    }
    let result = try benchmark.run()
    if output.json {
      try Console.print(JSONWriter.text(result.json))
      return
    }
    let rate = NumberFormat.grouped(Int(result.samplesPerSecond.rounded()))
    try Console.print(
      """
      \(layers), batch \(batch), \(optimizer.rawValue), \
      \(NumberFormat.counted(threads, "thread")), \(NumberFormat.counted(steps, "step"))
      \(rate) samples/s
      \(NumberFormat.fixed(result.microsecondsPerStep, decimals: 1)) µs per step
      \(NumberFormat.fixed(result.gflops, decimals: 1)) GFLOP/s
      loss of the last batch \(NumberFormat.significant(result.loss, digits: 5))
      """)
  }
}

extension BenchCommand {
  /// A row for each instruction.
  private func text(_ profile: StepProfile) -> String {
    var table = TextTable(["instruction", "µs", "share", "GFLOP/s", "GB/s", "of the limit"])
    func percent(_ share: Double) -> String { NumberFormat.fixed(share * 100, decimals: 1) + " %" }
    for entry in profile.entries {
      table.add([
        entry.text, NumberFormat.fixed(entry.microseconds, decimals: 2), percent(entry.share),
        entry.gflops > 0 ? NumberFormat.fixed(entry.gflops, decimals: 1) : "",
        NumberFormat.fixed(entry.gigabytes, decimals: 1),
        percent(entry.ofLimit) + (entry.isArithmetic ? " of arithmetic" : " of memory"),
      ])
    }
    return """
      \(table.text)
      step \(NumberFormat.fixed(profile.microseconds, decimals: 1)) µs; limits of \
      \(NumberFormat.counted(threads, "thread")): \
      \(NumberFormat.fixed(profile.gflopsLimit, decimals: 0)) GFLOP/s, \
      \(NumberFormat.fixed(profile.gigabytesLimit, decimals: 0)) GB/s
      """
  }
}

/// The optimizers that the benchmark knows.
enum BenchOptimizer: String, CaseIterable {
  case sgd, adam

  var choice: OptimizerChoice { self == .sgd ? .sgd : .adam }
}

/// Widths of all layers: `784-128-10`.
struct BenchWidths: Sendable, Equatable, CustomStringConvertible {
  var widths: [Int]

  init(_ widths: [Int]) { self.widths = widths }

  init(parsing text: String) throws {
    widths = try text.split(separator: "-", omittingEmptySubsequences: false).map { part in
      guard case .value(let width) = NumberParser.integer(part), (1...1_000_000).contains(width)
      else { throw FlagError("expected widths of at least 1, such as 784-128-10") }
      return Int(width)
    }
    guard widths.count >= 2 else {
      throw FlagError("expected at least inputs and classes, such as 784-128-10")
    }
  }

  var description: String { widths.map(String.init).joined(separator: "-") }
}
