public import EbbData
internal import EbbGradients
package import EbbGraph
public import EbbNetworks
internal import EbbSystem
public import EbbTraining

extension Model {
  /// Holds the gradients on the rows of a dataset to differences of the loss, and to each other.
  ///
  /// Of more rows than `options.rows`, evenly spread ones are taken. What is differentiated is the
  /// mean loss of the rows, in double precision.
  ///
  /// - Parameter progress: told what is being looked at, and how much is done of how much.
  /// - Throws: `ModelError` if the data do not fit the network, or a tensor asked for is none.
  public func check(
    on dataset: Dataset, options: GradientCheck.Options = .init(),
    progress: (_ name: String, _ done: Int, _ of: Int) -> Void = { _, _, _ in }
  ) throws -> GradientCheck {
    guard dataset.rowCount > 0 else { throw ModelError("there are no rows to check on") }
    let batch = try Batch(dataset, rows: Array(0..<dataset.rowCount))
    return try check(on: batch, options: options, progress: progress)
  }

  /// The same on the rows of a batch.
  public func check(
    on batch: Batch, options: GradientCheck.Options = .init(),
    progress: (_ name: String, _ done: Int, _ of: Int) -> Void = { _, _, _ in }
  ) throws -> GradientCheck {
    try check(on: batch, options: options, rules: \.rule, progress: progress)
  }

  /// The same with the derivatives given: tests give wrong ones.
  package func check(
    on batch: Batch, options: GradientCheck.Options, rules: @escaping (Op) -> DerivativeRule,
    progress: (_ name: String, _ done: Int, _ of: Int) -> Void = { _, _, _ in }
  ) throws -> GradientCheck {
    try options.validate()
    let wanted = try parametersToCheck(options.tensors)
    var notes: [String] = []
    let used = try rowsToCheck(batch, options, tensors: wanted.count, notes: &notes)
    let modes: [LayerContext.Mode] = try dropsUnits ? [.evaluation, .training] : [.evaluation]
    let total = modes.count * wanted.count + 1
    var (tensors, evaluations, loss): ([GradientCheck.Tensor], Int, Double) = ([], 0, .nan)
    for mode in modes {
      let subject = try CheckSubject(self, used, mode: mode, seed: options.seed, rules: rules)
      var function = try subject.function()
      let roundings = try subject.roundings()
      if mode == .evaluation { loss = function.value }
      for index in wanted {
        let name = parameters[index].name
        progress(name, tensors.count, total)
        let probe = subject.probe(
          index, roundings[index], stream: UInt32(tensors.count), options)
        tensors.append(try probe.check(&function))
      }
      evaluations += function.evaluations
    }
    progress("other laws", total - 1, total)
    let laws = try CheckLaws(model: self, batch: used, rules: rules, options: options).all()
    progress("", total, total)
    return GradientCheck(
      tensors: tensors, laws: laws, rows: used.count, rowsGiven: batch.count, loss: loss,
      evaluations: evaluations, tolerance: options.tolerance, notes: notes)
  }

  /// Whether training computes something else than evaluation.
  private var dropsUnits: Bool {
    get throws {
      func nodes(_ mode: LayerContext.Mode) throws -> [Op] {
        try LossTrace(self, rows: 1, form: .init(mode: mode), backward: false).graph.nodes.map(\.op)
      }
      return try nodes(.training) != nodes(.evaluation)
    }
  }

  /// The places of the parameters asked for.
  private func parametersToCheck(_ names: [String]?) throws -> [Int] {
    guard let names else { return Array(parameters.indices) }
    let known = parameters.map(\.name)
    let places = try Set(
      names.map { name in
        guard let place = known.firstIndex(of: name) else {
          throw ModelError(
            "the network has no tensor named \(name.quotedForMessage); "
              + NameSuggestion.advice(for: name, among: known))
        }
        return place
      })
    return places.sorted()
  }

  /// At most as many rows as were asked for, evenly spread; fewer where the network is so large that
  /// the check would take minutes.
  private func rowsToCheck(
    _ batch: Batch, _ options: GradientCheck.Options, tensors: Int, notes: inout [String]
  ) throws -> Batch {
    var count = min(batch.count, options.rows)
    let work = try LossTrace(self, rows: 1, backward: false).graph.work
    let passes = 70 * max(tensors, 1)
    let affordable = max(Self.leastRows, Self.mostWork / max(1, work.multipliedClamped(by: passes)))
    if affordable < count {
      notes.append(
        "the network is large: \(affordable) rows instead of \(count) are used to save time")
      count = affordable
    }
    guard count < batch.count else { return batch }
    let rows = Array(batch.rows)
    return try Batch(
      batch.dataset, rows: (0..<count).map { Int(rows[$0 * batch.count / count]) })
  }

  /// Rows that a check of a large network keeps, and about how many multiplications all passes of a
  /// check may cost together: ten seconds.
  private static let leastRows = 4
  private static let mostWork = 9_000_000_000
}

extension GradientCheck.Options {
  /// Throws if a number is out of range.
  public func validate() throws(SettingsError) {
    func check(_ isRight: Bool, _ setting: String, _ range: String) throws(SettingsError) {
      guard isRight else {
        throw SettingsError("check", setting: setting, "expected \(range)")
      }
    }
    try check(rows >= 1, "rows", "1 or more, got \(rows)")
    try check(
      tolerance > 0 && tolerance.isFinite, "tolerance", "a number above 0, got \(tolerance)")
    try check((1...1000).contains(directions), "directions", "1 to 1000, got \(directions)")
    try check((0...1_000_000).contains(elements), "elements", "0 to 1000000, got \(elements)")
    try check(threads >= 1, "threads", "1 or more, got \(threads)")
  }
}

extension Graph {
  /// Roughly how many multiplications a run costs.
  fileprivate var work: Int {
    nodes.reduce(0) { total, node in
      let depth = node.op == .matmul ? self[node.inputs[0]].shape[-1] : 4
      return total + node.shape.count.multipliedClamped(by: depth)
    }
  }
}

extension Int {
  fileprivate func multipliedClamped(by other: Int) -> Int {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? 1 << 60 : Swift.min(product, 1 << 60)
  }
}
