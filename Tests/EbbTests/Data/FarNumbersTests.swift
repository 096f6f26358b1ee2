import Ebb
import Testing

@Suite("Numbers far outside the training rows")
struct FarNumbersTests {
  private func schema() throws -> Schema {
    var text = "x,k,y\n"
    for row in 0..<60 { text += "\(row % 51),5,\(row % 2 == 0 ? "a" : "b")\n" }
    return try Table(csvText: text).prepared(target: "y", split: Split("100/0/0")).schema
  }

  @Test(
    "a number is noted as it stands in the file when it is far, and ordinary new ones are not",
    arguments: [
      ("25", false), ("-3", false), ("60", false), ("120", false), ("500", false), ("-400", false),
      ("-999.0", true), ("-99", true), ("999", true), ("-9999", true), ("1e6", true),
      ("-3.4028235e+38", true), ("600", true), ("-32768", true),
    ])
  func noted(number: String, isFar: Bool) throws {
    let table = try Table(csvText: "k,x\n5,1\n5,\(number)\n5,\n5,\(number)\n")
    let notes = try schema().encode(table, target: .ignored).notes
    #expect(notes.count == (isFar ? 2 : 1), "\(notes)")
    guard isFar else { return }
    #expect(
      notes[0] == "column \"x\": 2 numbers far outside the training rows' range (0 to 50), such as "
        + "\(number) in line 3; where it stands for no data, leave the field empty")
  }

  @Test("a column that was constant says when it is not any more")
  func constant() throws {
    let table = try Table(csvText: "k,x\n5,1\n5.0,2\n6.50,3\n")
    #expect(
      try schema().encode(table, target: .ignored).notes == [
        "column \"k\": 5 in every training row, but not in 1 row, such as 6.50 in line 4; the model "
          + "takes no notice of it"
      ])
  }

  @Test("many columns share one note")
  func many() throws {
    let names = (0..<12).map { "x\($0)" }.joined(separator: ",")
    var text = names + ",y\n"
    for row in 0..<60 {
      text += (0..<12).map { "\(row * ($0 + 1) % 17)" }.joined(separator: ",") + ",\(row % 2)\n"
    }
    let schema = try Table(csvText: text).prepared(target: "y", split: Split("100/0/0")).schema
    let table = try Table(
      csvText: names + "\n" + (0..<12).map { _ in "-3.4e38" }.joined(separator: ",") + "\n")
    let notes = try schema.encode(table, target: .ignored).notes
    #expect(notes.count == 1)
    #expect(notes[0].contains("such as -3.4e38 in line 2"))
    #expect(notes[0].hasSuffix("so it is with 12 numbers in 12 columns"))
  }

  @Test("among the training rows: numbers that stand for no data, and those a million times off")
  func training() throws {
    func notes(_ numbers: [String]) throws -> [String] {
      let rows = numbers.enumerated().map { "\($1),\($0 % 2 == 0 ? "a" : "b")" }
      return try Table(csvText: "x,y\n" + rows.joined(separator: "\n") + "\n")
        .prepared(target: "y", split: Split("100/0/0")).notes
    }
    let ordinary = (0..<40).map { "\($0)" }
    #expect(try notes(ordinary).isEmpty)
    #expect(try notes(ordinary + ["500", "1200"]).isEmpty)
    #expect(try notes((0..<40).map { "\($0 % 2)" }).isEmpty)
    #expect(
      try notes(ordinary + ["-999.0", "-999", "40"]) == [
        "column \"x\": -999.0 in 2 training rows, such as line 42, is far from all others (0 to 40); "
          + "where it stands for no data, leave the field empty"
      ])
    #expect(try notes(ordinary + ["-3.4e38"]).count == 1)
    #expect(try notes(ordinary + ["1e9"]).count == 1)
    // Numbers that hide each other.
    for pair in [["-999", "1e30"], ["-3.4e38", "3.4e38"], ["-999", "-9999"]] {
      let found = try notes(ordinary + pair)
      #expect(found.count == 2, "\(found)")
      for number in pair {
        #expect(found.contains { $0.contains(": \(number) in 1 training row") }, "\(number)")
      }
    }
  }

  @Test("later rows are held to the range of the training rows without what was far among them")
  func rangeWithoutMistakes() throws {
    let numbers = (0..<40).map { "\($0)" } + ["-999", "1e30"]
    let rows = numbers.enumerated().map { "\($1),\($0)" }
    let schema = try Table(csvText: "x,y\n" + rows.joined(separator: "\n") + "\n")
      .prepared(target: "y", task: .regression, split: Split("100/0/0")).schema
    #expect(schema.features[0].range == 0...39)
    let later = try Table(csvText: "x\n20\n-999\n1e29\n")
    let notes = try schema.encode(later, target: .ignored).notes
    #expect(notes.count == 1)
    #expect(
      notes.first?.hasPrefix(
        "column \"x\": 2 numbers far outside the training rows' range (0 to 39)")
        == true, "\(notes)")
  }

  @Test("targets are looked at as inputs are")
  func targets() throws {
    func table(_ last: String) throws -> Table {
      let rows = (0..<60).map { "\($0 % 7),\($0 % 51)" }
      return try Table(csvText: "x,y\n" + rows.joined(separator: "\n") + "\n3,\(last)\n")
    }
    let all = try Split("100/0/0")
    let plain = try table("5").prepared(target: "y", task: .regression, split: all)
    #expect(plain.notes.isEmpty)
    #expect(plain.schema.target.range == 0...50)
    let far = try table("-999").prepared(target: "y", task: .regression, split: all)
    #expect(
      far.notes == [
        "column \"y\": -999 in 1 training row, such as line 62, is far from all others (0 to 50); "
          + "where it stands for no data, leave the row out"
      ])
    let notes = try plain.schema.encode(table("-3.4e38"), target: .required).notes
    #expect(notes.count == 1 && notes[0].contains("such as -3.4e38 in line 62"), "\(notes)")
  }

  @Test("the test rows of the training file are noted as rows of other files are")
  func otherParts() throws {
    var text = "x,y\n"
    for row in 0..<60 { text += "\(row % 51),\(row % 2 == 0 ? "a" : "b")\n" }
    let plain = try Table(csvText: text).prepared(target: "y")
    let row = plain.split.test[0]
    var lines = text.split(separator: "\n").map(String.init)
    lines[row + 1] = "-3.4e38,\(row % 2 == 0 ? "a" : "b")"
    let data = try Table(csvText: lines.joined(separator: "\n")).prepared(target: "y")
    #expect(data.schema == plain.schema)
    #expect(data.notes.count == 1)
    #expect(data.notes.first?.contains("such as -3.4e38 in line \(row + 2)") == true)
  }
}
