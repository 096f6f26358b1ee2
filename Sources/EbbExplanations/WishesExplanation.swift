internal import EbbData
public import EbbGradients
public import EbbGraph
internal import EbbNetworks
internal import EbbTraining

/// What one row wants of every layer, beside what its batch decided (M24, M25).
///
/// A row wants its loss to fall: of every weight, bias and neuron it wants minus its gradient. Training
/// follows the average of the rows' wishes. The row's wishes and the batch's are the subject's numbers;
/// how many rows agree is found from per-example gradients in double precision.
public struct WishesExplanation: Sendable {
  /// A wish for one number.
  public struct Wish: Sendable, Hashable {
    /// Such as `hidden1.weight[3,7]`, or `hidden1[3]` for a neuron.
    public let element: ElementName
    /// Minus the row's gradient.
    public let row: Double
    /// Minus the batch's gradient; nil for neurons, which no step changes, and without a batch.
    public let batch: Double?
    /// How many rows of the batch want a change in the same direction; nil as for `batch`.
    public let rowsThatAgree: Int?
  }

  /// What the row wants of one parameter.
  public struct Parameter: Sendable, Hashable {
    /// Such as `hidden1.weight`.
    public let name: String
    /// The length of the row's wish.
    public let length: Double
    /// The length of the batch's.
    public let batchLength: Double?
    /// The cosine of the angle between them: 1, the batch does what the row wants; −1, the opposite.
    /// Nil without a batch, or if one of them is 0.
    public let cosine: Double?
    /// How many rows want what the batch decided: their own wish makes less than a right angle with it.
    public let rowsThatAgree: Int?
    /// The largest wishes.
    public let largest: [Wish]
  }

  /// What the row wants of one layer.
  public struct Layer: Sendable, Hashable {
    /// Such as `hidden1`.
    public let name: String
    /// Its parameters.
    public let parameters: [Parameter]
    /// Of the neurons below, the largest wishes; empty where the features stand.
    public let neurons: [Wish]
  }

  /// The layers with parameters, from the outputs down.
  public let layers: [Layer]
  /// How many rows the batch has; nil: there is none.
  public let batchRows: Int?
  /// The cosine of the angle between the row's wish and the batch's for all parameters together.
  public let cosine: Double?
  /// The largest difference between the average of the rows' own wishes and the batch's, both in double
  /// precision, relative to the largest wish of the parameter.
  public let averageDeviation: Double?
  /// The largest components of the row's gradient as one vector.
  public let components: [GradientVector<Double>.Component]
  /// The length of that vector.
  public let norm: Double
  /// The neurons with the largest |δ|.
  public let neurons: [NeuronGradient<Double>]
  /// What row and batch are called.
  let (rowName, batchName): (String, String)

  /// How many wishes of each parameter and of the neurons are told.
  static let shown = 3
  /// How many components of the vector, and neurons, are told.
  static let ranked = 5

  /// The wishes of a subject's row.
  public init(_ subject: ExplanationSubject) throws {
    (rowName, batchName) = (subject.name, subject.batchName)
    let numbers = subject.numbers
    let vector = numbers.vector
    norm = vector.norm
    components = vector.largest(Self.ranked)
    neurons = numbers.largestNeurons(Self.ranked)
    batchRows = subject.batch?.count
    let chosen = Dictionary(
      uniqueKeysWithValues: numbers.parameterNames.map { name in
        (name, Self.places(numbers[name], Self.shown))
      })
    let votes = try subject.batch.map { try Votes(subject, $0, chosen) }
    averageDeviation = votes?.averageDeviation
    cosine = votes?.cosine
    let names = subject.model.network.names
    var below: String?
    var layers: [Layer] = []
    for name in names {
      let own = numbers.parameterNames.filter { $0.layerName == name }
      if !own.isEmpty {
        layers.append(
          Layer(
            name: name,
            parameters: own.map { Self.parameter($0, numbers, chosen[$0] ?? [], votes) },
            neurons: below.map { Self.neurons(of: $0, numbers) } ?? []))
      }
      below = name
    }
    self.layers = layers.reversed()
  }

