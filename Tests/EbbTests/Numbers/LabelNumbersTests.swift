import Ebb
import Testing

@Suite struct LabelNumbersTests {
  @Test(
    "Numbers: integer labels are range-checked before use, and refused with the row",
    arguments: [-1, 3, 1 << 31, .min, .max])
  func labels(wrong: Int) {
    let labels = [0, 2, wrong, 1]
    #expect {
      _ = try Dataset(features: [[1], [2], [3], [4]], labels: labels, classCount: 3)
    } throws: {
      "\($0)".contains("the label of row 2 is \(wrong), expected 0 to 2")
    }
    guard let narrow = Int32(exactly: wrong) else { return }
    #expect {
      _ = try Dataset(
        features: [1, 2, 3, 4], featureCount: 1, targets: .classes([0, 2, narrow, 1], count: 3))
    } throws: {
      "\($0)".contains("the label of row 2 is \(wrong), expected 0 to 2")
    }
  }

  @Test(
    "Numbers: a class that training did not know is refused with its line in a CSV file",
    arguments: ["-1", "3", "2147483648", "3.7", "1e400", "one"])
  func files(wrong: String) throws {
    let rows = (0..<30).map { "\($0),\($0 % 3)" }.joined(separator: "\n")
    let training = try Table(csvText: "x,class\n\(rows)\n")
    let data = try training.prepared(target: "class", task: .classification)
    #expect(data.classes == ["0", "1", "2"])
    #expect {
      let table = try Table(csvText: "x,class\n1,0\n2,2\n3,\(wrong)\n4,1\n")
      _ = try data.schema.encode(table, target: .required)
    } throws: { error in
      let isNamed = "\(error)".contains(wrong)
      return isNamed && (error as? DataError)?.line == 4
    }
  }
}
