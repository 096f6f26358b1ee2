internal import EbbSystem

/// Numbers of the file, found again from what a network is given.
extension Schema {
  /// A target in the unit of the data, as the file has it: of all numbers that become the same
  /// standardised one in single precision, the shortest.
  ///
  /// ``originalTarget(_:)`` gives −3.4e-8 where the file has 0; this gives 0.
  package func givenTarget(_ standardized: Float) -> Double {
    guard case .number(let mean, let scale) = target.kind else { return Double(standardized) }
    return GivenNumber.of(standardized, mean: mean, scale: scale)
  }
}

package enum GivenNumber {
  /// The shortest number that is standardised to a given one.
  package static func of(_ standardized: Float, mean: Double, scale: Double) -> Double {
    let exact = mean + scale * Double(standardized)
    guard exact.isFinite else { return exact }
    // Half a unit in the last place, a little more for the arithmetic in double precision.
    let reach =
      (scale * Double(standardized.ulp)).magnitude * 0.5001
      + (mean.magnitude + (scale * Double(standardized)).magnitude) * 0x1p-51
    if exact.magnitude <= reach { return 0 }
    for digits in 1...16 {
      guard let short = Double(NumberFormat.significant(exact, digits: digits)) else { continue }
      if (short - exact).magnitude <= reach { return short }
    }
    return exact
  }
}

extension Dataset {
  /// How many rows have the very inputs of a row of another dataset.
  package func rowsAlso(in other: Dataset) -> Int {
    guard featureCount == other.featureCount, rowCount > 0, other.rowCount > 0 else { return 0 }
    let own = features
    let others = other.features
    func code(_ numbers: [Float], _ row: Int) -> UInt64 {
      var code: UInt64 = 0xcbf2_9ce4_8422_2325
      for place in (row * featureCount)..<((row + 1) * featureCount) {
        // −0 is 0.
        code = (code ^ UInt64((numbers[place] + 0).bitPattern)) &* 0x0000_0100_0000_01b3
        code ^= code >> 29
      }
      return code
    }
    var places: [UInt64: [Int]] = [:]
    for row in 0..<rowCount { places[code(own, row), default: []].append(row) }
    var isFound = [Bool](repeating: false, count: rowCount)
    for row in 0..<other.rowCount {
      for place in places[code(others, row)] ?? [] where !isFound[place] {
        isFound[place] = (0..<featureCount).allSatisfy { column in
          own[place * featureCount + column] == others[row * featureCount + column]
        }
      }
    }
    return isFound.count(where: \.self)
  }
}
