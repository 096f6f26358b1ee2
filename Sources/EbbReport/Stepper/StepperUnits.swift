/// Which neurons are drawn, where a layer has more than a drawing can hold.
package enum StepperUnits {
  /// The most neurons drawn in a layer.
  package static let most = 10

  /// The neurons that stand out on a row by value or by gradient, in their order.
  ///
  /// - Parameter wanted: those that are drawn in any case.
  package static func shown(
    values: [Double], gradients: [Double], wanted: [Int] = [], most: Int = StepperUnits.most
  ) -> [Int] {
    guard values.count > most else { return Array(values.indices) }
    func shares(_ numbers: [Double]) -> [Double] {
      let largest = numbers.reduce(0) { max($0, $1.isFinite ? $1.magnitude : 0) }
      return numbers.map { largest > 0 && $0.isFinite ? $0.magnitude / largest : 0 }
    }
    let scores = zip(shares(values), shares(gradients)).map { max($0, $1) }
    let order = scores.indices.sorted {
      scores[$0] != scores[$1] ? scores[$0] > scores[$1] : $0 < $1
    }
    var chosen: [Int] = []
    for unit in wanted + order where chosen.count < most && !chosen.contains(unit) {
      if values.indices.contains(unit) { chosen.append(unit) }
    }
    return chosen.sorted()
  }
}
