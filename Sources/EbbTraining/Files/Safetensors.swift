package import EbbGraph
package import EbbSystem

/// The bytes of a safetensors file, checked: named arrays of numbers, and texts about them.
///
/// The format: 8 bytes with the length of the header (little-endian), the header in JSON, then the
/// arrays' bytes without gaps. The header gives each array's `dtype`, `shape` and `data_offsets`, and
/// under `__metadata__` texts by name. Reading believes nothing: every length is checked against the
/// bytes that are really there before it is used, names are only compared, and no code is run.
package struct Safetensors: Sendable {
  /// One array of a file.
  package struct Entry: Sendable, Equatable {
    /// The name; any text, never a path.
    package let name: String
    /// What its elements are.
    package let type: ElementType
    /// Its extents; their product may be larger than an `NDArray` can hold.
    package let shape: Shape
    /// Where its bytes lie, counted from the end of the header.
    package let range: Range<Int>
  }

  /// What an array's elements are.
  package enum ElementType: String, CaseIterable, Sendable {
    case float64 = "F64"
    case float32 = "F32"
    case float16 = "F16"
    case bfloat16 = "BF16"
    case int64 = "I64"
    case int32 = "I32"
    case int16 = "I16"
    case int8 = "I8"
    case uint64 = "U64"
    case uint32 = "U32"
    case uint16 = "U16"
    case uint8 = "U8"
    case bool = "BOOL"

    /// The bytes of one element.
    package var size: Int {
      switch self {
      case .float64, .int64, .uint64: 8
      case .float32, .int32, .uint32: 4
      case .float16, .bfloat16, .int16, .uint16: 2
      case .int8, .uint8, .bool: 1
      }
    }
  }

  /// The longest header that is read or written, in bytes: the format allows no longer one.
  package static let headerLimit = 100_000_000
  /// The most JSON values that are read of a header, seven or more for each array: in memory each
  /// takes much more than in the file.
  static let headerValueLimit = 2_000_000

  /// The arrays in the order of their bytes.
  package let entries: [Entry]
  /// Texts by name.
  package let metadata: [String: String]

  private let bytes: [UInt8]
  private let payloadStart: Int
  private let places: [String: Int]

  /// Reads a file's bytes.
  ///
  /// - Throws: `ModelFileError` of kind `foreignFormat` or `damaged`.
  package init(bytes: [UInt8]) throws(ModelFileError) {
    let header = try SafetensorsHeader(of: bytes)
    self.bytes = bytes
    payloadStart = header.payloadStart
    metadata = header.metadata
    entries = header.entries
    places = Dictionary(
      uniqueKeysWithValues: header.entries.enumerated().map { ($1.name, $0) })
  }

  /// The array of a name, or nil.
  package subscript(name: String) -> Entry? { places[name].map { entries[$0] } }

  /// The numbers of an array of 32-bit floating-point numbers, every bit as stored.
  ///
  /// - Throws: `ModelFileError` of kind `wrongArrays` if there is none of the name, or of this type.
  package func floats(_ name: String) throws(ModelFileError) -> NDArray<Float> {
    guard let entry = self[name] else {
      throw ModelFileError(.wrongArrays, "there is no array \(name.quotedForMessage)")
    }
    guard entry.type == .float32 else {
      throw ModelFileError(
        .wrongArrays, "\(name.quotedForMessage) is \(entry.type.rawValue), expected F32",
        advice: "convert it to 32-bit floating-point numbers")
    }
    guard entry.shape.checkedCount != nil else {
      throw ModelFileError(
        .wrongArrays,
        "\(name.quotedForMessage) of \(entry.shape) has more than 2^31 - 1 elements")
    }
    var elements: [Float] = []
    elements.reserveCapacity(entry.range.count / 4)
    let start = payloadStart + entry.range.lowerBound
    for offset in stride(from: start, to: start + entry.range.count, by: 4) {
      let low = UInt32(bytes[offset]) | UInt32(bytes[offset + 1]) << 8
      let high = UInt32(bytes[offset + 2]) | UInt32(bytes[offset + 3]) << 8
      elements.append(Float(bitPattern: low | high << 16))
    }
    return NDArray(elements, shape: entry.shape)
  }

  /// Adds the bytes of all arrays to a checksum.
  package func addPayload(to hash: inout SHA256) {
    // In pieces, so that no second copy of the whole is made.
    for start in stride(from: payloadStart, to: bytes.count, by: 1 << 20) {
      hash.update(Array(bytes[start..<min(start + 1 << 20, bytes.count)]))
    }
  }
}
