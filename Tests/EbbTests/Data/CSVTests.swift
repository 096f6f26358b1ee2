import Ebb
import EbbSystem
import Testing

/// The error that `body` throws, for tests that look at its parts.
func dataError(_ body: () throws(DataError) -> Void) -> DataError? {
  do throws(DataError) {
    try body()
    return nil
  } catch {
    return error
  }
}

/// The error of reading a CSV text.
private func csvError(_ text: String, options: CSVOptions = .init()) -> DataError? {
  dataError { () throws(DataError) in
    _ = try Table(csvText: text, source: "t.csv", options: options)
  }
}

private func numbers(_ table: Table, _ name: String) throws -> [Double] {
  guard case .numbers(let values) = try table.column(named: name).values else {
    Issue.record("column \(name) is text")
    return []
  }
  return values
}

private func texts(_ table: Table, _ name: String) throws -> [String?] {
  guard case .texts(let values) = try table.column(named: name).values else {
    Issue.record("column \(name) is numeric")
    return []
  }
  return (0..<values.count).map { values[$0] }
}

@Suite("CSV")
struct CSVTests {
  @Test(
    "line ends, byte-order marks and trailing blank lines make no difference",
    arguments: [
      "a,b\n1,x\n2,y\n", "a,b\r\n1,x\r\n2,y\r\n", "a,b\r1,x\r2,y\r", "a,b\n1,x\n2,y",
      "\u{FEFF}a,b\n1,x\n2,y\n\n\n", "a,b\n1,x\r\n2,y\r", "\n\na,b\n1,x\n2,y\n  \n\r\n",
      " a , b \n 1 , x \n2,\"y\"", "\"a\",\"b\"\n\"1\",\"x\"\n\"2\",y", "a;b\n1;x\n2;y",
      "a\tb\n1\tx\n2\ty", "a,b\n1,x\n2, \"y\" \n", "\u{FEFF}\"a\",b\n1,x\n\n2,y",
    ])
  func variants(text: String) throws {
    let table = try Table(csvText: text)
    #expect(table.columnNames == ["a", "b"])
    #expect(table.rowCount == 2)
    #expect(try numbers(table, "a") == [1, 2])
    #expect(try texts(table, "b") == ["x", "y"])
  }

  @Test("quoted fields hold delimiters, quotes and line breaks")
  func quotes() throws {
    let table = try Table(
      csvText:
        "name,n\n\"a,b\",1\n\"say \"\"hi\"\"\",2\n\"two\nlines\",3\n\" kept \",4\n5\" pipe,5\n")
    #expect(try texts(table, "name") == ["a,b", "say \"hi\"", "two\nlines", " kept ", "5\" pipe"])
    #expect(table.rowLines == [2, 3, 4, 6, 7])
  }

  @Test("a quote never closed is named with the line it opened on")
  func unclosed() {
    let error = csvError("a,b\n1,x\n2,\"y\n3,z\n4,w\n")
    #expect(error?.kind == .badQuote && error?.line == 3 && error?.column == 3)
    let after = csvError("a,b\n1,\"x\"y\n")
    #expect(after?.kind == .badQuote && after?.line == 2 && after?.column == 6)
  }

  @Test("ragged rows give the line and both counts")
  func ragged() {
    let short = csvError("a,b,c\n1,2,3\n1,2\n")
    #expect(short?.kind == .raggedRow && short?.line == 3)
    #expect(short?.message == "the row has 2 fields, expected 3")
    let long = csvError("a,b\n1,2\n\n1,2,3\n")
    #expect(long?.line == 4 && long?.message == "the row has 3 fields, expected 2")
    let trailing = csvError("a,b\n1,2,\n")
    #expect(trailing?.advice.contains("at the end of the line") == true)
    let quoted = csvError("a,b\n\"x\ny\",2\n1\n")
    #expect(quoted?.line == 4)
  }

