import ArgumentParser
import Ebb
import EbbSystem

/// What is wrong with a flag's value; argument-parser adds the flag and the value.
struct FlagError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }

  /// A name that is none of those known.
  static func unknown(_ text: String, known: [String]) -> FlagError {
    let name = String(text.split(separator: ":").first ?? "")
    let names = known.map { String($0.split(separator: ":").first ?? "") }
    let likely = NameSuggestion.closest(to: name, among: names)
    let hint = likely.map { "did you mean \($0)? " } ?? ""
    return FlagError("\(hint)known are \(known.joined(separator: ", "))")
  }
}

/// Readers of flags' values.
enum FlagValue {
  /// One of a few words.
  static func choice<Choice: CaseIterable & RawRepresentable<String>>(
    _ text: String
  ) throws -> Choice {
    guard let found = Choice(rawValue: text) else {
      throw FlagError.unknown(text, known: Choice.allCases.map(\.rawValue))
    }
    return found
  }

  /// Something that the library reads from its name.
  static func named<Value>(
    _ text: String, known: [String], _ make: (String) throws(SettingsError) -> Value
  ) throws -> Value {
    do throws(SettingsError) {
      return try make(text)
    } catch {
      let name = text.split(separator: ":").first.map(String.init) ?? ""
      let isKnown = known.contains { $0.split(separator: ":").first.map(String.init) == name }
      throw isKnown ? FlagError(error.message) : FlagError.unknown(text, known: known)
    }
  }

  /// A whole number from `least`, and not so large that it could not be reckoned with.
  static func count(_ text: String, from least: Int = 1) throws -> Int {
    switch NumberParser.integer(text) {
    case .value(let number) where number >= Int64(least) && number <= Int64(CountLimit.most):
      return Int(number)
    case .value(let number) where number > 0: throw tooLarge
    case .outOfRange where !text.hasPrefix("-"): throw tooLarge
    default: throw FlagError("expected a whole number, \(least) or more")
    }
  }

  private static var tooLarge: FlagError {
    FlagError("expected at most \(NumberFormat.grouped(CountLimit.most))")
  }

  /// A decimal number in a range.
  static func number(
    _ text: String, _ expected: String, where isAllowed: (Double) -> Bool
  ) throws -> Double {
    guard case .value(let number) = NumberParser.double(text), isAllowed(number) else {
      throw FlagError("expected a number, \(expected)")
    }
    return number
  }

  /// The seed: what JSON can hold as a whole number.
  static func seed(_ text: String) throws -> UInt64 {
    guard case .value(let number) = NumberParser.integer(text), number >= 0 else {
      throw FlagError("expected a whole number from 0 to \(Int64.max)")
    }
    return UInt64(number)
  }

  static let activations = Activation.allCases.map(\.spelling)
  static let optimizers = OptimizerChoice.allCases.map(\.rawValue)
  static let losses = [
    "squared-error", "absolute-error", "huber", "huber:DELTA", "binary-cross-entropy",
    "softmax-cross-entropy", "softmax-cross-entropy:SMOOTHING",
  ]
  static let schedules = [
    "constant", "step:EVERY:FACTOR", "exponential:FACTOR", "cosine", "cosine:END", "linear",
    "linear:END", "warm-up:LENGTH:SCHEDULE",
  ]
}

/// Widths of hidden layers: `64,32`, or `none`.
struct HiddenWidths: Sendable, Equatable, CustomStringConvertible {
  var widths: [Int]

  init(_ widths: [Int]) { self.widths = widths }

  init(parsing text: String) throws {
    if text == "none" {
      widths = []
      return
    }
    widths = try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
      guard case .value(let width) = NumberParser.integer(part), (1...1_000_000).contains(width)
      else {
        throw FlagError(
          "expected the width of each hidden layer, 1 or more, such as 64 or 64,32; or none")
      }
      return Int(width)
    }
  }

  var description: String {
    widths.isEmpty ? "none" : widths.map(String.init).joined(separator: ",")
  }
}

/// A count, or a word instead: `32` or `full`, `20` or `none`.
struct CountOrWord: Sendable, Equatable, CustomStringConvertible {
  let count: Int?
  private let word: String

  init(_ count: Int?, word: String) {
    self.count = count
    self.word = word
  }

  init(parsing text: String, word: String) throws {
    self.word = word
    if text == word {
      count = nil
      return
    }
    switch NumberParser.integer(text) {
    case .value(let number) where number < 1:
      throw FlagError("expected a whole number, 1 or more, or \(word)")
    case .notANumber: throw FlagError("expected a whole number, 1 or more, or \(word)")
    case .value, .outOfRange: count = try FlagValue.count(text)
    }
  }

  var description: String { count.map(String.init) ?? word }
}
