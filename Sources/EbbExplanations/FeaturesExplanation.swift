internal import EbbData
internal import EbbGradients
internal import EbbGraph
internal import EbbSystem
internal import EbbTraining

/// Which inputs mattered for what the network says of a row.
///
/// Gradient × input says what the output would lose, to first order, if an input went to the mean of
/// the training rows (which is 0 for the network). Integrated gradients (Sundararajan, Taly and Yan,
/// *Axiomatic attribution for deep networks*, 2017) add up the slope all along the way there, so that
/// the parts sum to what the output really loses: output(x) − output(mean).
public struct FeaturesExplanation: Sendable {
  /// What is explained.
  public enum Quantity: Sendable, Hashable {
    /// The predicted class's output before softmax or sigmoid, or the predicted number.
    case output
    /// How far the predicted class's output is ahead of the true one's; of a row predicted wrong.
    case lead
  }

  /// What a column of the data contributes.
  public struct Feature: Sendable, Hashable {
    /// The column's name; without columns, the input's.
    public let name: String
    /// What stands in the column: a number in its own unit, or a text.
    public let value: String
    /// What the network is given, the sum if it is several inputs.
    public let input: Double
    /// ∂output/∂input · input.
    public let gradientTimesInput: Double
    /// ∫ ∂output/∂input · input along the straight way from the mean to the row.
    public let integrated: Double
    /// ∂L/∂input · input: the same for the loss, of the subject's numbers.
    public let lossGradientTimesInput: Double
    /// Whether the network is given another number than the column's own: a standardised one.
    let isStandardised: Bool
  }

  /// A quantity and what each feature contributes to it.
  public struct Attribution: Sendable, Hashable {
    /// What is explained.
    public let quantity: Quantity
    /// Its name for people, such as `the output for 3`.
    public let name: String
    /// The quantity on the row, and at the mean of the training rows.
    public let (value, baseline): (Double, Double)
    /// The features in the order of the columns.
    public let features: [Feature]
    /// How often the network was run for the integral.
    public let evaluations: Int

    /// What the integrals sum to; output(x) − output(mean) but for the error of the integral.
    public var sum: Double { features.reduce(0) { $0 + $1.integrated } }
    /// By how much the sum misses it.
    public var completenessError: Double { sum - (value - baseline) }

    /// The features with the largest integrals, the largest magnitude first.
    public func largest(_ count: Int) -> [Feature] {
      let order = features.indices.sorted { a, b in
        let (x, y) = (features[a].integrated.magnitude, features[b].integrated.magnitude)
        return x > y || (x == y && a < b)
      }
      return order.prefix(max(0, count)).map { features[$0] }
    }
  }

  /// The output, and for a row predicted wrong the lead over the truth.
  public let attributions: [Attribution]
  /// What the predicted output is called, and the truth; nil for numbers.
  let classes: (predicted: String, truth: String)?
  /// The width and height of the picture that the features are, if they seem to be one.
  let pictureSide: Int?
  /// What the row is called.
  let rowName: String

  /// How many features the text tells.
  static let shown = 10

  /// The features of a subject's row.
  public init(_ subject: ExplanationSubject) throws {
    rowName = subject.name
    let quantities = Quantities(subject)
    classes = quantities.classes
    let output = try OutputSlopes(subject.model)
    let row = Int(subject.row.rows.first ?? 0)
    let x = subject.row.dataset.features(ofRow: row).map { Double($0) }
    let scale = subject.model.schema?.targetScale ?? 1
    let lossSlopes = subject.numbers[NetworkTrace.Port.features]?.elements ?? []
    let columns = Columns(subject, x)
    attributions = try quantities.all.map { quantity in
      let way = try StraightWay(output, to: x, weights: quantity.weights)
      let slopes = try output.slopes(at: x, weights: quantity.weights, subject.precision).slopes
      let features = columns.all.map { column in
        func sum(_ values: [Double]) -> Double { column.inputs.reduce(0) { $0 + values[$1] } }
        return Feature(
          name: column.name, value: column.value, input: sum(x),
          gradientTimesInput: scale * sum(zip(slopes, x).map { $0 * $1 }),
          integrated: scale * sum(way.contributions),
          lossGradientTimesInput: sum(zip(lossSlopes, x).map { $0 * $1 }),
          isStandardised: column.isStandardised)
      }
      return Attribution(
        quantity: quantity.quantity, name: quantity.name,
        value: quantity.original(way.end), baseline: quantity.original(way.start),
        features: features, evaluations: way.evaluations)
    }
    pictureSide = columns.pictureSide
  }
}

