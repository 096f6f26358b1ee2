import Foundation
import Testing

@Suite("More than fits, and more than is usual")
struct ScaleTests {
  /// A table whose target has so many classes of three rows each.
  private func classes(_ count: Int) -> String {
    "a,b,y\n"
      + (0..<3 * count).map { "\($0 * 7 % 101),\($0 * 13 % 97),t\($0 / 3)" }.joined(separator: "\n")
      + "\n"
  }

  @Test("many classes: a question, files that do not grow with their square, bounded tables")
  func manyClasses() throws {
    let place = try Workplace()
    try place.write(classes(600), to: "c.csv")
    let outcome = try place.ebb(
      "train", "c.csv", "--target", "y", "--epochs", "1", "--output", "run")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(
      outcome.errors.contains("has 600 classes, such as \"t0\" and \"t1\", with 2.1 training"))
    #expect(outcome.output.contains("… and 570 more classes"))
    #expect(try place.bytes("run/metrics.json").count < 400_000)
    #expect(try place.bytes("run/report.html").count < 400_000)
    let saved = try #require(
      try JSONSerialization.jsonObject(with: place.bytes("run/metrics.json")) as? [String: Any])
    let metrics = try #require(saved["metrics"] as? [String: [String: Any]])
    let training = try #require(metrics["training"])
    #expect(training["confusion"] == nil)
    let pairs = try #require(training["confusionPairs"] as? [[Int]])
    #expect(pairs.map { $0[2] }.reduce(0, +) == 1260)
    let evaluated = try place.ebb("evaluate", "run", "c.csv", "--json").json()
    let all = try #require((evaluated["metrics"] as? [String: Any])?["confusionPairs"] as? [[Int]])
    #expect(all.map { $0[2] }.reduce(0, +) == 1800)
    let text = try place.ebb("evaluate", "run", "c.csv").output
    #expect(text.split(separator: "\n").count < 80)
  }

  @Test("a column of names as the target is refused with the reason")
  func names() throws {
    let place = try Workplace()
    try place.write(
      "a,name\n" + (0..<500).map { "\($0 % 7),person \($0)\n" }.joined(), to: "n.csv")
    let outcome = try place.ebb("train", "n.csv", "--target", "name")
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("has 1 row (and 499 more classes likewise)"))
  }

  @Test(
    "sizes that no machine has are refused",
    arguments: ["1000000-1000000", "1000000-1-1000000", "40000-40000-40000-40000-40000-40000-10"])
  func bench(layers: String) throws {
    let place = try Workplace()
    let outcome = try limited(place, "ulimit -v 4000000", "bench --steps 1 --layers \(layers)")
    #expect(outcome.status == 1, "\(outcome.errors)")
    #expect(
      outcome.errors.contains("of memory") || outcome.errors.contains("2^31 - 1 elements"),
      "\(outcome.errors)")
  }

  @Test(
    "a limit of the process: refused beforehand, and nothing is left behind",
    arguments: ["ulimit -v 300000", "ulimit -d 300000"])
  func limit(_ limit: String) throws {
    let place = try Workplace()
    let outcome = try limited(
      place, limit,
      "train \(Command.example("iris")) --target species --hidden 20000,2000 --epochs 1 --output run"
    )
    #expect(outcome.status == 1, "\(outcome.errors)")
    #expect(outcome.errors.contains("training this network needs about 2."), "\(outcome.errors)")
    #expect(outcome.errors.contains("within this process's limit (ulimit)"))
    #expect(!place.exists("run"))
  }

  /// Whatever an estimate does not foresee ends so, too: at no limit is there a signal.
  @Test("every limit of the process, from nothing to enough, ends in a sentence or a result")
  func limits() throws {
    let place = try Workplace()
    let trained = try place.ebb(
      "train", Command.example("digits"), "--target", "digit", "--epochs", "1", "--hidden",
      "400,300",
      "--output", "m")
    #expect(trained.status == 0)
    let commands = [
      "explain m --row 1 --level equations", "audit m --folds 0", "check m",
      "train \(Command.example("digits")) --target digit --epochs 1 --force --output n",
    ]
    var ended: [Int32: Int] = [:]
    for command in commands {
      // Below 40 MB the program itself is not loaded.
      for kilobytes in stride(from: 40_000, through: 160_000, by: 8_000) {
        let outcome = try limited(place, "ulimit -c 0; ulimit -v \(kilobytes)", command)
        ended[outcome.status, default: 0] += 1
        guard outcome.status != 0 else { continue }
        #expect(
          outcome.status == 1 && outcome.errors.contains("memory")
            && !outcome.errors.contains("stack trace"),
          "\(command) with \(kilobytes) kB: status \(outcome.status): \(outcome.errors)")
      }
    }
    #expect(ended[0, default: 0] > 4 && ended[1, default: 0] > 4, "\(ended)")
  }

  @Test("standard input that is no text, or more text than fits, is not read to its end")
  func endless() throws {
    let place = try Workplace()
    let trained = try place.ebb(
      "train", Command.example("iris"), "--target", "species", "--epochs", "1", "--output", "m")
    #expect(trained.status == 0)
    let zeros = try limited(place, "ulimit -v 1200000", "predict m - < /dev/zero")
    #expect(zeros.status == 1 && zeros.errors.contains("a zero byte"), "\(zeros.errors)")
    let words = try limited(
      place, "yes 1,2,3,4 | (ulimit -v 400000", "predict m -", end: ")")
    #expect(words.status == 1 && words.errors.contains("larger than the limit"), "\(words.errors)")
  }

  /// Runs the command behind a limit of the shell.
  private func limited(
    _ place: Workplace, _ limit: String, _ arguments: String, end: String = ""
  ) throws -> (status: Int32, errors: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = [
      "-c", "\(limit); '\(Command.path)' \(arguments) > out.txt 2> err.txt\(end)",
    ]
    process.currentDirectoryURL = URL(fileURLWithPath: place.path)
    var variables = ProcessInfo.processInfo.environment
    variables["SWIFT_BACKTRACE"] = "enable=no"
    process.environment = variables
    try process.run()
    process.waitUntilExit()
    return (process.terminationStatus, try place.text("err.txt"))
  }
}
