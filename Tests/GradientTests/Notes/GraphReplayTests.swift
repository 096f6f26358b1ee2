import Ebb
import Foundation
import TestSupport
import Testing

@Suite struct NotesGraphReplayTests {
  typealias Values = [NodeID: Interpreter<Double>.Value]

  /// The transposed Jacobian of one operation times a cotangent, from values of the operation alone.
  private func contribution(
    _ node: Node, operands: [Interpreter<Double>.Value], types: [Node], slot: Int,
    cotangent: [Double]
  ) throws -> [Double] {
    let alone = try trace { builder in
      let x = types.enumerated().map {
        builder.input("\($0)", shape: $1.shape, type: $1.type)
      }
      return ["y": builder.add(node.op, x)]
    }
    let interpreter = try Interpreter(alone)
    var numbers: [String: NDArray<Double>] = [:]
    var indices: [String: NDArray<Int32>] = [:]
    for (position, value) in operands.enumerated() {
      switch value {
      case .numbers(let array): numbers["\(position)"] = array
      case .indices(let array): indices["\(position)"] = array
      }
    }
    let own = try #require(numbers["\(slot)"])
    /// The result when elements of the operand are moved.
    func value(_ places: Range<Int>, by step: Double) throws -> [Double] {
      var moved = own
      for place in places { moved.elements[place] += step }
      numbers["\(slot)"] = moved
      return try interpreter.number("y", numbers, indices: indices).elements
    }
    let isLinear: Bool =
      switch node.op {
      case .matmul, .movement, .reduction(.sum, _), .binary(.multiply), .binary(.add),
        .binary(.subtract), .ternary(.select):
        true
      default: false
      }
    /// How the result moves with the elements: exact by a step of 1 where it is linear in them.
    func column(_ places: Range<Int>) throws -> [Double] {
      guard isLinear else { return try slope { try value(places, by: $0) } }
      return zip(try value(places, by: 1), try value(places, by: -1)).map { ($0 - $1) / 2 }
    }
    if node.op.isElementwise {
      return zip(try column(0..<own.count), cotangent).map { $0 * $1 }
    }
    return try (0..<own.count).map { place in
      zip(try column(place..<(place + 1)), cotangent).reduce(0) { $0 + $1.0 * $1.1 }
    }
  }

