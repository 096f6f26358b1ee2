import Foundation
import Testing

@Suite("ebb bench")
struct BenchTests {
  private static let small = [
    "bench", "--layers", "20-16-8-4", "--batch", "32", "--optimizer", "adam", "--steps", "30",
  ]

  private static func number(_ object: [String: Any], _ key: String) throws -> Double {
    try #require((object[key] as? NSNumber)?.doubleValue, "no number \"\(key)\" in \(object)")
  }

  /// The figures of a run hang together.
  private static func check(_ run: [String: Any], threads: Int, repetitions: Int) throws {
    let rate = try number(run, "samplesPerSecond")
    let (lowest, highest) = (try number(run, "lowest"), try number(run, "highest"))
    #expect(0 < lowest && lowest <= rate && rate <= highest, "\(run)")
    if repetitions == 1 { #expect(lowest == highest, "\(run)") }
    let microseconds = try number(run, "microsecondsPerStep")
    #expect(abs(microseconds * rate / 32e6 - 1) < 1e-9, "\(run)")
    #expect(try number(run, "gflops") > 0)
    #expect(try number(run, "threads") == Double(threads))
    #expect(try number(run, "repetitions") == Double(repetitions))
  }

  @Test("one count of threads: the figures as members of the object itself, and the memory")
  func single() throws {
    let result = try Workplace().run(Self.small + ["--repetitions", "3", "--json"]).json()
    #expect(result["runs"] == nil)
    try Self.check(result, threads: 1, repetitions: 3)
    // 20-16-8-4 has 336 + 136 + 36 numbers; Adam keeps two more of each.
    let (state, data) = (try Self.number(result, "stateBytes"), 12_800.0 * (20 + 1) * 4)
    #expect(state >= 508 * 3 * 4 && state < 508 * 3 * 4 * 1.2)
    #expect(try Self.number(result, "dataBytes") == data)
    let arena = try Self.number(result, "arenaBytes")
    #expect(arena >= 32 * (20 + 16 + 8) * 4, "at least the features and the activations")
    #expect(try Self.number(result, "peakMemory") > state + arena + data)
  }

  @Test("several counts: a run for each, with the same loss to the last bit")
  func sweep() throws {
    let place = try Workplace()
    let flags = ["--threads", "2,1", "--repetitions", "2"]
    let result = try place.run(Self.small + flags + ["--json"]).json()
    let runs = try #require(result["runs"] as? [[String: Any]])
    #expect(runs.count == 2)
    for (run, threads) in zip(runs, [2, 1]) {
      try Self.check(run, threads: threads, repetitions: 2)
    }
    let alone = try place.run(Self.small + ["--json"]).json()
    for run in runs { #expect(try Self.number(run, "loss") == Self.number(alone, "loss")) }
    #expect(try Self.number(result, "peakMemory") > 0)

    let lines = try place.run(Self.small + flags).output.split(separator: "\n")
    #expect(lines.count == 5, "\(lines)")
    #expect(lines.first == "20-16-8-4, batch 32, adam, 30 steps, median of 2 repetitions")
    #expect(lines.contains { $0.contains("lowest to highest") && $0.hasSuffix("ratio") })
    #expect(lines.contains { $0.hasSuffix("  1.00") }, "the first count against itself")
    #expect(lines.last?.hasPrefix("memory: peak ") == true)
  }

  @Test("the text of one run")
  func text() throws {
    let lines = try Workplace().run(Self.small).output.split(separator: "\n").map(String.init)
    let ends = [
      "20-16-8-4, batch 32, adam, 1 thread, 30 steps", " samples/s", " µs per step", " GFLOP/s",
      "", "",
    ]
    #expect(lines.count == ends.count)
    for (line, end) in zip(lines, ends) { #expect(line.hasSuffix(end), "\(lines)") }
    #expect(lines.dropFirst(4).first?.hasPrefix("loss of the last batch ") == true)
    #expect(lines.last?.contains("; state ") == true)
  }

  /// Sizes and orders of operands of one product.
  private struct Product: Hashable {
    var m: Int
    var n: Int
    var k: Int
    var aTransposed = false
    var bTransposed = false
  }

  @Test("--kernels: all products of forward and backward pass, and no other")
  func kernels() throws {
    let place = try Workplace()
    let result = try place.run(Self.small + ["--kernels", "--json"]).json()
    let list = try #require(result["products"] as? [[String: Any]], "\(result)")
    var found: [Product] = []
    for entry in list {
      found.append(
        Product(
          m: Int(try Self.number(entry, "m")), n: Int(try Self.number(entry, "n")),
          k: Int(try Self.number(entry, "k")),
          aTransposed: try #require(entry["aTransposed"] as? Bool),
          bTransposed: try #require(entry["bTransposed"] as? Bool)))
      #expect(try Self.number(entry, "gflops") > 0)
    }
    let (batch, widths) = (32, [20, 16, 8, 4])
    var expected: Set<Product> = []
    for layer in 1..<widths.count {
      let (inputs, outputs) = (widths[layer - 1], widths[layer])
      expected.insert(Product(m: batch, n: outputs, k: inputs))
      expected.insert(Product(m: inputs, n: outputs, k: batch, aTransposed: true))
      if layer > 1 {
        expected.insert(Product(m: batch, n: inputs, k: outputs, bTransposed: true))
      }
    }
    #expect(found.count == expected.count)
    #expect(Set(found) == expected)

    let text = try place.run(Self.small + ["--kernels"]).output
    for row in ["32×16×20  forward", "20×16×32  weight gradient", "32×16×8   input gradient"] {
      #expect(text.contains(row), "\(text)")
    }
  }

  @Test("--predict: many rows and one alone; --record: the cost of the notes")
  func predictAndRecord() throws {
    let place = try Workplace()
    let predicted = try place.run(Self.small + ["--predict", "--repetitions", "3", "--json"]).json()
    let (rate, latency) = (
      try #require(predicted["rowsPerSecond"] as? Double),
      try #require(predicted["microsecondsPerRow"] as? Double)
    )
    #expect(rate > 1_000 && latency > 0 && latency < 1e6)
    #expect((predicted["rates"] as? [Double])?.count == 3)
    #expect(try place.run(Self.small + ["--predict"]).output.contains("for one row alone"))
    let recorded = try place.run(Self.small + ["--record", "--json"]).json()
    #expect(try #require(recorded["ratio"] as? Double) > 0)
  }

  @Test("--profile: every instruction once, the shares together one step")
  func profile() throws {
    let result = try Workplace().run(Self.small + ["--profile", "--json"]).json()
    let entries = try #require(result["instructions"] as? [[String: Any]])
    #expect(entries.first?["instruction"] as? String == "gather the batch")
    let products = entries.count { ($0["instruction"] as? String)?.hasPrefix("matmul") == true }
    #expect(products == 8)
    let shares = try entries.map { try Self.number($0, "share") }.reduce(0, +)
    #expect(abs(shares - 1) < 1e-9)
    let times = try entries.map { try Self.number($0, "microseconds") }.reduce(0, +)
    #expect(abs(times / (try Self.number(result, "microsecondsPerStep")) - 1) < 1e-9)
  }

  @Test(
    "flags that do not go together, and values out of range",
    arguments: [
      (["--plan", "--profile"], "exclude each other"),
      (["--profile", "--kernels"], "exclude each other"),
      (["--kernels", "--plan"], "exclude each other"),
      (["--record", "--predict"], "exclude each other"),
      (["--predict", "--threads", "1,2"], "one count of --threads"),
      (["--profile", "--threads", "1,2"], "one count of --threads"),
      (["--kernels", "--threads", "1,2"], "one count of --threads"),
      (["--profile", "--repetitions", "2"], "--repetitions repeats the timed run"),
      (["--threads", "1,"], "expected a whole number from 1 to 256"),
      (["--threads", "1,0"], "expected a whole number from 1 to 256"),
      (["--threads", "1,1000"], "expected a whole number from 1 to 256"),
      (["--threads", ""], "expected a whole number from 1 to 256"),
      (["--repetitions", "0"], "1 or more"), (["--repetitions", "-1"], "1 or more"),
      (["--kernels", "--batch", "20000"], "expected 1 to 12800"),
    ])
  func mistakes(flags: [String], says message: String) throws {
    let outcome = try Workplace().run(["bench"] + flags)
    #expect(outcome.status == 2, "\(outcome.errors)")
    #expect(outcome.errors.contains(message), "\(outcome.errors)")
    #expect(outcome.output.isEmpty)
  }
}
