/// The header of an NPY file: what its numbers are, and in which shape and order they lie.
///
/// The format (NumPy Enhancement Proposal 1): the six bytes `\x93NUMPY`, the version in two, the
/// length of the header in two (version 1) or four (versions 2 and 3), then a Python dictionary such
/// as `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`. It is parsed, never evaluated.
package struct NPYHeader: Sendable, Equatable {
  /// What one element is.
  package let type: NumberType
  package let isBigEndian: Bool
  /// Whether the first index changes fastest.
  package let isFortranOrder: Bool
  package let extents: [Int]
  /// The product of the extents.
  package let count: Int
  /// Where the elements' bytes begin.
  package let payloadStart: Int

  /// The bytes of all elements.
  package var payloadCount: Int { count * type.size }

  /// The bytes with which every NPY file begins.
  package static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  /// The longest header that is read, in bytes: far more than any list of extents needs.
  package static let lengthLimit = 65_535 + 12

  /// Reads the header at the beginning of a file's bytes; what follows it need not be there.
  package init(_ bytes: some RandomAccessCollection<UInt8>) throws(ArrayFileError) {
    let bytes = Array(bytes.prefix(Self.lengthLimit))
    guard bytes.starts(with: Self.magic) else {
      throw ArrayFileError(
        .foreignFormat,
        bytes.isEmpty ? "the file is empty" : "this is no NPY file: it must begin with \\x93NUMPY")
    }
    guard bytes.count >= 10 else {
      throw ArrayFileError(.damaged, "the file ends within the first 10 bytes of its header")
    }
    let version = (bytes[6], bytes[7])
    guard (1...3).contains(version.0), version.1 == 0 else {
      throw ArrayFileError(
        .unsupported,
        "version \(version.0).\(version.1) of NPY is not known; versions 1.0, 2.0 and 3.0 are read")
    }
    let lengthBytes = version.0 == 1 ? 2 : 4
    let start = 8 + lengthBytes
    guard bytes.count >= start else {
      throw ArrayFileError(.damaged, "the file ends within the length of its header")
    }
    let length = bytes[8..<start].reversed().reduce(0) { $0 << 8 | Int($1) }
    guard length <= Self.lengthLimit - start else {
      throw ArrayFileError(
        .unsupported, "the header would have \(length) bytes, the most is 65535")
    }
    guard length <= bytes.count - start else {
      throw ArrayFileError(
        .damaged,
        "the header should have \(length) bytes, but only \(bytes.count - start) follow: the file "
          + "is cut short")
    }
    payloadStart = start + length
    var parser = PythonLiteral(Array(bytes[start..<payloadStart]))
    let fields = try parser.headerFields()
    (type, isBigEndian) = try Self.elementType(fields.descr)
    isFortranOrder = fields.isFortranOrder
    extents = fields.extents
    count = try Self.count(fields.extents, size: type.size)
  }

  /// The number of elements, whose bytes must be countable too.
  private static func count(_ extents: [Int], size: Int) throws(ArrayFileError) -> Int {
    guard extents.count <= 32 else {
      throw ArrayFileError(.unsupported, "the array has \(extents.count) axes, the most is 32")
    }
    // Of an empty array too: products of some of its extents must not overflow.
    var bytes = size
    for extent in extents {
      let (product, overflow) = bytes.multipliedReportingOverflow(by: max(extent, 1))
      guard !overflow else {
        throw ArrayFileError(.damaged, "the shape \(extents) has more elements than fit")
      }
      bytes = product
    }
    return extents.contains(0) ? 0 : bytes / size
  }

  private static func elementType(
    _ text: String
  ) throws(ArrayFileError) -> (NumberType, isBigEndian: Bool) {
    let letters = Array(text.utf8)
    let order = letters.first ?? 0
    guard letters.count >= 2, "<>|=".utf8.contains(order),
      let size = Int(String(decoding: letters[2...], as: UTF8.self)), size >= 0
    else {
      if text == "|O" || text == "O" { throw objects }
      throw ArrayFileError(.unsupported, "the element type '\(text.prefix(40))' is not known")
    }
    if letters[1] == UInt8(ascii: "O") { throw objects }
    let type: NumberType? =
      switch (letters[1], size) {
      case (UInt8(ascii: "f"), 2): .float16
      case (UInt8(ascii: "f"), 4): .float32
      case (UInt8(ascii: "f"), 8): .float64
      case (UInt8(ascii: "i"), 1), (UInt8(ascii: "i"), 2), (UInt8(ascii: "i"), 4),
        (UInt8(ascii: "i"), 8):
        .signed(bytes: size)
      case (UInt8(ascii: "u"), 1), (UInt8(ascii: "u"), 2), (UInt8(ascii: "u"), 4),
        (UInt8(ascii: "u"), 8):
        .unsigned(bytes: size)
      case (UInt8(ascii: "b"), 1): .bool
      default: nil
      }
    guard let type else {
      throw ArrayFileError(
        .unsupported,
        "elements of type '\(MessageText.cut(text))' are not read; convert them to float32 or float64"
      )
    }
    // "|" is for types of one byte, "=" is the machine's own, which is little-endian here.
    return (type, order == UInt8(ascii: ">"))
  }

  private static var objects: ArrayFileError {
    ArrayFileError(
      .unsupported,
      "the array holds Python objects, that is a pickle; pickles are not read, because reading one "
        + "runs code")
  }
}
