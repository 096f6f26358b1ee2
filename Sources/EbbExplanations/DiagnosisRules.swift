internal import EbbNetworks
internal import EbbSystem
internal import EbbTraining

extension Diagnosis {
  init(rows: Int, loss: Double, layers statistics: [LayerStatistics], featureNames: [String]) {
    self.rows = rows
    self.loss = loss
    let rules = DiagnosisRules(layers: statistics, featureNames: featureNames)
    layers = statistics.indices.map { rules.summary($0) }
    findings = rules.findings()
  }
}

/// What the numbers of all layers say.
private struct DiagnosisRules {
  let layers: [LayerStatistics]
  let featureNames: [String]
  let limits = Diagnosis.Limits.self

  // MARK: Numbers

  func summary(_ k: Int) -> LayerDiagnosis {
    let layer = layers[k]
    var (without, cancelled, apart) = (0, 0, 0)
    func count(_ sum: Double, _ magnitude: Double) {
      if magnitude == 0 {
        without += 1
      } else if sum.magnitude / magnitude < limits.cancellation {
        cancelled += 1
      }
    }
    for i in 0..<layer.units {
      if layer.hasBias { count(layer.delta[i], layer.deltaMagnitude[i]) }
      for j in 0..<layer.inputs {
        let index = i * layer.inputs + j
        count(layer.gradient[index], layer.gradientMagnitude[index])
        let isApart =
          layer.gradientMagnitude[index] == 0 && layer.deltaMagnitude[i] > 0
          && !layer.isZero(input: j)
        if isApart { apart += 1 }
      }
    }
    return LayerDiagnosis(
      name: layer.name, parameters: layer.units * (layer.inputs + (layer.hasBias ? 1 : 0)),
      withoutGradient: without, cancelled: cancelled, neverTogether: apart,
      inputScale: layer.inputScale, gradientScale: layer.gradientScale,
      weightGain: k > 0 ? layer.weightGain(below: layers[k - 1]) : nil, slopeGain: layer.slopeGain)
  }

  // MARK: Findings

  func findings() -> [Finding] {
    let top = layers[layers.count - 1]
    if top.arriving.allSatisfy({ $0 == 0 }) { return [noError(top)] }
    var result: [Finding] = []
    for k in layers.indices.reversed() {
      let flat = flatUnits(k)
      var found = flat.map { [$0] } ?? []
      let weak = tinyLayer(k)
      found += weak.map { [$0] } ?? []
      found += tinyColumns(k, besides: flat)
      found += cancellations(k)
      found += zeroInputs(k)
      found += nothingArrives(k, explained: found)
      result += found.filter { $0.severity == .fault } + found.filter { $0.severity == .note }
    }
    return result + DiagnosisScales(layers).findings(explained: result)
  }

  private func noError(_ top: LayerStatistics) -> Finding {
    Finding(
      cause: .noError, severity: .note, layer: top.name, places: [],
      measure: "gradient by the outputs", value: 0, limit: 0,
      explanation:
        "the loss's gradient by the outputs is 0 on every row: predictions equal targets",
      advice: "nothing is left to learn from these rows")
  }

  /// Units whose activation is flat on all rows.
  private func flatUnits(_ k: Int) -> Finding? {
    let layer = layers[k]
    guard !layer.activations.isEmpty else { return nil }
    let places = (0..<layer.units).filter { layer.steepest[$0] < limits.flatSlope }
      .map { unit($0, layer, layer.steepest[$0]) }
    guard !places.isEmpty else { return nil }
    let isBounded = layer.activations.contains { $0 == .sigmoid || $0 == .tanh }
    let name = layer.activations.map(\.spelling).joined(separator: " and ")
    let isFew = layer.rows < limits.conclusiveRows
    let isHarmless = isSmall(places.count, of: layer.units)
    let remedy =
      isBounded
      ? "scale the inputs, start with smaller weights or lower the learning rate"
      : "lower the learning rate, use leaky-relu, or start these units anew"
    let steepest = places.map(\.value).max() ?? 0
    let list = Self.list(places, of: layer.units, "unit")
    let where_ = isBounded ? "at a flat end of \(name)" : "never active (\(name))"
    return Finding(
      cause: isBounded ? .saturatedUnit : .deadUnit, severity: isFew || isHarmless ? .note : .fault,
      layer: layer.name, places: places, measure: "largest slope on any row", value: steepest,
      limit: limits.flatSlope,
      explanation: "\(list) \(places.count == 1 ? "is" : "are") \(where_) on all "
        + "\(NumberFormat.counted(layer.rows, "row")): the largest slope is "
        + "\(Self.short(steepest)), so next to no gradient reaches the weights into"
        + " \(places.count == 1 ? "it" : "them")",
      advice: isFew
        ? "look at \(limits.conclusiveRows) rows or more before calling it a fault"
        : isHarmless ? "no harm while the other units do the work; otherwise \(remedy)" : remedy)
  }