  /// The places of the largest numbers that are not 0.
  private static func places(_ array: NDArray<Double>?, _ count: Int) -> [Int] {
    guard let array else { return [] }
    let vector = GradientVector([(name: "", values: array)])
    return vector.largest(count).filter { $0.gradient != 0 }
      .compactMap { try? vector.position(of: $0.name) }
  }

  private static func parameter(
    _ name: String, _ numbers: NetworkGradients<Double>, _ places: [Int], _ votes: Votes?
  ) -> Parameter {
    let gradient = numbers[name] ?? NDArray([])
    let vote = votes?.parameters[name]
    return Parameter(
      name: name, length: gradient.elements.length, batchLength: vote?.gradient.elements.length,
      cosine: vote.flatMap { gradient.elements.cosine(with: $0.gradient.elements) },
      rowsThatAgree: vote?.rowsThatAgree,
      largest: places.enumerated().map { index, place in
        Wish(
          element: ElementName(name, offset: place, in: gradient.shape),
          row: -gradient.elements[place], batch: vote.map { -$0.gradient.elements[place] },
          rowsThatAgree: vote?.sameDirection[index])
      })
  }

  private static func neurons(
    of layer: String, _ numbers: NetworkGradients<Double>
  ) -> [Wish] {
    guard let gradient = numbers["\(layer).activation"], gradient.shape.rank > 1 else { return [] }
    let units = Shape(Array(gradient.shape.extents.dropFirst()))
    return places(gradient, shown).map { place in
      Wish(
        element: ElementName(layer, offset: place, in: units), row: -gradient.elements[place],
        batch: nil, rowsThatAgree: nil)
    }
  }
}

/// What the rows of a batch want of each parameter.
private struct Votes {
  struct OfParameter {
    /// The batch's gradient.
    var gradient: NDArray<Double>
    /// How many rows' own wishes make less than a right angle with the batch's.
    var rowsThatAgree = 0
    /// For each chosen place, how many rows want what the row wants.
    var sameDirection: [Int]
  }

  private(set) var parameters: [String: OfParameter] = [:]
  private(set) var averageDeviation = 0.0
  private(set) var cosine: Double?

  init(_ subject: ExplanationSubject, _ batch: Batch, _ chosen: [String: [Int]]) throws {
    let weights = subject.moment?.options.classWeights
    let whole = try subject.model.numbers(on: batch, subject.precision, classWeights: weights)
    let exact =
      subject.precision == .double
      ? whole : try subject.model.gradients(on: batch, classWeights: weights)
    let examples = try subject.model.perExampleGradients(on: batch, classWeights: weights)
    let count = Double(batch.count)
    for name in whole.parameterNames {
      guard let decided = whole[name], let mean = exact[name],
        let own = subject.numbers[name]?.elements
      else { continue }
      let places = chosen[name] ?? []
      var vote = OfParameter(
        gradient: decided, sameDirection: [Int](repeating: 0, count: places.count))
      var average = [Double](repeating: 0, count: decided.count)
      for example in examples {
        guard let gradient = example[name]?.elements else { continue }
        var product = 0.0
        for (index, value) in gradient.enumerated() {
          average[index] += value / count
          product += value * mean.elements[index]
        }
        if product > 0 { vote.rowsThatAgree += 1 }
        for (index, place) in places.enumerated() where gradient[place] * own[place] > 0 {
          vote.sameDirection[index] += 1
        }
      }
      let scale = mean.elements.map(\.magnitude).max() ?? 0
      let apart = zip(average, mean.elements).map { ($0 - $1).magnitude }.max() ?? 0
      averageDeviation = max(averageDeviation, scale > 0 ? apart / scale : apart)
      parameters[name] = vote
    }
    cosine = subject.numbers.vector.elements.cosine(with: whole.vector.elements)
  }
}

extension [Double] {
  fileprivate var length: Double { reduce(0) { $0 + $1 * $1 }.squareRoot() }

  /// The cosine of the angle between two vectors; nil if one is 0.
  fileprivate func cosine(with other: [Double]) -> Double? {
    let lengths = length * other.length
    guard lengths > 0, count == other.count else { return nil }
    return zip(self, other).reduce(0) { $0 + $1.0 * $1.1 } / lengths
  }
}
