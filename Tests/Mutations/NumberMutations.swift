import EbbSystem

/// A file in which one number was replaced.
package struct Mutation: Sendable, CustomStringConvertible {
  /// Which number, and what by.
  package let description: String
  package let bytes: [UInt8]
}

/// Every number of a file, replaced one at a time by numbers that nobody expects.
package enum NumberMutations {
  /// What numbers are replaced by.
  package static let numbers = [
    "0", "-1", "2147483648", "9007199254740993", "4611686018427387904", "9223372036854775807",
    "18446744073709551615", "0.5", "1e308", "-1e308", "5e-324",
  ]

  /// The mutations of a text, such as JSON or CSV: of numbers by themselves, and of those that stand
  /// in short texts, as a split or a seed does.
  package static func ofText(_ bytes: [UInt8]) -> [Mutation] {
    places(in: bytes).flatMap { place in
      numbers.map { number in
        let old = String(decoding: bytes[place], as: UTF8.self)
        return Mutation(
          description: "\(old) at byte \(place.lowerBound) replaced by \(number)",
          bytes: Array(bytes[..<place.lowerBound]) + Array(number.utf8)
            + Array(bytes[place.upperBound...]))
      }
    }
  }

  /// The mutations of a model or a checkpoint: of its header, of its description with a checksum that
  /// fits, and of some of the arrays' numbers with a checksum that fits.
  package static func ofModelFile(_ bytes: [UInt8]) throws -> [Mutation] {
    let file = try ModelFile(bytes)
    let plain = ofText(file.header).map { mutation in
      Mutation(
        description: "header: \(mutation)",
        bytes: ModelFile.length(mutation.bytes.count) + mutation.bytes + file.payload)
    }
    let described = ofText(Array(file.description.utf8)).map { mutation in
      Mutation(
        description: "description: \(mutation)",
        bytes: file.bytes(
          description: String(decoding: mutation.bytes, as: UTF8.self), payload: file.payload))
    }
    let patterns: [UInt32] = [0x7FC0_0000, 0x7F80_0000, 0xFF7F_FFFF, 0x0000_0001]
    let places = [0, file.payload.count / 8, file.payload.count / 4 - 1]
    let weighed = places.flatMap { place in
      patterns.map { pattern in
        var payload = file.payload
        for byte in 0..<4 where place >= 0 {
          payload[4 * place + byte] = UInt8(truncatingIfNeeded: pattern >> UInt32(8 * byte))
        }
        return Mutation(
          description: "number \(place) of the arrays has the bits \(pattern)",
          bytes: file.bytes(description: file.description, payload: payload))
      }
    }
    return plain + described + weighed
  }

  /// Where numbers stand. Those in long texts (checksums, paths, a description in JSON) are left alone.
  private static func places(in bytes: [UInt8]) -> [Range<Int>] {
    var places: [Range<Int>] = []
    var index = 0
    while index < bytes.count {
      if bytes[index] == UInt8(ascii: "\"") {
        let end = endOfText(bytes, from: index + 1)
        if end - index <= 40, bytes[index + 1] != UInt8(ascii: "/") {
          places += numbers(in: bytes, index + 1..<end)
        }
        index = end + 1
      } else {
        let end = bytes[index...].firstIndex(of: UInt8(ascii: "\"")) ?? bytes.count
        places += numbers(in: bytes, index..<end)
        index = end
      }
    }
    return places
  }

  private static func endOfText(_ bytes: [UInt8], from start: Int) -> Int {
    var index = start
    while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
      index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
    }
    return min(index, bytes.count)
  }

  private static func numbers(in bytes: [UInt8], _ range: Range<Int>) -> [Range<Int>] {
    func isDigit(_ place: Int) -> Bool {
      range.contains(place) && (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[place])
    }
    func isLetter(_ place: Int) -> Bool {
      range.contains(place) && (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(bytes[place] | 32)
    }
    var found: [Range<Int>] = []
    var index = range.lowerBound
    while index < range.upperBound {
      guard isDigit(index), !isLetter(index - 1) else {
        index += 1
        continue
      }
      let isNegative = range.contains(index - 1) && bytes[index - 1] == UInt8(ascii: "-")
      let start = isNegative ? index - 1 : index
      while isDigit(index) || index < range.upperBound && ".eE+-".utf8.contains(bytes[index]) {
        index += 1
      }
      found.append(start..<index)
    }
    return found
  }
}

/// A model or a checkpoint in its parts.
package struct ModelFile {
  package let header: [UInt8]
  /// The metadata `ebb`, JSON in a text.
  package let description: String
  package let payload: [UInt8]

  package init(_ bytes: [UInt8]) throws {
    let length = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    header = Array(bytes[8..<8 + length])
    payload = Array(bytes[(8 + length)...])
    description = try JSONField(JSONReader.read(header)).member("__metadata__").member("ebb")
      .string()
  }

  /// The file with another description and other arrays, and a checksum that fits them.
  package func bytes(description: String, payload: [UInt8]) -> [UInt8] {
    var hash = SHA256()
    hash.update(Array(description.utf8))
    hash.update(payload)
    guard case .object(var members)? = try? JSONReader.read(header) else { return [] }
    members["__metadata__"] = [
      "ebb": JSONValue(description), "ebb.checksum": JSONValue(SHA256.hex(hash.finalize())),
    ]
    let text = JSONWriter.bytes(.object(members))
    return Self.length(text.count) + text + payload
  }

  static func length(_ count: Int) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: UInt64(count) >> UInt64(8 * $0)) }
  }
}
