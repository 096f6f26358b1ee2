internal import EbbData
internal import EbbGradients
internal import EbbGraph
internal import EbbNetworks
internal import EbbNumerics
internal import EbbTraining

/// Gradients by parameter name, row-major in the orientation of files.
typealias GradientSet = [String: [Double]]

/// What comparing needs of a batch: Ebb's gradients, and the sums from which wrong ones are made.
struct GradientEvidence {
  /// A layer that applies an activation, by the names of the values around it.
  struct Site {
    let layer: String
    /// The value that the layer is given: `features` or another layer's activation.
    let input: String
    /// The value that the activation is given.
    let before: String
    let after: String
    let activation: Activation
    let isDense: Bool
  }

  let model: Model
  let batch: Batch
  let sites: [Site]
  /// The network's outputs, as a value's name.
  let outputName: String
  private(set) var loss = 0.0
  /// Ebb's gradients of the mean loss.
  private(set) var own: GradientSet = [:]
  /// The norm that a gradient would have if nothing cancelled in its sum over the rows: rounding is
  /// relative to it.
  private(set) var uncancelled: [String: Double] = [:]
  /// ∇a of each dense layer, row by row.
  private(set) var deltas: [String: [[Double]]] = [:]
  /// The sum over the rows of what each dense layer is given.
  private(set) var inputSums: [String: [Double]] = [:]
  /// Of each output, the largest over all rows.
  private var outputMaxima: [Double] = []
  /// Of each output, Σ e^(a − maximum) over all rows.
  private var outputSums: [Double] = []
  private let exp = Unary.exp.row(ElementaryFunctions<Double>.platform).value

  /// Rows for which one trace is run.
  static let chunk = 256

  /// How many outputs the network has.
  var outputCount: Int { outputMaxima.count }

  /// Runs all rows once.
  init(_ model: Model, _ batch: Batch) throws {
    self.model = model
    self.batch = batch
    var sites: [Site] = []
    var input = NetworkTrace.Port.features
    for (layer, name) in zip(model.network.layers, model.network.names) {
      let after = "\(name).activation"
      if let dense = layer as? Dense {
        sites.append(
          Site(
            layer: name, input: input, before: "\(name).preactivation", after: after,
            activation: dense.activation, isDense: true))
      } else if let layer = layer as? ActivationLayer {
        sites.append(
          Site(
            layer: name, input: input, before: input, after: after, activation: layer.activation,
            isDense: false))
      }
      input = after
    }
    self.sites = sites
    outputName = input
    var magnitudes: GradientSet = [:]
    try forEachChunk { gradients, _, _ in
      loss += gradients.loss
      for name in gradients.parameterNames { own.add(gradients[name]?.elements ?? [], to: name) }
      for site in sites where site.isDense { addDense(site, gradients, &magnitudes) }
      addOutputs(gradients)
    }
    for (name, values) in magnitudes { uncancelled[name] = values.euclideanNorm }
  }

  /// Runs the rows in pieces: their share of Ebb's gradients, the inputs of traces, the rows.
  func forEachChunk(
    factor: (_ row: Int) -> Double = { _ in 1 },
    jitter: (_ chunk: Int) -> (RoundingJitter, round: Int)? = { _ in nil },
    _ body: (NetworkGradients<Double>, [String: NDArray<Double>], Batch) throws -> Void
  ) throws {
    let rows = batch.rows
    var known: (rows: Int, trace: LossTrace, interpreter: Interpreter<Double>)?
    for start in stride(from: 0, to: rows.count, by: Self.chunk) {
      let count = min(Self.chunk, rows.count - start)
      let first = rows.startIndex + start
      let part = Batch(checked: batch.dataset, rows: rows[first..<first + count])
      if known?.rows != count {
        let trace = try LossTrace(model, rows: count)
        known = (count, trace, try Interpreter<Double>(trace.graph))
      }
      guard let (_, trace, interpreter) = known else { continue }
      let factors = (0..<count).map { factor(start + $0) / Double(rows.count) }
      let inputs = try trace.inputs(model, part, factors: factors, as: Double.self)
      let found =
        if let (jitter, round) = jitter(start / Self.chunk) {
          try jitter.trial(round, interpreter, nil, inputs.numbers, indices: inputs.indices)
        } else {
          try interpreter.numbers(inputs.numbers, indices: inputs.indices)
        }
      try body(trace.gradients(found, parameters: inputs.numbers), inputs.numbers, part)
    }
  }

