import Ebb
import EbbGraph
import EbbRuns
import Foundation
import TestSupport
import Testing

/// Every form of explanation on default networks of the example tables: no equation is said to be wrong.
/// `EBB_SWEEP=all` takes twenty seeds and every row (Jacobians and the other forms: every tenth);
/// otherwise some rows of one seed.
@Suite struct ExplanationSweepTests {
  private static let isWhole = ProcessInfo.processInfo.environment["EBB_SWEEP"] == "all"

  struct Example: Sendable, CustomTestStringConvertible {
    let name: String
    let target: String
    var testDescription: String { name }
  }

  static let examples = [
    Example(name: "digits", target: "digit"), Example(name: "iris", target: "species"),
    Example(name: "breast-cancer", target: "diagnosis"),
    Example(name: "diabetes", target: "progression"),
  ]

  /// What `ebb train` makes of an example, and all its rows.
  static func trained(_ example: Example, seed: UInt64) throws -> (Model, Dataset) {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    var request = RunRequest(
      data: root.appending(path: "Examples/\(example.name).csv").path, target: example.target)
    request.options.seed = seed
    request.split = Split(seed: seed)
    let prepared = try request.prepare()
    let trainer = try prepared.settings.trainer(for: prepared.data)
    let model = try trainer.fit(
      prepared.data.training, validation: prepared.data.validation, options: prepared.settings.fit)
    return (model, try prepared.data.schema.encode(prepared.table, target: .required).dataset)
  }

  @Test(
    "M7 no explanation of a right gradient says that a rule is wrong",
    arguments: examples, Array(1...UInt64(isWhole ? 20 : 1)))
  func rows(_ example: Example, _ seed: UInt64) throws {
    var (explained, equations, agreeing) = (0, 0, 0)
    let (model, data) = try Self.trained(example, seed: seed)
    let step = Self.isWhole ? 1 : max(1, data.rowCount / 12)
    for (number, row) in stride(from: Int(seed) % step, to: data.rowCount, by: step).enumerated() {
      let name = "\(example.name), seed \(seed), row \(row + 1)"
      let batch = try Batch(data, rows: Array(max(0, row - 3)..<min(data.rowCount, row + 4)))
      // Jacobians and the other forms take ten times as long as the equations: a tenth of the rows.
      let isThorough = number % (Self.isWhole ? 10 : 4) == 0
      for precision in [ExplanationSubject.Precision.single, .double] {
        guard isThorough || precision == .single else { continue }
        let subject = try ExplanationSubject(
          model: model, row: Batch(data, rows: [row]), name: name, batch: batch,
          batchName: "\(batch.count) rows", precision: precision)
        let found = try EquationsExplanation(subject, jacobians: isThorough)
        #expect(found.verdict != .disagrees, "\(name), \(precision)\n\(found)")
        equations += found.equations.count
        agreeing += found.equations.count { $0.verdict == .agrees }
        if isThorough { try Self.others(subject, name) }
      }
      explained += 1
    }
    print(
      "explanation sweep, \(example.name), seed \(seed): \(explained) rows, \(agreeing) of \(equations) equations"
        + " agree, none accused")
    #expect(agreeing > equations / 3)
  }

  /// The other forms: they give no verdict on rules, and must not fail; the sums that they print beside
  /// each other are the same numbers.
  private static func others(_ subject: ExplanationSubject, _ name: String) throws {
    _ = try StoryExplanation(subject).description
    let weight = ElementName("hidden1.weight", [3, 1])
    let found = try WeightExplanation(subject, element: weight)
    if let product = found.product {
      let bound = 1e-5 * max(product.value.magnitude, found.gradient.magnitude) + 0x1p-149
      #expect((product.value - found.gradient).magnitude <= bound, "\(name)\n\(found)")
    }
    _ = try WiggleExplanation(subject, element: weight).description
    _ = try WishesExplanation(subject).description
    _ = try GraphExplanation(subject).description
    _ = try FeaturesExplanation(subject).description
    _ = try FactorChain(subject, elements: [weight]).description
    let diagnosis = try subject.model.diagnosis(on: subject.batch ?? subject.row)
    _ = diagnosis.description
  }

  @Test("M7 each wrong rule is accused by the equations wherever the right one is decided")
  func wrongRules() throws {
    var (planted, visible, caught) = (0, 0, 0)
    for example in Self.examples {
      let (model, data) = try Self.trained(example, seed: 1)
      let rows = Self.isWhole ? 24 : 3
      for row in stride(from: 5, to: data.rowCount, by: max(1, data.rowCount / rows)) {
        let subject = try ExplanationSubject(
          model: model, row: Batch(data, rows: [row]), name: "row \(row + 1)", precision: .double)
        let right = try EquationsExplanation(subject)
        for op in try model.operations() {
          switch op {
          case .unary, .binary, .ternary, .matmul, .rowwise, .reduction: break
          case .source, .movement, .indexing, .random, .custom: continue
          }
          let rules: (Op) -> DerivativeRule = { given in
            guard given == op else { return given.rule }
            return .custom(
              vjp: { at, dy, slot in
                given.rule.contribution(at: at, dy: dy, slot: slot).map { -$0 }
              },
              jvp: { at, dx in given.rule.tangent(of: given, at: at, dx: dx) })
          }
          let wrong = try EquationsExplanation(subject, rules: rules)
          planted += 1
          for (before, after) in zip(right.equations, wrong.equations)
          where before.verdict == .agrees && before.kind != .predictions {
            let exact = before.entries.map(\.gradient)
            let changed = after.entries.map(\.gradient)
            guard exact.count == changed.count,
              zip(exact, changed).contains(where: {
                ($0 - $1).magnitude > 0.1 * before.scale
              })
            else { continue }
            visible += 1
            if after.verdict == .disagrees {
              caught += 1
            } else {
              Issue.record(
                "\(op.name) in \(after.value) of \(example.name), row \(row + 1)\n\(wrong)")
            }
          }
        }
      }
    }
    print(
      "explanation sweep: \(planted) wrong rules, \(caught) of \(visible) wrong equations accused")
    #expect(visible > 20)
  }
}
