internal import EbbGraph
internal import EbbSystem

/// The header of a safetensors file, and whether it describes exactly the bytes that follow it.
struct SafetensorsHeader {
  /// The arrays in the order of their bytes.
  let entries: [Safetensors.Entry]
  /// Texts by name.
  let metadata: [String: String]
  /// Where the arrays' bytes begin in the file.
  let payloadStart: Int

  /// The most axes of an array, as in NPY files.
  private static let axisLimit = 32

  /// Reads and checks the header of a file.
  init(of bytes: [UInt8]) throws(ModelFileError) {
    guard bytes.count >= 8 else {
      throw ModelFileError(
        .foreignFormat,
        bytes.isEmpty
          ? "the file is empty"
          : "the file has only \(NumberFormat.counted(bytes.count, "byte")); a safetensors file "
            + "begins with 8 bytes that hold its header's length",
        advice: "copy it again, or make it anew")
    }
    let length = bytes[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let available = bytes.count - 8
    let isPlausible = length <= UInt64(available) && length <= UInt64(Safetensors.headerLimit)
    // The bytes of a foreign format could by chance be a length; what follows then is no header.
    let beginsHeader = available > 0 && bytes[8] == UInt8(ascii: "{")
    if !(isPlausible && beginsHeader), let format = ForeignFormat(bytes) {
      throw ModelFileError(.foreignFormat, format.message, advice: format.advice)
    }
    guard length <= UInt64(Safetensors.headerLimit) else {
      throw ModelFileError(
        .foreignFormat,
        "this is no safetensors file: its header would have \(length) bytes, the most is "
          + "\(Safetensors.headerLimit)")
    }
    guard length <= UInt64(available) else {
      throw ModelFileError(
        .damaged,
        "the header should have \(length) bytes, but only \(available) bytes follow: the file is "
          + "cut short, or no safetensors file", advice: "copy it again")
    }
    guard length > 0, beginsHeader else {
      throw ModelFileError(
        .foreignFormat, "this is no safetensors file: its header must begin with {")
    }
    payloadStart = 8 + Int(length)
    do {
      // An object of objects with arrays: nothing lies deeper.
      let json = try JSONReader.read(
        Array(bytes[8..<payloadStart]), depthLimit: 3,
        valueLimit: Safetensors.headerValueLimit)
      (entries, metadata) = try Self.content(JSONField(json))
      try Self.checkCoverage(entries, payloadCount: bytes.count - payloadStart)
    } catch {
      throw ModelFileError(.damaged, "the header is damaged: \(error)")
    }
  }

  /// The arrays, sorted by their place, and the texts.
  private static func content(
    _ json: JSONField
  ) throws(JSONError) -> (entries: [Safetensors.Entry], metadata: [String: String]) {
    var entries: [Safetensors.Entry] = []
    var metadata: [String: String] = [:]
    for (key, field) in try json.members() {
      if key == "__metadata__" {
        for (name, text) in try field.members() { metadata[name] = try text.string() }
      } else {
        entries.append(try entry(key, field))
      }
    }
    let order = entries.indices.sorted { left, right in
      let (a, b) = (entries[left].range, entries[right].range)
      // An empty array comes before the one that begins at its place.
      return (a.lowerBound, a.upperBound, left) < (b.lowerBound, b.upperBound, right)
    }
    return (order.map { entries[$0] }, metadata)
  }

  private static func entry(
    _ name: String, _ field: JSONField
  ) throws(JSONError) -> Safetensors.Entry {
    try field.allowOnly(["dtype", "shape", "data_offsets"])
    let typeField = try field.member("dtype")
    let typeName = try typeField.string()
    guard let type = Safetensors.ElementType(rawValue: typeName) else {
      throw typeField.error(
        "unknown type \(typeName.quotedForMessage); known are "
          + Safetensors.ElementType.allCases.map(\.rawValue).joined(separator: ", "))
    }
    let shapeField = try field.member("shape")
    var extents: [Int] = []
    // Of an empty array too: later products of some of its extents must not overflow.
    var size = type.size
    let extentFields = try shapeField.elements()
    guard extentFields.count <= Self.axisLimit else {
      throw shapeField.error(
        "the array has \(NumberFormat.grouped(extentFields.count)) axes, the most is \(Self.axisLimit)"
      )
    }
    for extent in extentFields {
      let value = try extent.integer(in: 0...Int.max)
      extents.append(value)
      let (product, overflow) = size.multipliedReportingOverflow(by: max(value, 1))
      guard !overflow else { throw shapeField.error("\(extents) has more elements than fit") }
      size = product
    }
    if extents.contains(0) { size = 0 }
    let offsetsField = try field.member("data_offsets")
    let offsets = try offsetsField.elements()
    guard offsets.count == 2 else {
      throw offsetsField.error("expected two numbers, begin and end, got \(offsets.count)")
    }
    let begin = try offsets[0].integer(in: 0...Int.max)
    let end = try offsets[1].integer(in: 0...Int.max)
    guard begin <= end else { throw offsetsField.error("the end \(end) is before \(begin)") }
    guard end - begin == size else {
      throw offsetsField.error(
        "\(end - begin) bytes for the shape \(Shape(extents)) of \(type.rawValue), which needs "
          + "\(size)")
    }
    return Safetensors.Entry(
      name: name, type: type, shape: Shape(extents), range: begin..<end)
  }

  /// Checks that the arrays cover the bytes after the header, each byte once.
  private static func checkCoverage(
    _ entries: [Safetensors.Entry], payloadCount: Int
  ) throws(JSONError) {
    func fault(_ message: String) -> JSONError { JSONError(place: .path(""), message: message) }
    var end = 0
    for entry in entries {
      let (name, range) = (entry.name.quotedForMessage, entry.range)
      guard range.upperBound <= payloadCount else {
        throw fault(
          "\(name) ends at byte \(range.upperBound), but only \(payloadCount) bytes follow the "
            + "header: the file is cut short")
      }
      guard range.lowerBound >= end else { throw fault("\(name) overlaps the array before it") }
      guard range.lowerBound == end else {
        throw fault("there are \(range.lowerBound - end) unused bytes before \(name)")
      }
      end = range.upperBound
    }
    guard end == payloadCount else {
      throw fault("\(payloadCount - end) bytes at the end of the file belong to no array")
    }
  }
}
