import Ebb
import EbbGraph
import EbbSystem
import Testing

@Suite struct SafetensorsTests {
  /// A header with one array `a`.
  private func one(_ type: String, _ shape: String, _ offsets: String) -> String {
    #"{"a":{"dtype":"\#(type)","shape":\#(shape),"data_offsets":\#(offsets)}}"#
  }

  private func two(_ first: String, _ second: String) -> String {
    #"{"a":{"dtype":"U8","shape":[4],"data_offsets":\#(first)},"#
      + #""b":{"dtype":"U8","shape":[4],"data_offsets":\#(second)}}"#
  }

  @Test func roundTripsKeepEveryBit() throws {
    let special: [Float] = [
      0, -0.0, .infinity, -.infinity, .leastNonzeroMagnitude, Float(bitPattern: 0x7FC0_1234),
      Float(bitPattern: 0xFF80_0001), Float(bitPattern: 0x7FBF_FFFF), .greatestFiniteMagnitude,
    ]
    let arrays: [(name: String, values: NDArray<Float>)] = [
      ("matrix", NDArray(special + [1, 2, 3], shape: [3, 4])),
      ("scalar", NDArray(scalar: -2.5)),
      ("none", NDArray([], shape: [0])),
      ("none of three", NDArray([], shape: [3, 0, 2])),
      ("../../etc/passwd \"é\"\n", NDArray([7])),
      ("large", NDArray((0..<100_000).map { Float($0) }, shape: [10, 10_000])),
    ]
    let metadata = ["b": "1", "a": "é \u{1F600} \"\\\n\u{7}"]
    let bytes = try SafetensorsWriter(arrays).bytes(metadata: metadata)
    let file = try Safetensors(bytes: bytes)
    #expect(file.metadata == metadata)
    #expect(file.entries.map(\.name) == arrays.map(\.name))
    for array in arrays { #expect(try file.floats(array.name).bits == array.values.bits) }
    #expect(try SafetensorsWriter(arrays).bytes(metadata: metadata) == bytes)
  }

  @Test func bytesAreThese() throws {
    let bytes = try SafetensorsWriter([("a", NDArray([1, -2], shape: [1, 2]))])
      .bytes(metadata: ["z": "1", "y": "2"])
    let header =
      #"{"__metadata__":{"y":"2","z":"1"},"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}"#
    let padding = String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
    #expect(
      bytes == rawFile(Array((header + padding).utf8), payload: [0, 0, 128, 63, 0, 0, 0, 192]))
    #expect(try SafetensorsWriter([]).bytes(metadata: [:]) == rawFile("{}      "))
  }

