/// Finds the first byte that breaks UTF-8.
package enum UTF8Check {
  /// The offset of the first sequence that is not valid UTF-8, or `nil` when all are.
  ///
  /// Overlong forms, surrogates and values beyond U+10FFFF are invalid (RFC 3629).
  package static func firstInvalidByte(_ bytes: Span<UInt8>) -> Int? {
    bytes.withUnsafeBytes { raw in
      let count = raw.count
      var index = 0
      while index < count {
        // Eight bytes at a time while they are ASCII.
        while index + 8 <= count,
          raw.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
        {
          index += 8
        }
        guard index < count else { return nil }
        let lead = raw[index]
        if lead < 0x80 {
          index += 1
          continue
        }
        let length = sequenceLength(lead)
        guard length > 0, index + length <= count else { return index }
        let second = raw[index + 1]
        let range: ClosedRange<UInt8> =
          switch lead {
          case 0xE0: 0xA0...0xBF
          case 0xED: 0x80...0x9F
          case 0xF0: 0x90...0xBF
          case 0xF4: 0x80...0x8F
          default: 0x80...0xBF
          }
        guard range.contains(second) else { return index }
        for offset in 2..<max(2, length) where raw[index + offset] & 0xC0 != 0x80 { return index }
        index += length
      }
      return nil
    }
  }

  private static func sequenceLength(_ lead: UInt8) -> Int {
    switch lead {
    case 0xC2...0xDF: 2
    case 0xE0...0xEF: 3
    case 0xF0...0xF4: 4
    default: 0
    }
  }
}

/// Turns byte offsets into what a person's editor shows.
package enum TextPosition {
  /// The line and column of a byte, both from 1. Lines end with LF, CRLF or CR; columns count
  /// characters (Unicode scalars), not bytes.
  package static func of(_ offset: Int, in bytes: Span<UInt8>) -> (line: Int, column: Int) {
    bytes.withUnsafeBytes { raw in
      var line = 1
      var column = 1
      for index in 0..<min(offset, raw.count) {
        let byte = raw[index]
        let isLineFeedOfPair = byte == 10 && index > 0 && raw[index - 1] == 13
        if isLineFeedOfPair { continue }
        if byte == 10 || byte == 13 {
          line += 1
          column = 1
        } else if byte & 0xC0 != 0x80 {
          column += 1
        }
      }
      return (line, column)
    }
  }
}

/// Looks for zero bytes, which no text file has.
package enum ZeroByteCheck {
  /// The offset of the first zero byte, or `nil` when there is none.
  package static func firstZeroByte(_ bytes: Span<UInt8>) -> Int? {
    bytes.withUnsafeBytes { raw in
      let count = raw.count
      var index = 0
      let ones: UInt64 = 0x0101_0101_0101_0101
      while index + 8 <= count {
        let word = raw.loadUnaligned(fromByteOffset: index, as: UInt64.self)
        // The high bit of a byte stays set only below a zero byte.
        if (word &- ones) & ~word & (ones << 7) != 0 { break }
        index += 8
      }
      while index < count {
        if raw[index] == 0 { return index }
        index += 1
      }
      return nil
    }
  }
}

/// Walks lines of text eight bytes at a time.
package enum LineScan {
  /// Counts a byte up to the end of the line.
  ///
  /// - Parameters:
  ///   - byte: What to count.
  ///   - bytes: The text.
  ///   - start: Where to begin.
  /// - Returns: How often `byte` comes before the next LF or CR, and where that is; the end of
  ///   the text when there is none.
  package static func count(
    _ byte: UInt8, in bytes: Span<UInt8>, from start: Int
  ) -> (count: Int, end: Int) {
    bytes.withUnsafeBytes { raw in
      let wanted = UInt64(byte) &* ones
      var count = 0
      var index = start
      while index + 8 <= raw.count {
        let word = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: index, as: UInt64.self))
        let found = zeroBytes(word ^ wanted)
        let ends = zeroBytes(word ^ (10 &* ones)) | zeroBytes(word ^ (13 &* ones))
        if ends != 0 {
          // Bytes before the first line end are the bits below its own.
          let before = (ends & (0 &- ends)) &- 1
          return (count + (found & before).nonzeroBitCount, index + ends.trailingZeroBitCount / 8)
        }
        count += found.nonzeroBitCount
        index += 8
      }
      while index < raw.count, raw[index] != 10, raw[index] != 13 {
        if raw[index] == byte { count += 1 }
        index += 1
      }
      return (count, index)
    }
  }

  /// Whether a byte occurs from a place on.
  package static func contains(
    _ byte: UInt8, in bytes: Span<UInt8>, from start: Int
  ) -> Bool {
    bytes.withUnsafeBytes { raw in
      let wanted = UInt64(byte) &* ones
      var index = start
      while index + 8 <= raw.count {
        let word = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: index, as: UInt64.self))
        if zeroBytes(word ^ wanted) != 0 { return true }
        index += 8
      }
      while index < raw.count {
        if raw[index] == byte { return true }
        index += 1
      }
      return false
    }
  }

  /// Passes over line breaks, and blanks on lines that hold nothing else.
  ///
  /// - Parameter tab: Whether tabs are blanks.
  /// - Returns: Where the first line begins that holds anything else, or the end of the text; and how
  ///   many lines lie before it.
  package static func skipBlankLines(
    in bytes: Span<UInt8>, from start: Int, tab: Bool
  ) -> (position: Int, lines: Int) {
    bytes.withUnsafeBytes { raw in
      let count = raw.count
      var (position, lines, index) = (start, 0, start)
      while index < count {
        // Eight line feeds, or four pairs, at a time. A pair is not cut: it ends with the word.
        if index == position, index + 8 <= count {
          let word = UInt64(
            littleEndian: raw.loadUnaligned(fromByteOffset: index, as: UInt64.self))
          let isPairs = word == 0x0A0D_0A0D_0A0D_0A0D
          if isPairs || word == 10 &* ones {
            index += 8
            position = index
            lines += isPairs ? 4 : 8
            continue
          }
        }
        let byte = raw[index]
        index += 1
        if byte == 10 || byte == 13 {
          if byte == 13, index < count, raw[index] == 10 { index += 1 }
          position = index
          lines += 1
        } else if byte != 32 && !(tab && byte == 9) {
          return (position, lines)
        }
      }
      return (count, lines)
    }
  }

  private static let ones: UInt64 = 0x0101_0101_0101_0101

  /// The high bit of each byte that is zero; exact for every byte.
  @inline(__always)
  private static func zeroBytes(_ word: UInt64) -> UInt64 {
    let low = (word & 0x7F7F_7F7F_7F7F_7F7F) &+ 0x7F7F_7F7F_7F7F_7F7F
    return ~(low | word | 0x7F7F_7F7F_7F7F_7F7F)
  }
}
