import Ebb
import EbbGraph
import Testing

@Suite("Predictions that are no numbers")
struct PredictionErrorTests {
  private func data(target: String) throws -> PreparedData {
    var text = "a,b,p,n\n"
    for row in 0..<40 { text += "\(row % 5),\(row % 4),\("pq".map(String.init)[row % 2]),\(row)\n" }
    return try Table(csvText: text, source: "t.csv").prepared(
      target: target, ignoring: [target == "p" ? "n" : "p"])
  }

  private func model(_ data: PreparedData) throws -> Model {
    let network = Network {
      Dense(64, activation: .relu)
      Dense(64, activation: .relu)
      Dense(data.task == .regression ? 1 : 2)
    }
    return try Trainer(
      network, loss: data.task == .regression ? .squaredError : .softmaxCrossEntropy,
      optimizer: .sgd(), on: data, seed: 3
    ).model
  }

  private func error(_ body: () throws -> Void) -> PredictionError? {
    do {
      try body()
      return nil
    } catch {
      return error as? PredictionError
    }
  }

  @Test("a row that gives nan is named with line, column and value, wherever rows are read")
  func rows() throws {
    let data = try data(target: "p")
    let model = try model(data)
    let text = "a,b,p\n1,1,p\n1,3e38,p\n"
    let schema = try #require(model.schema)
    let table = try Table(csvText: text, source: "x.csv")
    let rows = try schema.encode(table, target: .required).dataset
    for found in [
      error { _ = try model.predict(table) },
      error { _ = try model.predictor().predict(rows) },
      error { _ = try model.predictor().evaluate(rows, schema: schema) },
      error {
        _ = try ExplanationSubject(model: model, row: Batch(rows, rows: [1]), name: "row 2")
      },
    ] {
      #expect(found?.cause == .row && found?.row == 1 && found?.line == 3 && found?.column == "b")
      #expect(found?.description.hasPrefix("x.csv:3: column \"b\" holds 3e+38, ") == true)
      #expect(found?.description.contains("the network's output for this row is") == true)
    }
    let bare = try Dataset(features: [0, 1, -3e38, 3e38], featureCount: 2, targets: .none)
    let found = error { _ = try model.predictor().predict(bare) }
    #expect(found?.row == 1 && found?.line == nil)
    #expect(found?.description.hasPrefix("row 2 of the data: the feature \"x") == true)
  }

  @Test("so is a number too large for the target's unit")
  func regression() throws {
    let data = try data(target: "n")
    let model = try model(data)
    let table = try Table(csvText: "a,b\n1,1\n-3e38,3e38\n", source: "x.csv")
    let found = error { _ = try model.predict(table) }
    #expect(found?.cause == .row && found?.line == 3)
  }

  @Test("a target so far off that the loss is no number is named")
  func target() throws {
    let data = try data(target: "n")
    let model = try model(data)
    let schema = try #require(model.schema)
    let table = try Table(csvText: "a,b,n\n1,1,3\n1,1,1e30\n", source: "x.csv")
    let rows = try schema.encode(table, target: .required).dataset
    let found = error { _ = try model.predictor().evaluate(rows, schema: schema) }
    #expect(found?.cause == .target && found?.line == 3 && found?.column == "n")
    #expect(found?.description.hasPrefix("x.csv:3: the target \"n\" is 1e+30, ") == true)
    #expect(error { _ = try model.predictor().predict(rows) } == nil)
  }

  @Test("weights that are no numbers are the model's fault")
  func weights() throws {
    let network = Network { Dense(2) }
    let model = try Model(
      network, inputs: 1, loss: .softmaxCrossEntropy,
      weights: [
        "output.weight": NDArray([1, .nan], shape: [2, 1]), "output.bias": NDArray([0, 0]),
      ])
    let rows = try Dataset(features: [[1], [2]], labels: [0, 1], classCount: 2)
    for found in [
      error { _ = try model.predictor().predict(rows) },
      error { _ = try model.predictor().evaluate(rows) },
      error {
        _ = try ExplanationSubject(model: model, row: Batch(rows, rows: [0]), name: "row 1")
      },
    ] {
      #expect(found?.cause == .model && found?.row == nil)
      #expect(
        found?.description.hasPrefix("the model's output.weight holds nan, so it predicts nothing")
          == true)
    }
    let large = try Model(
      network, inputs: 1, loss: .softmaxCrossEntropy,
      weights: [
        "output.weight": NDArray([3e38, -3e38], shape: [2, 1]), "output.bias": NDArray([0, 0]),
      ])
    let found = error { _ = try large.predictor().predict(rows) }
    #expect(found?.cause == .model && found?.row == 1)
    #expect(found?.description.contains("the model's numbers are too large") == true)
  }

  @Test("a validation row that gives nan ends training at once, with its place")
  func training() throws {
    var lines = ["a,y"] + (0..<40).map { "\($0 % 5),\($0 % 2)" }
    let plain = try Table(csvText: lines.joined(separator: "\n")).prepared(target: "y")
    let row = plain.split.validation[0]
    lines[row + 1] = "3e38,\(row % 2)"
    let data = try Table(csvText: lines.joined(separator: "\n"), source: "t.csv")
      .prepared(target: "y")
    let network = Network {
      Dense(64, activation: .relu)
      Dense(64, activation: .relu)
      Dense(2)
    }
    let trainer = try Trainer(
      network, loss: .softmaxCrossEntropy, optimizer: .sgd(), on: data, seed: 3)
    let found = error { _ = try trainer.fit(data.training, validation: data.validation) }
    #expect(found?.cause == .row && found?.line == row + 2)
  }
}
