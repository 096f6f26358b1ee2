/// A place inside a JSON document: a value with the path that led to it.
///
/// Reading through fields gives errors such as
/// `layers[2].units: expected an integer, got "x"`.
package struct JSONField: Sendable, Equatable {
  package let value: JSONValue
  /// The path from the document's root, for example `layers[2].units`; empty at the root.
  package let path: String

  /// The root of a document.
  package init(_ value: JSONValue, path: String = "") {
    self.value = value
    self.path = path
  }

  /// Whether the value is null.
  package var isNull: Bool { value == .null }

  /// The members, when this is an object.
  package func object() throws(JSONError) -> JSONObject {
    guard case .object(let object) = value else { throw mismatch("an object") }
    return object
  }

  /// The member of this name, which must be there.
  package func member(_ key: String) throws(JSONError) -> JSONField {
    guard let field = try optionalMember(key) else {
      throw JSONError(place: .path(path), message: "the member \(quoted(key)) is missing")
    }
    return field
  }

  /// The member of this name, or `nil` when there is none. A null is a member.
  package func optionalMember(_ key: String) throws(JSONError) -> JSONField? {
    try object()[key].map { JSONField($0, path: memberPath(key)) }
  }

  /// All members as fields, in their order.
  package func members() throws(JSONError) -> [(key: String, field: JSONField)] {
    try object().map { ($0.key, JSONField($0.value, path: memberPath($0.key))) }
  }

  /// The elements, when this is an array.
  package func elements() throws(JSONError) -> [JSONField] {
    guard case .array(let values) = value else { throw mismatch("an array") }
    return values.enumerated().map { JSONField($1, path: "\(path)[\($0)]") }
  }

  /// A whole number, written without point and exponent.
  package func integer() throws(JSONError) -> Int {
    guard case .integer(let number) = value, let result = Int(exactly: number) else {
      throw mismatch("an integer")
    }
    return result
  }

  /// A whole number within a range.
  package func integer(in range: ClosedRange<Int>) throws(JSONError) -> Int {
    let number = try integer()
    guard range.contains(number) else {
      throw mismatch("an integer from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// How many there are of something: 0 or more, and few enough to be reckoned with.
  package func count() throws(JSONError) -> Int { try integer(in: 0...CountLimit.most) }

  /// A number; whole numbers count.
  package func number() throws(JSONError) -> Double {
    switch value {
    case .integer(let number): return Double(number)
    case .number(let number): return number
    default: throw mismatch("a number")
    }
  }

  package func string() throws(JSONError) -> String {
    guard case .string(let text) = value else { throw mismatch("a text") }
    return text
  }

  package func bool() throws(JSONError) -> Bool {
    guard case .bool(let bool) = value else { throw mismatch("true or false") }
    return bool
  }

  /// One of a few texts, by its value in `choices`.
  package func choice<Choice>(
    of choices: KeyValuePairs<String, Choice>
  ) throws(JSONError) -> Choice {
    let text = try string()
    for (name, choice) in choices where name == text { return choice }
    let names = choices.map { quoted($0.key) }.joined(separator: ", ")
    throw mismatch("one of \(names)")
  }

  /// Refuses members that nothing will read, because most often they are misspelled.
  package func allowOnly(_ keys: [String]) throws(JSONError) {
    for member in try object() where !keys.contains(member.key) {
      throw JSONError(
        place: .path(path),
        message: "unknown member \(quoted(member.key)); known are "
          + keys.map { quoted($0) }.joined(separator: ", "))
    }
  }

  /// An error at this place.
  package func error(_ message: String) -> JSONError {
    JSONError(place: .path(path), message: message)
  }

  private func mismatch(_ expected: String) -> JSONError {
    error("expected \(expected), got \(value.excerpt)")
  }

  private func memberPath(_ key: String) -> String {
    let isPlain =
      !key.isEmpty && key.utf8.count <= MessageText.lengthLimit
      && !key.unicodeScalars.contains(where: MessageText.isControl)
      && key.utf8.allSatisfy {
        switch $0 {
        case UInt8(ascii: "."), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "\""), ...0x20:
          false
        default: true
        }
      }
    if !isPlain { return "\(path)[\(quoted(key))]" }
    return path.isEmpty ? key : "\(path).\(key)"
  }

  private func quoted(_ text: String) -> String { JSONWriter.quotedForMessage(text) }
}

extension JSONField {
  /// A number of 64 bits, which JSON's numbers cannot hold exactly everywhere: a text of digits.
  package func unsigned() throws(JSONError) -> UInt64 {
    let text = try string()
    guard let number = UInt64(text), String(number) == text else {
      throw error("expected a text of digits, at most \(UInt64.max), got \(text.quotedForMessage)")
    }
    return number
  }

  /// The same for a count of steps: no more than can be reckoned with.
  package func steps() throws(JSONError) -> UInt64 {
    let steps = try unsigned()
    guard steps <= UInt64(CountLimit.most) else {
      throw error("expected at most \(CountLimit.most), got \(steps)")
    }
    return steps
  }
}