  @Test("nothing, or a header alone, is refused")
  func empty() {
    for text in ["", "\n\n", "\u{FEFF}", "  "] { #expect(csvError(text)?.kind == .empty) }
    #expect(csvError("a,b\n")?.message == "the file has a header but no rows")
    #expect(csvError("a,b\n\n\n")?.kind == .empty)
    #expect(csvError("a\n\n\n")?.kind == .empty)
  }

  @Test("names must be there, and each once")
  func names() {
    let double = csvError("a,b,a\n1,2,3\n")
    #expect(double?.kind == .badColumnName && double?.line == 1 && double?.column == 5)
    #expect(double?.message == "columns 1 and 3 are both called \"a\"")
    #expect(csvError("a,,c\n1,2,3\n")?.message == "column 2 has no name")
    #expect(csvError("a,b,\n1,2,3\n")?.advice.contains("remove the delimiter") == true)
  }

  @Test("what is no UTF-8 text is refused with its place")
  func encoding() {
    func bytesError(_ bytes: [UInt8]) -> DataError? {
      dataError { () throws(DataError) in _ = try Table(csvBytes: bytes) }
    }
    let zero = bytesError(Array("a,b\n1,".utf8) + [0] + Array("\n".utf8))
    #expect(zero?.kind == .notText && zero?.line == 2 && zero?.column == 3)
    let latin = bytesError(Array("a,b\né,".utf8) + [0xE9] + Array("\n".utf8))
    #expect(latin?.kind == .notText && latin?.line == 2 && latin?.column == 3)
    #expect(bytesError([0xFF, 0xFE, 0x61, 0])?.message.contains("UTF-16") == true)
  }

  @Test("missing values in numbers and texts")
  func missing() throws {
    let table = try Table(csvText: "a,b\n1,x\n,\nNA,n/a\nNaN,null\n\"\",?\n2,y\nnan,#N/A\n")
    let values = try self.values(table, "a")
    #expect(values == [1, nil, nil, nil, nil, 2, nil])
    #expect(try texts(table, "b") == ["x", nil, nil, nil, nil, "y", nil])
    #expect(try table.column(named: "a").missingRows == [1, 2, 3, 4, 6])
    let own = try Table(csvText: "a\n1\n-99x\n", options: CSVOptions(missingValues: ["-99x"]))
    #expect(try self.values(own, "a") == [1, nil])
  }

  private func values(_ table: Table, _ name: String) throws -> [Double?] {
    try numbers(table, name).map { $0.isNaN ? nil : $0 }
  }

  @Test("too large numbers are refused, infinities missing, unless the column is text anyway")
  func infinite() throws {
    #expect(
      try numbers(Table(csvText: "a\n1\ninf\n-Infinity\n2\n"), "a").map(\.isNaN) == [
        false, true, true, false,
      ])
    for text in ["1e400", "-1e999"] {
      let error = csvError("a,b\n1,2\n3,\(text)\n")
      #expect(error?.kind == .numberOutOfRange && error?.line == 3 && error?.column == 3)
    }
    #expect(try texts(Table(csvText: "a\nx\ninf\n"), "a") == ["x", "inf"])
    #expect(try texts(Table(csvText: "a\ninf\nx\n"), "a") == ["inf", "x"])
  }

  @Test("leading zeros, dates and decimal commas make text")
  func looksLikeNumbers() throws {
    #expect(try texts(Table(csvText: "zip\n00123\n04567\n"), "zip") == ["00123", "04567"])
    #expect(try texts(Table(csvText: "zip\n123\n-01\n"), "zip") == ["123", "-01"])
    #expect(try numbers(Table(csvText: "n\n0\n0.5\n-0.25\n0e1\n+5\n.5\n5.\n"), "n").count == 7)
    #expect(try texts(Table(csvText: "d\n2024-01-05\n"), "d") == ["2024-01-05"])
    let comma = try Table(csvText: "a;b\n1,5;2\n2,5;3\n")
    #expect(try texts(comma, "a") == ["1,5", "2,5"])
    #expect(comma.notes.count == 1 && comma.notes[0].contains("decimal comma"))
    #expect(try numbers(comma, "b") == [2, 3])
  }

  @Test("a column that turns to text late is text from its start")
  func lateText() throws {
    let count = 200_000
    var text = "n,k\n"
    for row in 0..<count { text += "\(row),\(row % 3)\n" }
    text += "oops,1\n"
    let table = try Table(csvText: text)
    let values = try texts(table, "n")
    #expect(values.first == "0" && values.last == "oops" && values.count == count + 1)
    #expect(try numbers(table, "k").count == count + 1)
    #expect(table.notes.count == 1 && table.notes[0].contains("line \(count + 2)"))
  }

  @Test("a hundred thousand columns")
  func wide() throws {
    let count = 100_000
    let header = (0..<count).map { "c\($0)" }.joined(separator: ",")
    let row = (0..<count).map { "\($0)" }.joined(separator: ",")
    let table = try Table(csvText: "\(header)\n\(row)\n\(row)\n")
    #expect(table.columns.count == count && table.rowCount == 2)
    #expect(try numbers(table, "c99999") == [99999, 99999])
  }

  @Test("one column: blank lines inside are missing values, at the end nothing")
  func oneColumn() throws {
    let table = try Table(csvText: "a\n1\n\n3\n\n\n")
    #expect(try values(table, "a") == [1, nil, 3])
    #expect(table.rowLines == [2, 3, 4])
  }

