// Exclusive or: "one of the two, but not both". No straight line divides its four rows into yes and
// no, so a linear model cannot learn it; a network with one small hidden layer can.
import Ebb

let rows: [[Float]] = [[0, 0], [0, 1], [1, 0], [1, 1]]
let answers = [0, 1, 1, 0]
let xor = try Dataset(features: rows, labels: answers, classCount: 2)

let linear = Network {
  Dense(1)
}
let network = Network {
  Dense(4, activation: .tanh)
  Dense(1)
}

/// Trains on all four rows at once, 1,000 times, and shows what was learned.
func learn(_ network: Network, name: String) throws {
  let trainer = try Trainer(
    network, loss: .binaryCrossEntropy, optimizer: .adam(learningRate: 0.05), inputs: 2,
    options: .init(seed: 1))
  let allRows = try Batch(xor, rows: [0, 1, 2, 3])
  for _ in 1...1000 { try trainer.step(allRows) }

  print("\(name): \(trainer.parameterCount) parameters")
  let predictions = try trainer.predict(xor)
  for (row, answer) in zip(rows.indices, answers) {
    // One output: the probability that the answer is 1.
    let probability = predictions.probabilities(ofRow: row)[1]
    let (a, b) = (Int(rows[row][0]), Int(rows[row][1]))
    let verdict = predictions.classes[row] == answer ? "right" : "wrong"
    print("  \(a) xor \(b) = \(answer), predicted \(rounded(probability)): \(verdict)")
  }
  print("  loss \(rounded(Float(try trainer.evaluate(xor).loss)))")
}

/// A number with four decimals at most.
func rounded(_ x: Float) -> Float { (x * 10_000).rounded() / 10_000 }

try learn(linear, name: "linear")
try learn(network, name: "network")
