// Two inputs, three outputs, weights that one can follow by hand: what a gradient with respect to
// the inputs says, and that it keeps its word.
import Ebb

let network = Network {
  Dense(3, hasBias: false)
}

/// Goes through the model at an input, forwards and backwards, and prints what it meets.
///
/// The loss is |ŷ_1| + |ŷ_2| + |ŷ_3|: best where all outputs are 0.
func show(weights: NDArray<Float>, input: [Float]) throws {
  // A weight matrix has a row for each output, as in ŷ = W x.
  let model = try Model(
    network, inputs: 2, loss: .absoluteError, weights: ["output.weight": weights])

  // The computation as a graph: the loss, and its gradients with respect to outputs and inputs.
  let graph = try trace { builder in
    let x = builder.input("x", shape: [1, 2])
    let y = network(x)
    let targets = builder.constant(array: NDArray(repeating: 0, shape: y.shape))
    let loss = sum(model.loss.perRow(outputs: y, targets: targets))
    let slopes = gradients(of: loss, with: [y, x])
    return ["y": y, "loss": loss, "delta": slopes[0], "dx": slopes[1]]
  }
  var numbers = try model.graphInputs()
  numbers["x"] = NDArray(input.map { Double($0) }, shape: [1, 2])
  let results = try Interpreter(graph).numbers(numbers)
  for (name, text) in [("y", "prediction"), ("delta", "delta = dL/dy"), ("dx", "dL/dx = W' delta")]
  {
    print("  \(text): \(results[name].map { "\($0.elements)" } ?? "none")")
  }

  // The gradient's claim, tried out: raise one input by 1 and look at the loss.
  func loss(_ x: [Float]) throws -> Double {
    try model.predictor().evaluate(Dataset(features: [x], values: [[0, 0, 0]])).loss
  }
  let before = try loss(input)
  print("  loss: \(before)")
  for index in input.indices {
    var raised = input
    raised[index] += 1
    print("  input \(index + 1) raised by 1: loss \(try loss(raised) - before) higher")
  }
}

print("all weights 1:")
try show(weights: [[1, 1], [1, 1], [1, 1]], input: [0.5, 0.5])

print("the first weight 2:")
try show(weights: [[2, 1], [1, 1], [1, 1]], input: [0.5, 0.5])
