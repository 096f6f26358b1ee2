import EbbSystem
import Foundation
import Testing

/// An archive of stored members from its parts, right or wrong.
struct ZipFixture {
  struct Member {
    var name: String
    var data: [UInt8]
    var flags = 0
    var method = 0
    var size: Int?
    var packed: Int?
    var localName: String?
    /// Sizes and offset in an extra field of 64 bits.
    var isLarge = false
    /// Where the directory says it begins.
    var offset: Int?
  }

  var members: [Member]
  var count: Int?

  static func field(_ value: Int, _ bytes: Int) -> [UInt8] {
    (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  static func checksum(_ bytes: [UInt8]) -> Int {
    var value: UInt32 = .max
    for byte in bytes {
      value ^= UInt32(byte)
      for _ in 0..<8 { value = value >> 1 ^ (value & 1 == 1 ? 0xEDB8_8320 : 0) }
    }
    return Int(~value)
  }

  var bytes: [UInt8] {
    let field = Self.field
    var (file, directory): ([UInt8], [UInt8]) = ([], [])
    for member in members {
      let size = member.size ?? member.data.count
      let packed = member.packed ?? member.data.count
      let offset = member.offset ?? file.count
      let check = Self.checksum(member.data)
      let extra =
        member.isLarge
        ? field(1, 2) + field(24, 2) + field(size, 8) + field(packed, 8) + field(offset, 8) : []
      let local = Array((member.localName ?? member.name).utf8)
      file += field(0x0403_4B50, 4) + field(20, 2) + field(member.flags, 2)
      file += field(member.method, 2) + field(0, 4) + field(check, 4) + field(packed, 4)
      file += field(size, 4) + field(local.count, 2) + field(0, 2) + local + member.data
      directory += field(0x0201_4B50, 4) + field(20, 2) + field(20, 2) + field(member.flags, 2)
      directory += field(member.method, 2) + field(0, 4) + field(check, 4)
      directory += field(member.isLarge ? 0xFFFF_FFFF : packed, 4)
      directory += field(member.isLarge ? 0xFFFF_FFFF : size, 4)
      directory += field(member.name.utf8.count, 2) + field(extra.count, 2) + field(0, 10)
      directory += field(member.isLarge ? 0xFFFF_FFFF : offset, 4) + Array(member.name.utf8) + extra
    }
    let start = file.count
    let number = count ?? members.count
    return file + directory + field(0x0605_4B50, 4) + field(0, 4) + field(number, 2)
      + field(number, 2) + field(directory.count, 4) + field(start, 4) + field(0, 2)
  }
}

@Suite struct ZipTests {
  private let array = npy(
    "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }\n", payload: 16)

  private func member(_ name: String = "a.npy") -> ZipFixture.Member {
    .init(name: name, data: array)
  }

  @Test func wholeArchivesAreRead() throws {
    var large = member("b.npy")
    large.isLarge = true
    let file = try ArrayFile(ZipFixture(members: [member(), large]).bytes, elementLimit: 4)
    #expect(file.entries.map(\.name) == ["a", "b"])
    let areZero = file.entries.allSatisfy { $0.array.elements == [0, 0] }
    #expect(areZero)
    let empty = try ArrayFile(ZipFixture(members: []).bytes, elementLimit: 4)
    #expect(empty.entries.isEmpty)
  }

  @Test func wrongArchivesAreRefused() {
    func changed(_ change: (inout ZipFixture.Member) -> Void) -> [UInt8] {
      var part = member()
      change(&part)
      return ZipFixture(members: [part]).bytes
    }
    var flipped = ZipFixture(members: [member()]).bytes
    flipped[30 + 5 + array.count - 1] ^= 1
    let cases: [(String, [UInt8], String)] = [
      ("two of one name", ZipFixture(members: [member(), member()]).bytes, "two members"),
      ("../a.npy", ZipFixture(members: [member("../a.npy")]).bytes, "lead out"),
      ("absolute", ZipFixture(members: [member("/a.npy")]).bytes, "lead out"),
      ("backslash", ZipFixture(members: [member("a\\b.npy")]).bytes, "lead out"),
      ("pickle", ZipFixture(members: [member("model/data.pkl")]).bytes, "pickles"),
      ("encrypted", changed { $0.flags = 1 }, "encrypted"),
      ("strongly encrypted", changed { $0.flags = 0x41 }, "encrypted"),
      ("method", changed { $0.method = 12 }, "method 12"),
      ("larger than there is", changed { ($0.size, $0.packed) = (1 << 20, 1 << 20) }, "cut short"),
      ("stored, sizes differ", changed { $0.size = 1 }, "cannot be"),
      (
        "no deflate stream",
        changed { ($0.method, $0.data) = (8, [UInt8](repeating: 0xFF, count: 40)) }, "are damaged"
      ),
      ("impossible ratio", changed { ($0.method, $0.size) = (8, 1 << 30) }, "cannot be"),
      ("64 bits, negative", changed { ($0.isLarge, $0.size) = (true, -5) }, "outside"),
      ("64 bits, huge", changed { ($0.isLarge, $0.offset) = (true, .max) }, "outside"),
      ("other name inside", changed { $0.localName = "b.npy" }, "differs"),
      ("offset", changed { $0.offset = 7 }, "differs"),
      ("checksum", flipped, "checksum"),
      ("count", ZipFixture(members: [member()], count: 2).bytes, "entry 2 of 2"),
      ("count 0", ZipFixture(members: [member()], count: 0).bytes, "more entries"),
    ]
    for (name, bytes, words) in cases {
      let error = arrayError(bytes)
      #expect(error?.description.contains(words) ?? false, "\(name): \(String(describing: error))")
    }
    var second = member("b.npy")
    second.offset = 0
    second.localName = "a.npy"
    let overlap = arrayError(ZipFixture(members: [member("b.npy"), second]).bytes)
    #expect(overlap != nil)
  }

  /// What would unpack to more than was asked for is refused by its header alone.
  @Test func bombs() throws {
    let bomb = try ForeignFiles().bomb
    #expect(bomb.count < 10_000)
    #expect(arrayError(bomb, limit: 1_000)?.kind == .tooLarge)
    let whole = try ArrayFile(bomb, elementLimit: 400_000)
    #expect(whole.entries[0].array.elements.count == 400_000)
    // The directory says less than the member unpacks to.
    let size = 400_000 * 8 + 128
    let wanted = ZipFixture.field(size, 4)
    var lying = bomb
    let places = lying.indices.dropLast(4).filter { Array(lying[$0..<$0 + 4]) == wanted }
    try #require(!places.isEmpty)
    for place in places {
      lying.replaceSubrange(place..<place + 4, with: ZipFixture.field(size - 8, 4))
    }
    #expect(arrayError(lying, limit: 400_000)?.kind == .damaged)
  }
}
