import Foundation
import Testing

@Suite struct CheckTests {
  /// A workplace with a run on an example file.
  static func trained(
    _ name: String, _ target: String, _ flags: String...
  ) throws -> Workplace {
    let place = try Workplace()
    let arguments = ["train", Command.example(name), "--target", target, "--quiet"] + flags
    let outcome = try place.run(arguments + ["--output", "run", "--epochs", "5"])
    try #require(outcome.status == 0, "\(outcome.errors)")
    return place
  }

  @Test func theDigitsRunAgrees() throws {
    let place = try Self.trained("digits", "digit")
    let outcome = try place.ebb("check", "run")
    #expect(outcome.status == 0, "\(outcome.errors)")
    for name in ["hidden1.weight", "hidden1.bias", "output.weight", "output.bias"] {
      let line = outcome.output.split(separator: "\n").first { $0.hasPrefix(name) }
      #expect(line?.contains("agrees to") == true, "\(name)\n\(outcome.output)")
    }
    #expect(outcome.output.contains("256 of 1,258 rows, evenly spread"))
    #expect(outcome.output.contains("equal, bit for bit"))
    #expect(outcome.output.contains("the gradient agrees to"))
    #expect(!outcome.output.lowercased().contains("prove"))
    #expect(!outcome.output.contains("nan"))
  }

  @Test func aModelFileAndItsDataAsJSON() throws {
    let place = try Self.trained("iris", "species", "--hidden", "16,8", "--activation", "tanh")
    let outcome = try place.ebb(
      "check", "run/model.ebb", Command.example("iris"), "--json", "--rows", "40", "--seed", "3")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let json = try outcome.json()
    #expect(json["verdict"] as? String == "agrees")
    #expect(try #require(json["agreesTo"] as? Double) < 1e-7)
    #expect(json["rows"] as? Int == 40 && json["rowsGiven"] as? Int == 150)
    let tensors = try #require(json["tensors"] as? [[String: Any]])
    #expect(tensors.count == 6)
    for tensor in tensors {
      let keys = Set(tensor.keys)
      let expected: Set<String> = [
        "name", "shape", "mode", "verdict", "agreesTo", "disagreesBy", "reason", "gradientNorm",
        "resolution", "step", "kinks", "evaluations", "directions", "worst",
      ]
      #expect(keys == expected)
      let worst = try #require(tensor["worst"] as? [String: Any])
      let name = try #require(tensor["name"] as? String)
      #expect((worst["name"] as? String)?.hasPrefix(name + "[") == true)
      let (gradient, difference) = (
        try #require(worst["gradient"] as? Double), try #require(worst["difference"] as? Double)
      )
      let norm = try #require(tensor["gradientNorm"] as? Double)
      #expect(abs(gradient - difference) <= 1e-7 * norm)
    }
    let laws = try #require(json["laws"] as? [[String: Any]])
    #expect(
      laws.map { $0["name"] as? String }
        == ["micro-batches", "threads", "executor", "single precision"])
  }

  @Test func aRunsOwnRowsAndOnlySomeTensors() throws {
    let place = try Self.trained("diabetes", "progression", "--hidden", "none")
    let outcome = try place.ebb("check", "run", "--split", "test", "--tensors", "output.bias")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("test rows of"))
    #expect(outcome.output.contains("output.bias"))
    #expect(!outcome.output.contains("output.weight"))
  }

  @Test func dropoutIsCheckedTwice() throws {
    let place = try Self.trained("breast-cancer", "diagnosis", "--dropout", "0.2")
    let outcome = try place.ebb("check", "run", "--rows", "1000000000", "--threads", "4")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("hidden1.weight (training)"))
    #expect(outcome.output.contains("1 thread = 2, 3, 4 threads"))
  }

  @Test func aToleranceBelowRoundingIsNoPass() throws {
    let place = try Self.trained("iris", "species")
    let outcome = try place.ebb("check", "run", "--tolerance", "1e-19")
    #expect(outcome.status == 3, "\(outcome.output)\(outcome.errors)")
    #expect(outcome.output.contains("inconclusive"))
    let json = try place.ebb("check", "run", "--tolerance", "1e-19", "--json")
    #expect(json.status == 3)
    #expect(try json.json()["verdict"] as? String == "inconclusive")
  }

  @Test func wrongArguments() throws {
    let place = try Self.trained("iris", "species")
    let data = Command.example("iris")
    let wrong: [(arguments: [String], status: Int32, text: String)] = [
      (["check"], 2, "MODEL"),
      (["check", "run", data, "--split", "test"], 2, "either DATA or --split"),
      (["check", "run/model.ebb"], 2, "give the DATA"),
      (["check", "run/model.ebb", "--split", "test"], 2, "needs the directory of a run"),
      (["check", "run", "--tensors", "hidden1.wieght"], 2, "did you mean hidden1.weight?"),
      (["check", "run", "--tensors", ""], 2, "the names are"),
      (["check", "run", "--rows", "0"], 2, "1 or more"),
      (["check", "run", "--tolerance", "-1"], 2, "above 0"),
      (["check", "run", "--split", "tset"], 2, "did you mean test?"),
      (["check", "nowhere"], 1, "nowhere"),
      (["check", "run", "missing.csv"], 1, "missing.csv"),
      (["check", "run", Command.example("diabetes")], 1, "sepal"),
    ]
    for (arguments, status, text) in wrong {
      let outcome = try place.run(arguments)
      let label = "\(arguments)\n\(outcome.output)\(outcome.errors)"
      #expect(outcome.status == status, "\(label)")
      #expect(outcome.errors.contains(text), "\(label)")
      #expect(outcome.output.isEmpty, "\(label)")
    }
  }

  @Test func aDamagedModelIsRefused() throws {
    let place = try Self.trained("iris", "species")
    let path = place.path + "/run/model.ebb"
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    bytes[bytes.count - 3] ^= 4
    try bytes.write(to: URL(fileURLWithPath: path))
    let outcome = try place.ebb("check", "run")
    #expect(outcome.status == 1 && outcome.errors.contains("checksum"), "\(outcome.errors)")
  }
}
