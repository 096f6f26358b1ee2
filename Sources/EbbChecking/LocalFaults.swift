internal import EbbData
internal import EbbGradients
internal import EbbGraph
internal import EbbNetworks
internal import EbbSystem

/// Faults of single tensors: what may have been done to a gradient that was otherwise right.
struct LocalFaults {
  typealias Part = GradientExplanation.Part
  typealias Explained = (parts: [Part], error: Double)
  private typealias Target = HypothesisSearch.Target

  let search: HypothesisSearch
  /// What the tensors would be without the fault, but for the factor.
  let gradients: GradientSet
  let factor: Double

  /// The faults of which one kind explains all the tensors given.
  func explaining(_ places: [Int]) -> [Explained] {
    let rest = places.map { search.targets[$0] }
    let found = [
      zero(rest), transposed(rest), decayed(rest), multiplied(rest), wronglySummed(rest),
      notSummed(rest), sumsMultiplied(rest),
    ].flatMap { $0 }
    if !found.isEmpty { return found }
    // With a factor of the tensors' own.
    let turned = multiplied(rest, turned: true)
    return turned.isEmpty ? fewElements(rest) : turned
  }

  private func names(_ targets: [Target]) -> String {
    targets.map(\.name).joined(separator: ", ")
  }

  /// The layer if all are of one.
  private func layer(_ targets: [Target]) -> String? {
    let layers = Set(targets.map(\.layer))
    return layers.count == 1 ? layers.first : nil
  }

  private func part(
    _ mistake: GradientMistake, _ targets: [Target], _ sentence: String, number: Double? = nil
  ) -> Part {
    Part(
      mistake, sentence, layer: layer(targets), tensors: targets.map(\.name), number: number)
  }

  /// The largest error of predictions, if all are within the tolerance.
  private func error(
    _ targets: [Target], times factor: Double, _ predict: (Target) -> [Double]?
  ) -> Double? {
    var largest = 0.0
    for target in targets {
      guard let prediction = predict(target) else { return nil }
      let error = search.error(target, prediction, times: factor)
      guard error <= target.tolerance else { return nil }
      largest = max(largest, error)
    }
    return largest
  }

  private func zero(_ targets: [Target]) -> [Explained] {
    let isZero = targets.allSatisfy { target in
      target.theirs?.allSatisfy { $0 == 0 } ?? false
    }
    guard isZero else { return [] }
    let biases = targets.allSatisfy { $0.role == .bias } ? "; was the bias forgotten?" : ""
    return [
      (
        [
          part(
            .zero, targets,
            "\(names(targets)) \(targets.count == 1 ? "is" : "are") all zero: nothing was added "
              + "there\(biases)")
        ], 0
      )
    ]
  }

  /// A weight's numbers column by column.
  private func turned(_ target: Target) -> [Double]? {
    guard target.role == .weight, target.shape.rank == 2, target.shape[0] > 1,
      target.shape[1] > 1, let own = gradients[target.name]
    else { return nil }
    return NDArray(own, shape: target.shape).transposed().elements
  }

  private func transposed(_ targets: [Target]) -> [Explained] {
    guard let error = error(targets, times: factor, turned) else { return [] }
    return [([transposition(targets)], error)]
  }

  private func transposition(_ targets: [Target]) -> Part {
    part(
      .transposed, targets,
      "\(names(targets)) \(targets.count == 1 ? "is" : "are") transposed: the numbers lie column by "
        + "column")
  }

  /// A multiple of the parameters was added.
  private func decayed(_ targets: [Target]) -> [Explained] {
    // The tensor with the largest parameters knows it best; a single number is a multiple of any other.
    let largest = targets.filter { $0.parameter.count > 2 }.max {
      $0.parameter.euclideanNorm < $1.parameter.euclideanNorm
    }
    guard let largest, let theirs = largest.theirs, let own = gradients[largest.name],
      own.count == theirs.count,
      let decay = HypothesisSearch.factor(
        theirs.indices.map { theirs[$0] - factor * own[$0] }, largest.parameter)
    else { return [] }
    let error = error(targets, times: 1) { target in
      guard let own = gradients[target.name] else { return nil }
      return own.indices.map { factor * own[$0] + decay * target.parameter[$0] }
    }
    guard let error else { return [] }
    let which = targets.allSatisfy { $0.role == .weight } ? "weights" : "parameters"
    return [
      (
        [
          part(
            .weightDecay, targets,
            "weight decay was added: the difference is "
              + "\(NumberFormat.significant(decay, digits: 5)) times the \(which) "
              + "(\(names(targets)))", number: decay)
        ], error
      )
    ]
  }

  /// A common factor of the tensors' own, with the numbers as they are or turned.
  private func multiplied(_ targets: [Target], turned isTurned: Bool = false) -> [Explained] {
    func numbers(_ target: Target) -> [Double]? {
      isTurned ? turned(target) : gradients[target.name]
    }
    let largest = targets.max {
      (gradients[$0.name]?.euclideanNorm ?? 0) < (gradients[$1.name]?.euclideanNorm ?? 0)
    }
    guard let largest, let theirs = largest.theirs, let own = numbers(largest),
      own.count == theirs.count, own.count > 1 || targets.count > 1,
      let multiple = HypothesisSearch.factor(theirs, own),
      let error = error(targets, times: multiple, numbers)
    else { return [] }
    let isAll = targets.count == search.targets.count
    // A factor of all tensors is no fault of single ones.
    guard isTurned || !isAll else { return [] }
    let readings = search.meaning.parts(
      multiple, of: .init(tensors: isAll ? [] : targets.map(\.name)))
    return readings.map { reading in
      let named = Part(
        reading.mistake, reading.sentence, layer: isAll ? nil : layer(targets),
        tensors: reading.tensors, number: reading.number)
      return (isTurned ? [transposition(targets), named] : [named], error)
    }
  }

