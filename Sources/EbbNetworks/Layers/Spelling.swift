internal import EbbSystem

/// A value written as a name with numbers, such as `huber:1.0` or `normal:0:0.02`: how losses,
/// initializers and schedules stand in flags and files.
struct Spelling {
  /// What is being spelled, for messages.
  let subject: String
  /// The whole text.
  let text: String
  /// What stands before the first colon.
  let name: String
  /// What stands between the colons after it.
  let arguments: [String]

  init(_ text: String, of subject: String) {
    self.subject = subject
    self.text = text
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    name = parts[0]
    arguments = Array(parts.dropFirst())
  }

  /// A name with numbers, each in the shortest form that reads back as the same value.
  static func text(_ name: String, _ numbers: Double...) -> String {
    ([name] + numbers.map(\.description)).joined(separator: ":")
  }

  /// The numbers after the name.
  ///
  /// - Parameters:
  ///   - count: how many there may be.
  ///   - form: the right spelling, for messages.
  func numbers(_ count: ClosedRange<Int>, form: String) throws(SettingsError) -> [Double] {
    guard count.contains(arguments.count) else {
      throw SettingsError(subject, "\(quoted) has \(arguments.count) values; write \(form)")
    }
    var result: [Double] = []
    for argument in arguments {
      guard case .value(let number) = NumberParser.double(Array(argument.utf8).span) else {
        throw SettingsError(
          subject, "\(quoted): \(argument.quotedForMessage) is not a number; write \(form)")
      }
      result.append(number)
    }
    return result
  }

  /// The error for a name that nothing has.
  func unknown(known: [String]) -> SettingsError {
    SettingsError(subject, "\(quoted) is not known; known are \(known.joined(separator: ", "))")
  }

  /// The text in quotes, cut short.
  var quoted: String { text.quotedForMessage }
}

extension String {
  /// A name in Swift's form as a flag writes it: `heavyBall` becomes `heavy-ball`.
  var kebabCase: String {
    reduce(into: "") { $0 += $1.isUppercase ? "-\($1.lowercased())" : String($1) }
  }
}

/// The case of an enumeration that a flag or a file names, in Swift's form or as flags write it.
package func spelled<Choice: CaseIterable & RawRepresentable<String>>(
  _ text: String, of subject: String, by spelling: (Choice) -> String = { $0.rawValue.kebabCase }
) throws(SettingsError) -> Choice {
  for choice in Choice.allCases where choice.rawValue == text || spelling(choice) == text {
    return choice
  }
  throw Spelling(text, of: subject).unknown(known: Choice.allCases.map(spelling))
}
