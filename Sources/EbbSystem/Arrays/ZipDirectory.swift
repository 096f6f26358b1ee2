/// The directory at the end of a zip archive.
struct ZipDirectory {
  private let bytes: [UInt8]
  private let range: Range<Int>
  private let count: Int

  /// Finds the directory through the record at the end of the file.
  init(_ bytes: [UInt8]) throws(ArrayFileError) {
    self.bytes = bytes
    // The record of 22 bytes, and a comment of up to 65,535.
    let earliest = max(0, bytes.count - 22 - 65_535)
    guard bytes.count >= 22,
      let end = stride(from: bytes.count - 22, through: earliest, by: -1).first(where: {
        Self.signature(bytes, at: $0) == 0x0605_4B50
          && $0 + 22 + Self.number(bytes, $0 + 20, 2) == bytes.count
      })
    else {
      throw ArrayFileError(
        .damaged, "the archive's directory is missing at its end: the file is cut short")
    }
    let disks = [Self.number(bytes, end + 4, 2), Self.number(bytes, end + 6, 2)]
    var (entries, entriesHere) = (
      Self.number(bytes, end + 10, 2), Self.number(bytes, end + 8, 2)
    )
    var (size, start) = (Self.number(bytes, end + 12, 4), Self.number(bytes, end + 16, 4))
    var limit = end
    let isLarge = end >= 20 && Self.signature(bytes, at: end - 20) == 0x0706_4B50
    if isLarge && (entries == 0xFFFF || size == 0xFFFF_FFFF || start == 0xFFFF_FFFF) {
      let record = Self.number(bytes, end - 12, 8)
      guard record >= 0, record <= end - 20 - 56, Self.signature(bytes, at: record) == 0x0606_4B50
      else { throw ArrayFileError(.damaged, "the archive's 64-bit directory record is missing") }
      entriesHere = Self.number(bytes, record + 24, 8)
      entries = Self.number(bytes, record + 32, 8)
      size = Self.number(bytes, record + 40, 8)
      start = Self.number(bytes, record + 48, 8)
      limit = record
    }
    guard disks.allSatisfy({ $0 == 0 || $0 == 0xFFFF }), entries == entriesHere else {
      throw ArrayFileError(.unsupported, "archives in several parts are not read")
    }
    guard (0...ZipArchive.memberLimit).contains(entries) else {
      throw ArrayFileError(
        .unsupported,
        "the archive says it has \(entries) members, the most is \(ZipArchive.memberLimit)")
    }
    guard start >= 0, size >= 0, start <= limit, size <= limit - start else {
      throw ArrayFileError(.damaged, "the archive's directory would lie outside of the file")
    }
    (range, count) = (start..<start + size, entries)
  }

  /// All members, with the place of their bytes.
  func members() throws(ArrayFileError) -> [ZipArchive.Member] {
    var result: [ZipArchive.Member] = []
    var position = range.lowerBound
    for index in 0..<count {
      guard range.upperBound - position >= 46, Self.signature(bytes, at: position) == 0x0201_4B50
      else {
        throw ArrayFileError(
          .damaged, "entry \(index + 1) of \(count) in the archive's directory is damaged")
      }
      let lengths = [28, 30, 32].map { number(position + $0, 2) }
      let end = position + 46 + lengths.reduce(0, +)
      guard end <= range.upperBound else {
        throw ArrayFileError(
          .damaged, "entry \(index + 1) of \(count) in the archive's directory is cut short")
      }
      result.append(try member(at: position, nameLength: lengths[0], extraLength: lengths[1]))
      position = end
    }
    guard position == range.upperBound else {
      throw ArrayFileError(.damaged, "the archive's directory has more entries than it says")
    }
    return result
  }

