import EbbSystem
import Foundation
import Testing

/// Files that NumPy wrote (`Tests/References/make_foreign.py`).
struct ForeignFiles {
  struct File {
    let name: String
    let bytes: [UInt8]
    let arrays: [(name: String, extents: [Int], elements: [Double])]
  }

  let good: [File]
  let bad: [File]
  let bomb: [UInt8]

  init() throws {
    let url = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "References/foreign.json")
    let value = try JSONSerialization.jsonObject(with: Data(contentsOf: url))
    let json = try #require(value as? [String: Any])
    func bytes(_ value: Any?) throws -> [UInt8] {
      let text = try #require(value as? String)
      return [UInt8](try #require(Data(base64Encoded: text)))
    }
    func files(_ key: String) throws -> [File] {
      let entries = try #require(json[key] as? [[String: Any]])
      return try entries.map { entry in
        let arrays = try #require(entry["arrays"] as? [[String: Any]])
        return File(
          name: try #require(entry["name"] as? String), bytes: try bytes(entry["base64"]),
          arrays: try arrays.map { array in
            let name = try #require(array["name"] as? String)
            let extents = try #require(array["extents"] as? [Int])
            let texts = try #require(array["elements"] as? [String])
            let elements = texts.compactMap { Double($0) }
            try #require(elements.count == texts.count)
            return (name, extents, elements)
          })
      }
    }
    (good, bad, bomb) = (try files("good"), try files("bad"), try bytes(json["bomb"]))
  }

  func bytes(_ name: String) throws -> [UInt8] {
    try #require(good.first { $0.name == name }).bytes
  }
}

/// What reading threw, if anything.
func arrayError(_ bytes: [UInt8], limit: Int = .max) -> ArrayFileError? {
  do throws(ArrayFileError) {
    _ = try ArrayFile(bytes, elementLimit: limit)
    return nil
  } catch {
    return error
  }
}

/// An NPY file of version 1 from its parts, right or wrong.
func npy(_ header: String, payload: Int = 0, major: UInt8 = 1, minor: UInt8 = 0) -> [UInt8] {
  let length = header.utf8.count
  return [0x93] + Array("NUMPY".utf8) + [major, minor, UInt8(length & 255), UInt8(length >> 8)]
    + Array(header.utf8) + [UInt8](repeating: 0, count: payload)
}

@Suite struct NPYTests {
  @Test func whatNumPyWrites() throws {
    let files = try ForeignFiles()
    #expect(files.good.count >= 20)
    for file in files.good {
      let entries = try ArrayFile(file.bytes, elementLimit: 1000).entries
      #expect(entries.map(\.name) == file.arrays.map(\.name), "\(file.name)")
      for (entry, expected) in zip(entries, file.arrays) {
        #expect(entry.array.extents == expected.extents, "\(file.name)")
        let bits = entry.array.elements.map(\.bitPattern)
        #expect(bits == expected.elements.map(\.bitPattern), "\(file.name)")
      }
    }
    #expect(
      try ArrayFile(files.bytes("<f4"), elementLimit: 9).entries[0].array.precision == .single)
    #expect(
      try ArrayFile(files.bytes(">f8"), elementLimit: 9).entries[0].array.precision == .double)
  }

  @Test func whatIsNotRead() throws {
    for file in try ForeignFiles().bad {
      #expect(arrayError(file.bytes)?.kind == .unsupported, "\(file.name)")
    }
    let objects = arrayError(npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n"))
    #expect(objects?.message.contains("pickles are not read") ?? false)
  }

  @Test func headersThatAreWrong() {
    func header(
      descr: String = "'<f8'", fortran: String = "False", shape: String = "(2,)",
      more: String = "", end: String = "}\n"
    ) -> String {
      "{'descr': \(descr), 'fortran_order': \(fortran), 'shape': \(shape), \(more)\(end)"
    }
    #expect(arrayError(npy(header(), payload: 16)) == nil)
    let cases: [(String, [UInt8], ArrayFileError.Kind, String)] = [
      ("future", npy(header(), payload: 16, major: 4), .unsupported, "version 4.0"),
      ("minor", npy(header(), payload: 16, minor: 1), .unsupported, "version 1.1"),
      ("negative", npy(header(shape: "(-2,)")), .damaged, "negative"),
      ("63 bits", npy(header(shape: "(9223372036854775808,)")), .damaged, "63 bits"),
      (
        "product", npy(header(shape: "(4294967296, 4294967296)")), .damaged,
        "more elements than fit"
      ),
      ("zero times", npy(header(shape: "(0, 4611686018427387904, 4)")), .damaged, "fit"),
      ("short", npy(header(), payload: 15), .damaged, "cut short"),
      ("long", npy(header(), payload: 17), .damaged, "too many"),
      ("no tuple", npy(header(shape: "[2]"), payload: 16), .damaged, "parentheses"),
      ("one axis", npy(header(shape: "(2)"), payload: 16), .damaged, "comma"),
      ("fraction", npy(header(shape: "(2.0,)"), payload: 16), .damaged, "comma"),
      ("call", npy(header(shape: "f()"), payload: 16), .damaged, "parentheses"),
      ("truth", npy(header(fortran: "0"), payload: 16), .damaged, "True or False"),
      ("type", npy(header(descr: "'<f3'"), payload: 16), .unsupported, "'<f3'"),
      ("type size", npy(header(descr: "'<f99999999999999999999'")), .unsupported, "not known"),
      ("twice", npy(header(more: "'shape': (2,), "), payload: 16), .damaged, "twice"),
      ("other", npy(header(more: "'x': 1, "), payload: 16), .damaged, "'x'"),
      ("open", npy(header(end: ""), payload: 16), .damaged, "quotes"),
      ("after", npy(header(end: "} + f()"), payload: 16), .damaged, "nothing after"),
      ("missing", npy("{'descr': '<f8', }", payload: 16), .damaged, "fortran_order"),
      ("no literal", npy("os.system('ls')"), .damaged, "dictionary"),
      ("nothing", npy(""), .damaged, "dictionary"),
    ]
    for (name, bytes, kind, words) in cases {
      let error = arrayError(bytes)
      #expect(error?.kind == kind, "\(name): \(String(describing: error))")
      #expect(error?.description.contains(words) ?? false, "\(name): \(String(describing: error))")
    }
    let magic = arrayError(Array("no array".utf8))
    #expect(magic != nil)
    #expect(arrayError([]) != nil)
    let large = arrayError(npy(header(shape: "(1000,)"), payload: 8000), limit: 999)
    #expect(large?.kind == .tooLarge)
  }

  /// Every truncation and every flipped bit is refused or read, and never the end of the process.
  @Test func damagedFiles() throws {
    let files = try ForeignFiles()
    var (refused, read) = (0, 0)
    for name in ["<f4", "version 2", "fortran cube", "npz", "npz compressed"] {
      let bytes = try files.bytes(name)
      for length in bytes.indices {
        let error = arrayError(Array(bytes[..<length]), limit: 100)
        #expect(error != nil, "\(name) cut to \(length) bytes")
      }
      for bit in 0..<8 * bytes.count {
        var flipped = bytes
        flipped[bit / 8] ^= 1 << (bit % 8)
        if arrayError(flipped, limit: 100) == nil { read += 1 } else { refused += 1 }
      }
    }
    #expect(refused > 5_000 && read > 500)
    print("flipped bits: \(refused) refused, \(read) read")
  }
}
