import Ebb
import EbbGraph
import EbbSystem
import Testing

/// A layer as users write them.
private struct Scale: Layer {
  static let kind = "scale"
  init() {}
  init(settings: Settings) throws { _ = try settings.reader(for: Self.kind, known: []) }
  var settings: Settings { [:] }
  func callAsFunction(_ x: Tensor, in context: LayerContext) -> Tensor {
    x * context.parameter("weight", shape: [x.shape[-1]], initializer: .constant(1), role: .weight)
  }
}

@Suite struct ModelFileTests {
  let directory: FilesDirectory

  init() throws { directory = try FilesDirectory() }

  /// What reading bytes as a model throws.
  private func fault(_ bytes: [UInt8]) throws -> ModelFileError? {
    let path = try directory.put(bytes)
    let error = fileError { () throws(ModelFileError) in _ = try Model(contentsOf: path) }
    #expect(error == nil || error?.path == path)
    return error
  }

  /// The bytes of the small model's file.
  private func smallBytes() throws -> [UInt8] {
    try smallModel().write(to: directory.file("small.ebb"), ifExists: .replace)
    return try directory.bytes("small.ebb")
  }

  @Test func roundTripsKeepEveryBit() throws {
    let losses: [Loss] = [
      .squaredError, .absoluteError, .huber(delta: 0.1), .binaryCrossEntropy, .softmaxCrossEntropy,
      .smoothedCrossEntropy(smoothing: 0.30000000000000004),
    ]
    for (index, loss) in losses.enumerated() {
      // Binary cross-entropy of two classes wants one output; the small model has two.
      for schema in loss == .binaryCrossEntropy ? [nil] : [nil, smallSchema] {
        var model = try smallModel(loss: loss, schema: schema, seed: UInt64(index) << 61)
        model.record.optimizer = "é \"quoted\"\n"
        let path = directory.file("model-\(index)-\(schema == nil).ebb")
        try model.write(to: path)
        #expect(try Model(contentsOf: path).isSame(as: model))
        try model.write(to: directory.file("again.ebb"), ifExists: .replace)
        #expect(
          try directory.bytes("again.ebb") == directory.bytes("model-\(index)-\(schema == nil).ebb")
        )
      }
    }
    #expect(try directory.names.count == 12, "no temporary stays")
  }

  @Test func unusualNumbersAreKept() throws {
    let network = Network { Dense(2, hasBias: false) }
    let values = NDArray(
      [Float(bitPattern: 0x7FC0_1234), -0.0, .infinity, .leastNonzeroMagnitude], shape: [2, 2])
    let model = try Model(
      network: network, inputCount: 2, loss: .squaredError, schema: nil,
      record: .init(optimizer: "", seed: 0, batchSize: 0, epochs: 0, steps: 0),
      parameters: [.init(name: "output.weight", role: .weight, values: values)])
    try model.write(to: directory.file("a.ebb"))
    #expect(try Model(contentsOf: directory.file("a.ebb")).isSame(as: model))
  }

  @Test func weightsAreOutputsByInputsUnderTheirNames() throws {
    let file = try Safetensors(bytes: smallBytes())
    let names = ["hidden1.weight", "hidden1.bias", "output.weight", "output.bias"]
    #expect(file.entries.map(\.name) == names)
    #expect(file.entries.map(\.shape) == [[3, 3], [3], [2, 3], [2]])
    #expect(try file.floats("output.weight") == smallModel()["output.weight"])
    let text = try #require(file.metadata["ebb"])
    #expect(text.hasPrefix(#"{"contract":3,"format":2,"inputs":3,"kind":"model","loss":"soft"#))
    #expect(text.contains(#""seed":"18446744073709551615","steps":"9223372036854775809""#))
    // Neither host nor place nor time: only these members.
    #expect(
      try JSONField(JSONReader.read(text)).object().keys == [
        "contract", "format", "inputs", "kind", "loss", "network", "record", "schema",
      ])
  }

  @Test func ownLayersAreReadWhereTheyAreNamed() throws {
    let model = try smallModel(
      network: Network {
        Scale()
        Dense(2, name: "head")
      })
    let path = directory.file("own.ebb")
    try model.write(to: path)
    #expect(try Model(contentsOf: path, ownLayers: [Scale.self]).isSame(as: model))
    let error = fileError { () throws(ModelFileError) in _ = try Model(contentsOf: path) }
    #expect(error?.kind == .badDescription)
    #expect(
      error?.message.contains("network[0].kind: no layer is of the kind \"scale\"") == true,
      "\(error?.message ?? "")")
  }

  @Test func otherFilesAreNamed() throws {
    let plain = try SafetensorsWriter([("a", NDArray([1]))]).bytes(metadata: ["format": "pt"])
    let error = try fault(plain)
    #expect(error?.kind == .noDescription)
    #expect(error?.message.contains("not a model of Ebb's") == true)
    #expect(try fault([])?.kind == .foreignFormat)
    #expect(try fault([0x80, 0x02] + [UInt8](repeating: 9, count: 90))?.kind == .foreignFormat)
    let missing = fileError { () throws(ModelFileError) in
      _ = try Model(contentsOf: directory.file("none.ebb"))
    }
    #expect(missing?.kind == .unreadable)
    #expect(missing?.description.contains("none.ebb: cannot read: no such file") == true)
    let folder = fileError { () throws(ModelFileError) in _ = try Model(contentsOf: directory.path)
    }
    #expect(folder?.kind == .unreadable)
  }

  @Test func newerVersionsAreNamed() throws {
    let bytes = try smallBytes()
    // A newer format may have another checksum and other members: the version is what is reported.
    for (member, version, message) in [
      ("format", 3, "its format is version 3, this Ebb reads versions up to 2"),
      ("contract", 4, "follow version 4 of the numeric contract, this Ebb computes by version 3"),
    ] {
      let changed = try edited(bytes) { description in
        description[member] = JSONValue(version)
        description["novelty"] = true
      }
      let error = try fault(changed)
      #expect(error?.kind == .newerVersion)
      #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
      #expect(error?.advice == "install the newer Ebb to read it")
    }
  }

  @Test func changedContentIsNoticed() throws {
    var bytes = try smallBytes()
    bytes[bytes.count - 1] ^= 1
    let error = try fault(bytes)
    #expect(error?.kind == .wrongChecksum)
    #expect(error?.message.contains("the file is not what was written") == true)
    // The description is covered too: another seed is another file.
    let wanted = Array(#"\"epochs\":7"#.utf8)
    var header = try smallBytes()
    let place = try #require(
      header.indices.first { header[$0...].starts(with: wanted) }, "the record's epochs")
    header[place + wanted.count - 1] = UInt8(ascii: "8")
    #expect(try fault(header)?.kind == .wrongChecksum)
    let bare = try SafetensorsWriter([]).bytes(
      metadata: ["ebb": #"{"contract":1,"format":1,"kind":"model"}"#])
    #expect(try fault(bare)?.message.contains("\"ebb.checksum\") is missing") == true)
  }

  @Test func hostileDescriptionsAreRefused() throws {
    let bytes = try smallBytes()
    let layer: (JSONValue, JSONValue) -> JSONValue = { kind, settings in
      [["kind": kind, "settings": settings]]
    }
    let cases: [(member: String, value: JSONValue?, message: String)] = [
      ("novelty", 1, "unknown member \"novelty\""),
      ("checkpoint", [:], "unknown member \"checkpoint\""),
      ("format", 0, "format: expected an integer from 1"),
      ("format", "1", "format: expected an integer"),
      ("contract", nil, "\"contract\" is missing"),
      ("kind", "other", "kind: expected one of \"model\", \"checkpoint\""),
      ("inputs", 0, "inputs: expected an integer from 1"),
      ("inputs", -3, "inputs: expected an integer from 1"),
      ("inputs", 1e3, "inputs: expected an integer"),
      ("inputs", 4, "schema: it gives 3 numbers per row, the network takes 4"),
      ("inputs", .integer(1 << 62), "inputs: expected an integer from 1"),
      ("loss", "cubic", "loss: "), ("loss", "huber:-1", "loss: "),
      ("loss", 1, "loss: expected a text"),
      ("network", [], "there are no layers"), ("network", [:], "network: expected an array"),
      ("network", [1], "network[0]: expected an object"),
      ("network", layer("dense", ["units": 0]), "units: expected at least 1"),
      ("network", layer("dense", ["units": 1e300]), "expected a whole number"),
      ("network", layer("dense", ["units": 3, "depth": 2]), "depth: unknown setting"),
      ("network", layer("dense", ["units": .integer(1 << 53)]), "must have 1 to 2^31 - 1 elements"),
      ("network", layer("dense", ["units": .integer(1 << 62)]), "must have 1 to 2^31 - 1 elements"),
      ("network", layer("dense", ["units": .integer(.max)]), "too large to be kept exactly"),
      ("network", layer("conjure", [:]), "no layer is of the kind \"conjure\""),
      ("record", nil, "\"record\" is missing"), ("record", [:], "\"optimizer\" is missing"),
      ("schema", [:], "the data schema is damaged"), ("schema", nil, "\"schema\" is missing"),
    ]
    for (member, value, message) in cases {
      let error = try fault(try edited(bytes) { $0[member] = value })
      #expect(error?.kind == .badDescription, "\(member)")
      #expect(
        error?.message.contains(message) == true,
        "\(member): expected \"\(message)\", got \(error?.description ?? "no error")")
    }
    for seed: JSONValue in [1, "-1", "+1", "01", "18446744073709551616", "1e3", ""] {
      let error = try fault(
        try edited(bytes) { description in
          var record = try JSONField(try #require(description["record"])).object()
          record["seed"] = seed
          description["record"] = .object(record)
        })
      #expect(error?.message.contains("record.seed: expected a text") == true, "\(seed)")
    }
  }

  @Test func everyMismatchIsListed() throws {
    let bytes = try smallBytes()
    let error = try fault(
      try edited(
        bytes,
        arrays: { arrays in
          arrays[0].values = arrays[0].values.reshaped(to: [9])
          arrays.remove(at: 1)
          arrays[1].values = NDArray([1, 2, 3], shape: [3])
          arrays.append(("extra", NDArray([1, 2])))
          arrays.append(("optimizer/output.bias.m", NDArray([1, 2])))
        }))
    #expect(error?.kind == .wrongArrays)
    #expect(
      error?.message
        == "the arrays do not fit the network: hidden1.weight is [9], expected [3, 3]; "
        + "hidden1.bias [3] is missing; output.weight is [3], expected [2, 3]; "
        + "\"extra\" [2] belongs to nothing; \"optimizer/output.bias.m\" [2] belongs to nothing")
    // Another order of the same arrays is the same model.
    let path = try directory.put(try edited(bytes, arrays: { $0.reverse() }), "turned.ebb")
    #expect(try Model(contentsOf: path).isSame(as: smallModel()))
  }

  @Test func otherTypesOfNumbersAreNamed() throws {
    let text = try #require(try Safetensors(bytes: smallBytes()).metadata["ebb"])
    var hash = SHA256()
    hash.update(Array(text.utf8))
    hash.update([UInt8](repeating: 0, count: 40))
    let metadata: JSONValue = [
      "ebb": JSONValue(text), "ebb.checksum": JSONValue(SHA256.hex(hash.finalize())),
    ]
    let shapes: [(String, JSONValue, Int)] = [
      ("hidden1.weight", [3, 3], 18), ("hidden1.bias", [3], 6), ("output.weight", [2, 3], 12),
      ("output.bias", [2], 4),
    ]
    var header = JSONObject([("__metadata__", metadata)])
    var offset = 0
    for (name, shape, count) in shapes {
      header[name] = [
        "dtype": "F16", "shape": shape, "data_offsets": JSONValue([offset, offset + count]),
      ]
      offset += count
    }
    let error = try fault(
      rawFile(
        JSONWriter.bytes(.object(header)), payload: [UInt8](repeating: 0, count: offset)))
    #expect(error?.message.contains("output.bias is F16, expected F32") == true, "\(error as Any)")
  }

  @Test func filesAreReplacedOnlyWhenAsked() throws {
    let path = directory.file("model.ebb")
    let old = try smallModel(seed: 1)
    try old.write(to: path)
    let error = fileError { () throws(ModelFileError) in
      guard let other = try? smallModel(seed: 2) else { return }
      try other.write(to: path)
    }
    #expect(error?.kind == .unwritable)
    #expect(error?.description.contains("it exists already") == true)
    #expect(try Model(contentsOf: path).isSame(as: old))
    try smallModel(seed: 3).write(to: path, ifExists: .replace)
    #expect(try Model(contentsOf: path).record.seed == 3)
    #expect(try directory.names == ["model.ebb"])
  }

  @Test func failedWritesLeaveTheOldFile() throws {
    let path = directory.file("model.ebb")
    let old = try smallModel(seed: 1)
    try old.write(to: path)
    // The place of the temporary file is taken by a directory: nothing can be written.
    try Files.createNewDirectory(directory.file(".model.ebb.partial"))
    let new = try smallModel(seed: 2)
    for target in [
      path, "/dev/full", directory.path, directory.file("none/model.ebb"), path + "/model.ebb", "",
    ] {
      let error = fileError { () throws(ModelFileError) in
        try new.write(to: target, ifExists: .replace)
      }
      #expect(error?.kind == .unwritable, "\(target)")
    }
    #expect(try Model(contentsOf: path).isSame(as: old))
    #expect(try directory.names == [".model.ebb.partial", "model.ebb"])
  }

  @Test("of many arrays that belong to nothing, the first few are named")
  func manyForeignArrays() throws {
    let bytes = try edited(smallBytes()) { _ in
    } arrays: { arrays in
      arrays += (0..<20_000).map { ("foreign\($0)\u{9B}", NDArray([Float]())) }
    }
    let path = try directory.put(bytes)
    let error = fileError { () throws(ModelFileError) in _ = try Model(contentsOf: path) }
    #expect(error?.kind == .wrongArrays)
    let text = error?.description ?? ""
    #expect(text.contains("foreign0") && text.contains("19,980 more"), "\(text.prefix(3_000))")
    #expect(text.utf8.count < 3_000 && !text.contains("\u{9B}"))
  }

  @Test("names from a file are cut short in messages")
  func longNames() throws {
    let long = String(repeating: "n", count: 300_000)
    let settings: JSONValue = ["units": 2]
    let networks: [JSONValue] = [
      [["kind": JSONValue(long), "settings": settings]],
      [["kind": "dense", "name": JSONValue(long), "settings": settings]],
      [["kind": "dense", "name": JSONValue(long + "!"), "settings": settings]],
      [["kind": "dense", "settings": .object(JSONObject([(long, JSONValue(1))]))]],
      [["kind": "dense", "settings": ["units": JSONValue(long)]]],
      [["kind": "dense", "settings": ["units": 2, "activation": JSONValue(long)]]],
      [["kind": "dense", "settings": ["units": 2, "biases": JSONValue("normal:\(long):1")]]],
    ]
    for network in networks {
      let path = try directory.put(edited(smallBytes()) { $0["network"] = network })
      let error = fileError { () throws(ModelFileError) in _ = try Model(contentsOf: path) }
      let text = error?.description ?? ""
      #expect(!text.isEmpty && text.utf8.count < 2_000, "\(text.prefix(2_000))")
    }
  }
}
