import Ebb
import Testing

/// Tables as users have them, with what goes wrong in them.
@Suite("Likely mistakes in data")
struct LikelyMistakeTests {
  /// 100 rows of a number, a class and, where `odd` says so, another text in place of the number.
  private func table(odd: [Int: String]) throws -> Table {
    var text = "x,y\n"
    for row in 0..<100 { text += "\(odd[row] ?? "\(row % 10)"),\(["a", "b"][row % 2])\n" }
    return try Table(csvText: text, source: "t.csv")
  }

  private func error(
    _ csv: String, target: String = "y", task: PredictionTask? = nil
  ) -> DataError? {
    dataError { () throws(DataError) in
      _ = try Table(csvText: csv, source: "t.csv").prepared(target: target, task: task)
    }
  }

  @Test("a text among numbers is noted wherever it stands", arguments: [0, 1, 70, 99])
  func oddText(row: Int) throws {
    #expect(
      try table(odd: [row: "3.5cm"]).notes == [
        "column \"x\" is taken as text: \"3.5cm\" in line \(row + 2) is the first value that is not "
          + "a number"
      ])
  }

  @Test("texts of which half are numbers, and postal codes, are noted nowhere")
  func texts() throws {
    let half = Dictionary(uniqueKeysWithValues: (50..<100).map { ($0, "t\($0 % 3)") })
    #expect(try table(odd: half).notes.isEmpty)
    #expect(try Table(csvText: "zip\n00123\n04567\n01234\n").notes.isEmpty)
  }

  @Test("None and a dash are missing among numbers", arguments: ["None", "none", "-", "Inf"])
  func noNumber(word: String) throws {
    for row in [0, 70] {
      let column = try table(odd: [row: word]).column(named: "x")
      #expect(column.isNumeric && column.missingRows == [row])
    }
  }

  @Test("among texts, and alone, they are values")
  func noNumberIsText() throws {
    let signs = try Table(csvText: "a,b\n+,None\n-,some\n-,None\n")
    #expect(try signs.column(named: "a").missingRows.isEmpty)
    #expect(try signs.column(named: "b").missingRows.isEmpty)
    #expect(try !Table(csvText: "a\n-\n-\n").column(named: "a").isNumeric)
    // To a model that knows the column as numbers they are missing all the same.
    let schema = try table(odd: [:]).prepared(target: "y").schema
    let encoded = try schema.encode(Table(csvText: "x\n-\nNone\n"), target: .ignored)
    #expect(encoded.dataset.features == [0, 0] && encoded.notes.count == 1)
    #expect(encoded.notes[0].hasPrefix("column \"x\": 2 missing values are replaced by the"))
  }

  @Test("missing numbers are counted, once for all parts of a table")
  func missingNumbers() throws {
    let rows = [0, 1, 2, 3, 50, 51, 52, 60, 70, 80, 81, 90, 91, 99]
    let odd = Dictionary(uniqueKeysWithValues: rows.map { ($0, "") })
    let data = try table(odd: odd).prepared(target: "y")
    #expect(data.notes.count == 1)
    #expect(
      data.notes[0].hasPrefix(
        "column \"x\": 14 missing values are replaced by the training mean 4."))
    let own = try Table(csvText: "x,y\n1,a\n,b\n", source: "own.csv")
    let both = try table(odd: odd).prepared(target: "y", test: own)
    #expect(both.notes.count == 2)
    #expect(both.notes[0].hasPrefix("own.csv: column \"x\": 1 missing value is replaced by the"))
    let encoded = try data.schema.encode(own, rows: [0], target: .required)
    #expect(encoded.notes.isEmpty)
    #expect(try data.schema.encode(own, target: .ignored).notes.count == 1)
  }

  @Test("missing numbers in many columns give one note")
  func manyMissingNumbers() throws {
    let y = Column(name: "y", texts: (0..<60).map { $0 % 2 == 0 ? "a" : "b" })
    for (count, notes) in [(10, 10), (11, 1)] {
      let columns = (0..<count).map { index in
        Column(name: "c\(index)", numbers: (0..<60).map { $0 == index ? .nan : Double($0) })
      }
      let data = try Table(columns: columns + [y]).prepared(target: "y")
      #expect(data.notes.count == notes)
      if notes == 1 {
        #expect(
          data.notes[0] == "11 missing values in 11 columns, such as \"c0\", are replaced by the "
            + "training means of their columns")
      }
    }
  }

  @Test("dates are noted")
  func dates() throws {
    func notes(_ date: (Int) -> String, name: String = "date") throws -> [String] {
      var text = "\(name),y\n"
      for row in 0..<60 { text += "\(date(row % 9 + 1)),\(["a", "b"][row % 2])\n" }
      return try Table(csvText: text).prepared(target: "y").notes
    }
    let expected =
      "column \"date\" looks like dates; each becomes a category of its own; leave it out with "
      + "--ignore date, or make numeric columns of it"
    #expect(try notes { "2024-01-0\($0)" } == [expected])
    #expect(try notes { "0\($0)/01/2024" } == [expected])
    #expect(try notes { "1/\($0 + 15)/2024" } == [expected])
    #expect(try notes { "2024-01-0\($0) 12:30:00" } == [expected])
    #expect(try notes { "2024-01-0\($0)T9:05Z" } == [expected])
    #expect(try notes { $0 < 3 ? "later" : "\($0).1.2024" } == [expected])
    #expect(try notes({ "2024-01-0\($0)" }, name: "a day")[0].contains("--ignore 'a day',"))
    #expect(try notes { $0 < 6 ? "later" : "2024-01-0\($0)" }.isEmpty)
    #expect(try notes { "1.2.\($0)" }.isEmpty)
    #expect(try notes { "2024-\($0 + 12)-20" }.isEmpty)
    #expect(try notes { "2024-01-0\($0) pump" }.isEmpty)
  }

  @Test("a text in a target of numbers is an error that names it")
  func oddTarget() throws {
    func csv(_ odd: [Int: String]) -> String {
      var text = "x,y\n"
      for row in 0..<100 { text += "\(row),\(odd[row] ?? "\(row).0")\n" }
      return text
    }
    for row in [0, 40] {
      let one = error(csv([row: "n.a."]))
      #expect(one?.kind == .badTarget && one?.line == row + 2)
      #expect(
        one?.description == "t.csv:\(row + 2): the target \"y\" holds numbers except \"n.a.\" in "
          + "line \(row + 2); mend the value, or ask for classification")
    }
    #expect(error(csv([40: "n.a.", 50: "gone"]))?.message.hasSuffix("and 1 other text") == true)
    #expect(error(csv([40: "n.a."]), task: .regression)?.line == 42)
    // Asked for, they are classes; a hundred are too many for a split here.
    #expect(
      error(csv([40: "n.a."]), task: .classification)?.message.contains("99 more classes") == true)
  }

  @Test("a first column without a name that numbers the rows is left out")
  func rowNumbers() throws {
    for (first, header) in [(0, ",x,y"), (1, "\"\",x,y"), (0, ";x;y")] {
      let delimiter = header.contains(";") ? ";" : ","
      let rows = (0..<3).map { "\($0 + first)\(delimiter)5\(delimiter)b\n" }.joined()
      let table = try Table(csvText: "\(header)\n\(rows)")
      #expect(table.columnNames == ["x", "y"])
      #expect(
        table.notes == ["the first column, which has no name, numbers the rows; it is left out"])
    }
    for text in [",x\n0,1\n2,1\n", ",x\n2,1\n3,1\n", ",x\na,1\nb,1\n", "x,,y\n1,0,1\n1,1,1\n"] {
      let error = dataError { () throws(DataError) in _ = try Table(csvText: text) }
      #expect(error?.kind == .badColumnName && error?.line == 1)
      #expect(error?.advice == "write a name for it in the header line, or remove the column")
    }
  }

  @Test("advice that the command's and the library's users can follow")
  func advice() throws {
    let header = dataError { () throws(DataError) in _ = try Table(csvText: "1,2\n") }
    #expect(
      header?.advice
        == "add rows; if the first line is data, add a line with the column names above it")
    var text = "x,the rest,y\n"
    for row in 0..<60 { text += "\(row),,\(row % 2)\n" }
    #expect(
      error(text)?.advice
        == "leave the column out with --ignore 'the rest' (the library's `ignoring:`)")
  }

  @Test("a text in a column of many numbers is named also in the first row")
  func oddTextAmongMany() throws {
    var text = "n,y\n"
    for row in 0..<200 { text += "\(row == 0 ? "oops" : "\(row)"),\(row % 2)\n" }
    let spoiled = error(text)
    #expect(spoiled?.kind == .unusableColumn && spoiled?.line == 2)
    #expect(spoiled?.message.contains("\"oops\"") == true)
  }
}
