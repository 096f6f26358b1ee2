import Foundation
import Testing

/// Names that would move a terminal's cursor, numbers and texts without end: they are shown or refused.
@Suite("Hostile input") struct HostileInputTests {
  /// ESC, BEL, CR, DEL, a control character of U+0080 to U+009F, and one that turns the text around.
  static let evil = "\u{1B}[31mX\u{7}\r\u{7F}\u{9B}2J\u{202E}abc"

  /// The characters in a text that a terminal would act on.
  private func raw(_ text: String) -> [String] {
    text.unicodeScalars.filter { scalar in
      switch scalar.value {
      case 10: false
      case ..<0x20, 0x7F...0x9F, 0x202A...0x202E, 0x2066...0x2069: true
      default: false
      }
    }.map { String($0.value, radix: 16) }
  }

  private func trained() throws -> Workplace {
    let place = try Workplace()
    let evil = Self.evil
    let rows = (0..<60).map { row in
      "\(Double(row % 7) / 7 + Double(row % 3)),\"c\(evil)\(row % 4)\",\"\(row % 3)\(evil)\""
    }
    try place.write(
      "\"a\(evil)\",\"b\(evil)\",\"t\(evil)\"\n" + rows.joined(separator: "\n") + "\n",
      to: "evil.csv")
    let outcome = try place.ebb(
      "train", "evil.csv", "--target", "t\(evil)", "--hidden", "4", "--epochs", "2", "--output",
      "run\u{1B}", "--verbose")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(raw(outcome.output + outcome.errors) == [])
    #expect(outcome.output.contains("\\u001b"))
    return place
  }

  @Test("control characters of files, columns, categories and classes reach no terminal")
  func names() throws {
    let place = try trained()
    let evil = Self.evil
    let commands: [[String]] = [
      ["evaluate", "RUN", "evil.csv"], ["evaluate", "RUN", "--split", "test", "--json"],
      ["explain", "RUN", "--row", "2"], ["explain", "RUN", "--row", "2", "--json"],
      ["explain", "RUN", "--row", "2", "--level", "equations", "--wishes", "--features"],
      ["explain", "RUN", "--row", "2", "--graph", "--wiggle", "hidden1[0]"],
      ["explain", "RUN", "--row", "2", "--what-if", "--weight", "hidden1.weight[0,0]"],
      ["check", "RUN", "--rows", "8"], ["report", "RUN", "--no-check"], ["resume", "RUN"],
      ["audit", "RUN", "--folds", "0", "--output", "audit.csv"],
      ["predict", "RUN", "evil.csv", "--output", "p\u{1B}.csv"],
    ]
    for arguments in commands {
      let outcome = try place.run(arguments.map { $0 == "RUN" ? "run\u{1B}" : $0 })
      let what = arguments.joined(separator: " ")
      #expect(outcome.status == 0, "\(what): \(outcome.errors)")
      #expect(raw(outcome.output + outcome.errors) == [], "\(what)")
      if arguments.contains("--json") { _ = try outcome.json() }
    }
    // Data are data.
    let predictions = try place.ebb("predict", "run\u{1B}", "evil.csv")
    #expect(predictions.output.contains(evil))
    #expect(try place.text("p\u{1B}.csv") == predictions.output)
  }

