package import EbbGraph
package import EbbSystem

/// Writes safetensors files: the same content always gives the same bytes.
///
/// The header holds the texts first, sorted by their names, then the arrays in the order given, and
/// is padded with blanks so that the arrays begin at a multiple of 8 bytes.
package struct SafetensorsWriter: Sendable {
  /// The arrays in order.
  package let arrays: [(name: String, values: NDArray<Float>)]

  /// A writer of arrays.
  ///
  /// - Throws: `ModelFileError` of kind `badContent` for a name that occurs twice or is reserved.
  package init(_ arrays: [(name: String, values: NDArray<Float>)]) throws(ModelFileError) {
    var names: Set<String> = ["__metadata__"]
    for array in arrays where !names.insert(array.name).inserted {
      throw ModelFileError(
        .badContent,
        array.name == "__metadata__"
          ? "an array must not be named \"__metadata__\""
          : "two arrays are named \(array.name.quotedForMessage)")
    }
    self.arrays = arrays
  }

  /// Adds the bytes of all arrays to a checksum.
  package func addPayload(to hash: inout SHA256) {
    forEachPiece { hash.update($0) }
  }

  /// The whole file.
  ///
  /// - Throws: `ModelFileError` of kind `badContent` if the header is too long.
  package func bytes(metadata: [String: String]) throws(ModelFileError) -> [UInt8] {
    var bytes = try header(metadata: metadata)
    forEachPiece { bytes.append(contentsOf: $0) }
    return bytes
  }

  /// Writes the file so that it is whole or absent.
  ///
  /// - Throws: `ModelFileError` of kind `unwritable` or `badContent`; an old file is then unchanged.
  package func write(
    to path: String, metadata: [String: String], ifExists: Files.IfExists
  ) throws(ModelFileError) {
    let header = try header(metadata: metadata)
    do throws(FileError) {
      try Files.writeWhole(to: path, ifExists: ifExists) { (output) throws(FileError) in
        try output.write(header)
        try forEachPiece { (piece) throws(FileError) in try output.write(piece) }
      }
    } catch {
      throw ModelFileError(error, kind: .unwritable)
    }
  }

  /// The length and the header with its padding.
  private func header(metadata: [String: String]) throws(ModelFileError) -> [UInt8] {
    var members = JSONObject()
    if !metadata.isEmpty {
      let names = metadata.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      members["__metadata__"] = .object(
        JSONObject(names.compactMap { name in metadata[name].map { (name, .string($0)) } }))
    }
    var offset = 0
    for (name, values) in arrays {
      let end = offset + 4 * values.count
      members[name] = [
        "dtype": "F32", "shape": JSONValue(values.shape.extents),
        "data_offsets": JSONValue([offset, end]),
      ]
      offset = end
    }
    var text = JSONWriter.bytes(.object(members))
    text.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - text.count % 8) % 8))
    guard text.count <= Safetensors.headerLimit else {
      throw ModelFileError(
        .badContent,
        "the description would have \(text.count) bytes, the most is \(Safetensors.headerLimit)")
    }
    let length = UInt64(text.count)
    return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * UInt64($0))) } + text
  }

  /// Hands the arrays' bytes over in pieces, so that no second copy of the whole is made.
  private func forEachPiece<Failure: Error>(
    _ body: ([UInt8]) throws(Failure) -> Void
  ) throws(Failure) {
    var piece: [UInt8] = []
    for (_, values) in arrays {
      for element in values.elements {
        let bits = element.bitPattern
        piece.append(UInt8(truncatingIfNeeded: bits))
        piece.append(UInt8(truncatingIfNeeded: bits >> 8))
        piece.append(UInt8(truncatingIfNeeded: bits >> 16))
        piece.append(UInt8(truncatingIfNeeded: bits >> 24))
        if piece.count >= 1 << 18 {
          try body(piece)
          piece.removeAll(keepingCapacity: true)
        }
      }
    }
    if !piece.isEmpty { try body(piece) }
  }
}
