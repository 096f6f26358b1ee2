// Two crescents that reach into each other: a linear model draws a straight line between them and
// is wrong about their tips; a network bends its boundary around them.
//
//     swift run -c release TwoMoons                    draws both boundaries as text
//     swift run -c release TwoMoons pgm > moons.pgm    the network's boundary as a picture
import Ebb

// MARK: The data

/// Points on two half circles with some noise; those of the second moon have label 1.
///
/// The random numbers come from a counter and the seed alone (Philox): no generator keeps a state,
/// so the same seed always gives the same points.
func moons(points count: Int, noise: Double, seed: UInt64) throws -> Dataset {
  let graph = try trace { builder in
    let angle = Double.pi * builder.random(.uniform, shape: [count, 1])
    let first = concatenate([cos(angle), sin(angle)], axis: 1)
    let second = concatenate([1 - cos(angle), 0.5 - sin(angle)], axis: 1)
    let both = concatenate([first, second], axis: 0)
    return ["points": both + noise * builder.random(.normal, shape: both.shape)]
  }
  let points = try Interpreter<Double>(graph).number("points", [:], seed: seed)
  let labels = [Int32](repeating: 0, count: count) + [Int32](repeating: 1, count: count)
  return try Dataset(
    features: points.elements.map { Float($0) }, featureCount: 2,
    targets: .classes(labels, count: 2))
}

// MARK: Training

let training = try moons(points: 200, noise: 0.15, seed: 1)
let test = try moons(points: 500, noise: 0.15, seed: 2)

func trained(_ network: Network) throws -> Trainer {
  let trainer = try Trainer(
    network, loss: .binaryCrossEntropy, optimizer: .adam(learningRate: 0.01), inputs: 2,
    options: .init(seed: 1))
  for epoch in 1...200 {
    for batch in try training.batches(of: 32, epoch: epoch) { try trainer.step(batch) }
  }
  return trainer
}

let linear = try trained(
  Network {
    Dense(1)
  })
let network = try trained(
  Network {
    Dense(16, activation: .tanh)
    Dense(16, activation: .tanh)
    Dense(1)
  })

// MARK: Drawing

/// The part of the plane that is drawn.
let (left, right, bottom, top): (Float, Float, Float, Float) = (-1.5, 2.5, -1, 1.5)

/// The probability of the second moon on a grid, row by row from the top.
func probabilities(_ trainer: Trainer, columns: Int, rows: Int) throws -> [Float] {
  var points: [Float] = []
  for row in 0..<rows {
    for column in 0..<columns {
      // The middle of each cell.
      points.append(left + (right - left) * (Float(column) + 0.5) / Float(columns))
      points.append(top - (top - bottom) * (Float(row) + 0.5) / Float(rows))
    }
  }
  let grid = try Dataset(features: points, featureCount: 2, targets: .none)
  return try trainer.predict(grid).values
}

/// The plane as text: `.` where the first moon is predicted, `#` where the second is; on it the
/// test points of the first moon as `o`, of the second as `x`.
func drawing(_ trainer: Trainer, columns: Int = 40, rows: Int = 20) throws -> String {
  var cells: [Character] = try probabilities(trainer, columns: columns, rows: rows)
    .map { $0 > 0.5 ? "#" : "." }
  guard case .classes(let labels, _) = test.targets else { return "" }
  // Every fifth point is enough to see the moons.
  for point in stride(from: 0, to: test.rowCount, by: 5) {
    let (x, y) = (test.features[2 * point], test.features[2 * point + 1])
    let column = Int(((x - left) / (right - left) * Float(columns)).rounded(.down))
    let row = Int(((top - y) / (top - bottom) * Float(rows)).rounded(.down))
    if (0..<columns).contains(column) && (0..<rows).contains(row) {
      cells[row * columns + column] = labels[point] == 0 ? "o" : "x"
    }
  }
  return (0..<rows).map { row in String(cells[(row * columns)..<((row + 1) * columns)]) }
    .joined(separator: "\n")
}

/// The plane as a grey picture in the PGM format: black where the first moon is certain.
func picture(_ trainer: Trainer, columns: Int = 320, rows: Int = 200) throws -> String {
  let greys = try probabilities(trainer, columns: columns, rows: rows)
    .map { String(Int((255 * $0).rounded())) }
  // The format asks for short lines.
  let lines = stride(from: 0, to: greys.count, by: 16)
    .map { greys[$0..<($0 + 16)].joined(separator: " ") }
  return "P2\n\(columns) \(rows)\n255\n" + lines.joined(separator: "\n")
}

if CommandLine.arguments.dropFirst().first == "pgm" {
  print(try picture(network))
} else {
  for (name, trainer) in [("linear model", linear), ("network", network)] {
    let accuracy = try trainer.evaluate(test).accuracy ?? 0
    print("\(name): \(trainer.parameterCount) parameters, test accuracy \(accuracy)")
    print(try drawing(trainer), terminator: "\n\n")
  }
}
