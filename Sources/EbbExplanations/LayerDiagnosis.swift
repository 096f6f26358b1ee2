internal import EbbGraph
internal import EbbNetworks

/// How gradient reaches one dense layer, in numbers.
public struct LayerDiagnosis: Hashable, Sendable {
  /// The layer's name.
  public let name: String
  /// Its weights and biases.
  public let parameters: Int
  /// How many of them get no gradient on any row.
  public let withoutGradient: Int
  /// How many get a gradient on some rows, and nothing in sum.
  public let cancelled: Int
  /// How many get none although their input and their neuron are both in order: the one is 0 whenever
  /// the other passes something on.
  public let neverTogether: Int
  /// The root of the mean square of what the layer is given.
  public let inputScale: Double
  /// The root of the mean square of each row's loss by the layer's sums, δ.
  public let gradientScale: Double
  /// How much larger the gradient by the activations below is than δ: what the weights do to a gradient
  /// that passes them. Nil for the first layer, below which nothing learns.
  public let weightGain: Double?
  /// How much larger δ is than the gradient by the layer's activations: what the slopes do to it.
  public let slopeGain: Double
}

/// The sums over all rows from which a layer is diagnosed.
struct LayerStatistics {
  let name: String
  let inputName: String
  let units: Int
  let inputs: Int
  let activations: [Activation]
  let weight: [Double]
  let hasBias: Bool

  private(set) var rows = 0
  private(set) var inputLow: [Double]
  private(set) var inputHigh: [Double]
  private(set) var inputSquares = 0.0
  /// max |g'| by unit.
  private(set) var steepest: [Double]
  /// Σ δ and Σ |δ| by unit: the bias's gradient, and what it would be if no rows disagreed.
  private(set) var delta: [Double]
  private(set) var deltaMagnitude: [Double]
  private(set) var deltaSquares = 0.0
  /// Σ |∂L/∂h| by unit: what arrives from above.
  private(set) var arriving: [Double]
  private(set) var arrivingSquares = 0.0
  /// Σ δ h and Σ |δ h| by weight.
  private(set) var gradient: [Double]
  private(set) var gradientMagnitude: [Double]

  init(_ link: LayerChain.Link) {
    (name, inputName, units, inputs) = (link.name, link.inputName, link.units, link.inputs)
    activations = link.slopes.map(\.activation)
    weight = link.weight.elements
    hasBias = link.hasBias
    inputLow = [Double](repeating: .infinity, count: inputs)
    inputHigh = [Double](repeating: -.infinity, count: inputs)
    let none = [Double](repeating: 0, count: units)
    (steepest, delta, deltaMagnitude, arriving) = (none, none, none, none)
    gradient = [Double](repeating: 0, count: units * inputs)
    gradientMagnitude = gradient
  }

  /// Adds the rows of a chain.
  mutating func add(_ link: LayerChain.Link, rows count: Int) {
    rows += count
    let (h, d) = (link.input.elements, link.gradientBySums.elements)
    let back = link.gradientByOutputs.elements
    for row in 0..<count {
      for j in 0..<inputs {
        let value = h[row * inputs + j]
        inputLow[j] = min(inputLow[j], value)
        inputHigh[j] = max(inputHigh[j], value)
        inputSquares += value * value
      }
      for i in 0..<units {
        let (delta, arrived) = (d[row * units + i], back[row * units + i])
        steepest[i] = max(steepest[i], link.slope(row, i).magnitude)
        self.delta[i] += delta
        deltaMagnitude[i] += delta.magnitude
        deltaSquares += delta * delta
        arriving[i] += arrived.magnitude
        arrivingSquares += arrived * arrived
        if delta == 0 { continue }
        for j in 0..<inputs {
          let product = delta * h[row * inputs + j]
          gradient[i * inputs + j] += product
          gradientMagnitude[i * inputs + j] += product.magnitude
        }
      }
    }
  }

  /// √ of the mean square of δ.
  var gradientScale: Double { (deltaSquares / Double(rows * units)).squareRoot() }
  /// √ of the mean square of ∂L/∂h.
  var arrivingScale: Double { (arrivingSquares / Double(rows * units)).squareRoot() }
  /// What the slopes make of the gradient.
  var slopeGain: Double { arrivingScale > 0 ? gradientScale / arrivingScale : 0 }
  /// What the weights make of the gradient that passes them to the layer below.
  func weightGain(below layer: LayerStatistics) -> Double {
    gradientScale > 0 ? layer.arrivingScale / gradientScale : 0
  }
  var inputScale: Double { (inputSquares / Double(rows * inputs)).squareRoot() }
  var weightScale: Double {
    (weight.reduce(0) { $0 + $1 * $1 } / Double(weight.count)).squareRoot()
  }

  /// Whether an input is 0 on all rows.
  func isZero(input j: Int) -> Bool { inputLow[j] == 0 && inputHigh[j] == 0 }

  /// The length of the weights that lead from an input on.
  func columnLength(_ j: Int) -> Double {
    var sum = 0.0
    for i in 0..<units { sum += weight[i * inputs + j] * weight[i * inputs + j] }
    return sum.squareRoot()
  }

  /// How much of a unit's gradients is left in the sum over rows, at most; nil if no row has any.
  func remainder(unit i: Int) -> Double? {
    var most: Double?
    if hasBias && deltaMagnitude[i] > 0 {
      most = delta[i].magnitude / deltaMagnitude[i]
    }
    for index in (i * inputs)..<((i + 1) * inputs) where gradientMagnitude[index] > 0 {
      most = max(most ?? 0, gradient[index].magnitude / gradientMagnitude[index])
    }
    return most
  }

  /// The same for the weights of an input.
  func remainder(input j: Int) -> Double? {
    var most: Double?
    for index in stride(from: j, to: units * inputs, by: inputs)
    where gradientMagnitude[index] > 0 {
      most = max(most ?? 0, gradient[index].magnitude / gradientMagnitude[index])
    }
    return most
  }
}
