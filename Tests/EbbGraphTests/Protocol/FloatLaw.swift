import EbbGraph

/// Gradients in Float against Double ones, within a bound that is derived from the graph itself.
///
/// Every rounding changes an intermediate value z by some e, and to first order the result by
/// (∂result/∂z) · e. So with z's cotangent z̄, which the reverse sweep gives, the result's error is at
/// most Σ |z̄| · |e| over all nodes. The size of e is known for each operation: unit roundoff
/// u = 2⁻²⁴ times the operation's own magnitude (see `magnitude`). The factor 2 covers terms of second
/// order. A finding's error is the distance between Float and Double in units of this bound.
struct FloatLaw {
  /// Stands for roundings of numbers so small that their error is no fraction of them.
  private static let tiny = 0x1p-149
  private static let unit = 0x1p-24

  /// The platform's functions, rounded to Float: half an ulp, no more.
  static let rounded = ElementaryFunctions<Float>(
    unary: { operation in
      { Float(operation.row(ElementaryFunctions<Double>.platform).value(Double($0))) }
    },
    power: {
      Float(Binary.power.row(ElementaryFunctions<Double>.platform).value(Double($0), Double($1)))
    })

  static func float(_ functions: ElementaryFunctions<Float> = rounded) throws -> [Finding] {
    try DerivativeLaws.over(ProtocolCase.all, seeds: 1...2) { trial, draw in
      try error(trial, &draw, functions)
    }
  }

  /// |Float − Double| of Σ w · gradient, in units of the bound.
  private static func error(
    _ trial: Trial, _ draw: inout Draw, _ functions: ElementaryFunctions<Float>
  ) throws -> Double {
    // The gradients by the operands, each along a random direction, as one number.
    let builder = GraphBuilder()
    let x = trial.sample.operands.enumerated().map { slot, operand in
      builder.input("x\(slot)", shape: trial.shapes[slot], type: operand.type.type)
    }
    let y = builder.add(
      trial.sample.op, zip(x, trial.sample.operands).map { $0.expanded(to: $1.type.shape) })
    let v = builder.input("v", shape: y.shape)
    let w = trial.slots.map { builder.input("w\($0)", shape: x[$0].shape) }
    let slopes = backpropagate(from: y, to: trial.slots.map { x[$0] }, cotangent: v).gradients
    let result = zip(slopes, w).compactMap { slope, w in slope.map { sum($0 * w) } }
      .reduce(builder.constant(0.0), +)
    let count = result.id.index + 1
    let nodes = (0..<count).map { Tensor(builder: builder, id: NodeID($0)) }
    let cotangents = backpropagate(from: result, to: nodes).gradients
    var outputs = [Graph.Output(name: "result", id: result.id)]
    for (index, cotangent) in cotangents.enumerated() {
      if let cotangent { outputs.append(Graph.Output(name: "\(index)", id: cotangent.id)) }
    }
    let graph = try builder.finish(outputs: outputs)
    var inputs = trial.operands.merging(["v": draw.array(y.shape)]) { $1 }
    for slot in trial.slots { inputs["w\(slot)"] = draw.array(trial.shapes[slot]) }
    let floats = inputs.mapValues { $0.map { Float($0) } }

    let interpreter = try Interpreter<Double>(graph)
    var values = [NDArray<Double>?](repeating: nil, count: interpreter.graph.nodes.count)
    let doubles = try interpreter.run(
      floats.mapValues { $0.map { Double($0) } }, indices: trial.indices
    ) { id, value in
      if case .numbers(let array) = value { values[id.index] = array }
    }
    let single = try Interpreter<Float>(graph, functions: functions).run(
      floats, indices: trial.indices)
    guard case .numbers(let rough) = single[0] else { return .infinity }
    let exact = numbers(doubles)

    var bound = tiny
    for (output, cotangent) in zip(graph.outputs, exact).dropFirst() {
      guard let index = Int(output.name) else { return .infinity }
      let node = graph.nodes[index]
      let operands = node.inputs.map { values[$0.index] }
      guard let value = values[index] else { continue }
      let sizes = Self.magnitude(node, value, operands.compactMap { $0 }, graph)
      for (slope, size) in zip(cotangent.elements, sizes) where slope != 0 {
        bound += 2 * slope.magnitude * (unit * size + tiny)
      }
    }
    let distance = (Double(rough.scalar) - exact[0].scalar).magnitude
    return distance / bound
  }

