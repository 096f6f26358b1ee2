import Ebb
import EbbSystem
import Testing

/// Once there is a schema, what a field means depends on its own text and the schema alone.
@Suite("The schema governs reading")
struct SchemaReadingTests {
  /// SplitMix64: the same cases in every run.
  private struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var mixed = state
      mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
      return mixed ^ (mixed >> 31)
    }
  }

  private static let texts = [
    "1", "1.0", "1.10", "1.1", "01", "007", "1e3", "1000", "none", "None", "NA", "n/a", "nan", "-",
    "+5", "5", "5.", ".5", "0.5", "inf", "?", "", "2024-01-05", "05/01/2024", "1,5", "1.1-rc1",
    "9007199254740993", "9007199254740992", "1e400", "\"1.0\"", "\"NA\"", "-0", "0", "é", " 7 ",
  ]
  private static let numbers = [
    "1", "1.0", "1.10", "1e3", "+5", "5.", ".5", "-0", "0", "", "NA", "none", "-", "inf", "-inf",
    "nan", "9007199254740993", "1e-300", "\"2.50\"", "?", "0.1", "123456789012", "-7",
  ]

  /// Records of a random table: columns of texts and of numbers, and labels that may be either.
  private static func records(_ random: inout Generator, rows: Int) -> [[String]] {
    let labels = [["1.0", "1", "01"], ["007", "7", "8"], ["1.1", "1.10", "2"]][
      Int.random(in: 0..<3, using: &random)]
    var pools: [[String]] = []
    for column in 0..<5 {
      let all = column < 3 ? texts : numbers
      pools.append(
        (0..<Int.random(in: 2...8, using: &random)).map { _ in
          all[Int.random(in: 0..<all.count, using: &random)]
        })
    }
    return (0..<rows).map { row in
      pools.enumerated().map { column, pool in
        // What makes a column text, or numbers with a spread, stands in a few rows of the file.
        if row < 3 { return column < 3 ? "text \(row)" : "\(row)" }
        let field = pool[Int.random(in: 0..<pool.count, using: &random)]
        return field.contains(",") ? "\"\(field)\"" : field
      } + [labels[row % 3]]
    }
  }

  private static func csv(_ records: [[String]]) -> String {
    (["a,b,c,x,z,y"] + records.map { $0.joined(separator: ",") }).joined(separator: "\n") + "\n"
  }

  @Test("a row's numbers and prediction are the same in any company", arguments: 0..<40)
  func company(seed: Int) throws {
    var random = Generator(state: UInt64(seed))
    let records = Self.records(&random, rows: 45)
    let table = try Table(csvText: Self.csv(records), source: "t.csv")
    let data = try table.prepared(
      target: "y", task: .classification, split: Split("60/20/20", seed: UInt64(seed)))
    let schema = data.schema
    #expect(schema.features.map { $0.names[0].contains("=") } == [true, true, true, false, false])
    let network = Network { Dense(data.classes.count) }
    let model = try Trainer(
      network, loss: .softmaxCrossEntropy, optimizer: .sgd(), on: data, seed: 1
    ).model
    let predictor = try model.predictor()

    /// The features, labels and outputs of some rows, in a table that only they are in.
    func alone(_ rows: [Int], inferring: Bool) throws -> [[UInt32]] {
      let bytes = Array(Self.csv(rows.map { records[$0] }).utf8)
      // A table whose types were found from these rows, or one that was read by the schema.
      let table =
        try inferring
        ? Table(csvBytes: bytes) : Table(csvBytes: bytes, schema: schema, target: .required)
      let found = try schema.encode(table, target: .required).dataset
      let values = try predictor.predict(found).values
      guard case .classes(let labels, let count) = found.targets else { return [] }
      return rows.indices.map { place in
        found.features(ofRow: place).map(\.bitPattern) + [UInt32(labels[place])]
          + values[place * count..<(place + 1) * count].map(\.bitPattern)
      }
    }

    let all = try alone(Array(records.indices), inferring: true)
    #expect(try alone(Array(records.indices), inferring: false) == all)
    for (row, record) in records.enumerated() {
      #expect(try alone([row], inferring: false) == [all[row]], "\(record)")
      // Numbers too large for a Double cannot be told from texts without a schema.
      if !record.contains("1e400") {
        #expect(try alone([row], inferring: true) == [all[row]], "\(record)")
      }
    }
    for _ in 0..<6 {
      let rows = Array(
        records.indices.shuffled(using: &random).prefix(Int.random(in: 2...20, using: &random)))
      #expect(try alone(rows, inferring: false) == rows.map { all[$0] })
    }
    // Labels are as they stand in the file.
    #expect(Set(data.classes) == Set(records.map { $0[5] }))
    for (part, rows) in [(data.training, data.split.training), (data.test, data.split.test)] {
      for (place, row) in rows.enumerated() {
        let features = part.features(ofRow: place).map(\.bitPattern)
        #expect(features == Array(all[row].prefix(features.count)))
      }
    }
  }

  @Test("tables of their own are read as the training file was")
  func ownTables() throws {
    var text = "v,y\n"
    for row in 0..<60 { text += "\(["1.10", "1.1", "1.1-rc1"][row % 3]),\(["x", "w"][row % 2])\n" }
    let own = try Table(csvText: "v,y\n1.10,x\n1.1,w\n", source: "own.csv")
    let data = try Table(csvText: text).prepared(target: "y", validation: own, test: own)
    #expect(data.schema.featureNames == ["v=1.1", "v=1.1-rc1", "v=1.10"])
    #expect(data.test.features == [0, 0, 1, 1, 0, 0])
    #expect(data.validation.features == data.test.features)
    // That the training file's column is taken as text, and no more.
    #expect(data.notes.count == 1)
  }

  private func schema(_ text: String, target: String = "y") throws -> Schema {
    try Table(csvText: text).prepared(
      target: target, task: .classification, split: Split("100/0/0")
    ).schema
  }

  @Test("a text among numbers is named with its place, whatever the others are")
  func noNumber() throws {
    let schema = try schema("x,c,y\n1,a,p\n2,b,q\n3,a,p\n")
    for (field, advice) in [
      ("big", "correct the value"), ("007", "without zeros in front"), ("\"1,5\"", "with a point"),
      ("2024-01-05", "correct the value"),
    ] {
      for rest in ["", "4,a\n", "word,a\n"] {
        let text = "c,x\na,1\nb,\(field)\n" + rest.split(separator: ",").reversed().joined()
        for isInferred in [true, false] where rest.isEmpty {
          let error = dataError { () throws(DataError) in
            let table =
              try isInferred
              ? Table(csvText: text, source: "new.csv")
              : Table(csvBytes: Array(text.utf8), source: "new.csv", schema: schema)
            _ = try schema.encode(table, target: .ignored)
          }
          #expect(error?.kind == .wrongColumnType && error?.line == 3 && error?.column ?? 0 >= 3)
          #expect(error?.advice.contains(advice) == true, "\(error?.description ?? "")")
        }
      }
    }
    let large = dataError { () throws(DataError) in
      _ = try Table(csvBytes: Array("c,x\na,1e400\n".utf8), schema: schema)
    }
    #expect(large?.kind == .numberOutOfRange && large?.line == 2 && large?.column == 3)
  }

  @Test("what the schema does not need is not looked at: index columns, numbers too large, targets")
  func others() throws {
    let schema = try schema("x,c,y\n1,a,p\n2,b,q\n3,a,p\n")
    let text = ",x,other,c,y\n40,1,1e400,1e400,?\n47,2,,NA,unknown\n"
    let table = try Table(csvBytes: Array(text.utf8), schema: schema)
    let found = try schema.encode(table, target: .ignored)
    #expect(found.dataset.features.suffix(3) == [0, 0, 0] || found.dataset.rowCount == 2)
    #expect(found.notes.count == 2)
    #expect(found.notes[0].contains("such as \"1e400\" in line 2"))
    #expect(found.notes[1].contains("1 missing text is of no category (the word \"NA\" counts"))
    // Asked for more than was read, the table reads it from its text.
    let error = dataError { () throws(DataError) in
      _ = try schema.encode(table, target: .required)
    }
    #expect(error?.kind == .missingValues && error?.line == 2)
  }

  @Test("the delimiter is the one that gives the schema's columns, whatever the rows look like")
  func delimiter() throws {
    let schema = try schema("x;c;y\n1;a,b;p\n2;b;q\n3;a,b;p\n")
    let both = "x;c;n,m,o,p\n1;a,b;k,1,2\n"
    #expect(try Table(csvText: both).columnNames.count == 4)
    let found = try schema.encode(
      Table(csvBytes: Array(both.utf8), schema: schema), target: .ignored)
    #expect(found.dataset.features.suffix(2) == [1, 0])
  }

  @Test("a table made in a program: numbers as texts, texts as numbers")
  func madeInAProgram() throws {
    let schema = try schema("x,c,y\n1,7,p\n2,0.5,q\n3,b,p\n")
    #expect(schema.featureNames == ["x", "c=0.5", "c=7", "c=b"])
    let numbers = try Table(columns: [
      Column(name: "x", texts: ["2", "NA", nil]), Column(name: "c", numbers: [7, .nan, 0.5]),
    ])
    let features = try schema.encode(numbers, target: .ignored).dataset.features
    #expect(features == [0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0])
    let wrong = try Table(columns: [
      Column(name: "x", texts: ["2", "two"]), Column(name: "c", numbers: [7, 7]),
    ])
    let error = dataError { () throws(DataError) in
      _ = try schema.encode(wrong, target: .ignored)
    }
    #expect(error?.kind == .wrongColumnType && error?.line == 2)
  }

  @Test("classes are what stands in the file, and two spellings of one number are noted")
  func classes() throws {
    func data(_ labels: [String], task: PredictionTask? = nil) throws -> PreparedData {
      let rows = (0..<60).map { "\($0 % 7),\(labels[$0 % labels.count])" }
      return try Table(csvText: "x,y\n" + rows.joined(separator: "\n") + "\n")
        .prepared(target: "y", task: task)
    }
    #expect(try data(["1.0", "2.0"]).classes == ["1.0", "2.0"])
    #expect(try data(["1e3", "+5"]).classes == ["+5", "1e3"])
    #expect(try data(["007", "08"], task: .classification).classes == ["007", "08"])
    #expect(try data(["1.10", "1.2"], task: .classification).classes == ["1.10", "1.2"])
    let large = try data(["9007199254740993", "9007199254740992"])
    #expect(large.classes == ["9007199254740992", "9007199254740993"] && large.notes.isEmpty)
    // More than a Double tells apart, and too many to be classes.
    #expect(try data((0..<60).map { "90071992547409\($0 + 900)" }).task == .regression)
    let two = try data(["1", "1.0", "2"])
    #expect(two.classes == ["1", "1.0", "2"])
    #expect(
      two.notes == [
        "the target \"y\" has the classes \"1\" and \"1.0\", which are one number in different "
          + "spellings; classes are what stands in the file, so write them alike if they are meant "
          + "as one"
      ])
  }

  @Test(
    "labels: byte for byte; a whole number with a sign or a fraction of zeros is noted",
    arguments: [
      ("1", 0, false), ("2", 1, false), ("1.0", 0, true), ("+2", 1, true), ("2.", 1, true),
      ("02", nil, false), ("1e0", nil, false), ("1.10", nil, false), ("3", nil, false),
    ] as [(String, Int32?, Bool)])
  func labels(label: String, expected: Int32?, isNoted: Bool) throws {
    let schema = try schema("x,y\n1,1\n2,2\n3,1\n")
    for rest in ["", "1,1\n", "1,1\n2,1.0\n"] {
      let table = try Table(csvText: "x,y\n5,\(label)\n" + rest, source: "new.csv")
      guard let expected else {
        let error = dataError { () throws(DataError) in
          _ = try schema.encode(table, target: .required)
        }
        #expect(error?.kind == .unknownClass && error?.line == 2)
        #expect(error?.message.contains("\"\(label)\"") == true)
        continue
      }
      let found = try schema.encode(table, target: .required)
      guard case .classes(let labels, _) = found.dataset.targets else { return }
      #expect(labels[0] == expected)
      if rest.isEmpty { #expect(found.notes.count == (isNoted ? 1 : 0)) }
      if isNoted { #expect(found.notes[0].contains("\"\(label)\" in line 2, which counts as")) }
    }
  }

  @Test("a schema of an older version is read: without ranges, with the classes it named")
  func older() throws {
    let text =
      #"{"features":[{"name":"x","kind":"number","mean":2,"scale":1},{"name":"k","kind":"constant","value":3}],"#
      + #""target":{"name":"y","kind":"classes","classes":["1","2"]}}"#
    let schema = try Schema(json: JSONField(try JSONReader.read(text)))
    #expect(schema.features.map(\.range) == [nil, 3...3])
    let found = try schema.encode(
      Table(csvText: "x,k,y\n1e9,3,1.0\n2,3,2.0\n"), target: .required)
    #expect(found.dataset.targets == .classes([0, 1], count: 2))
    #expect(found.notes.count == 1 && found.notes[0].contains("\"1.0\" in line 2"))
  }

  @Test("texts that look alike and differ in their bytes are different")
  func lookAlikes() throws {
    let letters = ["\u{e9}", "e\u{301}"]
    let rows = (0..<40).map { "\(letters[$0 % 2]),\(letters[$0 / 2 % 2])" }
    let table = try Table(csvText: "c,y\n" + rows.joined(separator: "\n") + "\n")
    let data = try table.prepared(target: "y", split: Split("100/0/0"))
    #expect(data.notes.count == 2 && data.notes.allSatisfy { $0.contains("look alike") })
    // By their bytes: 65 CC 81 before C3 A9.
    #expect(data.classes.map { Array($0.utf8) } == [letters[1], letters[0]].map { Array($0.utf8) })
    guard case .oneHot(let categories) = data.schema.features[0].encoding else {
      Issue.record("no categories")
      return
    }
    #expect(categories.count == 2)
    let read = try Schema(json: JSONField(data.schema.json))
    #expect(read == data.schema)
    let encoded = try data.schema.encode(table, target: .required).dataset
    guard case .classes(let labels, _) = encoded.targets else {
      Issue.record("no classes")
      return
    }
    #expect(Set(labels).count == 2)
    #expect(encoded.features(ofRow: 0) != encoded.features(ofRow: 1))
  }

  @Test(
    "a column of one number is noted as it stands in the file",
    arguments: [
      (["1e3", "1000"], "is 1e3 in every"), (["+5", "+5"], "is +5 in every"),
      (
        ["9007199254740993", "9007199254740992"],
        "is one number in double precision, such as 9007199254740993, in every"
      ),
    ])
  func constants(numbers: [String], says: String) throws {
    let rows = (0..<40).map { "\($0),\(numbers[$0 % 2]),\($0 % 2)" }
    let data = try Table(csvText: "x,k,y\n" + rows.joined(separator: "\n") + "\n")
      .prepared(target: "y", split: Split("100/0/0"))
    #expect(
      data.notes.count == 1 && data.notes[0].contains("column \"k\" \(says)"), "\(data.notes)")
  }
}
