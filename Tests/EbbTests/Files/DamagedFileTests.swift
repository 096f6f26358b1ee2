import Ebb
import EbbSystem
import Foundation
import Testing

/// Every way to damage a small file a little: it is refused, or reads as what was written.
@Suite struct DamagedFileTests {
  let directory: FilesDirectory

  init() throws { directory = try FilesDirectory() }

  /// Whether a file is refused by an error that names it; otherwise it must read as the same.
  private func isRefused<Value>(
    _ path: String, read: (String) throws -> Value, isSame: (Value) -> Bool, _ damage: String
  ) -> Bool {
    do {
      let value = try read(path)
      #expect(isSame(value), "\(damage): reads as something else")
      return false
    } catch {
      let isNamed = (error as? ModelFileError)?.path == path
      #expect(isNamed, "\(damage): \(error)")
      return true
    }
  }

  private func damage<Value>(
    _ name: String, write: (String) throws -> Void, read: (String) throws -> Value,
    isSame: (Value) -> Bool
  ) throws {
    let path = directory.file("whole.ebb")
    try write(path)
    let bytes = try directory.bytes("whole.ebb")
    #expect(try isSame(read(path)))
    let damaged = directory.file("damaged.ebb")
    let headerEnd = 8 + bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    for length in bytes.indices {
      _ = try directory.put(Array(bytes[..<length]), "damaged.ebb")
      let refused = isRefused(damaged, read: read, isSame: isSame, "cut to \(length) bytes")
      #expect(refused, "a file cut to \(length) bytes was read")
    }
    var readAsSame = 0
    for bit in 0..<8 * bytes.count {
      var flipped = bytes
      flipped[bit / 8] ^= 1 << (bit % 8)
      _ = try directory.put(flipped, "damaged.ebb")
      let refused = isRefused(damaged, read: read, isSame: isSame, "bit \(bit)")
      if !refused { readAsSame += 1 }
      if bit / 8 >= headerEnd { #expect(refused, "payload bit \(bit)") }
    }
    print(
      "\(name): \(bytes.count) truncations refused; of \(8 * bytes.count) flipped bits, "
        + "\(8 * headerEnd) in the header, \(readAsSame) read as the same")
  }

  @Test func models() throws {
    let model = try smallModel()
    try damage(
      "model", write: { try model.write(to: $0) }, read: { try Model(contentsOf: $0) },
      isSame: { $0.isSame(as: model) })
  }

  @Test func checkpoints() throws {
    let checkpoint = try smallCheckpoint(.momentum())
    try damage(
      "checkpoint", write: { try checkpoint.write(to: $0) },
      read: { try Checkpoint(contentsOf: $0) }, isSame: { $0.isSame(as: checkpoint) })
  }

  @Test func flippedPayloadBitsAreChecksumErrors() throws {
    let path = directory.file("whole.ebb")
    try smallModel().write(to: path)
    let bytes = try directory.bytes("whole.ebb")
    let payload = try smallModel().parameterCount * 4
    for bit in 8 * (bytes.count - payload)..<8 * bytes.count {
      var flipped = bytes
      flipped[bit / 8] ^= 1 << (bit % 8)
      let damaged = try directory.put(flipped, "damaged.ebb")
      let error = fileError { () throws(ModelFileError) in _ = try Model(contentsOf: damaged) }
      #expect(error?.kind == .wrongChecksum)
    }
  }
}
