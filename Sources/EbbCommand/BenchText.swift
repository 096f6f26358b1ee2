import Ebb
import EbbBenchmarks
import EbbSystem

/// What `ebb bench` prints for people.
enum BenchText {
  /// The figures of one number of threads, or a table of several.
  static func sweep(_ sweep: BenchmarkSweep, of network: String, steps: Int) -> String {
    let timed = NumberFormat.counted(steps, "step")
    let figures =
      if let run = sweep.runs.first, sweep.runs.count == 1 {
        "\(network), \(NumberFormat.counted(run.threads, "thread")), \(timed)\n\(text(run))"
      } else {
        "\(network), \(timed)\(repeated(sweep.runs.first))\n\(table(sweep.runs))"
      }
    return "\(figures)\n\(text(sweep.footprint))"
  }

  private static func text(_ run: BenchmarkSweep.Run) -> String {
    var rate = "\(grouped(run.samplesPerSecond)) samples/s"
    if run.rates.count > 1 {
      rate += ", the median of \(run.rates.count) (\(spread(run)))"
    }
    return """
      \(rate)
      \(fixed(run.microsecondsPerStep)) µs per step
      \(fixed(run.gflops)) GFLOP/s
      loss of the last batch \(NumberFormat.significant(run.loss, digits: 5))
      """
  }

  private static func table(_ runs: [BenchmarkSweep.Run]) -> String {
    var table = TextTable([
      "threads", "samples/s", "lowest to highest", "µs per step", "GFLOP/s", "ratio",
    ])
    table.alignsLeft = 0
    let first = runs.first?.samplesPerSecond ?? 1
    for run in runs {
      table.add([
        "\(run.threads)", grouped(run.samplesPerSecond), spread(run),
        fixed(run.microsecondsPerStep), fixed(run.gflops),
        NumberFormat.fixed(run.samplesPerSecond / first, decimals: 2),
      ])
    }
    return table.text
  }

  private static func text(_ footprint: BenchmarkSweep.Footprint) -> String {
    let peak =
      footprint.peakMemory > 0 ? "peak \(NumberFormat.bytes(footprint.peakMemory)); " : ""
    return "memory: \(peak)state \(NumberFormat.bytes(footprint.stateBytes)), "
      + "activations \(NumberFormat.bytes(footprint.arenaBytes)), "
      + "data \(NumberFormat.bytes(footprint.dataBytes))"
  }

  private static func repeated(_ run: BenchmarkSweep.Run?) -> String {
    guard let count = run?.rates.count, count > 1 else { return "" }
    return ", median of \(NumberFormat.counted(count, "repetition"))"
  }

  private static func spread(_ run: BenchmarkSweep.Run) -> String {
    "\(grouped(run.lowest)) to \(grouped(run.highest))"
  }

  /// A row for each instruction.
  static func profile(_ profile: StepProfile, threads: Int) -> String {
    var table = TextTable(["instruction", "µs", "share", "GFLOP/s", "GB/s", "of the limit"])
    for entry in profile.entries {
      table.add([
        entry.text, NumberFormat.fixed(entry.microseconds, decimals: 2), percent(entry.share),
        entry.gflops > 0 ? fixed(entry.gflops) : "", fixed(entry.gigabytes),
        percent(entry.ofLimit) + (entry.isArithmetic ? " of arithmetic" : " of memory"),
      ])
    }
    return """
      \(table.text)
      step \(fixed(profile.microseconds)) µs; limits of \
      \(NumberFormat.counted(threads, "thread")): \
      \(NumberFormat.fixed(profile.gflopsLimit, decimals: 0)) GFLOP/s, \
      \(NumberFormat.fixed(profile.gigabytesLimit, decimals: 0)) GB/s
      """
  }

  /// A row for each product.
  static func products(_ products: ProductBenchmark) -> String {
    var table = TextTable(["product", "form", "GFLOP/s", "of the limit"])
    table.alignsLeft = 2
    for entry in products.entries {
      table.add([
        "\(entry.m)×\(entry.n)×\(entry.k)", entry.form, fixed(entry.gflops),
        percent(entry.ofLimit),
      ])
    }
    let limit = NumberFormat.fixed(products.gflopsLimit, decimals: 0)
    return "\(table.text)\nlimit of 1 thread: \(limit) GFLOP/s"
  }

  private static func fixed(_ value: Double) -> String { NumberFormat.fixed(value, decimals: 1) }

  private static func percent(_ share: Double) -> String { "\(fixed(share * 100)) %" }

  private static func grouped(_ value: Double) -> String {
    NumberFormat.grouped(whole: value.rounded())
  }
}
