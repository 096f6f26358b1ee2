internal import EbbSystem

/// Numbers of one column that lie far outside those of the training rows: mistakes, or numbers that
/// stand for no data. A network answers them with the same certainty as all others.
struct FarNumbers {
  let column: String
  /// What the others are.
  let range: ClosedRange<Double>
  /// Whether they are targets, which must not be missing.
  let areTargets: Bool
  /// How many there are.
  private(set) var count = 0
  /// The first of them.
  private(set) var first: (row: Int, number: Double)?

  init(column: String, range: ClosedRange<Double>, areTargets: Bool = false) {
    self.column = column
    self.range = range
    self.areTargets = areTargets
  }

  mutating func note(_ number: Double, row: Int) {
    if first == nil { first = (row, number) }
    count += 1
  }

  // MARK: What is far

  /// New data go beyond the training rows now and then, but not by so many times their whole range.
  private static let mostWidths = 10.0
  /// Among training rows themselves, where a few large numbers are ordinary.
  private static let mostTrainingWidths = 1e6

  /// Numbers that measuring programs write where they have none, without their sign.
  private static let noData: Set<Double> = [
    99, 999, 9999, 99_999, 999_999, 9_999_999, 32_767, 32_768, 65_535, 2_147_483_647,
    2_147_483_648,
  ]

  /// Whether a number lies far outside a range.
  static func isFar(
    _ number: Double, from range: ClosedRange<Double>, widths: Double = mostWidths
  ) -> Bool {
    guard !range.contains(number) else { return false }
    // A constant column has no width to measure by.
    let width = range.upperBound - range.lowerBound
    guard width > 0 else { return false }
    let distance = number < range.lowerBound ? range.lowerBound - number : number - range.upperBound
    if distance / width > widths { return true }
    if number.magnitude >= 1e20 { return distance / width > mostWidths }
    guard noData.contains(number.magnitude) else { return false }
    return (number < 0 && range.lowerBound >= 0) || distance / width > 3
  }

  /// The smallest and the largest number that is there.
  static func range(of numbers: [Double]) -> ClosedRange<Double>? {
    var (least, most) = (Double.infinity, -Double.infinity)
    for number in numbers {
      if number < least { least = number }
      if number > most { most = number }
    }
    return least <= most ? least...most : nil
  }

  /// So many different numbers that are far from the rest are looked for together, since they may hide
  /// each other.
  private static let mostKinds = 4

  /// The numbers among those of the training rows that are far from all the rest.
  ///
  /// - Parameters:
  ///   - values: the numbers of the training rows, and in `rows` what these are.
  ///   - mean: their mean, and `scale` their standard deviation.
  static func among(
    _ values: [Double], rows: [Int], mean: Double, scale: Double, of column: String,
    areTargets: Bool = false
  ) -> [FarNumbers] {
    // So far, or a number that may stand for no data, is worth a closer look.
    let isWorth =
      values.count <= 100
      || values.contains { number in
        (number - mean).magnitude > 5 * scale || number.magnitude >= 1e20
          || noData.contains(number.magnitude)
      }
    guard isWorth else { return [] }
    var rest = Set(values.lazy.filter { !$0.isNaN }).sorted()[...]
    var far: [Double] = []
    while let (low, high) = farEnds(of: rest) {
      far += rest.prefix(low) + rest.suffix(high)
      rest = rest.dropFirst(low).dropLast(high)
    }
    guard !far.isEmpty, let least = rest.first, let most = rest.last else { return [] }
    return far.map { number in
      var found = FarNumbers(column: column, range: least...most, areTargets: areTargets)
      for (value, row) in zip(values, rows) where value == number { found.note(value, row: row) }
      return found
    }
  }

  /// How many of the smallest and of the largest numbers are far from all others, the fewest that
  /// are; nil: none.
  private static func farEnds(of numbers: ArraySlice<Double>) -> (low: Int, high: Int)? {
    for count in 1...mostKinds where numbers.count >= count + 2 {
      for low in 0...count {
        let rest = numbers.dropFirst(low).dropLast(count - low)
        guard let least = rest.first, let most = rest.last else { continue }
        let ends = numbers.prefix(low) + numbers.suffix(count - low)
        if ends.allSatisfy({ isFar($0, from: least...most, widths: mostTrainingWidths) }) {
          return (low, count - low)
        }
      }
    }
    return nil
  }

  // MARK: Notes

  /// With more columns than this one note stands for all.
  private static let mostNotes = 10

  /// A note for each column, or one for all when there are many.
  ///
  /// - Parameters:
  ///   - found: What there is in each column.
  ///   - table: Where it stands.
  ///   - source: The data, where it is not clear which are meant.
  ///   - areTraining: Whether the numbers are of training rows.
  static func notes(
    on found: [FarNumbers], in table: Table, source: String? = nil, areTraining: Bool = false
  ) -> [String] {
    let found = found.filter { $0.count > 0 }
    let shown = found.count > mostNotes ? Array(found.prefix(1)) : found
    let places = shown.compactMap { far in
      far.first.map { (column: far.column, row: $0.row, number: $0.number) }
    }
    let place = source.map { "\($0): " } ?? ""
    let notes = zip(shown, zip(places, table.written(places))).map { far, first in
      place + far.note(first.1, line: table.rowLines[first.0.row], areTraining)
    }
    guard found.count > shown.count, let note = notes.first else { return notes }
    let total = found.reduce(0) { $0 + $1.count }
    return [
      "\(note); so it is with \(NumberFormat.grouped(total)) numbers in \(found.count) columns"
    ]
  }

  private func note(_ text: String, line: Int, _ areTraining: Bool) -> String {
    let head = "column \(column.quotedForMessage): "
    let (least, most) = (Column.text(of: range.lowerBound), Column.text(of: range.upperBound))
    if least == most {
      return head + "\(least) in every training row, but not in "
        + "\(NumberFormat.counted(count, "row")), such as \(text) in line \(line); the model takes "
        + "no notice of it"
    }
    let advice =
      "; where it stands for no data, "
      + (areTargets ? "leave the row out" : "leave the field empty")
    if areTraining {
      return head + "\(text) in \(NumberFormat.counted(count, "training row")), such as line "
        + "\(line), is far from all others (\(least) to \(most))\(advice)"
    }
    return head
      + "\(NumberFormat.counted(count, "number")) far outside the training rows' range "
      + "(\(least) to \(most)), such as \(text) in line \(line)\(advice)"
  }

  /// The sums of counts of the same columns.
  static func sum(_ first: [FarNumbers], _ second: [FarNumbers]) -> [FarNumbers] {
    guard first.count == second.count else { return first.isEmpty ? second : first }
    return zip(first, second).map { one, other in
      var sum = one
      sum.count += other.count
      if let row = other.first?.row, row < one.first?.row ?? .max { sum.first = other.first }
      return sum
    }
  }
}
