import EbbGraph
import Foundation
import Testing

/// A JSON file of reference values, read by Foundation so that no code of ours stands between.
struct Reference {
  let value: Any

  /// The file `Tests/References/NAME.json`.
  init(file name: String) throws {
    let url = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "References/\(name).json")
    value = try JSONSerialization.jsonObject(with: Data(contentsOf: url))
  }

  init(value: Any) { self.value = value }

  subscript(key: String) -> Reference {
    get throws {
      Reference(value: try #require((value as? [String: Any])?[key], "no member \(key)"))
    }
  }

  /// A member that need not be there.
  func member(_ key: String) -> Reference? {
    (value as? [String: Any])?[key].map { Reference(value: $0) }
  }

  var isNull: Bool { value is NSNull }
  var list: [Reference] {
    get throws { try #require(value as? [Any]).map { Reference(value: $0) } }
  }
  var number: Double { get throws { try #require(value as? NSNumber).doubleValue } }
  var integer: Int { get throws { try #require(value as? Int) } }
  var flag: Bool { get throws { try #require(value as? Bool) } }
  var text: String { get throws { try #require(value as? String) } }
  var numbers: [Double] { get throws { try list.map { try $0.number } } }
  var integers: [Int] { get throws { try list.map { try $0.integer } } }

  /// A list of equally long lists of numbers.
  var matrix: NDArray<Double> {
    get throws {
      let rows = try list.map { try $0.numbers }
      let width = rows.first?.count ?? 0
      try #require(rows.allSatisfy { $0.count == width })
      return NDArray(rows.flatMap { $0 }, shape: [rows.count, width])
    }
  }
}
