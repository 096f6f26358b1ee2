import Foundation
import Testing

/// `ebb check MODEL DATA --against FILE`.
@Suite struct AgainstTests {
  /// A model trained on the digits, in a workplace.
  private func trained() throws -> Workplace {
    let workplace = try Workplace()
    let outcome = try workplace.ebb(
      "train", Command.example("digits"), "--target", "digit", "--hidden", "16", "--activation",
      "tanh", "--epochs", "2", "--output", "run", "--quiet")
    try #require(outcome.status == 0, "\(outcome.errors)")
    return workplace
  }

  /// An NPY file of one vector of 32-bit numbers.
  private func vector(_ values: [Float], in workplace: Workplace, _ name: String) throws {
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(values.count),), }\n"
    var data = Data([0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0])
    data.append(Data(header.utf8))
    for value in values {
      withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
    }
    try data.write(to: URL(fileURLWithPath: "\(workplace.path)/\(name)"))
  }

  @Test func wrongGradientsExitWith3AndSayWhere() throws {
    let workplace = try trained()
    let count = 64 * 16 + 16 + 16 * 10 + 10
    try vector([Float](repeating: 0, count: count), in: workplace, "zero.npy")
    let arguments = [
      "check", "run/model.ebb", Command.example("digits"), "--against", "zero.npy",
    ]
    let outcome = try workplace.run(arguments)
    #expect(outcome.status == 3, "\(outcome.errors)")
    #expect(outcome.output.contains("all zero"), "\(outcome.output)")
    #expect(outcome.output.contains("1,797 rows"), "\(outcome.output)")
    let json = try workplace.run(arguments + ["--json"])
    #expect(json.status == 3)
    let object = try json.json()
    #expect(object["agrees"] as? Bool == false)
    #expect((object["tensors"] as? [Any])?.count == 4)
  }

  @Test func filesThatCannotBeCompared() throws {
    let workplace = try trained()
    try vector([1, 2, 3], in: workplace, "short.npy")
    try workplace.write("a,b\n1,2\n", to: "text.npz")
    for (file, words) in [
      ("short.npy", "no array has a parameter's name"), ("text.npz", "text file"),
      ("missing.npz", "no such file"),
    ] {
      let outcome = try workplace.ebb(
        "check", "run/model.ebb", Command.example("digits"), "--against", file)
      #expect(outcome.status == 1, "\(file): \(outcome.errors)")
      #expect(outcome.errors.contains(words), "\(file): \(outcome.errors)")
      #expect(outcome.errors.contains(file), "\(file): \(outcome.errors)")
    }
    let outcome = try workplace.ebb(
      "check", "run/model.ebb", Command.example("digits"), "--against", "short.npy", "--rows", "9")
    #expect(outcome.status == 2)
  }
}
