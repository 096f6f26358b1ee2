import Ebb
import TestSupport
import Testing

@Suite("What chance gives")
struct AssociationTests {
  private static func labels(_ rows: Int, classes: Int, seed: UInt64) -> [Int] {
    uniform(rows, seed: seed).map { Int((($0 + 1) / 2 * Double(classes)).rounded(.down)) }
  }

  @Test("perfect predictions of n rows reach √(n − 1), constant ones 0", arguments: [4, 30, 301])
  func ends(rows: Int) {
    let labels = (0..<rows).map { $0 % 3 == 0 ? 1 : 0 }
    let perfect = Association(labels: labels, classes: 2) { labels[$0] == $1 ? 1 : 0 }
    #expect((perfect.score - Double(rows - 1).squareRoot()).magnitude < 1e-9)
    #expect((perfect.strength - 1).magnitude < 1e-12)
    let constant = Association(labels: labels, classes: 2) { _, column in column == 0 ? 0.7 : 0.3 }
    #expect(constant.score.magnitude < 1e-6 && constant.isAbsent && !constant.isSure)
    let numbers = labels.map { Double($0) * 3 + 1 }
    let same = Association(truth: numbers, predicted: numbers.map { 5 - 2 * $0 })
    #expect((same.score + Double(rows - 1).squareRoot()).magnitude < 1e-9)
  }

  @Test("over random labels and numbers the score has mean 0 and deviation 1")
  func chance() {
    var scores: [Double] = []
    for seed in 0..<300 as Range<UInt64> {
      let rows = 60
      let labels = Self.labels(rows, classes: 3, seed: 2 * seed)
      let noise = uniform(3 * rows, seed: 2 * seed + 1).map { ($0 + 1) / 2 }
      let classes = Association(labels: labels, classes: 3) { noise[3 * $0 + $1] }
      let numbers = Association(
        truth: uniform(rows, seed: 5000 + seed), predicted: Array(noise.prefix(rows)))
      scores += [classes.score, numbers.score]
    }
    let mean = scores.reduce(0, +) / Double(scores.count)
    let deviation = (scores.reduce(0) { $0 + $1 * $1 } / Double(scores.count)).squareRoot()
    #expect(mean.magnitude < 0.15, "\(mean)")
    #expect((deviation - 1).magnitude < 0.1, "\(deviation)")
    #expect(scores.count { $0 >= Association.surely } <= 4)
  }

  @Test("rare rows that get a larger share are seen, though accuracy is that of the constant")
  func rare() throws {
    let labels = (0..<600).map { $0 % 60 == 0 ? 1 : 0 }
    let found = Association(labels: labels, classes: 2) { row, column in
      let share = labels[row] == 1 ? 0.3 : Double(row % 7) / 70
      return column == 1 ? share : 1 - share
    }
    #expect(found.isSure)
    let metrics = Metrics.classification(
      try ClassificationMetrics(
        classes: ["no", "yes"], truth: labels, predicted: labels.map { _ in 0 }))
    #expect(metrics.leadOverConstant == 0)
  }

  @Test("a surely different but next to constant prediction knows next to nothing")
  func faint() {
    let labels = (0..<2000).map { $0 % 2 }
    let faint = Association(labels: labels, classes: 2) { row, column in
      0.5 + (labels[row] == column ? 1e-4 : -1e-4)
    }
    #expect(faint.score > 40 && faint.isAbsent && !faint.isSure)
  }

  @Test("few rows, or numbers that are none, are never sure")
  func few() {
    for rows in 0..<9 {
      let labels = (0..<rows).map { $0 % 2 }
      let perfect = Association(labels: labels, classes: 2) { labels[$0] == $1 ? 1 : 0 }
      #expect(!perfect.isSure, "\(rows)")
    }
    let odd = Association(truth: [1, 2, .nan], predicted: [1, 2, 3])
    #expect(odd.score == 0 && !odd.isSure)
  }

  @Test("the lead over the constant answer counts only rows on which one of both is right")
  func lead() throws {
    func lead(_ truth: [Int], _ predicted: [Int]) throws -> Double? {
      Metrics.classification(
        try ClassificationMetrics(classes: ["a", "b"], truth: truth, predicted: predicted)
      ).leadOverConstant
    }
    let right = try #require(try lead([0, 0, 0, 1, 1], [0, 0, 0, 1, 1]))
    #expect((right - 2.0.squareRoot()).magnitude < 1e-12)
    #expect(try lead([0, 0, 0, 1, 1], [0, 0, 0, 0, 0]) == 0)
    #expect(try lead([0, 0, 0, 1, 1], [1, 1, 0, 1, 1]) == 0)
  }
}
