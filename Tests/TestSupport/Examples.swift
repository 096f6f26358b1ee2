package import Ebb
package import EbbGraph
import Foundation

/// An example file, split and standardised.
package func exampleData(_ name: String, target: String) throws -> PreparedData {
  let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  return try Table(csv: root.appending(path: "Examples/\(name).csv").path)
    .prepared(target: target, split: Split(seed: 7))
}

/// Numbers between −1 and 1, exact in single precision, the same on every machine.
package func uniform(_ count: Int, seed: UInt64) -> [Double] {
  (0..<count).map { index in
    let words = Philox.words(seed: seed, stream: 77, step: 0, block: UInt32(index / 4))
    return Double(words[index % 4] >> 8) * 0x1p-23 - 1
  }
}

/// The largest difference, relative to the largest magnitude expected; infinite if the numbers of
/// elements differ or a difference is no number.
package func deviation(_ found: [Double], _ expected: [Double]) -> Double {
  guard found.count == expected.count else { return .infinity }
  let scale = expected.map(\.magnitude).max() ?? 0
  return found.indices.reduce(0) { largest, index in
    let distance = (found[index] - expected[index]).magnitude / (scale > 0 ? scale : 1)
    return distance.isNaN ? .infinity : max(largest, distance)
  }
}

extension Model {
  /// The same network with other numbers of one parameter.
  package func replacing(_ name: String, _ values: NDArray<Float>) throws -> Model {
    try Model(
      network: network, inputCount: inputCount, loss: loss, schema: schema, record: record,
      parameters: parameters.map {
        $0.name == name ? Parameter(name: name, role: $0.role, values: values) : $0
      })
  }
}