  /// How far from Ebb's gradients, tensor by tensor, those of a program may lie that rounds as it does:
  /// the furthest of several trials.
  func distances(_ jitter: RoundingJitter) throws -> [String: Double] {
    var furthest: [String: Double] = [:]
    for round in 0..<jitter.rounds {
      var trial: GradientSet = [:]
      try forEachChunk(jitter: { chunk in (jitter, round + chunk * jitter.rounds) }) {
        gradients, _, _ in
        for name in gradients.parameterNames {
          trial.add(gradients[name]?.elements ?? [], to: name)
        }
      }
      for (name, gradient) in own {
        let distance = gradient.distance(from: trial[name] ?? gradient)
        furthest[name] = max(furthest[name] ?? 0, distance.isNaN ? .infinity : distance)
      }
    }
    return furthest
  }

  /// Ebb's gradients where each row's loss has a factor of its own beside 1/B.
  func gradients(factor: (_ row: Int) -> Double) throws -> GradientSet {
    var result: GradientSet = [:]
    try forEachChunk(factor: factor) { gradients, _, _ in
      for name in gradients.parameterNames { result.add(gradients[name]?.elements ?? [], to: name) }
    }
    return result
  }

  private mutating func addDense(
    _ site: Site, _ gradients: NetworkGradients<Double>, _ magnitudes: inout GradientSet
  ) {
    guard let delta = gradients[site.before], let h = gradients.value(site.input) else { return }
    deltas[site.layer, default: []] += delta.rowsOfMatrix
    let rows = delta.shape[0]
    inputSums.add(
      sumOfOuterProducts(
        [Double](repeating: 1, count: rows), h.elements, rows: rows, 1, h.shape[1]),
      to: site.layer)
    let (sizes, inputs) = (delta.elements.map(\.magnitude), h.elements.map(\.magnitude))
    magnitudes.add(
      sumOfOuterProducts(sizes, inputs, rows: rows, delta.shape[1], h.shape[1]),
      to: "\(site.layer).weight")
    magnitudes.add(
      sumOfOuterProducts(sizes, [Double](repeating: 1, count: rows), rows: rows, delta.shape[1], 1),
      to: "\(site.layer).bias")
  }

  private mutating func addOutputs(_ gradients: NetworkGradients<Double>) {
    guard let outputs = gradients.value(outputName) else { return }
    for row in outputs.rowsOfMatrix {
      if outputMaxima.isEmpty {
        outputMaxima = row
        outputSums = [Double](repeating: 0, count: row.count)
      }
      for (column, value) in row.enumerated() {
        if value > outputMaxima[column] {
          outputSums[column] *= exp(outputMaxima[column] - value)
          outputMaxima[column] = value
        }
        outputSums[column] += exp(value - outputMaxima[column])
      }
    }
  }

  /// Softmax over the rows of the batch in place of the classes.
  func softmaxOverBatch(_ outputs: NDArray<Double>) -> NDArray<Double> {
    let width = outputMaxima.count
    return NDArray(
      outputs.elements.enumerated().map { place, value in
        let column = place % width
        return exp(value - outputMaxima[column]) / outputSums[column]
      }, shape: outputs.shape)
  }
}

/// Σ_rows left ⊗ right, for matrices [rows, m] and [rows, n]: [m, n] row-major.
func sumOfOuterProducts(
  _ left: [Double], _ right: [Double], rows: Int, _ m: Int, _ n: Int
) -> [Double] {
  var result = [Double](repeating: 0, count: m * n)
  for row in 0..<rows {
    for i in 0..<m {
      let factor = left[row * m + i]
      if factor == 0 { continue }
      for j in 0..<n { result[i * n + j] += factor * right[row * n + j] }
    }
  }
  return result
}

extension GradientSet {
  /// Adds numbers to those of a name; the first are taken as they are.
  mutating func add(_ values: [Double], to name: String) {
    guard var sum = self.removeValue(forKey: name) else {
      self[name] = values
      return
    }
    for index in sum.indices { sum[index] += values[index] }
    self[name] = sum
  }
}

extension [Double] {
  /// √Σx², without overflow; not a number if one of them is none.
  var euclideanNorm: Double { LinearAlgebra.norm(self) }

  /// The norm of what remains when a multiple of another vector is taken away.
  func distance(from other: [Double], times factor: Double = 1) -> Double {
    var differences = self
    for index in differences.indices { differences[index] -= factor * other[index] }
    return differences.euclideanNorm
  }
}

extension NDArray<Double> {
  /// The rows of a matrix.
  var rowsOfMatrix: [[Double]] {
    let width = shape[1]
    return (0..<shape[0]).map { Array(elements[$0 * width..<($0 + 1) * width]) }
  }
}
