internal import EbbData
internal import EbbGradients
internal import EbbGraph
internal import EbbNetworks
internal import EbbTraining

extension EquationsExplanation.End {
  init(
    _ subject: ExplanationSubject, _ shown: ShownNumbers, sweep: NetworkGradients<Double>,
    twin: NetworkGradients<Double>
  ) throws {
    let names = NetworkTrace.Port.self
    let argument = subject.model.network.names.last.map { "\($0).activation" } ?? names.features
    outputs = try shown.value(argument).elements
    let predictions = try shown.value(names.predictions).elements
    self.predictions = predictions
    let targets = subject.model.loss.targets(of: subject.row, outputs: outputs.count)
    self.targets = targets
    let byPredictions = shown.unfused[names.predictions]?.elements ?? []
    gradientByPredictions = byPredictions
    let function = subject.model.loss.outputFunction
    self.function = function
    if function == .softmax, let largest = outputs.max() {
      let exponents = NDArray(outputs.map { $0 - largest })
      let traced = TracedFunction({ exp($0[0]) }, of: [exponents.shape], for: "explanation")
      powers = try traced.compiled([traced.value])(at: [exponents]).first?.elements ?? []
    } else {
      powers = []
    }
    let count = outputs.count
    // For the usual losses of many outputs, all but one of these are 0.
    let rows = (0..<count).filter { byPredictions[$0] != 0 }
    product = (0..<count).map { column in
      rows.reduce(0) { sum, row in
        let slope = function.slope(of: row, by: column, at: predictions)
        // A zero stops everything, also what is infinite.
        return slope == 0 ? sum : sum + slope * byPredictions[row]
      }
    }
    fused = try shown.gradient(argument).elements
    unfused = shown.unfused[argument]?.elements ?? []
    let loss = subject.model.loss
    isLost = loss.losesGradient(
      at: predictions, targets: targets, smallest: subject.precision.smallest)
    let isLostInDouble = loss.losesGradient(
      at: sweep.value(names.predictions)?.elements ?? [], targets: targets,
      smallest: .leastNormalMagnitude)
    let pairs = zip(sweep[argument]?.elements ?? [], twin[argument]?.elements ?? [])
    unfusedDeviation =
      isLostInDouble ? nil : pairs.reduce(0.0) { max($0, ($1.0 - $1.1).magnitude) }
  }
}

extension ExplanationSubject.Precision {
  /// How far rounding may take a sum of products from the same sum added exactly: half a unit in the
  /// last place for each term and for each of the up to 32 roundings of an elementary function, and
  /// where products fall below the smallest number of full precision, half the smallest number.
  ///
  /// - Parameters:
  ///   - count: how many terms; 0: the two sides are one number.
  ///   - terms: Σ |term|.
  func rounding(of count: Int, terms: Double) -> Double {
    guard count > 0 else { return 0 }
    let (unit, least) =
      self == .single ? (0x1p-24, 0x1p-149) : (0x1p-53, Double.leastNonzeroMagnitude)
    return Double(count + 32) * (unit * terms + least)
  }

  /// The smallest number of full precision.
  var smallest: Double {
    self == .single ? Double(Float.leastNormalMagnitude) : .leastNormalMagnitude
  }
}

extension Loss {
  /// y as the equations need it: the label's class 1 and the others 0, the smoothed shares, or the
  /// target's numbers.
  func targets(of row: Batch, outputs: Int) -> [Double] {
    let place = Int(row.rows.first ?? 0)
    switch row.dataset.targets {
    case .none: return []
    case .values(let values, let count):
      return values[place * count..<(place + 1) * count].map { Double($0) }
    case .classes(let labels, _) where targetType == .index:
      var smoothing = 0.0
      if case .smoothedCrossEntropy(let share) = self { smoothing = share }
      return (0..<outputs).map { index in
        smoothing / Double(outputs) + (index == Int(labels[place]) ? 1 - smoothing : 0)
      }
    case .classes(let labels, _): return [Double(labels[place])]
    }
  }

  /// Whether a prediction is so near to 0 or 1 that its share of the loss has no slope any more.
  func losesGradient(
    at predictions: [Double], targets: [Double], smallest: Double
  ) -> Bool {
    zip(predictions, targets).contains { prediction, target in
      switch self {
      case .squaredError, .absoluteError, .huber: false
      case .binaryCrossEntropy:
        (target != 0 && prediction < smallest) || (target != 1 && prediction == 1)
      case .softmaxCrossEntropy, .smoothedCrossEntropy: target != 0 && prediction < smallest
      }
    }
  }

  /// ∇_ŷ L by the textbook's formula.
  func gradient(byPredictions predictions: [Double], targets: [Double]) -> [Double] {
    zip(predictions, targets).map { prediction, target in
      let residual = prediction - target
      switch self {
      case .squaredError: return 2 * residual
      case .absoluteError: return residual == 0 ? 0 : residual > 0 ? 1 : -1
      case .huber(let delta): return min(max(residual, -delta), delta)
      case .binaryCrossEntropy:
        let yes = target == 0 ? 0 : -target / prediction
        return target == 1 ? yes : yes + (1 - target) / (1 - prediction)
      case .softmaxCrossEntropy, .smoothedCrossEntropy:
        return target == 0 ? 0 : -target / prediction
      }
    }
  }
}

extension OutputFunction {
  /// An entry of the Jacobian J_O from the predictions: ∂ŷ_i/∂a_j.
  func slope(of i: Int, by j: Int, at predictions: [Double]) -> Double {
    switch self {
    case .identity: i == j ? 1 : 0
    case .sigmoid: i == j ? predictions[i] * (1 - predictions[i]) : 0
    case .softmax: (i == j ? predictions[i] : 0) - predictions[i] * predictions[j]
    }
  }

  /// The size of what is subtracted in an entry: rounding is relative to it.
  func magnitude(of i: Int, by j: Int, at predictions: [Double]) -> Double {
    switch self {
    case .identity: i == j ? 1 : 0
    case .sigmoid: i == j ? predictions[i] + predictions[i] * predictions[i] : 0
    case .softmax: (i == j ? predictions[i] : 0) + predictions[i] * predictions[j]
    }
  }

  /// J_O, [outputs, outputs].
  func jacobian(at predictions: [Double]) -> NDArray<Double> {
    let count = predictions.count
    let places = 0..<count * count
    return NDArray(
      places.map { slope(of: $0 / count, by: $0 % count, at: predictions) }, shape: [count, count])
  }
}
