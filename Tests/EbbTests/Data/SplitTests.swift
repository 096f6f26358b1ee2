import Ebb
import Testing

@Suite("Split")
struct SplitTests {
  @Test("texts that are splits")
  func texts() throws {
    #expect(try Split("70/15/15") == Split())
    #expect(try Split("0.8/0.1/0.1").text == "80/10/10")
    #expect(try Split("100/0/0", seed: 3).percent == [100, 0, 0])
    #expect(try Split("33.5/33.5/33").percent == [33.5, 33.5, 33])
  }

  @Test(
    "texts that are none",
    arguments: [
      "", "70", "70/30", "70/15/16", "-10/60/50", "0/50/50", "a/b/c", "70/15/15/0", "70//30",
      "nan/1/1", "70 /15/15", "1e400/1/1", "7/2/1",
    ])
  func refused(text: String) {
    #expect(
      dataError { () throws(DataError) in _ = try Split(text) }?.kind == .badSplit)
  }

  @Test("sizes are exact, every row comes once, classes are spread")
  func sizes() throws {
    for (seed, count) in [(1, 150), (2, 151), (3, 1797), (4, 23), (5, 10), (6, 99)] {
      // A third of the rows in class 0, the others in class 1.
      let labels: [Int32] = (0..<count).map { row in row % 3 == 0 ? 0 : 1 }
      let rows = try Split(seed: UInt64(seed)).rows(classOfRow: labels, classCount: 2)
      let all = (rows.training + rows.validation + rows.test).sorted()
      #expect(all == Array(0..<count))
      for (part, share) in zip(Split.Part.allCases, [0.7, 0.15, 0.15]) {
        let partRows = rows.rows(of: part)
        #expect(abs(Double(partRows.count) - share * Double(count)) < 1, "\(count) rows, \(part)")
        for label in [Int32(0), 1] {
          let size = labels.count { $0 == label }
          let found = partRows.count { labels[$0] == label }
          let distance = abs(Double(found) - share * Double(size))
          #expect(distance < 2, "class \(label) of \(count) rows in \(part)")
        }
      }
    }
  }

  @Test("150 rows of three equal classes: 105, 22 and 23 rows or the like")
  func iris() throws {
    let rows = try Split(seed: 7).rows(classOfRow: (0..<150).map { Int32($0 / 50) }, classCount: 3)
    #expect(rows.training.count == 105 && rows.validation.count == 23 && rows.test.count == 22)
    for label in 0..<3 { #expect(rows.training.count { $0 / 50 == label } == 35) }
  }

  @Test("small classes have a row in each part")
  func smallClasses() throws {
    var labels = [Int32](repeating: 0, count: 91)
    for small: Int32 in 1...3 { labels += [small, small, small] }
    for seed in 0..<20 {
      let rows = try Split(seed: UInt64(seed)).rows(classOfRow: labels, classCount: 4)
      #expect(rows.training.count == 70 && rows.validation.count == 15 && rows.test.count == 15)
      for part in Split.Part.allCases {
        #expect(Set(rows.rows(of: part).map { labels[$0] }) == [0, 1, 2, 3])
      }
    }
  }

  @Test("many tiny classes still give exact sizes")
  func manyClasses() throws {
    let labels = (0..<300).map { Int32($0 / 3) }
    let rows = try Split(seed: 1).rows(classOfRow: labels, classCount: 100)
    #expect(rows.training.count == 210 && rows.validation.count == 45 && rows.test.count == 45)
    for label in 0..<100 {
      #expect(rows.training.contains { labels[$0] == Int32(label) }, "class \(label) is learned")
    }
  }

  @Test("the seed decides, and nothing else")
  func seeds() throws {
    let first = try Split(seed: 5).rows(count: 1000)
    #expect(try Split(seed: 5).rows(count: 1000) == first)
    #expect(try Split(seed: 6).rows(count: 1000) != first)
    #expect(first.training == first.training.sorted())
    #expect(first.partOfRow.count == 1000)
    // One division written down: it must stay the same in every version and on every machine.
    #expect(try Split(seed: 7).rows(count: 12).validation == goldenValidation)
    #expect(try Split(seed: 7).rows(count: 12).test == goldenTest)
  }

  private let goldenValidation = [7, 8]
  private let goldenTest = [2, 3]

  @Test("too few rows for the parts")
  func tooFew() {
    let error = dataError { () throws(DataError) in _ = try Split().rows(count: 3) }
    #expect(error?.kind == .badSplit)
    #expect(error?.message == "3 rows split as 70/15/15 leave none for test")
  }

  @Test("all positions are equally likely")
  func uniform() throws {
    var counts = [Int](repeating: 0, count: 10)
    for seed in 0..<4000 {
      for row in try Split("80/10/10", seed: UInt64(seed)).rows(count: 10).test { counts[row] += 1 }
    }
    // 4000 draws with chance 0.1: mean 400, standard deviation 19; five of them.
    for count in counts { #expect(abs(count - 400) < 95) }
  }

  @Test("labels and counts that no table has are refused")
  func outOfRange() {
    let split = Split()
    for labels: [Int32] in [[0, 1, 2], [0, -1, 0], [.min], [.max]] {
      let error = dataError { () throws(DataError) in
        _ = try split.rows(classOfRow: labels, classCount: 2)
      }
      #expect(error?.kind == .badValue)
    }
    for count in [-1, .min, Int(Int32.max) + 1, .max] {
      let error = dataError { () throws(DataError) in _ = try split.rows(count: count) }
      #expect(error?.kind == .badValue)
      let classes = dataError { () throws(DataError) in
        _ = try split.rows(classOfRow: [0], classCount: count)
      }
      #expect(classes?.kind == .badValue)
    }
  }
}
