import Ebb
import EbbGraph
import TestSupport
import Testing

/// Values and gradients of operations, losses and compositions against PyTorch in double precision.
@Suite struct OperationReferenceTests {
  /// The largest error allowed, relative to the largest number of its array.
  static let gate = 1e-10

  /// Number i of operand k, as `make_operations.py` computes it.
  static func number(_ i: Int, of k: Int, low: Double, high: Double, steps: Int?) -> Double {
    let place = (379 + 4 * k) * i + 211 * k + 57
    let share =
      steps.map { Double(place % $0) / Double($0 - 1) } ?? (Double(place % 997) + 0.5) / 997
    return low + (high - low) * share
  }

  static func operand(_ specification: Reference, _ k: Int) throws -> NDArray<Double> {
    let shape = Shape(try specification["shape"].integers)
    let (low, high) = (try specification["low"].number, try specification["high"].number)
    let steps = try specification.member("steps")?.integer
    return NDArray(
      (0..<shape.count).map { number($0, of: k, low: low, high: high, steps: steps) }, shape: shape)
  }

  static func labels(_ specification: Reference, _ k: Int) throws -> NDArray<Int32> {
    let shape = Shape(try specification["shape"].integers)
    let (below, first) = (
      try specification["below"].integer, try specification["first"].integer
    )
    return NDArray(
      (0..<shape.count).map { Int32((5 * $0 + 3 * k + 1) % below + first) }, shape: shape)
  }

  /// The largest error relative to the largest expected number; to 1 if all of them are 0.
  static func error(_ found: [Double], _ expected: [Double]) -> Double {
    guard found.count == expected.count else { return .infinity }
    let largest = expected.map(\.magnitude).max() ?? 0
    return zip(found, expected).reduce(0) { worst, pair in
      let error = (pair.0 - pair.1).magnitude / (largest > 0 ? largest : 1)
      return error.isNaN ? .infinity : max(worst, error)
    }
  }

  /// The errors of the value and of each gradient, or infinity for another shape.
  static func errors(_ reference: Reference, _ body: OperationTable.Body) throws -> [Double] {
    let operands = try reference["operands"].list.enumerated().map { try operand($1, $0) }
    let indices = try (reference.member("indices")?.list ?? []).enumerated().map {
      try labels($1, $0)
    }
    let shape = Shape(try reference["shape"].integers)
    let builder = GraphBuilder()
    let x = operands.enumerated().map { builder.input("x\($0)", shape: $1.shape) }
    let at = indices.enumerated().map {
      builder.input("at\($0)", shape: $1.shape, type: .index)
    }
    let y = body(x, at)
    let weights = (0..<y.shape.count).map { number($0, of: 99, low: -1, high: 1, steps: nil) }
    let cotangent = builder.constant(array: NDArray(weights, shape: y.shape))
    let slopes = gradients(of: sum(y * cotangent), with: x)
    let graph = try builder.finish(
      outputs: ([y] + slopes).enumerated().map {
        Graph.Output(name: "\($0)", id: $1.id)
      })
    let found = try evaluate(
      graph,
      Dictionary(uniqueKeysWithValues: operands.enumerated().map { ("x\($0)", $1) }),
      indices: Dictionary(uniqueKeysWithValues: indices.enumerated().map { ("at\($0)", $1) }))
    let slopesThere = try reference["gradients"].list.map { try $0.numbers }
    let expected = [try reference["value"].numbers] + slopesThere
    guard y.shape == shape, found.count == expected.count else { return [.infinity] }
    return try expected.enumerated().map {
      error(try #require(found["\($0)"]).elements, $1)
    }
  }

  @Test("Operations, losses and compositions equal PyTorch's, values and gradients")
  func equalsPyTorch() throws {
    let file = try Reference(file: "operations")
    let table = OperationTable()
    #expect(table.repeated.isEmpty)
    var (cases, arrays, worst, worstName) = (0, 0, 0.0, "")
    var names: Set<String> = []
    for reference in try file["cases"].list {
      let name = try reference["name"].text
      names.insert(name)
      guard let body = table.bodies[name] else { continue }
      let errors = try Self.errors(reference, body)
      let shapes = try reference["operands"].list.map { try $0["shape"].integers }
      #expect(
        errors.allSatisfy { $0 < Self.gate },
        "\(name) of \(shapes): errors of the value and of each gradient are \(errors)")
      (cases, arrays) = (cases + 1, arrays + errors.count)
      if let largest = errors.max(), largest > worst { (worst, worstName) = (largest, name) }
    }
    #expect(Set(table.bodies.keys) == names, "functions that only one side has")
    #expect(names.count >= 60)
    print(
      "reference \(try file["source"].text), operations: \(names.count) functions, \(cases) cases,"
        + " \(arrays) arrays, gate \(Self.gate), worst \(worst) (\(worstName))")
    let leftOut = try #require(file["leftOut"].value as? [String: String])
    for (name, reason) in leftOut.sorted(by: { $0.key < $1.key }) {
      print("  left out: \(name): \(reason)")
    }
  }

  /// The comparison notices a wrong function and a wrong gradient.
  @Test func faultsAreNoticed() throws {
    let cases = try Reference(file: "operations")["cases"].list
    let sine = try #require(cases.first { try $0["name"].text == "sin" })
    #expect(try Self.errors(sine) { x, _ in sin(x[0]) }.allSatisfy { $0 < Self.gate })
    #expect(try Self.errors(sine) { x, _ in cos(x[0]) }[0] > Self.gate)
    let stopped = try Self.errors(sine) { x, _ in sin(stopGradient(x[0])) }
    #expect(stopped[0] < Self.gate && stopped[1] > Self.gate)
    #expect(try Self.errors(sine) { x, _ in sin(x[0]).reshaped(to: [1]) } == [.infinity])
  }
}
