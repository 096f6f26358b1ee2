import Ebb
import EbbSystem
import Foundation
import Testing

@Suite("A predictor for many tasks")
struct SharedPredictorTests {
  /// A model of a table with numbers, texts and a constant column.
  private static func model(regression: Bool = false) throws -> (model: Model, table: Table) {
    var text = "size,colour,constant,answer\n"
    for row in 0..<90 {
      let size = Double(row * 37 % 50) / 4
      let colour = ["red", "green", " blue", "7"][row % 4]
      let answer = regression ? "\(size * 3 + Double(row % 4))" : (size > 6 ? "big" : "small")
      text += "\(size),\"\(colour)\",5,\(answer)\n"
    }
    let table = try Table(csvText: text)
    let data = try table.prepared(target: "answer", split: Split("80/20/0"))
    let network = Network {
      Dense(8, activation: .tanh)
      Dense(1)
    }
    let trainer = try Trainer(
      network, loss: regression ? .squaredError : .binaryCrossEntropy,
      optimizer: .adam(learningRate: 0.02), on: data, seed: 3)
    return (
      try trainer.fit(data.training, options: FitOptions(epochs: 20, batchSize: 16)), table
    )
  }

  @Test(
    "gives the bits of Predictor, by numbers, by fields and by tables", arguments: [false, true])
  func bits(regression: Bool) throws {
    let (model, table) = try Self.model(regression: regression)
    let dataset = try #require(model.schema).encode(table, target: .ignored).dataset
    let expected = try model.predictor().predict(dataset)
    let answers = try model.predict(table)
    let predictor = try model.sharedPredictor()
    let tableAnswers = try predictor.predict(table)
    #expect(tableAnswers.map(\.answer) == answers)
    #expect(predictor.inputCount == 6 && predictor.outputCount == 1)
    for row in 0..<dataset.rowCount {
      let features = Array(dataset.features(ofRow: row))
      #expect(try predictor.predict(features) == [expected.values[row]])
      let size = Double(row * 37 % 50) / 4
      let fields = [
        "size": "\(size)", "colour": ["red", "green", " blue", "7"][row % 4], "constant": "5",
        "answer": "not looked at",
      ]
      #expect(try predictor.predict(fields) == tableAnswers[row])
    }
    #expect((tableAnswers[0].probabilities?.count ?? 0) == (regression ? 0 : 2))
  }

  @Test("a field means what it means in quotes in a file")
  func fields() throws {
    let (model, _) = try Self.model()
    let (schema, predictor) = (try #require(model.schema), try model.sharedPredictor())
    let encoder = RowEncoder(schema)
    let sizes = [
      "3", "-2.5", "1e1", "+4", ".5", "", "NA", "nan", "-", "none", "Inf", "1e400", "007", " 3",
      "3,5",
      "0x10", "abc", "1e39", "１",
    ]
    let colours = ["red", "blue", " blue", "RED", "7", "07", "", "NA", "grün", "7.0", "-"]
    var (agreed, refused) = (0, 0)
    for size in sizes {
      for colour in colours {
        let csv = "colour,size,constant\n\"\(colour)\",\"\(size)\",5\n"
        let row = ["size": size, "colour": colour, "constant": "5"]
        do {
          let fromFile = try Table(
            csvBytes: Array(csv.utf8), source: "f", schema: schema, target: .ignored)
          let dataset = try schema.encode(fromFile, target: .ignored).dataset
          #expect(try encoder.encode(row) == Array(dataset.features(ofRow: 0)), "\(row)")
          #expect(try predictor.predict(row) == predictor.predict(fromFile)[0])
          agreed += 1
        } catch let error as DataError {
          let own = #expect(throws: DataError.self, "\(row): \(error)") { try encoder.encode(row) }
          #expect(own?.kind == error.kind || error.kind == .numberOutOfRange, "\(row): \(error)")
          refused += 1
        }
      }
    }
    #expect(agreed > 50 && refused > 50)
  }

  @Test("64 tasks at once get the answers of one")
  func tasks() async throws {
    let (model, table) = try Self.model()
    let predictor = try model.sharedPredictor()
    let dataset = try #require(model.schema).encode(table, target: .ignored).dataset
    let rows = (0..<dataset.rowCount).map { Array(dataset.features(ofRow: $0)) }
    let expected = try rows.map { try predictor.predict($0) }
    let wrong = try await withThrowingTaskGroup(of: Int.self) { group in
      for task in 0..<64 {
        group.addTask {
          var wrong = 0
          for step in 0..<2000 {
            let row = (step * 31 + task * 7) % rows.count
            if try predictor.predict(rows[row]) != expected[row] { wrong += 1 }
          }
          return wrong
        }
      }
      return try await group.reduce(0, +)
    }
    #expect(wrong == 0)
  }

  @Test("what cannot be predicted is refused with the reason")
  func refusals() throws {
    let (model, _) = try Self.model()
    let predictor = try model.sharedPredictor()
    let short = #expect(throws: ModelError.self) { try predictor.predict([1, 2]) }
    #expect(short?.message == "the network takes 6 features, the row has 2")
    let nan = #expect(throws: ModelError.self) {
      try predictor.predict([1, .nan, 0, 0, 0, 0] as [Float])
    }
    #expect(nan?.message.contains("feature 1 of the row is nan") == true)
    let absent = #expect(throws: DataError.self) {
      try predictor.predict(["sise": "3", "colour": "red", "constant": "5"])
    }
    #expect(absent?.description.contains("\"size\", which the model needs, is missing") == true)
    #expect(absent?.description.contains("sise") == true)
    // The refused calls have left nothing behind.
    #expect(try predictor.predict([0, 0, 0, 0, 0, 0] as [Float]).count == 1)
    let bare = try Model(
      Network { Dense(1) }, inputs: 1, loss: .squaredError,
      weights: ["output.weight": [[2]], "output.bias": [1]]
    ).sharedPredictor()
    #expect(try bare.predict([3]) == [7])
    let far = #expect(throws: PredictionError.self) { try bare.predict([3e38]) }
    #expect(far?.cause == .row)
    #expect(try bare.predict([-3]) == [-5])
    #expect(throws: ModelError.self) { try bare.predict(["x": "1"]) }
  }
}