  /// Whether so few of a layer's units or inputs are concerned that the others do its work.
  private func isSmall(_ count: Int, of all: Int) -> Bool {
    Double(count) < limits.lostShare * Double(all)
  }

  /// A layer whose weights let next to no gradient through.
  private func tinyLayer(_ k: Int) -> Finding? {
    guard k > 0 else { return nil }
    let layer = layers[k]
    let gain = layer.weightScale * Double(layer.units).squareRoot()
    guard gain < limits.tinyGain else { return nil }
    return Finding(
      cause: .tinyWeights, severity: .fault, layer: layer.name, places: [],
      measure: "size of the weights times the root of the number of units", value: gain,
      limit: limits.tinyGain,
      explanation: "its weights are tiny (root mean square \(Self.short(layer.weightScale))): a"
        + " gradient that passes them becomes"
        + " \(gain > 0 ? Self.short(1 / gain) + " times smaller" : "0"), and the layers below learn"
        + " that much slower",
      advice: "start the layer with a suitable initializer, or lower the weight decay")
  }

  /// Units whose outgoing weights alone are next to nothing.
  private func tinyColumns(_ k: Int, besides flat: Finding?) -> [Finding] {
    guard k + 1 < layers.count else { return [] }
    let (layer, above) = (layers[k], layers[k + 1])
    let lengths = (0..<layer.units).map { above.columnLength($0) }
    let median = lengths.sorted()[lengths.count / 2]
    guard median > 0 else { return [] }
    let known = Set((flat?.places ?? []).map(\.index))
    let places = lengths.indices
      .filter { lengths[$0] < limits.tinyColumn * median && !known.contains($0) }
      .map { unit($0, layer, lengths[$0] / median) }
    guard !places.isEmpty else { return [] }
    let largest = places.map(\.value).max() ?? 0
    return [
      Finding(
        cause: .tinyWeights, severity: isSmall(places.count, of: layer.units) ? .note : .fault,
        layer: layer.name, places: places,
        measure: "length of the outgoing weights, relative to the layer's median", value: largest,
        limit: limits.tinyColumn,
        explanation: "the weights of \(above.name) that lead on from "
          + "\(Self.list(places, of: layer.units, "unit")) are \(Self.short(largest)) of the usual or"
          + " less: no gradient comes back through them",
        advice: "start these weights anew, or leave the units out")
    ]
  }

  /// Units, inputs or the whole layer whose rows' gradients add up to nothing.
  private func cancellations(_ k: Int) -> [Finding] {
    let layer = layers[k]
    let remainders = (0..<layer.units).map { layer.remainder(unit: $0) }
    let alive = remainders.indices.filter { remainders[$0] != nil }
    func isNothing(_ share: Double?) -> Bool { share.map { $0 < limits.cancellation } ?? false }
    let cancelled = alive.filter { isNothing(remainders[$0]) }
    var result: [Finding] = []
    if !cancelled.isEmpty {
      let places = cancelled.map { unit($0, layer, remainders[$0] ?? 0) }
      let isWhole = cancelled.count == alive.count
      result.append(
        cancellation(
          layer, isWhole ? [] : places, worst: places.map(\.value).max() ?? 0,
          of: isWhole
            ? "all weights" : "the weights into \(Self.list(places, of: layer.units, "unit"))"))
    }
    if cancelled.count == alive.count { return result }
    let inputs = (0..<layer.inputs).filter { isNothing(layer.remainder(input: $0)) }
      .map { input($0, k, layer.remainder(input: $0) ?? 0) }
    if !inputs.isEmpty {
      result.append(
        cancellation(
          layer, inputs, worst: inputs.map(\.value).max() ?? 0,
          of: "the weights from \(Self.list(inputs, of: layer.inputs, "input"))"))
    }
    return result
  }

  private func cancellation(
    _ layer: LayerStatistics, _ places: [Finding.Place], worst: Double, of what: String
  ) -> Finding {
    Finding(
      // Where training has come to its end, the sum is nothing too: the gradient cannot tell.
      cause: .cancellation, severity: .note, layer: layer.name, places: places,
      measure: "what is left of the rows' gradients in their sum", value: worst,
      limit: limits.cancellation,
      explanation: "the rows' gradients of \(what) cancel: of what "
        + "\(NumberFormat.counted(layer.rows, "row")) ask for, \(Self.short(worst)) is left in the"
        + " sum",
      advice: "if training has come to its end on just these rows, that is how it looks; otherwise"
        + " use other or fewer rows per batch, and see whether the targets contradict each other")
  }

