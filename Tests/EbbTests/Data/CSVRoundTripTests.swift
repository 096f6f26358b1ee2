import Ebb
import EbbSystem
import Testing

/// Tables made at random, written as CSV in every style, must come back as they were.
@Suite("CSV round trip")
struct CSVRoundTripTests {
  /// SplitMix64: the same cases in every run.
  private struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var mixed = state
      mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
      return mixed ^ (mixed >> 31)
    }
  }

  private static func quoted(_ text: String) -> String {
    "\"" + text.replacing("\"", with: "\"\"") + "\""
  }

  @Test("texts with quotes, delimiters and line breaks", arguments: 0..<300)
  func texts(seed: Int) throws {
    var random = Generator(state: UInt64(seed))
    let delimiter = [",", ";", "\t"][seed % 3]
    let lineEnd = ["\n", "\r\n", "\r"][seed / 3 % 3]
    let pieces = ["a", "é", "😀", " ", "\"", ",", ";", "\t", "\n", "\r\n", "\r", "1", "\\"]
    let width = Int.random(in: 1...5, using: &random)
    let height = Int.random(in: 1...12, using: &random)
    var cells: [[String]] = []
    for _ in 0..<height {
      cells.append(
        (0..<width).map { _ in
          let length = Int.random(in: 0...6, using: &random)
          // The letter in front keeps a cell from being a number or missing.
          return "x"
            + (0..<length).map { _ in pieces[Int.random(in: 0..<13, using: &random)] }.joined()
        })
    }
    var text = seed % 2 == 0 ? "\u{FEFF}" : ""
    text += (0..<width).map { "name \($0)" }.joined(separator: delimiter) + lineEnd
    var lines: [Int] = []
    var line = 2
    for (index, row) in cells.enumerated() {
      lines.append(line)
      let fields = row.map { cell in
        let needsQuotes = cell.unicodeScalars.contains { "\"\t,;\r\n ".unicodeScalars.contains($0) }
        return needsQuotes || Bool.random(using: &random) ? Self.quoted(cell) : cell
      }
      let record = fields.joined(separator: delimiter)
      text += record
      let isLast = index == height - 1
      if !isLast || seed % 5 != 0 { text += lineEnd }
      line += 1 + TextPosition.of(record.utf8.count, in: Array(record.utf8).span).line - 1
    }
    let chosen: CSVOptions.Delimiter = [.comma, .semicolon, .tab][seed % 3]
    let table = try Table(csvText: text, options: CSVOptions(delimiter: chosen))
    #expect(table.columns.count == width && table.rowCount == height, "seed \(seed)")
    #expect(table.rowLines == lines, "seed \(seed)")
    for column in 0..<width {
      let found = try cellTexts(table, "name \(column)")
      #expect(found == cells.map { $0[column] }, "seed \(seed), column \(column)")
    }
  }

  private func cellTexts(_ table: Table, _ name: String) throws -> [String?] {
    guard case .texts(let values) = try table.column(named: name).values else { return [] }
    return (0..<values.count).map { values[$0] }
  }

  @Test("numbers in every notation come back bit for bit", arguments: 0..<60)
  func numbers(seed: Int) throws {
    var random = Generator(state: UInt64(1000 + seed))
    let width = Int.random(in: 1...70, using: &random)
    let height = Int.random(in: 1...150, using: &random)
    var columns = [[Double]](repeating: [], count: width)
    var text = (0..<width).map { "c\($0)" }.joined(separator: ",") + "\n"
    for _ in 0..<height {
      var fields: [String] = []
      for column in 0..<width {
        let bits = random.next()
        let value: Double
        switch bits % 5 {
        case 0: value = Double(bits >> 8 % 1000)
        case 1: value = Double(Int64(truncatingIfNeeded: bits >> 5) % 10_000_000_000)
        case 2: value = Double(bits >> 40) / 1000
        case 3: value = .nan
        default:
          let any = Double(bitPattern: bits)
          value = any.isFinite ? any : 0
        }
        columns[column].append(value)
        let shortest = NumberFormat.shortest(value)
        let plain = shortest.hasSuffix(".0") ? String(shortest.dropLast(2)) : shortest
        let written = value.isNaN ? (width > 1 ? "" : "NA") : bits & 64 == 0 ? plain : shortest
        fields.append(bits & 128 == 0 || seed % 2 == 0 ? written : "\"\(written)\"")
      }
      text += fields.joined(separator: ",") + (seed % 3 == 0 ? "\r\n" : "\n")
    }
    let table = try Table(csvText: text, options: CSVOptions(delimiter: .comma))
    #expect(table.rowCount == height)
    for column in 0..<width {
      guard case .numbers(let found) = table.columns[column].values else {
        Issue.record("column \(column) of seed \(seed) is text")
        continue
      }
      #expect(found.count == height)
      for (left, right) in zip(found, columns[column]) {
        #expect(left.bitPattern == right.bitPattern || (left.isNaN && right.isNaN))
      }
    }
  }

  @Test("random bytes are read or refused, never worse", arguments: 0..<20)
  func randomBytes(seed: Int) {
    var random = Generator(state: UInt64(2000 + seed))
    let alphabet = Array("a,;\t\"\n\r1.5e-0 ".utf8) + [0xC3, 0xA9, 0xFF]
    for _ in 0..<2000 {
      let count = Int.random(in: 0...40, using: &random)
      let bytes = (0..<count).map { _ in
        alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
      }
      let table = try? Table(csvBytes: bytes)
      if let table {
        #expect(table.rowCount == table.rowLines.count)
        #expect(table.columns.allSatisfy { $0.count == table.rowCount })
      }
    }
  }
}