/// What of a network's outputs is explained.
private struct Quantities {
  struct One {
    let quantity: FeaturesExplanation.Quantity
    let name: String
    /// The quantity is the sum of the outputs times these.
    let weights: [Double]
    /// What is added to a number to bring it to the target's unit, and what it is multiplied by first.
    let (shift, scale): (Double, Double)

    func original(_ value: Double) -> Double { shift + scale * value }
  }

  /// So many outputs of numbers are all explained.
  private static let mostOutputs = 3

  private(set) var all: [One] = []
  private(set) var classes: (predicted: String, truth: String)?

  init(_ subject: ExplanationSubject) {
    let predictions = subject.numbers.value(NetworkTrace.Port.predictions)?.elements ?? []
    let schema = subject.model.schema
    let row = Int(subject.row.rows.first ?? 0)
    func unit(_ index: Int, _ value: Double = 1) -> [Double] {
      predictions.indices.map { $0 == index ? value : 0 }
    }
    func add(
      _ quantity: FeaturesExplanation.Quantity, _ name: String, _ weights: [Double],
      shift: Double = 0, scale: Double = 1
    ) {
      all.append(
        One(quantity: quantity, name: name, weights: weights, shift: shift, scale: scale))
    }
    guard case .classes(let labels, let count) = subject.row.dataset.targets else {
      let scale = schema?.targetScale ?? 1
      let shift = schema?.originalTarget(0) ?? 0
      // Of many outputs, the one that is furthest from its target.
      var chosen = Array(predictions.indices)
      if case .values(let targets, let width) = subject.row.dataset.targets,
        width > Self.mostOutputs,
        width == predictions.count
      {
        let errors = chosen.map { (predictions[$0] - Double(targets[row * width + $0])).magnitude }
        chosen = chosen.max { errors[$0] < errors[$1] }.map { [$0] } ?? []
      }
      for index in chosen {
        let name = schema.map(\.target.name) ?? "output [\(index)]"
        add(.output, "the predicted \(name)", unit(index), shift: shift, scale: scale)
      }
      return
    }
    let names = schema?.classes ?? (0..<max(count, predictions.count)).map(String.init)
    let truth = Int(labels[row])
    if predictions.count == 1 {
      let predicted = (predictions.first ?? 0) > 0.5 ? 1 : 0
      classes = (names[predicted], names[truth])
      // Below 0 it speaks for the first class.
      let sign: Double = predicted == 1 ? 1 : -1
      add(.output, "the output for \(names[predicted])", unit(0, sign))
      return
    }
    var predicted = 0
    for index in predictions.indices where predictions[index] > predictions[predicted] {
      predicted = index
    }
    classes = (names[predicted], names[truth])
    add(.output, "the output for \(names[predicted])", unit(predicted))
    if predicted != truth {
      add(
        .lead, "the output for \(names[predicted]) minus that for \(names[truth])",
        zip(unit(predicted), unit(truth)).map { $0 - $1 })
    }
  }
}

/// The columns of the data, and the network's inputs that each becomes.
private struct Columns {
  struct One {
    let name: String
    let value: String
    let inputs: Range<Int>
    var isStandardised = false
  }

  private(set) var all: [One] = []
  private(set) var pictureSide: Int?

  init(_ subject: ExplanationSubject, _ x: [Double]) {
    if let schema = subject.model.schema, schema.featureCount == x.count {
      var start = 0
      for feature in schema.features {
        let inputs = start..<start + feature.width
        start = inputs.upperBound
        let value: String
        var isStandardised = false
        switch feature.encoding {
        case .standardized(let mean, let scale):
          isStandardised = mean != 0 || scale != 1
          // The network's input was rounded to single precision.
          let number = GivenNumber.of(Float(x[inputs.lowerBound]), mean: mean, scale: scale)
          value = PartText.plain(number)
        case .constant(let constant): value = PartText.plain(constant)
        case .oneHot(let categories):
          value = inputs.first { x[$0] != 0 }.map { categories[$0 - inputs.lowerBound] } ?? "(none)"
        }
        all.append(
          One(name: feature.name, value: value, inputs: inputs, isStandardised: isStandardised))
      }
    } else {
      all = zip(subject.row.dataset.featureNames, x).enumerated().map { index, pair in
        One(name: pair.0, value: PartText.plain(pair.1), inputs: index..<index + 1)
      }
    }
    let side = Int(Double(all.count).squareRoot())
    // Pixels are named by one word and two numbers, or by one word and a running number.
    let words = Set(all.map { $0.name.prefix { $0.isLetter } })
    if side >= 4, side <= 32, side * side == all.count, words.count == 1, all.count == x.count {
      pictureSide = side
    }
  }
}

