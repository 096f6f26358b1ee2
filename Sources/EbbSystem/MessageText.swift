/// Names and texts from files and flags as they stand in what people read: bounded, and shown where a
/// terminal would act on them.
package enum MessageText {
  /// The most characters that are shown of one text.
  package static let lengthLimit = 60
  /// The most items that are shown of one list.
  package static let itemLimit = 20

  /// Whether a terminal would do something else with a character than show it: control characters,
  /// U+0080 to U+009F among them, other ends of lines, and what turns the direction of the text
  /// around it.
  package static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case ..<0x20, 0x7F...0x9F, 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069: true
    default: false
    }
  }

  /// The text with every control character as an escape, but for line breaks.
  ///
  /// The escapes are those of JSON, and in JSON control characters occur within texts only: so JSON
  /// stays JSON, with the same content.
  package static func visible(_ text: String) -> String {
    escaping(text) { $0 != "\n" && isControl($0) }
  }

  /// The text on one line: every control character as an escape.
  package static func line(_ text: String) -> String { escaping(text, isControl) }

  /// The text on one line and cut short, as names stand in lists.
  package static func name(_ text: String) -> String { line(cut(text)) }

  /// The same in quotes.
  package static func quoted(_ text: String) -> String { "\"\(name(text))\"" }

  /// The text, cut short.
  package static func cut(_ text: String, to limit: Int = lengthLimit) -> String {
    let scalars = text.unicodeScalars
    guard
      let end = scalars.index(scalars.startIndex, offsetBy: limit, limitedBy: scalars.endIndex),
      end < scalars.endIndex
    else { return text }
    return String(scalars[..<end]) + "..."
  }

  /// The first few of many texts: `a, b, c and 99,997 more`.
  package static func list(
    _ texts: some Collection<String>, separator: String = ", ", limit: Int = itemLimit
  ) -> String {
    let shown = texts.prefix(limit).joined(separator: separator)
    let more = texts.count - limit
    return more > 0 ? "\(shown) and \(NumberFormat.grouped(more)) more" : shown
  }

  private static func escaping(
    _ text: String, _ isEscaped: (Unicode.Scalar) -> Bool
  ) -> String {
    guard text.unicodeScalars.contains(where: isEscaped) else { return text }
    var result = ""
    for scalar in text.unicodeScalars {
      if !isEscaped(scalar) {
        result.unicodeScalars.append(scalar)
        continue
      }
      switch scalar {
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      default:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
      }
    }
    return result
  }
}

extension String {
  /// The text in quotes, on one line and cut short, for messages.
  package var quotedForMessage: String { MessageText.quoted(self) }
}

extension Sequence<Int> {
  /// The first few numbers for a message: `3, 8, 12 and 40 more`.
  package func listedForMessage(limit: Int = 8) -> String {
    let all = Array(self)
    let shown = all.prefix(limit).map { String($0) }.joined(separator: ", ")
    return all.count > limit
      ? "\(shown) and \(NumberFormat.grouped(all.count - limit)) more" : shown
  }
}
