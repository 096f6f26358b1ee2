internal import EbbSystem

/// Recognizes the fields that mean "no value here".
struct MissingWords {
  private let words: [[UInt8]]

  /// The words that `options` lists.
  init(_ options: CSVOptions) {
    words = options.missingValues.map { $0.utf8.map { Self.lowercased($0) } }
  }

  /// Whether a field is empty or one of the words.
  func contains(_ field: ArraySlice<UInt8>) -> Bool {
    if field.isEmpty { return true }
    return words.contains { word in
      word.count == field.count && zip(word, field).allSatisfy { $0 == Self.lowercased($1) }
    }
  }

  /// Whether a field among numbers is a missing one: an infinity in words is no measurement, and
  /// `-` or `None` stands where there was none. Among texts these may be values.
  static func meansNoNumber(_ field: some Sequence<UInt8>) -> Bool {
    noNumbers.contains(field.map { lowercased($0) })
  }

  /// What to say of the words that stood for missing values, in brackets; empty if there were none.
  static func explanation(_ words: [String]) -> String {
    guard !words.isEmpty else { return "" }
    let quoted = words.map(\.quotedForMessage).joined(separator: ", ")
    return words.count == 1
      ? " (the word \(quoted) counts as missing)" : " (the words \(quoted) count as missing)"
  }

  private static let noNumbers = Set(
    ["-", "none", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"].map {
      Array($0.utf8)
    })

  private static func lowercased(_ byte: UInt8) -> UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
  }
}