  /// Inputs that are 0 or always the same.
  private func zeroInputs(_ k: Int) -> [Finding] {
    let layer = layers[k]
    var result: [Finding] = []
    // A neuron that is flat below tells its own story.
    let zero = (0..<layer.inputs).filter { j in
      layer.isZero(input: j) && (k == 0 || layers[k - 1].steepest[j] >= limits.flatSlope)
    }
    if !zero.isEmpty {
      let places = zero.map { input($0, k, 0) }
      let isFew = layer.rows < limits.conclusiveRows
      result.append(
        Finding(
          cause: .zeroInput,
          severity: k == 0 || isFew || isSmall(zero.count, of: layer.inputs) ? .note : .fault,
          layer: layer.name, places: places, measure: "value on all rows", value: 0, limit: 0,
          explanation: "\(Self.list(places, of: layer.inputs, "input"))"
            + " \(zero.count == 1 ? "is" : "are") 0 on all \(NumberFormat.counted(layer.rows, "row")): the weights from"
            + " \(zero.count == 1 ? "it" : "them") get no gradient",
          advice: k == 0
            ? "harmless if the column is the same on all rows; leave it out"
            : "start the weights of the layer below with numbers other than 0"))
    }
    guard k == 0 && layer.rows > 1 else { return result }
    let constant = (0..<layer.inputs).filter { j in
      layer.inputLow[j] == layer.inputHigh[j] && layer.inputLow[j] != 0
    }
    if !constant.isEmpty {
      let places = constant.map { input($0, k, layer.inputLow[$0]) }
      result.append(
        Finding(
          cause: .constantInput, severity: .note, layer: layer.name, places: places,
          measure: "value on all rows", value: places[0].value, limit: 0,
          explanation: "\(Self.list(places, of: layer.inputs, "input"))"
            + " \(constant.count == 1 ? "is" : "are") the same on all"
            + " \(NumberFormat.counted(layer.rows, "row")): the weights from"
            + " \(constant.count == 1 ? "it" : "them") learn what the bias learns",
          advice: "leave the column out"))
    }
    return result
  }

  /// Units that are in order and yet get nothing.
  private func nothingArrives(_ k: Int, explained: [Finding]) -> [Finding] {
    let layer = layers[k]
    let isKnown = explained.contains { $0.cause == .tinyWeights && !$0.places.isEmpty }
    let known = Set(
      explained.filter { $0.cause == .tinyWeights && $0.layer == layer.name }.flatMap(\.places)
        .map(\.index))
    let places = (0..<layer.units).filter { i in
      layer.deltaMagnitude[i] == 0 && layer.steepest[i] >= limits.flatSlope
        && !(isKnown && known.contains(i))
    }.map { unit($0, layer, 0) }
    guard !places.isEmpty else { return [] }
    return [
      Finding(
        cause: .nothingArrives, severity: .note, layer: layer.name, places: places,
        measure: "gradient that arrives", value: 0, limit: 0,
        explanation:
          "no gradient arrives at \(Self.list(places, of: layer.units, "unit")) on any row, though"
          + " the slopes there would let it pass",
        advice: k + 1 < layers.count
          ? "see what is said about \(layers[k + 1].name)"
          : "see what the loss asks of these outputs")
    ]
  }

  // MARK: Words

  private func unit(_ index: Int, _ layer: LayerStatistics, _ value: Double) -> Finding.Place {
    Finding.Place(index: index, name: "\(layer.name)[\(index)]", value: value)
  }

  private func input(_ index: Int, _ k: Int, _ value: Double) -> Finding.Place {
    let isFeature = layers[k].inputName == NetworkTrace.Port.features
    return Finding.Place(
      index: index,
      name: isFeature ? featureNames[index] : "\(layers[k].inputName)[\(index)]", value: value)
  }

  private static func short(_ value: Double) -> String {
    NumberFormat.significant(value, digits: 3)
  }

  /// `unit hidden1[3]`, `3 of 64 units (hidden1[3], hidden1[5], hidden1[9])`.
  private static func list(_ places: [Finding.Place], of all: Int, _ what: String) -> String {
    if places.count == 1 { return "\(what) \(places[0].name)" }
    let shown = places.prefix(4).map(\.name).joined(separator: ", ")
    let more = places.count > 4 ? ", …" : ""
    return "\(NumberFormat.grouped(places.count)) of \(NumberFormat.counted(all, what))"
      + " (\(shown)\(more))"
  }
}