/// The outputs of a network and their slopes by the inputs.
private struct OutputSlopes {
  private let graph: Graph
  private let parameters: [String: NDArray<Double>]
  private let interpreter: Interpreter<Double>
  let parameterCount: Int

  init(_ model: Model) throws {
    graph = try trace { builder in
      let x = builder.input("features", shape: [1, model.inputCount])
      let outputs = model.network(x)
      let chosen = sum(outputs * builder.input("weights", shape: outputs.shape))
      let slopes = backpropagate(from: chosen, to: [x]).gradients[0]
      return [
        "value": chosen, "slopes": slopes ?? builder.constant(0.0).expanded(to: x.shape),
      ]
    }
    parameters = try model.graphInputs()
    interpreter = try Interpreter(graph)
    parameterCount = model.parameterCount
  }

  func slopes(
    at x: [Double], weights: [Double], _ precision: ExplanationSubject.Precision = .double
  ) throws -> (value: Double, slopes: [Double]) {
    var numbers = parameters
    numbers["features"] = NDArray(x, shape: [1, x.count])
    numbers["weights"] = NDArray(weights, shape: [1, weights.count])
    let found =
      precision == .double
      ? try interpreter.numbers(numbers) : try precision.numbers(of: graph, numbers)
    return (found["value"]?.scalar ?? .nan, found["slopes"]?.elements ?? [])
  }
}

/// The integral of the slopes along the straight way from 0 to a row.
///
/// Gauss–Legendre, four points a piece. What a piece's parts should sum to is known (the output at its
/// ends), so the piece that misses it most, where a neuron switches, is cut in two until all is well.
private struct StraightWay {
  private(set) var contributions: [Double]
  let (start, end): (Double, Double)
  private(set) var evaluations = 0

  private struct Piece {
    let (from, to): (Double, Double)
    let (low, high): (Double, Double)
    let parts: [Double]
    var error: Double { parts.reduce(0, +) - (high - low) }
  }

  /// Nodes and weights on −1 to 1.
  private static let nodes = [
    (-0.861_136_311_594_052_6, 0.347_854_845_137_453_9),
    (-0.339_981_043_584_856_3, 0.652_145_154_862_546_1),
    (0.339_981_043_584_856_3, 0.652_145_154_862_546_1),
    (0.861_136_311_594_052_6, 0.347_854_845_137_453_9),
  ]
  /// How well the parts are to sum up, relative to the outputs.
  private static let tolerance = 1e-7
  /// The most runs of the network, and the most multiplications in all of them.
  private static let (mostRuns, mostWork) = (1_000, 200_000_000)

  init(_ output: OutputSlopes, to x: [Double], weights: [Double]) throws {
    var runs = 0
    func at(_ place: Double) throws -> (value: Double, slopes: [Double]) {
      runs += 1
      return try output.slopes(at: x.map { place * $0 }, weights: weights)
    }
    func piece(_ from: Double, _ to: Double, _ low: Double, _ high: Double) throws -> Piece {
      var parts = [Double](repeating: 0, count: x.count)
      let half = (to - from) / 2
      for (node, weight) in Self.nodes {
        let slopes = try at(from + half * (1 + node)).slopes
        for index in parts.indices { parts[index] += weight * half * slopes[index] * x[index] }
      }
      return Piece(from: from, to: to, low: low, high: high, parts: parts)
    }
    (start, end) = (try at(0).value, try at(1).value)
    var pieces = [try piece(0, 1, start, end)]
    let limit = min(Self.mostRuns, max(64, Self.mostWork / max(1, output.parameterCount)))
    let scale = max(start.magnitude, end.magnitude, (end - start).magnitude)
    while runs < limit {
      let errors = pieces.map(\.error.magnitude)
      guard let worst = errors.indices.max(by: { errors[$0] < errors[$1] }),
        errors.reduce(0, +) > Self.tolerance * scale, errors[worst].isFinite
      else { break }
      let old = pieces[worst]
      let middle = (old.from + old.to) / 2
      let value = try at(middle).value
      pieces[worst] = try piece(old.from, middle, old.low, value)
      pieces.append(try piece(middle, old.to, value, old.high))
    }
    contributions = x.indices.map { index in pieces.reduce(0) { $0 + $1.parts[index] } }
    evaluations = runs
  }
}
