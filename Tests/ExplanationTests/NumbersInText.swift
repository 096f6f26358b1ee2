import Ebb
import EbbSystem
import Foundation
import TestSupport
import Testing

/// Holds the numbers of a part's text to those of its JSON.
enum NumbersInText {
  /// The numbers that stand in a text and are those of no JSON number, rounded to six digits or to two.
  static func strangers(_ part: any ExplanationPart, allowed: Set<Double> = [0, 1]) -> [String] {
    var known: Set<Double> = allowed
    for value in numbers(part.json) {
      for digits in [2, 6] {
        if let number = Double(NumberFormat.significant(value.magnitude, digits: digits)) {
          known.insert(number)
        }
      }
      known.insert(value.magnitude)
    }
    return texts(part.text).filter { text in
      Double(text.replacing(",", with: "")).map { !known.contains($0) } ?? true
    }
  }

  /// All numbers of a JSON value, those in its texts too.
  static func numbers(_ value: JSONValue) -> [Double] {
    switch value {
    case .integer(let number): [Double(number)]
    case .number(let number): [number]
    case .string(let text): texts(text).compactMap { Double($0.replacing(",", with: "")) }
    case .array(let elements): elements.flatMap(numbers)
    case .object(let members): members.flatMap { numbers($0.value) }
    default: []
    }
  }

  /// The numbers of a text, without signs: not those in names, nor those that count lines.
  static func texts(_ text: String) -> [String] {
    var result: [String] = []
    for line in text.split(separator: "\n") {
      for word in line.replacing(#/^\s*(\d\.|#\d+)\s/#, with: " ").split(separator: " ") {
        let bare = word.drop { "([|,".contains($0) }
        guard let first = bare.first, !first.isLetter, first != "∂" else { continue }
        for match in bare.matches(of: #/\d[\d,]*(?:\.\d+)?(?:e[+\-]\d+)?/#) {
          var found = String(match.output)
          while found.hasSuffix(",") { found.removeLast() }
          result.append(found)
        }
      }
    }
    return result
  }

  /// The longest line.
  static func width(_ part: any ExplanationPart) -> Int {
    part.text.split(separator: "\n").map(\.count).max() ?? 0
  }
}
