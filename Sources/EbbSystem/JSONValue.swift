/// A JSON value. Whole numbers are kept apart from others, and members in their order.
package enum JSONValue: Sendable, Equatable {
  case null
  case bool(Bool)
  /// A number written without point and exponent that fits 64 bits.
  case integer(Int64)
  /// Any other number.
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object(JSONObject)

  /// What kind of value this is, for messages.
  package var kind: String {
    switch self {
    case .null: "null"
    case .bool: "true or false"
    case .integer: "an integer"
    case .number: "a number"
    case .string: "a text"
    case .array: "an array"
    case .object: "an object"
    }
  }

  /// The value as it appears in messages, cut short.
  var excerpt: String {
    switch self {
    case .array: return "an array"
    case .object: return "an object"
    case .string(let text):
      return MessageText.visible(JSONWriter.text(.string(MessageText.cut(text, to: 38))))
    default: return JSONWriter.text(self)
    }
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral,
  ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
  package init(stringLiteral value: String) { self = .string(value) }
  package init(integerLiteral value: Int64) { self = .integer(value) }
  package init(floatLiteral value: Double) { self = .number(value) }
  package init(booleanLiteral value: Bool) { self = .bool(value) }
  package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  package init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(JSONObject(elements))
  }
  package init(nilLiteral: ()) { self = .null }

  /// A whole number.
  package init(_ value: Int) { self = .integer(Int64(value)) }
  /// Any number; what is not finite is written as null.
  package init(_ value: Double) { self = .number(value) }
  package init(_ value: String) { self = .string(value) }
  package init(_ value: Bool) { self = .bool(value) }
  package init(_ values: [JSONValue]) { self = .array(values) }
  package init(_ values: [String]) { self = .array(values.map { .string($0) }) }
  package init(_ values: [Double]) { self = .array(values.map { .number($0) }) }
  package init(_ values: [Int]) { self = .array(values.map { .integer(Int64($0)) }) }
}

/// The members of a JSON object in the order they were given, each key once.
package struct JSONObject: Sendable, Equatable, RandomAccessCollection,
  ExpressibleByDictionaryLiteral
{
  package struct Member: Sendable, Equatable {
    package var key: String
    package var value: JSONValue
  }

  private var members: [Member] = []
  private var positions: [String: Int] = [:]

  package init() {}

  /// The members given; of two with one key the later value stays, at the earlier place.
  package init(_ members: some Sequence<(String, JSONValue)>) {
    for (key, value) in members { self[key] = value }
  }

  package init(dictionaryLiteral elements: (String, JSONValue)...) { self.init(elements) }

  package var startIndex: Int { 0 }
  package var endIndex: Int { members.count }
  package subscript(position: Int) -> Member { members[position] }

  /// The keys in their order.
  package var keys: [String] { members.map(\.key) }

  /// The value of a key. Setting a new key adds it at the end; setting `nil` removes the key.
  package subscript(key: String) -> JSONValue? {
    get { positions[key].map { members[$0].value } }
    set {
      switch (positions[key], newValue) {
      case (let position?, let value?):
        members[position].value = value
      case (nil, let value?):
        positions[key] = members.count
        members.append(Member(key: key, value: value))
      case (let position?, nil):
        members.remove(at: position)
        positions = [:]
        for (index, member) in members.enumerated() { positions[member.key] = index }
      case (nil, nil): break
      }
    }
  }

  package static func == (left: JSONObject, right: JSONObject) -> Bool {
    left.members == right.members
  }
}

/// What is wrong with a JSON text or its content, and where.
package struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
  /// Where the error is.
  package enum Place: Sendable, Equatable {
    /// In the text; both count from 1, columns in characters.
    case position(line: Int, column: Int)
    /// In the content, for example `layers[2].units`.
    case path(String)
  }

  package let place: Place
  package let message: String

  package init(place: Place, message: String) {
    self.place = place
    self.message = message
  }

  package var description: String {
    switch place {
    case .position(let line, let column): "line \(line), column \(column): \(message)"
    case .path(let path): path.isEmpty ? message : "\(path): \(message)"
    }
  }
}
