internal import Ebb
internal import EbbSystem

/// Numbers as the page holds them: the shortest text that reads back as the same number, of single
/// precision where training computed in it.
struct StepperNumbers {
  let precision: ExplanationSubject.Precision

  func json(_ value: Double) -> JSONValue {
    if value.magnitude < 0x1p53, value.rounded() == value { return .integer(Int64(value)) }
    guard precision == .single, value.isFinite else { return .number(value) }
    let narrow = Float(value)
    return .number(Double(narrow) == value ? Double(narrow.description) ?? value : value)
  }

  func json(_ values: some Sequence<Double>) -> JSONValue { .array(values.map { json($0) }) }

  /// A number that is read beside those of training, such as a slope: to seven digits.
  func rounded(_ value: Double) -> JSONValue {
    StepperNumbers(precision: .single).json(Double(Float(value)))
  }

  /// A product as the precision rounds it.
  func product(_ x: Double, _ y: Double) -> Double {
    precision == .single ? Double(Float(x) * Float(y)) : x * y
  }
}
