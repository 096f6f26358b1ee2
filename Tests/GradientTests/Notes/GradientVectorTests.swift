import Ebb
import TestSupport
import Testing

@Suite struct NotesGradientVectorTests {
  @Test(
    "M25 ∇C is one vector [W_1, b_1, …, W_D, b_D], row-major, every component named",
    arguments: NoteSubject.Kind.allCases)
  func order(_ kind: NoteSubject.Kind) throws {
    let subject = try NoteSubject.of(kind)
    let found = try subject.model.gradients(on: subject.taking())
    let vector = found.vector
    #expect(
      vector.parameterNames == subject.network.names.flatMap { ["\($0).weight", "\($0).bias"] })
    #expect(vector.count == subject.model.parameterCount)
    var position = 0
    for (k, layer) in subject.network.names.enumerated() {
      let (weight, bias) = (
        try #require(found["\(layer).weight"]), try #require(found["\(layer).bias"])
      )
      #expect(vector.range(of: "\(layer).weight")?.lowerBound == position)
      for i in 0..<subject.widths[k + 1] {
        for j in 0..<subject.widths[k] {
          let name = ElementName("\(layer).weight", [i, j])
          try expect(vector, position, name, weight[i, j])
          position += 1
        }
      }
      for i in 0..<subject.widths[k + 1] {
        try expect(vector, position, ElementName("\(layer).bias", [i]), bias[i])
        position += 1
      }
    }
    #expect(position == vector.count)
  }

  private func expect(
    _ vector: GradientVector<Double>, _ position: Int, _ name: ElementName, _ value: Double
  ) throws {
    guard vector.name(of: position) == name, vector.elements[position] == value,
      try vector.position(of: ElementName(parsing: "\(name)")) == position
    else {
      Issue.record("component \(position): expected \(name), \(vector.name(of: position)) came")
      return
    }
  }

  @Test(
    "M25 the loss is most sensitive where the gradient is largest: components and neurons ranked",
    arguments: NoteSubject.Kind.allCases)
  func ranking(_ kind: NoteSubject.Kind) throws {
    let subject = try NoteSubject.of(kind)
    let batch = try subject.taking()
    let found = try subject.model.gradients(on: batch)
    let vector = found.vector
    let sorted = vector.elements.map(\.magnitude).sorted(by: >)
    let largest = vector.largest(25)
    #expect(largest.map(\.gradient.magnitude) == Array(sorted.prefix(25)))
    for component in largest { #expect(try vector[component.name] == component.gradient) }
    #expect(vector.largest(vector.count + 5).map(\.gradient.magnitude) == sorted)
    #expect(vector.largest(0).isEmpty)

    // Measured: no other component of a sample moves the loss as far.
    var wiggler = Wiggler(subject.model, on: batch)
    let top = try wiggler.wiggle(largest[0].name, by: 1e-6).measuredChange.magnitude
    for position in stride(from: 3, to: vector.count, by: vector.count / 40) {
      let name = vector.name(of: position)
      guard name != largest[0].name else { continue }
      let other = try wiggler.wiggle(name, by: 1e-6).measuredChange.magnitude
      #expect(other <= top + 1e-11, "\(name)")
    }

    // Neurons: by δ of the rows, added apart.
    var expected: [(name: String, delta: Double, magnitude: Double)] = []
    for (k, layer) in subject.network.names.enumerated() {
      let delta = try #require(found["\(layer).preactivation"])
      for unit in 0..<subject.widths[k + 1] {
        let column = (0..<NoteSubject.rows).map { delta[$0, unit] }
        expected.append(
          ("\(layer)[\(unit)]", column.reduce(0, +), column.map(\.magnitude).reduce(0, +)))
      }
    }
    expected.sort { $0.magnitude > $1.magnitude }
    let neurons = found.largestNeurons(expected.count)
    #expect(neurons.map { "\($0.name)" } == expected.map(\.name))
    #expect(neurons.map(\.delta) == expected.map(\.delta))
    #expect(neurons.map(\.magnitude) == expected.map(\.magnitude))
    #expect(found.largestNeurons(3) == Array(neurons.prefix(3)))
  }

  /// The loss and its derivative with the parameters moved along a direction.
  private static func loss(
    _ subject: NoteSubject, _ graph: Graph, along direction: [String: NDArray<Double>],
    by step: Double
  ) throws -> Double {
    var inputs = try subject.inputs()
    for (name, part) in direction {
      let values = try #require(inputs[name])
      // In memory a weight is [inputs, outputs].
      let turned = part.shape.rank == 2 ? part.transposed() : part
      #expect(turned.shape == values.shape)
      inputs[name] = NDArray(
        zip(values.elements, turned.elements).map { $0 + step * $1 }, shape: values.shape)
    }
    return try #require(try evaluate(graph, inputs, indices: subject.indices())["loss"]).scalar
  }

  /// A vector cut into the parameters' shapes.
  private static func parts(
    _ elements: [Double], like vector: GradientVector<Double>
  ) throws -> [String: NDArray<Double>] {
    var result: [String: NDArray<Double>] = [:]
    for (name, shape) in zip(vector.parameterNames, vector.shapes) {
      let range = try #require(vector.range(of: name))
      result[name] = NDArray(Array(elements[range]), shape: shape)
    }
    return result
  }

  @Test(
    "M32 |∇·u| ≤ ‖∇‖ for unit u, equal along ∇; −∇ is the best small step",
    arguments: NoteSubject.Kind.allCases)
  func steepest(_ kind: NoteSubject.Kind) throws {
    let subject = try NoteSubject.of(kind)
    let traced = try TracedSubject(subject)
    let graph = try traced.graph([("loss", mean(traced.rowLosses))])
    let vector = try subject.model.gradients(on: subject.taking()).vector
    let norm = vector.norm
    #expect(norm > 0)
    func unit(_ numbers: [Double]) -> [Double] {
      let length = numbers.reduce(0) { $0 + $1 * $1 }.squareRoot()
      return numbers.map { $0 / length }
    }
    func slope(_ u: [Double]) -> Double { zip(u, vector.elements).reduce(0) { $0 + $1.0 * $1.1 } }
    func change(_ u: [Double], _ step: Double) throws -> Double {
      try Self.loss(subject, graph, along: Self.parts(u, like: vector), by: step)
    }
    let steepest = unit(vector.elements)
    #expect(abs(slope(steepest) - norm) < 1e-12 * norm)
    // So small that the slope decides.
    let step = 1e-5
    let before = try change(steepest, 0)
    let best = try change(steepest, -step)
    #expect(best < before)
    #expect(abs(best - before + step * norm) < 1e-3 * step * norm)
    var largest = 0.0
    for seed in 0..<40 as Range<UInt64> {
      // Every third direction leans on the gradient.
      let noise = unit(uniform(vector.count, seed: 900 + seed))
      let lean = seed % 3 == 0 ? Double(seed % 5) * 0.5 : 0
      let u = unit(zip(noise, steepest).map { $0 + lean * $1 })
      let rise = slope(u)
      largest = max(largest, rise.magnitude)
      #expect(rise.magnitude <= norm * (1 + 1e-12))
      let (up, down) = (try change(u, step), try change(u, -step))
      #expect(abs((up - down) / (2 * step) - rise) < 1e-5 * norm, "direction \(seed)")
      #expect(best < up && best < down, "direction \(seed)")
    }
    #expect(largest > 0.5 * norm && largest < norm)
  }
}