  @Test("control characters of arguments reach no terminal", arguments: [true, false])
  func arguments(isQuoted: Bool) throws {
    let place = try Workplace()
    let (evil, iris) = (Self.evil, Command.example("iris"))
    let target = ["--target", "species"]
    let commands: [[String]] = [
      [evil], ["train", evil, "--target", "a"], ["train", iris, "--target", evil],
      ["train", iris] + target + ["--activation", evil], ["train", iris] + target + ["--" + evil],
      ["train", iris] + target + ["--split", evil], ["train", iris] + target + ["--hidden", evil],
      ["train", iris] + target + ["--loss", "huber:" + evil],
      ["train", iris] + target + ["--schedule", "step:\(evil):1"],
      ["train", iris] + target + ["--name", evil], ["train", iris] + target + ["--ignore", evil],
      ["train", iris] + target + ["--fail-under", evil + "=1"], ["predict", evil, iris],
      ["resume", evil], ["report", evil], ["explain", "--example", "xor", "--weight", evil],
      ["explain", "--example", "xor", "--set", evil + "=1"],
      ["explain", "--example", "xor", "--wiggle", evil],
    ]
    for arguments in commands {
      let outcome = try place.run(isQuoted ? arguments : arguments.map { $0 + evil })
      #expect(outcome.status == 1 || outcome.status == 2, "\(outcome.errors)")
      #expect(raw(outcome.output + outcome.errors) == [], "\(outcome.errors)")
    }
    #expect(place.files.isEmpty)
  }

  @Test("long arguments are cut short in messages")
  func longArguments() throws {
    let place = try Workplace()
    let (long, iris) = (String(repeating: "x", count: 60_000), Command.example("iris"))
    for arguments in [
      [long], ["train", long, "--target", "a"], ["train", iris, "--target", long],
      ["train", iris, "--target", "species", "--hidden", long],
      ["train", iris, "--target", "species", "--schedule", "step:\(long):1"],
      ["explain", "--example", "xor", "--weight", long],
      ["explain", "--example", "xor", "--wiggle", "\(long)[0]"],
    ] {
      let outcome = try place.run(arguments)
      #expect(outcome.status == 1 || outcome.status == 2)
      #expect(outcome.errors.utf8.count < 5_000, "\(outcome.errors.prefix(300))")
    }
  }

  @Test("numbers in flags that cannot be reckoned with are refused")
  func numbers() throws {
    let place = try Workplace()
    let iris = Command.example("iris")
    let train = ["train", iris, "--target", "species", "--epochs", "1"]
    for number in ["1000000000000001", "9223372036854775807", "18446744073709551616"] {
      for arguments in [
        ["train", iris, "--target", "species", "--epochs", number, "--patience", "1"],
        train + ["--patience", number], train + ["--batch", number], train + ["--threads", number],
        train + ["--hidden", number], ["explain", "--example", "xor", "--row", number],
        ["bench", "--steps", number], ["bench", "--batch", number],
        ["bench", "--repetitions", number], ["check", "m", iris, "--rows", number],
        ["audit", "m", iris, "--folds", number], ["audit", "m", iris, "--repeats", number],
        ["audit", "m", iris, "--top", number], ["resume", "run", "--epochs", number],
      ] {
        let outcome = try place.run(arguments)
        #expect(outcome.status == 2, "\(arguments): \(outcome.errors)")
      }
    }
    #expect(place.files.isEmpty)
  }

  @Test("input without end, and what is no file")
  func endless() throws {
    let place = try Workplace()
    let iris = Command.example("iris")
    let trained = try place.ebb(
      "train", iris, "--target", "species", "--epochs", "1", "--output", "run", "--quiet")
    try #require(trained.status == 0)
    for command in ["predict", "evaluate", "explain", "audit", "check"] {
      for device in ["/dev/zero", "/dev/urandom"] {
        let outcome = try place.run([command, "run", "-"], inputPath: device)
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("standard input:"), "\(outcome.errors)")
        let named = try place.ebb(command, "run", device)
        #expect(named.status == 1)
        #expect(named.errors.contains("is a device, not a regular file; give -"), "\(named.errors)")
      }
    }
    #expect(mkfifo("\(place.path)/pipe", 0o600) == 0)
    for arguments in [
      ["predict", "run", "pipe"], ["predict", "pipe", iris], ["train", "pipe", "--target", "a"],
      ["check", "run", iris, "--against", "pipe"], ["resume", "pipe"],
      ["train", iris, "--target", "species", "--network", "pipe"],
    ] {
      let outcome = try place.run(arguments)
      #expect(outcome.status == 1, "\(arguments): \(outcome.errors)")
    }
  }
}
