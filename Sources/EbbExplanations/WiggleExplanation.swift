internal import EbbData
public import EbbGradients
internal import EbbGraph
package import EbbSystem
internal import EbbTraining

/// What the loss of a row does when numbers of the network are raised a little, beside what the
/// gradient said (M4, M13).
///
/// One number is raised by several steps, each a tenth of the one before, so that its slope can be seen
/// to settle. Of a whole parameter or value, the five numbers that the loss is most sensitive to are
/// raised. The losses are computed in double precision; the gradient is the subject's.
public struct WiggleExplanation: Sendable {
  /// One number, raised.
  public struct Trial: Sendable, Hashable {
    /// What was raised.
    public let element: ElementName
    /// What people call it, where that is another name: a feature's.
    public let label: String?
    /// Its number before.
    public let value: Double
    /// ∂L/∂element, of the subject.
    public let gradient: Double
    /// By how much it was raised; below 0, it was lowered.
    public let step: Double
    /// How much larger the loss was then.
    public let change: Double

    /// What the gradient says.
    public var predicted: Double { gradient * step }
    /// The change per unit.
    public var slope: Double { change / step }
  }

  /// What was asked for: one number, or the name of a parameter or value.
  public let element: ElementName
  /// How many numbers the parameter or value has.
  public let count: Int
  /// Whether one number was raised by several steps, and not several by one.
  public let isSingle: Bool
  /// The loss before.
  public let loss: Double
  /// The trials: the largest step first, or the number with the largest gradient first.
  public let trials: [Trial]
  /// What the row is called.
  let rowName: String

  /// How many numbers of a whole parameter or value are raised.
  static let mostSensitive = 5
  /// How many steps are tried, each a tenth of the one before.
  static let stepCount = 4

  /// What a text names: a feature by its column's name, or else an element.
  ///
  /// - Throws: `ElementNameError` if the text is neither the one nor like the other.
  package static func element(
    named text: String, in subject: ExplanationSubject
  ) throws(ElementNameError) -> ElementName {
    let known = subject.numbers.parameterNames + subject.numbers.valueNames
    let isKnown = (try? ElementName(parsing: text).resolved(among: known)) != nil
    if !isKnown, let place = subject.row.dataset.featureNames.firstIndex(of: text) {
      return ElementName(NetworkTrace.Port.features, [place])
    }
    if !isKnown, let features = subject.model.schema?.features,
      let column = features.firstIndex(where: { $0.name == text }), features[column].width > 1
    {
      let start = features[..<column].reduce(0) { $0 + $1.width }
      throw ElementNameError(
        .unknown,
        "\(text): the column is \(features[column].width) inputs, one for each text; name one, from"
          + " features[\(start)] to features[\(start + features[column].width - 1)]")
    }
    return try ElementName(parsing: text)
  }

  /// Numbers raised on one row.
  ///
  /// - Parameters:
  ///   - element: a number, such as `hidden1.weight[3,7]`, `hidden1[3]` or `features[7]`, or the name of
  ///     a parameter or value alone.
  ///   - step: by how much, not 0; below 0 lowers.
  /// - Throws: `ElementNameError` if there is no such number, `ModelError` for a step of 0.
  public init(_ subject: ExplanationSubject, element: ElementName, by step: Double = 0.01) throws {
    guard step != 0 && step.isFinite else {
      throw ModelError("a number can be raised by anything but \(step); give a step such as 0.01")
    }
    let numbers = subject.numbers
    let named = try element.resolved(among: numbers.parameterNames + numbers.valueNames)
    let isPrediction = named.name == NetworkTrace.Port.predictions
    let source = isPrediction ? subject.unfused : numbers
    guard var gradients = source[named.name], var values = source.value(named.name) else {
      throw ModelError("there is no gradient by \(named.name)")
    }
    var indices = named.indices
    if subject.model[named.name] == nil, gradients.shape.rank > 1, gradients.shape[0] == 1 {
      // The only row need not be named.
      let unit = Shape(Array(gradients.shape.extents.dropFirst()))
      if indices.count == gradients.shape.rank, indices[0] == 0 { indices.removeFirst() }
      (gradients, values) = (gradients.reshaped(to: unit), values.reshaped(to: unit))
    }
    let found = ElementName(named.name, indices)
    self.element = found
    (count, rowName) = (gradients.count, subject.name)
    isSingle = !indices.isEmpty || gradients.count == 1
    var wiggler = Wiggler(subject.model, on: subject.row)
    var loss = subject.numbers.loss
    let names = subject.row.dataset.featureNames
    func trial(_ place: Int, _ step: Double) throws -> Trial {
      let element = ElementName(found.name, offset: place, in: gradients.shape)
      let wiggle = try wiggler.wiggle(element, by: step)
      loss = wiggle.lossBefore
      return Trial(
        element: element, label: found.name == NetworkTrace.Port.features ? names[place] : nil,
        value: values.elements[place], gradient: gradients.elements[place], step: step,
        change: wiggle.measuredChange)
    }
    if isSingle {
      let place =
        indices.isEmpty ? 0 : try found.position(in: gradients.shape)
      var size = step
      trials = try (0..<Self.stepCount).map { _ in
        defer { size /= 10 }
        return try trial(place, size)
      }
    } else {
      let vector = GradientVector([(name: found.name, values: gradients)])
      // What has no gradient is not sensitive; if nothing has, one stands for all.
      let largest = vector.largest(Self.mostSensitive)
      let felt = largest.filter { $0.gradient != 0 }
      trials = try (felt.isEmpty ? Array(largest.prefix(1)) : felt).map {
        try trial(try vector.position(of: $0.name), step)
      }
    }
    self.loss = loss
  }
}

