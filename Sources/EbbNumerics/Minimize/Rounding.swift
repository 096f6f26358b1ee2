/// How large a difference of a function's values may be rounding alone.
///
/// At first a few units in the last place of the value. That is too little where the value is a small
/// remainder of large numbers, as the residuals of a close fit are; then it is measured.
struct Rounding {
  private(set) var size: Double
  /// The value where the size was found.
  private var value: Double

  /// Four units in the last place.
  init(ofValue value: Double) {
    self.value = value
    size = 0x1p-50 * value.magnitude
  }

  /// Found by fourth differences over very short steps. A smooth function leaves none, nor does a
  /// slope that its gradient denies; independent errors add up to about eight times their size.
  ///
  /// - Parameter value: the function at a step length along a direction.
  init(measuring value: (Double) throws -> Double) rethrows {
    let values = try (0...11).map { try value(Double($0) * 0x1p-20) }
    self.value = values[0]
    size = (2...9).reduce(0) { largest, index in
      let near = 4 * (values[index - 1] + values[index + 1])
      let difference = values[index - 2] - near + 6 * values[index] + values[index + 2]
      return difference.isFinite ? max(largest, difference.magnitude / 4) : largest
    }
  }

  /// Follows the value: what was found where it was twice as large says nothing any more.
  mutating func allow(forValue value: Double) {
    let latest = Rounding(ofValue: value)
    if latest.size > size || value.magnitude < self.value.magnitude / 2 { self = latest }
  }

  /// Whether a sum of squares has decreased enough for a step of a length that promises so much at
  /// length 1; a full step need not show a decrease that rounding hides.
  func accepts(_ value: Double, from start: Double, _ length: Double, _ promise: Double) -> Bool {
    if promise <= size { return length == 1 && value <= start + size }
    return value < start - 2e-4 * length * promise
  }
}