  /// How large each element's rounding error can be, in units of 2⁻²⁴.
  private static func magnitude(
    _ node: Node, _ value: NDArray<Double>, _ x: [NDArray<Double>], _ graph: Graph
  ) -> [Double] {
    let result = value.elements.map { $0.magnitude }
    switch node.op {
    // Inputs are exact in Float; constants are rounded once.
    case .source(.constant), .source(.array): return result
    case .source, .movement, .indexing(.gatherRows), .indexing(.oneHot), .indexing(.argmax):
      return result.map { _ in 0 }
    // One rounding, two in rsqrt.
    case .unary(.rsqrt): return result.map { 2 * $0 }
    case .binary(.binaryCrossEntropy):
      // max(x, 0), x y, their difference, e^−|x| through log1p, the sum.
      return result.indices.map { 3 * (x[0].elements[$0].magnitude + 1) + result[$0] }
    case .unary, .binary, .ternary, .random: return result
    // Each lane and the tree add d times: d units of the sum of magnitudes.
    case .reduction(let reduction, let axes):
      let shape = graph[node.inputs[0]].shape
      let length = axes.map { shape[$0] }.reduce(1, *)
      let depth = Double((Swift.min(length, 4096) + 15) / 16 + 4 + length / 4096)
      switch reduction {
      case .max, .min: return result.map { _ in 0 }
      case .product: return result.map { $0 * Double(length) }
      case .sum:
        let sizes = Trial.sums(x[0].map { $0.magnitude }, axes: axes)
        return sizes.map { depth * $0 }
      }
    case .indexing(.scatterAddRows):
      // At most as many additions as rows; magnitudes of all rows together.
      let total = x[0].elements.map { $0.magnitude }.reduce(0, +)
      return result.map { _ in Double(x[0].count) * total }
    case .matmul:
      let shape = graph[node.inputs[0]].shape
      let depth = Double(Swift.min(shape[-1], 256) + shape[-1] / 256 + 1)
      return Trial.products(x[0].map { $0.magnitude }, x[1].map { $0.magnitude }).map { depth * $0 }
    case .rowwise(let rowwise):
      // e^(x − max) errs by |x − max| + 1 units, the sum of them by its depth, then a quotient or a
      // logarithm and a sum.
      let width = graph[node.inputs[0]].shape[-1]
      let depth = Double((Swift.min(width, 4096) + 15) / 16 + 4 + width / 4096)
      let spread = (x[0].elements.max() ?? 0) - (x[0].elements.min() ?? 0)
      switch rowwise {
      case .softmax: return result.map { $0 * (2 * spread + depth + 3) }
      case .logSumExp, .softmaxCrossEntropy:
        return result.map { 3 * $0 + 2 * spread + depth + 5 }
      }
    case .custom: return result.map { 2 * $0 }
    }
  }
}

extension Trial {
  /// Sums over axes and matrix products by the interpreter, of magnitudes.
  static func sums(_ x: NDArray<Double>, axes: [Int]) -> [Double] {
    (try? evaluate(["x": x]) { [sum($0[0], axes: axes)] })?[0].elements ?? []
  }

  static func products(_ a: NDArray<Double>, _ b: NDArray<Double>) -> [Double] {
    (try? evaluate(["a": a, "b": b]) { [matmul($0[0], $0[1])] })?[0].elements ?? []
  }
}
