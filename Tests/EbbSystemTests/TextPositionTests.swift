import EbbSystem
import Testing

@Suite("Text positions and scans")
struct TextPositionTests {
  @Test("lines and columns count as an editor does")
  func positions() {
    let bytes = Array("ab\ncé\r\nd\re😀f".utf8)
    func position(_ offset: Int) -> [Int] {
      let (line, column) = TextPosition.of(offset, in: bytes.span)
      return [line, column]
    }
    #expect(position(0) == [1, 1] && position(2) == [1, 3] && position(3) == [2, 1])
    #expect(position(4) == [2, 2] && position(6) == [2, 3])
    #expect(position(8) == [3, 1] && position(10) == [4, 1])
    #expect(position(bytes.count) == [4, 4] && position(999) == [4, 4])
  }

  @Test("the first invalid byte, at every distance from the start")
  func invalidBytes() {
    let bad: [[UInt8]] = [
      [0x80], [0xC1, 0x80], [0xE0, 0x9F, 0x80], [0xED, 0xA0, 0x80], [0xF0, 0x8F, 0x80, 0x80],
      [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xC3], [0xE2, 0x82], [0xF0, 0x9F, 0x98],
      [0xE2, 0x82, 0x41], [0xFF],
    ]
    for sequence in bad {
      for start in 0..<20 {
        let bytes = [UInt8](repeating: 0x41, count: start) + sequence
        #expect(UTF8Check.firstInvalidByte(bytes.span) == start, "\(sequence)")
        #expect(String(validating: bytes, as: UTF8.self) == nil)
      }
    }
    for scalar in ["\u{7F}", "\u{80}", "\u{7FF}", "\u{800}", "\u{D7FF}", "\u{E000}", "\u{10FFFF}"] {
      #expect(UTF8Check.firstInvalidByte(Array("abcdefg\(scalar)xyz".utf8).span) == nil)
    }
  }

  @Test("fast scans equal plain loops")
  func scans() {
    var random = SystemRandomNumberGenerator.seeded(11)
    let alphabet: [UInt8] = [44, 44, 10, 13, 0, 1, 0x80, 0xFF, 45, 43, 0x2C ^ 0x80, 9, 11, 12, 14]
    for round in 0..<5000 {
      let count = Int(random.next() % 40)
      // Line ends and zeros rare enough that most words have none.
      let bytes = (0..<count).map { _ in
        random.next() % 4 == 0 ? alphabet[Int(random.next() % 15)] : UInt8(65 + random.next() % 9)
      }
      #expect(ZeroByteCheck.firstZeroByte(bytes.span) == bytes.firstIndex(of: 0), "round \(round)")
      for start in 0...count {
        let end = bytes[start...].firstIndex { $0 == 10 || $0 == 13 } ?? count
        let expected = bytes[start..<end].count { $0 == 44 }
        let found = LineScan.count(44, in: bytes.span, from: start)
        #expect(found.count == expected && found.end == end, "round \(round) from \(start)")
      }
    }
  }

  @Test("all of standard input, up to a limit")
  func standardInput() async {
    await #expect(processExitsWith: .success) {
      let path = "/proc/self/status"
      let expected = try Files.read(path)
      try redirectStandardInput(to: path)
      let input = try Files.readStandardInput()
      precondition(input.prefix(20) == expected.prefix(20))
      try redirectStandardInput(to: path)
      do throws(FileError) {
        _ = try Files.readStandardInput(limit: 10)
        preconditionFailure("more than the limit was read")
      } catch {
        precondition(error.reason == .tooLarge(limit: 10))
      }
      try redirectStandardInput(to: "/")
      do throws(FileError) {
        _ = try Files.readStandardInput()
        preconditionFailure("a directory was read")
      } catch {
        precondition(error.reason == .isDirectory)
      }
    }
  }

  @Test("standard input that never ends is left at the first block that is no text")
  func endlessInput() async {
    await #expect(processExitsWith: .success) {
      try redirectStandardInput(to: "/dev/zero")
      let zeros = try Files.readStandardInput()
      precondition(zeros.first == 0 && zeros.count < 1 << 20)
      try redirectStandardInput(to: "/dev/urandom")
      let noise = try Files.readStandardInput()
      precondition(noise.count < 1 << 20)
    }
  }

  @Test("a character may lie across two blocks of standard input")
  func characterAcrossBlocks() async throws {
    let directory = try TemporaryDirectory()
    // Of four bytes at every offset, many blocks long.
    for shift in 0..<4 {
      let path = directory.file("text\(shift)")
      let text = String(repeating: "x", count: shift) + String(repeating: "😀", count: 200_000)
      try Files.writeWhole(Array(text.utf8), to: path, ifExists: .refuse)
      await #expect(processExitsWith: .success) { [path = path as String] in
        try redirectStandardInput(to: path)
        let (input, file) = (try Files.readStandardInput(), try Files.read(path))
        precondition(input == file)
      }
    }
  }

  @Test("Blank lines are passed over as one by one, whatever they end with")
  func blankLines() {
    func plainly(_ bytes: [UInt8], _ start: Int, tab: Bool) -> (Int, Int) {
      var (position, lines) = (start, 0)
      while position < bytes.count {
        var index = position
        while index < bytes.count, bytes[index] == 32 || (tab && bytes[index] == 9) { index += 1 }
        guard index < bytes.count else { return (index, lines) }
        guard bytes[index] == 10 || bytes[index] == 13 else { break }
        let isPair = bytes[index] == 13 && index + 1 < bytes.count && bytes[index + 1] == 10
        position = index + (isPair ? 2 : 1)
        lines += 1
      }
      return (position, lines)
    }
    var random = SeededNumbers(state: 7)
    let pieces: [[UInt8]] = [
      [10], [13], [13, 10], [32], [9], [UInt8](repeating: 10, count: 9),
      [13, 10, 13, 10, 13, 10, 13, 10, 13, 10], [32, 32, 10],
    ]
    for round in 0..<2000 {
      var bytes: [UInt8] = []
      for _ in 0..<random.next(12) { bytes += pieces[random.next(pieces.count)] }
      if round.isMultiple(of: 3) { bytes += [97, 10, 10] }
      let start = random.next(min(3, bytes.count + 1))
      for tab in [false, true] {
        let found = LineScan.skipBlankLines(in: bytes.span, from: start, tab: tab)
        #expect(found == plainly(bytes, start, tab: tab), "\(bytes) from \(start)")
      }
    }
  }
}

/// Numbers that are the same at each run.
private struct SeededNumbers {
  var state: UInt64

  mutating func next(_ limit: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(state >> 33) % max(1, limit)
  }
}
