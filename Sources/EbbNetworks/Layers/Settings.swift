package import EbbSystem

/// The settings of a layer or an optimizer, by name: what stands in a model file.
///
///     let settings: Settings = ["units": 64, "activation": "relu", "hasBias": true]
public struct Settings: Hashable, Sendable {
  /// A setting.
  public enum Value: Hashable, Sendable {
    /// A number, whole or not.
    case number(Double)
    /// A text.
    case text(String)
    /// Yes or no.
    case flag(Bool)

    var kind: String {
      switch self {
      case .number: "a number"
      case .text: "a text"
      case .flag: "true or false"
      }
    }
  }

  /// The settings by name.
  public var values: [String: Value]

  /// Settings by name.
  public init(_ values: [String: Value] = [:]) { self.values = values }

  /// The names, sorted.
  public var names: [String] { values.keys.sorted() }

  /// One setting.
  public subscript(name: String) -> Value? {
    get { values[name] }
    set { values[name] = newValue }
  }

  /// A strict view of the settings for an initializer.
  ///
  /// - Parameters:
  ///   - subject: whose settings these are, for messages.
  ///   - known: the names that may occur.
  /// - Throws: `SettingsError` if there are others.
  public func reader(for subject: String, known: [String]) throws(SettingsError) -> SettingsReader {
    for name in names where !known.contains(name) {
      throw SettingsError(
        subject, setting: MessageText.name(name),
        "unknown setting; known are "
          + (known.isEmpty ? "none" : known.sorted().joined(separator: ", ")))
    }
    return SettingsReader(settings: self, subject: subject)
  }
}

/// Settings whose names were checked: reads each with its type.
public struct SettingsReader: Sendable {
  let settings: Settings
  let subject: String

  /// A number, or the default if there is none.
  public func number(_ name: String, default fallback: Double? = nil) throws(SettingsError)
    -> Double
  {
    switch settings[name] {
    case .number(let number): return number
    case let other: return try missing(name, "a number", other, fallback)
    }
  }

  /// A whole number, or the default if there is none.
  public func integer(_ name: String, default fallback: Int? = nil) throws(SettingsError) -> Int {
    switch settings[name] {
    case .number(let number):
      guard let integer = Int(exactly: number) else {
        throw SettingsError(subject, setting: name, "expected a whole number, got \(number)")
      }
      return integer
    case let other: return try missing(name, "a whole number", other, fallback)
    }
  }

  /// A text, or the default if there is none.
  public func text(_ name: String, default fallback: String? = nil) throws(SettingsError) -> String
  {
    switch settings[name] {
    case .text(let text): return text
    case let other: return try missing(name, "a text", other, fallback)
    }
  }

  /// Yes or no, or the default if there is none.
  public func flag(_ name: String, default fallback: Bool? = nil) throws(SettingsError) -> Bool {
    switch settings[name] {
    case .flag(let flag): return flag
    case let other: return try missing(name, "true or false", other, fallback)
    }
  }

  private func missing<T>(
    _ name: String, _ expected: String, _ found: Settings.Value?, _ fallback: T?
  ) throws(SettingsError) -> T {
    if found == nil, let fallback { return fallback }
    throw SettingsError(
      subject, setting: name, "expected \(expected), got \(found?.kind ?? "nothing")")
  }
}

extension Settings: ExpressibleByDictionaryLiteral {
  /// Settings by name; of two with one name the later counts.
  public init(dictionaryLiteral elements: (String, Value)...) {
    self.init(Dictionary(elements, uniquingKeysWith: { $1 }))
  }
}

extension Settings.Value: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByStringLiteral, ExpressibleByBooleanLiteral
{
  /// A whole number.
  public init(integerLiteral value: Int) { self = .number(Double(value)) }
  /// A number.
  public init(floatLiteral value: Double) { self = .number(value) }
  /// A text.
  public init(stringLiteral value: String) { self = .text(value) }
  /// Yes or no.
  public init(booleanLiteral value: Bool) { self = .flag(value) }
}

// MARK: JSON

extension Settings {
  /// The settings as a JSON object with sorted keys.
  package var json: JSONValue {
    .object(JSONObject(names.compactMap { name in values[name].map { (name, $0.json) } }))
  }

  /// Settings from a JSON object of numbers, texts and booleans.
  package init(json: JSONField) throws(JSONError) {
    var values: [String: Value] = [:]
    for (key, field) in try json.members() {
      switch field.value {
      case .integer(let number):
        guard let exact = Double(exactly: number) else {
          throw field.error("\(number) is too large to be kept exactly")
        }
        values[key] = .number(exact)
      case .number(let number): values[key] = .number(number)
      case .string(let text): values[key] = .text(text)
      case .bool(let flag): values[key] = .flag(flag)
      case .null, .array, .object:
        throw field.error("expected a number, a text or a boolean, got \(field.value.kind)")
      }
    }
    self.init(values)
  }
}

extension Settings.Value {
  package var json: JSONValue {
    switch self {
    case .number(let number):
      if let integer = Int64(exactly: number), number.sign == .plus || number != 0 {
        return .integer(integer)
      }
      return .number(number)
    case .text(let text): return .string(text)
    case .flag(let flag): return .bool(flag)
    }
  }

  /// The value as people read it.
  var text: String {
    switch self {
    case .number(let number):
      number.magnitude < 1e15 && number.rounded() == number ? "\(Int(number))" : "\(number)"
    case .text(let text): text
    case .flag(let flag): flag ? "yes" : "no"
    }
  }
}