  private func member(
    at entry: Int, nameLength: Int, extraLength: Int
  ) throws(ArrayFileError) -> ZipArchive.Member {
    let nameBytes = bytes[(entry + 46)..<(entry + 46 + nameLength)]
    let name = try Self.checkedName(nameBytes)
    func fault(_ kind: ArrayFileError.Kind, _ message: String) -> ArrayFileError {
      ArrayFileError(kind, in: name, message)
    }
    guard number(entry + 8, 2) & 0x2041 == 0 else {
      throw fault(.unsupported, "it is encrypted; save it without a password")
    }
    let method = number(entry + 10, 2)
    guard method == 0 || method == 8 else {
      throw fault(
        .unsupported,
        "it is compressed by method \(method); save it with numpy.savez or savez_compressed")
    }
    var sizes = [number(entry + 24, 4), number(entry + 20, 4), number(entry + 42, 4)]
    let extra = (entry + 46 + nameLength)..<(entry + 46 + nameLength + extraLength)
    if sizes.contains(0xFFFF_FFFF) { try Self.replaceLarge(&sizes, from: bytes[extra], in: name) }
    let (size, packed, local) = (sizes[0], sizes[1], sizes[2])
    guard size >= 0, packed >= 0, local >= 0, local <= range.lowerBound - 30 else {
      throw fault(.damaged, "its bytes would lie outside of the file")
    }
    // Deflate cannot pack more than 1,032 to 1.
    guard method == 8 ? size / 1_032 <= packed : size == packed else {
      throw fault(
        .damaged, "the archive says that \(packed) bytes unpack to \(size), which cannot be")
    }
    guard Self.signature(bytes, at: local) == 0x0403_4B50, number(local + 8, 2) == method,
      number(local + 6, 2) & 1 == 0, number(local + 26, 2) == nameLength,
      local + 30 + nameLength <= range.lowerBound,
      bytes[(local + 30)..<(local + 30 + nameLength)] == nameBytes
    else { throw fault(.damaged, "its own header differs from the archive's directory") }
    let start = local + 30 + nameLength + number(local + 28, 2)
    guard start <= range.lowerBound, packed <= range.lowerBound - start else {
      throw fault(.damaged, "its \(packed) bytes do not fit into the file: it is cut short")
    }
    return ZipArchive.Member(
      name: name, size: size, isDeflated: method == 8,
      checksum: UInt32(truncatingIfNeeded: number(entry + 16, 4)), range: start..<start + packed)
  }

  /// Takes the sizes that need 64 bits from the extra field with the id 1.
  private static func replaceLarge(
    _ sizes: inout [Int], from extra: ArraySlice<UInt8>, in name: String
  ) throws(ArrayFileError) {
    let bytes = Array(extra)
    var position = 0
    while bytes.count - position >= 4 {
      let (id, length) = (number(bytes, position, 2), number(bytes, position + 2, 2))
      position += 4
      guard length <= bytes.count - position else { break }
      if id == 1 {
        let end = position + length
        for index in sizes.indices where sizes[index] == 0xFFFF_FFFF {
          guard end - position >= 8 else { break }
          sizes[index] = number(bytes, position, 8)
          position += 8
        }
        return
      }
      position += length
    }
    throw ArrayFileError(.damaged, in: name, "its 64-bit size is missing")
  }

  /// A name that could be a path out of a directory is refused, though it would never be used as one.
  private static func checkedName(_ bytes: ArraySlice<UInt8>) throws(ArrayFileError) -> String {
    guard UTF8Check.firstInvalidByte(Array(bytes).span) == nil else {
      throw ArrayFileError(.damaged, "the name of a member is not UTF-8")
    }
    let name = String(decoding: bytes, as: UTF8.self)
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    let isPlain = !bytes.contains { $0 < 0x20 || $0 == 0x7F || $0 == UInt8(ascii: "\\") }
    guard isPlain, !parts.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }) else {
      throw ArrayFileError(
        .damaged,
        "a member is named \(MessageText.quoted(name)); names that lead out of the archive are "
          + "refused")
    }
    return name
  }

  private func number(_ position: Int, _ count: Int) -> Int {
    Self.number(bytes, position, count)
  }

  private static func signature(_ bytes: [UInt8], at position: Int) -> Int {
    number(bytes, position, 4)
  }

  /// A little-endian number; one that has 64 bits is negative, as no size is. The bytes are there.
  private static func number(_ bytes: [UInt8], _ position: Int, _ count: Int) -> Int {
    (0..<count).reversed().reduce(0) { $0 << 8 | Int(bytes[position + $1]) }
  }
}
