import EbbSystem
import Testing

@Suite("JSON")
struct JSONTests {
  @Test("reads every kind of value")
  func kinds() throws {
    let value = try JSONReader.read(
      #" {"a": [1, -2.5, 1e3, true, false, null, "x\n\u00e9\ud83d\ude00\/"], "b": {}, "c": []} "#)
    let expected: JSONValue = [
      "a": [1, -2.5, 1000.0, true, false, nil, "x\né😀/"], "b": [:], "c": [],
    ]
    #expect(value == expected)
  }

  @Test("keeps whole numbers exact and apart from others")
  func numbers() throws {
    #expect(try JSONReader.read("9223372036854775807") == .integer(.max))
    #expect(try JSONReader.read("-9223372036854775808") == .integer(.min))
    #expect(try JSONReader.read("9223372036854775808") == .number(9223372036854775808))
    #expect(try JSONReader.read("1e3") == .number(1000))
    #expect(try JSONReader.read("5.0") == .number(5))
    #expect(try JSONReader.read("0") == .integer(0))
  }

  @Test(
    "refuses what is not strict JSON",
    arguments: [
      ("", 1, 1), ("  ", 1, 3), ("{\"a\":1,}", 1, 8), ("[1,]", 1, 4), ("[1 2]", 1, 4),
      ("{\"a\":1,\n \"a\":2}", 2, 2), ("// x\n1", 1, 1), ("01", 1, 1), ("-01", 1, 2), ("1.", 1, 3),
      ("+1", 1, 1), (".5", 1, 1), ("1e", 1, 3), ("-", 1, 2), ("NaN", 1, 1), ("Infinity", 1, 1),
      ("nul", 1, 1), ("'a'", 1, 1), ("\"\\x\"", 1, 2), ("\"\\ud800\"", 1, 2),
      ("\"\\udc00\"", 1, 2), ("\"\\ud800\\ud800\"", 1, 2), ("\"\\u12g4\"", 1, 2),
      ("\"\\u+123\"", 1, 2), ("\"a\tb\"", 1, 3), ("\"abc", 1, 1), ("{\"a\" 1}", 1, 6),
      ("{a:1}", 1, 2), ("[1", 1, 3), ("{", 1, 2), ("1 2", 1, 3), ("1e400", 1, 1),
      ("\u{FEFF}1", 1, 1),
      ("[\"é\", x]", 1, 7), ("\"\\", 1, 2), ("{\"a\":1", 1, 7), ("\u{0}", 1, 1), ("[,]", 1, 2),
    ])
  func refused(text: String, line: Int, column: Int) {
    let error = #expect(throws: JSONError.self) { try JSONReader.read(text) }
    #expect(
      error?.place == .position(line: line, column: column), "\(text): \(String(describing: error))"
    )
  }

  @Test("refuses bytes that are not UTF-8")
  func notUTF8() {
    let samples: [[UInt8]] = [
      [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
      [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], [0x22, 0xE2, 0x82],
    ]
    for bytes in samples {
      #expect(throws: JSONError.self) { try JSONReader.read(bytes) }
    }
  }

  @Test("nesting is limited, not the stack")
  func depth() throws {
    let deep = String(repeating: "[", count: 128) + String(repeating: "]", count: 128)
    _ = try JSONReader.read(deep)
    #expect(throws: JSONError.self) { try JSONReader.read("[" + deep + "]") }
    #expect(throws: JSONError.self) {
      try JSONReader.read(String(repeating: "[", count: 100_000))
    }
    #expect(throws: JSONError.self) {
      try JSONReader.read(String(repeating: "{\"a\":", count: 100_000))
    }
  }

  @Test("writes and reads back the same")
  func roundTrip() throws {
    let value: JSONValue = [
      "text": "quote \" backslash \\ \u{1}\u{7f}\u{2028}é😀\r\n\t",
      "numbers": [0.1, -0.0, 5.0, 1e300, 1e-300],
      "nested": ["z": [1, [2, nil]], "a": [:]], "": true,
    ]
    for layout in [JSONWriter.Layout.compact, .pretty] {
      #expect(try JSONReader.read(JSONWriter.text(value, layout: layout)) == value)
    }
    var random = SystemRandomNumberGenerator.seeded(4)
    for _ in 0..<10_000 {
      let number = Double(bitPattern: random.next())
      guard number.isFinite else { continue }
      #expect(try JSONReader.read(JSONWriter.text(.number(number))) == .number(number))
    }
  }

  @Test("layouts and key orders")
  func layouts() {
    let value: JSONValue = ["b": 1, "a": [1, 2], "c": [["x": nil]], "d": [:]]
    #expect(JSONWriter.text(value) == #"{"b":1,"a":[1,2],"c":[{"x":null}],"d":{}}"#)
    #expect(
      JSONWriter.text(value, keys: .sorted) == #"{"a":[1,2],"b":1,"c":[{"x":null}],"d":{}}"#)
    let pretty = """
      {
        "b": 1,
        "a": [1, 2],
        "c": [
          {
            "x": null
          }
        ],
        "d": {}
      }

      """
    #expect(JSONWriter.text(value, layout: .pretty) == pretty)
    #expect(JSONWriter.text([.number(.nan), .number(.infinity)]) == "[null,null]")
  }

  @Test("fields name the path in their errors")
  func fields() throws {
    let root = JSONField(
      try JSONReader.read(#"{"layers":[{"units":3},{"units":2.0},{"units":"x","odd":1}],"a.b":1}"#))
    let layers = try root.member("layers").elements()
    #expect(try layers[0].member("units").integer() == 3)
    #expect(try layers[0].member("units").number() == 3)
    #expect(try layers[0].optionalMember("none") == nil)
    func message(_ body: () throws(JSONError) -> Void) -> String {
      do throws(JSONError) {
        try body()
        return "no error"
      } catch {
        return error.description
      }
    }
    #expect(
      message { () throws(JSONError) in _ = try layers[2].member("units").integer() }
        == #"layers[2].units: expected an integer, got "x""#)
    #expect(
      message { () throws(JSONError) in _ = try layers[1].member("units").integer() }
        == "layers[1].units: expected an integer, got 2.0")
    #expect(
      message { () throws(JSONError) in _ = try root.member("a.b").string() }
        == #"["a.b"]: expected a text, got 1"#)
    #expect(
      message { () throws(JSONError) in _ = try root.member("gone") }
        == #"the member "gone" is missing"#)
    #expect(
      message { () throws(JSONError) in try layers[2].allowOnly(["units"]) }
        == #"layers[2]: unknown member "odd"; known are "units""#)
    #expect(
      message { () throws(JSONError) in
        _ = try layers[0].member("units").integer(in: 4...9)
      } == "layers[0].units: expected an integer from 4 to 9, got 3")
    #expect(
      message { () throws(JSONError) in
        _ = try layers[2].member("units").choice(of: ["y": 1, "z": 2])
      } == #"layers[2].units: expected one of "y", "z", got "x""#)
  }

  @Test("objects keep their order and each key once")
  func objects() {
    var object: JSONObject = ["b": 1, "a": 2]
    object["b"] = 3
    object["c"] = 4
    object["a"] = nil
    #expect(object.keys == ["b", "c"])
    #expect(object["b"] == 3)
    #expect(object["a"] == nil)
    #expect(object["c"] == 4)
  }
}
