package import Ebb

/// A small data set of three classes, from a formula.
package func threeClasses(rows: Int = 101, features: Int = 6) throws -> Dataset {
  var numbers: [Float] = []
  var labels: [Int32] = []
  for row in 0..<rows {
    let words = Philox.words(seed: 11, stream: 1, step: 0, block: UInt32(row))
    let label = Int32(words[3] % 3)
    labels.append(label)
    for feature in 0..<features {
      let word = Philox.words(
        seed: 11, stream: 2, step: UInt64(feature), block: UInt32(row))[0]
      let noise = Float(word >> 8) * 0x1p-24
      numbers.append(noise + (feature % 3 == Int(label) ? 0.8 : 0))
    }
  }
  return try Dataset(
    features: numbers, featureCount: features, targets: .classes(labels, count: 3))
}
