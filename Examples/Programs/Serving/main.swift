// One model, many tasks: each asks for single rows, and all share the model's numbers.
//
//     swift run -c release Serving Examples/iris.csv
//
// A server does the same in its handlers: the predictor is Sendable, and no call waits for another.
import Ebb

let csv = CommandLine.arguments.count > 1 ? CommandLine.arguments[1] : "Examples/iris.csv"
let table = try Table(csv: csv)
let data = try table.prepared(target: "species", split: .init(seed: 7))
let network = Network {
  Dense(16, activation: .tanh)
  Dense(data.classes.count)
}
let trainer = try Trainer(
  network, loss: .softmaxCrossEntropy, optimizer: .adam(learningRate: 0.01), on: data, seed: 7)
let model = try trainer.fit(
  data.training, validation: data.validation, options: FitOptions(epochs: 60, batchSize: 16))

// One row, as a request brings it: texts by column.
let predictor = try model.sharedPredictor()
let flower = [
  "sepal_length": "5.1", "sepal_width": "3.5", "petal_length": "1.4", "petal_width": "0.2",
]
let answer = try predictor.predict(flower)
print("one flower: \(answer), probabilities \(answer.probabilities ?? [])")

// 64 tasks at once, each for all rows of the table in an order of its own.
let expected = try predictor.predict(table)
let rows = expected.count
let right = try await withThrowingTaskGroup(of: Int.self) { group in
  for task in 0..<64 {
    group.addTask {
      var same = 0
      for step in 0..<rows {
        let row = (step * 7 + task) % rows
        if try predictor.predict(table, rows: [row])[0] == expected[row] { same += 1 }
      }
      return same
    }
  }
  var sum = 0
  for try await same in group { sum += same }
  return sum
}
print("64 tasks asked for \(64 * rows) rows: \(right) answers are the single ones")
