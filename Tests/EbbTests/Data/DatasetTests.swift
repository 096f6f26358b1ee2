import Ebb
import Testing

@Suite("Dataset")
struct DatasetTests {
  private func message(_ body: () throws(DataError) -> Void) -> String {
    dataError(body)?.description ?? "no error"
  }

  @Test("rows and targets lie as given")
  func layout() throws {
    let data = try Dataset(
      features: [[0, 1], [2, 3], [4, 5]], labels: [0, 2, 1], classCount: 3,
      featureNames: ["a", "b"])
    #expect(data.features == [0, 1, 2, 3, 4, 5])
    #expect(data.rowCount == 3 && data.featureCount == 2 && data.featureNames == ["a", "b"])
    #expect(data.targets == .classes([0, 2, 1], count: 3))
    #expect(Array(data.features(ofRow: 1)) == [2, 3])
    let values = try Dataset(features: [[1], [2]], values: [[1, 2], [3, 4]])
    #expect(values.targets == .values([1, 2, 3, 4], outputs: 2))
    #expect(values.featureNames == ["x1"])
    let empty = try Dataset(features: [], featureCount: 4, targets: .none)
    #expect(empty.rowCount == 0)
  }

  @Test("what does not fit is refused with its place")
  func refused() {
    #expect(
      message { () throws(DataError) in
        _ = try Dataset(features: [[1], [2]], labels: [0], classCount: 2)
      } == "1 labels were given for 2 rows")
    #expect(
      message { () throws(DataError) in
        _ = try Dataset(features: [[1], [2]], labels: [0, 2], classCount: 2)
      } == "the label of row 1 is 2, expected 0 to 1; number the classes from 0")
    for label in [-1, 2, 1 << 31, 1 << 32] {
      #expect(
        message { () throws(DataError) in
          _ = try Dataset(features: [[1]], labels: [label], classCount: 2)
        }.hasPrefix("the label of row 0 is \(label)"))
    }
    #expect(
      message { () throws(DataError) in
        _ = try Dataset(features: [[1, 2], [3]], labels: [0, 1], classCount: 2)
      } == "row 1 has 1 features, the first row has 2")
    #expect(
      message { () throws(DataError) in
        _ = try Dataset(features: [[1, 2], [3, .nan]], labels: [0, 1], classCount: 2)
      } == "feature 1 (\"x2\") of row 1 is nan, expected a finite number")
    #expect(
      message { () throws(DataError) in
        _ = try Dataset(features: [[1], [2]], values: [[1], [.infinity]])
      } == "target 0 of row 1 is inf, expected a finite number")
    #expect(
      message { () throws(DataError) in
        _ = try Dataset(features: [1, 2, 3], featureCount: 2, targets: .none)
      } == "3 numbers are not whole rows of 2 features")
    #expect(
      message { () throws(DataError) in
        _ = try Dataset(features: [1], featureCount: 0, targets: .none)
      } == "a dataset needs at least one feature, got 0")
    #expect(
      message { () throws(DataError) in
        _ = try Dataset(features: [1], featureCount: 1, targets: .none, featureNames: ["a", "b"])
      } == "2 names were given for 1 features")
    #expect(
      message { () throws(DataError) in
        _ = try Dataset(features: [1], featureCount: 1, targets: .values([1], outputs: .max))
      }.contains("target values were given"))
  }

  private func dataset(_ count: Int) throws -> Dataset {
    try Dataset(features: (0..<count).map { Float($0) }, featureCount: 1, targets: .none)
  }

  @Test("an epoch has every row once; the last batch holds what is left")
  func batches() throws {
    let data = try dataset(101)
    for size in [1, 7, 10, 100, 101, 102, .max] {
      let batches = try data.batches(of: size, epoch: 3, seed: 9)
      #expect(batches.flatMap(\.rows).sorted() == (0..<101).map { Int32($0) })
      #expect(batches.dropLast().allSatisfy { $0.count == min(size, 101) })
      #expect(batches.count == (size >= 101 ? 1 : (101 + size - 1) / size))
    }
    #expect(try data.batchesInOrder(of: 50).map { Array($0.rows) }.map(\.count) == [50, 50, 1])
    #expect(try Array(data.batchesInOrder(of: 50)[1].rows.prefix(2)) == [50, 51])
    #expect(try dataset(0).batches(of: 5, epoch: 1).isEmpty)
  }

  @Test("a batch size that is not positive is refused")
  func badSize() throws {
    let data = try dataset(3)
    for size in [0, -1, .min] {
      #expect(
        dataError { () throws(DataError) in _ = try data.batches(of: size, epoch: 1) }?.kind
          == .badValue)
    }
  }

  @Test("the order depends on seed and epoch alone, and can be had again")
  func orders() throws {
    let data = try dataset(200)
    func order(_ epoch: Int, _ seed: UInt64) throws -> [Int32] {
      try data.batches(of: 200, epoch: epoch, seed: seed).flatMap(\.rows)
    }
    let first = try order(1, 7)
    #expect(try order(2, 7) != first)
    #expect(try order(1, 8) != first)
    #expect(try order(1, 7) == first)
    #expect(try data.batches(of: 9, epoch: 1, seed: 7).flatMap(\.rows) == first)
    #expect(try order(-1, 7) != first)
  }

  @Test("a batch of chosen rows")
  func chosen() throws {
    let data = try dataset(5)
    #expect(try Array(Batch(data, rows: [4, 4, 0]).rows) == [4, 4, 0])
    #expect(
      dataError { () throws(DataError) in _ = try Batch(data, rows: [5]) }?.kind == .badValue)
    #expect(
      dataError { () throws(DataError) in _ = try Batch(data, rows: []) }?.kind == .badValue)
  }
}
