/// A piece of HTML or SVG. What is put into it by interpolation is escaped, unless it is HTML itself.
///
///     let cell: HTML = "<td>\(name)</td>"
package struct HTML: Sendable, Equatable, ExpressibleByStringInterpolation {
  /// The markup.
  package private(set) var text: String

  package init(stringLiteral value: String) { text = value }

  package init(stringInterpolation: Interpolation) { text = stringInterpolation.text }

  /// Text that is markup already.
  init(trusted text: String) { self.text = text }

  package static func += (left: inout HTML, right: HTML) { left.text += right.text }

  /// Text with everything replaced that HTML or XML would read as markup, or would refuse.
  package static func escaped(_ text: String) -> String {
    let isPlain = text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "&"), UInt8(ascii: "\""),
        UInt8(ascii: "'"), 0..<0x20, 0x7F...:
        false
      default: true
      }
    }
    if isPlain { return text }
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "&": result += "&amp;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      case "\n", "\t": result.unicodeScalars.append(scalar)
      default:
        let isAllowed =
          switch scalar.value {
          case ..<0x20, 0x7F..<0xA0, 0xFFFE...0xFFFF: false
          default: true
          }
        result.unicodeScalars.append(isAllowed ? scalar : "\u{FFFD}")
      }
    }
    return result
  }

  /// Builds the text of an interpolated literal.
  package struct Interpolation: StringInterpolationProtocol {
    fileprivate var text = ""

    package init(literalCapacity: Int, interpolationCount: Int) {
      text.reserveCapacity(literalCapacity)
    }

    package mutating func appendLiteral(_ literal: String) { text += literal }

    package mutating func appendInterpolation(_ value: String) { text += HTML.escaped(value) }

    package mutating func appendInterpolation(_ value: Int) { text += String(value) }

    package mutating func appendInterpolation(_ value: HTML) { text += value.text }

    /// A coordinate, to a tenth of a pixel.
    package mutating func appendInterpolation(px value: Double) { text += Pixels.text(value) }
  }
}

extension Sequence<HTML> {
  /// All pieces in one.
  func joined() -> HTML { HTML(trusted: map(\.text).joined()) }
}

/// Coordinates in pictures.
enum Pixels {
  /// A coordinate to a tenth of a pixel; nothing is drawn farther out than a million.
  static func text(_ value: Double) -> String {
    guard value.isFinite else { return "0" }
    let tenths = Int((max(-1e6, min(1e6, value)) * 10).rounded())
    let (whole, rest) = tenths.magnitude.quotientAndRemainder(dividingBy: 10)
    return (tenths < 0 ? "-" : "") + (rest == 0 ? "\(whole)" : "\(whole).\(rest)")
  }
}

/// Names in places that are only so wide.
enum Names {
  /// A name on one line, cut to a number of characters.
  static func short(_ name: String, _ limit: Int) -> String {
    let line = String(name.map { $0.isNewline || $0 == "\t" ? " " : $0 })
    return line.count <= limit ? line : line.prefix(max(1, limit - 1)) + "…"
  }

  /// About how many pixels a text takes in the pictures' letters.
  static func width(_ text: String) -> Double {
    text.reduce(0) { $0 + ($1.utf8.count > 2 ? 12 : 6.6) }
  }
}
