internal import EbbData
public import EbbGradients
internal import EbbGraph
public import EbbNetworks
internal import EbbTraining

/// The gradient of one weight or bias on one row, found in every way, and what the optimizer makes of
/// it (M15, M18).
///
///     let subject = try ExplanationSubject(model: model, row: row, name: "row 42")
///     print(try WeightExplanation(subject, element: ElementName("hidden1.weight", [3, 7])))
///
/// The entry of the gradient's matrix is the subject's number. Beside it stand δ_{k,i} · h_{k−1,j}, the
/// sum over the paths to the loss, and a difference of losses, the last two computed in double
/// precision on their own.
public struct WeightExplanation: Sendable {
  /// The entry as the product that backpropagation makes of it: δ_{k,i} · h_{k−1,j}; δ alone for a bias.
  public struct Product: Sendable, Hashable {
    /// The loss by the unit's sum, such as `hidden1.preactivation[3]`.
    public let deltaName: ElementName
    /// δ_{k,i}.
    public let delta: Double
    /// What the weight is multiplied by, such as `features[7]`; nil for a bias.
    public let inputName: ElementName?
    /// The input as people call it, where that is another name.
    public let inputLabel: String?
    /// h_{k−1,j}; 1 for a bias.
    public let input: Double
    /// The unit's slope g'(a), by which what arrives at the unit is multiplied to give δ.
    public let slope: Double
    /// δ · h.
    public var value: Double { delta * input }
  }

  /// The slope felt when the number is moved.
  public struct Difference: Sendable, Hashable {
    /// The slope.
    public let value: Double
    /// Kinks that the moves would have crossed; they were held on their side.
    public let kinksCrossed: Int
  }

  /// The weight or bias.
  public let element: ElementName
  /// Its number.
  public let value: Double
  /// ∂L/∂element on the row: the matrix entry.
  public let gradient: Double
  /// The entry's two factors; nil for layers that are not dense.
  public let product: Product?
  /// The sum over the paths to the loss, with the largest of them; nil if ``withoutPaths`` says why.
  public let paths: PathSum?
  /// Why there are no paths.
  public let withoutPaths: String?
  /// The slope from forward passes alone.
  public let difference: Difference
  /// What the next step of training does to the number; nil if nothing is known of training.
  public let update: WeightUpdate?
  /// Why nothing is known of training, and what to do about it: said where ``update`` is nil.
  package var withoutUpdate =
    "A model file holds no optimizer's state: give the directory of a run in its place, and the step"
    + " is shown term by term."
  /// What the row is called.
  let rowName: String
  /// Whose numbers the entry and its factors are.
  let precision: ExplanationSubject.Precision

  /// An explanation of one weight or bias.
  ///
  /// - Parameters:
  ///   - element: such as `hidden1.weight[3,7]`: unit 3, input 7.
  ///   - paths: how many of the largest paths are told.
  /// - Throws: `ElementNameError` if there is no such parameter or element.
  public init(_ subject: ExplanationSubject, element: ElementName, paths count: Int = 10) throws {
    let model = subject.model
    let element = try model.parameterElement(element.description)
    guard let gradients = subject.numbers[element.name],
      let values = subject.numbers.value(element.name)
    else { throw ModelError("there is no gradient by \(element.name)") }
    let place = try element.position(in: gradients.shape)
    (self.element, rowName, precision) = (element, subject.name, subject.precision)
    (value, gradient) = (values.elements[place], gradients.elements[place])
    (paths, withoutPaths) = try Self.paths(count, of: element, subject)
    product = paths == nil ? nil : try Self.product(subject, element)
    let slope = try model.gradient(of: element.description, on: subject.row, by: .wiggling)
    difference = Difference(value: slope.value, kinksCrossed: slope.kinksCrossed)
    update = try TrainingStep(subject, withRowPart: true).map {
      try WeightUpdate($0, element, rowGradient: gradients.elements[place])
    }
  }

