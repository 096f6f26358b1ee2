internal import EbbSystem

/// What a field of a column of numbers stands for.
enum NumberField {
  case number(Double)
  case missing
  /// It is a text.
  case none

  /// What a field stands for when it is read alone: the reader of CSV files, which reads millions, decides
  /// the same.
  init(_ text: String, missing: MissingWords) {
    let field = Array(text.utf8)
    if TextValues.isNumber(text), case .value(let number) = NumberParser.double(text) {
      self = .number(number)
    } else if missing.contains(field[...]) || MissingWords.meansNoNumber(field) {
      self = .missing
    } else {
      self = .none
    }
  }
}
