/// Writes JSON values as text.
package enum JSONWriter {
  package enum Layout: Sendable {
    /// Everything on one line, without blanks.
    case compact
    /// One member or element on a line, indented by two blanks; arrays of plain values stay on
    /// one line. Ends with a line break.
    case pretty
  }

  package enum KeyOrder: Sendable {
    case asGiven
    /// By the bytes of the keys in UTF-8.
    case sorted
  }

  /// The text of a value. Numbers that are not finite become null; all others read back as the
  /// same value.
  package static func text(
    _ value: JSONValue, layout: Layout = .compact, keys: KeyOrder = .asGiven
  ) -> String {
    String(decoding: bytes(value, layout: layout, keys: keys), as: UTF8.self)
  }

  /// As ``text(_:layout:keys:)``, in UTF-8.
  package static func bytes(
    _ value: JSONValue, layout: Layout = .compact, keys: KeyOrder = .asGiven
  ) -> [UInt8] {
    var output = Output(isPretty: layout == .pretty, sortsKeys: keys == .sorted)
    output.write(value, depth: 0)
    if layout == .pretty { output.bytes.append(10) }
    return output.bytes
  }

  /// A text as it stands in a message: cut short, and without control characters.
  static func quotedForMessage(_ text: String) -> String {
    MessageText.visible(JSONWriter.text(.string(MessageText.cut(text))))
  }

  private struct Output {
    let isPretty: Bool
    let sortsKeys: Bool
    var bytes: [UInt8] = []

    mutating func write(_ value: JSONValue, depth: Int) {
      switch value {
      case .null: add("null")
      case .bool(let bool): add(bool ? "true" : "false")
      case .integer(let number): add(String(number))
      case .number(let number): add(number.isFinite ? number.description : "null")
      case .string(let text): write(text)
      case .array(let values): write(values, depth: depth)
      case .object(let object): write(object, depth: depth)
      }
    }

    mutating func write(_ values: [JSONValue], depth: Int) {
      let breaksLines = isPretty && values.contains { !$0.isPlain }
      add("[")
      for (index, value) in values.enumerated() {
        if index > 0 { add(isPretty && !breaksLines ? ", " : ",") }
        if breaksLines { startLine(depth + 1) }
        write(value, depth: depth + 1)
      }
      if breaksLines { startLine(depth) }
      add("]")
    }

    mutating func write(_ object: JSONObject, depth: Int) {
      let members =
        sortsKeys
        ? object.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) } : Array(object)
      add("{")
      for (index, member) in members.enumerated() {
        if index > 0 { add(",") }
        if isPretty { startLine(depth + 1) }
        write(member.key)
        add(isPretty ? ": " : ":")
        write(member.value, depth: depth + 1)
      }
      if isPretty && !members.isEmpty { startLine(depth) }
      add("}")
    }

    mutating func write(_ text: String) {
      bytes.append(UInt8(ascii: "\""))
      for byte in text.utf8 {
        switch byte {
        case UInt8(ascii: "\""): add("\\\"")
        case UInt8(ascii: "\\"): add("\\\\")
        case 0x08: add("\\b")
        case 0x09: add("\\t")
        case 0x0A: add("\\n")
        case 0x0C: add("\\f")
        case 0x0D: add("\\r")
        case ..<0x20, 0x7F: add("\\u00" + SHA256.hex([byte]))
        default: bytes.append(byte)
        }
      }
      bytes.append(UInt8(ascii: "\""))
    }

    mutating func startLine(_ depth: Int) {
      bytes.append(10)
      bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * depth))
    }

    mutating func add(_ text: String) { bytes.append(contentsOf: text.utf8) }
  }
}

extension JSONValue {
  /// Whether the value has no parts.
  fileprivate var isPlain: Bool {
    switch self {
    case .array, .object: false
    default: true
    }
  }
}
