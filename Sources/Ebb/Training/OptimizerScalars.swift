extension Optimizer {
  var scalarNames: [String] { scalars(step: 1, learningRate: learningRate).map(\.name) }

  func appendScalars(step: UInt64, learningRate: Double, to values: inout [Double]) {
    for scalar in scalars(step: step, learningRate: learningRate) { values.append(scalar.value) }
  }
}