  @Test func namesMustDiffer() {
    let array = NDArray<Float>([1])
    #expect(
      fileError { () throws(ModelFileError) in
        _ = try SafetensorsWriter([("a", array), ("a", array)])
      }?.message == "two arrays are named \"a\"")
    #expect(
      fileError { () throws(ModelFileError) in
        _ = try SafetensorsWriter([("__metadata__", array)])
      }?.kind == .badContent)
  }

  @Test func readsWhatIsAllowed() throws {
    // Other tools may write the header's members in any order.
    let unordered = try Safetensors(bytes: rawFile(two("[4,8]", "[0,4]"), payload: 8))
    #expect(unordered.entries.map(\.name) == ["b", "a"])
    let mixed = try Safetensors(
      bytes: rawFile(
        #"{"z":{"dtype":"F32","shape":[0],"data_offsets":[4,4]},"#
          + #""s":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"#
          + #""y":{"dtype":"I8","shape":[5,0],"data_offsets":[0,0]}}   "#, payload: 4))
    #expect(mixed.entries.map(\.name) == ["y", "s", "z"])
    #expect(try mixed.floats("s") == NDArray(scalar: 0))
    #expect(try mixed.floats("z").shape == [0])
    #expect(try Safetensors(bytes: rawFile("{}")).entries.isEmpty)
    for type in Safetensors.ElementType.allCases {
      let header = one(type.rawValue, "[3]", "[0,\(3 * type.size)]")
      let file = try Safetensors(bytes: rawFile(header, payload: 3 * type.size))
      #expect(file["a"]?.type == type)
      let error = fileError { () throws(ModelFileError) in _ = try file.floats("a") }
      #expect(
        error?.message == (type == .float32 ? nil : "\"a\" is \(type.rawValue), expected F32"))
    }
  }

  @Test func refusesHardCases() {
    let nested = String(repeating: "[", count: 100_000)
    let cases: [(bytes: [UInt8], message: String)] = [
      ([], "the file is empty"),
      ([1, 2, 3, 4, 5, 6, 7], "only 7 bytes"),
      (rawFile("{}", length: 3), "should have 3 bytes, but only 2 bytes follow"),
      (rawFile("{}", length: 1 << 63), "would have 9223372036854775808 bytes"),
      (rawFile("{}", length: .max), "would have 18446744073709551615 bytes"),
      (rawFile("{}", length: 100_000_001), "would have 100000001 bytes, the most is 100000000"),
      (rawFile("{}", length: 100_000_000), "only 2 bytes follow"),
      (rawFile("", payload: 4), "must begin with {"),
      (rawFile("[]"), "must begin with {"),
      (rawFile(" {}"), "must begin with {"),
      (rawFile([0x7B, 0x22, 0xFF, 0x22, 0x7D], payload: []), "not valid UTF-8"),
      (rawFile("{a}"), "expected a key in quotes"),
      (rawFile("{} {}"), "unexpected text after the end"),
      (rawFile(#"{"a":"# + nested), "nested deeper than 3 levels"),
      (rawFile(#"{"a":{"b":[[]]}}"#), "nested deeper than 3 levels"),
      (rawFile(#"{"a":1}"#), "a: expected an object, got 1"),
      (
        rawFile(#"{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{}}"#),
        "the key \"a\" appears twice"
      ),
      (rawFile(#"{"__metadata__":{"a":1}}"#), "__metadata__.a: expected a text, got 1"),
      (rawFile(#"{"__metadata__":[]}"#), "__metadata__: expected an object"),
      (rawFile(#"{"__metadata__":{"a":"1","a":"2"}}"#), "the key \"a\" appears twice"),
      (rawFile(two("[0,4]", "[2,6]"), payload: 6), "\"b\" overlaps the array before it"),
      (rawFile(two("[0,4]", "[0,4]"), payload: 4), "\"b\" overlaps the array before it"),
      (rawFile(two("[0,4]", "[5,9]"), payload: 9), "1 unused bytes before \"b\""),
      (rawFile(two("[1,5]", "[5,9]"), payload: 9), "1 unused bytes before \"a\""),
      (rawFile(two("[0,4]", "[8,4]"), payload: 8), "the end 4 is before 8"),
      (rawFile(two("[0,4]", "[4,8]"), payload: 9), "1 bytes at the end of the file"),
      (rawFile(two("[0,4]", "[4,8]"), payload: 7), "only 7 bytes follow the header"),
      (rawFile("{}", payload: 3), "3 bytes at the end of the file belong to no array"),
      (rawFile(one("F32", "[2]", "[0,4]"), payload: 4), "which needs 8"),
      (rawFile(one("F32", "[]", "[0,8]"), payload: 8), "which needs 4"),
      (rawFile(one("F32", "[0]", "[0,4]"), payload: 4), "which needs 0"),
      (rawFile(one("F32", "[4611686018427387904,4]", "[0,0]")), "more elements than fit"),
      (rawFile(one("U8", "[4294967296,4294967296]", "[0,0]")), "more elements than fit"),
      (rawFile(one("U8", "[0,4611686018427387904,4]", "[0,0]")), "more elements than fit"),
      (rawFile(one("U8", "[9223372036854775807]", "[0,0]")), "which needs 9223372036854775807"),
      (rawFile(one("U8", "[9223372036854775808]", "[0,0]")), "expected an integer"),
      (rawFile(one("U8", "[-1]", "[0,0]")), "expected an integer from 0"),
      (rawFile(one("U8", "[1.5]", "[0,1]"), payload: 1), "expected an integer, got 1.5"),
      (rawFile(one("U8", "[1.0]", "[0,1]"), payload: 1), "expected an integer, got 1.0"),
      (rawFile(one("U8", "[1e3]", "[0,1000]"), payload: 1000), "expected an integer, got 1000"),
      (rawFile(one("U8", "[\"1\"]", "[0,1]"), payload: 1), "expected an integer, got \"1\""),
      (rawFile(one("U8", "1", "[0,1]"), payload: 1), "shape: expected an array"),
      (rawFile(one("U8", "[1]", "[0]"), payload: 1), "expected two numbers"),
      (rawFile(one("U8", "[1]", "[0,1,1]"), payload: 1), "expected two numbers"),
      (rawFile(one("U8", "[1]", "[-1,0]"), payload: 1), "expected an integer from 0"),
      (rawFile(one("U8", "[1]", "[0,1e0]"), payload: 1), "expected an integer"),
      (
        rawFile(one("U8", "[1]", "[9223372036854775806,9223372036854775807]"), payload: 1),
        "only 1 bytes follow the header"
      ),
      (rawFile(one("F33", "[1]", "[0,4]"), payload: 4), "unknown type \"F33\"; known are F64"),
      (rawFile(one("f32", "[1]", "[0,4]"), payload: 4), "unknown type \"f32\""),
      (rawFile(#"{"a":{"dtype":"U8","shape":[0]}}"#), "\"data_offsets\" is missing"),
      (
        rawFile(#"{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"x":1}}"#),
        "unknown member \"x\""
      ),
    ]
    for (index, (bytes, message)) in cases.enumerated() {
      let error = fileError { () throws(ModelFileError) in _ = try Safetensors(bytes: bytes) }
      #expect(
        error?.description.contains(message) == true,
        "case \(index): expected \"\(message)\", got \(error?.description ?? "no error")")
      #expect(error?.kind == .damaged || error?.kind == .foreignFormat)
    }
  }

  @Test func largeArraysAreRefusedWhereTheyDoNotFit() throws {
    // 2^32 elements of no byte each do not exist; a shape with a zero holds none.
    let file = try Safetensors(bytes: rawFile(one("F32", "[4294967296,0]", "[0,0]")))
    #expect(try file.floats("a").count == 0)
    let error = fileError { () throws(ModelFileError) in _ = try file.floats("b") }
    #expect(error?.message == "there is no array \"b\"")
  }

  @Test func foreignFormatsAreNamed() {
    let cases: [(start: [UInt8], message: String)] = [
      ([0x80, 0x02, 0x8A, 0x0A], "pickles are not read, because reading one runs code"),
      ([0x80, 0x04, 0x95], "this is a Python pickle"),
      ([0x50, 0x4B, 0x03, 0x04], "this is a zip archive, as PyTorch"),
      ([0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A], "this is an HDF5 file"),
      ([0x08, 0x07, 0x12, 0x07], "ONNX"),
      ([0x93] + Array("NUMPY".utf8), "NumPy"), (Array("GGUF".utf8), "GGUF"),
      ([0x1F, 0x8B, 0x08], "compressed with gzip"),
    ]
    for (start, message) in cases {
      for count in [start.count, 8, 9, 2_000_000] where count >= 8 {
        let bytes = start + [UInt8](repeating: 0, count: max(0, count - start.count))
        let error = fileError { () throws(ModelFileError) in _ = try Safetensors(bytes: bytes) }
        #expect(error?.kind == .foreignFormat)
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "no error")")
      }
    }
    // A header of 640 bytes begins as a pickle does.
    let header = "{}" + String(repeating: " ", count: 638)
    #expect(rawFile(header).starts(with: [0x80, 0x02]))
    let error = fileError { () throws(ModelFileError) in
      _ = try Safetensors(bytes: rawFile(header))
    }
    #expect(error == nil)
  }
}