  @Test("the delimiter: found, or said")
  func delimiter() throws {
    #expect(try Table(csvText: "a;b,c\n1;2\n3;4\n").columnNames == ["a", "b,c"])
    #expect(
      try Table(csvText: "a,b;c\n1,2\n", options: CSVOptions(delimiter: .comma)).columnNames == [
        "a", "b;c",
      ])
    #expect(try Table(csvText: "a,b\n\"x;y;z\",1\n").columnNames == ["a", "b"])
    #expect(
      try texts(Table(csvText: "a\tb\nx y\t\tz\n".replacing("\t\t", with: "\t")), "b") == ["z"])
    #expect(try values(Table(csvText: "a\tb\n1\t\n"), "b") == [nil])
  }

  @Test("without a header the columns are numbered")
  func noHeader() throws {
    let table = try Table(csvText: "5,x\n5,y\n", options: CSVOptions(header: .absent))
    #expect(table.columnNames == ["column1", "column2"] && table.rowCount == 2)
    #expect(table.rowLines == [1, 2])
  }

  @Test("an unknown column: what is there, and what was meant")
  func unknownColumn() throws {
    let table = try Table(csvText: "sepal_length,species\n1,a\n", source: "iris.csv")
    let error = dataError { () throws(DataError) in _ = try table.column(named: "spceies") }
    #expect(error?.kind == .unknownColumn)
    #expect(
      error?.description
        == "iris.csv: there is no column \"spceies\"; did you mean \"species\"? the columns are "
        + "sepal_length, species")
    let far = dataError { () throws(DataError) in _ = try table.column(named: "zzz") }
    #expect(far?.advice == "the columns are sepal_length, species")
  }

  @Test("files that cannot be read")
  func files() {
    let missing = dataError { () throws(DataError) in _ = try Table(csv: "/no/such.csv") }
    #expect(missing?.kind == .unreadable)
    #expect(missing?.description.hasPrefix("/no/such.csv: cannot read: no such file") == true)
    let device = dataError { () throws(DataError) in _ = try Table(csv: "/dev/zero") }
    #expect(device?.kind == .unreadable)
  }

  @Test("tables made in a program are checked")
  func columns() throws {
    let table = try Table(columns: [
      Column(name: "a", numbers: [1, .nan]), Column(name: "b", texts: ["x", nil]),
    ])
    #expect(table.rowCount == 2 && table.rowLines == [1, 2])
    func error(_ columns: [Column]) -> DataError.Kind? {
      dataError { () throws(DataError) in _ = try Table(columns: columns) }?.kind
    }
    #expect(error([]) == .empty)
    #expect(error([Column(name: "a", numbers: [])]) == .empty)
    #expect(error([Column(name: "", numbers: [1])]) == .badColumnName)
    #expect(
      error([Column(name: "a", numbers: [1]), Column(name: "a", numbers: [1])]) == .badColumnName)
    #expect(error([Column(name: "a", numbers: [1]), Column(name: "b", numbers: [])]) == .badValue)
    #expect(error([Column(name: "a", numbers: [.infinity])]) == .numberOutOfRange)
  }

  /// Every prefix of an awkward file either reads or is refused with a place inside it.
  @Test("no prefix of a file makes the reader fail otherwise")
  func prefixes() {
    let bytes = Array("\u{FEFF}a;\"b\"\"\";c\r\n1,5;\"x\r\ny\";é\r\n;;\r\n\r\n2;z;w".utf8)
    for count in 0...bytes.count {
      do throws(DataError) {
        let table = try Table(csvBytes: Array(bytes[..<count]))
        #expect(table.rowCount > 0)
      } catch {
        #expect((error.line ?? 1) <= 6)
      }
    }
  }

  @Test("A field of more than a million bytes is refused with its place, a shorter one read")
  func longFields() throws {
    let long = String(repeating: "x", count: 1_000_001)
    let cases = [
      ("a,b\n1,2\n3,\(long)\n", 3, 3), ("a,\(long)\n1,2\n", 1, 3), ("a,b\n1,\"\(long)\"\n", 2, 3),
      ("a,b\n1,\(long)", 2, 3), ("a\n\(long)\n", 2, 1),
      ("a,b\n1,\"" + String(repeating: "\"\"", count: 600_000) + "\"\n", 2, 3),
    ]
    for (text, line, column) in cases {
      let error = #expect(throws: DataError.self) { try Table(csvText: text, source: "t.csv") }
      #expect(error?.message.contains("more than 1,000,000 bytes") == true, "\(error as Any)")
      #expect(error?.line == line && error?.column == column)
    }
    let open = #expect(throws: DataError.self) {
      try Table(csvText: "a,b\n1,\"\(long)", source: "t.csv")
    }
    #expect(open?.kind == .badQuote && open?.line == 2)
    let table = try Table(csvText: "a,b\n1,\(long.dropFirst())\n2,y\n")
    #expect(table.rowCount == 2)
  }
}