  /// The largest paths, or why there are none.
  private static func paths(
    _ count: Int, of element: ElementName, _ subject: ExplanationSubject
  ) throws -> (PathSum?, String?) {
    do {
      let found = try subject.model.largestPaths(
        max(0, count), of: element.description, on: subject.row)
      return (found, nil)
    } catch let error as ExplanationError where error.kind == .unsupportedLayer {
      return (nil, error.message)
    }
  }

  /// The factors of an entry of a dense layer.
  private static func product(
    _ subject: ExplanationSubject, _ element: ElementName
  ) throws -> Product? {
    let chain = try LayerChain(subject.model, subject.row, reduction: .mean)
    guard
      let link = chain.links.first(where: {
        element.name == "\($0.name).weight" || element.name == "\($0.name).bias"
      }), let unit = element.indices.first,
      let deltas = subject.numbers["\(link.name).preactivation"],
      let inputs = subject.numbers.value(link.inputName)
    else { return nil }
    let input = element.indices.dropFirst().first
    let names = subject.row.dataset.featureNames
    let isFeature = link.inputName == NetworkTrace.Port.features
    return Product(
      deltaName: ElementName("\(link.name).preactivation", [unit]), delta: deltas.elements[unit],
      inputName: input.map { ElementName(link.inputName, [$0]) },
      inputLabel: input.flatMap { isFeature ? names[$0] : nil },
      input: input.map { inputs.elements[$0] } ?? 1, slope: link.slope(0, unit))
  }
}

/// What one step of training does to one number, from the batch's gradient to the new value.
public struct WeightUpdate: Sendable {
  /// The optimizer's kind and settings.
  public let optimizer: String
  /// The step, counted from 1.
  public let step: UInt64
  /// The learning rate of this step.
  public let learningRate: Double
  /// How many rows the step takes.
  public let rows: Int
  /// What these rows are called.
  public let batchName: String
  /// How the rows' gradients are joined: their mean or their sum.
  public let reduction: GradientReduction
  /// The gradient of the batch's loss, before clipping.
  public let gradient: Double
  /// What of it comes from the subject's row; nil if the row is not in the batch.
  public let rowPart: Double?
  /// The row's own gradient times its share in the batch; differs from ``rowPart`` where dropout drops
  /// neurons in the step.
  public let expectedRowPart: Double?
  /// What the gradients were clipped to, if they may be.
  public let clipping: (limit: Double, norm: Double, factor: Double)?
  /// The gradient that the rule was given.
  public let clipped: Double
  /// The rule line by line; nil for rules of one's own.
  public let terms: [UpdateTerm]?
  /// Whether numbers are rounded to single precision, as training does.
  let isSingle: Bool
  /// The rule's arrays at this number.
  public let slots: [(name: String, old: Double, new: Double)]
  /// The number before and after the step.
  public let (old, new): (Double, Double)

  init(_ step: TrainingStep, _ element: ElementName, rowGradient: Double) throws {
    guard let change = step.change(of: element.name) else {
      throw ModelError("the training step does not change \(element.name)")
    }
    let place = try element.position(in: change.old.shape)
    optimizer = step.optimizer.summary
    self.step = step.number
    learningRate = step.learningRate
    (rows, batchName) = (step.batch.count, step.batchName)
    isSingle = step.precision == .single
    let biases = step.options.biasReduction ?? step.options.reduction
    reduction = change.role == .bias ? biases : step.options.reduction
    gradient = change.gradient.elements[place]
    rowPart = change.rowPart?.elements[place]
    // Class weights count in the factors; only how biases are joined is another matter.
    let turn =
      reduction == step.options.reduction
      ? 1 : reduction == .sum ? Double(rows) : 1 / Double(rows)
    expectedRowPart = step.position.map { step.factors[$0] * turn * rowGradient }
    clipping = step.clipping.map { ($0.limit, $0.norm, $0.factor) }
    clipped = change.clipped.elements[place]
    terms = try step.terms(of: change, at: place)
    slots = change.slots.map { ($0.name, $0.old.elements[place], $0.new.elements[place]) }
    old = change.old.elements[place]
    new = change.new.elements[place]
  }
}