  @Test(
    "M9 the graph is printable, and replaying its steps outside the engine gives every gradient",
    arguments: NoteSubject.Kind.allCases)
  func replay(_ kind: NoteSubject.Kind) throws {
    let subject = try NoteSubject.of(kind)
    let traced = try TracedSubject(subject)
    let loss = mean(traced.rowLosses)
    let found = backpropagate(from: loss, to: traced.parameters)
    let gradients = try found.gradients.map { try #require($0) }
    let graph = try traced.graph(
      [("loss", loss)] + zip(traced.parameterNames, gradients).map { ($0, $1) })

    let lines = graph.description.split(separator: "\n")
    #expect(lines.count >= graph.nodes.count)
    for name in traced.parameterNames { #expect(graph.description.contains(name)) }

    var values: Values = [:]
    _ = try Interpreter(graph).run(try subject.inputs(), indices: subject.indices()) {
      values[$0] = $1
    }
    var cotangents: [NodeID: [Double]] = [loss.id: [1]]
    for step in found.steps {
      let node = graph[step.through]
      #expect(node.inputs[step.slot] == step.operand)
      let part = try contribution(
        node, operands: try node.inputs.map { try #require(values[$0]) },
        types: node.inputs.map { graph[$0] }, slot: step.slot,
        cotangent: try #require(cotangents[step.through]))
      cotangents[step.operand] =
        cotangents[step.operand].map { zip($0, part).map { $0 + $1 } } ?? part
      if case .numbers(let recorded)? = values[step.contribution] {
        let error = deviation(part, recorded.elements)
        #expect(error < 1e-8, "\(node.op.name), operand \(step.slot): off by \(error)")
      }
    }
    for (name, (parameter, gradient)) in zip(
      traced.parameterNames, zip(traced.parameters, gradients))
    {
      guard case .numbers(let expected)? = values[gradient.id] else {
        Issue.record("\(name) has no numbers")
        continue
      }
      let error = deviation(try #require(cotangents[parameter.id]), expected.elements)
      #expect(error < 1e-8, "\(name): off by \(error)")
    }
  }

  @Test(
    "M10 each value's gradient is the sum of its uses' contributions, one per operand slot",
    arguments: NoteSubject.Kind.allCases)
  func sums(_ kind: NoteSubject.Kind) throws {
    let subject = try NoteSubject.of(kind)
    let traced = try TracedSubject(subject)
    let found = backpropagate(from: mean(traced.rowLosses), to: traced.parameters)
    let nodes = Set(found.steps.flatMap { [$0.contribution, $0.accumulated] }).sorted()
    let tensors = nodes.map { ("\($0)", Tensor(builder: traced.builder, id: $0)) }
    let numbers = try evaluate(
      try traced.graph(tensors), try subject.inputs(), indices: subject.indices())
    var several = 0
    for (operand, steps) in Dictionary(grouping: found.steps, by: \.operand) {
      let uses = traced.builder.graph.nodes.enumerated().flatMap { index, node in
        node.inputs.indices.filter { node.inputs[$0] == operand }.map { (index, $0) }
      }
      for step in steps {
        #expect(uses.contains { $0 == (step.through.index, step.slot) })
      }
      #expect(Set(steps.map { [$0.through.index, $0.slot] }).count == steps.count)
      if steps.count > 1 { several += 1 }
      var total: [Double]?
      for step in steps {
        let part = try #require(numbers["\(step.contribution)"]).elements
        total = total.map { zip($0, part).map { $0 + $1 } } ?? part
        #expect(total == numbers["\(step.accumulated)"]?.elements)
      }
    }
    // gelu, silu and softplus networks use their sums more than once.
    #expect(several > 0)
  }

  @Test("M10 one hidden value in k slots of one operation", arguments: [1, 2, 3, 10])
  func slots(_ k: Int) throws {
    let subject = try NoteSubject.of(.digits)
    let traced = try TracedSubject(subject)
    let h = traced.h[2]
    let wide = traced.builder.add(
      .movement(.concatenate(axis: 1)), [Tensor](repeating: h, count: k))
    let w = traced.builder.constant(
      array: NDArray(uniform(16 * k * 10, seed: UInt64(k)), shape: [16 * k, 10]))
    let loss = mean(softmaxCrossEntropy(logits: matmul(wide, w), labels: traced.targets))
    let found = backpropagate(from: loss, to: [h])
    let steps = found.steps.filter { $0.operand == h.id }
    #expect(steps.map(\.slot) == Array(0..<k))
    #expect(steps.allSatisfy { $0.through == wide.id })
    let total = try #require(found.gradients[0])
    #expect(steps.last?.accumulated == total.id)
    let whole = try #require(found.cotangents[wide.id])
    let graph = try traced.graph(
      [("sum", total), ("whole", whole)]
        + steps.map { ("\($0.slot)", Tensor(builder: traced.builder, id: $0.contribution)) })
    let numbers = try evaluate(graph, try subject.inputs(), indices: subject.indices())
    let gradient = try #require(numbers["whole"])
    var sums = [Double](repeating: 0, count: NoteSubject.rows * 16)
    for slot in 0..<k {
      let part = try #require(numbers["\(slot)"])
      for row in 0..<NoteSubject.rows {
        for j in 0..<16 {
          #expect(part[row, j] == gradient[row, slot * 16 + j])
          sums[row * 16 + j] += part[row, j]
        }
      }
    }
    #expect(deviation(try #require(numbers["sum"]).elements, sums) < 1e-15)
  }

  @Test(
    "M10 tied weights: k layers with one matrix, each contribution visible",
    arguments: [1, 2, 3, 10])
  func tied(_ k: Int) throws {
    let rows = NoteSubject.rows
    var inputs = [
      "x": NDArray(uniform(rows * 6, seed: 1), shape: [rows, 6]),
      "tied.weight": NDArray(uniform(36, seed: 2), shape: [6, 6]),
    ]
    for layer in 0..<k { inputs["weight \(layer)"] = inputs["tied.weight"] }
    let labels = NDArray((0..<rows).map { Int32($0 % 6) })
    /// The parameter of each layer, and the loss.
    func network(_ builder: GraphBuilder, tied: Bool) -> ([Tensor], Tensor) {
      var h = builder.input("x", shape: [rows, 6])
      let weights = (0..<k).map { layer in
        let name = tied ? "tied.weight" : "weight \(layer)"
        let w = builder.parameter(name, shape: [6, 6], shared: tied)
        h = Activation.allCases[layer % 9](matmul(h, w))
        return w
      }
      let targets = builder.constant(indices: labels)
      return (weights, mean(softmaxCrossEntropy(logits: h, labels: targets)))
    }
    let builder = GraphBuilder()
    let (weights, loss) = network(builder, tied: true)
    let found = backpropagate(from: loss, to: [weights[0]])
    let steps = found.steps.filter { $0.operand == weights[0].id }
    #expect(steps.count == k && Set(steps.map(\.through)).count == k)
    #expect(steps.allSatisfy { $0.slot == 1 && builder.graph[$0.through].op == .matmul })
    let total = try #require(found.gradients[0])
    let graph = try builder.finish(
      outputs: [Graph.Output(name: "sum", id: total.id)]
        + steps.enumerated().map { Graph.Output(name: "\($0)", id: $1.contribution) })
    let numbers = try evaluate(graph, inputs)

    let apart = try trace { builder in
      let (weights, loss) = network(builder, tied: false)
      for (layer, slope) in gradients(of: loss, with: weights).enumerated() {
        builder.output("\(layer)", slope)
      }
      return [:]
    }
    let separate = try evaluate(apart, inputs)
    var sums = [Double](repeating: 0, count: 36)
    for layer in 0..<k {
      // The last use speaks first.
      let part = try #require(numbers["\(k - 1 - layer)"]).elements
      #expect(
        deviation(part, try #require(separate["\(layer)"]).elements) < 1e-15, "layer \(layer)")
      sums = zip(sums, part).map { $0 + $1 }
    }
    #expect(deviation(try #require(numbers["sum"]).elements, sums) < 1e-14)
  }

  @Test("M10 one matrix as encoder and, transposed, as decoder of the digits")
  func tiedAutoencoder() throws {
    let subject = try NoteSubject.of(.digits)
    let traced = try TracedSubject(subject)
    let (x, w) = (traced.h[0], traced.weights[0])
    let residual = matmul(traced.h[1], w.transposed()) - x
    let loss = mean(sum(residual * residual, axes: [1]))
    let found = backpropagate(from: loss, to: [w])
    let steps = found.steps.filter { $0.operand == w.id }
    #expect(Set(steps.map { traced.builder.graph[$0.through].op.name }) == ["matmul", "transpose"])
    #expect(steps.map(\.slot).sorted() == [0, 1])
    let graph = try traced.graph([("loss", loss), ("gradient", try #require(found.gradients[0]))])
    var inputs = try subject.inputs()
    let gradient = try #require(try evaluate(graph, inputs)["gradient"])
    let weight = try #require(inputs["hidden1.weight"])
    for place in stride(from: 0, to: weight.count, by: 37) {
      let measured = try slope { step in
        var moved = weight
        moved.elements[place] += step
        inputs["hidden1.weight"] = moved
        return try #require(try evaluate(graph, inputs)["loss"]).elements
      }
      #expect(abs(gradient.elements[place] - measured[0]) < 1e-8 * max(1, abs(measured[0])))
    }
  }
}
