import Foundation
import Testing

@Suite("ebb evaluate and ebb predict")
struct PredictTests {
  @Test("evaluate and predict agree with train's metrics")
  func agreement() throws {
    let place = try Workplace()
    let data = Command.example("digits")
    let trained = try place.ebb(
      "train", data, "--target", "digit", "--epochs", "10", "--output", "run", "--json")
    let metrics = try #require(try trained.json()["metrics"] as? [String: Any])
    let losses = try #require(try trained.json()["loss"] as? [String: Double])
    for part in ["training", "validation", "test"] {
      let evaluated = try place.ebb("evaluate", "run", "--split", part, "--json").json()
      #expect(evaluated["metrics"] as? NSDictionary == metrics[part] as? NSDictionary)
      #expect(evaluated["loss"] as? Double == losses[part])
    }
    let predicted = try place.ebb("predict", "run/model.ebb", data, "--probabilities")
    #expect(predicted.status == 0, "\(predicted.errors)")
    let lines = predicted.output.split(separator: "\n").map { $0.split(separator: ",") }
    #expect(lines[0].map(String.init) == ["prediction"] + (0...9).map { "p(\($0))" })
    #expect(lines.count == 1798)
    let truth = try String(contentsOfFile: data, encoding: .utf8).split(separator: "\n").dropFirst()
      .map { $0.split(separator: ",").last ?? "" }
    var right = 0
    for (line, label) in zip(lines.dropFirst(), truth) {
      let probabilities = line.dropFirst().compactMap { Double($0) }
      #expect(abs(probabilities.reduce(0, +) - 1) < 1e-5)
      #expect(probabilities.firstIndex(of: probabilities.max() ?? 0) == Int(line[0]))
      if line[0] == label { right += 1 }
    }
    let all = try place.ebb("evaluate", "run", data, "--json").json()
    let accuracy = try #require((all["metrics"] as? [String: Any])?["accuracy"] as? Double)
    #expect(Double(right) / 1797 == accuracy)
    let text = try place.ebb("evaluate", "run", data)
    #expect(text.output.contains("true \\ predicted"))
  }

  @Test("regression is predicted in the target's unit")
  func regression() throws {
    let place = try Workplace()
    let data = Command.example("diabetes")
    let trained = try place.ebb(
      "train", data, "--target", "progression", "--epochs", "10", "--output", "run", "--json")
    #expect(trained.status == 0, "\(trained.errors)")
    let predicted = try place.ebb("predict", "run", data, "--format", "jsonl")
    let values = try predicted.output.split(separator: "\n").map { line in
      try #require(
        (try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Double])?[
          "prediction"])
    }
    let truth = try String(contentsOfFile: data, encoding: .utf8).split(separator: "\n").dropFirst()
      .compactMap { $0.split(separator: ",").last.flatMap { Double($0) } }
    #expect(values.count == 442 && truth.count == 442)
    let squares = zip(values, truth).map { ($0 - $1) * ($0 - $1) }
    let rmse = (squares.reduce(0, +) / 442).squareRoot()
    let all = try place.ebb("evaluate", "run", data, "--json").json()
    let reported = try #require((all["metrics"] as? [String: Any])?["rmse"] as? Double)
    #expect(abs(rmse - reported) < 1e-3 * rmse)
  }

  @Test("unlabelled rows from standard input, in any order of columns, to a file")
  func unlabelled() throws {
    let place = try Workplace()
    try place.write(
      "size,\"kind, or not\",colour\n"
        + (0..<60).map {
          "\($0),\($0 < 30 ? "\"a,b\"" : "\"say \"\"c\"\"\""),\($0 % 2 == 0 ? "red" : "blue")"
        }
        .joined(separator: "\n") + "\n", to: "data.csv")
    let trained = try place.ebb(
      "train", "data.csv", "--target", "kind, or not", "--output", "run", "--epochs", "100")
    #expect(trained.status == 0, "\(trained.errors)")
    let rows = "colour,size,extra\nred,2,x\nblue,55,y\ngreen,,z\n"
    let predicted = try place.ebb(
      "predict", "run", "-", "--output", "p.csv", "--probabilities", input: rows)
    #expect(predicted.status == 0, "\(predicted.errors)")
    #expect(predicted.output.isEmpty)
    #expect(predicted.errors.contains("green"))
    let lines = try place.text("p.csv").split(separator: "\n")
    #expect(lines.count == 4)
    #expect(lines[0] == #"prediction,"p(a,b)","p(say ""c"")""#)
    #expect(lines[1].hasPrefix(#""a,b","#))
    #expect(lines[2].hasPrefix(#""say ""c""","#))
    let again = try place.ebb("predict", "run", "-", "--output", "p.csv", input: rows)
    #expect(again.status == 1)
    #expect(again.errors.contains("--force"))
    #expect(
      try place.ebb("predict", "run", "-", "--output", "p.csv", "--force", input: rows).status == 0)
    #expect(try place.text("p.csv").split(separator: "\n").count == 4)
  }
}
