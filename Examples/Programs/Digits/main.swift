// Handwritten digits, from a CSV file to a saved model that reads new rows.
//
//     swift run -c release Digits Examples/digits.csv digits.ebb
import Ebb

let arguments = CommandLine.arguments
let csv = arguments.count > 1 ? arguments[1] : "Examples/digits.csv"
let file = arguments.count > 2 ? arguments[2] : "digits.ebb"

// 64 pixels per row, and the digit. 70 % of the rows are for training, 15 % to watch it, 15 % for
// the figure at the end. Means and scales of the pixels come from the training rows alone.
let table = try Table(csv: csv)
let data = try table.prepared(target: "digit", split: .init(seed: 7))

let network = Network {
  Dense(64, activation: .relu)
  Dense(data.classes.count)
}
let trainer = try Trainer(
  network, loss: .softmaxCrossEntropy, optimizer: .adam(), on: data, seed: 7)
for epoch in 1...20 {
  for batch in try trainer.batches(of: 32, from: data.training, epoch: epoch) {
    try trainer.step(batch)
  }
  print("epoch \(epoch): \(try trainer.evaluate(data.validation))")
}
print("test: \(try trainer.evaluate(data.test))")
try trainer.save(file)

// The file knows the network, its weights, and how columns become inputs: all that another program
// needs to read new rows. Here they are the first ten of the table, as if they were new: in
// digits.csv the digits 0 to 9 in order.
let model = try Model(contentsOf: file)
let answers = try model.predict(table, rows: Array(0..<10))
print("loaded, the first ten rows read as \(answers.map(\.description).joined(separator: " "))")
