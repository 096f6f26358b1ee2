internal import EbbSystem

/// Words with gaps, and the numbers and names that fill them.
///
///     let words: StorySentence = "I am \("loss", 0.25), and \("unit", name: "hidden1[3]") is to blame."
///     words.template   // I am {loss}, and {unit} is to blame.
///     words.text       // I am 0.25, and hidden1[3] is to blame.
///
/// Everything a sentence says in digits stands in a gap, so a program finds each number that people
/// read, whole, under its name.
public struct StorySentence: Hashable, Sendable, ExpressibleByStringInterpolation {
  /// What fills a gap.
  public enum Filling: Hashable, Sendable {
    /// A number, shown with up to four digits.
    case number(Double)
    /// How many.
    case count(Int)
    /// What something is called.
    case name(String)
  }

  /// A gap and what fills it.
  public struct Gap: Hashable, Sendable {
    /// The name between the braces.
    public let name: String
    /// What stands there.
    public let filling: Filling
  }

  /// Takes words and gaps apart as the compiler hands them over.
  public struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var template = ""
    fileprivate var gaps: [Gap] = []

    /// An empty sentence.
    public init(literalCapacity: Int, interpolationCount: Int) {
      template.reserveCapacity(literalCapacity + 8 * interpolationCount)
    }

    /// Words.
    public mutating func appendLiteral(_ literal: String) { template += literal }

    /// A number.
    public mutating func appendInterpolation(_ name: String, _ value: Double) {
      append(name, .number(value))
    }

    /// How many.
    public mutating func appendInterpolation(_ name: String, count: Int) {
      append(name, .count(count))
    }

    /// What something is called.
    public mutating func appendInterpolation(_ name: String, name text: String) {
      append(name, .name(text))
    }

    /// Words that hold no digits, such as `rise`.
    public mutating func appendInterpolation(word: String) { template += word }

    private mutating func append(_ name: String, _ filling: Filling) {
      template += "{\(name)}"
      gaps.append(Gap(name: name, filling: filling))
    }
  }

  /// The words, with `{NAME}` where something is to be filled in.
  public private(set) var template: String
  /// The gaps in their order; one that stands twice is listed once.
  public private(set) var gaps: [Gap]

  /// Words alone.
  public init(stringLiteral words: String) { (template, gaps) = (words, []) }

  /// Words with gaps.
  public init(stringInterpolation parts: StringInterpolation) {
    (template, gaps) = (parts.template, [])
    for gap in parts.gaps { add(gap) }
  }

  /// Adds another sentence after a blank.
  static func += (left: inout StorySentence, right: StorySentence) {
    left.template += (left.template.isEmpty || right.template.isEmpty ? "" : " ") + right.template
    for gap in right.gaps { left.add(gap) }
  }

  /// The sentence with more words right after it.
  func joined(_ more: StorySentence) -> StorySentence {
    var result = self
    result.template += more.template
    for gap in more.gaps { result.add(gap) }
    return result
  }

  /// The sentence with another one after a blank.
  func adding(_ more: StorySentence) -> StorySentence {
    var result = self
    result += more
    return result
  }

  private mutating func add(_ gap: Gap) {
    if let known = gaps.first(where: { $0.name == gap.name }) {
      precondition(known == gap, "two things are called \(gap.name) in \"\(template)\"")
    } else {
      gaps.append(gap)
    }
  }

  /// The words, filled in.
  public var text: String {
    var result = ""
    var rest = template[...]
    while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
      let name = rest[rest.index(after: open)..<close]
      result += rest[..<open]
      result += gaps.first { $0.name == name }?.filling.text ?? ""
      rest = rest[rest.index(after: close)...]
    }
    return result + rest
  }
}

extension StorySentence.Filling {
  /// As it stands in the filled sentence.
  public var text: String {
    switch self {
    case .number(let value): NumberFormat.significant(value, digits: 4).withoutTrailingZeros
    case .count(let count): NumberFormat.grouped(count)
    case .name(let name): name
    }
  }
}

extension StorySentence {
  /// Template, filled words, and the gaps by name: numbers whole, not as shown.
  var json: JSONObject {
    var numbers = JSONObject()
    var names = JSONObject()
    for gap in gaps {
      switch gap.filling {
      case .number(let value): numbers[gap.name] = JSONValue(value)
      case .count(let count): numbers[gap.name] = JSONValue(count)
      case .name(let name): names[gap.name] = JSONValue(name)
      }
    }
    return [
      "words": JSONValue(text), "template": JSONValue(template), "numbers": .object(numbers),
      "names": .object(names),
    ]
  }
}

extension String {
  /// A number without the zeros at the end of its decimals: `0.25` for `0.2500`, `3` for `3.000`.
  var withoutTrailingZeros: String {
    guard contains("."), !contains("e") else { return self }
    let kept = reversed().drop { $0 == "0" }
    return String((kept.first == "." ? kept.dropFirst() : kept).reversed())
  }

  /// Lines of at most `width` characters, broken at blanks; the first begins with `first`, the others
  /// with as many blanks. A word that is longer than a line stands alone on its own.
  func wrapped(at width: Int = 80, first: String = "") -> [String] {
    let indent = String(repeating: " ", count: first.count)
    var lines: [String] = []
    var line = first
    var isEmpty = true
    for word in split(separator: " ") {
      if !isEmpty && line.count + 1 + word.count > width {
        lines.append(line)
        (line, isEmpty) = (indent, true)
      }
      line += (isEmpty ? "" : " ") + word
      isEmpty = false
    }
    return lines + [line]
  }
}
