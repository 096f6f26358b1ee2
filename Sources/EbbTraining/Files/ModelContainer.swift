internal import EbbGraph
internal import EbbSystem

/// What model files and checkpoint files have in common: a safetensors file that describes itself.
///
/// Two texts stand beside the arrays. `ebb` is JSON: versions, what kind of file this is, and the
/// members of that kind. `ebb.checksum` is the SHA-256, in hexadecimal digits, of the text `ebb`
/// followed by the bytes of all arrays. So a change of any bit of a number or of the description is
/// noticed; the rest of the header is compared with what the description asks for.
package struct ModelContainer {
  /// What a file holds.
  enum Kind: String {
    case model
    case checkpoint
  }

  /// The version of the format that is written; older ones are read. Version 2 tells the range of
  /// each column of numbers in the training rows.
  static let formatVersion = 2
  /// The version of the numeric contract that this Ebb computes by.
  package static let contractVersion = 3
  /// The most JSON values in a description: four for each column of numbers.
  private static let valueLimit = 5_000_000
  /// The largest file that is read, in bytes.
  static let sizeLimit = 1 << 34

  private static let descriptionName = "ebb"
  private static let checksumName = "ebb.checksum"
  private static let commonMembers = ["contract", "format", "kind"]

  let path: String
  let kind: Kind
  /// The members of the JSON text.
  let description: JSONField
  let arrays: Safetensors

  // MARK: Reading

  /// Reads a file, and checks its versions and its checksum.
  init(contentsOf path: String) throws(ModelFileError) {
    let bytes: [UInt8]
    do throws(FileError) {
      bytes = try Files.read(path, limit: Self.sizeLimit)
    } catch {
      throw ModelFileError(error, kind: .unreadable)
    }
    do throws(MemoryError) {
      try MemoryNeed("reading the model", advice: "use a machine with more memory")
        .adding("its arrays", Double(bytes.count), bytesEach: 1).check()
    } catch {
      throw ModelFileError(.unreadable, path: path, error.message)
    }
    do throws(ModelFileError) {
      try self.init(bytes: bytes, path: path)
    } catch {
      throw error.at(path)
    }
  }

  private init(bytes: [UInt8], path: String) throws(ModelFileError) {
    self.path = path
    arrays = try Safetensors(bytes: bytes)
    guard let text = arrays.metadata[Self.descriptionName] else {
      throw ModelFileError(
        .noDescription,
        "this is a safetensors file, but not a model of Ebb's: it holds arrays and no description "
          + "of a network (the metadata \"ebb\")", advice: "give a file that Ebb wrote")
    }
    let versions: (format: Int, contract: Int)
    do throws(JSONError) {
      description = JSONField(try JSONReader.read(text, valueLimit: Self.valueLimit))
      // Versions come first: a newer one may mean something else by all the rest.
      let format = try description.member("format").integer(in: 1...Int.max)
      let contract = try description.member("contract").integer(in: 1...Int.max)
      versions = (format, contract)
    } catch {
      throw Self.damaged(error)
    }
    try Self.checkVersions(format: versions.format, contract: versions.contract)
    do throws(JSONError) {
      kind = try description.member("kind").choice(
        of: [Kind.model.rawValue: .model, Kind.checkpoint.rawValue: .checkpoint])
    } catch {
      throw Self.damaged(error)
    }
    try checkChecksum(of: text)
  }

  private static func damaged(_ error: JSONError) -> ModelFileError {
    ModelFileError(.badDescription, "the description \"ebb\" is damaged: \(error)")
  }

  private static func checkVersions(format: Int, contract: Int) throws(ModelFileError) {
    guard format <= formatVersion else {
      throw ModelFileError(
        .newerVersion,
        "the file was written by a newer Ebb: its format is version \(format), this Ebb reads "
          + "versions up to \(formatVersion)", advice: "install the newer Ebb to read it")
    }
    guard contract <= contractVersion else {
      throw ModelFileError(
        .newerVersion,
        "the file was written by a newer Ebb: its numbers follow version \(contract) of the numeric "
          + "contract, this Ebb computes by version \(contractVersion)",
        advice: "install the newer Ebb to read it")
    }
  }

  private func checkChecksum(of text: String) throws(ModelFileError) {
    guard let stored = arrays.metadata[Self.checksumName] else {
      throw ModelFileError(
        .wrongChecksum, "the checksum (the metadata \"ebb.checksum\") is missing")
    }
    var hash = SHA256()
    hash.update(Array(text.utf8))
    arrays.addPayload(to: &hash)
    let found = SHA256.hex(hash.finalize())
    guard found == stored else {
      throw ModelFileError(
        .wrongChecksum,
        "the checksum is \(found), expected \(stored.quotedForMessage): the file is not what was "
          + "written", advice: "copy it again, or use an older copy")
    }
  }

  /// Reads the description with errors that name the file.
  ///
  /// - Parameters:
  ///   - members: the members that may occur beside those of every file.
  ///   - body: reads them; its errors of any type become `badDescription`.
  func read<Result>(
    _ members: [String], _ body: (JSONField) throws -> Result
  ) throws(ModelFileError) -> Result {
    do {
      try description.allowOnly((members + Self.commonMembers).sorted())
      return try body(description)
    } catch let error as ModelFileError {
      throw error.at(path)
    } catch {
      throw ModelFileError(
        .badDescription, path: path, "the description \"ebb\" cannot be used: \(error)",
        advice: error is JSONError ? "" : "make the model anew")
    }
  }

  /// Throws, naming every mismatch, unless the arrays are those expected, as 32-bit numbers.
  ///
  /// - Parameter isIgnored: names of arrays that may be there beside them.
  func check(
    _ expected: [(name: String, shape: Shape)], isIgnored: (String) -> Bool = { _ in false }
  ) throws(ModelFileError) {
    var faults: [String] = []
    for (expectedName, shape) in expected {
      let name = MessageText.name(expectedName)
      switch arrays[expectedName] {
      case nil: faults.append("\(name) \(shape) is missing")
      case let entry? where entry.shape != shape:
        faults.append("\(name) is \(entry.shape), expected \(shape)")
      case let entry? where entry.type != .float32:
        faults.append("\(name) is \(entry.type.rawValue), expected F32")
      case _?: break
      }
    }
    let names = Set(expected.map(\.name))
    for entry in arrays.entries where !names.contains(entry.name) && !isIgnored(entry.name) {
      faults.append("\(entry.name.quotedForMessage) \(entry.shape) belongs to nothing")
    }
    guard faults.isEmpty else {
      throw ModelFileError(
        .wrongArrays, path: path,
        "the arrays do not fit the network: " + MessageText.list(faults, separator: "; "))
    }
  }

  // MARK: Writing

  /// Writes a file so that it is whole or absent.
  ///
  /// - Parameter members: the description's members beside those of every file.
  static func write(
    _ kind: Kind, _ members: JSONObject, arrays: [(name: String, values: NDArray<Float>)],
    to path: String, ifExists: Files.IfExists
  ) throws(ModelFileError) {
    var description = members
    description["contract"] = JSONValue(contractVersion)
    description["format"] = JSONValue(formatVersion)
    description["kind"] = JSONValue(kind.rawValue)
    do throws(JSONError) {
      try checkFinite(JSONField(.object(description)))
    } catch {
      throw ModelFileError(.badContent, path: path, "\(error)")
    }
    do throws(ModelFileError) {
      let text = JSONWriter.text(.object(description), keys: .sorted)
      let writer = try SafetensorsWriter(arrays)
      var hash = SHA256()
      hash.update(Array(text.utf8))
      writer.addPayload(to: &hash)
      let metadata = [descriptionName: text, checksumName: SHA256.hex(hash.finalize())]
      try writer.write(to: path, metadata: metadata, ifExists: ifExists)
    } catch {
      throw error.at(path)
    }
  }

  /// JSON has no infinities; leaving them out would lose them silently.
  private static func checkFinite(_ field: JSONField) throws(JSONError) {
    switch field.value {
    case .number(let number) where !number.isFinite:
      throw field.error("\(number) cannot be written, only finite numbers can")
    case .array: for element in try field.elements() { try checkFinite(element) }
    case .object: for (_, member) in try field.members() { try checkFinite(member) }
    case .null, .bool, .integer, .number, .string: break
    }
  }
}