  /// Biases: δ added over the units, over both axes, or one row of it alone.
  private func wronglySummed(_ targets: [Target]) -> [Explained] {
    let evidence = search.evidence
    let b = evidence.batch.count
    let ways: [(sentence: String, numbers: ([[Double]], Target) -> [Double]?)] = [
      (
        "δ was added over the units, not over the rows",
        { deltas, _ in deltas.map { $0.reduce(0, +) } }
      ),
      (
        "δ was added over both axes and the one number given to all units",
        { deltas, target in
          let total = deltas.map { $0.reduce(0, +) }.reduce(0, +)
          return [Double](repeating: total, count: target.shape.count)
        }
      ),
      ("only the first row's δ was taken", { deltas, _ in deltas.first }),
      ("only the last row's δ was taken", { deltas, _ in deltas.last }),
    ]
    guard b > 1 else { return [] }
    for way in ways {
      var largest = 0.0
      let isExplained = targets.allSatisfy { target in
        guard target.role == .bias, let deltas = evidence.deltas[target.layer],
          let numbers = way.numbers(deltas, target)
        else { return false }
        let theirs = target.theirs ?? target.misshapen?.elements ?? []
        guard theirs.count == numbers.count, theirs.count > 1 else { return false }
        // Means in the place of sums differ by a factor that says no more.
        guard let multiple = HypothesisSearch.factor(theirs, numbers) else { return false }
        let distance = theirs.distance(from: numbers, times: multiple) / theirs.euclideanNorm
        largest = max(largest, distance)
        return distance <= target.tolerance
      }
      if isExplained {
        return [
          ([part(.wrongAxis, targets, "\(names(targets)): \(way.sentence)")], largest)
        ]
      }
    }
    return []
  }

  /// Biases whose array still has a row for each example.
  private func notSummed(_ targets: [Target]) -> [Explained] {
    let rows = search.evidence.batch.count
    var largest = 0.0
    for target in targets {
      guard target.role == .bias, let array = target.misshapen, array.shape.rank == 2,
        array.shape[0] == rows, array.shape[1] == target.shape.count,
        let own = gradients[target.name]
      else { return [] }
      let sums = sumOfOuterProducts(
        [Double](repeating: 1, count: rows), array.elements, rows: rows, 1, own.count)
      guard let multiple = HypothesisSearch.factor(sums, own) else { return [] }
      let distance = sums.distance(from: own, times: multiple) / sums.euclideanNorm
      guard distance <= target.tolerance else { return [] }
      largest = max(largest, distance)
    }
    return [
      (
        [
          part(
            .notSummed, targets,
            "\(names(targets)) still has a row for each of the \(rows) examples: δ was not added over "
              + "them")
        ], largest
      )
    ]
  }

  /// A few numbers that are off in tensors whose others are all right: where they stand.
  private func fewElements(_ targets: [Target]) -> [Explained] {
    var (parts, largest): ([Part], Double) = ([], 0)
    for target in targets {
      guard let theirs = target.theirs, let own = gradients[target.name],
        own.count == theirs.count, own.count >= 4
      else { return [] }
      let distances = own.indices.map { place in
        let distance = (theirs[place] - factor * own[place]).magnitude
        return distance.isNaN ? .infinity : distance
      }
      let order = own.indices.sorted { distances[$0] > distances[$1] }
      var (mended, off, error) = (target, 0, Double.infinity)
      for place in order.prefix(max(1, min(8, own.count / 20))) {
        mended.theirs?[place] = factor * own[place]
        off += 1
        error = search.error(mended, own, times: factor)
        if error <= target.tolerance { break }
      }
      guard error <= target.tolerance else { return [] }
      largest = max(largest, error)
      let named = order.prefix(min(off, 3)).map { place in
        "\(ElementName(target.name, offset: place, in: target.shape)) is"
          + " \(NumberFormat.significant(theirs[place], digits: 6)) where"
          + " \(NumberFormat.significant(factor * own[place], digits: 6)) belongs"
      }
      parts.append(
        part(
          .fewElements, [target],
          "all of \(target.name) but \(NumberFormat.counted(off, "number")) is right: "
            + named.joined(separator: ", ") + (off > 3 ? ", …" : ""), number: Double(off)))
    }
    return parts.isEmpty ? [] : [(parts, largest)]
  }

  /// (Σ δ)(Σ h)ᵀ/B where Σ δ hᵀ should be.
  private func sumsMultiplied(_ targets: [Target]) -> [Explained] {
    let evidence = search.evidence
    let rows = Double(evidence.batch.count)
    guard rows > 1 else { return [] }
    let error = error(targets, times: factor) { target in
      guard target.role == .weight, let deltas = evidence.deltas[target.layer],
        let inputs = evidence.inputSums[target.layer]
      else { return nil }
      var sums = [Double](repeating: 0, count: deltas.first?.count ?? 0)
      for delta in deltas { for index in sums.indices { sums[index] += delta[index] } }
      return sums.flatMap { sum in inputs.map { sum * $0 / rows } }
    }
    guard let error else { return [] }
    return [
      (
        [
          part(
            .productOfSums, targets,
            "\(names(targets)): δ and h were averaged over the rows before they were multiplied; the "
              + "products must be averaged")
        ], error
      )
    ]
  }
}
