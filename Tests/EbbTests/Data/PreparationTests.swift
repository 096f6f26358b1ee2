import Ebb
import EbbSystem
import Testing

@Suite("Preparation")
struct PreparationTests {
  /// 60 rows: a number, a colour, and a class that depends on both.
  private func table() throws -> Table {
    var text = "size,colour,kind\n"
    for row in 0..<60 {
      text +=
        "\(Double(row) * 0.5),\(["red", "blue", "green"][row % 3]),\(row % 2 == 0 ? "b" : "a")\n"
    }
    return try Table(csvText: text, source: "t.csv")
  }

  private func error(
    _ table: Table, target: String = "y", task: PredictionTask? = nil, ignoring: [String] = []
  )
    -> DataError?
  {
    dataError { () throws(DataError) in
      _ = try table.prepared(target: target, task: task, ignoring: ignoring)
    }
  }

  private func table(_ columns: Column...) throws -> Table {
    try Table(columns: columns, source: "t")
  }

  @Test("classification: classes, columns, parts")
  func classification() throws {
    let data = try table().prepared(target: "kind", split: Split(seed: 3))
    #expect(data.task == .classification && data.classes == ["a", "b"])
    #expect(data.training.featureNames == ["size", "colour=blue", "colour=green", "colour=red"])
    #expect(
      data.training.rowCount == 42 && data.validation.rowCount == 9 && data.test.rowCount == 9)
    #expect(data.notes.isEmpty)
    for (index, row) in data.split.test.enumerated() {
      let features = data.test.features(ofRow: index)
      #expect(Array(features.dropFirst()) == [[0, 0, 1], [1, 0, 0], [0, 1, 0]][row % 3])
    }
    guard case .classes(let labels, 2) = data.test.targets else {
      Issue.record("the test rows have labels")
      return
    }
    #expect(labels == data.split.test.map { $0 % 2 == 0 ? 1 : 0 })
  }

  @Test("means and scales come from the training rows only")
  func trainingRowsOnly() throws {
    let data = try table().prepared(target: "kind", split: Split(seed: 3))
    let training = data.split.training.map { Double($0) * 0.5 }
    let mean = training.reduce(0, +) / Double(training.count)
    let variance = training.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(training.count)
    guard case .standardized(let fittedMean, let fittedScale) = data.schema.features[0].encoding
    else {
      Issue.record("size is a number")
      return
    }
    #expect(abs(fittedMean - mean) < 1e-12 && abs(fittedScale - variance.squareRoot()) < 1e-12)
    let value = data.test.features(ofRow: 0).first
    #expect(value == Float((Double(data.split.test[0]) * 0.5 - fittedMean) / fittedScale))
    // Other values in the other rows change nothing.
    let others = Set(data.split.test + data.split.validation)
    let changed = (0..<60).map { others.contains($0) ? 1e6 : Double($0) * 0.5 }
    let second = try Table(columns: [
      Column(name: "size", numbers: changed), try table().column(named: "colour"),
      try table().column(named: "kind"),
    ]).prepared(target: "kind", split: Split(seed: 3))
    #expect(second.schema == data.schema)
  }

  @Test("regression: the target is standardized and comes back")
  func regression() throws {
    let data = try table().prepared(target: "size")
    #expect(data.task == .regression && data.classes.isEmpty)
    guard case .values(let values, 1) = data.training.targets else {
      Issue.record("the training rows have values")
      return
    }
    for (value, row) in zip(values, data.split.training) {
      #expect(abs(data.schema.originalTarget(Double(value)) - Double(row) * 0.5) < 1e-5)
    }
  }

  @Test("the task is found from the target")
  func tasks() throws {
    func task(_ numbers: [Double]) throws -> PredictionTask {
      let rows = numbers.indices.map { Double($0 % 7) }
      return try table(Column(name: "x", numbers: rows), Column(name: "y", numbers: numbers))
        .prepared(target: "y", split: Split("100/0/0")).task
    }
    #expect(try task([0, 1, 1, 0]) == .classification)
    #expect(try task([-1, 1, 1, -1, 1]) == .classification)
    #expect(try task((0..<200).map { Double($0 % 20) }) == .classification)
    #expect(try task((0..<199).map { Double($0 % 20) }) == .regression)
    #expect(try task((0..<400).map { Double($0 % 21) }) == .regression)
    #expect(try task([0.5, 1.5, 0.5, 1.5]) == .regression)
    #expect(try task([1, 2, 3, 4]) == .regression)
  }

  @Test("classes are ordered as numbers or by their bytes")
  func classOrder() throws {
    func classes(_ target: Column) throws -> [String] {
      try table(Column(name: "x", numbers: (0..<target.count).map { Double($0) }), target)
        .prepared(target: "y", task: .classification, split: Split("100/0/0")).classes
    }
    #expect(try classes(Column(name: "y", numbers: [10, 9, 2, 9])) == ["2", "9", "10"])
    #expect(try classes(Column(name: "y", numbers: [0.5, -1])) == ["-1", "0.5"])
    #expect(try classes(Column(name: "y", texts: ["010", "09", "2"])) == ["2", "09", "010"])
    #expect(try classes(Column(name: "y", texts: ["b", "B", "10", "9"])) == ["10", "9", "B", "b"])
  }

  @Test("targets that cannot be learned")
  func badTargets() throws {
    let x = Column(name: "x", numbers: [1, 2, 3, 4])
    let missing = error(try table(x, Column(name: "y", texts: ["a", nil, "b", nil])))
    #expect(missing?.kind == .missingValues && missing?.line == 2)
    #expect(missing?.message.contains("lines 2, 4") == true)
    #expect(
      error(try table(x, Column(name: "y", texts: ["a", "a", "a", "a"])))?.kind == .badTarget)
    #expect(
      error(try table(x, Column(name: "y", texts: ["a", "b", "a", "b"])))?.kind == .badTarget)
    let text = error(try Table(csvText: "x,y\n1,1\n2,two\n3,3\n4,4\n"), task: .regression)
    #expect(text?.kind == .badTarget && text?.line == 3 && text?.message.contains("two") == true)
    #expect(error(try table(x, x.renamed("y")), target: "z")?.kind == .unknownColumn)
    #expect(error(try table(x, x.renamed("y")), ignoring: ["y"])?.kind == .badTarget)
    #expect(error(try table(x, x.renamed("y")), ignoring: ["w"])?.kind == .unknownColumn)
    #expect(error(try table(x.renamed("y")))?.kind == .badSplit)
    let twenty = Column(name: "y", numbers: (0..<20).map { Double($0) + 0.5 })
    #expect(error(try table(twenty))?.kind == .unusableColumn)
  }

  @Test("a class with fewer rows than parts is named")
  func rareClass() throws {
    let y = Column(name: "y", texts: (0..<40).map { $0 < 38 ? "often" : "rare" })
    let x = Column(name: "x", numbers: (0..<40).map { Double($0) })
    let rare = error(try table(x, y))
    #expect(rare?.kind == .badTarget)
    #expect(rare?.message.hasPrefix("class \"rare\" of the target \"y\" has 2 rows") == true)
    _ = try table(x, y).prepared(target: "y", split: Split("80/20/0"))
  }

  @Test("columns that teach nothing: an error or a note")
  func uselessColumns() throws {
    let y = Column(name: "y", texts: (0..<60).map { $0 % 2 == 0 ? "a" : "b" })
    let x = Column(name: "x", numbers: (0..<60).map { Double($0) })
    let nothing = Column(name: "n", numbers: [Double](repeating: .nan, count: 60))
    #expect(error(try table(x, nothing, y))?.kind == .unusableColumn)
    _ = try table(x, nothing, y).prepared(target: "y", ignoring: ["n"])
    let names = Column(name: "id", texts: (0..<60).map { "row \($0)" })
    let identifier = error(try table(x, names, y))
    #expect(identifier?.kind == .unusableColumn)
    #expect(identifier?.message.contains("60 different texts in 60 rows") == true)
    var late = "n,y\n"
    for row in 0..<200 { late += "\(row == 150 ? "oops" : "\(row)"),\(row % 2)\n" }
    let spoiled = error(try Table(csvText: late))
    #expect(spoiled?.kind == .unusableColumn && spoiled?.line == 152)
    #expect(spoiled?.message.contains("\"oops\"") == true)
    let constant = Column(name: "c", numbers: [Double](repeating: 0.1, count: 60))
    let word = Column(name: "w", texts: [String?](repeating: "same", count: 60))
    let data = try table(x, constant, word, y).prepared(target: "y")
    #expect(data.notes.count == 2)
    #expect(data.schema.features[1].encoding == .constant(0.1))
    #expect((0..<data.training.rowCount).allSatisfy { data.training.features[$0 * 3 + 1] == 0 })
  }

  @Test("missing numbers count as the mean, missing texts as none")
  func missing() throws {
    let x = Column(name: "x", numbers: (0..<60).map { $0 % 5 == 0 ? .nan : Double($0) })
    let c = Column(name: "c", texts: (0..<60).map { $0 % 4 == 0 ? nil : "c\($0 % 2)" })
    let y = Column(name: "y", texts: (0..<60).map { $0 % 2 == 0 ? "a" : "b" })
    let data = try table(x, c, y).prepared(target: "y")
    for (index, row) in data.split.training.enumerated() {
      let features = Array(data.training.features(ofRow: index))
      if row % 5 == 0 { #expect(features[0] == 0) }
      if row % 4 == 0 { #expect(features[1] == 0 && features[2] == 0) }
    }
  }

  @Test("huge and tiny numbers are standardized too")
  func extremes() throws {
    let y = Column(name: "y", texts: (0..<60).map { $0 % 2 == 0 ? "a" : "b" })
    for unit in [1e306, 1e-300, 1e-170, 1e200] {
      let x = Column(name: "x", numbers: (0..<60).map { Double($0) * unit })
      let data = try table(x, y).prepared(target: "y", split: Split("100/0/0"))
      let small = Column(name: "x", numbers: (0..<60).map { Double($0) })
      let expected = try table(small, y).prepared(target: "y", split: Split("100/0/0"))
      for (left, right) in zip(data.training.features, expected.training.features) {
        #expect(abs(left - right) < 1e-6)
      }
    }
  }

  @Test("a schema applies to another table: by name, in any order")
  func otherTable() throws {
    let schema = try table().prepared(target: "kind").schema
    let rows = try Table(
      csvText: "colour,extra,size\nblue,9,1.5\npurple,9,\n,9,2\n", source: "new.csv")
    let encoded = try schema.encode(rows, target: .ignored)
    #expect(encoded.dataset.targets == .none && encoded.dataset.rowCount == 3)
    #expect(Array(encoded.dataset.features(ofRow: 0).dropFirst()) == [1, 0, 0])
    #expect(Array(encoded.dataset.features(ofRow: 1)) == [0, 0, 0, 0])
    #expect(encoded.notes.count == 3 && encoded.notes[0].contains("\"purple\" in line 3"))
    #expect(encoded.notes[1].hasPrefix("column \"size\": 1 missing value is replaced"))
    #expect(encoded.notes[2] == "column \"colour\": 1 missing text is of no category")
    func error(_ text: String, _ use: Schema.TargetUse = .ignored) -> DataError? {
      dataError { () throws(DataError) in
        _ = try schema.encode(try Table(csvText: text, source: "new.csv"), target: use)
      }
    }
    let missing = error("color,size\nblue,1\n")
    #expect(missing?.kind == .unknownColumn)
    #expect(missing?.description.contains("did you mean \"color\"?") == true)
    let text = error("colour,size\nblue,1\nred,big\n")
    #expect(text?.kind == .wrongColumnType && text?.line == 3)
    #expect(error("colour,size\nred,1e308\n")?.kind == .numberOutOfRange)
    #expect(error("colour,size\nred,1\n", .required)?.kind == .unknownColumn)
    let unknown = error("colour,size,kind\nred,1,a\nred,1,c\nred,1,d\n", .required)
    #expect(unknown?.kind == .unknownClass && unknown?.line == 3)
    #expect(unknown?.message.contains("lines 3, 4") == true)
    #expect(error("colour,size,kind\nred,1,a\nred,1,\n", .required)?.kind == .missingValues)
  }

  @Test("a column of categories that reads as numbers elsewhere")
  func categoriesAsNumbers() throws {
    let y = Column(name: "y", texts: (0..<60).map { $0 % 2 == 0 ? "1" : "x" })
    let c = Column(name: "c", texts: (0..<60).map { $0 % 3 == 0 ? "7" : "b" })
    let schema = try table(c, y).prepared(target: "y").schema
    let encoded = try schema.encode(try Table(csvText: "c,y\n7,1\n8,1\n"), target: .required)
    #expect(encoded.dataset.features == [1, 0, 0, 0])
    #expect(encoded.dataset.targets == .classes([0, 0], count: 2))
  }

  @Test("validation and test tables of their own")
  func ownTables() throws {
    let own = try Table(csvText: "size,colour,kind\n1,red,a\n2,blue,b\n", source: "own.csv")
    let both = try table().prepared(target: "kind", validation: own, test: own)
    #expect(
      both.training.rowCount == 60 && both.validation.rowCount == 2 && both.test.rowCount == 2)
    let one = try table().prepared(target: "kind", test: own)
    #expect(one.training.rowCount == 51 && one.validation.rowCount == 9 && one.test.rowCount == 2)
    #expect(one.split.test.isEmpty)
    let bad = try Table(csvText: "size,colour,kind\n1,red,z\n", source: "own.csv")
    let training = try table()
    let error = dataError { () throws(DataError) in
      _ = try training.prepared(target: "kind", test: bad)
    }
    #expect(error?.source == "own.csv" && error?.kind == .unknownClass)
  }

  @Test("a schema is stored as JSON and comes back the same")
  func json() throws {
    let constant = Column(name: "c \"quoted\"", numbers: [Double](repeating: 0.1, count: 60))
    let columns = try table().columns + [constant]
    for target in ["kind", "size"] {
      let schema = try Table(columns: columns).prepared(target: target).schema
      let text = JSONWriter.text(schema.json, keys: .sorted)
      #expect(try Schema(json: JSONField(try JSONReader.read(text))) == schema)
    }
  }

  @Test(
    "damaged schemas are refused with the path",
    arguments: [
      (#"{}"#, "the member \"features\" is missing"),
      (
        #"{"features":[],"target":{"name":"y","kind":"number","mean":0,"scale":1}}"#, "at least one"
      ),
      (
        #"{"features":[{"name":"x","kind":"number","mean":0,"scale":0}],"target":1}"#,
        "features[0].scale: expected a number above 0"
      ),
      (
        #"{"features":[{"name":"x","kind":"number","mean":null,"scale":1}],"target":1}"#,
        "features[0].mean: expected a number, got null"
      ),
      (
        #"{"features":[{"name":"x","kind":"number","mean":0,"scale":1,"least":2,"most":1}],"target":1}"#,
        "features[0].most: expected at least 2"
      ),
      (
        #"{"features":[{"name":"x","kind":"number","mean":0,"scale":1,"most":1}],"target":1}"#,
        "features[0].most: expected \"least\" beside it"
      ),
      (
        #"{"features":[{"name":"x","kind":"odd"}],"target":1}"#,
        "features[0].kind: expected \"number\""
      ),
      (
        #"{"features":[{"name":"x","kind":"category","categories":["a","a"]}],"target":1}"#,
        "features[0].categories[1]: \"a\" appears twice"
      ),
      (
        #"{"features":[{"name":"x","kind":"constant","value":1,"more":2}],"target":1}"#,
        "features[0]: unknown member \"more\""
      ),
      (
        #"{"features":[{"name":"x","kind":"constant","value":1}],"target":{"name":"x","kind":"classes","classes":["a","b"]}}"#,
        "also a feature"
      ),
      (
        #"{"features":[{"name":"x","kind":"constant","value":1}],"target":{"name":"y","kind":"classes","classes":["a"]}}"#,
        "target.classes: expected at least 2"
      ),
    ])
  func damaged(text: String, message: String) throws {
    let value = try JSONReader.read(text)
    let error = dataError { () throws(DataError) in _ = try Schema(json: JSONField(value)) }
    #expect(error?.kind == .badSchema)
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
  }

  @Test("names near enough to be meant")
  func suggestions() {
    #expect(NameSuggestion.distance(Array("kitten"), Array("sitting")) == 3)
    #expect(NameSuggestion.distance(Array("ab"), Array("ba")) == 1)
    #expect(NameSuggestion.distance([], Array("abc")) == 3)
    #expect(NameSuggestion.closest(to: "Species", among: ["size", "species"]) == "species")
    #expect(NameSuggestion.closest(to: "digti", among: ["digit"]) == "digit")
    #expect(NameSuggestion.closest(to: "price", among: ["size", "colour"]) == nil)
  }
}

extension Column {
  /// The same values under another name.
  fileprivate func renamed(_ name: String) -> Column {
    switch values {
    case .numbers(let numbers): Column(name: name, numbers: numbers)
    case .texts(let texts): Column(name: name, texts: (0..<texts.count).map { texts[$0] })
    }
  }
}