extension WiggleExplanation: CustomStringConvertible, ExplanationPart {
  /// `wiggle`.
  package static var key: String { "wiggle" }

  /// The text.
  public var description: String { text }

  private func number(_ value: Double) -> String {
    value.isNaN ? "undefined" : PartText.number(value)
  }

  /// The reading in words, and the trials as a table.
  package var text: String {
    var text = PartText()
    if isSingle { addSteps(to: &text) } else { addNeighbours(to: &text) }
    return text.text
  }

  private func addSteps(to text: inout PartText) {
    guard let first = trials.first, let last = trials.last else { return }
    let label = first.label.map { " (\($0))" } ?? ""
    text.paragraph(
      "\(element)\(label) = \(number(first.value)), and the loss of \(rowName) is \(number(loss))")
    text.line()
    let verb = first.step < 0 ? "Lower" : "Raise"
    text.paragraph(
      "\(verb) it by \(PartText.plain(first.step.magnitude)), and the loss moves by about"
        + " \(number(first.predicted)): so says the gradient, ∂L/∂\(element) ="
        + " \(number(first.gradient)). Tried:")
    text.line()
    var rows = [["raised by", "the loss moves by", "per unit", "gradient said", "apart"]]
    if first.step < 0 { rows[0][0] = "lowered by" }
    for trial in trials {
      rows.append([
        PartText.plain(trial.step.magnitude), number(trial.change), number(trial.slope),
        number(trial.gradient),
        trial.slope.isNaN
          ? "" : PartText.deviation((trial.slope - trial.gradient).magnitude),
      ])
    }
    text.table(rows, indent: 2, alignsLeft: 0)
    text.line()
    text.paragraph(verdict(first, last))
  }

  /// What the table shows, in words.
  private func verdict(_ first: Trial, _ last: Trial) -> String {
    if first.change.isNaN {
      return "A probability cannot leave 0 to 1: where the loss is undefined, the step is too long."
    }
    let apart = (last.slope - last.gradient).magnitude
    let scale = max(last.gradient.magnitude, last.slope.magnitude)
    if scale == 0 {
      return "The loss does not feel this number on this row: its slope is 0."
    }
    if last.gradient == 0 && first.slope == 0 {
      return "The loss does not feel this number on this row."
    }
    if apart <= 1e-3 * scale {
      return apart <= (first.slope - first.gradient).magnitude
        ? "The smaller the step, the nearer the slope comes to the gradient."
        : "The slope is at the gradient, as near as rounding lets the smaller steps be."
    }
    // Each of the two losses is a sum of rounded numbers, and the difference is divided by the step.
    let rounding = 64 * 0x1p-53 * max(loss.magnitude, 1) / last.step.magnitude
    if apart <= rounding {
      return "The loss moves less than rounding does: these slopes say nothing. Try a larger --by."
    }
    return
      "The slope does not settle at the gradient: within the steps tried a neuron may switch on or"
      + " off, or the number lie on such a kink, or the slope change fast. Try a smaller --by."
  }

  private func addNeighbours(to text: inout PartText) {
    let step = trials.first?.step ?? 0
    text.paragraph(
      "Of the \(NumberFormat.grouped(count)) numbers of \(element), the loss of \(rowName) is most"
        + " sensitive to these. \(step < 0 ? "Lower" : "Raise") one by"
        + " \(PartText.plain(step.magnitude)), and the loss, \(number(loss)), moves:")
    text.line()
    var rows = [["", "gradient", "it said", "the loss moved by"]]
    for trial in trials {
      rows.append([
        trial.label.map { PartText.shortened($0) } ?? "\(trial.element)", number(trial.gradient),
        number(trial.predicted), number(trial.change),
      ])
    }
    text.table(rows, indent: 2)
    if trials.contains(where: \.change.isNaN) {
      text.line()
      text.paragraph("A probability cannot leave 0 to 1: there the loss is undefined.")
    }
    if let largest = trials.first, largest.gradient == 0 {
      text.line()
      text.paragraph("The loss feels none of them on this row: all gradients are 0.")
    }
  }

  /// Everything as JSON.
  package var json: JSONValue {
    let trials = trials.map { trial -> JSONValue in
      [
        "element": JSONValue("\(trial.element)"),
        "label": trial.label.map { JSONValue($0) } ?? .null, "value": JSONValue(trial.value),
        "gradient": JSONValue(trial.gradient), "step": JSONValue(trial.step),
        "predicted": JSONValue(trial.predicted), "change": JSONValue(trial.change),
        "slope": JSONValue(trial.slope),
        "deviation": JSONValue((trial.slope - trial.gradient).magnitude),
      ]
    }
    return [
      "row": JSONValue(rowName), "element": JSONValue("\(element)"), "count": JSONValue(count),
      "loss": JSONValue(loss),
      "single": JSONValue(isSingle), "trials": JSONValue(trials),
    ]
  }
}
