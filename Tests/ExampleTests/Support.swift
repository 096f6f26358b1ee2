import Foundation
import Testing

/// One of the example programs, built beside the tests.
struct Program {
  let name: String

  /// What a run printed.
  struct Outcome {
    let output: String

    /// The lines that are not empty.
    var lines: [Substring] { output.split(separator: "\n") }

    /// The lines that begin with a text, after blanks.
    func lines(beginning text: String) -> [Substring] {
      lines.filter { $0.drop { $0 == " " }.hasPrefix(text) }
    }

    /// All numbers of the only line that begins with a text, in order.
    func numbers(inLineBeginning text: String) throws -> [Double] {
      let found = lines(beginning: text)
      try #require(found.count == 1, "\(found.count) lines begin with \"\(text)\" in:\n\(output)")
      return allNumbers(in: found[0])
    }
  }

  /// Runs the program in a directory to its end, which must be a good one.
  func run(_ arguments: String..., in directory: Directory? = nil) throws -> Outcome {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try path)
    process.arguments = arguments
    let directory = try directory ?? Directory()
    process.currentDirectoryURL = URL(fileURLWithPath: directory.path)
    // Files never fill up as pipes do.
    let names = ["output", "errors"].map { "\(directory.path)-\(name).\($0)" }
    for name in names { try Data().write(to: URL(fileURLWithPath: name)) }
    defer { for name in names { try? FileManager.default.removeItem(atPath: name) } }
    process.standardOutput = FileHandle(forWritingAtPath: names[0])
    process.standardError = FileHandle(forWritingAtPath: names[1])
    try process.run()
    process.waitUntilExit()
    func text(_ name: String) throws -> String {
      String(decoding: try Data(contentsOf: URL(fileURLWithPath: name)), as: UTF8.self)
    }
    let (output, errors) = (try text(names[0]), try text(names[1]))
    try #require(
      process.terminationStatus == 0 && process.terminationReason == .exit,
      "\(name) ended with \(process.terminationStatus)\n\(output)\n\(errors)")
    #expect(errors.isEmpty, "\(name) complained: \(errors)")
    return Outcome(output: output)
  }

  /// The built program: beside the test bundle, which may be a file or a directory.
  private var path: String {
    get throws {
      let arguments = CommandLine.arguments
      var places = [Bundle.main.bundlePath, arguments[0]]
      if let flag = arguments.firstIndex(of: "--test-bundle-path"), flag + 1 < arguments.count {
        places.append(arguments[flag + 1])
      }
      places += arguments.filter { $0.contains(".xctest") }
      for place in places {
        var directory = URL(fileURLWithPath: place)
        for _ in 0..<4 {
          let candidate = directory.appendingPathComponent(name).path
          var isDirectory: ObjCBool = false
          if FileManager.default.fileExists(atPath: candidate, isDirectory: &isDirectory),
            !isDirectory.boolValue
          {
            return candidate
          }
          directory = directory.deletingLastPathComponent()
        }
      }
      throw Missing(description: "\(name) is not built: run swift build -c release")
    }
  }

  struct Missing: Error, CustomStringConvertible {
    let description: String
  }
}

/// A directory of its own for a test, removed at its end.
final class Directory {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.path + "/ebb-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func bytes(of name: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)"))
  }

  /// The names of all files here.
  var files: [String] { (FileManager.default.subpaths(atPath: path) ?? []).sorted() }
}

/// The numbers in a text, in order; a digit within a word, as in `x1`, is none.
func allNumbers(in text: some StringProtocol) -> [Double] {
  text.split { !($0.isLetter || $0.isNumber || "+-._".contains($0)) }.compactMap { word in
    Double(word.hasSuffix(".") ? word.dropLast() : word)
  }
}

/// The file of digits that the examples read.
let digitsFile = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  .deletingLastPathComponent().deletingLastPathComponent()
  .appendingPathComponent("Examples/digits.csv").path
