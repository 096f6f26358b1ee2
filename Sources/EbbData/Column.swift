/// One column of a table: a name and a value, or none, for each row.
public struct Column: Sendable, Equatable {
  /// What a column holds.
  public enum Values: Sendable, Equatable {
    /// Numbers; NaN where the value is missing, finite otherwise.
    case numbers([Double])
    /// Texts.
    case texts(TextValues)
  }

  /// The name in the header.
  public let name: String
  /// The values in the order of the rows.
  public let values: Values
  /// In a column of text whose type was found from its values: the first row whose value is not a
  /// number.
  let firstTextRow: Int?
  /// Some of the words that stood in the file for a missing value.
  let missingWords: [String]

  /// A column of numbers; NaN marks a missing value.
  public init(name: String, numbers: [Double]) {
    self.init(name: name, numbers: numbers, missingWords: [])
  }

  /// A column of texts; `nil` marks a missing value.
  public init(name: String, texts: [String?]) {
    self.init(name: name, texts: TextValues(texts), firstTextRow: nil, missingWords: [])
  }

  init(name: String, numbers: [Double], missingWords: [String]) {
    self.name = name
    values = .numbers(numbers)
    firstTextRow = nil
    self.missingWords = missingWords
  }

  init(name: String, texts: TextValues, firstTextRow: Int?, missingWords: [String]) {
    self.name = name
    values = .texts(texts)
    self.firstTextRow = firstTextRow
    self.missingWords = missingWords
  }

  /// How many rows there are.
  public var count: Int {
    switch values {
    case .numbers(let numbers): numbers.count
    case .texts(let texts): texts.count
    }
  }

  /// Whether the values are numbers.
  public var isNumeric: Bool {
    if case .numbers = values { true } else { false }
  }

  /// The rows whose value is missing, from 0.
  public var missingRows: [Int] {
    switch values {
    case .numbers(let numbers): numbers.indices.filter { numbers[$0].isNaN }
    case .texts(let texts): texts.codes.indices.filter { texts.codes[$0] < 0 }
    }
  }
}

/// Texts, many of them equal, each different one kept once.
///
/// Texts are compared byte for byte: two that only look alike (an accent as part of a letter or beside
/// it), and that Swift's `String` holds equal, are different.
public struct TextValues: Sendable, Equatable {
  /// The different texts in the order in which they first came.
  public private(set) var categories: [String] = []
  /// For each row the position of its text in `categories`; -1 where it is missing.
  public private(set) var codes: [Int32] = []

  /// Takes a text for each row; `nil` marks a missing value.
  public init(_ texts: [String?]) {
    self.init(capacity: texts.count)
    var positions: [ExactText: Int32] = [:]
    for text in texts { append(text, positions: &positions) }
  }

  init(capacity: Int) { codes.reserveCapacity(capacity) }

  /// How many rows there are.
  public var count: Int { codes.count }

  /// The text of a row, or `nil` when it is missing.
  public subscript(row: Int) -> String? {
    codes[row] < 0 ? nil : categories[Int(codes[row])]
  }

  mutating func append(_ text: String?, positions: inout [ExactText: Int32]) {
    guard let text else { return codes.append(-1) }
    let key = ExactText(text)
    if let code = positions[key] { return codes.append(code) }
    let code = Int32(categories.count)
    positions[key] = code
    categories.append(text)
    codes.append(code)
  }
}
